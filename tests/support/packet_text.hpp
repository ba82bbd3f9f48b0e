// Any packet as a line of text, e.g. "PUBLISH qos=1 retain=0 topic='a/b' payload='x'": one form in
// which tests state what they expect, compare packets, and print what they got.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/byte_reader.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/packet/acks.hpp"
#include "protocol/packet/auth.hpp"
#include "protocol/packet/connack.hpp"
#include "protocol/packet/connect.hpp"
#include "protocol/packet/disconnect.hpp"
#include "protocol/packet/publish.hpp"
#include "protocol/packet/suback.hpp"
#include "protocol/packet/subscribe.hpp"
#include "protocol/packet/unsubscribe.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::testing {

enum class Sender { client, server };

struct PacketText {
    std::string text;                      // the packet's name, then its fields as key=value
    std::vector<protocol::Bytes> views;    // everything in the decoded packet that borrows
    std::vector<std::byte> encoded_again;  // what our encoder makes of the decoded packet
};

// Decodes the frame as a packet of this version and sender. A packet that this sender never sends
// is a protocol_error.
protocol::Result<PacketText> decode_to_text(const protocol::FrameView& frame,
                                            protocol::Version version, Sender sender);

// The same for a packet that a test has put together.
PacketText describe(const protocol::ConnectView& packet);
PacketText describe(const protocol::ConnackView& packet, protocol::Version version);
PacketText describe(const protocol::PublishView& packet, protocol::Version version);
PacketText describe(const protocol::AckView& packet, protocol::Version version);
PacketText describe(const protocol::SubscribeView& packet, protocol::Version version);
PacketText describe(const protocol::UnsubscribeView& packet, protocol::Version version);
PacketText describe(const protocol::SubscribePacket& packet, protocol::Version version);
PacketText describe(const protocol::UnsubscribePacket& packet, protocol::Version version);
PacketText describe(const protocol::SubackView& packet, protocol::Version version);
PacketText describe(const protocol::DisconnectView& packet);
PacketText describe(const protocol::AuthView& packet);

// Whether each of the views lies in `whole`, or is empty.
bool all_inside(const std::vector<protocol::Bytes>& views, protocol::Bytes whole);

// 'text' with every byte but printable ASCII as \xNN, a space too, so that a field is one word.
std::string quote(std::string_view text);

// The reason's identifier, e.g. "malformed_packet", for the reasons that a decoder gives.
std::string reason_name(protocol::ReasonCode reason);

}  // namespace martlet::testing
