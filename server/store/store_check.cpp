// `martlet store check`: every page, every row, and what belongs to what.
#include <fmt/format.h>

#include <array>

#include "server/store/batch_codec.hpp"
#include "server/store/row_codec.hpp"
#include "server/store/schema.hpp"
#include "server/store/store_tool.hpp"

namespace martlet::store {

namespace {

// So many of a kind are printed; the rest is counted.
constexpr std::int64_t printed_max = 20;

class Check {
public:
    Check(Connection& connection, std::FILE* out) : connection_(connection), out_(out) {}

    std::int64_t run() {
        check_structure();
        for (const Table& table : tables) {
            check_rows(table);
        }
        for (const Table& table :
             {will_table, subscription_table, inflight_table, incoming_table}) {
            check_owners(table);
        }
        return problems_;
    }

private:
    void tell(const std::string& problem) {
        if (++problems_ <= printed_max) {
            fmt::print(out_, "  {}\n", problem);
        } else if (problems_ == printed_max + 1) {
            fmt::print(out_, "  ... and more\n");
        }
    }

    // SQLite's own: pages, their order, what is free.
    void check_structure() {
        Statement check;
        if (!connection_.prepare("PRAGMA integrity_check(20)", check)) {
            tell(connection_.error_text());
            return;
        }
        int status = check.step();
        for (; status == SQLITE_ROW; status = check.step()) {
            if (check.text(0) != "ok") {
                tell(std::string(check.text(0)));
            }
        }
        if (status != SQLITE_DONE) {
            tell(connection_.error_text());
        }
    }

    void check_rows(const Table& table) {
        std::int64_t count = 0;
        std::int64_t last = 0;
        Statement rows;
        int status = SQLITE_ERROR;
        if (connection_.prepare(select_rows(table, fmt::format("ORDER BY {}", table.key())),
                                rows)) {
            for (status = rows.step(); status == SQLITE_ROW; status = rows.step()) {
                ++count;
                last = rows.integer(1);
                if (!is_intact(rows) || !makes_sense(table, rows)) {
                    tell(fmt::format("table {}: row {} is damaged", table.name, last));
                }
            }
        }
        if (status != SQLITE_DONE) {
            tell(fmt::format("table {}: cannot be read after row {}: {}", table.name, last,
                             connection_.error_text()));
        }
        fmt::print(out_, "{:14} {}\n", table.name, count);
    }

    static bool makes_sense(const Table& table, const Statement& row) {
        if (table.name == message_table.name) {
            TargetReader targets(row.bytes(2));
            while (targets.next()) {
            }
            return !targets.failed() && read_message(row, message_columns, {}) != nullptr;
        }
        if (table.name == inflight_table.name) {
            return decode_window(row.bytes(3)).has_value();
        }
        if (table.name == retained_table.name) {
            return read_message(row, retained_columns, {}) != nullptr;
        }
        return table.name != subscription_table.name || unpack_options(row.integer(3)).has_value();
    }

    void check_owners(const Table& table) {
        const auto lost = connection_.number(fmt::format(
            "SELECT count(*) FROM {} WHERE session NOT IN (SELECT id FROM session)", table.name));
        if (!lost) {
            tell(fmt::format("table {}: {}", table.name, connection_.error_text()));
        } else if (*lost != 0) {
            tell(fmt::format("table {}: {} rows belong to no session", table.name, *lost));
        }
    }

    Connection& connection_;
    std::FILE* out_;
    std::int64_t problems_ = 0;
};

}  // namespace

int check_database(const std::string& file, std::FILE* out) {
    Connection connection;
    if (const std::string wrong = open_for_reading(file, connection); !wrong.empty()) {
        fmt::print(out, "{}\n", wrong);
        return 1;
    }
    if (connection.execute("BEGIN") != SQLITE_OK) {
        fmt::print(out, "{}: {}\n", file, connection.error_text());
        return 1;
    }
    fmt::print(out, "{}: rows by table\n", file);
    const std::int64_t problems = Check(connection, out).run();
    if (problems == 0) {
        fmt::print(out, "No damage.\n");
        return 0;
    }
    fmt::print(out, "{} problems.\n", problems);
    return 1;
}

int check_store(const std::string& directory, std::FILE* out) {
    const int status = check_database(directory + "/" + database_file, out);
    if (status != 0) {
        fmt::print(out,
                   "With the broker stopped, `martlet store repair {}` saves what can be read.\n",
                   directory);
    }
    return status;
}

}  // namespace martlet::store
