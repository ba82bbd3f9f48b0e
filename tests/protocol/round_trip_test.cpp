// Random packets, encoded and decoded: nothing is lost, nothing is added, and the encoder is never
// refused by the decoder.
#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "protocol/byte_writer.hpp"
#include "protocol/properties.hpp"
#include "tests/support/packet_text.hpp"
#include "tests/support/random.hpp"

using namespace martlet::protocol;
using namespace martlet::testing;

namespace {

constexpr int rounds = 2'000;
constexpr std::array all_versions{Version::v3_1, Version::v3_1_1, Version::v5_0};

const std::vector<std::string> characters{"a", "b", "/", " ", "é", "€", "\U0001F426", "\x7F"};
const std::vector<std::string> filter_characters{"a", "/", "+", "#", "$share/", "é"};

// Draws values and keeps what the packet views point to.
class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    Random& random() { return random_; }
    bool flag() { return random_.chance(2); }
    QoS qos() { return static_cast<QoS>(random_.below(3)); }
    Version version() { return all_versions[random_.below(all_versions.size())]; }
    PacketId packet_id() { return PacketId{static_cast<std::uint16_t>(1 + random_.below(65'535))}; }
    std::uint32_t u32() { return random_.number<std::uint32_t>(); }
    std::uint16_t u16() { return random_.number<std::uint16_t>(); }

    std::string_view text() { return keep(random_.text(12, characters)); }
    std::string_view topic() { return keep("t" + random_.text(30, characters)); }
    std::string_view filter() { return keep(random_.text(8, filter_characters)); }
    Bytes data(std::size_t size_max) {
        const std::vector<std::byte> bytes = random_.bytes(size_max);
        return as_bytes(keep(std::string{as_text(bytes)}));
    }

    // Present half of the time.
    template <class Draw>
    auto maybe(Draw draw) -> std::optional<decltype(draw())> {
        return flag() ? std::optional{draw()} : std::nullopt;
    }

    // A code that this packet may carry.
    ReasonCode reason(PacketType type) {
        while (true) {
            const ReasonCode code{static_cast<std::uint8_t>(random_.next())};
            if (allows(code, type)) {
                return code;
            }
        }
    }

    // A property block: `put` writes into the writer it is given.
    template <class Put>
    Bytes block(Put put) {
        std::vector<std::byte> space(2'000);
        ByteWriter out{space};
        put(out);
        return as_bytes(keep(std::string{as_text(Bytes{space}.first(out.written()))}));
    }

    void put_user_properties(ByteWriter& out) {
        for (std::size_t count = random_.below(4); count > 0; --count) {
            put_utf8(out, PropertyId::user_property, text());
            out.utf8(text());
        }
    }

private:
    std::string_view keep(std::string text) { return *kept_.insert(kept_.end(), std::move(text)); }

    Random random_;
    std::deque<std::string> kept_;
};

WillView random_will(Generator& make, Version version) {
    WillView will;
    will.qos = make.qos();
    will.retain = make.flag();
    will.topic = make.topic();
    will.payload = make.data(20);
    if (is_v5(version)) {
        will.message_expiry_interval_s = make.maybe([&] { return make.u32(); });
        will.delay_interval_s = make.u32();
        will.properties = make.block([&](ByteWriter& out) {
            make.put_user_properties(out);
            put_u32(out, PropertyId::will_delay_interval, will.delay_interval_s);
            if (will.message_expiry_interval_s) {
                put_u32(out, PropertyId::message_expiry_interval, *will.message_expiry_interval_s);
            }
        });
    }
    return will;
}

ConnectView random_connect(Generator& make) {
    ConnectView packet;
    packet.version = make.version();
    packet.clean_start = make.flag();
    packet.keep_alive_s = make.u16();
    packet.client_id = make.text();
    packet.will = make.maybe([&] { return random_will(make, packet.version); });
    packet.user_name = make.maybe([&] { return make.text(); });
    if (packet.user_name || is_v5(packet.version)) {
        packet.password = make.maybe([&] { return make.data(20); });
    }
    if (is_v5(packet.version)) {
        packet.session_expiry_interval_s = make.u32();
        packet.receive_maximum = static_cast<std::uint16_t>(make.u16() | 1U);
        packet.maximum_packet_size = make.u32();
        packet.topic_alias_maximum = make.u16();
        packet.request_response_information = make.flag();
        packet.request_problem_information = make.flag();
        packet.authentication_method = make.maybe([&] { return make.text(); });
        if (packet.authentication_method) {
            packet.authentication_data = make.maybe([&] { return make.data(20); });
        }
    }
    return packet;
}

void add_connack_properties(Generator& make, ConnackView& packet) {
    const auto text = [&] { return make.text(); };
    const auto flag = [&] { return make.flag(); };
    packet.session_expiry_interval_s = make.maybe([&] { return make.u32(); });
    packet.receive_maximum =
        make.maybe([&] { return static_cast<std::uint16_t>(make.u16() | 1U); });
    packet.maximum_qos = make.maybe([&] { return static_cast<QoS>(make.random().below(2)); });
    packet.retain_available = make.maybe(flag);
    packet.maximum_packet_size = make.maybe([&] { return make.u32() | 1U; });
    packet.assigned_client_identifier = make.maybe(text);
    packet.topic_alias_maximum = make.maybe([&] { return make.u16(); });
    packet.reason_string = make.maybe(text);
    packet.wildcard_subscription_available = make.maybe(flag);
    packet.subscription_identifier_available = make.maybe(flag);
    packet.shared_subscription_available = make.maybe(flag);
    packet.server_keep_alive_s = make.maybe([&] { return make.u16(); });
    packet.response_information = make.maybe(text);
    packet.server_reference = make.maybe(text);
    packet.authentication_method = make.maybe(text);
    if (packet.authentication_method) {
        packet.authentication_data = make.maybe([&] { return make.data(20); });
    }
    packet.user_properties = make.block([&](ByteWriter& out) { make.put_user_properties(out); });
}

ConnackView random_connack(Generator& make, Version version) {
    constexpr std::array v3_reasons{
        ReasonCode::success,
        ReasonCode::unsupported_protocol_version,
        ReasonCode::client_identifier_not_valid,
        ReasonCode::server_unavailable,
        ReasonCode::bad_user_name_or_password,
        ReasonCode::not_authorized,
    };
    ConnackView packet;
    packet.reason = is_v5(version) ? make.reason(PacketType::connack)
                                   : v3_reasons[make.random().below(v3_reasons.size())];
    packet.session_present =
        packet.reason == ReasonCode::success && version != Version::v3_1 && make.flag();
    if (is_v5(version)) {
        add_connack_properties(make, packet);
    }
    return packet;
}

PublishView random_publish(Generator& make, Version version) {
    PublishView packet;
    packet.qos = make.qos();
    packet.retain = make.flag();
    if (packet.qos != QoS::at_most_once) {
        packet.dup = make.flag();
        packet.packet_id = make.packet_id();
    }
    packet.topic = make.topic();
    packet.payload = make.data(make.random().chance(10) ? 40'000 : 200);
    if (is_v5(version)) {
        packet.topic_alias = make.flag() ? make.u16() : std::uint16_t{0};
        packet.has_message_expiry = make.flag();
        packet.message_expiry_interval_s = packet.has_message_expiry ? make.u32() : 0;
        packet.payload_is_utf8 = make.flag();
        packet.properties = make.block([&](ByteWriter& out) {
            put_byte(out, PropertyId::payload_format_indicator, packet.payload_is_utf8 ? 1 : 0);
            if (packet.topic_alias != 0) {
                put_u16(out, PropertyId::topic_alias, packet.topic_alias);
            }
            make.put_user_properties(out);
            if (packet.has_message_expiry) {
                put_u32(out, PropertyId::message_expiry_interval, packet.message_expiry_interval_s);
            }
            put_binary(out, PropertyId::correlation_data, make.data(20));
        });
    }
    return packet;
}

AckView random_ack(Generator& make, Version version) {
    AckView packet;
    packet.type = static_cast<PacketType>(4 + make.random().below(4));
    packet.packet_id = make.packet_id();
    if (is_v5(version)) {
        packet.reason = make.reason(packet.type);
        packet.reason_string = make.maybe([&] { return make.text(); });
    }
    return packet;
}

SubscriptionOptions random_options(Generator& make, Version version, bool shared) {
    SubscriptionOptions options;
    options.qos = make.qos();
    if (is_v5(version)) {
        options.no_local = !shared && make.flag();
        options.retain_as_published = make.flag();
        options.retain_handling = static_cast<RetainHandling>(make.random().below(3));
    }
    return options;
}

// Checks that the packet as text, and its bytes, are the same on both sides of the wire.
void check_round_trip(const PacketText& packet, Version version, Sender sender) {
    CAPTURE(packet.text);
    const auto progress = next_frame(packet.encoded_again, 1 << 20);
    REQUIRE(progress.has_value());
    REQUIRE(progress->state == FrameProgress::State::whole);
    CHECK(progress->frame.whole.size() == packet.encoded_again.size());
    const auto decoded = decode_to_text(progress->frame, version, sender);
    if (!decoded) {
        FAIL("refused: ", decoded.error().what);
    }
    CHECK(decoded->text == packet.text);
    CHECK(decoded->encoded_again == packet.encoded_again);
}

// Runs `round` with fresh values, its failures with the seed.
template <class Round>
void repeat(Round round) {
    const std::uint64_t seed = seed_for_this_run();
    INFO(replay_hint(seed));
    Random seeds{seed};
    for (int i = 0; i < rounds; ++i) {
        Generator make{seeds.next()};
        round(make);
    }
}

}  // namespace

TEST_CASE("round trip: any CONNECT is decoded as it was encoded") {
    repeat([](Generator& make) {
        const ConnectView packet = random_connect(make);
        check_round_trip(describe(packet), packet.version, Sender::client);
    });
}

TEST_CASE("round trip: any CONNACK is decoded as it was encoded") {
    repeat([](Generator& make) {
        const Version version = make.version();
        check_round_trip(describe(random_connack(make, version), version), version, Sender::server);
    });
}

TEST_CASE("round trip: any PUBLISH is decoded as it was encoded") {
    repeat([](Generator& make) {
        const Version version = make.version();
        const PacketText text = describe(random_publish(make, version), version);
        check_round_trip(text, version, Sender::client);
        check_round_trip(text, version, Sender::server);
    });
}

TEST_CASE("round trip: any acknowledgement is decoded as it was encoded") {
    repeat([](Generator& make) {
        const Version version = make.version();
        check_round_trip(describe(random_ack(make, version), version), version, Sender::client);
    });
}

TEST_CASE("round trip: any SUBSCRIBE is decoded as it was encoded") {
    repeat([](Generator& make) {
        const Version version = make.version();
        std::vector<SubscriptionRequestView> requests;
        for (std::size_t count = 1 + make.random().below(5); count > 0; --count) {
            const std::string_view filter = make.filter();
            const bool shared = filter.starts_with("$share/");
            requests.push_back(
                {.filter = filter, .options = random_options(make, version, shared)});
        }
        SubscribePacket packet{
            .packet_id = make.packet_id(), .subscription_identifier = 0, .requests = requests};
        if (is_v5(version)) {
            packet.subscription_identifier = make.u32() % (varint_max + 1);
        }
        check_round_trip(describe(packet, version), version, Sender::client);
    });
}

TEST_CASE("round trip: any UNSUBSCRIBE is decoded as it was encoded") {
    repeat([](Generator& make) {
        const Version version = make.version();
        std::vector<std::string_view> filters;
        for (std::size_t count = 1 + make.random().below(5); count > 0; --count) {
            filters.push_back(make.filter());
        }
        const UnsubscribePacket packet{.packet_id = make.packet_id(), .filters = filters};
        check_round_trip(describe(packet, version), version, Sender::client);
    });
}

TEST_CASE("round trip: any SUBACK and UNSUBACK is decoded as it was encoded") {
    repeat([](Generator& make) {
        const Version version = make.version();
        SubackView packet;
        packet.type = make.flag() ? PacketType::suback : PacketType::unsuback;
        packet.packet_id = make.packet_id();
        std::vector<ReasonCode> codes;
        for (std::size_t count = 1 + make.random().below(5); count > 0; --count) {
            codes.push_back(is_v5(version) ? make.reason(packet.type)
                                           : static_cast<ReasonCode>(make.random().below(3)));
        }
        if (is_v5(version) || packet.type == PacketType::suback) {
            packet.codes = codes;
        }
        check_round_trip(describe(packet, version), version, Sender::server);
    });
}

TEST_CASE("round trip: any DISCONNECT of a server is decoded as it was encoded") {
    repeat([](Generator& make) {
        DisconnectView packet;
        do {
            packet.reason = make.reason(PacketType::disconnect);
        } while (packet.reason == ReasonCode::disconnect_with_will);
        packet.reason_string = make.maybe([&] { return make.text(); });
        packet.server_reference = make.maybe([&] { return make.text(); });
        check_round_trip(describe(packet), Version::v5_0, Sender::server);
    });
}

TEST_CASE("round trip: any AUTH is decoded as it was encoded") {
    repeat([](Generator& make) {
        AuthView packet;
        packet.reason = make.reason(PacketType::auth);
        packet.method = make.text();
        packet.data = make.maybe([&] { return make.data(20); });
        packet.reason_string = make.maybe([&] { return make.text(); });
        check_round_trip(describe(packet), Version::v5_0, Sender::client);
    });
}
