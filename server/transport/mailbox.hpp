// The way into a shard from other threads, and the only one: batches from other shards, connections
// that move here, small tasks.
//
// Senders push onto a lock-free stack; the shard takes all of it at once and turns it round, so
// mail of one sender arrives in the order it was sent. A push costs one allocation and one atomic
// operation, and wakes the shard only when it sleeps and nobody else has woken it: one wake-up a
// burst at most. Nothing is refused here; PairFlow keeps what shards send each other bounded.
// Ownership: owns what has not been taken. Threading: push() from any thread, the rest on the
// shard's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <variant>

#include "server/core/ids.hpp"
#include "server/core/shard_link.hpp"
#include "server/transport/connection.hpp"
#include "server/transport/poller.hpp"

namespace martlet::transport {

class ShardRunner;

struct BatchMail {
    core::ShardIndex from = 0;
    std::size_t weight = 0;  // what it counts for in PairFlow
    core::ShardBatch batch;
};
// A connection that has just been accepted, or whose CONNECT has found out that its home is here.
struct ConnectionMail {
    std::unique_ptr<Connection> connection;
};
// The receiver has taken so much of our mail that publishers need no longer be held for its sake.
struct RelievedMail {
    core::ShardIndex receiver = 0;
};
using Task = std::function<void(ShardRunner&)>;

using MailContent = std::variant<BatchMail, ConnectionMail, RelievedMail, Task>;

struct Mail {
    explicit Mail(MailContent what) : content(std::move(what)) {}

    MailContent content;
    std::unique_ptr<Mail> next;
};

class Mailbox {
public:
    // Wakes who sleeps there.
    explicit Mailbox(Poller& poller) : poller_(poller) {}
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox();

    void push(MailContent content);

    bool is_empty() const { return newest_.load(std::memory_order_relaxed) == nullptr; }
    // All there is, oldest first; null when there is nothing.
    std::unique_ptr<Mail> take_all();

    // To be called before waiting for events. False: mail has come, do not wait.
    bool fall_asleep();
    void awake() { asleep_.store(false, std::memory_order_relaxed); }

private:
    Poller& poller_;
    std::atomic<Mail*> newest_{nullptr};
    std::atomic<bool> asleep_{false};
};

}  // namespace martlet::transport
