// The users of a password_file, in mosquitto's form: a line each, `user:hash`; empty lines and
// lines that begin with # are skipped, blanks around both are not part of them.
//
// Stricter than mosquitto, which passes over lines that it cannot use: here they are faults, since
// somebody who was to be let in would not be. Passwords in the clear are one of them.
// Ownership: values. Threading: immutable once parsed.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/security/file_fault.hpp"
#include "server/security/password_hash.hpp"

namespace martlet::security {

struct PasswordEntry {
    PasswordHash hash;
    // Differs when the line differs, and says nothing of what is in it.
    std::string tag;
};

class PasswordFile {
public:
    // False: the user is there already.
    [[nodiscard]] bool add(std::string_view user, PasswordEntry entry);

    // Null: nobody of that name.
    const PasswordEntry* find(std::string_view user) const;

    // What to check the password of somebody unknown against, so that it takes as long as for
    // somebody known: always the same for one name, spread over the file.
    const PasswordHash& decoy(std::string_view user) const;

    std::size_t size() const { return entries_.size(); }

private:
    std::vector<PasswordEntry> entries_;
    std::map<std::string, std::size_t, std::less<>> by_user_;
};

// All faults of the text; the file is usable exactly if there are none.
std::variant<PasswordFile, FileFaults> parse_password_file(std::string_view text);
std::variant<PasswordFile, FileFaults> load_password_file(const std::string& path);

// Empty if a user may be called that in a file, else what is wrong with it.
std::string_view why_no_user_name(std::string_view user);

}  // namespace martlet::security
