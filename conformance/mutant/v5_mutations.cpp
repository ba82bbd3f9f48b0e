// Options, limits and codes of MQTT 5, broken one rule at a time.

#include <algorithm>
#include <string>

#include "conformance/mutant/mutation.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;

template <Type Wanted>
void add_reason(Link& link, Packet& packet) {
    change_to_client<Wanted>(link, packet, [](Packet& one) {
        remove<reason_string>(one.properties);
        one.properties.push_back(text(reason_string, std::string(100, 'x')));
    });
}

template <Type Wanted>
void add_user_property(Link& link, Packet& packet) {
    change_to_client<Wanted>(link, packet, [](Packet& one) {
        one.properties.push_back(user("why", std::string(100, 'x')));
    });
}

// Without that property in its CONNECT the server does not know what the client wants.
template <PropertyId Id>
void lose_from_connect(Link& link, Packet& packet) {
    change_connect(link, packet, [](ConnectParts& parts) {
        remove<Id>(parts.properties);
        remove<Id>(parts.will_properties);
    });
}

template <unsigned Bits>
void clear_options(Link& link, Packet& packet) {
    link.to_server += packet.type == Type::subscribe
                          ? map_options(packet.raw, link.version,
                                        [](unsigned options) { return options & ~Bits; })
                          : packet.raw;
}

void keep_sessions(Link& link, Packet& packet) {
    change_connect(link, packet, [](ConnectParts& parts) {
        remove<session_expiry>(parts.properties);
        parts.properties.push_back(number(session_expiry, 1000));
    });
}

constexpr auto v5 = Mutation::For::v5;

const Mutation table[] = {
    {.name = "no_local_ignored",
     .title = "No Local is ignored",
     .filters = "v5_no_local",
     .versions = v5,
     .from_client = clear_options<0x04>},
    {.name = "retain_as_published_ignored",
     .title = "Retain As Published is ignored",
     .filters = "v5_retain_as",
     .versions = v5,
     .from_client = clear_options<0x08>},
    {.name = "retain_handling_ignored",
     .title = "Retain Handling is ignored",
     .filters = "v5_retain_handling",
     .versions = v5,
     .from_client = clear_options<0x30>},
    {.name = "receive_maximum_ignored",
     .title = "the client's Receive Maximum is ignored",
     .filters = "v5_receive_maximum",
     .versions = v5,
     .from_client = lose_from_connect<receive_maximum>},
    {.name = "maximum_packet_size_ignored",
     .title = "the client's Maximum Packet Size is ignored",
     .filters = "v5_too_large",
     .versions = v5,
     .from_client = lose_from_connect<maximum_packet_size>},
    {.name = "will_delay_ignored",
     .title = "a will is published without its delay",
     .filters = "v5_will_after_delay,v5_will_stopped",
     .versions = v5,
     .from_client = lose_from_connect<will_delay>},
    {.name = "sessions_do_not_expire",
     .title = "sessions outlive their expiry",
     .filters = "v5_session",
     .versions = v5,
     .from_client = keep_sessions},
    {.name = "sessions_end_at_once",
     .title = "sessions end with their connection",
     .filters = "v5_session,session_",
     .versions = v5,
     .from_client = lose_from_connect<session_expiry>},

    {.name = "assigned_client_id_missing",
     .title = "an assigned ClientID is not told",
     .filters = "v5_assigned",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::connack>(
                 link, packet, [](Packet& one) { remove<assigned_client_id>(one.properties); });
         }},
    {.name = "take_over_silent",
     .title = "a take-over comes without DISCONNECT 0x8E",
     .filters = "session_taken",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type != Type::disconnect) {
                 link.pass_to_client(packet);
             }
         }},
    {.name = "disconnect_wrong_code",
     .title = "every DISCONNECT says 0x80",
     .filters = "v5_disconnect_reserved",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::disconnect>(link, packet, [](Packet& one) { one.code = 0x80; });
         }},
    {.name = "disconnect_before_connack",
     .title = "DISCONNECT comes in place of CONNACK",
     .filters = "v5_no_disconnect",
     .versions = v5,
     .on_server_closed =
         [](Link& link) {
             if (!link.is_accepted) {
                 link.to_client = frame(0xE0, u8(0x81));
             }
             return false;
         }},
    {.name = "disconnect_with_expiry",
     .title = "a server's DISCONNECT has a Session Expiry Interval",
     .filters = "v5_disconnect_is_last",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::disconnect>(link, packet, [](Packet& one) {
                 one.properties.push_back(number(session_expiry, 1));
             });
         }},
    {.name = "words_after_disconnect",
     .title = "something comes after DISCONNECT",
     .filters = "v5_disconnect_is_last",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             link.pass_to_client(packet);
             if (packet.type == Type::disconnect) {
                 link.send_to_client({.type = Type::pingresp});
             }
         }},
    {.name = "puback_unknown_code",
     .title = "PUBACK has a code that does not exist",
     .filters = "v5_acks_have",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::puback>(link, packet, [](Packet& one) { one.code = 0x01; });
         }},
    {.name = "unsuback_always_success",
     .title = "UNSUBACK says success where there was nothing",
     .filters = "v5_unsuback",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::unsuback>(
                 link, packet, [](Packet& one) { one.codes.assign(one.codes.size(), 0); });
         }},
    {.name = "response_information_unasked",
     .title = "Response Information comes unasked",
     .filters = "v5_response_information",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::connack>(link, packet, [](Packet& one) {
                 one.properties.push_back(text(response_information, "r"));
             });
         }},
    {.name = "method_unasked",
     .title = "CONNACK has a method that nobody named",
     .filters = "v5_no_auth",
     .versions = v5,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::connack>(link, packet, [](Packet& one) {
                 one.properties.push_back(text(authentication_method, "m"));
             });
         }},
    {.name = "puback_explains",
     .title = "PUBACK explains itself at any length",
     .filters = "v5_acks_fit_with_reason",
     .versions = v5,
     .from_server = add_reason<Type::puback>},
    {.name = "suback_explains",
     .title = "SUBACK has User Properties of any length",
     .filters = "v5_acks_fit_with_user",
     .versions = v5,
     .from_server = add_user_property<Type::suback>},
    {.name = "problem_information_forced",
     .title = "UNSUBACK explains itself though nobody wants it to",
     .filters = "v5_no_problem",
     .versions = v5,
     .from_server = add_reason<Type::unsuback>},
    {.name = "subscription_not_replaced",
     .title = "a subscription's options stay as they were first",
     .filters = "v5_options_are",
     .versions = v5,
     .from_client =
         [](Link& link, Packet& packet) {
             if (packet.type == Type::subscribe && ++link.count > 1) {
                 link.to_server += map_options(packet.raw, link.version, [](unsigned options) {
                     return (options & 3U) | 4U;
                 });
             } else {
                 link.pass_to_server(packet);
             }
         }},
};

}  // namespace

std::span<const Mutation> v5_mutations() {
    return table;
}

}  // namespace martlet::conformance
