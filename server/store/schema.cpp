#include "server/store/schema.hpp"

#include <fmt/format.h>

#include "server/store/checksum_vfs.hpp"

namespace martlet::store {

namespace {

constexpr const char* schema_sql = R"(
CREATE TABLE session(id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, owner TEXT NOT NULL,
    client_id TEXT NOT NULL, expiry_s INTEGER NOT NULL, disconnected_at INTEGER);
CREATE TABLE will(session INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, flags INTEGER NOT NULL,
    delay_s INTEGER NOT NULL, message_expiry_s INTEGER, expires_at INTEGER, topic TEXT NOT NULL,
    properties BLOB NOT NULL, payload BLOB NOT NULL);
CREATE TABLE subscription(session INTEGER NOT NULL, filter TEXT NOT NULL,
    checksum INTEGER NOT NULL, options INTEGER NOT NULL, identifier INTEGER NOT NULL,
    PRIMARY KEY(session, filter)) WITHOUT ROWID;
CREATE TABLE message(id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, targets BLOB NOT NULL,
    expires_at INTEGER, flags INTEGER NOT NULL, stored_at INTEGER NOT NULL, size INTEGER NOT NULL,
    topic TEXT NOT NULL, properties BLOB NOT NULL, payload BLOB NOT NULL);
CREATE TABLE inflight(session INTEGER PRIMARY KEY, checksum INTEGER NOT NULL,
    taken_through INTEGER NOT NULL, entries BLOB NOT NULL);
CREATE TABLE incoming_qos2(session INTEGER NOT NULL, packet_id INTEGER NOT NULL,
    checksum INTEGER NOT NULL, PRIMARY KEY(session, packet_id)) WITHOUT ROWID;
CREATE TABLE retained(id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, expires_at INTEGER,
    flags INTEGER NOT NULL, topic TEXT NOT NULL, properties BLOB NOT NULL, payload BLOB NOT NULL);
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
)";

// From version n to n + 1 at place n; run in one transaction with the change of user_version. 0 is
// the empty file.
using Migration = int (*)(Connection&);
constexpr std::array<Migration, schema_version> migrations{
    [](Connection& connection) { return connection.execute(schema_sql); },
};

// - secure_delete: Debian builds SQLite with it on; zeroing what is deleted doubles the writes.
// - wal_autocheckpoint=0: the store checkpoints itself, after the answers and looking at the result
//   (SQLite's own automatic checkpoint drops its errors).
constexpr const char* settings_sql = R"(
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA secure_delete=OFF;
PRAGMA wal_autocheckpoint=0;
PRAGMA journal_size_limit=16777216;
PRAGMA temp_store=MEMORY;
PRAGMA cache_size=-16384;
PRAGMA cell_size_check=ON;
PRAGMA trusted_schema=OFF;
)";

int migrate(Connection& connection, std::int64_t from) {
    int status = connection.execute("BEGIN IMMEDIATE");
    for (std::int64_t version = from; status == SQLITE_OK && version < schema_version; ++version) {
        status = migrations[static_cast<std::size_t>(version)](connection);
    }
    if (status == SQLITE_OK) {
        status = connection.execute(fmt::format("PRAGMA user_version={}; PRAGMA application_id={};"
                                                "COMMIT",
                                                schema_version, application_id)
                                        .c_str());
    }
    return status;
}

// A newer version, or somebody else's file. `version` is set even so.
std::optional<std::string> judge_version(Connection& connection, std::int64_t& version) {
    const std::optional<std::int64_t> found = connection.number("PRAGMA user_version");
    if (!found) {
        return connection.error_text();
    }
    version = *found;
    if (version > schema_version) {
        return fmt::format(
            "was written by a newer Martlet (format {}, this one knows {}): use that one", version,
            schema_version);
    }
    const std::int64_t id = connection.number("PRAGMA application_id").value_or(0);
    if (version > 0 ? id != application_id
                    : connection.number("SELECT count(*) FROM sqlite_schema").value_or(1) != 0) {
        return "is not a database of Martlet's";
    }
    return std::nullopt;
}

}  // namespace

int set_format(Connection& connection) {
    int reserved = page_checksum_size;
    const int status =
        sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    return status != SQLITE_OK ? status
                               : connection.execute(fmt::format("PRAGMA page_size={}; "
                                                                "PRAGMA auto_vacuum=INCREMENTAL;",
                                                                page_size)
                                                        .c_str());
}

std::string select_rows(const Table& table, std::string_view rest) {
    return fmt::format("SELECT checksum,{} FROM {} {}", table.columns, table.name, rest);
}

std::string put_row(const Table& table) {
    std::string places = "?1";
    for (int place = 2; place <= table.column_count + 1; ++place) {
        places += fmt::format(",?{}", place);
    }
    return fmt::format("INSERT OR REPLACE INTO {}(checksum,{}) VALUES({})", table.name,
                       table.columns, places);
}

std::optional<std::string> prepare_database(Connection& connection) {
    std::int64_t version = 0;
    if (std::optional<std::string> wrong = judge_version(connection, version)) {
        return wrong;
    }
    if (version == 0 && set_format(connection) != SQLITE_OK) {
        return connection.error_text();
    }
    if (connection.execute(settings_sql) != SQLITE_OK) {
        return connection.error_text();
    }
    if (version < schema_version && migrate(connection, version) != SQLITE_OK) {
        return connection.error_text();
    }
    return std::nullopt;
}

std::optional<std::string> check_version(Connection& connection) {
    std::int64_t version = 0;
    if (std::optional<std::string> wrong = judge_version(connection, version)) {
        return wrong;
    }
    if (version == 0) {
        return "holds nothing yet";
    }
    if (version < schema_version) {
        return fmt::format(
            "is of an older format ({}, now {}): start the broker once, it brings it up to date",
            version, schema_version);
    }
    return std::nullopt;
}

int put_meta(Connection& connection, std::string_view key, std::int64_t value) {
    Statement put;
    if (!connection.prepare("INSERT OR REPLACE INTO meta(key,value) VALUES(?1,?2)", put)) {
        return connection.extended_error();
    }
    put.bind(1, key);
    put.bind(2, value);
    return put.run();
}

std::optional<std::int64_t> get_meta(Connection& connection, std::string_view key) {
    Statement get;
    if (!connection.prepare("SELECT value FROM meta WHERE key=?1", get)) {
        return std::nullopt;
    }
    get.bind(1, key);
    switch (get.step()) {
        case SQLITE_ROW:
            return get.integer(0);
        case SQLITE_DONE:
            return 0;
        default:
            return std::nullopt;
    }
}

}  // namespace martlet::store
