// Clocks, counters of processes, and how figures come from them.
// Threading: one thread.
//
// What is measured, and what it is worth:
//
// - `cpu_us`: CPU time of the broker's process, all its threads, user and system, from
//   /proc/PID/stat between two moments, divided by what was delivered (stored, opened, ...) in
//   between. The kernel counts it in steps of 10 ms, so a row should cost the broker two seconds or
//   more. What the kernel does for the broker outside of its process is not in it.
// - `load_busy`: this program's CPU time by the wall clock's. Near 1 it was the generator that set
//   the pace, and `per_s` is not what the broker can do; `cpu_us` holds all the same.
// - Latency: from the moment a message is handed to the socket until all of its bytes have been
//   read here. At a fixed --rate it counts from the moment the message was due by the schedule,
//   whether or not anything was in its way: a pause of the broker, or of this program, is in the
//   latency of all messages that it delayed. The time a delivery is read is taken once for all that
//   one read brings, and one thread does both ends, so the least it can show is some 10 us.
// - Memory: resident set of the broker's process (VmRSS) before and after, divided alike. What an
//   allocator keeps for later is in it; so a broker that has had as much to keep before shows
//   nothing, and one should ask a broker that has just been started.
// - Lost: expected by the subscriptions and not come when nothing has come for --drain seconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace martlet::load {

// Of a clock that never jumps.
std::uint64_t now_ns();

// One look at all that is measured. `pid` 0 is nobody, whose figures are 0.
struct Mark {
    explicit Mark(std::uint64_t pid);

    std::uint64_t time_ns;
    double broker_cpu_s;
    double own_cpu_s;
    double broker_bytes;
};

// Latencies, each kept to within 1.6 %: 64 steps for every power of two.
class Histogram {
public:
    void add(std::uint64_t ns);
    double quantile_us(double share) const;
    double max_us() const { return static_cast<double>(max_) / 1000; }

private:
    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(std::size_t{64} * 64);
    std::uint64_t total_ = 0;
    std::uint64_t max_ = 0;
};

// The JSON object that is printed at the end.
class Report {
public:
    void text(std::string_view name, std::string_view value);
    void count(std::string_view name, std::uint64_t value);
    void figure(std::string_view name, double value);
    // Pace and cost of `count` things done between two marks.
    void cost(std::string_view prefix, const Mark& from, const Mark& to, std::uint64_t count);
    void memory(std::string_view name, const Mark& from, const Mark& to, std::uint64_t count);
    void latency(const Histogram& latencies);
    std::string json() const { return "{" + fields_ + "}"; }

private:
    std::string fields_;
};

}  // namespace martlet::load
