// The packets that the generator sends, and what it looks at in a PUBLISH that comes back.
// Ownership: as said at each. Threading: one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/packet_id.hpp"
#include "protocol/qos.hpp"
#include "protocol/version.hpp"
#include "tests/bench/load/channel.hpp"

namespace martlet::load {

using protocol::PacketId;
using protocol::QoS;
using protocol::Version;

// The first bytes of every payload, by which a delivery is told from every other. A stream is the
// messages of one publisher on one topic, whose order the protocol promises to keep.
struct Stamp {
    std::uint64_t sent_ns = 0;
    std::uint32_t stream = 0;
    std::uint32_t number = 0;  // 1, 2, 3, ... in its stream
};

struct PublishShape {
    QoS qos{};
    bool retain = false;
    std::size_t payload_size = sizeof(Stamp);
};

// A PUBLISH that is put together once and sent many times, each with a stamp of its own.
class PreparedPublish {
public:
    PreparedPublish(std::string_view topic, const PublishShape& shape, Version version);

    void put(Channel& channel, PacketId id, const Stamp& stamp) const;

private:
    std::vector<std::byte> head_;  // up to the payload
    std::size_t id_at_ = 0;        // 0: none at QoS 0
    std::size_t payload_size_;
};

// One that is sent once. With a payload size of 0 it has no stamp.
void put_publish(Channel& channel, std::string_view topic, const PublishShape& shape, PacketId id,
                 const Stamp& stamp, Version version);

struct ConnectRequest {
    std::string_view client_id;
    std::string_view user;
    std::string_view password;
    bool is_clean = true;
};
void put_connect(Channel& channel, const ConnectRequest& request, Version version);
void put_subscribe(Channel& channel, PacketId id, std::span<const std::string> filters, QoS qos,
                   Version version);
void put_puback(Channel& channel, PacketId id);
void put_disconnect(Channel& channel);

struct Delivery {
    bool retain = false;
    bool dup = false;
    PacketId packet_id = PacketId::none;
    Stamp stamp;
};

// From the flags and the body of a PUBLISH, of which the end may be missing. False if the stamp has
// not come yet, or never will.
bool read_delivery(unsigned flags, Bytes body, Version version, Delivery& delivery);

}  // namespace martlet::load
