#include "server/transport/shard_runner.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>

#include "protocol/assert.hpp"
#include "server/transport/clock.hpp"
#include "server/transport/thread_memory.hpp"

namespace martlet::transport {

namespace {

// What is handled at most, and read, before the pass ends and its answers go out. One subscriber
// may be sent all that is read: its outbox must not outgrow its limits before it is flushed for the
// first time.
constexpr std::size_t events_per_pass = 256;
// Those that only put off a handshake are not counted: behind them wait others' messages.
constexpr std::size_t put_off_per_pass = 4096;
constexpr std::size_t input_per_pass = 256 * 1024;

// Bytes of a pass that had much to do: a few small messages. See give_way().
constexpr std::size_t gives_way_above = 1024;

// What all other shards together may have on their way here: what a subscriber's outbox can still
// take after its publishers have been told to pause. See PairFlow.
std::uint64_t high_water(const RunnerSetup& setup) {
    const std::uint64_t room = core::write_hard_limit(setup.limits) / 2;
    const std::uint64_t senders = setup.shard_count > 1 ? setup.shard_count - 1U : 1U;
    return std::max<std::uint64_t>(room / senders, 64 * 1024);
}

// Signals are the main thread's business; a write to a closed socket is an error value here.
void block_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

ShardRunner::ShardRunner(const RunnerSetup& setup)
    : index_(setup.index),
      shard_count_(setup.shard_count),
      hash_seed_(setup.hash_seed),
      limits_(setup.limits),
      arrival_limits_(setup.arrivals),
      log_(*setup.log),
      mailbox_(poller_),
      read_buffer_(std::make_unique<std::byte[]>(read_buffer_size)),
      write_scratch_(std::make_unique<std::byte[]>(write_scratch_size)) {
    arrival_places_.set_limit(arrival_limits_.awaiting_connect_max);
    for (core::ShardIndex sender = 0; sender < setup.shard_count; ++sender) {
        inbound_flow_.push_back(std::make_unique<PairFlow>(high_water(setup)));
    }
    core::ShardSetup shard;
    shard.index = setup.index;
    shard.shard_count = setup.shard_count;
    shard.hash_seed = setup.hash_seed;
    shard.limits = setup.limits;
    shard.start = read_clock();
    shard.connections = this;
    shard.link = this;
    shard.store = setup.ports.store;
    shard.access = setup.ports.access;
    shard.log = setup.ports.log;
    shard_ = std::make_unique<core::Shard>(shard);
}

ShardRunner::~ShardRunner() {
    join();
    clean_up();
}

void ShardRunner::set_peers(std::span<const std::unique_ptr<ShardRunner>> peers) {
    peers_.clear();
    for (const auto& peer : peers) {
        peers_.push_back(peer.get());
    }
}

void ShardRunner::start() {
    thread_ = std::thread([this] {
        block_signals();
        pthread_setname_np(pthread_self(), ("shard-" + std::to_string(index_)).c_str());
        run();
    });
}

void ShardRunner::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

core::Instant ShardRunner::now() {
    if (!clock_read_) {
        now_ = read_clock();
        clock_read_ = true;
    }
    return now_;
}

void ShardRunner::run() {
    prepare_thread_memory();
    while (!is_stopping_) {
        pass();
    }
    clean_up();
}

// The order matters: what the handlers, the mail and the timers brought is told to the core before
// end_pass(), which sends what came of it; connections are ended and freed last, when nothing of
// this pass refers to them any more.
void ShardRunner::pass() {
    take_events();
    go_on_with_queued();
    take_mail();
    expire(now());
    ring_alarms();
    if (shard_->next_deadline() <= now()) {
        shard_->advance(now());
    }
    report_drained();
    report_closed();
    shard_->end_pass(now());
    finish_closing();
    send_movers();
    free_closed();
    if (drained_ && open_.empty() && ending_.empty() && arrivals_.empty() && closed_.empty() &&
        to_report_.empty()) {
        std::exchange(drained_, nullptr)();
    }
    ++counters_.passes;
    const std::size_t brought = std::exchange(input_, 0) + std::exchange(mail_input_, 0);
    gives_way_ = shard_count_ > 1 && brought > gives_way_above;
    judge_absence(brought);
    clock_read_ = false;
}

bool ShardRunner::has_work() const {
    return shard_->has_work() || mail_ != nullptr || !queued_.empty() || !resumed_.empty() ||
           !drained_outboxes_.empty() || !to_report_.empty() || !to_finish_.empty() || is_stopping_;
}

void ShardRunner::take_events() {
    if (!poller_.has_events()) {
        await_events();
    }
    std::size_t handled = 0;
    std::size_t put_off = 0;
    while (handled < events_per_pass && put_off < put_off_per_pass && input_ < input_per_pass &&
           !shard_->is_pass_full()) {
        if (const std::optional<SocketEvent> event = poller_.next()) {
            if (event->acceptor != nullptr) {
                if (!note_arrivals(*event->acceptor)) {
                    break;
                }
                continue;
            }
            ++(event->connection->is_at_costly_handshake() ? put_off : handled);
            event->connection->on_event(*event);
        } else if (!is_worth_another_look(handled) || !poller_.fetch()) {
            break;
        }
    }
    for (Acceptor* acceptor : arrived_at_) {
        acceptor->on_arrivals();
    }
    arrived_at_.clear();
}

void ShardRunner::await_events() {
    if (!has_work() && std::exchange(gives_way_, false) && mailbox_.is_empty()) {
        give_way();
        if (poller_.fetch()) {
            return;
        }
    }
    if (!has_work() && mailbox_.fall_asleep()) {
        sleep();
        mailbox_.awake();
    } else {
        poller_.fetch();
    }
}

// A thread that sleeps is woken for the first message that comes, before whoever else is on its
// core, and to wake it costs its peers dear. So after a pass that had much to do others have their
// turn first: what they send meanwhile is taken at once, and together.
void ShardRunner::give_way() {
    const core::Instant start = read_clock();
    if (start >= gives_way_from_) {
        ::sched_yield();
        away_ = read_clock() - start;
    }
}

// Whoever kept the core for long and sent little is none of its clients or peers, and is not given
// it again soon.
void ShardRunner::judge_absence(std::size_t brought) {
    constexpr core::Duration patience = std::chrono::milliseconds(1);
    constexpr std::size_t little = 16 * 1024;
    constexpr core::Duration distrust = std::chrono::seconds(1);
    if (std::exchange(away_, core::Duration(0)) > patience && brought < little) {
        gives_way_from_ = now() + distrust;
    }
}

// Told as long as somebody waits there, but has one turn in a pass. False: it has been told in this
// one.
bool ShardRunner::note_arrivals(Acceptor& acceptor) {
    if (std::find(arrived_at_.begin(), arrived_at_.end(), &acceptor) != arrived_at_.end()) {
        return false;
    }
    arrived_at_.push_back(&acceptor);
    return true;
}

// Under load more has come while this was handled, and the more a pass takes, the fewer writes it
// ends with. One small packet alone is answered without a look at what else there is.
bool ShardRunner::is_worth_another_look(std::size_t handled) const {
    constexpr std::size_t little_input = 4096;
    return handled > 1 || input_ > little_input;
}

void ShardRunner::sleep() {
    poller_.wait(next_deadline() - read_clock());
}

core::Instant ShardRunner::next_deadline() const {
    core::Instant due = std::min(shard_->next_deadline(), arrival_deadline());
    for (const auto& alarm : alarms_) {
        due = std::min(due, alarm.first);
    }
    if (!ending_.empty()) {
        due = std::min(due, ending_.front().deadline());
    }
    return due;
}

void ShardRunner::go_on_later(Connection& connection) {
    if (!connection.is_queued()) {
        connection.set_queued(true);
        queued_.push_back(&connection);
    }
}

// Those that asked for another turn, and those that the core reads again. When thousands come back
// at once over TLS, most of them wait here, so that everybody else is served meanwhile. One of each
// kind has its turn however much the pass has done.
void ShardRunner::go_on_with_queued() {
    constexpr std::size_t handshakes_per_pass = 4;
    const std::size_t queued = queued_.size();
    std::size_t handshakes = 0;
    std::size_t others = 0;
    std::size_t left = 0;
    for (std::size_t i = 0; i < queued; ++i) {
        Connection* const connection = queued_[i];
        const bool waits = connection->is_at_costly_handshake()
                               ? ++handshakes > handshakes_per_pass
                               : ++others > 1 && shard_->is_pass_full();
        if (waits) {
            queued_[left++] = connection;
            continue;
        }
        connection->set_queued(false);
        connection->take_turn();
    }
    queued_.erase(queued_.begin() + static_cast<std::ptrdiff_t>(left),
                  queued_.begin() + static_cast<std::ptrdiff_t>(queued));
    const std::size_t waiting = resumed_.size();
    std::size_t resumed = 0;
    while (resumed < waiting && (resumed == 0 || !shard_->is_pass_full())) {
        if (Connection* connection = find(resumed_[resumed++])) {
            connection->go_on();
        }
    }
    resumed_.erase(resumed_.begin(), resumed_.begin() + static_cast<std::ptrdiff_t>(resumed));
}

void ShardRunner::run_at(core::Instant at, Task task) {
    alarms_.emplace_back(at, std::move(task));
}

void ShardRunner::ring_alarms() {
    for (std::size_t i = 0; i < alarms_.size();) {
        if (alarms_[i].first <= now()) {
            const Task task = std::move(alarms_[i].second);
            alarms_.erase(alarms_.begin() + static_cast<std::ptrdiff_t>(i));
            task(*this);
        } else {
            ++i;
        }
    }
}

void ShardRunner::free_idle_memory() {
    shard_->free_idle_memory();
    while (!by_slot_.empty() && by_slot_.back() == nullptr) {
        by_slot_.pop_back();
    }
    by_slot_.shrink_to_fit();
    queued_.shrink_to_fit();
    resumed_.shrink_to_fit();
    to_report_.shrink_to_fit();
    to_finish_.shrink_to_fit();
}

void ShardRunner::set_limits(const core::Limits& limits, const ArrivalLimits& arrivals) {
    limits_ = limits;
    arrival_limits_ = arrivals;
    arrival_places_.set_limit(arrivals.awaiting_connect_max);
    shard_->set_limits(limits);
}

TransportCounters ShardRunner::current_counters() const {
    TransportCounters counters = counters_;
    counters.awaiting_connect = arrivals_.size();
    return counters;
}

}  // namespace martlet::transport
