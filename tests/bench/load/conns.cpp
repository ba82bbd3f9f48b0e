#include <fmt/format.h>

#include "tests/bench/load/modes.hpp"

namespace martlet::load {

namespace {

// The first clients are not counted: they bring the broker what it allocates once.
constexpr std::size_t warm_up_clients = 100;

class Conns final : public Mode {
public:
    explicit Conns(Crowd& crowd) : crowd_(crowd) {}

    void run() override {
        const Options& options = crowd_.options();
        for (std::size_t number = 0; number < options.clients + warm_up_clients; ++number) {
            crowd_.add("c", number);
        }
        const auto everybody = crowd_.everybody();
        const auto clients = std::span{everybody}.subspan(warm_up_clients);
        crowd_.open_all(std::span{everybody}.first(warm_up_clients), soon_s);
        const Mark before = crowd_.mark();
        crowd_.open_all(clients, late_s);
        const Mark opened = crowd_.mark();
        tell_progress(fmt::format("conns: {} clients are in", clients.size()));
        crowd_.run_for(options.hold);
        const Mark held = crowd_.mark();
        Report& report = crowd_.report();
        report.cost("", before, opened, clients.size());
        report.memory("bytes_each", before, held, clients.size());
        report.figure("idle_cpu_s", held.broker_cpu_s - opened.broker_cpu_s);
        report.count("lost", crowd_.clients_lost());
        crowd_.disconnect_all(everybody);
    }

private:
    Crowd& crowd_;
};

}  // namespace

std::unique_ptr<Mode> make_conns(Crowd& crowd) {
    return std::make_unique<Conns>(crowd);
}

}  // namespace martlet::load
