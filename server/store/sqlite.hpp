// SQLite's connection and prepared statement as owners of what they open. No more than the store
// needs: errors are SQLite's extended result codes, values.
// Ownership: owns the handles; a Statement must go before its Connection. Threading: one thread at
// a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/byte_reader.hpp"
#include "server/store/row_hash.hpp"

namespace martlet::store {

// Of the whole process; counts when it comes before SQLite's first use, and once. The page
// cache is one mapping, touched as it fills: page by page it would make the thread's heap grow
// in as many system calls. And nobody asks how much memory SQLite has, which would cost a lock
// each time.
void configure_sqlite();

using protocol::Bytes;

class Statement {
public:
    Statement() = default;
    Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Statement& operator=(Statement&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Statement() { sqlite3_finalize(handle_); }

    explicit operator bool() const { return handle_ != nullptr; }
    int parameter_count() const { return sqlite3_bind_parameter_count(handle_); }
    int column_count() const { return sqlite3_column_count(handle_); }
    void bind(int index, std::int64_t value) { sqlite3_bind_int64(handle_, index, value); }
    void bind_null(int index) { sqlite3_bind_null(handle_, index); }
    // Not copied: the bytes must live until the statement has run.
    void bind(int index, Bytes value) {
        // SQLite makes NULL of a null pointer, and here nothing is still a value.
        sqlite3_bind_blob64(handle_, index,
                            value.empty() ? "" : static_cast<const void*>(value.data()),
                            value.size(), SQLITE_STATIC);
    }
    void bind(int index, std::string_view value) {
        sqlite3_bind_text64(handle_, index, value.empty() ? "" : value.data(), value.size(),
                            SQLITE_STATIC, SQLITE_UTF8);
    }

    // SQLITE_ROW, SQLITE_DONE or an error.
    int step() { return sqlite3_step(handle_); }
    void reset() { sqlite3_reset(handle_); }
    // To its end, for what answers nothing: SQLITE_OK or an error.
    int run() {
        int status = SQLITE_ROW;
        while (status == SQLITE_ROW) {
            status = sqlite3_step(handle_);
        }
        sqlite3_reset(handle_);
        return status == SQLITE_DONE ? SQLITE_OK : status;
    }

    std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
    std::uint64_t id(int column) const { return static_cast<std::uint64_t>(integer(column)); }
    bool is_null(int column) const { return type(column) == SQLITE_NULL; }
    int type(int column) const { return sqlite3_column_type(handle_, column); }
    // Views end with the next step() or reset().
    Bytes bytes(int column) const {
        const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_, column));
        return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
    }
    std::string_view text(int column) const { return protocol::as_text(bytes(column)); }

private:
    friend class Connection;
    sqlite3_stmt* handle_ = nullptr;
};

// Fills a statement's parameters from the second on, in order, and the first with the checksum of
// all of them: how every row with a checksum is written.
class RowBinder {
public:
    explicit RowBinder(Statement& statement) : statement_(statement) {}

    void integer(std::int64_t value) {
        hash_.integer(value);
        statement_.bind(next_++, value);
    }
    void id(std::uint64_t value) { integer(static_cast<std::int64_t>(value)); }
    void integer_or_null(std::optional<std::int64_t> value) {
        if (value) {
            integer(*value);
        } else {
            hash_.null();
            statement_.bind_null(next_++);
        }
    }
    void bytes(Bytes value) {
        hash_.bytes(value);
        statement_.bind(next_++, value);
    }
    void text(std::string_view value) {
        hash_.bytes(protocol::as_bytes(value));
        statement_.bind(next_++, value);
    }
    int run() {
        statement_.bind(1, hash_.value());
        return statement_.run();
    }

private:
    Statement& statement_;
    RowHash hash_;
    int next_ = 2;
};

// Of a row whose first column is the checksum of the others.
bool is_intact(const Statement& row);

class Connection {
public:
    Connection() = default;
    Connection(Connection&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Connection& operator=(Connection&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Connection() { sqlite3_close_v2(handle_); }

    // SQLITE_OK or an error; error_text() says more. `vfs`: null for the default one.
    int open(const std::string& file, int flags, const char* vfs);
    int execute(const char* sql);
    // A statement that stays: false and error_text() if it cannot be made.
    bool prepare(std::string_view sql, Statement& to);
    // The one number that a query answers; none on error.
    std::optional<std::int64_t> number(std::string_view sql);

    bool is_in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
    int extended_error() const { return sqlite3_extended_errcode(handle_); }
    // With the system's reason, where there is one.
    std::string error_text() const;
    sqlite3* handle() const { return handle_; }

private:
    sqlite3* handle_ = nullptr;
};

}  // namespace martlet::store
