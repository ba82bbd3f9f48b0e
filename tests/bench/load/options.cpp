#include "tests/bench/load/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <variant>

namespace martlet::load {

namespace {

struct Row {
    std::string_view name;
    std::variant<std::uint64_t Options::*, double Options::*, std::string Options::*,
                 bool Options::*>
        field;
    std::string_view meaning;
};

constexpr std::array rows{
    Row{"host", &Options::host, "name or address of the broker"},
    Row{"port", &Options::port, "its port"},
    Row{"protocol", &Options::protocol, "4 (MQTT 3.1.1) or 5"},
    Row{"tls", &Options::tls, "over TLS; the certificate is not looked at without --cafile"},
    Row{"cafile", &Options::cafile, "authorities (PEM) that must vouch for the broker's name"},
    Row{"user", &Options::user, "user name, if the broker wants one"},
    Row{"password", &Options::password, "password"},
    Row{"pid", &Options::pid, "process of the broker on this machine: CPU and memory are its"},
    Row{"secs", &Options::secs,
        "how long to measure, or to wait for --msgs at most; 0: as the mode does"},
    Row{"msgs", &Options::msgs, "messages in all, instead of a time; 0: as the mode does"},
    Row{"qos", &Options::qos, "0 or 1"},
    Row{"payload", &Options::payload, "bytes of each message, 16 at least"},
    Row{"window", &Options::window, "QoS 1: unacknowledged publishes per publisher"},
    Row{"batch", &Options::batch, "publishes of one publisher in one write"},
    Row{"outstanding", &Options::outstanding, "deliveries on their way at most; 0: no bound"},
    Row{"warmup", &Options::warmup, "seconds that are not counted"},
    Row{"drain", &Options::drain, "seconds of silence until what is missing counts as lost"},
    Row{"pubs", &Options::pubs, "pubsub: publishers"},
    Row{"subs", &Options::subs, "pubsub: subscribers"},
    Row{"topics", &Options::topics, "pubsub: topics, shared out over both"},
    Row{"rate", &Options::rate, "pubsub: messages a second in all; 0: as fast as it goes"},
    Row{"subscribe-all", &Options::subscribe_all, "pubsub: every subscriber takes all topics"},
    Row{"one-at-a-time", &Options::one_at_a_time, "pubsub: the next when all have the last"},
    Row{"clients", &Options::clients, "conns, subs, offline: how many"},
    Row{"concurrency", &Options::concurrency, "connections in the making at one time"},
    Row{"hold", &Options::hold, "conns: seconds to keep them"},
    Row{"filters", &Options::filters, "subs: Topic Filters in all"},
    Row{"per-packet", &Options::per_packet, "subs: filters in one SUBSCRIBE"},
    Row{"leave", &Options::leave, "offline, retained: leave what was stored in the broker"},
};

constexpr std::array<std::string_view, 5> modes{"pubsub", "conns", "subs", "offline", "retained"};

[[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view expected) {
    throw std::invalid_argument(fmt::format("--{}: '{}', expected {}", name, value, expected));
}

template <class Number>
Number to_number(std::string_view name, std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < Number{}) {
        refuse(name, text, "a number that is not negative");
    }
    return number;
}

void set(Options& options, const Row& row, std::string_view value) {
    if (const auto* whole = std::get_if<std::uint64_t Options::*>(&row.field)) {
        options.*(*whole) = to_number<std::uint64_t>(row.name, value);
    } else if (const auto* real = std::get_if<double Options::*>(&row.field)) {
        options.*(*real) = to_number<double>(row.name, value);
    } else if (const auto* text = std::get_if<std::string Options::*>(&row.field)) {
        options.*(*text) = value;
    }
}

void check_range(std::string_view name, std::uint64_t value, std::uint64_t low,
                 std::uint64_t high) {
    if (value < low || value > high) {
        refuse(name, std::to_string(value), fmt::format("{} to {}", low, high));
    }
}

void check(const Options& options) {
    constexpr std::uint64_t many = 10'000'000;
    check_range("port", options.port, 1, 65'535);
    check_range("protocol", options.protocol, 4, 5);
    check_range("qos", options.qos, 0, 1);
    check_range("payload", options.payload, 16, std::uint64_t{16} << 20);
    check_range("window", options.window, 1, 65'535);
    check_range("batch", options.batch, 1, 100'000);
    check_range("pubs", options.pubs, 1, 100'000);
    check_range("subs", options.subs, 0, 100'000);
    check_range("topics", options.topics, 1, many);
    check_range("clients", options.clients, 1, many);
    check_range("concurrency", options.concurrency, 1, 100'000);
    check_range("per-packet", options.per_packet, 1, 1'000);
}

std::string default_text(const Row& row) {
    const Options defaults;
    return std::visit([&](auto field) { return fmt::format("{}", defaults.*field); }, row.field);
}

}  // namespace

Options parse_options(int count, const char* const* arguments) {
    Options options;
    if (count < 2 || std::ranges::find(modes, std::string_view{arguments[1]}) == modes.end()) {
        throw std::invalid_argument(fmt::format("'{}' as the mode, expected {}",
                                                count < 2 ? "" : arguments[1],
                                                fmt::join(modes, ", ")));
    }
    options.mode = arguments[1];
    for (int place = 2; place < count; ++place) {
        const std::string_view argument{arguments[place]};
        const auto row = std::ranges::find_if(rows, [&](const Row& each) {
            return argument.starts_with("--") && argument.substr(2) == each.name;
        });
        if (row == rows.end()) {
            throw std::invalid_argument(
                fmt::format("'{}', expected an option; --help lists them", argument));
        }
        if (const auto* flag = std::get_if<bool Options::*>(&row->field)) {
            options.*(*flag) = true;
        } else if (++place == count) {
            refuse(row->name, "", "a value behind it");
        } else {
            set(options, *row, arguments[place]);
        }
    }
    if (options.one_at_a_time) {
        options.batch = 1;
        options.outstanding = 1;
    }
    check(options);
    return options;
}

std::string usage() {
    std::string text = fmt::format("usage: martlet_load MODE [--OPTION VALUE]...\nMODE is {}\n",
                                   fmt::join(modes, ", "));
    for (const Row& row : rows) {
        text += fmt::format("  --{:14} {} [{}]\n", row.name, row.meaning, default_text(row));
    }
    return text;
}

}  // namespace martlet::load
