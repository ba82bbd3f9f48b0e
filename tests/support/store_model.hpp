// What a store should hold, and a random life for it: a broker in miniature that makes batches of
// records as a shard would, consistent with each other, and knows what must come back after them.
// Ownership: values. Threading: its caller's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/core/recovered.hpp"
#include "tests/support/random.hpp"

namespace martlet::testing {

class StoreModel {
public:
    // Ids as a shard gives them out: shard, shard + step, ... above `greatest`.
    StoreModel(Random& random, std::uint64_t greatest, std::uint64_t shard, std::uint64_t step)
        : random_(random), next_id_((greatest / step + 1) * step + shard), step_(step) {}

    // A few random things happen; what the store is to be told of them.
    std::vector<core::StoreRecord> happen();
    // As StoreHarness::dump(), sorted lines.
    std::vector<std::string> lines() const;

private:
    struct Queued {
        core::MessageId id = 0;
        std::uint32_t terms = 0;
        std::vector<std::uint32_t> identifiers;
        core::MessageRef message;
    };
    struct Inflight {
        Queued queued;
        protocol::PacketId packet_id{};
        bool is_released = false;
    };
    struct Session {
        core::RecoveredSession known;  // without queue and window
        std::map<std::string, core::RecoveredSubscription> subscriptions;
        std::vector<Queued> queue;
        std::vector<Inflight> window;
        core::MessageId taken_through = 0;
    };

    using Records = std::vector<core::StoreRecord>;

    std::uint64_t take_id();
    core::MessageRef make_message();
    Session& any_session();
    protocol::PacketId free_packet_id(const Session& session);
    void begin_session(Records& to);
    void end_session(Records& to);
    void publish(Records& to);
    void take_from_queue(Session& session, Records& to);
    void acknowledge(Session& session, Records& to);
    void record_window(const Session& session, Records& to);
    void change_subscription(Session& session, Records& to);
    void change_will(Session& session, Records& to);
    void change_incoming(Session& session, Records& to);
    void change_retained(Records& to);
    static std::string session_lines(const Session& session);

    Random& random_;
    std::uint64_t next_id_;
    std::uint64_t step_;
    std::uint64_t serial_ = 0;
    std::map<core::SessionId, Session> sessions_;
    std::map<core::RetainedId, core::MessageRef> retained_;
};

}  // namespace martlet::testing
