#include "protocol/packet/ping.hpp"

#include "protocol/assert.hpp"

namespace martlet::protocol {

Result<void> check_pingreq(const FrameView& frame) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::pingreq);
    if (frame.flags != 0) {  // [v3.1.1 MQTT-2.2.2-2] [v5 MQTT-2.1.3-1]
        return fail(ReasonCode::malformed_packet, "reserved flags of the fixed header are wrong");
    }
    // Both versions define the second byte as 0, so here a padded length is wrong in both.
    if (!frame.body.empty() || !frame.length_is_minimal) {
        return fail(ReasonCode::malformed_packet, "PINGREQ is not empty");
    }
    return {};
}

}  // namespace martlet::protocol
