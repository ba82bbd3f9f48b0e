#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tests/bench/load/modes.hpp"

namespace martlet::load {

namespace {

constexpr std::uint64_t messages_default = 200'000;

class Retained final : public Mode {
public:
    explicit Retained(Crowd& crowd) : crowd_(crowd), options_(crowd.options()) {}
    void run() override;

    void on_puback(Client& client, bool is_refused) override {
        --client.unacked;
        ++acknowledged_;
        refused_ += is_refused ? 1 : 0;
    }
    void on_delivery(Client&, const Delivery& delivery, std::uint64_t now) override;
    bool pump() override;

private:
    void publish_all();
    void set();
    void get();
    void remove();
    bool is_acknowledged() const { return options_.qos == 0 || acknowledged_ >= sent_; }

    Crowd& crowd_;
    const Options& options_;
    Client* publisher_ = nullptr;
    Client* subscriber_ = nullptr;
    std::uint64_t messages_ = 0;
    PublishShape shape_;
    bool is_on_ = false;
    std::uint64_t sent_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t refused_ = 0;
    std::vector<bool> has_come_;  // by number
    std::uint64_t received_ = 0;  // without repetitions
    std::uint64_t repeated_ = 0;
    std::uint64_t without_flag_ = 0;
    std::uint64_t last_delivery_ns_ = 0;
};

void Retained::on_delivery(Client&, const Delivery& delivery, std::uint64_t now) {
    last_delivery_ns_ = now;
    without_flag_ += delivery.retain ? 0 : 1;
    const std::uint32_t number = delivery.stamp.number;
    if (number < has_come_.size() && !has_come_[number]) {
        has_come_[number] = true;
        ++received_;
    } else {
        ++repeated_;
    }
}

bool Retained::pump() {
    if (!is_on_ || !publisher_->can_publish()) {
        return false;
    }
    const std::uint64_t now = now_ns();
    std::uint64_t count = 0;
    while (count < options_.batch && sent_ < messages_ &&
           (options_.qos == 0 || publisher_->unacked < options_.window)) {
        PacketId id = PacketId::none;
        if (options_.qos != 0) {
            id = publisher_->next_id();
            ++publisher_->unacked;
        }
        put_publish(publisher_->channel(),
                    fmt::format("{}/r/{}/d{}", crowd_.prefix(), sent_ / 1000, sent_ % 1000), shape_,
                    id, {.sent_ns = now, .stream = 0, .number = static_cast<std::uint32_t>(sent_)},
                    options_.version());
        ++sent_;
        ++count;
    }
    if (count > 0) {
        publisher_->flush();
    }
    return count > 0;
}

void Retained::publish_all() {
    sent_ = 0;
    acknowledged_ = 0;
    is_on_ = true;
    crowd_.run_until(
        [&] {
            return !publisher_->is_ready() || (sent_ >= messages_ && is_acknowledged() &&
                                               publisher_->channel().pending() == 0);
        },
        options_.secs > 0 ? options_.secs : late_s);
    is_on_ = false;
}

void Retained::set() {
    const Mark before = crowd_.mark();
    publish_all();
    const Mark after = crowd_.mark();
    if (options_.qos == 0) {
        crowd_.run_for(1);  // nothing says when the broker has them
    }
    crowd_.report().cost("set_", before, after, options_.qos == 0 ? sent_ : acknowledged_);
    crowd_.report().count("refused", refused_);
    crowd_.report().memory("bytes_each", before, crowd_.mark(), messages_);
}

void Retained::get() {
    const std::vector<std::string> filters{crowd_.prefix() + "/r/#"};
    const auto silence = static_cast<std::uint64_t>(options_.drain * 1e9);
    last_delivery_ns_ = now_ns();
    const Mark before = crowd_.mark();
    subscriber_->subscribe(filters, QoS::at_most_once);
    crowd_.run_until(
        [&] { return received_ >= messages_ || now_ns() > last_delivery_ns_ + silence; }, late_s);
    Mark after = crowd_.mark();
    if (received_ < messages_) {
        after.time_ns = std::max(last_delivery_ns_, before.time_ns + 1);
    }
    Report& report = crowd_.report();
    report.cost("drain_", before, after, received_);
    report.count("lost", messages_ - received_);
    report.count("repeated", repeated_);
    report.count("without_retain_flag", without_flag_);
}

// An empty payload takes the retained message away.
void Retained::remove() {
    shape_.payload_size = 0;
    subscriber_->close();
    publish_all();
}

void Retained::run() {
    messages_ = options_.msgs == 0 ? messages_default : options_.msgs;
    shape_ = {
        .qos = static_cast<QoS>(options_.qos), .retain = true, .payload_size = options_.payload};
    has_come_.resize(messages_);
    publisher_ = &crowd_.add("p", 0);
    subscriber_ = &crowd_.add("s", 0);
    crowd_.open_all(crowd_.everybody(), soon_s);
    tell_progress(fmt::format("retained: {} messages", messages_));
    set();
    tell_progress("retained: a subscriber takes them all");
    get();
    if (!options_.leave) {
        remove();
    }
    crowd_.disconnect_all(crowd_.everybody());
}

}  // namespace

std::unique_ptr<Mode> make_retained(Crowd& crowd) {
    return std::make_unique<Retained>(crowd);
}

}  // namespace martlet::load
