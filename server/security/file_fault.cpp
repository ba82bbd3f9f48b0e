#include "server/security/file_fault.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace martlet::security {

namespace {

// Nobody has that many users; something else was named by mistake, a device perhaps.
constexpr std::size_t file_bytes_max = 256U << 20U;
constexpr std::size_t quoted_length_max = 60;

}  // namespace

std::variant<std::string, FileFault> read_whole_file(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return FileFault{0, "is a directory"};
    }
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    if (!file.is_open()) {
        return FileFault{0, std::generic_category().message(errno)};
    }
    std::string text;
    std::array<char, 64U << 10U> chunk{};
    while (text.size() <= file_bytes_max && file) {
        file.read(chunk.data(), chunk.size());
        text.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
    }
    if (file.bad()) {
        return FileFault{0, std::generic_category().message(errno)};
    }
    if (text.size() > file_bytes_max) {
        return FileFault{0, fmt::format("more than {} bytes", file_bytes_max)};
    }
    return text;
}

std::string in_quotes(std::string_view text) {
    std::string printable(text.substr(0, quoted_length_max));
    for (char& character : printable) {
        const auto byte = static_cast<unsigned char>(character);
        // Bytes above are parts of UTF-8, or what a terminal may take for control characters.
        if (byte < 0x20 || byte > 0x7E) {
            character = '?';
        }
    }
    return fmt::format("\"{}{}\"", printable, text.size() > quoted_length_max ? "..." : "");
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\v\f\r";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace martlet::security
