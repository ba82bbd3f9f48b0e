// One message on its way to one session: what is queued, and what is in flight.
// Threading: its shard's thread only.
#pragma once

#include <cstdint>

#include "protocol/packet_id.hpp"
#include "protocol/qos.hpp"
#include "server/core/message.hpp"
#include "server/core/store.hpp"

namespace martlet::core {

// How a message goes to one subscriber, in 32 bits: QoS (2), RETAIN flag (1), "has extras" (1) and
// 28 bits that hold either the one Subscription Identifier (0: none) or, with extras, the key of an
// entry in the session's DeliveryExtras.
class DeliveryTerms {
public:
    DeliveryTerms() = default;
    static DeliveryTerms make(protocol::QoS qos, bool retain, std::uint32_t identifier) {
        return DeliveryTerms(protocol::to_wire(qos) | (retain ? retain_bit : 0U) |
                             identifier << value_shift);
    }
    static DeliveryTerms with_extras(protocol::QoS qos, bool retain, std::uint32_t key) {
        return DeliveryTerms(protocol::to_wire(qos) | (retain ? retain_bit : 0U) | extras_bit |
                             key << value_shift);
    }

    protocol::QoS qos() const { return static_cast<protocol::QoS>(bits_ & 3U); }
    bool retain() const { return (bits_ & retain_bit) != 0; }
    bool has_extras() const { return (bits_ & extras_bit) != 0; }
    std::uint32_t value() const { return bits_ >> value_shift; }
    // At QoS 0, with nothing but perhaps the RETAIN flag.
    bool is_plain() const { return (bits_ & ~retain_bit) == 0; }
    std::uint32_t bits() const { return bits_; }
    // From the store or another shard.
    static DeliveryTerms from_bits(std::uint32_t bits) { return DeliveryTerms(bits); }

private:
    static constexpr std::uint32_t retain_bit = 4;
    static constexpr std::uint32_t extras_bit = 8;
    static constexpr unsigned value_shift = 4;

    explicit DeliveryTerms(std::uint32_t bits) : bits_(bits) {}
    std::uint32_t bits_ = 0;
};

// Waits in a session's queue. A stored message need not be in memory while it waits.
struct Delivery {
    MessageRef message;    // null: in the store only, or lost if it has no id either
    MessageId stored = 0;  // its row in the store; 0: it has none
    DeliveryTerms terms;
    std::uint32_t size = 0;  // Message::memory_size()
};

static_assert(sizeof(Delivery) == 24);

// In flight: sent (or to be sent again) and not finished. The message is let go once PUBREC has
// come.
struct InflightOut {
    enum class State : std::uint8_t { awaiting_puback, awaiting_pubrec, awaiting_pubcomp, done };

    MessageRef message;    // null: released, or in the store only
    MessageId stored = 0;  // its row in the store; 0: it has none
    DeliveryTerms terms;
    protocol::PacketId packet_id{};
    State state : 3 = State::done;
    bool sent : 1 = false;       // on the present connection
    bool sent_once : 1 = false;  // on any: sent again it is a duplicate
    // Not to be sent before the store has what it needs to go on after a crash; then sent and
    // counted like the others.
    bool is_held : 1 = false;
};

static_assert(sizeof(InflightOut) == 24);

}  // namespace martlet::core
