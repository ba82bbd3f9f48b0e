// Rules about PUBLISH and its acknowledgements, broken one at a time.

#include <algorithm>
#include <utility>

#include "conformance/mutant/mutation.hpp"

namespace martlet::conformance {

namespace {

template <Type Wanted>
void wrong_id(Link& link, Packet& packet) {
    change_to_client<Wanted>(link, packet, [](Packet& one) { ++one.id; });
}

void swap_publishes(Link& link, Packet& packet) {
    if (packet.type == Type::publish && link.held.empty()) {
        link.held.push_back(packet);
        return;
    }
    link.pass_to_client(packet);
    for (const auto& held : std::exchange(link.held, {})) {
        link.pass_to_client(held);
    }
}

void remember_dup(Link& link, Packet& packet) {
    if (packet.type == Type::publish) {
        link.world.numbers[packet.topic] = packet.dup ? 1 : 0;
    }
    link.pass_to_server(packet);
}

void copy_dup(Link& link, Packet& packet) {
    change_to_client<Type::publish>(link, packet, [&](Packet& one) {
        one.dup = one.dup || (one.qos > 0 && link.world.numbers[one.topic] == 1);
    });
}

void lose_some(Link& link, Packet& packet) {
    const bool is_lost = packet.type == Type::publish && packet.qos == 1 && ++link.count % 5 == 0;
    if (is_lost) {
        link.send_to_server({.type = Type::puback, .id = packet.id});
    } else {
        link.pass_to_client(packet);
    }
}

void send_twice(Link& link, Packet& packet) {
    link.pass_to_client(packet);
    if (packet.type == Type::publish && packet.qos == 2) {
        link.pass_to_client(packet);
    }
}

void deliver_again(Link& link, Packet& packet) {
    // A PUBLISH that says DUP is passed on under an identifier of its own, as if it were new.
    change_publish(link, packet, [](Packet& one) {
        if (one.dup) {
            one.dup = false;
            one.id = static_cast<std::uint16_t>(one.id + 1000);
        }
    });
}

void ids_back(Link& link, Packet& packet) {
    if (packet.id > 1000 && (packet.type == Type::pubrec || packet.type == Type::puback)) {
        packet.id = static_cast<std::uint16_t>(packet.id - 1000);
        link.send_to_client(packet);
    } else {
        link.pass_to_client(packet);
    }
}

const Mutation table[] = {
    {.name = "retain_always",
     .title = "RETAIN is set on everything that is delivered",
     .filters = "retain_flag",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) { one.retain = true; });
         }},
    {.name = "retain_never",
     .title = "RETAIN is cleared on everything that is delivered",
     .filters = "retain_stores",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) { one.retain = false; });
         }},
    {.name = "retained_not_sent",
     .title = "a new subscription gets no retained messages",
     .filters = "retain_",
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type != Type::publish || !packet.retain) {
                 link.pass_to_client(packet);
             }
         }},
    {.name = "retained_not_removed",
     .title = "an empty retained message does not remove",
     .filters = "retain_empty",
     .from_client =
         [](Link& link, Packet& packet) {
             change_publish(link, packet,
                            [](Packet& one) { one.retain = one.retain && !one.payload.empty(); });
         }},
    {.name = "retained_without_asking",
     .title = "messages without RETAIN are retained",
     .filters = "retain_0",
     .from_client =
         [](Link& link, Packet& packet) {
             change_publish(link, packet, [](Packet& one) { one.retain = true; });
         }},
    {.name = "retained_first_stays",
     .title = "a retained message does not replace an older one",
     .filters = "retain_last",
     .from_client =
         [](Link& link, Packet& packet) {
             change_publish(link, packet, [&](Packet& one) {
                 one.retain = one.retain && link.world.names.insert(one.topic).second;
             });
         }},
    {.name = "retained_at_qos_0",
     .title = "retained messages lose their QoS",
     .filters = "retain_stores",
     .from_client =
         [](Link& link, Packet& packet) {
             if (packet.type == Type::publish && packet.retain && packet.qos == 1) {
                 link.send_to_client({.type = Type::puback, .id = packet.id});
                 packet.qos = 0;
             }
             change_publish(link, packet, [](Packet&) {});
         }},
    {.name = "dup_copied",
     .title = "DUP is passed on",
     .filters = "publish_dup",
     .from_server = copy_dup,
     .from_client = remember_dup},
    {.name = "dup_never",
     .title = "what is re-sent has no DUP",
     .filters = "resent",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) { one.dup = false; });
         }},
    {.name = "dup_at_qos_0",
     .title = "QoS 0 is sent with DUP",
     .filters = "publish_dup",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet,
                                             [](Packet& one) { one.dup = one.qos == 0; });
         }},
    {.name = "qos_raised",
     .title = "QoS 0 is delivered at QoS 1",
     .filters = "subscribe_qos",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) {
                 if (one.qos == 0) {
                     one.qos = 1;
                     one.id = 60'000;
                 }
             });
         }},
    {.name = "qos_lowered",
     .title = "QoS 1 is delivered at QoS 0",
     .filters = "subscribe_qos",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(
                 link, packet, [](Packet& one) { one.qos = one.qos == 1 ? 0 : one.qos; });
         }},
    {.name = "puback_wrong_id",
     .title = "PUBACK names another identifier",
     .filters = "identifiers_of_acks",
     .from_server = wrong_id<Type::puback>},
    {.name = "puback_missing",
     .title = "there is no PUBACK",
     .filters = "publish_answers",
     .from_server = drop_to_client<Type::puback>},
    {.name = "pubrec_skipped",
     .title = "QoS 2 is answered with PUBCOMP at once",
     .filters = "publish_answers",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::pubrec>(link, packet,
                                            [](Packet& one) { one.type = Type::pubcomp; });
         }},
    {.name = "pubrec_wrong_id",
     .title = "PUBREC names another identifier",
     .filters = "identifiers_of_acks",
     .from_server = wrong_id<Type::pubrec>},
    {.name = "pubrel_missing",
     .title = "PUBREC is not answered with PUBREL",
     .filters = "qos2_sender",
     .from_server = drop_to_client<Type::pubrel>},
    {.name = "pubrel_wrong_id",
     .title = "PUBREL names another identifier",
     .filters = "qos2_sender",
     .from_server = wrong_id<Type::pubrel>},
    {.name = "pubrel_early",
     .title = "PUBREL comes before PUBREC",
     .filters = "qos2_sender",
     .from_server =
         [](Link& link, Packet& packet) {
             link.pass_to_client(packet);
             if (packet.type == Type::publish && packet.qos == 2) {
                 link.send_to_client({.type = Type::pubrel, .id = packet.id});
             }
         }},
    {.name = "pubcomp_missing",
     .title = "PUBREL is not answered with PUBCOMP",
     .filters = "publish_answers",
     .from_server = drop_to_client<Type::pubcomp>},
    {.name = "qos2_sent_twice",
     .title = "QoS 2 messages are delivered twice",
     .filters = "qos2_",
     .from_server = send_twice},
    {.name = "qos2_received_twice",
     .title = "a repeated QoS 2 PUBLISH is a new message",
     .filters = "qos2_receiver",
     .from_server = ids_back,
     .from_client = deliver_again},
    {.name = "qos1_lost",
     .title = "every fifth message of QoS 1 is lost",
     .filters = "order_",
     .from_server = lose_some},
    {.name = "order_swapped",
     .title = "messages change places",
     .filters = "order_",
     .from_server = swap_publishes},
    {.name = "not_resent",
     .title = "nothing is re-sent at reconnection",
     .filters = "resent",
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type != Type::publish || !packet.dup) {
                 link.pass_to_client(packet);
             } else if (packet.qos == 1) {
                 link.send_to_server({.type = Type::puback, .id = packet.id});
             }
         }},
    {.name = "resent_under_new_id",
     .title = "what is re-sent has another identifier",
     .filters = "qos1_resent",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) {
                 one.id = static_cast<std::uint16_t>(one.dup ? one.id + 100 : one.id);
             });
         }},
    {.name = "identifier_zero",
     .title = "QoS 1 is delivered under identifier 0",
     .filters = "identifiers_of_server",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) { one.id = 0; });
         }},
    {.name = "identifier_reused",
     .title = "all messages in flight have identifier 1",
     .filters = "identifiers_of_server",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) { one.id = 1; });
         }},
    {.name = "payload_cut",
     .title = "payloads end at their first zero byte",
     .filters = "publish_topic_is_first",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) {
                 one.payload = one.payload.substr(0, one.payload.find('\0'));
             });
         }},
};

}  // namespace

std::span<const Mutation> flow_mutations() {
    return table;
}

}  // namespace martlet::conformance
