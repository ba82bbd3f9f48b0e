#include "server/security/acl_file.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "protocol/topic.hpp"
#include "protocol/utf8.hpp"

namespace martlet::security {

namespace {

// Takes the first word and the blanks behind it off the line. Words end at blanks alone, as in
// mosquitto; a tab is none.
std::string_view take_word(std::string_view& rest) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return word;
}

std::optional<Rights> read_rights(std::string_view word) {
    if (word == "read") {
        return right_read;
    }
    if (word == "write") {
        return right_write;
    }
    if (word == "readwrite") {
        return Rights{right_read | right_write};
    }
    if (word == "deny") {
        return right_denied;
    }
    return std::nullopt;
}

class AclReader {
public:
    // What is wrong with the line, if anything.
    std::string read_line(std::string_view line) {
        std::string_view rest = line;
        const std::string_view word = take_word(rest);
        if (word == "topic") {
            return read_rule(rest, rules_of_user());
        }
        if (word == "pattern") {
            return read_rule(rest, file_.patterns);
        }
        if (word == "user") {
            return read_user(rest);
        }
        return fmt::format("{} is unknown, expected topic, pattern or user", in_quotes(word));
    }

    AclFile take() { return std::move(file_); }

private:
    std::vector<AclRule>& rules_of_user() { return rules_ == nullptr ? file_.anonymous : *rules_; }

    std::string read_user(std::string_view name) {
        name = without_blanks(name);
        // Whatever stands below was meant for somebody, and not for those above.
        rules_ = &faulty_;
        if (name.empty()) {
            return "no user name, expected user NAME";
        }
        if (!protocol::is_valid_utf8(name)) {
            return "the user name is not UTF-8";
        }
        rules_ = &file_.users[std::string(name)];
        return {};
    }

    std::string read_rule(std::string_view rest, std::vector<AclRule>& rules) {
        const std::string_view first = take_word(rest);
        std::string_view filter = without_blanks(rest);
        std::optional<Rights> rights = Rights{right_read | right_write};
        if (filter.empty()) {
            filter = first;
        } else {
            rights = read_rights(first);
        }
        if (filter.empty()) {
            return "no topic filter, expected topic [read|write|readwrite|deny] FILTER";
        }
        if (!rights) {
            return fmt::format(
                "{} is no access, expected read, write, readwrite or deny (which a filter with "
                "blanks in it needs before it)",
                in_quotes(first));
        }
        if (!protocol::is_valid_utf8(filter) || !protocol::is_valid_topic_filter(filter)) {
            return fmt::format(
                "{} is no topic filter, expected + as a whole level and # as the last one",
                in_quotes(filter));
        }
        if (protocol::level_count(filter) > filter_levels_max) {
            return fmt::format("{} has too many levels, expected {} at most", in_quotes(filter),
                               filter_levels_max);
        }
        if (protocol::is_shared_filter(filter)) {
            return fmt::format("{} is a shared subscription, expected the filter behind its group",
                               in_quotes(filter));
        }
        rules.push_back({*rights, std::string(filter)});
        return {};
    }

    AclFile file_;
    std::vector<AclRule>* rules_ = nullptr;  // null: of anonymous clients
    std::vector<AclRule> faulty_;
};

}  // namespace

std::variant<AclFile, FileFaults> parse_acl_file(std::string_view text) {
    AclReader reader;
    FileFaults faults;
    for_each_line(text, [&](std::size_t number, std::string_view line) {
        // Blanks before the first word are passed over, but not before a #.
        if (line.starts_with('#') || without_blanks(line).empty()) {
            return;
        }
        line.remove_prefix(line.find_first_not_of(' '));
        if (std::string what = reader.read_line(line); !what.empty()) {
            faults.push_back({number, std::move(what)});
        }
    });
    if (!faults.empty()) {
        return faults;
    }
    return reader.take();
}

std::variant<AclFile, FileFaults> load_acl_file(const std::string& path) {
    const auto text = read_whole_file(path);
    if (const auto* fault = std::get_if<FileFault>(&text)) {
        return FileFaults{*fault};
    }
    return parse_acl_file(std::get<std::string>(text));
}

}  // namespace martlet::security
