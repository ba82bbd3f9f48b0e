#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/sequence.hpp"

namespace martlet::load {

namespace {

constexpr std::size_t sequences_max = 4'000'000;
// A message of that size goes out alone, so that they do not pile up here.
constexpr std::size_t large_payload = 4096;

// Stream n is what publisher n sends to topic n, both counted round and round, so that with more
// topics than publishers each topic has one publisher, and every publisher its share of topics. In
// the same way subscription n is that of subscriber n to topic n.
class PubSub final : public Mode {
public:
    explicit PubSub(Crowd& crowd);
    void run() override;

    void on_delivery(Client& client, const Delivery& delivery, std::uint64_t now) override;
    void on_puback(Client& client, bool is_refused) override;
    void on_suback(Client& client, std::span<const protocol::ReasonCode> codes) override;
    bool pump() override;

private:
    struct Stream {
        std::size_t topic;
        std::uint32_t sent = 0;
    };

    void set_up();
    void subscribe();
    void measure();
    void wait_for_the_rest();
    void report(const Mark& from, const Mark& to, std::uint64_t received, std::uint64_t sent);

    std::string topic(std::size_t number) const;
    void publish(std::size_t publisher, std::uint64_t now);
    bool may_publish() const;
    std::size_t allowance(const Client& publisher) const;
    bool pump_closed_loop();
    bool pump_by_schedule();
    void give_up_stalled();
    bool has_sent_all() const { return options_.msgs != 0 && sent_ >= options_.msgs; }
    bool has_received_all() const { return received_ - repeated_ >= expected_; }
    bool is_acknowledged() const { return qos_ == QoS::at_most_once || acknowledged_ >= sent_; }

    Crowd& crowd_;
    const Options& options_;
    QoS qos_;
    std::vector<Client*> publishers_;
    std::vector<Client*> subscribers_;
    std::vector<PreparedPublish> packets_;       // by topic
    std::vector<std::uint64_t> subscribers_of_;  // by topic
    std::vector<Stream> streams_;
    std::vector<std::size_t> next_stream_;  // by publisher
    std::vector<Sequence> sequences_;       // by subscriber and stream
    Histogram latencies_;

    bool is_on_ = false;
    bool is_measuring_ = false;
    std::uint64_t started_ns_ = 0;
    std::uint64_t last_delivery_ns_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t expected_ = 0;  // deliveries
    std::uint64_t received_ = 0;
    std::uint64_t given_up_ = 0;  // deliveries that the closed loop no longer waits for
    std::uint64_t stalls_ = 0;
    std::uint64_t late_ = 0;
    std::uint64_t repeated_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t granted_ = 0;
};

PubSub::PubSub(Crowd& crowd)
    : crowd_(crowd), options_(crowd.options()), qos_(static_cast<QoS>(options_.qos)) {
}

std::string PubSub::topic(std::size_t number) const {
    return fmt::format("{}/t{}/v", crowd_.prefix(), number);
}

void PubSub::set_up() {
    const std::size_t streams = std::max(options_.pubs, options_.topics);
    if (streams * options_.subs > sequences_max) {
        throw std::invalid_argument(
            fmt::format("--subs times --pubs or --topics: {}, expected at most {}, whose order "
                        "can be checked",
                        streams * options_.subs, sequences_max));
    }
    for (std::size_t number = 0; number < options_.subs; ++number) {
        subscribers_.push_back(&crowd_.add("s", number));
    }
    for (std::size_t number = 0; number < options_.pubs; ++number) {
        publishers_.push_back(&crowd_.add("p", number));
        next_stream_.push_back(number);
    }
    for (std::size_t number = 0; number < streams; ++number) {
        streams_.push_back({.topic = number % options_.topics});
    }
    for (std::size_t number = 0; number < options_.topics; ++number) {
        packets_.emplace_back(
            topic(number),
            PublishShape{.qos = qos_, .retain = false, .payload_size = options_.payload},
            options_.version());
    }
    subscribers_of_.assign(options_.topics, options_.subscribe_all ? options_.subs : 0);
    sequences_.resize(streams * options_.subs);
}

void PubSub::subscribe() {
    std::vector<std::vector<std::string>> filters(options_.subs);
    const std::size_t pairs = options_.subs == 0 ? 0 : std::max(options_.subs, options_.topics);
    for (std::size_t pair = 0; pair < pairs && !options_.subscribe_all; ++pair) {
        filters[pair % options_.subs].push_back(topic(pair % options_.topics));
        ++subscribers_of_[pair % options_.topics];
    }
    std::size_t wanted = 0;
    for (std::size_t number = 0; number < options_.subs; ++number) {
        if (options_.subscribe_all) {
            filters[number].push_back(crowd_.prefix() + "/#");
        }
        std::span<const std::string> rest{filters[number]};
        wanted += rest.size();
        while (!rest.empty()) {
            const std::size_t count = std::min<std::size_t>(rest.size(), options_.per_packet);
            subscribers_[number]->subscribe(rest.first(count), qos_);
            rest = rest.subspan(count);
        }
    }
    if (!crowd_.run_until([&] { return granted_ + refused_ == wanted; }, soon_s) || refused_ > 0) {
        throw std::runtime_error(fmt::format("{} granted {} of {} subscriptions",
                                             crowd_.target().name(), granted_, wanted));
    }
}

void PubSub::on_suback(Client&, std::span<const protocol::ReasonCode> codes) {
    for (const protocol::ReasonCode code : codes) {
        ++(static_cast<unsigned>(code) >= 0x80 ? refused_ : granted_);
    }
}

void PubSub::on_puback(Client& client, bool is_refused) {
    --client.unacked;
    ++acknowledged_;
    if (is_refused) {
        ++refused_;
    }
}

void PubSub::on_delivery(Client& client, const Delivery& delivery, std::uint64_t now) {
    ++received_;
    last_delivery_ns_ = now;
    const Stamp& stamp = delivery.stamp;
    if (is_measuring_) {
        latencies_.add(now > stamp.sent_ns ? now - stamp.sent_ns : 0);
    }
    if (stamp.stream >= streams_.size()) {
        throw std::runtime_error("a message that this run has not sent came under " +
                                 crowd_.prefix());
    }
    switch (sequences_[client.number * streams_.size() + stamp.stream].note(stamp.number)) {
        case Sequence::Verdict::in_order:
            return;
        case Sequence::Verdict::late:
            ++late_;
            return;
        case Sequence::Verdict::repeated:
            ++repeated_;
            return;
    }
}

void PubSub::publish(std::size_t publisher, std::uint64_t now) {
    Client& client = *publishers_[publisher];
    const std::size_t number = next_stream_[publisher];
    Stream& stream = streams_[number];
    const std::size_t next = number + publishers_.size();
    next_stream_[publisher] = next < streams_.size() ? next : publisher;
    PacketId id = PacketId::none;
    if (qos_ != QoS::at_most_once) {
        id = client.next_id();
        ++client.unacked;
    }
    packets_[stream.topic].put(
        client.channel(), id,
        {.sent_ns = now, .stream = static_cast<std::uint32_t>(number), .number = ++stream.sent});
    ++sent_;
    expected_ += subscribers_of_[stream.topic];
}

bool PubSub::pump() {
    if (!is_on_) {
        return false;
    }
    return options_.rate > 0 ? pump_by_schedule() : pump_closed_loop();
}

// Message n is due n / rate seconds after the start, whatever has become of those before it.
bool PubSub::pump_by_schedule() {
    const double ns_each = 1e9 / options_.rate;
    const auto passed = static_cast<double>(now_ns() - started_ns_);
    const auto due = static_cast<std::uint64_t>(passed / ns_each) + 1;
    if (sent_ >= due || has_sent_all()) {
        return true;
    }
    while (sent_ < due && !has_sent_all()) {
        const std::size_t publisher = sent_ % publishers_.size();
        if (!publishers_[publisher]->is_ready()) {
            throw std::runtime_error(crowd_.target().name() + " has closed a publisher");
        }
        publish(publisher,
                started_ns_ + static_cast<std::uint64_t>(static_cast<double>(sent_) * ns_each));
    }
    for (Client* const client : publishers_) {
        if (client->channel().pending() > 0 && client->can_publish()) {
            client->flush();
        }
    }
    return true;
}

bool PubSub::may_publish() const {
    const std::uint64_t waited_for = expected_ - std::min(expected_, received_ + given_up_);
    return !has_sent_all() && (options_.outstanding == 0 || waited_for < options_.outstanding);
}

std::size_t PubSub::allowance(const Client& publisher) const {
    std::size_t count = options_.payload > large_payload ? 1 : options_.batch;
    if (qos_ != QoS::at_most_once) {
        count = std::min<std::size_t>(
            count, options_.window - std::min<std::uint64_t>(options_.window, publisher.unacked));
    }
    return count;
}

bool PubSub::pump_closed_loop() {
    bool has_published = false;
    for (std::size_t number = 0; number < publishers_.size(); ++number) {
        Client& client = *publishers_[number];
        const std::size_t count = client.can_publish() ? allowance(client) : 0;
        if (count == 0 || !may_publish()) {
            continue;
        }
        const std::uint64_t now = now_ns();
        for (std::size_t place = 0; place < count && may_publish(); ++place) {
            publish(number, now);
        }
        client.flush();
        has_published = true;
    }
    if (!has_published) {
        give_up_stalled();
    }
    return has_published;
}

void PubSub::give_up_stalled() {
    if (options_.outstanding != 0 && expected_ > received_ + given_up_ &&
        now_ns() - last_delivery_ns_ > stalled_after_ns) {
        given_up_ = expected_ - received_;
        last_delivery_ns_ = now_ns();
        ++stalls_;
    }
}

void PubSub::run() {
    set_up();
    crowd_.open_all(crowd_.everybody(), soon_s);
    subscribe();
    tell_progress(fmt::format("pubsub: {} publishers, {} subscribers, {} topics",
                              publishers_.size(), subscribers_.size(), options_.topics));
    started_ns_ = last_delivery_ns_ = now_ns();
    is_on_ = true;
    if (options_.msgs == 0) {
        crowd_.run_for(options_.warmup);
    }
    measure();
    crowd_.disconnect_all(crowd_.everybody());
}

void PubSub::measure() {
    const double default_s = options_.msgs == 0 ? 5 : late_s;
    const std::uint64_t received = received_;
    const std::uint64_t sent = sent_;
    is_measuring_ = true;
    const Mark from = crowd_.mark();
    crowd_.run_until([&] { return has_sent_all() && has_received_all(); },
                     options_.secs > 0 ? options_.secs : default_s);
    const Mark to = crowd_.mark();
    is_measuring_ = false;
    is_on_ = false;
    const std::uint64_t received_measured = received_ - received;
    const std::uint64_t sent_measured = sent_ - sent;
    wait_for_the_rest();
    report(from, to, received_measured, sent_measured);
}

void PubSub::wait_for_the_rest() {
    tell_progress("pubsub: measured; waiting for what is on its way");
    last_delivery_ns_ = std::max(last_delivery_ns_, now_ns());
    const auto silence = static_cast<std::uint64_t>(options_.drain * 1e9);
    crowd_.run_until(
        [&] {
            return (has_received_all() && is_acknowledged()) ||
                   now_ns() > last_delivery_ns_ + silence;
        },
        soon_s);
}

void PubSub::report(const Mark& from, const Mark& to, std::uint64_t received, std::uint64_t sent) {
    Report& report = crowd_.report();
    const double seconds = static_cast<double>(to.time_ns - from.time_ns) / 1e9;
    report.count("sent_per_s", static_cast<std::uint64_t>(static_cast<double>(sent) / seconds));
    report.cost("", from, to, received);
    report.count("sent", sent_);
    report.count("expected", expected_);
    report.count("received", received_);
    report.count("lost", expected_ - std::min(expected_, received_ - repeated_));
    report.count("repeated", repeated_);
    report.count("out_of_order", late_);
    report.count("refused", refused_);
    report.count("unacknowledged", qos_ == QoS::at_most_once ? 0 : sent_ - acknowledged_);
    report.count("stalls", stalls_);
    report.latency(latencies_);
}

}  // namespace

std::unique_ptr<Mode> make_pubsub(Crowd& crowd) {
    return std::make_unique<PubSub>(crowd);
}

}  // namespace martlet::load
