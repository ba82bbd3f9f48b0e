// The broker as a process: made in order, run until told to stop, taken down in reverse. Read
// application.cpp to learn how the parts fit together.
// Threading: the main thread only; shards run on their own.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>

#include "server/admin/sys_topics.hpp"
#include "server/app/access.hpp"
#include "server/app/certificate_keeper.hpp"
#include "server/app/command_line.hpp"
#include "server/app/config.hpp"
#include "server/app/event_log.hpp"
#include "server/app/logging.hpp"
#include "server/app/memory_watch.hpp"
#include "server/app/network_log.hpp"
#include "server/app/service_manager.hpp"
#include "server/app/signals.hpp"
#include "server/app/storage.hpp"
#include "server/transport/transport.hpp"

namespace martlet::app {

class Application {
public:
    // The configuration is checked already; throws std::runtime_error if the log can not be opened.
    Application(CommandLine command_line, Config config);

    // Serves until SIGTERM or SIGINT. Returns the exit status.
    int run();

private:
    using Clock = std::chrono::steady_clock;

    Access::Setup make_access_setup();
    Storage::Setup make_storage_setup();
    transport::TransportOptions make_transport_options();
    bool start();
    bool open_storage();
    void say_hello();
    void await_signal();
    void reload();
    MemoryWatch::Ports make_memory_ports();
    void set_memory_limit();
    void tell_watchdog();
    void schedule_round();
    void run_round();

    boost::asio::io_context io_;
    Signals signals_;
    const CommandLine command_line_;
    Config config_;
    Logger logger_;
    EventLog events_;
    NetworkLog network_;
    Access access_;
    const std::uint64_t hash_seed_;
    Storage storage_;
    transport::Transport transport_;
    admin::SysTopics sys_topics_;

    const ServiceManager service_ = ServiceManager::from_environment();
    boost::asio::steady_timer watchdog_timer_;
    MemoryWatch memory_;
    CertificateKeeper certificates_;
    boost::asio::steady_timer round_timer_;
    Clock::time_point started_;
    Clock::time_point last_round_;
    std::uint64_t peak_objects_ = 0;  // since free memory was last given back
    int exit_status_ = 0;
};

}  // namespace martlet::app
