// The model of the simulation: what a client hears, against what the broker has promised.
// Threading: its test's thread only.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "protocol/packet/subscribe.hpp"
#include "protocol/topic.hpp"
#include "tests/support/simulation.hpp"

namespace martlet::tests {

using protocol::PacketType;
using protocol::QoS;

namespace {

// Of "client7" 7; of the reader 1.
std::size_t number_in(std::string_view client_id) {
    constexpr std::string_view prefix = "client";
    return client_id.starts_with(prefix) ? std::stoul(std::string(client_id.substr(prefix.size())))
                                         : 1;
}

}  // namespace

void Simulation::fail(const Client& client, const std::string& what) const {
    throw std::runtime_error("step " + std::to_string(now_) + ", " + client.id + ": " + what);
}

void Simulation::receive(Client& client, const Packet& packet) {
    switch (packet.type) {
        case PacketType::connack:
            receive_connack(client, packet);
            break;
        case PacketType::publish:
            receive_publish(client, packet);
            break;
        case PacketType::suback:
            for (auto& [filter, subscription] : client.subscriptions) {
                if (subscription.suback == packet.id && !subscription.since) {
                    subscription.since = now_;
                }
            }
            break;
        case PacketType::unsuback:
            break;
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp:
            receive_ack(client, packet);
            break;
        default:
            fail(client, "did not expect " + to_text(packet));
    }
}

void Simulation::receive_connack(Client& client, const Packet& packet) {
    if (packet.reason != protocol::ReasonCode::success || client.connected) {
        fail(client, "did not expect " + to_text(packet));
    }
    if (packet.session_present ? !client.session_possible : client.session_expected) {
        fail(client, packet.session_present ? "a session it never had" : "its session is lost");
    }
    client.connected = true;
    client.session_expected = client.persistent;
    // [v3.1.1 MQTT-4.4.0-1] [v5 MQTT-4.4.0-1]
    for (Outgoing& out : client.outgoing) {
        if (out.owned_by_broker) {
            out.pubrel_repeated = true;
            protocol::AckView pubrel;
            pubrel.type = PacketType::pubrel;
            pubrel.packet_id = protocol::PacketId{out.id};
            send_ack(client, pubrel);
        } else {
            send_publish(client, out, true);
        }
    }
}

void Simulation::receive_publish(Client& client, const Packet& packet) {
    if (packet.qos != QoS::at_most_once) {
        protocol::AckView ack;
        ack.type = packet.qos == QoS::at_least_once ? PacketType::puback : PacketType::pubrec;
        ack.packet_id = protocol::PacketId{packet.id};
        client.to_acknowledge.push_back(ack);
    }
    if (packet.qos == QoS::exactly_once && !client.incoming_qos2.insert(packet.id).second) {
        if (!packet.dup) {
            fail(client, "an identifier in use for " + to_text(packet));
        }
        return;
    }
    accept(client, packet);
}

void Simulation::accept(Client& client, const Packet& packet) {
    ++report_.received;
    if (std::none_of(client.filters.begin(), client.filters.end(), [&](const std::string& filter) {
            return protocol::matches(filter, packet.topic);
        })) {
        fail(client, "never asked for " + to_text(packet));
    }
    if (!may_always_read(client.id, packet.topic) && packet.topic == "b/a") {
        fail(client, "may not read " + to_text(packet));
    }
    if (packet.payload.empty() && packet.topic.starts_with("r/")) {
        return;  // a retained message was deleted
    }
    const auto found = by_payload_.find(packet.payload);
    if (found == by_payload_.end() || messages_[found->second].topic != packet.topic) {
        fail(client, "nobody has published " + to_text(packet));
    }
    const Message& message = messages_[found->second];
    // What was sent after the last change has met no other rights.
    if (!may_read(client.id, packet.topic) && message.sent_at > rights_since_) {
        fail(client, "may not read any more " + to_text(packet));
    }
    if (protocol::to_wire(packet.qos) > protocol::to_wire(message.qos)) {
        fail(client, "a higher QoS than it was published with: " + to_text(packet));
    }
    if (packet.retain) {
        if (!message.retain) {
            fail(client, "was not retained: " + to_text(packet));
        }
        client.retained[packet.topic] = packet.payload;
        return;  // what was there before the subscription: has nothing to do with live messages
    }
    std::size_t& count = client.received[found->second];
    // A message with QoS 2 is on its way once; only QoS 1 may be sent again, and says so.
    // What the broker took before a crash and had not acknowledged it may take again after it: only
    // a session at QoS 2 must not see that.
    const bool at_qos2 = packet.qos == QoS::exactly_once && client.persistent;
    const bool is_repeated = at_qos2 && !client.received_exactly_once.insert(found->second).second;
    const bool taken_twice = message.sent_at < crashed_at_ && !is_repeated;
    if (message.qos == QoS::exactly_once && count != 0 && !taken_twice &&
        (packet.qos != QoS::at_least_once || !packet.dup)) {
        fail(client, "more than once: " + to_text(packet));
    }
    if (count != 0 && message.sendings == 1 && packet.qos == QoS::at_least_once && !packet.dup) {
        fail(client, "again, and not as a duplicate: " + to_text(packet));
    }
    if (count == 0) {
        check_order(client, found->second, packet);
    }
    ++count;
}

// Called for the first occurrence of a message.
void Simulation::check_order(Client& client, std::size_t index, const Packet& packet) {
    const Message& message = messages_[index];
    const std::string stream = std::to_string(message.publisher) + ' ' + message.topic + ' ' +
                               std::to_string(protocol::to_wire(message.qos)) +
                               std::to_string(protocol::to_wire(packet.qos));
    const auto [latest, is_first] = client.latest.try_emplace(stream, index);
    if (is_first || latest->second < index) {
        latest->second = index;
        return;
    }
    if (!may_always_read(client.id, packet.topic)) {
        return;  // it may have missed the first sending
    }
    // At QoS 0 it may have missed what the broker takes once more after a crash.
    if (packet.qos == QoS::at_most_once && message.sent_at < crashed_at_) {
        return;
    }
    // A QoS 1 message may come out of turn to one who has missed it the first time: who was not
    // subscribed then, or at QoS 0.
    if (message.qos == QoS::at_least_once || message.sent_at < crashed_at_) {
        const auto qos = standing(client, message.topic, message.sent_at);
        if (!qos || *qos == QoS::at_most_once) {
            return;
        }
    }
    fail(client,
         "after '" + messages_[latest->second].payload + "' came the older " + to_text(packet));
}

void Simulation::receive_ack(Client& client, const Packet& packet) {
    protocol::AckView reply;
    reply.packet_id = protocol::PacketId{packet.id};
    if (packet.type == PacketType::pubrel) {
        client.incoming_qos2.erase(packet.id);
        reply.type = PacketType::pubcomp;
        client.to_acknowledge.push_back(reply);
        return;
    }
    const auto out = std::find_if(client.outgoing.begin(), client.outgoing.end(),
                                  [&](const Outgoing& each) { return each.id == packet.id; });
    if (out == client.outgoing.end()) {
        fail(client, "has nothing under way for " + to_text(packet));
    }
    // The answer to a PUBREL that was sent again because the first PUBCOMP got lost.
    const bool is_known_end = packet.type == PacketType::pubcomp && out->pubrel_repeated &&
                              packet.reason == protocol::ReasonCode::packet_identifier_not_found;
    if (protocol::is_error(packet.reason) && !is_known_end) {
        fail(client, "was refused: " + to_text(packet));
    }
    const bool is_qos1 = messages_[out->message].qos == QoS::at_least_once;
    if (is_qos1 != (packet.type == PacketType::puback) ||
        out->owned_by_broker != (packet.type == PacketType::pubcomp)) {
        fail(client, "did not expect " + to_text(packet));
    }
    if (packet.type != PacketType::pubcomp) {
        ++report_.acknowledged;
        promise(out->message);
    }
    if (packet.type == PacketType::pubrec) {
        out->owned_by_broker = true;
        reply.type = PacketType::pubrel;
        send_ack(client, reply);
    } else {
        client.outgoing.erase(out);
    }
}

std::optional<QoS> Simulation::standing(const Client& client, std::string_view topic,
                                        std::size_t since) {
    std::optional<QoS> highest;
    for (const auto& [filter, subscription] : client.subscriptions) {
        if (subscription.since && *subscription.since < since && protocol::matches(filter, topic) &&
            (!highest || protocol::to_wire(*highest) < protocol::to_wire(subscription.qos))) {
            highest = subscription.qos;
        }
    }
    return highest;
}

// The publisher has the broker's word: who is to get it is certain from here on.
void Simulation::promise(std::size_t index) {
    const Message& message = messages_[index];
    for (Client& client : clients_) {
        const auto qos = standing(client, message.topic, message.sent_at);
        if (client.persistent && may_always_read(client.id, message.topic) &&
            !message.payload.empty() && qos && *qos != QoS::at_most_once) {
            client.promised.insert(index);
            ++report_.promised;
        }
    }
}

void Simulation::check_promises() const {
    for (const Client& client : clients_) {
        if (!client.outgoing.empty()) {
            fail(client, "was never answered about '" +
                             messages_[client.outgoing.front().message].payload + "'");
        }
        for (const std::size_t index : client.promised) {
            // More often than once has been found out before.
            if (!client.received.contains(index)) {
                fail(client, "never got '" + messages_[index].payload + "'");
            }
        }
    }
}

bool Simulation::may_always_read(std::string_view client_id, std::string_view topic) {
    return (topic != "b/a" || number_in(client_id) % 5 != 0) && topic != "b/b";
}

bool Simulation::may_read(std::string_view client_id, std::string_view topic) const {
    return may_always_read(client_id, topic) ||
           (topic == "b/b" && (number_in(client_id) + rights_) % 3 != 0);
}

// One more client asks for everything.
void Simulation::check_retained() {
    Client& reader = clients_.emplace_back();
    reader.index = clients_.size() - 1;
    reader.id = "reader";
    reader.version = protocol::Version::v5_0;
    connect(reader);
    settle();
    reader.filters.insert("#");
    protocol::SubscriptionRequestView everything;
    everything.filter = "#";
    everything.options.qos = QoS::exactly_once;
    subscribe_to(reader, everything);
    settle();
    std::erase_if(retained_, [](const auto& entry) { return entry.second.empty(); });
    if (reader.retained != retained_) {
        std::string text;
        for (const auto& [topic, payload] : retained_) {
            const auto found = reader.retained.find(topic);
            if (found == reader.retained.end() || found->second != payload) {
                text += " not '" + payload + "'";
            }
        }
        fail(reader, "the retained messages are not the last ones:" + text);
    }
}

void Simulation::check_nothing_left() {
    for (Client& client : clients_) {
        if (client.wire) {
            world_.wire(*client.wire).client_closed = true;
            client.wire.reset();
            client.persistent = false;  // does not come back
        }
    }
    const auto sessions = static_cast<std::uint64_t>(
        std::count_if(clients_.begin(), clients_.end(),
                      [](const Client& client) { return client.session_expected; }));
    settle();
    // A clean session may end with messages that wait for it: nothing that was promised.
    const std::uint64_t ended = world_.total(&core::Counters::dropped_session_ended);
    const std::uint64_t not_permitted = world_.total(&core::Counters::dropped_not_permitted);
    report_.not_permitted = not_permitted;
    const std::pair<const char*, std::uint64_t> must_be_zero[] = {
        {"dropped", world_.dropped() - ended - not_permitted},
        {"connections", world_.total(&core::Counters::connections)},
        {"queued messages", world_.total(&core::Counters::queued_messages)},
        {"queued bytes", world_.total(&core::Counters::queued_bytes)},
        {"messages in flight", world_.total(&core::Counters::inflight_messages)},
        {"protocol errors", world_.total(&core::Counters::protocol_errors)},
        {"refused publishes", world_.total(&core::Counters::publishes_refused)},
        {"lost or surplus sessions", world_.total(&core::Counters::sessions) - sessions},
    };
    for (const auto& [name, count] : must_be_zero) {
        if (count != 0) {
            throw std::runtime_error(std::to_string(count) + " " + name + " at the end");
        }
    }
}

}  // namespace martlet::tests
