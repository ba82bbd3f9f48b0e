// Rules about subscriptions and topics, broken one at a time.

#include <algorithm>
#include <cctype>

#include "conformance/mutant/mutation.hpp"

namespace martlet::conformance {

namespace {

template <class Change>
void change_topic(Link& link, Packet& packet, Change change) {
    if (packet.type == Type::publish) {
        change(packet.topic);
        link.send_to_server(packet);
    } else {
        link.pass_to_server(packet);
    }
}

void ignore_unsubscribe(Link& link, Packet& packet) {
    if (packet.type != Type::unsubscribe) {
        link.pass_to_server(packet);
        return;
    }
    const auto filters = filters_of_unsubscribe(packet.raw, link.version);
    if (filters.empty()) {
        link.pass_to_server(packet);
        return;
    }
    Packet answer{.type = Type::unsuback,
                  .id = static_cast<std::uint16_t>(static_cast<unsigned char>(packet.raw[2]) << 8 |
                                                   static_cast<unsigned char>(packet.raw[3]))};
    if (link.version == Version::v5) {
        answer.codes.assign(filters.size(), 0);
    }
    link.send_to_client(answer);
}

// UNSUBSCRIBE of a/b takes a/+ away as well.
void unsubscribe_by_matching(Link& link, Packet& packet) {
    if (packet.type == Type::unsubscribe) {
        for (const auto& filter : filters_of_unsubscribe(packet.raw, link.version)) {
            const auto parent = filter.substr(0, filter.rfind('/'));
            link.to_server +=
                encode(Unsubscribe{.id = 65'535, .filters = {parent + "/+"}}, link.version);
        }
    }
    link.pass_to_server(packet);
}

void hide_extra_unsuback(Link& link, Packet& packet) {
    if (packet.type != Type::unsuback || packet.id != 65'535) {
        link.pass_to_client(packet);
    }
}

void strip_mark(std::string& topic) {
    for (auto at = topic.find("\xEF\xBB\xBF"); at != std::string::npos;
         at = topic.find("\xEF\xBB\xBF")) {
        topic.erase(at, 3);
    }
}

void lower(std::string& topic) {
    std::ranges::transform(topic, topic.begin(), [](char character) {
        return static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
    });
}

void squeeze_slashes(std::string& topic) {
    for (auto at = topic.find("//"); at != std::string::npos; at = topic.find("//")) {
        topic.erase(at, 1);
    }
}

const Mutation table[] = {
    {.name = "suback_reversed",
     .title = "SUBACK's codes are in the wrong order",
     .filters = "subscribe_codes",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::suback>(link, packet,
                                            [](Packet& one) { std::ranges::reverse(one.codes); });
         }},
    {.name = "suback_short",
     .title = "SUBACK has one code only",
     .filters = "subscribe_codes",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::suback>(link, packet, [](Packet& one) {
                 one.codes.resize(std::min<std::size_t>(one.codes.size(), 1));
             });
         }},
    {.name = "suback_code_3",
     .title = "SUBACK has a code that does not exist",
     .filters = "subscribe_codes",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::suback>(link, packet,
                                            [](Packet& one) { one.codes.back() = 3; });
         }},
    {.name = "suback_wrong_id",
     .title = "SUBACK names another identifier",
     .filters = "identifiers_of_subscriptions",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::suback>(link, packet, [](Packet& one) { ++one.id; });
         }},
    {.name = "suback_missing",
     .title = "there is no SUBACK",
     .filters = "identifiers_of_subscriptions",
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type != Type::suback) {
                 link.pass_to_client(packet);
             }
         }},
    {.name = "granted_more",
     .title = "every subscription is made at QoS 2, whatever SUBACK says",
     .filters = "subscribe_qos",
     .from_client =
         [](Link& link, Packet& packet) {
             link.to_server +=
                 packet.type == Type::subscribe
                     ? map_options(packet.raw, link.version,
                                   [](unsigned options) { return (options & ~3U) | 2U; })
                     : packet.raw;
         }},
    {.name = "unsuback_missing",
     .title = "there is no UNSUBACK",
     .filters = "unsubscribe_unknown",
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type != Type::unsuback) {
                 link.pass_to_client(packet);
             }
         }},
    {.name = "unsuback_wrong_id",
     .title = "UNSUBACK names another identifier",
     .filters = "unsubscribe_unknown",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::unsuback>(link, packet, [](Packet& one) { ++one.id; });
         }},
    {.name = "unsubscribe_ignored",
     .title = "UNSUBSCRIBE is answered, and nothing else",
     .filters = "unsubscribe_stops",
     .from_client = ignore_unsubscribe},
    {.name = "unsubscribe_by_matching",
     .title = "UNSUBSCRIBE takes matching filters away",
     .filters = "unsubscribe_compares",
     .from_server = hide_extra_unsuback,
     .from_client = unsubscribe_by_matching},
    {.name = "topics_without_case",
     .title = "topics are compared without case",
     .filters = "topics_match",
     .from_client = [](Link& link, Packet& packet) { change_topic(link, packet, lower); }},
    {.name = "topics_squeezed",
     .title = "empty levels of topics are left out",
     .filters = "topics_match",
     .from_client = [](Link& link,
                       Packet& packet) { change_topic(link, packet, squeeze_slashes); }},
    {.name = "dollar_matches",
     .title = "a topic with $ is matched by leading wildcards",
     .filters = "topics_dollar",
     .from_client =
         [](Link& link, Packet& packet) {
             change_topic(link, packet, [](std::string& topic) {
                 topic.erase(0, topic.starts_with('$') ? 1 : 0);
             });
         }},
    {.name = "byte_order_mark_stripped",
     .title = "U+FEFF is stripped off",
     .filters = "text_byte_order_mark",
     .from_client = [](Link& link, Packet& packet) { change_topic(link, packet, strip_mark); }},
    {.name = "delivered_elsewhere",
     .title = "a message is delivered under another topic",
     .filters = "publish_topic_is_first",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) { one.topic += "/x"; });
         }},
};

}  // namespace

std::span<const Mutation> subscription_mutations() {
    return table;
}

}  // namespace martlet::conformance
