#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "tests/bench/load/modes.hpp"

namespace martlet::load {

namespace {

constexpr std::uint64_t outstanding_default = 2000;
constexpr double measure_s = 4;

// Every topic has exactly one filter that matches it: 80 % are the topic itself, 5 % have a '+' at
// the end, 5 % one inside, 10 % end with '#'.
class Subs final : public Mode {
public:
    explicit Subs(Crowd& crowd) : crowd_(crowd), options_(crowd.options()) {}
    void run() override;

    void on_suback(Client& client, std::span<const protocol::ReasonCode> codes) override;
    void on_delivery(Client&, const Delivery&, std::uint64_t now) override {
        ++received_;
        last_delivery_ns_ = now;
    }
    bool pump() override;

private:
    std::string group(std::uint64_t number) const {
        return fmt::format("{}/{}", crowd_.prefix(), number / 1000);
    }
    std::string filter(std::uint64_t number) const;
    std::string random_topic();
    void subscribe_more(Client& client);
    void subscribe_all();
    void publish_for_a_while();

    Crowd& crowd_;
    const Options& options_;
    std::vector<Client*> subscribers_;
    Client* publisher_ = nullptr;
    std::uint64_t next_filter_ = 0;
    std::uint64_t granted_ = 0;
    std::uint64_t refused_ = 0;
    bool is_on_ = false;
    std::uint64_t random_ = 88'172'645'463'325'252;
    std::uint32_t sent_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t given_up_ = 0;
    std::uint64_t last_delivery_ns_ = 0;
};

std::string Subs::filter(std::uint64_t number) const {
    switch (number % 20) {
        case 0:
            return fmt::format("{}/u{}/+", group(number), number);
        case 1:
            return fmt::format("{}/+/u{}/v", crowd_.prefix(), number);
        case 2:
        case 3:
            return fmt::format("{}/u{}/#", group(number), number);
        default:
            return fmt::format("{}/u{}/v", group(number), number);
    }
}

std::string Subs::random_topic() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const std::uint64_t number = random_ % options_.filters;
    return fmt::format("{}/u{}/v", group(number), number);
}

// One SUBSCRIBE in flight for each client.
void Subs::subscribe_more(Client& client) {
    std::vector<std::string> filters;
    while (filters.size() < options_.per_packet && next_filter_ < options_.filters) {
        filters.push_back(filter(next_filter_++));
    }
    if (!filters.empty()) {
        client.subscribe(filters, QoS::at_most_once);
    }
}

void Subs::on_suback(Client& client, std::span<const protocol::ReasonCode> codes) {
    for (const protocol::ReasonCode code : codes) {
        ++(static_cast<unsigned>(code) >= 0x80 ? refused_ : granted_);
    }
    subscribe_more(client);
}

bool Subs::pump() {
    if (!is_on_ || !publisher_->can_publish()) {
        return false;
    }
    const std::uint64_t bound =
        options_.outstanding == 0 ? outstanding_default : options_.outstanding;
    const std::uint64_t now = now_ns();
    std::uint64_t count = 0;
    while (count < options_.batch && sent_ < received_ + given_up_ + bound) {
        put_publish(publisher_->channel(), random_topic(),
                    {.qos = QoS::at_most_once, .retain = false, .payload_size = options_.payload},
                    PacketId::none, {.sent_ns = now, .stream = 0, .number = ++sent_},
                    options_.version());
        ++count;
    }
    if (count > 0) {
        publisher_->flush();
        return true;
    }
    if (now - std::min(now, last_delivery_ns_) > stalled_after_ns) {
        given_up_ = sent_ - received_;
        last_delivery_ns_ = now;
    }
    return false;
}

void Subs::subscribe_all() {
    const Mark before = crowd_.mark();
    for (Client* const client : subscribers_) {
        subscribe_more(*client);
    }
    const bool is_done = crowd_.run_until(
        [&] { return granted_ + refused_ >= options_.filters || crowd_.clients_lost() > 0; },
        late_s);
    const Mark after = crowd_.mark();
    if (!is_done || granted_ < options_.filters) {
        throw std::runtime_error(fmt::format("{} granted {} of {} subscriptions",
                                             crowd_.target().name(), granted_, options_.filters));
    }
    crowd_.report().cost("subscribe_", before, after, granted_);
    crowd_.report().memory("bytes_each", before, after, granted_);
}

void Subs::publish_for_a_while() {
    is_on_ = true;
    last_delivery_ns_ = now_ns();
    crowd_.run_for(options_.warmup);
    const std::uint64_t received = received_;
    const Mark from = crowd_.mark();
    crowd_.run_for(options_.secs > 0 ? options_.secs : measure_s);
    const Mark to = crowd_.mark();
    crowd_.report().cost("publish_", from, to, received_ - received);
    is_on_ = false;
    last_delivery_ns_ = std::max(last_delivery_ns_, now_ns());
    const auto silence = static_cast<std::uint64_t>(options_.drain * 1e9);
    crowd_.run_until([&] { return received_ >= sent_ || now_ns() > last_delivery_ns_ + silence; },
                     soon_s);
    crowd_.report().count("lost", sent_ - std::min<std::uint64_t>(sent_, received_));
}

void Subs::run() {
    for (std::size_t number = 0; number < options_.clients; ++number) {
        subscribers_.push_back(&crowd_.add("s", number));
    }
    publisher_ = &crowd_.add("p", 0);
    crowd_.open_all(crowd_.everybody(), soon_s);
    tell_progress(fmt::format("subs: {} clients subscribe to {} filters", subscribers_.size(),
                              options_.filters));
    subscribe_all();
    tell_progress("subs: publishing");
    publish_for_a_while();
    crowd_.disconnect_all(crowd_.everybody());
}

}  // namespace

std::unique_ptr<Mode> make_subs(Crowd& crowd) {
    return std::make_unique<Subs>(crowd);
}

}  // namespace martlet::load
