#include "tests/support/bare_broker.hpp"

#include <algorithm>
#include <array>

#include "protocol/assert.hpp"
#include "protocol/byte_writer.hpp"
#include "protocol/packet/connect.hpp"

namespace martlet::testing {

void NoNetwork::flush(core::ConnectionId id) {
    MARTLET_ASSERT(!id || id != not_to_write_to);
    waiting_max = std::max(waiting_max, shard->counters().publishes_sent - writes);
    ++writes;
    core::Outbox& outbox = shard->outbox(id);
    if (id == kept) {
        std::array<core::OutputSegment, 64> segments;
        for (std::size_t i = 0, count = outbox.gather(segments); i < count; ++i) {
            sent.insert(sent.end(), segments[i].data, segments[i].data + segments[i].size);
        }
    }
    outbox.consume(shard->chunk_pool(), outbox.size());
}

core::ShardSetup BareBroker::setup(core::ShardIndex index, core::ShardIndex shard_count,
                                   core::ShardLink* link) {
    core::ShardSetup made;
    made.index = index;
    made.shard_count = shard_count;
    made.link = link;
    made.connections = &network;
    made.store = &store;
    made.access = &access;
    made.log = &log;
    return made;
}

void BareBroker::receive(core::ConnectionId id, const std::vector<std::byte>& bytes) {
    protocol::Bytes rest = bytes;
    do {
        rest = rest.subspan(shard.on_receive(id, rest, {}));
        shard.end_pass({});
    } while (!rest.empty() && shard.reads(id));
    while (shard.has_work()) {
        shard.end_pass({});
    }
}

core::ConnectionId BareBroker::connect(const std::string& client_id) {
    protocol::ConnectView connect;
    connect.version = protocol::Version::v3_1_1;
    connect.client_id = client_id;
    std::vector<std::byte> bytes(protocol::encoded_size(connect));
    protocol::ByteWriter out(bytes);
    protocol::encode(connect, out);
    const core::ConnectionId id = shard.open({}, {});
    receive(id, bytes);
    return id;
}

void BareBroker::subscribe(core::ConnectionId id, const std::string& filter, unsigned qos) {
    std::vector<std::byte> bytes(2 + 2 + 2 + filter.size() + 1);
    protocol::ByteWriter out(bytes);
    out.u8(0x82);
    out.varint(static_cast<std::uint32_t>(bytes.size() - 2));
    out.u16(1);
    out.utf8(filter);
    out.u8(static_cast<std::uint8_t>(qos));
    receive(id, bytes);
}

std::vector<std::byte> publishes(const std::string& topic, std::uint16_t count, unsigned qos) {
    std::vector<std::byte> bytes;
    const std::string payload(64, 'x');
    for (std::uint16_t i = 0; i < count; ++i) {
        std::vector<std::byte> one(2 + 2 + topic.size() + (qos == 0 ? 0 : 2) + payload.size());
        protocol::ByteWriter out(one);
        out.u8(static_cast<std::uint8_t>(0x30U | qos << 1U));
        out.varint(static_cast<std::uint32_t>(one.size() - 2));
        out.utf8(topic);
        if (qos != 0) {
            out.u16(static_cast<std::uint16_t>(i + 1));
        }
        out.bytes(protocol::as_bytes(payload));
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    return bytes;
}

std::vector<std::byte> acknowledge(protocol::Bytes sent, std::size_t topic_size) {
    std::vector<std::byte> acks;
    for (std::size_t at = 0; at + 2 < sent.size();) {
        const auto length = std::to_integer<std::size_t>(sent[at + 1]);
        const std::size_t packet_id = at + 4 + topic_size;
        acks.insert(acks.end(),
                    {std::byte{0x40}, std::byte{2}, sent[packet_id], sent[packet_id + 1]});
        at += 2 + length;
    }
    return acks;
}

}  // namespace martlet::testing
