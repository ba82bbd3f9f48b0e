// The core's ports as tests need them: a store that completes when told to, access control made of
// functions, and a log that remembers.
// Ownership: values of the test that sets them up. Threading: its test's thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/access_control.hpp"
#include "server/core/log_events.hpp"
#include "server/core/store.hpp"
#include "tests/support/stored_state.hpp"

namespace martlet::tests {

// Takes batches and leaves it to the test when each becomes durable, in order of submission. What
// is pending at a crash is forgotten; what is durable is there for the next run.
class FakeStore final : public core::Store {
public:
    using Batch = std::pair<core::StoreTicket, core::StoreBatch>;

    explicit FakeStore(bool keeps) : keeps_(keeps) {}

    bool keeps_records() const override { return keeps_; }
    void submit(core::StoreTicket ticket, core::StoreBatch batch) override {
        pending.emplace_back(ticket, std::move(batch));
    }
    void load(core::LoadRequest request) override { loads.push_back(std::move(request)); }

    // The oldest batch becomes durable; there is one.
    core::StoreNews complete() {
        core::StoreNews news;
        news.durable = pending.front().first;
        for (const core::StoreRecord& record : pending.front().second.records) {
            durable->apply(record);
        }
        pending.pop_front();
        return news;
    }
    core::StoreNews complete_load() {
        core::StoreNews news;
        core::LoadedMessages& loaded = news.loaded.emplace_back();
        loaded.slot = loads.front().slot;
        loaded.session = loads.front().session;
        loaded.ids = loads.front().ids;
        for (const core::MessageId id : loaded.ids) {
            loaded.messages.push_back(find(id));
        }
        loads.pop_front();
        return news;
    }

    bool is_busy() const { return !pending.empty() || !loads.empty(); }

    std::deque<Batch> pending;
    std::deque<core::LoadRequest> loads;
    // One for all the shards of a broker, as in a real store.
    std::shared_ptr<StoredState> durable = std::make_shared<StoredState>();

private:
    core::MessageRef find(core::MessageId id) const {
        for (const Batch& batch : pending) {
            for (const core::StoreRecord& record : batch.second.records) {
                const auto* put = std::get_if<core::MessagePut>(&record);
                if (put != nullptr && put->id == id) {
                    return put->message;
                }
            }
        }
        return durable->find(id);
    }

    bool keeps_;
};

class FakeAccess final : public core::AccessControl {
public:
    using Question =
        std::function<bool(const core::Identity&, std::string_view client, std::string_view topic)>;

    // Unset: yes to everybody. A user name becomes the identity; the password must be the same.
    Question publish;
    Question subscribe;
    Question read;
    Question read_all;  // unset: nothing is known of whole filters
    std::function<bool(const core::Identity&)> stay;
    std::string credential;  // of the next to connect
    std::optional<core::Duration> valid_for;
    mutable std::size_t asked_to_read = 0;
    // Answers come through Shard::on_authenticated(): the connections that wait for one.
    bool decides_later = false;
    std::vector<core::ConnectionId> waiting;

    static core::AuthenticationResult check(const protocol::ConnectView& connect) {
        core::AuthenticationResult result;
        result.identity.user_name = connect.user_name.value_or("");
        const auto password = connect.password ? protocol::as_text(*connect.password)
                                               : std::string_view{result.identity.user_name};
        if (password != result.identity.user_name) {
            result.reason = protocol::ReasonCode::bad_user_name_or_password;
            result.what = "wrong password";
        }
        return result;
    }
    std::optional<core::AuthenticationResult> authenticate(const protocol::ConnectView& connect,
                                                           const core::ConnectionInfo&,
                                                           core::ConnectionId id) override {
        if (decides_later) {
            waiting.push_back(id);
            return std::nullopt;
        }
        core::AuthenticationResult result = check(connect);
        result.identity.credential = credential;
        result.valid_for = valid_for;
        return result;
    }
    bool may_stay(const core::Identity& identity, const core::ConnectionInfo&) const override {
        return !stay || stay(identity);
    }
    // Method "steps": the client says "next" to be asked for more, "as NAME" to be that user,
    // anything else to be refused.
    class Exchange final : public core::AuthenticationExchange {
    public:
        Exchange(FakeAccess& access, core::ConnectionId id) : access_(access), id_(id) {}
        std::optional<core::AuthenticationStep> step(std::optional<protocol::Bytes> data) override {
            const std::string_view said = data ? protocol::as_text(*data) : std::string_view{};
            core::AuthenticationStep step;
            if (said == "next" || said.empty()) {
                step.data = "more";
            } else if (said.starts_with("as ")) {
                step.reason = protocol::ReasonCode::success;
                step.identity.user_name = said.substr(3);
                step.data = "welcome";
            } else {
                step.reason = protocol::ReasonCode::not_authorized;
                step.what = "wrong answer";
            }
            if (access_.decides_later) {
                access_.decided.emplace_back(id_, step);
                return std::nullopt;
            }
            return step;
        }

    private:
        FakeAccess& access_;
        core::ConnectionId id_;
    };
    // With decides_later, what is to be told through Shard::on_authentication_step().
    std::vector<std::pair<core::ConnectionId, core::AuthenticationStep>> decided;
    std::unique_ptr<core::AuthenticationExchange> begin_exchange(std::string_view method,
                                                                 const core::ConnectionInfo&,
                                                                 core::ConnectionId id) override {
        return method == "steps" ? std::make_unique<Exchange>(*this, id) : nullptr;
    }
    bool permits_everything() const override { return !publish && !subscribe && !read; }
    bool may_publish(const core::Identity& identity, std::string_view client,
                     std::string_view topic) const override {
        return !publish || publish(identity, client, topic);
    }
    bool may_subscribe(const core::Identity& identity, std::string_view client,
                       std::string_view filter) const override {
        return !subscribe || subscribe(identity, client, filter);
    }
    bool may_read(const core::Identity& identity, std::string_view client,
                  std::string_view topic) const override {
        ++asked_to_read;
        return !read || read(identity, client, topic);
    }
    bool may_read_all(const core::Identity& identity, std::string_view client,
                      std::string_view filter) const override {
        return read_all && read_all(identity, client, filter);
    }
};

class FakeLog final : public core::LogEvents {
public:
    void on_connected(const core::ConnectedEvent&) override { ++connected; }
    void on_refused(const core::RefusedEvent& event) override { refused.emplace_back(event.what); }
    void on_disconnected(const core::DisconnectedEvent& event) override {
        disconnected.push_back(event.reason);
    }
    void on_subscription(const core::SubscriptionEvent&) override { ++subscriptions; }
    void on_drop(const core::DropEvent& event) override { drops.emplace_back(event.what); }
    void on_denied_publish(const core::DeniedPublishEvent& event) override {
        denied.emplace_back(event.topic);
    }

    std::size_t connected = 0;
    std::size_t subscriptions = 0;
    std::vector<std::string> refused;
    std::vector<core::CloseReason> disconnected;
    std::vector<std::string> drops;
    std::vector<std::string> denied;
};

}  // namespace martlet::tests
