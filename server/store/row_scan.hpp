// Reads tables row by row and remembers what is wrong, if anything is: what the parts of a recovery
// have in common. Ownership: the connection outlives it. Threading: that of its connection.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "server/store/recovery.hpp"
#include "server/store/schema.hpp"
#include "server/store/sqlite.hpp"

namespace martlet::store {

class RowScan {
public:
    explicit RowScan(Connection& connection) : connection_(connection) {}

    // `take(row)` says whether the row makes sense; its column 1 is the key. False: see problem().
    template <class Take>
    bool each_row(const Table& table, std::string_view sql, Take take) {
        Statement rows;
        if (!connection_.prepare(sql, rows)) {
            return fail_reading(table.name);
        }
        int status = rows.step();
        for (; status == SQLITE_ROW; status = rows.step()) {
            if (!take(std::as_const(rows))) {
                return fail_row(table, rows);
            }
        }
        return status == SQLITE_DONE || fail_reading(table.name);
    }
    // The same of whole rows, whose checksum is compared first.
    template <class Take>
    bool each_intact_row(const Table& table, std::string_view where, Take take) {
        return each_row(table,
                        select_rows(table, fmt::format("{} ORDER BY {}", where, table.key())),
                        [&](const Statement& row) { return is_intact(row) && take(row); });
    }

    bool fail_reading(std::string_view table) {
        problem_ = {fmt::format("table {}: {}", table, connection_.error_text()),
                    connection_.extended_error()};
        return false;
    }

    const RecoveryProblem& problem() const { return problem_; }

private:
    bool fail_row(const Table& table, const Statement& row) {
        problem_ = {fmt::format("table {}: row {} is damaged", table.name, row.integer(1)),
                    SQLITE_CORRUPT};
        return false;
    }

    Connection& connection_;
    RecoveryProblem problem_;
};

}  // namespace martlet::store
