#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/sequence.hpp"

namespace martlet::load {

namespace {

constexpr std::uint64_t messages_default = 200'000;

// One topic for each session, one message to each topic in turn, at QoS 1.
class Offline final : public Mode {
public:
    explicit Offline(Crowd& crowd) : crowd_(crowd), options_(crowd.options()) {}
    void run() override;

    void on_ready(Client& client) override;
    void on_suback(Client&, std::span<const protocol::ReasonCode>) override { ++subscribed_; }
    void on_puback(Client& client, bool is_refused) override;
    void on_delivery(Client& client, const Delivery& delivery, std::uint64_t now) override;
    bool pump() override;

private:
    void set_up();
    void leave_sessions();
    void enqueue();
    void drain();
    void remove_sessions();

    Crowd& crowd_;
    const Options& options_;
    std::uint64_t messages_ = 0;
    std::vector<Client*> sessions_;
    Client* publisher_ = nullptr;
    std::vector<PreparedPublish> packets_;
    std::vector<Sequence> sequences_;
    bool is_subscribing_ = false;
    bool is_on_ = false;
    std::size_t subscribed_ = 0;
    std::size_t present_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t received_ = 0;  // without repetitions
    std::uint64_t repeated_ = 0;
    std::uint64_t late_ = 0;
    std::uint64_t last_delivery_ns_ = 0;
};

void Offline::on_ready(Client& client) {
    if (&client == publisher_) {
        return;
    }
    present_ += client.session_present() ? 1 : 0;
    if (is_subscribing_) {
        const std::vector<std::string> filters{
            fmt::format("{}/q{}", crowd_.prefix(), client.number)};
        client.subscribe(filters, QoS::at_least_once);
    }
}

void Offline::on_puback(Client& client, bool is_refused) {
    --client.unacked;
    ++acknowledged_;
    refused_ += is_refused ? 1 : 0;
}

void Offline::on_delivery(Client& client, const Delivery& delivery, std::uint64_t now) {
    last_delivery_ns_ = now;
    if (delivery.stamp.stream != client.number) {
        throw std::runtime_error("a message came to a session that did not subscribe to it");
    }
    switch (sequences_[client.number].note(delivery.stamp.number)) {
        case Sequence::Verdict::repeated:
            ++repeated_;
            return;
        case Sequence::Verdict::late:
            ++late_;
            break;
        case Sequence::Verdict::in_order:
            break;
    }
    ++received_;
}

bool Offline::pump() {
    if (!is_on_ || !publisher_->can_publish()) {
        return false;
    }
    const std::uint64_t now = now_ns();
    std::uint64_t count = 0;
    while (count < options_.batch && publisher_->unacked < options_.window && sent_ < messages_) {
        const auto session = static_cast<std::uint32_t>(sent_ % sessions_.size());
        const auto number = static_cast<std::uint32_t>(sent_ / sessions_.size() + 1);
        packets_[session].put(publisher_->channel(), publisher_->next_id(),
                              {.sent_ns = now, .stream = session, .number = number});
        ++publisher_->unacked;
        ++sent_;
        ++count;
    }
    if (count > 0) {
        publisher_->flush();
    }
    return count > 0;
}

void Offline::set_up() {
    messages_ = options_.msgs == 0 ? messages_default : options_.msgs;
    const PublishShape shape{
        .qos = QoS::at_least_once, .retain = false, .payload_size = options_.payload};
    for (std::size_t number = 0; number < options_.clients; ++number) {
        sessions_.push_back(&crowd_.add("o", number));
        sessions_.back()->is_clean = false;
        packets_.emplace_back(fmt::format("{}/q{}", crowd_.prefix(), number), shape,
                              options_.version());
    }
    sequences_.resize(sessions_.size());
    publisher_ = &crowd_.add("p", 0);
}

void Offline::leave_sessions() {
    is_subscribing_ = true;
    crowd_.open_all(crowd_.everybody(), soon_s);
    if (!crowd_.run_until([&] { return subscribed_ == sessions_.size(); }, soon_s)) {
        throw std::runtime_error(crowd_.target().name() + " does not answer SUBSCRIBE");
    }
    is_subscribing_ = false;
    crowd_.disconnect_all(sessions_);
    crowd_.run_for(options_.warmup);
}

void Offline::enqueue() {
    is_on_ = true;
    const Mark before = crowd_.mark();
    crowd_.run_until([&] { return acknowledged_ >= messages_ || !publisher_->is_ready(); },
                     options_.secs > 0 ? options_.secs : late_s);
    const Mark after = crowd_.mark();
    is_on_ = false;
    crowd_.report().count("acknowledged", acknowledged_);
    crowd_.report().count("refused", refused_);
    crowd_.report().cost("enqueue_", before, after, acknowledged_);
    crowd_.report().memory("bytes_each", before, after, messages_);
}

void Offline::drain() {
    present_ = 0;
    last_delivery_ns_ = now_ns();
    const auto silence = static_cast<std::uint64_t>(options_.drain * 1e9);
    const Mark before = crowd_.mark();
    crowd_.open_all(sessions_, soon_s);
    crowd_.run_until(
        [&] { return received_ >= messages_ || now_ns() > last_delivery_ns_ + silence; }, late_s);
    Mark after = crowd_.mark();
    if (received_ < messages_) {  // the silence at the end is not the broker's pace
        after.time_ns = std::max(last_delivery_ns_, before.time_ns + 1);
    }
    crowd_.run_for(options_.warmup);  // repetitions
    Report& report = crowd_.report();
    report.cost("drain_", before, after, received_);
    report.count("sessions_present", present_);
    report.count("lost", messages_ - std::min(messages_, received_));
    report.count("repeated", repeated_);
    report.count("out_of_order", late_);
}

void Offline::remove_sessions() {
    for (Client* const session : sessions_) {
        session->is_clean = true;
    }
    crowd_.open_all(sessions_, soon_s);
    crowd_.disconnect_all(sessions_);
}

void Offline::run() {
    set_up();
    leave_sessions();
    tell_progress(fmt::format("offline: {} messages for {} sessions", messages_, sessions_.size()));
    enqueue();
    tell_progress("offline: the clients come back");
    drain();
    crowd_.disconnect_all(crowd_.everybody());
    if (!options_.leave) {
        remove_sessions();
    }
}

}  // namespace

std::unique_ptr<Mode> make_offline(Crowd& crowd) {
    return std::make_unique<Offline>(crowd);
}

}  // namespace martlet::load
