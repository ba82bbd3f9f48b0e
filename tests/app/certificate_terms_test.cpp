#include "server/app/certificate_terms.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/lines.hpp"

using namespace martlet::app;
using martlet::tests::Lines;

namespace {

constexpr std::time_t day = 24 * 60 * 60;
constexpr std::time_t now = 1'800'000'000;  // 2027-01-15 08:00 UTC

}  // namespace

TEST_CASE("certificate terms: warnings come in time and once for each file") {
    const ListenerTerms terms{{{"a.pem", now + 31 * day}, {"b.pem", now + 30 * day}},
                              {},
                              {{"b.pem", now + 30 * day}, {"c.pem", now - 1}}};
    CHECK(expiry_warnings(terms, now, 30) ==
          Lines{"certfile b.pem: the certificate runs out on 2027-02-14 08:00 UTC, in 30 days",
                "certfile c.pem: the certificate has run out on 2027-01-15 07:59 UTC; clients will "
                "refuse it"});
    CHECK(expiry_warnings(terms, now, 0).size() == 1);
}

TEST_CASE("certificate terms: the first to run out counts for a port") {
    std::vector<ListenerConfig> listeners(3);
    listeners[0].port = 8883;
    listeners[1].port = 1883;
    listeners[2].port = 8884;
    const ListenerTerms terms{
        {{"a.pem", now + 40 * day}, {"b.pem", now + 3 * day - 1}}, {}, {{"c.pem", now - 1}}};
    const auto days = days_left(terms, listeners, now);
    REQUIRE(days.size() == 2);
    CHECK(days.at(8883) == 2);
    CHECK(days.at(8884) == -1);
}

TEST_CASE("certificate terms: every file of every listener is named") {
    std::vector<ListenerConfig> listeners(2);
    listeners[1].tls.emplace();
    listeners[1].tls->certfile = "s.crt";
    listeners[1].tls->keyfile = "s.key";
    listeners[1].tls->crlfile = "ca.crl";
    listeners[1].tls->sni_certificates = {{"t.crt", "t.key"}};
    CHECK(certificate_files(listeners) == Lines{"s.crt", "s.key", "ca.crl", "t.crt", "t.key"});
}
