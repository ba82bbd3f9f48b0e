#include "server/security/password_file.hpp"

#include <algorithm>
#include <utility>

#include "protocol/utf8.hpp"
#include "server/security/credential.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t user_name_size_max = 65'535;

// For files without users: of the cost of a new hash, and nobody's password.
const PasswordHash& decoy_of_nobody() {
    static const PasswordHash decoy = std::get<PasswordHash>(
        parse_password_hash("$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdC4u$"
                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    return decoy;
}

// Adds the user of one line; what is wrong with it otherwise. The password is never quoted.
std::string add_line(PasswordFile& file, std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
        return "no colon, expected user:hash";
    }
    const std::string_view user = without_blanks(line.substr(0, colon));
    if (const std::string_view why = why_no_user_name(user); !why.empty()) {
        return std::string(why) + ", expected user:hash";
    }
    const std::string_view text = without_blanks(line.substr(colon + 1));
    if (text.empty()) {
        return "no hash behind the user name, expected user:hash";
    }
    if (!looks_like_password_hash(text)) {
        return "the password is in the clear or hashed in an unknown way, expected a hash "
               "($argon2id$, $7$ or $6$); `martlet passwd -U FILE` hashes a file of passwords";
    }
    auto parsed = parse_password_hash(text);
    if (auto* problem = std::get_if<std::string>(&parsed)) {
        return std::move(*problem);
    }
    PasswordEntry entry{std::get<PasswordHash>(std::move(parsed)), {}};
    entry.tag = make_tag(text);
    return file.add(user, std::move(entry)) ? "" : "the user is there already, expected one line";
}

}  // namespace

std::string_view why_no_user_name(std::string_view user) {
    if (user.empty()) {
        return "no user name";
    }
    if (user.size() > user_name_size_max) {
        return "a user name of more than 65535 bytes";
    }
    const bool has_control = std::any_of(user.begin(), user.end(), [](char character) {
        const auto byte = static_cast<unsigned char>(character);
        return byte < 0x20 || byte == 0x7F;
    });
    if (has_control) {
        return "a control character in the user name";
    }
    if (!protocol::is_valid_utf8(user)) {
        return "a user name that is not UTF-8";
    }
    return {};
}

bool PasswordFile::add(std::string_view user, PasswordEntry entry) {
    if (!by_user_.emplace(user, entries_.size()).second) {
        return false;
    }
    entries_.push_back(std::move(entry));
    return true;
}

const PasswordEntry* PasswordFile::find(std::string_view user) const {
    const auto found = by_user_.find(user);
    return found == by_user_.end() ? nullptr : &entries_[found->second];
}

const PasswordHash& PasswordFile::decoy(std::string_view user) const {
    if (entries_.empty()) {
        return decoy_of_nobody();
    }
    return entries_[std::hash<std::string_view>{}(user) % entries_.size()].hash;
}

std::variant<PasswordFile, FileFaults> parse_password_file(std::string_view text) {
    PasswordFile file;
    FileFaults faults;
    for_each_line(text, [&](std::size_t number, std::string_view line) {
        if (without_blanks(line).empty() || line.starts_with('#')) {
            return;
        }
        if (std::string what = add_line(file, line); !what.empty()) {
            faults.push_back({number, std::move(what)});
        }
    });
    if (!faults.empty()) {
        return faults;
    }
    return file;
}

std::variant<PasswordFile, FileFaults> load_password_file(const std::string& path) {
    const auto text = read_whole_file(path);
    if (const auto* fault = std::get_if<FileFault>(&text)) {
        return FileFaults{*fault};
    }
    return parse_password_file(std::get<std::string>(text));
}

}  // namespace martlet::security
