#include "tests/bench/load/measure.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>

namespace martlet::load {

namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double own_cpu() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double cpu_of(std::uint64_t pid) {
    const std::string text = read_file(fmt::format("/proc/{}/stat", pid));
    const std::size_t name_end = text.rfind(')');  // the name may hold anything
    if (pid == 0 || name_end == std::string::npos) {
        return 0;
    }
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    for (int place = 3; place < 14; ++place) {
        fields >> skipped;
    }
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double resident_bytes_of(std::uint64_t pid) {
    const std::string text = read_file(fmt::format("/proc/{}/status", pid));
    const std::size_t at = text.find("VmRSS:");
    if (pid == 0 || at == std::string::npos) {
        return 0;
    }
    return std::strtod(text.c_str() + at + 6, nullptr) * 1024;
}

}  // namespace

std::uint64_t now_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

Mark::Mark(std::uint64_t pid)
    : time_ns(now_ns()),
      broker_cpu_s(cpu_of(pid)),
      own_cpu_s(own_cpu()),
      broker_bytes(resident_bytes_of(pid)) {
}

void Histogram::add(std::uint64_t ns) {
    max_ = std::max(max_, ns);
    ++total_;
    if (ns < 64) {
        ++counts_[ns];
        return;
    }
    // The six bits behind the highest say which step of its power of two.
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 7;
    ++counts_[std::size_t{64} * (shift + 1) + ((ns >> shift) & 63)];
}

double Histogram::quantile_us(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
    std::uint64_t sum = 0;
    for (std::size_t place = 0; place < counts_.size(); ++place) {
        sum += counts_[place];
        if (sum >= wanted && sum > 0) {
            const std::uint64_t step = place % 64;
            const std::uint64_t power = place / 64;
            const std::uint64_t ns = power == 0 ? step : (64 + step) << (power - 1);
            return static_cast<double>(ns) / 1000;
        }
    }
    return 0;
}

void Report::text(std::string_view name, std::string_view value) {
    fields_ += fmt::format("{}\"{}\": \"{}\"", fields_.empty() ? "" : ", ", name, value);
}

void Report::count(std::string_view name, std::uint64_t value) {
    fields_ += fmt::format("{}\"{}\": {}", fields_.empty() ? "" : ", ", name, value);
}

void Report::figure(std::string_view name, double value) {
    fields_ += fmt::format("{}\"{}\": {:.4g}", fields_.empty() ? "" : ", ", name, value);
}

void Report::cost(std::string_view prefix, const Mark& from, const Mark& to, std::uint64_t count) {
    const double seconds = static_cast<double>(to.time_ns - from.time_ns) / 1e9;
    const double each = count == 0 ? 0 : 1e6 / static_cast<double>(count);
    const double broker = to.broker_cpu_s - from.broker_cpu_s;
    const double own = to.own_cpu_s - from.own_cpu_s;
    const auto name = [&](std::string_view end) { return fmt::format("{}{}", prefix, end); };
    this->count(name("per_s"),
                static_cast<std::uint64_t>(seconds > 0 ? static_cast<double>(count) / seconds : 0));
    figure(name("cpu_us"), broker * each);
    figure(name("cpu_s"), broker);
    figure(name("load_cpu_us"), own * each);
    figure(name("load_busy"), own / seconds);
    figure(name("secs"), seconds);
}

void Report::memory(std::string_view name, const Mark& from, const Mark& to, std::uint64_t count) {
    const double grown = to.broker_bytes - from.broker_bytes;
    figure(name, count == 0 ? 0 : grown / static_cast<double>(count));
}

void Report::latency(const Histogram& latencies) {
    figure("p50_us", latencies.quantile_us(0.5));
    figure("p99_us", latencies.quantile_us(0.99));
    figure("p999_us", latencies.quantile_us(0.999));
    figure("max_us", latencies.max_us());
}

}  // namespace martlet::load
