#include "server/store/retained_recovery.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <thread>
#include <utility>

#include "server/store/checksum_vfs.hpp"
#include "server/store/row_codec.hpp"
#include "server/store/row_scan.hpp"

namespace martlet::store {

namespace {

// Fewer than so many are not worth a thread.
constexpr std::int64_t part_min = 50'000;
constexpr std::int64_t parts_max = 4;

struct IdRange {
    std::int64_t first = 0;
    std::int64_t end = 0;
};

IdRange all_ids(Connection& connection) {
    const auto first = connection.number("SELECT min(id) FROM retained");
    const auto last = connection.number("SELECT max(id) FROM retained");
    // If they cannot be read, neither can the rows, which tells why.
    return first && last ? IdRange{*first, *last + 1}
                         : IdRange{0, std::numeric_limits<std::int64_t>::max() / 2};
}

RetainedRows read_rows(RowScan& scan, IdRange ids, const RecoveryOptions& options) {
    RetainedRows read;
    read.by_shard.resize(options.shard_count);
    const auto take = [&](const Statement& row) {
        const core::RetainedId id = row.id(1);
        read.id_max = std::max(read.id_max, id);
        const std::optional<std::int64_t> expires_at = integer_or_none(row, 2);
        if (expires_at && *expires_at <= options.clock.wall_ms_at_base()) {
            read.expired.push_back(id);
            return true;
        }
        core::MessageRef message = read_message(row, retained_columns, options.clock);
        if (message == nullptr) {
            return false;
        }
        const core::ShardIndex shard = options.shard_of_retained(message->topic());
        read.by_shard[shard].push_back({id, std::move(message)});
        return true;
    };
    const std::string where = fmt::format("WHERE id>={} AND id<{}", ids.first, ids.end);
    if (!scan.each_intact_row(retained_table, where, take)) {
        read.problem = scan.problem();
    }
    return read;
}

RetainedRows read_part(const std::string& file, IdRange ids, const RecoveryOptions& options) {
    Connection connection;
    RowScan scan(connection);
    // Each page is read once: a cache has nothing to give.
    if (connection.open(file, SQLITE_OPEN_READWRITE, checksum_vfs_name()) != SQLITE_OK ||
        connection.execute("PRAGMA cache_size=-512") != SQLITE_OK) {
        scan.fail_reading(retained_table.name);
        RetainedRows failed;
        failed.problem = scan.problem();
        return failed;
    }
    return read_rows(scan, ids, options);
}

}  // namespace

RetainedRecovery::RetainedRecovery(Connection& connection, const RecoveryOptions& options) {
    const IdRange all = all_ids(connection);
    const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
    const std::int64_t threads = std::clamp<std::int64_t>(cores, 1, parts_max);
    const std::int64_t count =
        std::clamp<std::int64_t>((all.end - all.first) / part_min, 1, threads);
    const std::int64_t step = (all.end - all.first + count - 1) / count;
    const std::string file = sqlite3_db_filename(connection.handle(), "main");
    const auto when = count == 1 ? std::launch::deferred : std::launch::async;
    for (std::int64_t from = all.first; from < all.end; from += step) {
        const IdRange ids{from, std::min(from + step, all.end)};
        parts_.push_back(std::async(when, read_part, file, ids, std::cref(options)));
    }
}

std::vector<RetainedRows> RetainedRecovery::finish() {
    std::vector<RetainedRows> all;
    for (std::future<RetainedRows>& part : parts_) {
        all.push_back(part.get());
    }
    return all;
}

}  // namespace martlet::store
