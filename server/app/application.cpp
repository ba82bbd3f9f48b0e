#include "server/app/application.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <memory>
#include <random>
#include <stdexcept>
#include <utility>
#include <variant>

#include "server/app/config_file.hpp"
#include "server/app/config_reload.hpp"
#include "server/app/host.hpp"
#include "server/app/wiring.hpp"

namespace martlet::app {

namespace {

constexpr std::string_view version = "martlet version " MARTLET_VERSION;

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
}

std::string describe_address(const ListenerConfig& listener) {
    if (listener.is_loopback_only) {
        return "this machine only (127.0.0.1 and ::1)";
    }
    if (!listener.unix_path.empty()) {
        return "this machine only";
    }
    return listener.bind_address.empty() ? "every address" : listener.bind_address;
}

// As mosquitto puts it.
std::string_view describe_socket(const ListenerConfig& listener) {
    if (listener.is_websocket) {
        return "websockets";
    }
    if (!listener.unix_path.empty()) {
        return "unix";
    }
    return listener.tls ? "TLS" : "plain";
}

// In the order in which they are asked for.
std::string describe_admission(const ListenerConfig& listener, const std::string& scram_file) {
    if (listener.tls && listener.tls->names_user() && listener.tls->require_certificate) {
        return "clients with a certificate";
    }
    std::string who;
    const auto add = [&who](std::string text) {
        who += who.empty() ? std::move(text) : ", " + text;
    };
    if (!listener.jwt_key_file.empty()) {
        add(fmt::format("holders of a token ({})", listener.jwt_algorithm));
    }
    if (!listener.password_file.empty()) {
        add(fmt::format("users in {}", listener.password_file));
    }
    if (!scram_file.empty()) {
        add(fmt::format("users in {} (SCRAM-SHA-256, MQTT 5)", scram_file));
    }
    if (listener.allow_anonymous) {
        add(who.empty() ? "anybody who can reach it" : "anybody without a user name");
    }
    return who.empty() ? "nobody (allow_anonymous is false)" : who;
}

}  // namespace

Application::Application(CommandLine command_line, Config config)
    : signals_(io_, {SIGTERM, SIGINT, SIGHUP}),
      command_line_(std::move(command_line)),
      config_(std::move(config)),
      logger_(config_.log),
      events_(logger_, config_.log.connection_messages),
      network_(logger_, config_.listeners),
      access_(make_access_setup(), logger_),
      hash_seed_(random_seed()),
      storage_(config_.persistence, make_storage_setup()),
      transport_(make_transport_options()),
      sys_topics_(std::string(version)),
      watchdog_timer_(io_),
      memory_(io_, make_memory_ports()),
      certificates_(io_, logger_, transport_),
      round_timer_(io_),
      started_(Clock::now()),
      last_round_(started_) {
}

// Nobody logs in before the transport runs; everything here exists by then.
Access::Setup Application::make_access_setup() {
    Access::Setup setup;
    setup.shards = make_shard_count(config_);
    setup.workers = config_.password_workers;
    setup.post = [this](core::ShardIndex shard, transport::Transport::ShardFunction function) {
        transport_.post(shard, std::move(function));
    };
    return setup;
}

// The store speaks only once it is open; everything here exists by then.
Storage::Setup Application::make_storage_setup() {
    Storage::Setup setup;
    setup.shards = make_shard_count(config_);
    setup.hash_seed = hash_seed_;
    setup.deliver = [this](core::ShardIndex shard, core::StoreNews news) {
        // Shared, since a task is copied; it is taken out once.
        auto parcel = std::make_shared<core::StoreNews>(std::move(news));
        transport_.post(shard, [parcel](core::Shard& core, core::Instant now) {
            core.on_store(std::move(*parcel), now);
        });
    };
    setup.on_warning = [this](const std::string& line) {
        logger_.log(LogLevel::warning, "{}", line);
    };
    // Nothing more will be acknowledged: better to end than to look alive.
    setup.on_fatal = [this](const std::string& line) {
        logger_.log(LogLevel::error, "{}", line);
        boost::asio::post(io_, [this] {
            exit_status_ = 1;
            io_.stop();
        });
    };
    return setup;
}

transport::TransportOptions Application::make_transport_options() {
    transport::TransportOptions options;
    options.shards = make_shard_count(config_);
    options.hash_seed = hash_seed_;
    options.limits = make_limits(config_);
    options.arrivals = make_arrival_limits(config_);
    options.connections_max = make_connections_max(config_);
    options.listeners = make_listener_options(config_, config_.listeners);
    for (core::ShardIndex shard = 0; shard < options.shards; ++shard) {
        options.ports.push_back({&storage_.port(shard), &access_.port(shard), &events_});
    }
    options.log = &network_;
    return options;
}

int Application::run() {
    // Writing to a peer that is gone is an error value, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    if (!start()) {
        return 1;
    }
    await_signal();
    if (config_.sys_interval.count() != 0) {
        run_round();
    }
    set_memory_limit();
    memory_.start();
    tell_watchdog();
    service_.say_ready("serving");
    io_.run();
    service_.say_stopping();
    transport_.stop();
    access_.stop();
    storage_.close();
    logger_.log(LogLevel::information, "{} terminated", version);
    return exit_status_;
}

bool Application::start() {
    const auto fail = [this](std::string_view what) {
        logger_.log(LogLevel::error, "{}", what);
        return false;
    };
    logger_.log(LogLevel::information, "{} starting", version);
    if (!config_.source.empty()) {
        logger_.log(LogLevel::information, "Config loaded from {}.", config_.source);
    }
    if (const auto mistakes = access_.prepare(config_); !mistakes.empty()) {
        return fail(mistakes.front());
    }
    access_.begin();
    const std::size_t descriptors = raise_descriptor_limit();
    certificates_.watch(config_);
    if (const auto error = transport_.open()) {
        return fail(*error);
    }
    certificates_.take_over(config_);
    if (!config_.pid_file.empty()) {
        if (const std::string error = write_pid_file(config_.pid_file); !error.empty()) {
            return fail(error);
        }
    }
    if (const std::string error = become_user(config_.user); !error.empty()) {
        return fail(error);
    }
    if (!open_storage()) {
        return false;
    }
    say_hello();
    transport_.start();
    logger_.log(LogLevel::information, "{} running ({} threads, up to {} connections)", version,
                transport_.shard_count(), descriptors);
    return true;
}

bool Application::open_storage() {
    if (!storage_.is_durable()) {
        return true;
    }
    try {
        std::vector<core::RecoveredState> states = storage_.open();
        std::size_t sessions = 0;
        std::size_t queued = 0;
        std::size_t retained = 0;
        for (const core::RecoveredState& state : states) {
            sessions += state.sessions.size();
            retained += state.retained.size();
            for (const core::RecoveredSession& session : state.sessions) {
                queued += session.queue.size() + session.window.size();
            }
        }
        transport_.restore(std::move(states));
        logger_.log(LogLevel::information,
                    "Store {}: {} sessions, {} queued and {} retained messages.",
                    storage_.directory(), sessions, queued, retained);
        return true;
    } catch (const std::runtime_error& error) {
        logger_.log(LogLevel::error, "{}", error.what());
        return false;
    }
}

// Who may connect, what is kept where, and what to type next.
void Application::say_hello() {
    if (config_.source.empty()) {
        logger_.log(LogLevel::information,
                    "Starting in local only mode. Connections will only be possible from clients "
                    "running on this machine.");
        logger_.log(LogLevel::information,
                    "Create a configuration file with a `listener` to allow remote access, and "
                    "start with `martlet -c FILE`.");
    }
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
        const ListenerConfig& listener = config_.listeners[i];
        const bool is_unix = !listener.unix_path.empty();
        const std::string place =
            is_unix ? listener.unix_path : fmt::format("{}", transport_.port(i));
        logger_.log(LogLevel::information, "Opening {} listen socket on {} {}.",
                    describe_socket(listener), is_unix ? "path" : "port", place);
        logger_.log(LogLevel::information, "{} {}: reached from {}; may connect: {}.",
                    is_unix ? "Path" : "Port", place, describe_address(listener),
                    describe_admission(listener, config_.scram_file));
    }
    if (!storage_.is_durable()) {
        logger_.log(LogLevel::information,
                    "Sessions, queued and retained messages are kept in memory and end with the "
                    "broker.");
    }
    if (config_.source.empty()) {
        const std::uint16_t port = transport_.port(0);
        const std::string option = port == 1883 ? "" : fmt::format("-p {} ", port);
        logger_.log(LogLevel::information,
                    "Try: mosquitto_sub {}-t 'a/#' -v   and, in another shell: mosquitto_pub {}-t "
                    "a/b -m hi",
                    option, option);
    }
}

void Application::await_signal() {
    signals_.async_wait([this](int signal) {
        if (signal == SIGHUP) {
            service_.say_reloading();
            reload();
            service_.say_ready("serving");
            await_signal();
            return;
        }
        logger_.log(LogLevel::information, "{} terminating", version);
        io_.stop();
    });
}

// Everything is read and checked before anything changes; with a mistake the old configuration goes
// on.
void Application::reload() {
    logger_.log(LogLevel::information, "Reloading config.");
    ConfigResult result = load_config(command_line_.config_file, command_line_.overrides);
    for (const std::string& error : result.errors) {
        logger_.log(LogLevel::error, "{}", error);
    }
    if (!result.is_ok()) {
        logger_.log(LogLevel::error, "The configuration was not reloaded; the old one goes on.");
        return;
    }
    Config& wanted = result.config;
    for (const std::string& key : keys_needing_restart(config_, wanted)) {
        logger_.log(LogLevel::warning, "{} has changed; that takes a restart to be obeyed.", key);
    }
    // What can not change now stays as it is, so that the next reload compares with what runs.
    wanted.listeners = reloaded_listeners(config_, wanted);
    wanted.threads = config_.threads;
    wanted.password_workers = config_.password_workers;
    if (const auto mistakes = access_.prepare(wanted); !mistakes.empty()) {
        logger_.log(LogLevel::error, "{}; the old configuration goes on.", mistakes.front());
        return;
    }
    certificates_.watch(wanted);
    if (const auto error = transport_.reload(make_reload_options(wanted))) {
        logger_.log(LogLevel::error, "{}; the old configuration goes on.", *error);
        certificates_.watch(config_);
        return;
    }
    if (const auto error = logger_.reconfigure(wanted.log)) {
        logger_.log(LogLevel::error, "{}", *error);
    }
    access_.replace(transport_);
    events_.set_connection_messages(wanted.log.connection_messages);
    config_ = std::move(wanted);
    certificates_.take_over(config_);
    set_memory_limit();
    logger_.log(LogLevel::information, "Config reloaded.");
}

MemoryWatch::Ports Application::make_memory_ports() {
    const auto give_back = [this] {
        transport_.free_idle_memory();
        return_free_memory();
    };
    const auto on_change = [this](bool is_tight, std::size_t used) {
        for (core::ShardIndex shard = 0; shard < transport_.shard_count(); ++shard) {
            transport_.run_on_shard(shard, [is_tight](core::Shard& core, core::Instant) {
                core.set_memory_tight(is_tight);
            });
        }
        // Now it is true.
        const std::string use = fmt::format("{} MiB are in use and memory_limit is {} MiB",
                                            used >> 20U, memory_.limit() >> 20U);
        if (is_tight) {
            logger_.log(LogLevel::warning,
                        "Memory is tight: {}. New sessions, subscriptions and retained topics are "
                        "refused, and nothing more is queued for clients that are away.",
                        use);
        } else {
            logger_.log(LogLevel::notice, "Memory is not tight any more: {}.", use);
        }
    };
    return {resident_bytes, give_back, on_change};
}

void Application::set_memory_limit() {
    memory_.set_limit(config_.limits.memory_bytes_max.value_or(default_memory_limit()));
}

// Only a broker whose shards all answer is alive.
void Application::tell_watchdog() {
    if (!service_.watchdog()) {
        return;
    }
    transport_.counters();
    service_.say_alive();
    watchdog_timer_.expires_after(*service_.watchdog() / 2);
    watchdog_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            tell_watchdog();
        }
    });
}

void Application::schedule_round() {
    round_timer_.expires_after(config_.sys_interval);
    round_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            run_round();
        }
    });
}

// $SYS, and memory back to the system once much of what was there is gone.
void Application::run_round() {
    const core::Counters totals = transport_.counters();
    const Clock::time_point now = Clock::now();
    admin::SysFacts facts;
    facts.uptime = std::chrono::duration_cast<std::chrono::seconds>(now - started_);
    facts.heap_bytes = resident_bytes();
    facts.heap_limit_bytes = memory_.limit();
    facts.sockets_opened = transport_.transport_counters().accepted;
    certificates_.describe(facts);
    const security::AccessCounters access = access_.counters();
    facts.failed_logins = access.failed_logins;
    facts.logins_refused_busy = access.refused_busy;
    facts.logins_refused_banned = access.refused_banned;
    facts.addresses_banned = access.bans;
    for (admin::SysTopic& topic :
         sys_topics_.round(totals, facts, now - std::exchange(last_round_, now))) {
        transport_.publish_from_broker(0, std::move(topic.topic), std::move(topic.value), true);
    }
    const std::uint64_t objects =
        totals.connections + totals.sessions + totals.queued_messages + totals.retained_messages;
    peak_objects_ = std::max(peak_objects_, objects);
    constexpr std::uint64_t worth_trimming = 1000;
    if (peak_objects_ > worth_trimming && objects < peak_objects_ / 2) {
        transport_.free_idle_memory();
        return_free_memory();
        peak_objects_ = objects;
    }
    schedule_round();
}

}  // namespace martlet::app
