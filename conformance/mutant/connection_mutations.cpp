// Rules about connections, sessions and wills, broken one at a time.

#include "conformance/mutant/mutation.hpp"

namespace martlet::conformance {

namespace {

// In the bytes: what follows an unknown level cannot be taken apart.
void replace_level(Link& link, Packet& packet, unsigned level) {
    constexpr std::size_t place = 8;  // behind a length of one byte and the name
    if (packet.type == Type::connect && packet.raw.size() > place) {
        packet.raw[place] = u8(level)[0];
    }
    link.pass_to_server(packet);
}

bool stay_open_if_accepted(Link& link) {
    return link.is_accepted;
}

bool stay_open_if_refused(Link& link) {
    return !link.is_accepted;
}

bool always_stay_open(Link& /*link*/) {
    return true;
}

void disconnect_politely(Link& link) {
    link.to_server += encode(Disconnect{}, link.version);
}

const Mutation table[] = {
    {.name = "session_present_always",
     .title = "Session Present is 1 where there was no session",
     .filters = "session_",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::connack>(
                 link, packet, [](Packet& one) { one.session_present = one.code == 0; });
         }},
    {.name = "session_present_never",
     .title = "Session Present is 0 where there was a session",
     .filters = "session_",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::connack>(link, packet,
                                             [](Packet& one) { one.session_present = false; });
         }},
    {.name = "session_present_in_refusal",
     .title = "Session Present is 1 in a refusal",
     .filters = "connack_,v5_refused",
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::connack>(
                 link, packet, [](Packet& one) { one.session_present |= one.code != 0; });
         }},
    {.name = "connack_reserved_flags",
     .title = "CONNACK has a reserved flag set",
     .filters = "session_is_new",
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type == Type::connack) {
                 packet.raw[2] = static_cast<char>(packet.raw[2] | 2);
             }
             link.pass_to_client(packet);
         }},
    {.name = "connack_wrong_code",
     .title = "a refusal has the code of another one",
     .filters = "connack_",
     .versions = Mutation::For::v311,
     .from_server =
         [](Link& link, Packet& packet) {
             change_to_client<Type::connack>(link, packet,
                                             [](Packet& one) { one.code = one.code == 0 ? 0 : 3; });
         }},
    {.name = "connack_not_first",
     .title = "something comes before CONNACK",
     .filters = "session_and_connack",
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type == Type::connack) {
                 link.send_to_client({.type = Type::pingresp});
             }
             link.pass_to_client(packet);
         }},
    {.name = "connack_for_malformed",
     .title = "a malformed CONNECT is answered with a refusal before the end",
     .filters = "connect_malformed",
     .versions = Mutation::For::v311,
     .on_server_closed =
         [](Link& link) {
             if (!link.is_accepted) {
                 link.send_to_client({.type = Type::connack, .code = 5});
             }
             return false;
         }},
    {.name = "refused_stays_open",
     .title = "a refused connection stays open",
     .filters = "connack_,connect_,v5_refused_and,v5_unknown",
     .on_server_closed = stay_open_if_refused},
    {.name = "violation_stays_open",
     .title = "a violation does not end the connection",
     .filters = "publish_qos_3",
     .on_server_closed = stay_open_if_accepted},
    {.name = "bad_flags_stay_open",
     .title = "reserved flags are not looked at",
     .filters = "flags_of",
     .on_server_closed = stay_open_if_accepted},
    {.name = "bad_text_stays_open",
     .title = "ill-formed text does not end the connection",
     .filters = "text_publish",
     .on_server_closed = stay_open_if_accepted},
    {.name = "second_connect_ignored",
     .title = "a second CONNECT is passed over",
     .filters = "connect_only_once",
     .from_client =
         [](Link& link, Packet& packet) {
             if (packet.type != Type::connect || ++link.count == 1) {
                 link.pass_to_server(packet);
             }
         }},
    {.name = "take_over_tolerated",
     .title = "the older client of two with one name stays connected",
     .filters = "session_taken",
     .on_server_closed = always_stay_open},
    {.name = "any_level_accepted",
     .title = "an unknown level is treated as 3.1.1",
     .filters = "connack_unknown",
     .versions = Mutation::For::v311,
     .from_client = [](Link& link, Packet& packet) { replace_level(link, packet, 4); }},
    {.name = "any_version_accepted",
     .title = "an unknown version is treated as 5.0",
     .filters = "v5_unknown",
     .versions = Mutation::For::v5,
     .from_client = [](Link& link, Packet& packet) { replace_level(link, packet, 5); }},
    {.name = "any_name_accepted",
     .title = "another protocol name is treated as MQTT",
     .filters = "connect_protocol",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) { parts.protocol = "MQTT"; });
         }},
    {.name = "reserved_flag_accepted",
     .title = "the reserved Connect Flag is not looked at",
     .filters = "connect_reserved",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) { parts.flags &= 0xFEU; });
         }},
    {.name = "clean_ignored",
     .title = "a clean start resumes the session",
     .filters = "session_is_discarded,session_taken_over_clean",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) { parts.flags &= 0xFDU; });
         }},
    {.name = "clean_always",
     .title = "no session is resumed",
     .filters = "session_",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) { parts.flags |= 0x02U; });
         }},
    {.name = "empty_names_meet",
     .title = "clients without a name have the same one",
     .filters = "connect_empty",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) {
                 parts.client_id = parts.client_id.empty() ? "unnamed" : parts.client_id;
             });
         }},
    {.name = "names_without_case",
     .title = "ClientIds are compared without case",
     .filters = "session_by_client_id",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) {
                 for (char& character : parts.client_id) {
                     character = character == 'N' ? 'n' : character;
                 }
             });
         }},
    {.name = "keep_alive_ignored",
     .title = "silence does not end the connection",
     .filters = "keep_alive_silence",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) { parts.keep_alive_s = 0; });
         }},
    {.name = "keep_alive_halved",
     .title = "the connection is closed before its Keep Alive is over",
     .filters = "keep_alive_silence,keep_alive_ping",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) {
                 parts.keep_alive_s = parts.keep_alive_s == 2 ? 1 : parts.keep_alive_s;
             });
         }},
    {.name = "will_not_published",
     .title = "no will is published when the connection just ends",
     .filters = "will_on_loss",
     .on_client_closed = disconnect_politely},
    {.name = "will_after_disconnect",
     .title = "DISCONNECT does not discard the will",
     .filters = "will_not_after",
     .from_client =
         [](Link& link, Packet& packet) {
             if (packet.type == Type::disconnect) {
                 link.drop_server = true;
             } else {
                 link.pass_to_server(packet);
             }
         }},
    {.name = "will_never_retained",
     .title = "Will Retain is ignored",
     .filters = "will_retained",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) { parts.flags &= 0xDFU; });
         }},
    {.name = "will_always_retained",
     .title = "every will is retained",
     .filters = "will_not_retained",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) {
                 parts.flags |= (parts.flags & 4U) != 0 ? 0x20U : 0;
             });
         }},
    {.name = "will_qos_ignored",
     .title = "wills are published at QoS 0",
     .filters = "will_on_loss",
     .from_client =
         [](Link& link, Packet& packet) {
             change_connect(link, packet, [](ConnectParts& parts) { parts.flags &= 0xE7U; });
         }},
    {.name = "pingresp_missing",
     .title = "PINGREQ is not answered",
     .filters = "ping",
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type != Type::pingresp) {
                 link.pass_to_client(packet);
             }
         }},
    {.name = "pingresp_flags",
     .title = "PINGRESP has a flag set",
     .filters = "ping",
     .from_server =
         [](Link& link, Packet& packet) {
             if (packet.type == Type::pingresp) {
                 packet.raw[0] = static_cast<char>(packet.raw[0] | 1);
             }
             link.pass_to_client(packet);
         }},
};

}  // namespace

std::span<const Mutation> connection_mutations() {
    return table;
}

std::vector<Mutation> all_mutations() {
    std::vector<Mutation> all{{.name = "none", .title = "nothing is broken", .filters = ""}};
    for (const auto some : {connection_mutations(), flow_mutations(), subscription_mutations(),
                            v5_property_mutations(), v5_mutations()}) {
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

}  // namespace martlet::conformance
