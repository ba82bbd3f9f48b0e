// Applies groups to the tables and reads messages back: the prepared statements of a running store.
// Ownership: borrows the connection. Threading: store thread only.
#pragma once

#include "server/store/batch_codec.hpp"
#include "server/store/group.hpp"
#include "server/store/sqlite.hpp"
#include "server/store/wall_clock.hpp"

namespace martlet::store {

class RowWriter {
public:
    RowWriter(Connection& connection, const WallClock& clock)
        : connection_(connection), clock_(clock) {}

    // False: Connection::error_text().
    bool prepare();

    // What messages are dated with: seconds of Unix time.
    void set_now(std::int64_t now_s) { now_s_ = now_s; }

    // All of the group, within the open transaction. SQLITE_OK, or the error that it stopped at.
    int apply(const Group& group);

    // Reads what is requested, null where there is no such row. SQLITE_OK or an error;
    // SQLITE_IOERR_DATA if a row does not match its checksum.
    int load(const core::LoadRequest& request, core::LoadedMessages& to);

private:
    int put(const core::MessagePut& record);
    int put(const core::WindowPut& record);
    int put(const core::RetainedPut& record);
    int put(const core::SessionPut& record);
    int put(const core::WillPut& record);
    int put(const core::SubscriptionPut& record);
    int put(const core::IncomingQos2Put& record);
    int erase(const core::SubscriptionErased& record);
    int erase(const core::IncomingQos2Erased& record);
    int erase(const core::SessionErased& record);
    int apply(const core::StoreRecord& record);
    int remove(const Group::Run& run);
    int remove(Statement& statement, std::uint64_t key);
    int load_one(core::MessageId id, core::MessageRef& to);
    int load_range(const core::LoadRequest& request, core::LoadedMessages& to);
    int take_row(const Statement& row, core::MessageRef& to);

    Connection& connection_;
    const WallClock& clock_;
    std::int64_t now_s_ = 0;
    BlobBuffer blob_;

    Statement put_message_;
    Statement remove_message_;
    Statement remove_messages_;
    Statement get_message_;
    Statement get_messages_;
    Statement put_window_;
    Statement put_retained_;
    Statement remove_retained_;
    Statement put_session_;
    Statement put_will_;
    Statement remove_will_;
    Statement put_subscription_;
    Statement remove_subscription_;
    Statement put_incoming_;
    Statement remove_incoming_;
    Statement forget_session_[5];  // from each table that has rows of a session
};

}  // namespace martlet::store
