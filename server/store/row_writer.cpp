#include "server/store/row_writer.hpp"

#include <array>
#include <string>
#include <variant>

#include "server/store/row_codec.hpp"
#include "server/store/schema.hpp"

namespace martlet::store {

namespace {

// A run of fewer rows, or of rows farther apart, is removed row by row: less is looked at.
constexpr std::uint64_t run_size_min = 4;
constexpr std::uint64_t run_step_max = 16;
// Where a request asks for at least one row in so many, its whole range is read.
constexpr std::uint64_t range_density_min = 4;

constexpr std::array forget_session_sql{
    "DELETE FROM session WHERE id=?1", "DELETE FROM will WHERE session=?1",
    "DELETE FROM subscription WHERE session=?1", "DELETE FROM inflight WHERE session=?1",
    "DELETE FROM incoming_qos2 WHERE session=?1"};

std::int64_t to_row(std::uint64_t id) {
    return static_cast<std::int64_t>(id);
}

}  // namespace

bool RowWriter::prepare() {
    bool is_good = true;
    const auto make = [&](Statement& statement, std::string_view sql) {
        is_good = is_good && connection_.prepare(sql, statement);
    };
    make(put_message_, put_row(message_table));
    make(remove_message_, "DELETE FROM message WHERE id=?1");
    make(remove_messages_, "DELETE FROM message WHERE id BETWEEN ?1 AND ?2 AND (id-?1)%?3=0");
    make(get_message_, select_rows(message_table, "WHERE id=?1"));
    make(get_messages_, select_rows(message_table, "WHERE id BETWEEN ?1 AND ?2 ORDER BY id"));
    make(put_window_, put_row(inflight_table));
    make(put_retained_, put_row(retained_table));
    make(remove_retained_, "DELETE FROM retained WHERE id=?1");
    make(put_session_, put_row(session_table));
    make(put_will_, put_row(will_table));
    make(remove_will_, "DELETE FROM will WHERE session=?1");
    make(put_subscription_, put_row(subscription_table));
    make(remove_subscription_, "DELETE FROM subscription WHERE session=?1 AND filter=?2");
    make(put_incoming_, put_row(incoming_table));
    make(remove_incoming_, "DELETE FROM incoming_qos2 WHERE session=?1 AND packet_id=?2");
    for (std::size_t i = 0; i < forget_session_sql.size(); ++i) {
        make(forget_session_[i], forget_session_sql[i]);
    }
    return is_good;
}

int RowWriter::apply(const Group& group) {
    int status = SQLITE_OK;
    const auto each = [&status](const auto& list, auto apply_one) {
        for (auto next = list.begin(); status == SQLITE_OK && next != list.end(); ++next) {
            status = apply_one(*next);
        }
    };
    each(group.others(), [this](const core::StoreRecord* record) { return apply(*record); });
    each(group.messages(), [this](const core::MessagePut* record) { return put(*record); });
    each(group.windows(), [this](const auto& entry) { return put(*entry.second); });
    each(group.deletions(), [this](const Group::Run& run) { return remove(run); });
    each(group.retained(), [this](const auto& entry) {
        const auto* record = std::get_if<core::RetainedPut>(entry.second);
        return record != nullptr ? put(*record) : remove(remove_retained_, entry.first);
    });
    return status;
}

int RowWriter::apply(const core::StoreRecord& record) {
    struct Visitor {
        RowWriter& writer;
        int operator()(const core::SessionPut& each) { return writer.put(each); }
        int operator()(const core::SessionErased& each) { return writer.erase(each); }
        int operator()(const core::WillPut& each) { return writer.put(each); }
        int operator()(const core::WillErased& each) {
            return writer.remove(writer.remove_will_, each.session);
        }
        int operator()(const core::SubscriptionPut& each) { return writer.put(each); }
        int operator()(const core::SubscriptionErased& each) { return writer.erase(each); }
        int operator()(const core::IncomingQos2Put& each) { return writer.put(each); }
        int operator()(const core::IncomingQos2Erased& each) { return writer.erase(each); }
        // These have lists of their own in the group.
        int operator()(const core::MessagePut&) { return SQLITE_OK; }
        int operator()(const core::PublicationComplete&) { return SQLITE_OK; }
        int operator()(const core::MessageDone&) { return SQLITE_OK; }
        int operator()(const core::WindowPut&) { return SQLITE_OK; }
        int operator()(const core::RetainedPut&) { return SQLITE_OK; }
        int operator()(const core::RetainedErased&) { return SQLITE_OK; }
    };
    return std::visit(Visitor{*this}, record);
}

int RowWriter::put(const core::MessagePut& record) {
    const core::Message& message = *record.message;
    encode_targets(record.targets.view(), record.identifiers(), blob_);
    RowBinder row(put_message_);
    row.id(record.id);
    row.bytes(blob_);
    row.integer_or_null(clock_.to_wall(message.expires_at()));
    row.integer(message_flags(message));
    row.integer(now_s_);
    row.integer(content_size(message));
    row.text(message.topic());
    row.bytes(message.properties());
    row.bytes(message.payload());
    return row.run();
}

int RowWriter::put(const core::WindowPut& record) {
    encode_window(record.entries, blob_);
    RowBinder row(put_window_);
    row.id(record.session);
    row.id(record.taken_through);
    row.bytes(blob_);
    return row.run();
}

int RowWriter::put(const core::RetainedPut& record) {
    const core::Message& message = *record.message;
    RowBinder row(put_retained_);
    row.id(record.id);
    row.integer_or_null(clock_.to_wall(message.expires_at()));
    row.integer(message_flags(message));
    row.text(message.topic());
    row.bytes(message.properties());
    row.bytes(message.payload());
    return row.run();
}

int RowWriter::put(const core::SessionPut& record) {
    const std::string owner = owner_text(record.owner);
    RowBinder row(put_session_);
    row.id(record.session);
    row.text(owner);
    row.text(record.client_id);
    row.integer(record.expiry_interval_s);
    row.integer_or_null(clock_.to_wall(record.disconnected_at));
    return row.run();
}

int RowWriter::put(const core::WillPut& record) {
    const core::Message& message = *record.message;
    RowBinder row(put_will_);
    row.id(record.session);
    row.integer(message_flags(message));
    row.integer(record.delay_interval_s);
    row.integer_or_null(record.has_message_expiry
                            ? std::optional<std::int64_t>(record.message_expiry_interval_s)
                            : std::nullopt);
    row.integer_or_null(clock_.to_wall(message.expires_at()));
    row.text(message.topic());
    row.bytes(message.properties());
    row.bytes(message.payload());
    return row.run();
}

int RowWriter::put(const core::SubscriptionPut& record) {
    RowBinder row(put_subscription_);
    row.id(record.session);
    row.text(record.filter);
    row.integer(pack(record.options));
    row.integer(record.identifier);
    return row.run();
}

int RowWriter::put(const core::IncomingQos2Put& record) {
    RowBinder row(put_incoming_);
    row.id(record.session);
    row.integer(protocol::to_wire(record.packet_id));
    return row.run();
}

int RowWriter::erase(const core::SubscriptionErased& record) {
    remove_subscription_.bind(1, to_row(record.session));
    remove_subscription_.bind(2, std::string_view(record.filter));
    return remove_subscription_.run();
}

int RowWriter::erase(const core::IncomingQos2Erased& record) {
    remove_incoming_.bind(1, to_row(record.session));
    remove_incoming_.bind(2, std::int64_t{protocol::to_wire(record.packet_id)});
    return remove_incoming_.run();
}

int RowWriter::erase(const core::SessionErased& record) {
    int status = SQLITE_OK;
    for (Statement& statement : forget_session_) {
        status = status == SQLITE_OK ? remove(statement, record.session) : status;
    }
    return status;
}

int RowWriter::remove(Statement& statement, std::uint64_t key) {
    statement.bind(1, to_row(key));
    return statement.run();
}

int RowWriter::remove(const Group::Run& run) {
    if (run.step > run_step_max || (run.last - run.first) / run.step + 1 < run_size_min) {
        int status = SQLITE_OK;
        for (std::uint64_t id = run.first; status == SQLITE_OK && id <= run.last; id += run.step) {
            status = remove(remove_message_, id);
        }
        return status;
    }
    remove_messages_.bind(1, to_row(run.first));
    remove_messages_.bind(2, to_row(run.last));
    remove_messages_.bind(3, to_row(run.step));
    return remove_messages_.run();
}

int RowWriter::load(const core::LoadRequest& request, core::LoadedMessages& to) {
    to.slot = request.slot;
    to.session = request.session;
    to.ids = request.ids;
    to.messages.assign(request.ids.size(), nullptr);
    if (request.ids.empty()) {
        return SQLITE_OK;
    }
    const std::uint64_t range = request.ids.back() - request.ids.front() + 1;
    if (request.ids.size() > 2 && range / request.ids.size() < range_density_min) {
        return load_range(request, to);
    }
    int status = SQLITE_OK;
    for (std::size_t i = 0; status == SQLITE_OK && i < request.ids.size(); ++i) {
        status = load_one(request.ids[i], to.messages[i]);
    }
    return status;
}

int RowWriter::load_one(core::MessageId id, core::MessageRef& to) {
    get_message_.bind(1, to_row(id));
    int status = get_message_.step();
    if (status == SQLITE_ROW) {
        status = take_row(get_message_, to);
    }
    get_message_.reset();
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

int RowWriter::load_range(const core::LoadRequest& request, core::LoadedMessages& to) {
    get_messages_.bind(1, to_row(request.ids.front()));
    get_messages_.bind(2, to_row(request.ids.back()));
    std::size_t next = 0;
    int status = get_messages_.step();
    while (status == SQLITE_ROW) {
        const core::MessageId id = get_messages_.id(1);
        while (next < request.ids.size() && request.ids[next] < id) {
            ++next;
        }
        if (next < request.ids.size() && request.ids[next] == id) {
            status = take_row(get_messages_, to.messages[next]);
            if (status != SQLITE_OK) {
                break;
            }
        }
        status = get_messages_.step();
    }
    get_messages_.reset();
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

int RowWriter::take_row(const Statement& row, core::MessageRef& to) {
    if (!is_intact(row)) {
        return SQLITE_IOERR_DATA;
    }
    to = read_message(row, message_columns, clock_);
    return to != nullptr ? SQLITE_OK : SQLITE_IOERR_DATA;
}

}  // namespace martlet::store
