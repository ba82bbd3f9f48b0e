// `martlet store repair`: into a new database goes every row that can be read and matches its
// checksum. Pages are read without theirs, so that one wrong bit costs one row; where a page makes
// no sense at all, the rows behind it are looked for by their keys.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <system_error>

#include "server/store/checksum_vfs.hpp"
#include "server/store/database_file.hpp"
#include "server/store/lock_file.hpp"
#include "server/store/schema.hpp"
#include "server/store/store_tool.hpp"

namespace martlet::store {

namespace {

constexpr std::int64_t key_max = std::numeric_limits<std::int64_t>::max();

// Copies one table.
class TableCopy {
public:
    TableCopy(Connection& from, Connection& to, const Table& table)
        : from_(from), to_(to), table_(table) {}

    // "" or why nothing could be written.
    std::string run() {
        if (!to_.prepare(put_row(table_), put_)) {
            return to_.error_text();
        }
        const std::string sql =
            select_rows(table_, fmt::format("WHERE {0}>=?1 ORDER BY {0}", table_.key()));
        if (!from_.prepare(sql, rows_)) {
            unreadable_ = from_.error_text();
            return "";
        }
        std::int64_t start = 0;
        while (true) {
            if (copy_from(start)) {
                return write_error_;
            }
            const std::int64_t next = find_after(std::max(start, last_ + 1));
            if (next == key_max) {
                ++gaps_;
                return write_error_;
            }
            ++gaps_;
            start = next;
        }
    }

    std::string report() const {
        std::string text = fmt::format("{:14} {} kept", table_.name, kept_);
        if (damaged_ != 0) {
            text += fmt::format(", {} damaged", damaged_);
        }
        if (gaps_ != 0) {
            text += fmt::format(", {} places could not be read", gaps_);
        }
        return unreadable_.empty() ? text : text + ", cannot be read: " + unreadable_;
    }
    std::int64_t key_seen_max() const { return last_; }

private:
    // True when there is nothing more to do.
    bool copy_from(std::int64_t start) {
        rows_.bind(1, start);
        int status = rows_.step();
        for (; status == SQLITE_ROW; status = rows_.step()) {
            // Out of order: a page is where it should not be.
            if (rows_.integer(1) < last_) {
                break;
            }
            last_ = rows_.integer(1);
            if (!is_intact(rows_)) {
                ++damaged_;
            } else if (const int written = copy_row(); written != SQLITE_OK) {
                write_error_ = to_.error_text();
                break;
            } else {
                ++kept_;
            }
        }
        rows_.reset();
        return status == SQLITE_DONE || !write_error_.empty();
    }

    int copy_row() {
        RowBinder row(put_);
        for (int column = 1; column < rows_.column_count(); ++column) {
            switch (rows_.type(column)) {
                case SQLITE_NULL:
                    row.integer_or_null(std::nullopt);
                    break;
                case SQLITE_INTEGER:
                    row.integer(rows_.integer(column));
                    break;
                case SQLITE_TEXT:
                    row.text(rows_.text(column));
                    break;
                default:
                    row.bytes(rows_.bytes(column));
                    break;
            }
        }
        return row.run();
    }

    // Whether a row can be read from `start` on; at the end of the table too.
    bool can_seek(std::int64_t start) {
        rows_.bind(1, start);
        const int status = rows_.step();
        const bool is_readable =
            status == SQLITE_DONE || (status == SQLITE_ROW && rows_.integer(1) >= start);
        rows_.reset();
        return is_readable;
    }

    // The first key from which rows can be read again, in ever larger steps and then back.
    std::int64_t find_after(std::int64_t failed) {
        std::int64_t low = failed;
        std::int64_t step = 1;
        while (step < key_max / 2 && low < key_max - step) {
            if (can_seek(failed + step)) {
                std::int64_t high = failed + step;
                while (high - low > 1) {
                    const std::int64_t middle = low + (high - low) / 2;
                    (can_seek(middle) ? high : low) = middle;
                }
                return high;
            }
            low = failed + step;
            step *= 2;
        }
        return key_max;
    }

    Connection& from_;
    Connection& to_;
    const Table& table_;
    Statement rows_;
    Statement put_;
    std::int64_t last_ = -1;
    std::int64_t kept_ = 0;
    std::int64_t damaged_ = 0;
    std::int64_t gaps_ = 0;
    std::string unreadable_;
    std::string write_error_;
};

// "" or what is in the way.
std::string copy_all(Connection& from, Connection& to, std::FILE* out) {
    std::int64_t greatest = 0;
    if (to.execute("BEGIN") != SQLITE_OK) {
        return to.error_text();
    }
    for (const Table& table : tables) {
        TableCopy copy(from, to, table);
        if (std::string wrong = copy.run(); !wrong.empty()) {
            return wrong;
        }
        greatest = std::max(greatest, copy.key_seen_max());
        fmt::print(out, "{}\n", copy.report());
    }
    for (const Table& table : {will_table, subscription_table, inflight_table, incoming_table}) {
        to.execute(
            fmt::format("DELETE FROM {} WHERE session NOT IN (SELECT id FROM session)", table.name)
                .c_str());
    }
    // Ids must not come again, whatever was lost: far beyond what was seen.
    constexpr std::int64_t beyond = std::int64_t{1} << 32U;
    for (const std::string_view key : {meta_session_id, meta_message_id, meta_retained_id}) {
        const std::int64_t known = get_meta(from, key).value_or(0);
        put_meta(to, key, std::max(known, greatest + beyond));
    }
    put_meta(to, meta_wall_clock, get_meta(from, meta_wall_clock).value_or(0));
    return to.execute("COMMIT") == SQLITE_OK &&
                   to.execute("PRAGMA wal_checkpoint(TRUNCATE)") == SQLITE_OK
               ? ""
               : to.error_text();
}

using Page = std::array<std::byte, page_size>;

bool read_first_page(const std::string& file, Page& to) {
    std::ifstream in(file, std::ios::binary);
    return static_cast<bool>(
        in.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size())));
}

bool is_sealed(const Page& page) {
    constexpr std::size_t size = sizeof(Page) - page_checksum_size;
    std::uint64_t sum = 0;
    std::memcpy(&sum, page.data() + size, sizeof sum);
    return sum == RowHash::page(page.data(), size, 0);
}

void put_u32(Page& page, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) {
        page[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
    }
}

// The first page holds the schema and little else, and is the same in every database of this
// version: made by the same statements in an empty file, the tables begin on the same pages. So a
// new database can lend its own. Works on a copy. "" or what is in the way.
std::string replace_first_page(const std::string& file, const std::string& lender,
                               const std::string& copy) {
    std::error_code error;
    Page page{};
    std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing,
                               error);
    if (!error && access((file + "-wal").c_str(), F_OK) == 0) {
        std::filesystem::copy_file(file + "-wal", copy + "-wal",
                                   std::filesystem::copy_options::overwrite_existing, error);
    }
    if (error || !read_first_page(lender, page)) {
        return fmt::format("{}: {}", copy, error ? error.message() : "cannot lend a first page");
    }
    constexpr std::size_t page_count_at = 28;
    constexpr std::size_t first_free_at = 32;
    constexpr std::size_t free_count_at = 36;
    put_u32(page, page_count_at,
            static_cast<std::uint32_t>(std::filesystem::file_size(file) / sizeof(Page)));
    put_u32(page, first_free_at, 0);
    put_u32(page, free_count_at, 0);
    std::fstream out(copy, std::ios::binary | std::ios::in | std::ios::out);
    out.write(reinterpret_cast<const char*>(page.data()), page.size());
    return out.flush() ? "" : fmt::format("{}: cannot be written", copy);
}

std::string open_damaged(const std::string& file, Connection& connection) {
    if (access(file.c_str(), R_OK) != 0) {
        return fmt::format("{}: {}", file, std::generic_category().message(errno));
    }
    // writable_schema lets SQLite read a file that is shorter than it should be.
    if (connection.open(file, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK ||
        connection.execute("PRAGMA writable_schema=ON") != SQLITE_OK) {
        return fmt::format("{}: {}", file, connection.error_text());
    }
    return "";
}

// The old files get out of the way, the new one comes in; each step leaves something to go on from.
std::string exchange(const std::string& file, const std::string& repaired,
                     const std::string& kept) {
    std::error_code error;
    if (access((file + "-wal").c_str(), F_OK) == 0) {
        std::filesystem::rename(file + "-wal", kept + "-wal", error);
    }
    unlink((file + "-shm").c_str());
    if (!error) {
        std::filesystem::rename(file, kept, error);
    }
    if (!error) {
        std::filesystem::rename(repaired, file, error);
    }
    return error ? fmt::format("{}: {}", file, error.message()) : std::string();
}

std::string now_text() {
    const std::time_t now = std::time(nullptr);
    return fmt::format("{:%Y%m%d-%H%M%S}", fmt::gmtime(now));
}

}  // namespace

int repair_store(const std::string& directory, std::FILE* out) {
    const std::string file = directory + "/" + database_file;
    const std::string repaired = file + ".repaired";
    const std::string work = file + ".work";
    LockFile lock;
    std::string wrong = lock.acquire(directory);
    if (wrong.empty()) {
        Connection from;
        Connection to;
        wrong = make_database(repaired, to);
        Page first{};
        const bool is_first_good = read_first_page(file, first) && is_sealed(first);
        if (wrong.empty() && !is_first_good) {
            fmt::print(out, "The first page is damaged; a new one takes its place.\n");
            wrong = replace_first_page(file, repaired, work);
        }
        wrong = wrong.empty() ? open_damaged(is_first_good ? file : work, from) : wrong;
        wrong = wrong.empty() ? copy_all(from, to, out) : wrong;
    }
    remove_database(work);
    const std::string kept = fmt::format("{}.damaged-{}", file, now_text());
    if (wrong.empty()) {
        wrong = exchange(file, repaired, kept);
    }
    if (!wrong.empty()) {
        fmt::print(out, "{}\n", wrong);
        return 1;
    }
    fmt::print(out, "{} is whole again; what was there is kept as {}.\n", file, kept);
    return 0;
}

}  // namespace martlet::store
