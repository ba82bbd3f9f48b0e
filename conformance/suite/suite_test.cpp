// The suite looks at itself: no statement without a verdict, and a codec that sees what is wrong.

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "conformance/suite/registry.hpp"
#include "conformance/suite/scram.hpp"
#include "conformance/suite/statements.hpp"
#include "conformance/suite/verdicts.hpp"

namespace martlet::conformance {

namespace {

void check_table(Version version, std::size_t size) {
    const auto table = statements(version);
    CHECK(table.size() == size);
    std::set<std::string_view> ids;
    for (const auto& statement : table) {
        INFO(statement.id);
        CHECK(ids.insert(statement.id).second);
        CHECK(statement.id.starts_with("MQTT-"));
        CHECK(!statement.title.empty());
        CHECK(statement.reason.empty() == (statement.kind == Kind::tested));
    }
    for (const auto* test : tests_for(version)) {
        for (const auto id : test->ids(version)) {
            INFO(test->name, " names ", id);
            CHECK(ids.contains(id));
        }
    }
}

// As if every test had passed: then every statement has to have a verdict.
void check_verdicts(Version version) {
    std::vector<TestResult> results;
    for (const auto* test : tests_for(version)) {
        results.push_back({.test = test});
    }
    for (const auto& result : judge(version, results, {}, true)) {
        INFO(result.statement->id);
        CHECK(result.verdict != Verdict::none);
        CHECK(result.verdict != Verdict::failed);
    }
}

void check_refused(const Bytes& raw, Version version) {
    INFO(to_hex(raw));
    CHECK_THROWS_AS(decode_from_server(raw, version), const Malformed&);
}

TEST_CASE("the tables have every statement once and the tests name only those") {
    check_table(Version::v311, 140);
    check_table(Version::v5, 243);
}

TEST_CASE("no statement is without a verdict") {
    check_verdicts(Version::v311);
    check_verdicts(Version::v5);
}

TEST_CASE("tests have names of their own") {
    std::set<std::string_view> names;
    for (const auto& test : all_tests()) {
        INFO(test.name);
        CHECK(names.insert(test.name).second);
    }
}

TEST_CASE("a listed failure that passes is a failure of the run") {
    const auto tests = tests_for(Version::v311);
    std::vector<TestResult> results{{.test = tests.front()}};
    const auto& ids = tests.front()->v311;
    KnownFailures known;
    for (const auto id : ids) {
        known[std::string(id)] = false;
    }
    CHECK(judge(Version::v311, results, known, false).front().verdict == Verdict::unexpected_pass);
    results.front().outcome = TestResult::Outcome::failed;
    CHECK(judge(Version::v311, results, known, false).front().verdict == Verdict::known_failure);
    CHECK(judge(Version::v311, results, {}, false).front().verdict == Verdict::failed);
    for (auto& [id, may_pass] : known) {
        may_pass = true;
    }
    CHECK(judge(Version::v311, results, known, false).front().verdict == Verdict::known_failure);
    results.front().outcome = TestResult::Outcome::passed;
    CHECK(judge(Version::v311, results, known, false).front().verdict == Verdict::passed);
}

TEST_CASE("what a server may not send is seen") {
    check_refused(frame(0x20, u8(2) + u8(0)), Version::v311);      // flags of CONNACK
    check_refused(frame(0x20, u8(0) + u8(6)), Version::v311);      // return code
    check_refused(frame(0x21, u16(0)), Version::v311);             // fixed header
    check_refused(frame(0x36, str("a") + u16(1)), Version::v311);  // QoS 3
    check_refused(frame(0x38, str("a")), Version::v311);           // DUP at QoS 0
    check_refused(frame(0x32, str("a") + u16(0)), Version::v311);  // identifier 0
    check_refused(frame(0x30, str("a/+")), Version::v311);         // wildcard
    check_refused(frame(0x30, str("")), Version::v311);            // no topic
    check_refused(frame(0x30, str("\xC0\x80")), Version::v311);    // no UTF-8
    check_refused(frame(0x60, u16(1)), Version::v311);             // flags of PUBREL
    check_refused(frame(0x90, u16(1) + u8(3)), Version::v311);     // SUBACK code
    check_refused(frame(0xD0, "x"), Version::v311);                // body
    check_refused(frame(0xE0, {}), Version::v311);                 // DISCONNECT
    check_refused(frame(0x40, u16(1) + u8(1)), Version::v5);       // PUBACK code
    check_refused(frame(0xE0, u8(0x80) + u8(5) + u8(0x11) + u32(1)), Version::v5);
    check_refused(frame(0x40, u16(1) + u8(0) + u8(3) + u8(0x23) + u16(1)), Version::v5);
    check_refused(frame(0x30, str("a") + u8(3) + u8(0x23) + u16(0)), Version::v5);
    check_refused(frame(0x30, str("a") + u8(2) + u8(0x7E) + u8(0)), Version::v5);
    check_refused(frame(0x20, u16(0) + u8(0x80) + u8(0)), Version::v5);  // long varint
    check_refused(frame(0xF0, u8(0x19)), Version::v5);                   // AUTH code
}

TEST_CASE("a PUBLISH comes back as it was written") {
    const Publish sent{.topic = "a/b",
                       .payload = Bytes("\0x", 2),
                       .qos = 2,
                       .retain = true,
                       .dup = true,
                       .id = 513,
                       .properties = {number(PropertyId::message_expiry, 7), user("k", "v"),
                                      number(PropertyId::subscription_identifier, 300)}};
    const auto got = decode_from_server(encode(sent, Version::v5), Version::v5);
    CHECK(got.topic == sent.topic);
    CHECK(got.payload == sent.payload);
    CHECK(got.id == sent.id);
    CHECK(got.qos == 2);
    CHECK((got.retain && got.dup));
    CHECK(got.properties == sent.properties);
    CHECK(encode(got, Version::v5) == got.raw);
}

TEST_CASE("lengths take the fewest bytes") {
    CHECK(to_hex(varint(0)) == "00");
    CHECK(to_hex(varint(127)) == "7f");
    CHECK(to_hex(varint(128)) == "80 01");
    CHECK(to_hex(varint(268'435'455)) == "ff ff ff 7f");
    CHECK(packet_size(frame(0x30, std::string(200, 'x'))) == 203);
    CHECK(packet_size("\x30") == std::nullopt);
}

TEST_CASE("text that is no UTF-8 is seen and text that is passes") {
    for (const auto* good :
         {"", "a", "\xC2\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
        CHECK(is_well_formed_utf8(good));
    }
    for (const auto* bad : {"\x80", "\xC0\xAF", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                            "\xF0\x80\x80\xAF", "\xFF"}) {
        CHECK(!is_well_formed_utf8(bad));
    }
    CHECK(!is_well_formed_utf8(std::string_view("\0", 1)));
}

TEST_CASE("SCRAM-SHA-256 answers as in RFC 7677") {
    const Scram scram{"user", "pencil", "rOprNGfwEbeRWgbNEkqO"};
    CHECK(scram.first() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    CHECK(scram.answer("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") ==
          "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
          "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
}

}  // namespace

}  // namespace martlet::conformance
