#include "server/transport/mailbox.hpp"

#include "server/transport/connection.hpp"

namespace martlet::transport {

Mailbox::~Mailbox() {
    // One by one: a chain of owners would unwind recursively.
    std::unique_ptr<Mail> mail = take_all();
    while (mail) {
        mail = std::move(mail->next);
    }
}

void Mailbox::push(MailContent content) {
    auto mail = std::make_unique<Mail>(std::move(content));
    Mail* older = newest_.load(std::memory_order_relaxed);
    Mail* const newest = mail.release();
    do {
        // Ownership of the older ones goes over only if the exchange succeeds.
        static_cast<void>(newest->next.release());
        newest->next.reset(older);
    } while (!newest_.compare_exchange_weak(older, newest, std::memory_order_seq_cst,
                                            std::memory_order_relaxed));
    // Either this sees the shard asleep, or fall_asleep() sees the mail: both sides write first and
    // look afterwards, sequentially consistent.
    if (asleep_.load(std::memory_order_seq_cst) &&
        asleep_.exchange(false, std::memory_order_seq_cst)) {
        poller_.wake();
    }
}

std::unique_ptr<Mail> Mailbox::take_all() {
    std::unique_ptr<Mail> newest(newest_.exchange(nullptr, std::memory_order_acquire));
    std::unique_ptr<Mail> oldest;
    while (newest) {
        std::unique_ptr<Mail> older = std::move(newest->next);
        newest->next = std::move(oldest);
        oldest = std::move(newest);
        newest = std::move(older);
    }
    return oldest;
}

bool Mailbox::fall_asleep() {
    asleep_.store(true, std::memory_order_seq_cst);
    if (newest_.load(std::memory_order_seq_cst) == nullptr) {
        return true;
    }
    awake();
    return false;
}

}  // namespace martlet::transport
