// What the parsers of the keys have in common: they read a value and put it where it belongs in the
// draft, or say what is wrong with it. For config_keys*.cpp alone.
// Threading: pure functions.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "protocol/utf8.hpp"
#include "server/app/config_keys.hpp"
#include "server/app/config_paths.hpp"
#include "server/app/config_values.hpp"

namespace martlet::app {

inline constexpr std::uint64_t packet_size_protocol_max =
    268'435'460;  // what a Remaining Length can say
inline constexpr std::uint64_t count_max = 1'000'000'000;
inline constexpr std::uint64_t bytes_max = 1ULL << 50U;

// Where a member of each part of the configuration is in the draft. Listener keys write to the
// listener above them.
template <class T>
T& field(ConfigDraft& draft, T Config::*member) {
    return draft.config.*member;
}
template <class T>
T& field(ConfigDraft& draft, T LimitsConfig::*member) {
    return draft.config.limits.*member;
}
template <class T>
T& field(ConfigDraft& draft, T LogConfig::*member) {
    return draft.config.log.*member;
}
template <class T>
T& field(ConfigDraft& draft, T PersistenceConfig::*member) {
    return draft.config.persistence.*member;
}
template <class T>
T& field(ConfigDraft& draft, T ListenerConfig::*member) {
    return draft.current->listener.*member;
}
template <class T>
T& field(ConfigDraft& draft, T TlsConfig::*member) {
    return draft.current->tls.*member;
}
template <class T>
T& field(ConfigDraft& draft, T AccessDraft::*member) {
    return draft.current_access().*member;
}

// Hands a value that was read to `store`, or its problem back.
template <class T, class Store>
inline KeyProblem store_or_tell(ValueResult<T> result, Store store) {
    if (auto* failed = std::get_if<ValueProblem>(&result)) {
        return std::move(failed->text);
    }
    store(std::get<T>(result));
    return std::nullopt;
}

template <auto Member>
KeyProblem set_flag(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_flag(value), [&](bool flag) { field(draft, Member) = flag; });
}

template <auto Member>
KeyProblem set_text(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_text(value),
                         [&](std::string& text) { field(draft, Member) = std::move(text); });
}

template <auto Member>
KeyProblem set_path(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_path(value),
                         [&](std::string& path) { field(draft, Member) = std::move(path); });
}

template <auto Member, std::uint64_t Min, std::uint64_t Max>
KeyProblem set_number(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_number(value, {.min = Min, .max = Max}), [&](std::uint64_t number) {
        auto& target = field(draft, Member);
        target = static_cast<std::remove_reference_t<decltype(target)>>(number);
    });
}

template <auto Member, std::uint64_t Min, std::uint64_t Max>
KeyProblem set_size(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_size(value, {.min = Min, .max = Max}), [&](std::uint64_t bytes) {
        auto& target = field(draft, Member);
        using Target = std::remove_reference_t<decltype(target)>;
        if constexpr (std::same_as<Target, std::optional<std::size_t>>) {
            target = bytes;
        } else {
            target = static_cast<Target>(bytes);
        }
    });
}

// In the unit of the member.
template <auto Member, std::uint64_t Min, std::uint64_t Max>
KeyProblem set_duration(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_number(value, {.min = Min, .max = Max}), [&](std::uint64_t number) {
        auto& target = field(draft, Member);
        target = std::remove_reference_t<decltype(target)>{number};
    });
}

struct WordChoice {
    std::string_view word;
    int value;
};

// Reads one of a few words and hands its value to `store`.
template <class Store>
inline KeyProblem choose_word(std::string_view value, std::span<const WordChoice> choices,
                              Store store) {
    std::string expected;
    for (const WordChoice& choice : choices) {
        expected += fmt::format("{}{}", expected.empty() ? "" : " or ", choice.word);
    }
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return failed->text;
    }
    for (const WordChoice& choice : choices) {
        if (choice.word == std::get<std::string_view>(read)) {
            store(choice.value);
            return std::nullopt;
        }
    }
    return fmt::format("{} is not known, expected {}", in_quotes(std::get<std::string_view>(read)),
                       expected);
}

inline bool is_word(std::string_view value, std::string_view word) {
    return value.substr(0, value.find_first_of(" \t")) == word;
}
// -1 for no limit, as mosquitto writes it; `store` gets none for that.
template <class Store>
KeyProblem set_connections(std::string_view value, Store store) {
    if (is_word(value, "-1")) {
        store(std::optional<std::size_t>{});
        return std::nullopt;
    }
    auto problem = store_or_tell(read_number(value, {.min = 0, .max = count_max}),
                                 [&](std::uint64_t n) { store(std::optional<std::size_t>{n}); });
    return problem ? *problem + ", or -1 for no limit" : problem;
}
// Text for a property of a packet, which has to leave room for others.
template <auto Member>
KeyProblem set_property_text(ConfigDraft& draft, std::string_view value) {
    constexpr std::size_t length_max = 1024;
    if (value.size() > length_max) {
        return fmt::format("{} bytes, expected {} at most", value.size(), length_max);
    }
    if (!protocol::is_valid_utf8(value)) {
        return fmt::format("{} is not UTF-8, expected text", in_quotes(value));
    }
    return set_text<Member>(draft, value);
}

}  // namespace martlet::app
