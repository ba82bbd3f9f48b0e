// The wire form of an outgoing PUBLISH.
#include <boost/container/small_vector.hpp>

#include <algorithm>

#include "protocol/properties.hpp"
#include "protocol/varint.hpp"
#include "server/core/shard.hpp"

namespace martlet::core {

using protocol::Bytes;
using protocol::ByteWriter;
using protocol::PacketId;
using protocol::PropertyId;
using protocol::QoS;

namespace {

// What of a PUBLISH differs between its receivers, sized before it is written.
struct Layout {
    std::span<const std::uint32_t> identifiers;
    std::string_view topic;  // empty: the alias says it
    Bytes forwarded;
    std::uint16_t alias = 0;
    bool is_v5 = false;
    bool has_expiry = false;
    std::uint32_t expiry_s = 0;
    std::size_t own_properties = 0;  // alias, expiry and identifiers
    std::size_t remaining = 0;       // Remaining Length
    std::size_t total = 0;           // with the fixed header

    std::size_t properties() const { return own_properties + forwarded.size(); }
};

void size_up(Layout& layout, const Publication& publication, QoS qos) {
    std::size_t size = 2 + layout.topic.size() + publication.payload().size();
    if (qos != QoS::at_most_once) {
        size += 2;
    }
    if (layout.is_v5) {
        layout.own_properties = (layout.has_expiry ? 5 : 0) + (layout.alias != 0 ? 3 : 0);
        for (const std::uint32_t identifier : layout.identifiers) {
            layout.own_properties += 1 + protocol::varint_size(identifier);
        }
        const std::size_t all = layout.properties();
        size += protocol::varint_size(static_cast<std::uint32_t>(all)) + all;
    }
    layout.remaining = size;
    layout.total = 1 + protocol::varint_size(static_cast<std::uint32_t>(size)) + size;
}

// Everything before the payload.
void write_head(ByteWriter& out, const Layout& layout, DeliveryTerms terms, PacketId packet_id,
                bool dup) {
    const unsigned flags =
        (dup ? 8U : 0U) | protocol::to_wire(terms.qos()) << 1U | (terms.retain() ? 1U : 0U);
    out.u8(static_cast<std::uint8_t>(0x30U | flags));
    out.varint(static_cast<std::uint32_t>(layout.remaining));
    out.utf8(layout.topic);
    if (terms.qos() != QoS::at_most_once) {
        out.u16(protocol::to_wire(packet_id));
    }
    if (layout.is_v5) {
        out.varint(static_cast<std::uint32_t>(layout.properties()));
        if (layout.alias != 0) {
            protocol::put_u16(out, PropertyId::topic_alias, layout.alias);
        }
        if (layout.has_expiry) {
            protocol::put_u32(out, PropertyId::message_expiry_interval, layout.expiry_s);
        }
        for (const std::uint32_t identifier : layout.identifiers) {
            protocol::put_varint(out, PropertyId::subscription_identifier, identifier);
        }
        out.bytes(layout.forwarded);
    }
}

std::uint32_t alias_hash(Publication& publication, const TextHash& hasher) {
    return static_cast<std::uint32_t>(publication.topic_hash(hasher));
}

}  // namespace

// Only for a client that permits aliases, and none above its maximum [v5 MQTT-3.1.2-26] [v5
// MQTT-3.1.2-27].
SentAliases::Choice Shard::choose_alias(Connection& connection, Publication& publication) {
    if (connection.sent_aliases_max == 0) {
        return {};
    }
    if (!connection.sent_aliases) {
        connection.sent_aliases = std::make_unique<SentAliases>(connection.sent_aliases_max);
    }
    return connection.sent_aliases->choose(publication.topic(),
                                           alias_hash(publication, topic_hash_));
}

// Nothing of it is this receiver's own: what follows the fixed header is copied as it is.
bool Shard::write_plain_publish(Connection& connection, const Publication& publication,
                                DeliveryTerms terms) {
    const Bytes body = publication.plain_body(protocol::is_v5(connection.version));
    const std::size_t total =
        1 + protocol::varint_size(static_cast<std::uint32_t>(body.size())) + body.size();
    if (body.empty() || total > Outbox::reserve_max || connection.packet_size_max != 0 ||
        connection.sent_aliases_max != 0) {
        return false;
    }
    ByteWriter out({connection.outbox.reserve(chunk_pool_, total), total});
    out.u8(static_cast<std::uint8_t>(0x30U | (terms.retain() ? 1U : 0U)));
    out.varint(static_cast<std::uint32_t>(body.size()));
    out.bytes(body);
    connection.outbox.commit(total);
    return true;
}

Shard::Written Shard::write_publish(Connection& connection, Publication& publication,
                                    DeliveryTerms terms, const Session& session, PacketId packet_id,
                                    bool dup) {
    if (terms.is_plain() && write_plain_publish(connection, publication, terms)) {
        note_published(connection, publication);
        return Written::ok;
    }
    Layout layout;
    layout.topic = publication.topic();
    std::uint32_t single = 0;
    SentAliases::Choice choice;
    if (protocol::is_v5(connection.version)) {
        layout.is_v5 = true;
        layout.forwarded = publication.forwarded_properties();
        if (publication.expires_at() != never) {
            // What is left of it [v5 MQTT-3.3.2-6]; a message on its way is never sent with 0 left.
            const auto left =
                std::chrono::ceil<std::chrono::seconds>(publication.expires_at() - now_);
            layout.has_expiry = true;
            layout.expiry_s = static_cast<std::uint32_t>(std::max<std::int64_t>(left.count(), 1));
        }
        if (terms.has_extras()) {
            layout.identifiers = session.extras->by_key.at(terms.value()).identifiers;
        } else if (terms.value() != 0) {
            single = terms.value();
            layout.identifiers = {&single, 1};
        }
        choice = choose_alias(connection, publication);
        layout.alias = choice.alias;
        if (choice.is_known) {
            layout.topic = {};
        }
    }
    const auto is_too_large = [&] {
        return connection.packet_size_max != 0 && layout.total > connection.packet_size_max;
    };
    size_up(layout, publication, terms.qos());
    if (is_too_large() && choice.alias != 0 && !choice.is_known) [[unlikely]] {
        choice = {};
        layout.alias = 0;
        size_up(layout, publication, terms.qos());
    }
    if (is_too_large()) {
        ++counters_.dropped_too_large;  // for this receiver alone [v5 MQTT-3.1.2-25]
        return Written::too_large;
    }
    if (choice.alias != 0 && !choice.is_known) {
        connection.sent_aliases->set_up(choice.alias, publication.topic(),
                                        alias_hash(publication, topic_hash_));
    }
    Outbox& outbox = connection.outbox;
    if (layout.total <= Outbox::reserve_max) [[likely]] {
        ByteWriter out({outbox.reserve(chunk_pool_, layout.total), layout.total});
        write_head(out, layout, terms, packet_id, dup);
        out.bytes(publication.payload());
        outbox.commit(layout.total);
    } else {
        boost::container::small_vector<std::byte, 512> head(layout.total -
                                                            publication.payload().size());
        ByteWriter out({head.data(), head.size()});
        write_head(out, layout, terms, packet_id, dup);
        outbox.append(chunk_pool_, {head.data(), head.size()});
        if (publication.payload().size() >= Outbox::share_threshold) {
            const MessageRef& message = publication.message();
            outbox.append_shared(chunk_pool_, message, message->payload());
        } else {
            outbox.append(chunk_pool_, publication.payload());
        }
    }
    note_published(connection, publication);
    return Written::ok;
}

void Shard::note_published(Connection& connection, const Publication& publication) {
    ++counters_.packets_sent;
    ++counters_.publishes_sent;
    counters_.publish_bytes_sent += publication.payload().size();
    mark_output(connection);
}

}  // namespace martlet::core
