// UNSUBSCRIBE: a client gives up subscriptions.
// Ownership: views borrow the receive buffer. Threading: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/packet_id.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

// Walks the filters of an UNSUBSCRIBE whose shape has been checked by decode_unsubscribe().
class FilterList {
public:
    FilterList() : reader_(Bytes{}) {}
    explicit FilterList(Bytes payload) : reader_(payload) {}
    std::optional<std::string_view> next();

private:
    ByteReader reader_;
};

struct UnsubscribeView {
    PacketId packet_id = PacketId::none;
    std::size_t count = 0;  // at least 1
    FilterList filters;
};

[[nodiscard]] Result<UnsubscribeView> decode_unsubscribe(const FrameView& frame, Version version);

// Client side, for bridges, tests and tools: what to put into an UNSUBSCRIBE.
struct UnsubscribePacket {
    PacketId packet_id = PacketId::none;
    std::span<const std::string_view> filters;
};

std::size_t encoded_size(const UnsubscribePacket& packet, Version version);
void encode(const UnsubscribePacket& packet, Version version, ByteWriter& out);

}  // namespace martlet::protocol
