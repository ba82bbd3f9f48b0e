// The text of a file of users while it is edited: lines `user:...`, with everything between them.
// Ownership: a value. Threading: its owner's thread only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace martlet::security {

class UserLines {
public:
    explicit UserLines(std::string_view text);

    // Replaces the user's line, or adds one at the end.
    void set(std::string_view user, std::string line);
    // False: there is no such user.
    [[nodiscard]] bool remove(std::string_view user);

    // Calls `change(line)` for the line of each user; what it returns, if anything, replaces it.
    template <class Change>
    void for_each_user(Change change) {
        for (std::string& line : lines_) {
            if (user_of(line)) {
                if (std::optional<std::string> changed = change(std::string_view(line))) {
                    line = std::move(*changed);
                }
            }
        }
    }

    std::string text() const;

private:
    // Nothing: the line is no user's.
    static std::optional<std::string_view> user_of(std::string_view line);
    std::vector<std::string>::iterator find(std::string_view user);

    std::vector<std::string> lines_;
};

// Replaces the file as a whole: afterwards it is the old one or the new one, on the disk too. The
// owner and the group stay; nobody else may read it. What was in the way, or "".
std::string replace_file(const std::string& path, std::string_view text);

}  // namespace martlet::security
