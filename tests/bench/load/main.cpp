// martlet_load: makes load for an MQTT broker, any broker, and prints what came of it as one JSON
// object. `martlet_load --help` lists the options; measure.hpp says what the figures mean.
// Threading: one thread.
#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string_view>

#include "tests/bench/load/modes.hpp"

namespace martlet::load {

void tell_progress(std::string_view text) {
    fmt::print(stderr, "{}\n", text);
}

std::unique_ptr<Mode> make_mode(std::string_view name, Crowd& crowd) {
    if (name == "pubsub") {
        return make_pubsub(crowd);
    }
    if (name == "conns") {
        return make_conns(crowd);
    }
    if (name == "subs") {
        return make_subs(crowd);
    }
    return name == "offline" ? make_offline(crowd) : make_retained(crowd);
}

namespace {

void permit_many_sockets() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

void run(const Options& options) {
    Crowd crowd{options};
    crowd.report().text("mode", options.mode);
    const auto mode = make_mode(options.mode, crowd);
    crowd.listen(*mode);
    mode->run();
    crowd.report().count("clients_lost", crowd.clients_lost());
    fmt::print("{}\n", crowd.report().json());
}

}  // namespace

}  // namespace martlet::load

int main(int count, char** arguments) {
    if (count == 2 && std::string_view{arguments[1]} == "--help") {
        fmt::print("{}", martlet::load::usage());
        return 0;
    }
    std::signal(SIGPIPE, SIG_IGN);
    martlet::load::permit_many_sockets();
    try {
        martlet::load::run(martlet::load::parse_options(count, arguments));
    } catch (const std::invalid_argument& error) {
        fmt::print(stderr, "martlet_load: {}\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "martlet_load: {}\n", error.what());
        return 1;
    }
}
