#include "protocol/properties.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "protocol/packet/publish.hpp"
#include "protocol/property_table.hpp"
#include "tests/support/random.hpp"
#include "tests/support/vectors.hpp"

using namespace martlet::protocol;
using namespace martlet::testing;

namespace {

using Buffer = std::vector<std::byte>;

// Section 2.2.2.2 of the specification once more, in its own words.
struct SpecRow {
    int id;
    const char* value;  // a valid one
    const char* owners;
};

const std::vector<SpecRow> spec_table{
    {0x01, "01", "publish will"},
    {0x02, "u32:0", "publish will"},
    {0x03, "s'text/plain'", "publish will"},
    {0x08, "s'reply'", "publish will"},
    {0x09, "s{ 00 }", "publish will"},
    {0x0B, "v:128", "publish subscribe"},
    {0x11, "u32:1", "connect connack disconnect"},
    {0x12, "s'id'", "connack"},
    {0x13, "u16:1", "connack"},
    {0x15, "s'method'", "connect connack auth"},
    {0x16, "s{ 00 }", "connect connack auth"},
    {0x17, "00", "connect"},
    {0x18, "u32:1", "will"},
    {0x19, "01", "connect"},
    {0x1A, "s'r'", "connack"},
    {0x1C, "s'r'", "connack disconnect"},
    {0x1F, "s'why'", "connack puback pubrec pubrel pubcomp suback unsuback disconnect auth"},
    {0x21, "u16:1", "connect connack"},
    {0x22, "u16:0", "connect connack"},
    {0x23, "u16:1", "publish"},
    {0x24, "01", "connack"},
    {0x25, "01", "connack"},
    {0x26, "s'k' s'v'",
     "connect connack publish will puback pubrec pubrel pubcomp subscribe suback unsubscribe "
     "unsuback disconnect auth"},
    {0x27, "u32:1", "connect connack"},
    {0x28, "01", "connack"},
    {0x29, "01", "connack"},
    {0x2A, "01", "connack"},
};

const std::map<std::string, PropertyOwner> owners{
    {"connect", PropertyOwner::connect},         {"will", PropertyOwner::will},
    {"connack", PropertyOwner::connack},         {"publish", PropertyOwner::publish},
    {"puback", PropertyOwner::puback},           {"pubrec", PropertyOwner::pubrec},
    {"pubrel", PropertyOwner::pubrel},           {"pubcomp", PropertyOwner::pubcomp},
    {"subscribe", PropertyOwner::subscribe},     {"suback", PropertyOwner::suback},
    {"unsubscribe", PropertyOwner::unsubscribe}, {"unsuback", PropertyOwner::unsuback},
    {"disconnect", PropertyOwner::disconnect},   {"auth", PropertyOwner::auth},
};

Buffer block_of(const SpecRow& row) {
    Buffer block{static_cast<std::byte>(row.id)};
    const Buffer value = parse_bytes(row.value);
    block.insert(block.end(), value.begin(), value.end());
    return block;
}

std::string outcome(Bytes block, PropertyOwner owner) {
    PropertyReader reader{block, owner};
    std::size_t count = 0;
    while (reader.next()) {
        ++count;
    }
    CHECK_FALSE(reader.next().has_value());
    return reader.error() ? reason_name(reader.error()->reason) : std::to_string(count);
}

}  // namespace

TEST_CASE("properties: each may stand where the specification says and nowhere else") {
    CHECK(spec_table.size() == property_rows.size());
    for (const SpecRow& row : spec_table) {
        const std::vector<std::string> permitted = split_words(row.owners);
        for (const auto& entry : owners) {
            const std::string& name = entry.first;
            CAPTURE(row.id);
            CAPTURE(name);
            const bool allowed =
                std::find(permitted.begin(), permitted.end(), name) != permitted.end();
            CHECK(outcome(block_of(row), entry.second) == (allowed ? "1" : "malformed_packet"));
        }
    }
}

TEST_CASE("properties: only user properties and a server's subscription identifiers repeat") {
    for (const SpecRow& row : spec_table) {
        for (const std::string& name : split_words(row.owners)) {
            CAPTURE(row.id);
            CAPTURE(name);
            Buffer twice = block_of(row);
            const Buffer once = twice;
            twice.insert(twice.end(), once.begin(), once.end());
            const bool repeatable = row.id == 0x26 || (row.id == 0x0B && name == "publish");
            CHECK(outcome(twice, owners.at(name)) == (repeatable ? "2" : "protocol_error"));
        }
    }
}

TEST_CASE("properties: identifiers that do not exist are malformed") {
    for (int id = 0; id < 256; ++id) {
        const bool exists = std::any_of(spec_table.begin(), spec_table.end(),
                                        [id](const SpecRow& row) { return row.id == id; });
        if (!exists) {
            CAPTURE(id);
            const Buffer block{static_cast<std::byte>(id), std::byte{1}, std::byte{1}};
            CHECK(outcome(block, PropertyOwner::publish) == "malformed_packet");
        }
    }
}

TEST_CASE("properties: a block cut short anywhere inside a property is malformed") {
    for (const SpecRow& row : spec_table) {
        const Buffer block = block_of(row);
        const PropertyOwner owner = owners.at(split_words(row.owners).front());
        CHECK(outcome({}, owner) == "0");
        for (std::size_t size = 1; size < block.size(); ++size) {
            CAPTURE(row.id);
            CAPTURE(size);
            const Buffer cut(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size));
            CHECK(outcome(cut, owner) == "malformed_packet");
        }
    }
}

TEST_CASE(
    "properties: values out of range are protocol errors [v5 MQTT-3.3.2-8] "
    "[v5 MQTT-3.3.2-14]") {
    const std::vector<std::pair<const char*, PropertyOwner>> wrong{
        {"01 02", PropertyOwner::publish},    {"0B 00", PropertyOwner::subscribe},
        {"17 02", PropertyOwner::connect},    {"19 FF", PropertyOwner::connect},
        {"21 u16:0", PropertyOwner::connect}, {"23 u16:0", PropertyOwner::publish},
        {"24 02", PropertyOwner::connack},    {"25 02", PropertyOwner::connack},
        {"27 u32:0", PropertyOwner::connect}, {"28 02", PropertyOwner::connack},
        {"29 02", PropertyOwner::connack},    {"2A 02", PropertyOwner::connack},
        {"08 s'a/#'", PropertyOwner::will},   {"08 s'+'", PropertyOwner::publish},
    };
    for (const auto& example : wrong) {
        CAPTURE(example.first);
        CHECK(outcome(parse_bytes(example.first), example.second) == "protocol_error");
    }
}

TEST_CASE("properties: both strings of a pair must be well-formed [v5 MQTT-1.5.7-1]") {
    for (const char* const wrong : {"26 s{ C0 } s'v'", "26 s'k' s{ ED A0 80 }", "26 s{ 00 } s''"}) {
        CHECK(outcome(parse_bytes(wrong), PropertyOwner::auth) == "malformed_packet");
    }
}

TEST_CASE("properties: the reader gives name and value and the bytes as received") {
    const Buffer block = parse_bytes("26 s'key' s'value' 0B v:300");
    PropertyReader reader{block, PropertyOwner::publish};
    const auto user = reader.next();
    REQUIRE(user.has_value());
    CHECK(user->id == PropertyId::user_property);
    CHECK(user->name == "key");
    CHECK(as_text(user->data) == "value");
    CHECK(user->whole.size() == 13);
    const auto identifier = reader.next();
    REQUIRE(identifier.has_value());
    CHECK(identifier->number == 300);
    CHECK(identifier->whole.size() == 3);
    CHECK_FALSE(reader.next().has_value());
    CHECK_FALSE(reader.error().has_value());
}

TEST_CASE("properties: sizes are those of what is written") {
    Buffer space(200);
    ByteWriter out{space};
    put_byte(out, PropertyId::payload_format_indicator, 1);
    put_u16(out, PropertyId::topic_alias, 2);
    put_u32(out, PropertyId::message_expiry_interval, 3);
    put_varint(out, PropertyId::subscription_identifier, 16'384);
    put_utf8(out, PropertyId::content_type, "text");
    put_binary(out, PropertyId::correlation_data, as_bytes("data"));
    CHECK(out.written() == property_size_byte() + property_size_u16() + property_size_u32() +
                               property_size_varint(16'384) + property_size_utf8("text") +
                               property_size_binary(as_bytes("data")));
    space.resize(out.written());
    CHECK(space == parse_bytes("01 01 23 u16:2 02 u32:3 0B v:16384 03 s'text' 09 s'data'"));
}

namespace {

Buffer forwarded(Bytes block) {
    Buffer copied(forwarded_properties_size(block));
    ByteWriter out{copied};
    copy_forwarded_properties(block, out);
    CHECK(out.written() == copied.size());
    return copied;
}

}  // namespace

TEST_CASE(
    "forwarding: what belongs to the publisher's connection is left out and the rest keeps "
    "its order [v5 MQTT-3.3.2-4] [v5 MQTT-3.3.2-17] [v5 MQTT-3.3.2-18] [v5 MQTT-3.3.2-20]") {
    CHECK(forwarded({}).empty());
    CHECK(forwarded(parse_bytes("02 u32:9 23 u16:1 0B v:300 18 u32:5")).empty());
    const Buffer kept = parse_bytes("26 s'b' s'1' 26 s'a' s'2' 03 s't' 08 s'r' 09 s'c' 01 01");
    CHECK(forwarded(kept) == kept);
    CHECK(forwarded(parse_bytes("02 u32:9 26 s'b' s'1' 23 u16:1 26 s'a' s'2' 03 s't' 0B v:1 "
                                "0B v:2 08 s'r' 09 s'c' 01 01 18 u32:1")) == kept);
}

TEST_CASE("forwarding: random blocks keep exactly the properties that travel") {
    struct Part {
        const char* bytes;
        bool travels;
    };
    const std::vector<Part> parts{
        {"01 00", true},     {"26 s'k' s'v'", true}, {"03 s'type'", true}, {"02 u32:1", false},
        {"23 u16:9", false}, {"0B v:500", false},    {"18 u32:30", false}, {"09 s{ FF }", true}};
    const std::uint64_t seed = seed_for_this_run();
    INFO(replay_hint(seed));
    Random random{seed};
    for (int i = 0; i < 2'000; ++i) {
        Buffer block;
        Buffer expected;
        for (std::size_t count = random.below(8); count > 0; --count) {
            const Part& part = parts[random.below(parts.size())];
            const Buffer bytes = parse_bytes(part.bytes);
            block.insert(block.end(), bytes.begin(), bytes.end());
            if (part.travels) {
                expected.insert(expected.end(), bytes.begin(), bytes.end());
            }
        }
        CHECK(forwarded(block) == expected);
    }
}
