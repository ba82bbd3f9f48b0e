// A Network Connection as the broker core sees it: protocol state, what waits to be written, and
// its part in flow control.
//
// Lifetime: from the arrival of its CONNECT (Shard::open) to Shard::on_closed. It may outlive its
// session's interest in it while the last bytes are being flushed (state closing). Threading: its
// shard's thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/version.hpp"
#include "server/core/connection_port.hpp"
#include "server/core/enhanced_authentication.hpp"
#include "server/core/ids.hpp"
#include "server/core/message.hpp"
#include "server/core/outbox.hpp"
#include "server/core/publish_rate.hpp"
#include "server/core/sent_aliases.hpp"
#include "server/core/time.hpp"
#include "server/core/timer_wheel.hpp"

namespace martlet::core {

struct Connection {
    enum class State : std::uint8_t {
        awaiting_connect,
        authenticating,  // decided elsewhere: nothing is read
        exchanging,      // v5: the client's next AUTH is awaited
        connected,
        closing,
    };

    ConnectionId id;
    State state = State::awaiting_connect;
    protocol::Version version = protocol::Version::v3_1_1;
    bool problem_information = true;    // v5: may be sent reason strings
    bool output_pending = false;        // on the shard's list of connections to flush
    bool fan_out_pending = false;       // on the list of those that take turns
    bool deferred = false;              // has packets left for the next pass
    bool lagging = false;               // did not catch up in time: QoS 0 to it is dropped
    bool congested = false;             // over its limits; `paused_publishers` wait for it
    bool drop_logged = false;           // the present run of drops has been logged
    bool denied_logged = false;         // a refused PUBLISH has been logged
    bool reading_stopped = false;       // told the transport to keep bytes aside
    bool publish_waits = false;         // a PUBLISH: until the SUBACKs before it are out
    bool connack_pending = false;       // accepted, but the CONNACK waits for storage
    bool assigned_client_id = false;    // v5: to be told in the CONNACK
    bool server_keep_alive = false;     // v5: to be told in the CONNACK
    bool server_expiry = false;         // v5: a shorter Session Expiry Interval, likewise
    bool response_information = false;  // v5: asked for, likewise
    std::uint32_t pause_count = 0;      // subscribers this publisher waits for
    std::uint16_t keep_alive_s = 0;
    std::uint16_t receive_maximum = 65'535;  // the client's: our window towards it
    std::uint16_t sent_aliases_max = 0;      // v5: Topic Aliases that may be sent to it
    // Acknowledgements that wait for storage or other shards, at most receive_maximum; and of those
    // the ones for a PUBLISH at QoS 1, at QoS 2, and for a SUBSCRIBE.
    std::uint16_t answers_pending = 0;
    std::uint16_t pubacks_pending = 0;
    std::uint16_t pubrecs_pending = 0;
    std::uint16_t subacks_pending = 0;
    std::uint32_t packet_size_max = 0;  // the client's Maximum Packet Size; 0: no limit
    SessionSlot session = no_session;

    Outbox outbox;
    Timer timer;  // keep alive while connected; how long it may lag while congested is `lag_timer`
    Timer lag_timer;
    Instant last_received{};
    std::vector<MessageOrigin> paused_publishers;
    std::unique_ptr<PublishRate> rate;  // with its first PUBLISH, if there is a limit
    // v5: Topic Names by alias, index 0 unused. Made when the first alias is set up.
    std::unique_ptr<std::vector<std::string>> topic_aliases;
    // v5: the ones sent to the client. Made with the first message, if it permits any.
    std::unique_ptr<SentAliases> sent_aliases;
    // v5: of a client whose CONNECT named an Authentication Method.
    std::unique_ptr<EnhancedAuthentication> enhanced;
    // CONNECT kept while its authentication is decided: elsewhere, or
    // by an exchange of AUTH packets.
    std::unique_ptr<std::vector<std::byte>> connect_frame;
    ConnectionInfo info;

    bool is_connected() const { return state == State::connected; }
};

}  // namespace martlet::core
