// What is wrong with a file of users or rights, and the reading of such files line by line.
// Ownership: values. Threading: pure functions over the file system.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace martlet::security {

// "what was wrong, what was expected"; never with a secret in it.
struct FileFault {
    std::size_t line = 0;  // 0: the file cannot be read
    std::string what;
};

using FileFaults = std::vector<FileFault>;

// The whole file, or why it cannot be read.
std::variant<std::string, FileFault> read_whole_file(const std::string& path);

// For a message: control characters replaced, shortened when long.
std::string in_quotes(std::string_view text);

// Calls `take(number, line)` for each line, without its end.
template <class Take>
void for_each_line(std::string_view text, Take take) {
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        take(number, line);
    }
}

// Blanks as mosquitto has them.
std::string_view without_blanks(std::string_view text);

}  // namespace martlet::security
