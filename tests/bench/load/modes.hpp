// What the generator can do; each mode runs once, and leaves its figures in the crowd's report.
// Ownership: a mode borrows its crowd. Threading: one thread.
#pragma once

#include <memory>
#include <string_view>

#include "tests/bench/load/crowd.hpp"

namespace martlet::load {

// Publishers to subscribers.
std::unique_ptr<Mode> make_pubsub(Crowd& crowd);
// Connections that do nothing: what they cost to open, and to have.
std::unique_ptr<Mode> make_conns(Crowd& crowd);
// Many subscriptions, then publishes that each match one of them.
std::unique_ptr<Mode> make_subs(Crowd& crowd);
// Messages for sessions whose clients are away, then their return.
std::unique_ptr<Mode> make_offline(Crowd& crowd);
// Retained messages, then a subscription that wants them all.
std::unique_ptr<Mode> make_retained(Crowd& crowd);

// By the name on the command line.
std::unique_ptr<Mode> make_mode(std::string_view name, Crowd& crowd);

// One line on stderr.
void tell_progress(std::string_view text);

// How long a mode waits for what should take a moment.
inline constexpr double soon_s = 60;
inline constexpr double late_s = 300;
// After so long without a delivery a closed loop counts on nothing more of what it has sent.
inline constexpr std::uint64_t stalled_after_ns = 300'000'000;

}  // namespace martlet::load
