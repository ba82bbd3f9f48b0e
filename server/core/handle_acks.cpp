// PUBACK, PUBREC, PUBREL and PUBCOMP from a client.
#include <utility>

#include "server/core/shard.hpp"
#include "server/core/write_packet.hpp"

namespace martlet::core {

using protocol::AckView;
using protocol::PacketType;
using protocol::ReasonCode;
using State = InflightOut::State;

void Shard::handle_ack(Connection& connection, const AckView& ack) {
    Session& session = sessions_[connection.session];
    if (ack.type == PacketType::pubrel) {
        handle_pubrel(connection, session, ack);
        return;
    }
    InflightOut* entry = session.inflight.find(ack.packet_id);
    switch (ack.type) {
        case PacketType::puback:
            if (entry != nullptr && entry->state == State::awaiting_puback) {
                finish_delivery(session, *entry);
                pump(session);
            }
            return;
        case PacketType::pubrec:
            handle_pubrec(connection, session, ack);
            return;
        case PacketType::pubcomp:
            if (entry != nullptr && entry->state == State::awaiting_pubcomp) {
                finish_delivery(session, *entry);
                pump(session);
            }
            return;
        default:
            return;
    }
}

void Shard::handle_pubrec(Connection& connection, Session& session, const AckView& ack) {
    InflightOut* entry = session.inflight.find(ack.packet_id);
    const bool expected = entry != nullptr && entry->state != State::awaiting_puback;
    if (expected && entry->is_held) {
        return;  // the PUBREL follows
    }
    if (expected && protocol::is_error(ack.reason)) {
        finish_delivery(session, *entry);  // the exchange ends here [v5 MQTT-4.3.3-4]
        pump(session);
        return;
    }
    if (expected && entry->state == State::awaiting_pubrec && begin_release(session, *entry)) {
        return;
    }
    // Answered even when unknown: the client may have lost our earlier PUBREL [v3.1.1
    // MQTT-4.3.3-1].
    AckView release;
    release.type = PacketType::pubrel;
    release.packet_id = ack.packet_id;
    if (!expected) {
        release.reason = ReasonCode::packet_identifier_not_found;
    }
    write_packet(connection, release);
}

// What comes next for it is PUBREL. True: once the store knows.
bool Shard::begin_release(Session& session, InflightOut& entry) {
    entry.state = State::awaiting_pubcomp;
    entry.message.reset();
    const MessageId stored = std::exchange(entry.stored, 0);
    if (stored == 0) {
        return false;
    }
    // The client forgets the identifier with our PUBREL. If we did not remember that it was
    // released, the message would be sent again after a crash, and be new to it.
    record(MessageDone{stored});
    mark_window(session);
    if (!entry.sent) {
        --session.inflight_unsent;  // answered before it was sent again
    }
    hold(session, entry);
    return true;
}

void Shard::handle_pubrel(Connection& connection, Session& session, const AckView& ack) {
    const std::size_t mark = store_mark();
    const bool known = session.incoming_qos2.erase(ack.packet_id);
    if (known && is_kept(session)) {
        record(IncomingQos2Erased{session.id, ack.packet_id});
    }
    Answer complete;
    complete.connection = connection.id;
    complete.type = PacketType::pubcomp;
    complete.packet_id = ack.packet_id;
    complete.reason = known ? ReasonCode::success : ReasonCode::packet_identifier_not_found;
    // Unknown may mean that it was released by an earlier connection: after a crash before that is
    // durable, the next message under this identifier would be taken for the released one.
    complete.ticket = known || !is_kept(session) ? ticket_since(mark) : latest_ticket();
    answer(connection, std::move(complete));
}

// The client has taken responsibility: the message leaves the window.
void Shard::finish_delivery(Session& session, InflightOut& entry) {
    if (entry.stored != 0) {
        record(MessageDone{entry.stored});
    }
    if (is_kept(session)) {
        mark_window(session);
    }
    finish_extras(session, entry.terms, nullptr);
    if (entry.is_held) {
        --session.inflight_held;
    } else if (!entry.sent) {
        --session.inflight_unsent;
    }
    session.inflight.finish(entry);
    --inflight_messages_;
}

}  // namespace martlet::core
