// The world and the clients of the simulation: what happens in it.
// Threading: its test's thread only.
#include "tests/support/simulation.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include "protocol/packet/connect.hpp"
#include "protocol/packet/disconnect.hpp"
#include "protocol/packet/publish.hpp"
#include "protocol/packet/subscribe.hpp"
#include "protocol/packet/unsubscribe.hpp"
#include "protocol/topic.hpp"

namespace martlet::tests {

using core::ShardIndex;
using protocol::PacketType;
using protocol::QoS;
using protocol::Version;

namespace {

constexpr std::array<std::string_view, 9> topics = {"a",   "b",     "a/a",   "a/b", "b/a",
                                                    "b/b", "a/b/a", "a/a/b", "$a/b"};
constexpr std::array<std::string_view, 14> filters = {
    "#", "a/#", "+", "+/b", "a/+", "a/b", "b/#", "r/+", "a", "+/+/a", "b/a", "b/b", "r/#", "$a/+"};
constexpr std::size_t steps = 6000;
// v5 clients must not have more publishes under way; others are not read any further.
constexpr std::uint16_t server_receive_maximum = 8;

WorldOptions world_options(std::uint64_t seed, ShardIndex shards) {
    WorldOptions options;
    options.shards = shards;
    options.hash_seed = seed;
    options.keeps_records = true;
    options.limits.inflight_max = static_cast<std::uint16_t>(1 + seed % 7);
    options.limits.receive_maximum = server_receive_maximum;
    return options;
}

QoS random_qos(testing::Random& random) {
    return static_cast<QoS>(random.below(3));
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, ShardIndex shards, bool crashes)
    : random_(seed), crashes_(crashes), world_(world_options(seed, shards)) {
    world_.access.read = [this](const core::Identity&, std::string_view id,
                                std::string_view topic) { return may_read(id, topic); };
    world_.access.read_all = [this](const core::Identity&, std::string_view id,
                                    std::string_view filter) {
        return std::all_of(topics.begin(), topics.end(), [&](std::string_view topic) {
            return !protocol::matches(filter, topic) || may_read(id, topic);
        });
    };
    const std::size_t count = 10 + random_.below(31);
    for (std::size_t i = 0; i < count; ++i) {
        Client& client = clients_.emplace_back();
        client.index = i;
        client.id = "client" + std::to_string(i);
        client.version = random_.chance(2) ? Version::v5_0 : Version::v3_1_1;
        client.persistent = !random_.chance(3);
        const bool is_v5 = protocol::is_v5(client.version);
        client.window = is_v5 ? server_receive_maximum : std::size_t{2} * server_receive_maximum;
    }
}

void Simulation::run() {
    while (now_ < steps) {
        step();
        world_.check_invariants();
    }
    settle();
    check_promises();
    check_retained();
    check_nothing_left();
}

void Simulation::step() {
    ++now_;
    if (random_.chance(steps / 8)) {
        change_rights();
    }
    if (crashes_ && random_.chance(steps / 8)) {
        crash();
    }
    switch (random_.below(4)) {
        case 0:
            step_client(random_.pick(clients_));
            break;
        case 1:
            step_broker(static_cast<ShardIndex>(random_.below(world_.shard_count())));
            break;
        default: {
            Client& client = random_.pick(clients_);
            // Most of the time somebody's present connection, sometimes an old one.
            if (client.wire && !random_.chance(4)) {
                step_network(*client.wire);
                read(client);
            } else if (world_.wire_count() != 0) {
                step_network(random_.below(world_.wire_count()));
            }
        }
    }
}

// Of what the broker had sent, part arrives.
void Simulation::crash() {
    for (Client& client : clients_) {
        if (client.wire) {
            if (random_.chance(2)) {
                read(client);
            }
            lose_connection(client, false);
        }
    }
    world_.crash(static_cast<ShardIndex>(1 + random_.below(4)));
    world_.check_invariants();
    crashed_at_ = now_;
    ++report_.crashes;
}

void Simulation::change_rights() {
    ++rights_;
    rights_since_ = now_;
    for (ShardIndex shard = 0; shard < world_.shard_count(); ++shard) {
        world_.shard(shard).on_access_changed(world_.now());
    }
}

void Simulation::step_network(WireIndex index) {
    switch (random_.below(6)) {
        case 0:
            world_.arrive(index, 1 + random_.below(40));
            break;
        case 1:
        case 2:
            world_.arrive(index, unlimited);
            break;
        case 3:
            if (world_.wire(index).resumed) {
                world_.take_kept(index);
            }
            break;
        case 4:
            world_.drain(index);
            world_.tell_written(index);
            break;
        default:
            world_.finish_closing(index);
    }
}

void Simulation::step_broker(ShardIndex shard) {
    const auto peer = static_cast<ShardIndex>(random_.below(world_.shard_count()));
    switch (random_.below(8)) {
        case 0:
            if (random_.chance(3)) {
                world_.complete_load(shard);
            } else {
                world_.complete_store(shard);
            }
            break;
        case 1:
            while (world_.complete_store(shard)) {
            }
            break;
        case 2:
            world_.deliver_batch(peer, shard);
            break;
        case 3:
            while (world_.deliver_batch(peer, shard)) {
            }
            break;
        case 4:
            world_.pass_time(std::chrono::milliseconds(random_.below(50)));
            world_.tick(shard);
            break;
        default:
            world_.end_pass(shard);
    }
}

void Simulation::step_client(Client& client) {
    if (!client.wire) {
        connect(client);
        return;
    }
    if (!client.connected) {
        if (random_.chance(20)) {
            lose_connection(client, false);
        }
        return;
    }
    switch (random_.below(16)) {
        case 0:
            subscribe(client);
            break;
        case 1:
            if (random_.chance(2)) {
                unsubscribe(client);
            }
            break;
        case 2:
            if (random_.chance(2)) {
                lose_connection(client, random_.chance(3));
            } else if (random_.chance(6)) {
                disconnect(client);
            }
            break;
        case 3:
        case 4:
            acknowledge(client);
            break;
        case 5:
            while (acknowledge(client)) {
            }
            break;
        default:
            publish(client);
    }
}

// Everybody who has a session comes back, and everything goes its way until nothing moves.
void Simulation::settle() {
    constexpr int rounds_max = 10'000;
    // What nobody listens to any more breaks at last.
    std::set<WireIndex> own;
    for (Client& client : clients_) {
        if (!client.wire && client.persistent) {
            connect(client);
        }
        if (client.wire) {
            own.insert(*client.wire);
        }
    }
    for (WireIndex index = 0; index < world_.wire_count(); ++index) {
        if (!own.contains(index)) {
            world_.wire(index).client_closed = true;
        }
    }
    for (int round = 0; settle_once(); ++round) {
        if (round == rounds_max) {
            throw std::runtime_error("the broker never comes to rest");
        }
    }
}

bool Simulation::settle_once() {
    ++now_;
    bool moves = false;
    for (WireIndex index = 0; index < world_.wire_count(); ++index) {
        if (world_.wire(index).closed) {
            continue;
        }
        moves = world_.arrive(index, unlimited) || moves;
        moves = (world_.wire(index).resumed && world_.take_kept(index)) || moves;
        moves = world_.tell_written(index) || moves;
        moves = world_.finish_closing(index) || moves;
    }
    for (ShardIndex shard = 0; shard < world_.shard_count(); ++shard) {
        for (ShardIndex from = 0; from < world_.shard_count(); ++from) {
            while (world_.deliver_batch(from, shard)) {
                moves = true;
            }
        }
        while (world_.complete_store(shard)) {
            moves = true;
        }
        moves = world_.shard(shard).has_work() || moves;
        world_.end_pass(shard);
    }
    for (ShardIndex shard = 0; shard < world_.shard_count(); ++shard) {
        moves = moves || world_.store(shard).is_busy();
        for (ShardIndex to = 0; to < world_.shard_count(); ++to) {
            moves = moves || !world_.mailbox(shard, to).empty();
        }
    }
    for (Client& client : clients_) {
        moves = read(client) || moves;
        while (acknowledge(client)) {
            moves = true;
        }
    }
    world_.check_invariants();
    return moves;
}

// --- what clients do ---

// The lowest that is free, so that what the broker still has of an earlier use would show.
std::uint16_t Simulation::publish_id(const Client& client) {
    std::uint16_t id = 1;
    while (std::any_of(client.outgoing.begin(), client.outgoing.end(),
                       [id](const Outgoing& out) { return out.id == id; })) {
        ++id;
    }
    return id;
}

// For SUBSCRIBE and UNSUBSCRIBE; no other has it for long.
std::uint16_t Simulation::next_id(Client& client) {
    constexpr std::uint16_t first = 1'000;
    client.last_id = static_cast<std::uint16_t>(client.last_id % 50'000 + 1);
    return static_cast<std::uint16_t>(first + client.last_id);
}

template <class AnyPacket>
void Simulation::send(Client& client, const AnyPacket& packet) {
    const ByteVector bytes = to_bytes(packet, client.version);
    ByteVector& sent = world_.wire(*client.wire).sent;
    sent.insert(sent.end(), bytes.begin(), bytes.end());
}

void Simulation::connect(Client& client) {
    protocol::ConnectView connect;
    connect.version = client.version;
    connect.clean_start = !client.persistent;
    connect.client_id = client.id;
    connect.session_expiry_interval_s = client.persistent ? 0xFFFFFFFF : 0;
    // Not always what it was with the last connection.
    if (protocol::is_v5(client.version) && random_.chance(2)) {
        connect.receive_maximum = static_cast<std::uint16_t>(1 + random_.below(4));
    }
    if (protocol::is_v5(client.version)) {
        connect.topic_alias_maximum = static_cast<std::uint16_t>(random_.below(4));
    }
    client.aliases = ReceivedAliases(connect.topic_alias_maximum);
    client.wire = world_.open_wire(static_cast<ShardIndex>(random_.below(world_.shard_count())));
    client.connected = false;
    client.unread.clear();
    if (random_.chance(4)) {
        world_.wire(*client.wire).room = 16 + random_.below(200);
    }
    send(client, connect);
}

// The network fails. Unnoticed: what was under way to the broker may still arrive, and the broker
// thinks that the connection stands until there is a new one.
void Simulation::lose_connection(Client& client, bool unnoticed) {
    if (!unnoticed) {
        Wire& wire = world_.wire(*client.wire);
        wire.sent.clear();
        wire.delivered.clear();
        wire.client_closed = true;
    }
    client.wire.reset();
    client.connected = false;
    client.session_possible = client.persistent;
    client.to_acknowledge.clear();
    if (!client.persistent) {
        client.outgoing.clear();
        client.incoming_qos2.clear();
    }
    // Nobody knows about what was not answered.
    std::erase_if(client.subscriptions, [&client](const auto& entry) {
        return !client.persistent || !entry.second.since;
    });
    ++report_.reconnects;
}

void Simulation::disconnect(Client& client) {
    send(client, protocol::DisconnectView{});
    lose_connection(client, true);
}

void Simulation::subscribe(Client& client) {
    std::vector<protocol::SubscriptionRequestView> requests;
    const std::uint16_t id = next_id(client);
    for (std::size_t count = 1 + random_.below(2); count > 0; --count) {
        protocol::SubscriptionRequestView request;
        request.filter = random_.pick(filters);
        request.options.qos = random_qos(random_);
        const std::string filter(request.filter);
        client.filters.insert(filter);
        const auto [found, is_new] =
            client.subscriptions.try_emplace(filter, Subscription{request.options.qos, {}, id});
        // Replacing one loses nothing, but its terms may already be the lower ones.
        found->second.qos = protocol::lower_of(found->second.qos, request.options.qos);
        requests.push_back(request);
    }
    protocol::SubscribePacket packet;
    packet.packet_id = protocol::PacketId{id};
    packet.requests = requests;
    send(client, packet);
}

void Simulation::subscribe_to(Client& client, const protocol::SubscriptionRequestView& request) {
    protocol::SubscribePacket packet;
    packet.packet_id = protocol::PacketId{next_id(client)};
    packet.requests = {&request, 1};
    send(client, packet);
}

void Simulation::unsubscribe(Client& client) {
    const std::string_view filter = random_.pick(filters);
    client.subscriptions.erase(std::string(filter));
    protocol::UnsubscribePacket packet;
    packet.packet_id = protocol::PacketId{next_id(client)};
    packet.filters = {&filter, 1};
    send(client, packet);
}

void Simulation::publish(Client& client) {
    Message message;
    message.publisher = client.index;
    message.topic = random_.pick(topics);
    message.qos = random_qos(random_);
    message.sent_at = now_;
    // A retained topic has one publisher, that comes back and sends at one QoS: only then is it
    // known which message is the last.
    if (client.persistent && random_.chance(5)) {
        message.topic = "r/" + std::to_string(client.index);
        message.qos = client.index % 2 == 0 ? QoS::at_least_once : QoS::exactly_once;
        message.retain = true;
    }
    if (message.qos != QoS::at_most_once && client.outgoing.size() >= client.window) {
        return;
    }
    const std::size_t index = messages_.size();
    if (!message.retain || !random_.chance(6)) {
        message.payload = client.id + ' ' + message.topic + " #" + std::to_string(index);
        by_payload_.emplace(message.payload, index);
    }
    if (message.retain) {
        retained_[message.topic] = message.payload;
    }
    messages_.push_back(message);
    ++report_.published;
    Outgoing out;
    out.message = index;
    if (message.qos != QoS::at_most_once) {
        out.id = publish_id(client);
        client.outgoing.push_back(out);
    }
    send_publish(client, out, false);
}

void Simulation::send_publish(Client& client, const Outgoing& out, bool dup) {
    Message& message = messages_[out.message];
    ++message.sendings;
    protocol::PublishView packet;
    packet.topic = message.topic;
    packet.payload = protocol::as_bytes(message.payload);
    packet.qos = message.qos;
    packet.retain = message.retain;
    packet.dup = dup;
    packet.packet_id = protocol::PacketId{out.id};
    send(client, packet);
}

void Simulation::send_ack(Client& client, const protocol::AckView& ack) {
    send(client, ack);
}

// In the order in which the messages came.
bool Simulation::acknowledge(Client& client) {
    if (client.to_acknowledge.empty()) {
        return false;
    }
    send(client, client.to_acknowledge.front());
    client.to_acknowledge.pop_front();
    return true;
}

bool Simulation::read(Client& client) {
    if (!client.wire) {
        return false;
    }
    Wire& wire = world_.wire(*client.wire);
    if (wire.closing || wire.closed) {
        fail(client, "its connection was closed by the broker");
    }
    if (wire.delivered.empty()) {
        return false;
    }
    client.unread.insert(client.unread.end(), wire.delivered.begin(), wire.delivered.end());
    wire.delivered.clear();
    world_.drain(*client.wire);
    std::size_t used = 0;
    while (true) {
        const auto progress =
            protocol::next_frame(protocol::Bytes(client.unread).subspan(used), 0x10000000);
        if (!progress) {
            fail(client, "the broker sent bytes that are not a packet");
        }
        if (progress->state == protocol::FrameProgress::State::need_more) {
            break;
        }
        used += progress->frame.whole.size();
        Packet packet = decode_from_server(progress->frame, client.version);
        client.aliases.resolve(packet);
        receive(client, packet);
    }
    client.unread.erase(client.unread.begin(),
                        client.unread.begin() + static_cast<std::ptrdiff_t>(used));
    return true;
}

}  // namespace martlet::tests
