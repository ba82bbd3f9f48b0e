#include "server/transport/transport.hpp"

#include <array>
#include <bit>
#include <latch>
#include <utility>

#include "protocol/assert.hpp"
#include "server/transport/clock.hpp"
#include "server/transport/listener.hpp"
#include "server/transport/shard_runner.hpp"

namespace martlet::transport {

namespace {

// Counters are plain structs of nothing but numbers.
template <class T>
void add(T& sum, const T& part) {
    static_assert(sizeof(T) % sizeof(std::uint64_t) == 0);
    using Numbers = std::array<std::uint64_t, sizeof(T) / sizeof(std::uint64_t)>;
    auto total = std::bit_cast<Numbers>(sum);
    const auto more = std::bit_cast<Numbers>(part);
    for (std::size_t i = 0; i < total.size(); ++i) {
        total[i] += more[i];
    }
    sum = std::bit_cast<T>(total);
}

std::shared_ptr<const WebSocketOptions> share(const std::optional<WebSocketOptions>& options) {
    return options ? std::make_shared<const WebSocketOptions>(*options) : nullptr;
}

}  // namespace

Transport::Transport(TransportOptions options) : options_(std::move(options)) {
    MARTLET_ASSERT(options_.shards != 0);
    MARTLET_ASSERT(options_.ports.size() == options_.shards);
    for (core::ShardIndex index = 0; index < options_.shards; ++index) {
        RunnerSetup setup;
        setup.index = index;
        setup.shard_count = options_.shards;
        setup.hash_seed = options_.hash_seed;
        setup.limits = options_.limits;
        setup.arrivals = options_.arrivals;
        setup.ports = options_.ports[index];
        setup.log = options_.log;
        runners_.push_back(std::make_unique<ShardRunner>(setup));
    }
    for (const auto& runner : runners_) {
        runner->set_peers(runners_);
    }
    for (std::size_t i = 0; i < options_.listeners.size(); ++i) {
        listener_admissions_.push_back(std::make_unique<Admission>(&admission_));
    }
    set_admission_limits(options_.connections_max, options_.listeners);
}

Transport::~Transport() {
    stop();
}

void Transport::set_admission_limits(std::size_t whole,
                                     const std::vector<ListenerOptions>& listeners) {
    admission_.set_limit(whole);
    for (std::size_t i = 0; i < listener_admissions_.size(); ++i) {
        listener_admissions_[i]->set_limit(listeners[i].connections_max);
    }
}

std::optional<std::string> Transport::make_contexts(const std::vector<ListenerOptions>& listeners,
                                                    Contexts& contexts) {
    std::vector<std::string> warnings;
    for (const ListenerOptions& listener : listeners) {
        contexts.emplace_back();
        if (listener.tls) {
            TlsOptions tls = *listener.tls;
            tls.listener = static_cast<std::uint16_t>(contexts.size() - 1);
            TlsContextResult made = TlsContext::make(tls);
            if (!made.context) {
                return made.error;
            }
            contexts.back() = std::move(made.context);
            warnings.insert(warnings.end(), made.warnings.begin(), made.warnings.end());
        }
    }
    warnings_ = std::move(warnings);
    return std::nullopt;
}

std::optional<std::string> Transport::open() {
    MARTLET_ASSERT(listeners_.empty());
    Contexts contexts;
    if (auto error = make_contexts(options_.listeners, contexts)) {
        return error;
    }
    std::vector<ListeningSockets> bound;
    for (const ListenerOptions& listener : options_.listeners) {
        bound.push_back(bind_listener(listener.bind));
        if (!bound.back().error.empty()) {
            return bound.back().error;
        }
    }
    for (std::size_t i = 0; i < bound.size(); ++i) {
        ports_.push_back(bound[i].port);
        socket_files_.push_back(std::move(bound[i].file));
        for (OwnedFd& socket : bound[i].sockets) {
            Listener::Setup setup;
            setup.index = static_cast<std::uint16_t>(i);
            setup.socket = std::move(socket);
            setup.admission = listener_admissions_[i].get();
            setup.tls = contexts[i];
            setup.unix_path = options_.listeners[i].bind.unix_path;
            setup.proxy = options_.listeners[i].proxy;
            setup.websocket = share(options_.listeners[i].websocket);
            listeners_.push_back(std::make_unique<Listener>(
                runners_, listeners_.size() % runners_.size(), std::move(setup)));
        }
    }
    for (const auto& runner : runners_) {
        runner->set_trust(contexts);
    }
    contexts_ = std::move(contexts);
    return std::nullopt;
}

std::vector<std::vector<CertificateTerm>> Transport::certificate_terms() const {
    std::vector<std::vector<CertificateTerm>> terms;
    for (const auto& context : contexts_) {
        terms.push_back(context ? context->terms() : std::vector<CertificateTerm>());
    }
    return terms;
}

void Transport::restore(std::vector<core::RecoveredState> states) {
    MARTLET_ASSERT(!is_running_ && states.size() == runners_.size());
    const core::Instant now = read_clock();
    for (std::size_t i = 0; i < states.size(); ++i) {
        runners_[i]->shard().restore(std::move(states[i]), now);
    }
}

void Transport::start() {
    MARTLET_ASSERT(!is_running_);
    is_running_ = true;
    for (const auto& listener : listeners_) {
        listener->runner().post([&listener = *listener](ShardRunner&) { listener.start(); });
    }
    for (const auto& runner : runners_) {
        runner->start();
    }
}

void Transport::run_on_all(const std::function<void(ShardRunner&)>& function) {
    std::latch done(static_cast<std::ptrdiff_t>(runners_.size()));
    for (const auto& runner : runners_) {
        runner->post([&](ShardRunner& here) {
            function(here);
            done.count_down();
        });
    }
    done.wait();
}

void Transport::free_idle_memory() {
    run_on_all([](ShardRunner& runner) { runner.free_idle_memory(); });
}

// Wills and the like still travel between shards while they drain, so none stops before all are
// done.
void Transport::stop() {
    if (!is_running_) {
        return;
    }
    is_running_ = false;
    run_on_all([this](ShardRunner& runner) {
        for (const auto& listener : listeners_) {
            if (&listener->runner() == &runner) {
                listener->stop();
            }
        }
    });
    socket_files_.clear();
    std::latch drained(static_cast<std::ptrdiff_t>(runners_.size()));
    for (const auto& runner : runners_) {
        runner->post([&](ShardRunner& here) { here.drain([&] { drained.count_down(); }); });
    }
    drained.wait();
    run_on_all([](ShardRunner&) {});  // what the last passes sent each other has arrived
    for (const auto& runner : runners_) {
        runner->post([](ShardRunner& here) { here.stop(); });
    }
    for (const auto& runner : runners_) {
        runner->join();
    }
}

std::optional<std::string> Transport::reload(const ReloadOptions& options) {
    MARTLET_ASSERT(options.listeners.size() == options_.listeners.size());
    Contexts contexts;
    if (auto error = make_contexts(options.listeners, contexts)) {
        return error;
    }
    set_admission_limits(options.connections_max, options.listeners);
    // First every shard knows what is trusted: whoever then comes in by the new contexts is judged
    // by them wherever it goes, and so is whoever came in by the old ones and has not arrived yet.
    run_on_all([&](ShardRunner& runner) {
        runner.set_limits(options.limits, options.arrivals);
        runner.set_trust(contexts);
    });
    run_on_all([&](ShardRunner& runner) {
        for (const auto& listener : listeners_) {
            if (&listener->runner() == &runner) {
                listener->set_tls(contexts[listener->index()]);
                listener->set_proxy(options.listeners[listener->index()].proxy);
                listener->set_websocket(share(options.listeners[listener->index()].websocket));
            }
        }
    });
    contexts_ = std::move(contexts);
    return std::nullopt;
}

void Transport::post(core::ShardIndex shard, ShardFunction function) {
    runners_[shard]->post([function = std::move(function)](ShardRunner& runner) {
        function(runner.shard(), runner.now());
    });
}

void Transport::run_on_shard(core::ShardIndex shard, const ShardFunction& function) {
    std::latch done(1);
    runners_[shard]->post([&](ShardRunner& runner) {
        function(runner.shard(), runner.now());
        done.count_down();
    });
    done.wait();
}

core::Counters Transport::counters() {
    std::vector<core::Counters> parts(runners_.size());
    run_on_all([&](ShardRunner& runner) { parts[runner.index()] = runner.shard().counters(); });
    core::Counters sum;
    for (const core::Counters& part : parts) {
        add(sum, part);
    }
    return sum;
}

TransportCounters Transport::transport_counters() {
    std::vector<TransportCounters> parts(runners_.size());
    run_on_all([&](ShardRunner& runner) { parts[runner.index()] = runner.current_counters(); });
    TransportCounters sum;
    for (const TransportCounters& part : parts) {
        add(sum, part);
    }
    return sum;
}

void Transport::publish_from_broker(core::ShardIndex shard, std::string topic, std::string payload,
                                    bool retain) {
    post(shard, [topic = std::move(topic), payload = std::move(payload), retain](
                    core::Shard& core, core::Instant now) {
        core.publish_from_broker(topic, payload, retain, now);
    });
}

}  // namespace martlet::transport
