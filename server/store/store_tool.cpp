#include "server/store/store_tool.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <system_error>

#include "server/store/checksum_vfs.hpp"
#include "server/store/lock_file.hpp"
#include "server/store/schema.hpp"

namespace martlet::store {

namespace {

constexpr const char* usage =
    "Usage: martlet store WORD DIR\n"
    "\n"
    "  info DIR          what the data directory holds\n"
    "  check DIR         reads all of it and says what is damaged\n"
    "  backup DIR FILE   copies it to FILE, as it is at one moment\n"
    "  repair DIR        saves what can be read into a new database; the broker must be stopped\n";

std::string age(std::int64_t seconds) {
    if (seconds < 120) {
        return fmt::format("{} s", seconds);
    }
    if (seconds < 7200) {
        return fmt::format("{} min", seconds / 60);
    }
    return seconds < 172'800 ? fmt::format("{} h", seconds / 3600)
                             : fmt::format("{} days", seconds / 86'400);
}

std::int64_t unix_time_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::uintmax_t size_of(const std::string& file) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    return error ? 0 : size;
}

}  // namespace

int run_store_tool(std::span<const std::string_view> arguments) {
    const std::string_view word = arguments.empty() ? std::string_view() : arguments[0];
    if (arguments.size() == 2) {
        const std::string directory(arguments[1]);
        if (word == "info") {
            return describe_store(directory, stdout);
        }
        if (word == "check") {
            return check_store(directory, stdout);
        }
        if (word == "repair") {
            return repair_store(directory, stdout);
        }
    }
    if (arguments.size() == 3 && word == "backup") {
        return back_up_store(std::string(arguments[1]), std::string(arguments[2]), stdout);
    }
    std::fputs(usage, stderr);
    return 2;
}

std::string open_for_reading(const std::string& file, Connection& connection) {
    if (access(file.c_str(), R_OK) != 0) {
        return fmt::format("{}: {}", file, std::generic_category().message(errno));
    }
    if (connection.open(file, SQLITE_OPEN_READONLY, checksum_vfs_name()) != SQLITE_OK) {
        return fmt::format("{}: {}", file, connection.error_text());
    }
    if (const std::optional<std::string> wrong = check_version(connection)) {
        return fmt::format("{}: {}", file, *wrong);
    }
    return "";
}

int describe_store(const std::string& directory, std::FILE* out) {
    const std::string file = directory + "/" + database_file;
    Connection connection;
    // One moment of it, however much a broker writes meanwhile.
    if (std::string wrong = open_for_reading(file, connection);
        !wrong.empty() || connection.execute("BEGIN") != SQLITE_OK) {
        fmt::print(out, "{}\n", wrong.empty() ? connection.error_text() : wrong);
        return 1;
    }
    bool is_read = true;
    const auto number = [&](std::string_view sql) {
        const std::optional<std::int64_t> value = connection.number(sql);
        is_read = is_read && value.has_value();
        return value.value_or(0);
    };
    const std::int64_t messages = number("SELECT count(*) FROM message");
    const std::int64_t oldest = number("SELECT coalesce(min(stored_at),0) FROM message");
    std::string text = fmt::format("{}: format {}, {}\n", file, number("PRAGMA user_version"),
                                   is_locked(directory) ? "in use" : "not in use");
    text += fmt::format("sessions        {}\n", number("SELECT count(*) FROM session"));
    text += fmt::format("subscriptions   {}\n", number("SELECT count(*) FROM subscription"));
    text += fmt::format("messages        {}, {} bytes of topics, properties and payloads\n",
                        messages, number("SELECT coalesce(sum(size),0) FROM message"));
    if (messages != 0) {
        text += fmt::format("oldest message  {} ago\n",
                            age(std::max<std::int64_t>(0, unix_time_s() - oldest)));
    }
    text += fmt::format("retained        {}\n", number("SELECT count(*) FROM retained"));
    text += fmt::format("file            {} bytes, {} of them free; log {} bytes\n", size_of(file),
                        number("PRAGMA freelist_count") * number("PRAGMA page_size"),
                        size_of(file + "-wal"));
    if (!is_read) {
        fmt::print(out, "{}: {}; run `martlet store check {}`\n", file, connection.error_text(),
                   directory);
        return 1;
    }
    fmt::print(out, "{}", text);
    return 0;
}

}  // namespace martlet::store
