// Client certificates: who gets in, under which name, and what becomes of those who are in when
// what is trusted changes.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/transport/clock.hpp"
#include "tests/transport/packets.hpp"
#include "tests/transport/test_broker.hpp"
#include "tests/transport/tls_client.hpp"

namespace martlet::transport::tests {

namespace {

std::string file(const std::string& name) {
    return TestCertificates::instance().path(name);
}

TransportOptions options_with(ClientCertificate wanted, CertificateIdentity identity) {
    TransportOptions options = test_options(2);
    TlsOptions tls;
    tls.certfile = file("server.pem");
    tls.keyfile = file("server.key");
    tls.cafile = file("ca.pem");
    tls.client_certificate = wanted;
    tls.identity = identity;
    options.listeners[0].tls = tls;
    return options;
}

TransportOptions required(CertificateIdentity identity) {
    return options_with(ClientCertificate::required, identity);
}

TransportOptions with_revocations(const std::string& name) {
    TransportOptions options = required(CertificateIdentity::common_name);
    options.listeners[0].tls->crlfile = file(name);
    return options;
}

TlsClient::Options client(const std::string& certificate) {
    TlsClient::Options options;
    options.certificate = certificate;
    return options;
}

// In TLS 1.3 a client learns only after its side of the handshake that it was refused.
bool gets_in(TestBroker& broker, const std::string& certificate) {
    TlsClient tried(broker.port(), client(certificate));
    return tried.is_connected() && tried.exchange(connect("m"), 4) == connack;
}

ReloadOptions reload_of(const TransportOptions& options) {
    ReloadOptions reload;
    reload.listeners = options.listeners;
    return reload;
}

}  // namespace

TEST_CASE("tls clients: a certificate may be asked for and left out") {
    TestBroker broker(options_with(ClientCertificate::requested, CertificateIdentity::common_name));
    REQUIRE(!broker.error());
    CHECK(gets_in(broker, ""));
    CHECK(gets_in(broker, "client.pem"));
    CHECK(broker.access().identities() == std::vector<std::string>{"", "sensor-7"});
    CHECK(!gets_in(broker, "stranger.pem"));
    CHECK(!gets_in(broker, "client_expired.pem"));
    CHECK(!gets_in(broker, "two_names.pem"));
    CHECK(broker.transport().transport_counters().certificates_refused == 3);
}

TEST_CASE("tls clients: refused certificates are counted and the log says why") {
    TestBroker broker(required(CertificateIdentity::common_name));
    REQUIRE(!broker.error());
    CHECK(!gets_in(broker, ""));
    CHECK(broker.lines().wait_for("peer did not return a certificate"));
    CHECK(!gets_in(broker, "client_expired.pem"));
    CHECK(broker.lines().wait_for("(certificate has expired)"));
    CHECK(!gets_in(broker, "stranger.pem"));
    CHECK(broker.lines().wait_for("(unable to get local issuer certificate)"));
    CHECK(!gets_in(broker, "server_only.pem"));
    CHECK(broker.lines().wait_for("certificate purpose)"));
    CHECK(broker.transport().transport_counters().certificates_refused == 4);
    CHECK(broker.transport().transport_counters().handshake_failures == 4);
    RawClient garbage(broker.port());
    REQUIRE(garbage.send("this is not TLS at all, not even a little"));
    garbage.receive_all();
    CHECK(broker.lines().wait_for("handshake failed: ", 5));
    CHECK(broker.transport().transport_counters().certificates_refused == 4);
}

TEST_CASE("tls clients: a common name that is none is no name") {
    TestBroker broker(required(CertificateIdentity::common_name));
    CHECK(!gets_in(broker, "two_names.pem"));
    CHECK(broker.lines().wait_for("more than one common name"));
    CHECK(!gets_in(broker, "zero_byte.pem"));
    CHECK(broker.lines().wait_for("has a zero byte in it"));
    CHECK(!gets_in(broker, "nameless.pem"));
    CHECK(broker.lines().wait_for("has no common name"));
    CHECK(broker.access().identities().empty());
}

TEST_CASE("tls clients: names that nobody uses may be odd") {
    TestBroker broker(required(CertificateIdentity::none));
    CHECK(gets_in(broker, "two_names.pem"));
    CHECK(gets_in(broker, "nameless.pem"));
    CHECK(broker.access().identities() == std::vector<std::string>{"", ""});
}

TEST_CASE("tls clients: of alternative names a URI comes first and then DNS and then e-mail") {
    TestBroker broker(required(CertificateIdentity::alternative_name));
    CHECK(gets_in(broker, "uri.pem"));
    CHECK(gets_in(broker, "dns.pem"));
    CHECK(gets_in(broker, "email.pem"));
    CHECK(broker.access().identities() ==
          std::vector<std::string>{"urn:dev:7", "d.example", "a@b.c"});
    CHECK(!gets_in(broker, "address.pem"));
    CHECK(!gets_in(broker, "client.pem"));
    CHECK(broker.lines().wait_for("has no alternative name", 2));
}

TEST_CASE("tls clients: each issuer's revocation list must be there and in date") {
    TestBroker alone(with_revocations("crl.pem"));
    CHECK(gets_in(alone, "client.pem"));
    CHECK(!gets_in(alone, "revoked.pem"));
    CHECK(alone.lines().wait_for("(certificate revoked)"));
    CHECK(!gets_in(alone, "below.pem"));  // whose issuer's list is missing
    CHECK(alone.lines().wait_for("(unable to get certificate CRL)"));
    TestBroker below(with_revocations("below_crl.pem"));
    CHECK(!gets_in(below, "below.pem"));  // the list of the issuer's issuer is
    TestBroker both(with_revocations("all_crl.pem"));
    CHECK(gets_in(both, "below.pem"));
    TestBroker middle_revoked(with_revocations("middle_revoked_crl.pem"));
    CHECK(!gets_in(middle_revoked, "below.pem"));
    TestBroker outdated(with_revocations("old_crl.pem"));
    CHECK(!gets_in(outdated, "client.pem"));
    CHECK(outdated.lines().wait_for("(CRL has expired)"));
    TestBroker foreign(with_revocations("other_crl.pem"));
    CHECK(!gets_in(foreign, "client.pem"));
}

TEST_CASE("tls clients: after a reload those who are no longer trusted are disconnected") {
    TransportOptions options = required(CertificateIdentity::common_name);
    TestBroker broker(options);
    std::vector<std::unique_ptr<TlsClient>> staying;
    std::vector<std::unique_ptr<TlsClient>> leaving;
    for (int i = 0; i < 40; ++i) {
        const std::string number = std::to_string(i);
        staying.push_back(std::make_unique<TlsClient>(broker.port(), client("client.pem")));
        REQUIRE(staying.back()->exchange(connect("stays" + number), 4) == connack);
        leaving.push_back(std::make_unique<TlsClient>(broker.port(), client("revoked.pem")));
        REQUIRE(leaving.back()->exchange(connect("goes" + number), 4) == connack);
    }
    TlsClient silent(broker.port(), client("revoked.pem"));  // no CONNECT yet
    REQUIRE(silent.is_connected());

    options.listeners[0].tls->crlfile = file("crl.pem");
    REQUIRE(!broker.transport().reload(reload_of(options)));
    CHECK(broker.lines().wait_for("disconnected goes", 40));
    for (const auto& each : leaving) {
        CHECK(each->receive(1) == "");
    }
    CHECK(silent.exchange(connect("late"), 4) == "");
    CHECK(broker.lines().wait_for("no longer trusted: certificate revoked"));
    CHECK(broker.transport().transport_counters().certificates_withdrawn == 41);
    for (const auto& each : staying) {
        CHECK(each->exchange(pingreq, 2) == pingresp);
    }
    CHECK(broker.lines().count("disconnected stays") == 0);
}

TEST_CASE("tls clients: those below an authority in between stay through a reload") {
    TransportOptions options = required(CertificateIdentity::common_name);
    TestBroker broker(options);
    TlsClient below(broker.port(), client("below.pem"));
    REQUIRE(below.exchange(connect("below"), 4) == connack);
    REQUIRE(!broker.transport().reload(reload_of(options)));
    REQUIRE(gets_in(broker, "client.pem"));
    CHECK(below.exchange(pingreq, 2) == pingresp);
    CHECK(broker.transport().transport_counters().certificates_withdrawn == 0);
}

TEST_CASE("tls clients: a session is resumed under its name and only while it is trusted") {
    TransportOptions options = required(CertificateIdentity::common_name);
    TestBroker broker(options);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        TlsClient::Options with = client("revoked.pem");
        with.version = version;
        TlsClient first(broker.port(), with);
        REQUIRE(first.exchange(connect("r"), 4) == connack);
        with.session = SSL_get1_session(first.ssl());
        TlsClient second(broker.port(), with);
        CHECK(second.exchange(connect("r2"), 4) == connack);
        CHECK(SSL_session_reused(second.ssl()) == 1);
        CHECK(broker.access().identities().back() == "sensor-8");

        TransportOptions stricter = options;
        stricter.listeners[0].tls->crlfile = file("crl.pem");
        REQUIRE(!broker.transport().reload(reload_of(stricter)));
        TlsClient third(broker.port(), with);
        CHECK(third.exchange(connect("r3"), 4) == "");
        SSL_SESSION_free(with.session);
        REQUIRE(!broker.transport().reload(reload_of(options)));
    }
}

TEST_CASE("tls clients: a session whose certificate has run out is not resumed") {
    TestBroker broker(required(CertificateIdentity::common_name));
    const TestCertificates fresh;  // whose short_lived.pem is good for two seconds more
    TlsClient::Options with = client("short_lived.pem");
    TransportOptions options = required(CertificateIdentity::common_name);
    options.listeners[0].tls->cafile = fresh.path("ca.pem");
    REQUIRE(!broker.transport().reload(reload_of(options)));
    with.files = &fresh;
    TlsClient first(broker.port(), with);
    REQUIRE(first.exchange(connect("r"), 4) == connack);
    with.session = SSL_get1_session(first.ssl());
    // Until it has run out.
    const core::Instant began = read_clock();
    bool is_in = true;
    while (is_in && read_clock() - began < std::chrono::seconds(10)) {
        TlsClient again(broker.port(), with);
        is_in = again.is_connected() && again.exchange(connect("r"), 4) == connack;
        std::this_thread::yield();
    }
    CHECK(!is_in);
    CHECK(broker.lines().wait_for("(certificate has expired)"));
    SSL_SESSION_free(with.session);
}

}  // namespace martlet::transport::tests
