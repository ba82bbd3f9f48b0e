// SUBSCRIBE: a client asks for messages.
// Ownership: views borrow the receive buffer. Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/packet_id.hpp"
#include "protocol/qos.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

enum class RetainHandling : std::uint8_t { send = 0, send_if_new = 1, do_not_send = 2 };

// v5 subscription options; in 3.1.1 only qos is meant and the rest are the defaults.
struct SubscriptionOptions {
    QoS qos{};
    bool no_local = false;
    bool retain_as_published = false;
    RetainHandling retain_handling = RetainHandling::send;

    friend bool operator==(const SubscriptionOptions&, const SubscriptionOptions&) = default;
};

struct SubscriptionRequestView {
    std::string_view
        filter;  // UTF-8 checked only: an invalid filter is refused in its own SUBACK code
    SubscriptionOptions options;
};

// Walks the payload of a SUBSCRIBE whose shape has been checked as a whole by decode_subscribe().
class SubscriptionRequests {
public:
    SubscriptionRequests() : reader_(Bytes{}) {}
    explicit SubscriptionRequests(Bytes payload) : reader_(payload) {}
    std::optional<SubscriptionRequestView> next();

private:
    ByteReader reader_;
};

struct SubscribeView {
    PacketId packet_id = PacketId::none;
    std::uint32_t subscription_identifier = 0;  // v5; 0: absent (0 on the wire is an error)
    std::size_t count = 0;                      // requests in the payload, at least 1
    SubscriptionRequests requests;              // a fresh walk each time it is copied
};

// Errors: flags other than 2 [v3.1.1 MQTT-3.8.1-1], no request at all, reserved option bits, QoS 3,
// no_local on a shared subscription (protocol_error) [v5 MQTT-3.8.3-4].
[[nodiscard]] Result<SubscribeView> decode_subscribe(const FrameView& frame, Version version);

// Client side, for bridges, tests and tools: what to put into a SUBSCRIBE.
struct SubscribePacket {
    PacketId packet_id = PacketId::none;
    std::uint32_t subscription_identifier = 0;  // v5; 0: none
    std::span<const SubscriptionRequestView> requests;
};

std::size_t encoded_size(const SubscribePacket& packet, Version version);
void encode(const SubscribePacket& packet, Version version, ByteWriter& out);

}  // namespace martlet::protocol
