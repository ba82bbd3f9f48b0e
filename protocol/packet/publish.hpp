// PUBLISH: an Application Message on its way, in either direction.
// Ownership: views borrow the receive buffer. Threading: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/packet_id.hpp"
#include "protocol/qos.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

struct PublishView {
    bool dup = false;
    bool retain = false;
    QoS qos{};
    PacketId packet_id = PacketId::none;
    // v5: 0 means absent (a received alias of 0 is an error) [v5 MQTT-3.3.2-8].
    std::uint16_t topic_alias = 0;
    bool has_message_expiry = false;
    bool payload_is_utf8 =
        false;  // v5 Payload Format Indicator 1 (the payload is not checked here)
    // At QoS 0 without properties: what follows the fixed header goes on as it is to who speaks the
    // same version. It begins two bytes before the topic and ends with the payload.
    bool is_plain = false;
    std::uint32_t message_expiry_interval_s = 0;
    std::string_view topic;  // a valid Topic Name; empty only with a topic alias in v5
    Bytes properties;        // v5: the whole property block without its length
    Bytes payload;
};

// Strict: QoS 3, DUP with QoS 0, wildcards in the topic, a Packet Identifier of 0, an empty topic
// without an alias, and (from a client) a Subscription Identifier are errors. Every message passes
// here: no allocation, and one pass over the topic.
[[nodiscard]] Result<PublishView> decode_publish(const FrameView& frame, Version version);

// Same for packets a server sends: Subscription Identifiers are permitted. For tests and tools.
[[nodiscard]] Result<PublishView> decode_publish_from_server(const FrameView& frame,
                                                             Version version);

// The properties that travel on unchanged to subscribers [v5 MQTT-3.3.2-4] [v5 MQTT-3.3.2-17]: the
// block without Message Expiry Interval (counted down anew for each delivery), Topic Alias (of one
// connection only), Subscription Identifier and Will Delay Interval. Those left-out properties cut
// the block into at most N+1 runs; `copy_forwarded` writes them one after the other.
std::size_t forwarded_properties_size(Bytes block);
void copy_forwarded_properties(Bytes block, ByteWriter& out);

// Whole packet, for small messages, tests and tools. `properties` is written as it is.
std::size_t encoded_size(const PublishView& packet, Version version);
void encode(const PublishView& packet, Version version, ByteWriter& out);

}  // namespace martlet::protocol
