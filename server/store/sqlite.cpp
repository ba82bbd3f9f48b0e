#include "server/store/sqlite.hpp"

#include <mutex>
#include <system_error>

namespace martlet::store {

bool is_intact(const Statement& row) {
    RowHash hash;
    for (int column = 1; column < row.column_count(); ++column) {
        switch (row.type(column)) {
            case SQLITE_NULL:
                hash.null();
                break;
            case SQLITE_INTEGER:
                hash.integer(row.integer(column));
                break;
            default:
                hash.bytes(row.bytes(column));
                break;
        }
    }
    return hash.value() == row.integer(0);
}

void configure_sqlite() {
    static std::once_flag once;
    std::call_once(once, [] {
        // As much as PRAGMA cache_size (schema.cpp) lets a connection have.
        constexpr int cache_kibibytes = 16 * 1024;
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, -cache_kibibytes);
    });
}

int Connection::open(const std::string& file, int flags, const char* vfs) {
    configure_sqlite();
    const int status = sqlite3_open_v2(file.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, vfs);
    if (handle_ != nullptr) {
        sqlite3_extended_result_codes(handle_, 1);
    }
    return status;
}

int Connection::execute(const char* sql) {
    return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
}

bool Connection::prepare(std::string_view sql, Statement& to) {
    return sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                              SQLITE_PREPARE_PERSISTENT, &to.handle_, nullptr) == SQLITE_OK;
}

std::optional<std::int64_t> Connection::number(std::string_view sql) {
    Statement query;
    if (!prepare(sql, query) || query.step() != SQLITE_ROW) {
        return std::nullopt;
    }
    return query.integer(0);
}

std::string Connection::error_text() const {
    if (handle_ == nullptr) {
        return "out of memory";
    }
    const int code = sqlite3_extended_errcode(handle_);
    if (code == SQLITE_IOERR_DATA) {
        return "a page does not match its checksum";
    }
    std::string text = sqlite3_errmsg(handle_);
    const bool concerns_system = (code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN;
    if (const int reason = sqlite3_system_errno(handle_); concerns_system && reason != 0) {
        text += " (" + std::generic_category().message(reason) + ")";
    }
    return text;
}

}  // namespace martlet::store
