#include "tests/support/packet_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "protocol/packet/ping.hpp"

namespace martlet::testing {

using namespace martlet::protocol;

namespace {

// Collects fields; keeps hold of the views among them.
class Fields {
public:
    explicit Fields(PacketType type) { made_.text = to_string(type); }

    void add(std::string_view key, std::uint64_t value) {
        made_.text += fmt::format(" {}={}", key, value);
    }
    void add(std::string_view key, std::string_view value) {
        made_.text += fmt::format(" {}={}", key, quote(value));
        made_.views.push_back(as_bytes(value));
    }
    void add(std::string_view key, Bytes value) { add(key, as_text(value)); }
    void add(std::string_view key, ReasonCode value) {
        made_.text += fmt::format(" {}=0x{:02X}", key, to_wire(value));
    }
    void add(std::string_view key, QoS value) { add(key, std::uint64_t{to_wire(value)}); }
    void add(std::string_view key, PacketId value) { add(key, std::uint64_t{to_wire(value)}); }
    template <class T>
    void add(std::string_view key, const std::optional<T>& value) {
        if (value) {
            add(key, *value);
        }
    }
    void add_view(Bytes view) { made_.views.push_back(view); }

    // Encodes again with the encode() that belongs to the packet.
    template <class Packet, class... Version>
    PacketText finish(const Packet& packet, Version... version) {
        made_.encoded_again.resize(encoded_size(packet, version...));
        ByteWriter out{made_.encoded_again};
        encode(packet, version..., out);
        made_.encoded_again.resize(out.written());
        return std::move(made_);
    }
    PacketText finish_as(Bytes encoded) {
        made_.encoded_again.assign(encoded.begin(), encoded.end());
        return std::move(made_);
    }

private:
    PacketText made_;
};

}  // namespace

PacketText describe(const ConnectView& packet) {
    Fields fields{PacketType::connect};
    fields.add("version", static_cast<unsigned>(packet.version));
    fields.add("clean_start", packet.clean_start);
    fields.add("keep_alive", packet.keep_alive_s);
    fields.add("client_id", packet.client_id);
    if (packet.will) {
        fields.add("will_qos", packet.will->qos);
        fields.add("will_retain", packet.will->retain);
        fields.add("will_topic", packet.will->topic);
        fields.add("will_payload", packet.will->payload);
        fields.add("will_delay", packet.will->delay_interval_s);
        fields.add("will_expiry", packet.will->message_expiry_interval_s);
        fields.add("will_properties", packet.will->properties);
    }
    fields.add("user_name", packet.user_name);
    fields.add("password", packet.password);
    fields.add("session_expiry", packet.session_expiry_interval_s);
    fields.add("receive_maximum", packet.receive_maximum);
    fields.add("maximum_packet_size", packet.maximum_packet_size);
    fields.add("topic_alias_maximum", packet.topic_alias_maximum);
    fields.add("request_response_information", packet.request_response_information);
    fields.add("request_problem_information", packet.request_problem_information);
    fields.add("authentication_method", packet.authentication_method);
    fields.add("authentication_data", packet.authentication_data);
    return fields.finish(packet);
}

PacketText describe(const ConnackView& packet, Version version) {
    Fields fields{PacketType::connack};
    fields.add("session_present", packet.session_present);
    fields.add("reason", packet.reason);
    fields.add("session_expiry", packet.session_expiry_interval_s);
    fields.add("receive_maximum", packet.receive_maximum);
    fields.add("maximum_qos", packet.maximum_qos);
    fields.add("retain_available", packet.retain_available);
    fields.add("maximum_packet_size", packet.maximum_packet_size);
    fields.add("assigned_client_identifier", packet.assigned_client_identifier);
    fields.add("topic_alias_maximum", packet.topic_alias_maximum);
    fields.add("reason_string", packet.reason_string);
    fields.add("wildcard_subscription_available", packet.wildcard_subscription_available);
    fields.add("subscription_identifier_available", packet.subscription_identifier_available);
    fields.add("shared_subscription_available", packet.shared_subscription_available);
    fields.add("server_keep_alive", packet.server_keep_alive_s);
    fields.add("response_information", packet.response_information);
    fields.add("server_reference", packet.server_reference);
    fields.add("authentication_method", packet.authentication_method);
    fields.add("authentication_data", packet.authentication_data);
    fields.add("user_properties", packet.user_properties);
    return fields.finish(packet, version);
}

PacketText describe(const PublishView& packet, Version version) {
    Fields fields{PacketType::publish};
    fields.add("dup", packet.dup);
    fields.add("qos", packet.qos);
    fields.add("retain", packet.retain);
    fields.add("packet_id", packet.packet_id);
    fields.add("topic", packet.topic);
    if (is_v5(version)) {
        fields.add("topic_alias", packet.topic_alias);
        fields.add("payload_is_utf8", packet.payload_is_utf8);
        if (packet.has_message_expiry) {
            fields.add("message_expiry", packet.message_expiry_interval_s);
        }
        fields.add("properties", packet.properties);
        std::vector<std::byte> forwarded(forwarded_properties_size(packet.properties));
        ByteWriter out{forwarded};
        copy_forwarded_properties(packet.properties, out);
        fields.add("forwarded_size", out.written());
    }
    fields.add("payload", packet.payload);
    return fields.finish(packet, version);
}

PacketText describe(const AckView& packet, Version version) {
    Fields fields{packet.type};
    fields.add("packet_id", packet.packet_id);
    fields.add("reason", packet.reason);
    fields.add("reason_string", packet.reason_string);
    return fields.finish(packet, version);
}

PacketText describe(const SubscribePacket& packet, Version version) {
    Fields fields{PacketType::subscribe};
    fields.add("packet_id", packet.packet_id);
    fields.add("subscription_identifier", packet.subscription_identifier);
    fields.add("count", packet.requests.size());
    for (const SubscriptionRequestView& request : packet.requests) {
        const SubscriptionOptions& options = request.options;
        fields.add("filter", request.filter);
        fields.add("qos", options.qos);
        fields.add("no_local", options.no_local);
        fields.add("retain_as_published", options.retain_as_published);
        fields.add("retain_handling", static_cast<unsigned>(options.retain_handling));
    }
    return fields.finish(packet, version);
}

PacketText describe(const UnsubscribePacket& packet, Version version) {
    Fields fields{PacketType::unsubscribe};
    fields.add("packet_id", packet.packet_id);
    fields.add("count", packet.filters.size());
    for (const std::string_view filter : packet.filters) {
        fields.add("filter", filter);
    }
    return fields.finish(packet, version);
}

PacketText describe(const SubackView& packet, Version version) {
    Fields fields{packet.type};
    fields.add("packet_id", packet.packet_id);
    for (const ReasonCode code : packet.codes) {
        fields.add("code", code);
    }
    fields.add_view(std::as_bytes(packet.codes));
    return fields.finish(packet, version);
}

PacketText describe(const DisconnectView& packet) {
    Fields fields{PacketType::disconnect};
    fields.add("reason", packet.reason);
    fields.add("session_expiry", packet.session_expiry_interval_s);
    fields.add("reason_string", packet.reason_string);
    fields.add("server_reference", packet.server_reference);
    return fields.finish(packet);
}

PacketText describe(const AuthView& packet) {
    Fields fields{PacketType::auth};
    fields.add("reason", packet.reason);
    fields.add("authentication_method", packet.method);
    fields.add("authentication_data", packet.data);
    fields.add("reason_string", packet.reason_string);
    return fields.finish(packet);
}

PacketText describe(const SubscribeView& packet, Version version) {
    std::vector<SubscriptionRequestView> requests;
    SubscriptionRequests walk = packet.requests;
    while (const auto request = walk.next()) {
        requests.push_back(*request);
    }
    // The walk finds as many as were counted.
    return requests.size() == packet.count
               ? describe(SubscribePacket{.packet_id = packet.packet_id,
                                          .subscription_identifier = packet.subscription_identifier,
                                          .requests = requests},
                          version)
               : PacketText{.text = "SUBSCRIBE miscounted", .views = {}, .encoded_again = {}};
}

PacketText describe(const UnsubscribeView& packet, Version version) {
    std::vector<std::string_view> filters;
    FilterList walk = packet.filters;
    while (const auto filter = walk.next()) {
        filters.push_back(*filter);
    }
    return filters.size() == packet.count
               ? describe(UnsubscribePacket{.packet_id = packet.packet_id, .filters = filters},
                          version)
               : PacketText{.text = "UNSUBSCRIBE miscounted", .views = {}, .encoded_again = {}};
}

namespace {

template <class View, class... MaybeVersion>
Result<PacketText> described(const Result<View>& packet, MaybeVersion... version) {
    if (!packet) {
        return packet.error();
    }
    return describe(*packet, version...);
}

Result<PacketText> connect_text(const FrameView& frame, Version version) {
    auto packet = decode_connect(frame, nullptr);
    if (packet && packet->version != version) {
        return fail(ReasonCode::unsupported_protocol_version, "not the version of this test");
    }
    return described(packet);
}

DecodeError never_sent() {
    return fail(ReasonCode::protocol_error, "this side never sends such a packet");
}

}  // namespace

Result<PacketText> decode_to_text(const FrameView& frame, Version version, Sender sender) {
    const bool from_client = sender == Sender::client;
    switch (frame.type) {
        using enum PacketType;
        case connect:
            return from_client ? connect_text(frame, version) : never_sent();
        case connack:
            return from_client ? never_sent() : described(decode_connack(frame, version), version);
        case publish:
            return described(from_client ? decode_publish(frame, version)
                                         : decode_publish_from_server(frame, version),
                             version);
        case puback:
        case pubrec:
        case pubrel:
        case pubcomp:
            return described(decode_ack(frame, version), version);
        case subscribe:
            return from_client ? described(decode_subscribe(frame, version), version)
                               : never_sent();
        case unsubscribe:
            return from_client ? described(decode_unsubscribe(frame, version), version)
                               : never_sent();
        case suback:
        case unsuback:
            return from_client ? never_sent() : described(decode_suback(frame, version), version);
        case pingreq:
            if (const auto checked = check_pingreq(frame); !checked) {
                return checked.error();
            }
            return from_client ? Fields{pingreq}.finish_as(pingreq_bytes)
                               : Result<PacketText>{never_sent()};
        case pingresp:
            return std::ranges::equal(frame.whole, pingresp_bytes) && !from_client
                       ? Fields{pingresp}.finish_as(pingresp_bytes)
                       : Result<PacketText>{never_sent()};
        case disconnect:
            return described(from_client      ? decode_disconnect(frame, version)
                             : is_v5(version) ? decode_disconnect_from_server(frame)
                                              : never_sent());
        case auth:
            return is_v5(version) ? described(decode_auth(frame)) : never_sent();
    }
    return never_sent();
}

bool all_inside(const std::vector<Bytes>& views, Bytes whole) {
    const std::less_equal<> in_order;
    return std::all_of(views.begin(), views.end(), [&](Bytes view) {
        return view.empty() || (in_order(whole.data(), view.data()) &&
                                in_order(view.data() + view.size(), whole.data() + whole.size()));
    });
}

std::string quote(std::string_view text) {
    std::string made = "'";
    for (const char c : text) {
        if (c > ' ' && c < 0x7F) {
            made += c;
        } else {
            made += fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
        }
    }
    return made + "'";
}

std::string reason_name(ReasonCode reason) {
    switch (reason) {
        case ReasonCode::malformed_packet:
            return "malformed_packet";
        case ReasonCode::protocol_error:
            return "protocol_error";
        case ReasonCode::unsupported_protocol_version:
            return "unsupported_protocol_version";
        case ReasonCode::topic_name_invalid:
            return "topic_name_invalid";
        case ReasonCode::packet_too_large:
            return "packet_too_large";
        default:
            return fmt::format("0x{:02X}", to_wire(reason));
    }
}

}  // namespace martlet::testing
