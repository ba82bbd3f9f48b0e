// The database: its tables, its settings, its version and the way from older versions to this one.
//
//   session       who has a session, and when it ends
//   will          of a session that is connected, or away for less than the will's delay
//   subscription  session, filter
//   message       one row for a message of a shard, however many sessions it is for (`targets`)
//   inflight      a session's window: how far its messages have come
//   incoming_qos2 packet identifiers of QoS 2 messages whose PUBREL is awaited
//   retained      one row a topic
//   meta          the wall clock last seen, ids that may have been given out
//
// The first column of a query here is the checksum of the others; the order of the others is what
// the checksum is over, so it is part of the format. `payload` comes last: what is not read of a
// row costs nothing if it lies on pages of its own.
// Threading: pure functions on a connection.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/store/sqlite.hpp"

namespace martlet::store {

inline constexpr const char* database_file = "martlet.db";
inline constexpr int page_size = 4096;
inline constexpr std::int64_t schema_version = 1;
inline constexpr std::int64_t application_id = 0x4D41524C;  // "MARL"

// A table whose rows carry checksums. `columns` in the order of the checksum, the key first.
struct Table {
    std::string_view name;
    std::string_view columns;
    int column_count;  // of `columns`

    std::string_view key() const { return columns.substr(0, columns.find(',')); }
};

inline constexpr Table session_table{"session", "id,owner,client_id,expiry_s,disconnected_at", 5};
inline constexpr Table will_table{"will",
                                  "session,flags,delay_s,message_expiry_s,expires_at,topic,"
                                  "properties,payload",
                                  8};
inline constexpr Table subscription_table{"subscription", "session,filter,options,identifier", 4};
inline constexpr Table message_table{
    "message", "id,targets,expires_at,flags,stored_at,size,topic,properties,payload", 9};
inline constexpr Table inflight_table{"inflight", "session,taken_through,entries", 3};
inline constexpr Table incoming_table{"incoming_qos2", "session,packet_id", 2};
inline constexpr Table retained_table{"retained", "id,expires_at,flags,topic,properties,payload",
                                      6};
inline constexpr std::array tables{session_table, will_table,     subscription_table,
                                   message_table, inflight_table, incoming_table,
                                   retained_table};

// "SELECT checksum,... FROM ... <rest>", and the INSERT OR REPLACE for a RowBinder.
std::string select_rows(const Table& table, std::string_view rest);
std::string put_row(const Table& table);

// Keys of the table meta.
inline constexpr std::string_view meta_wall_clock = "wall_clock_ms";
inline constexpr std::string_view meta_session_id = "session_id_max";
inline constexpr std::string_view meta_message_id = "message_id_max";
inline constexpr std::string_view meta_retained_id = "retained_id_max";

// Before anything is written to a new file: what the format of its pages depends on.
int set_format(Connection& connection);

// Makes an empty file a database of this version, brings an older one up to it, and applies the
// settings of a connection that writes. What is wrong, or nothing.
std::optional<std::string> prepare_database(Connection& connection);
// For connections that only read: is it a database of this version?
std::optional<std::string> check_version(Connection& connection);

int put_meta(Connection& connection, std::string_view key, std::int64_t value);
// 0 if there is none; nothing on an error.
std::optional<std::int64_t> get_meta(Connection& connection, std::string_view key);

}  // namespace martlet::store
