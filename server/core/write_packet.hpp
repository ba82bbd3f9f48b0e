// Puts one control packet into a connection's outbox.
// Threading: its shard's thread only.
#pragma once

#include "server/core/shard.hpp"

namespace martlet::core {

// encoded_size() and encode() of the packet's own header do the work; packets other than PUBLISH
// are small, but a SUBACK for thousands of filters or a long reason string may exceed a chunk.
template <class Packet>
void Shard::write_packet(Connection& connection, const Packet& packet) {
    const auto size = [&] {
        if constexpr (requires { encoded_size(packet, connection.version); }) {
            return encoded_size(packet, connection.version);
        } else {
            return encoded_size(packet);
        }
    }();
    if (connection.packet_size_max != 0 && size > connection.packet_size_max) [[unlikely]] {
        // Too much for this client: without its text, or not at all [v5 MQTT-3.1.2-24] [v5
        // MQTT-3.1.2-25].
        if constexpr (requires { packet.reason_string.has_value(); }) {
            if (packet.reason_string) {
                Packet bare = packet;
                bare.reason_string.reset();
                write_packet(connection, bare);
                return;
            }
        }
        ++counters_.dropped_too_large;
        return;
    }
    const auto encode_into = [&](std::span<std::byte> out) {
        protocol::ByteWriter writer(out);
        if constexpr (requires { encode(packet, connection.version, writer); }) {
            encode(packet, connection.version, writer);
        } else {
            encode(packet, writer);
        }
    };
    if (size <= Outbox::reserve_max) {
        encode_into({connection.outbox.reserve(chunk_pool_, size), size});
        connection.outbox.commit(size);
    } else {
        std::vector<std::byte> bytes(size);
        encode_into(bytes);
        connection.outbox.append(chunk_pool_, bytes);
    }
    ++counters_.packets_sent;
    mark_output(connection);
}

}  // namespace martlet::core
