// What a store holds, as plain maps: the meaning of each kind of record, written down once more and
// as simply as can be. The fake store keeps one; tests of real stores can compare with one.
// Threading: its test's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/recovered.hpp"
#include "server/core/store.hpp"

namespace martlet::tests {

class StoredState {
public:
    using Place = std::function<core::ShardIndex(std::string_view client_id_or_topic)>;

    void apply(const core::StoreRecord& record);
    // Null: not there.
    core::MessageRef find(core::MessageId id) const;
    std::size_t message_count() const { return messages_.size(); }

    // What is not complete is not there after a crash.
    void forget_incomplete() { incomplete_.clear(); }
    // By shard.
    std::vector<core::RecoveredState> recover(core::ShardIndex shards, const Place& home_of_client,
                                              const Place& home_of_topic) const;

private:
    struct StoredSession {
        core::SessionPut put;
        std::optional<core::WillPut> will;
        std::map<std::string, core::SubscriptionPut> subscriptions;
        std::set<protocol::PacketId> incoming;
        core::WindowPut window;
    };
    struct StoredMessage {
        core::MessagePut put;
        std::size_t done = 0;
    };

    void apply_one(const core::SessionPut& record);
    void apply_one(const core::SessionErased& record);
    void apply_one(const core::WillPut& record);
    void apply_one(const core::WillErased& record);
    void apply_one(const core::SubscriptionPut& record);
    void apply_one(const core::SubscriptionErased& record);
    void apply_one(const core::MessagePut& record);
    void add(const StoredMessage& message);
    void apply_one(const core::PublicationComplete& record);
    void apply_one(const core::MessageDone& record);
    void apply_one(const core::WindowPut& record);
    void apply_one(const core::IncomingQos2Put& record);
    void apply_one(const core::IncomingQos2Erased& record);
    void apply_one(const core::RetainedPut& record);
    void apply_one(const core::RetainedErased& record);
    core::RecoveredSession recover_session(const StoredSession& stored) const;

    std::map<core::SessionId, StoredSession> sessions_;
    std::map<core::MessageId, StoredMessage> messages_;
    // Forgotten at a crash.
    std::map<core::PublicationKey, std::vector<StoredMessage>> incomplete_;
    std::map<core::RetainedId, core::MessageRef> retained_;
    core::SessionId session_id_max_ = 0;
    core::MessageId message_id_max_ = 0;
    core::RetainedId retained_id_max_ = 0;
};

}  // namespace martlet::tests
