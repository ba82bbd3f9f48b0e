// What MQTT 5 says about the properties of PUBLISH, broken one rule at a time.

#include <algorithm>
#include <string>

#include "conformance/mutant/mutation.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;

// The property is missing on what is delivered.
template <PropertyId Id>
void lose(Link& link, Packet& packet) {
    change_to_client<Type::publish>(link, packet, [](Packet& one) { remove<Id>(one.properties); });
}

void remember_expiry(Link& link, Packet& packet) {
    if (packet.type == Type::publish) {
        link.world.numbers[packet.topic + packet.payload] =
            packet.number(message_expiry).value_or(0);
    }
    link.pass_to_server(packet);
}

void restore_expiry(Link& link, Packet& packet) {
    change_to_client<Type::publish>(link, packet, [&](Packet& one) {
        for (auto& property : one.properties) {
            if (property.id == message_expiry) {
                property.number = link.world.numbers[one.topic + one.payload];
            }
        }
    });
}

void never_expire(Link& link, Packet& packet) {
    if (packet.type == Type::publish && packet.has(message_expiry)) {
        remove<message_expiry>(packet.properties);
        link.send_to_server(packet);
    } else {
        link.pass_to_server(packet);
    }
}

constexpr auto v5 = Mutation::For::v5;

const Mutation table[] = {
    {.name = "user_properties_reversed",
     .title = "User Properties change their order",
     .filters = "v5_publish_carries",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(
                 link, packet, [](Packet& one) { std::ranges::reverse(one.properties); });
         }},
    {.name = "user_properties_lost",
     .title = "User Properties are not passed on",
     .filters = "v5_publish_carries",
     .versions = v5,
     .from_server = lose<user_property>},
    {.name = "user_properties_merged",
     .title = "repeated User Properties come once",
     .filters = "v5_publish_carries",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) {
                 Properties kept;
                 for (const auto& property : one.properties) {
                     if (std::ranges::find(kept, property) == kept.end()) {
                         kept.push_back(property);
                     }
                 }
                 one.properties = kept;
             });
         }},
    {.name = "content_type_lost",
     .title = "Content Type is not passed on",
     .filters = "v5_will_carries",
     .versions = v5,
     .from_server = lose<content_type>},
    {.name = "correlation_data_lost",
     .title = "Correlation Data is not passed on",
     .filters = "v5_publish_carries",
     .versions = v5,
     .from_server = lose<correlation_data>},
    {.name = "response_topic_lost",
     .title = "Response Topic is not passed on",
     .filters = "v5_publish_carries",
     .versions = v5,
     .from_server = lose<response_topic>},
    {.name = "payload_format_lost",
     .title = "Payload Format Indicator is not passed on",
     .filters = "v5_publish_carries",
     .versions = v5,
     .from_server = lose<payload_format>},
    {.name = "expiry_not_decreased",
     .title = "Message Expiry Interval does not count down",
     .filters = "v5_message_expiry",
     .versions = v5,
     .from_server = restore_expiry,
     .from_client = remember_expiry},
    {.name = "messages_do_not_expire",
     .title = "an expired message is delivered",
     .filters = "v5_message_expires",
     .versions = v5,
     .from_client = never_expire},
    {.name = "identifier_lost",
     .title = "Subscription Identifiers are not sent",
     .filters = "v5_identifier",
     .versions = v5,
     .from_server = lose<subscription_identifier>},
    {.name = "identifier_first_only",
     .title = "of several Subscription Identifiers one is sent",
     .filters = "v5_identifiers_overlapping",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) {
                 const auto all = one.all(subscription_identifier);
                 if (all.size() > 1) {
                     remove<subscription_identifier>(one.properties);
                     one.properties.push_back(all.front());
                 }
             });
         }},
    {.name = "alias_unasked",
     .title = "an alias comes though none is allowed",
     .filters = "v5_alias_none",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) {
                 remove<topic_alias>(one.properties);
                 one.properties.push_back(number(topic_alias, 1));
             });
         }},
    {.name = "alias_too_large",
     .title = "an alias is above the client's maximum",
     .filters = "v5_alias_from",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::publish>(link, packet, [](Packet& one) {
                 remove<topic_alias>(one.properties);
                 one.properties.push_back(number(topic_alias, 10));
             });
         }},
    {.name = "alias_refused",
     .title = "the last alias that the server allows does not work",
     .filters = "v5_alias_all",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::connack>(link, packet, [](Packet& one) {
                 for (auto& property : one.properties) {
                     property.number += property.id == topic_alias_maximum ? 1 : 0;
                 }
             });
         }},
};

}  // namespace

std::span<const Mutation> v5_property_mutations() {
    return table;
}

}  // namespace martlet::conformance
