// Whole connections over TLS.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/transport/packets.hpp"
#include "tests/transport/test_broker.hpp"
#include "tests/transport/tls_client.hpp"

namespace martlet::transport::tests {

namespace {

TransportOptions tls_options(core::ShardIndex shards) {
    TransportOptions options = test_options(shards);
    TlsOptions tls;
    tls.certfile = TestCertificates::instance().path("server.pem");
    tls.keyfile = TestCertificates::instance().path("server.key");
    options.listeners[0].tls = tls;
    return options;
}

TransportOptions mutual_options(CertificateIdentity identity) {
    TransportOptions options = tls_options(2);
    options.listeners[0].tls->cafile = TestCertificates::instance().path("ca.pem");
    options.listeners[0].tls->client_certificate = ClientCertificate::required;
    options.listeners[0].tls->identity = identity;
    return options;
}

// In TLS 1.3 a client learns only after its side of the handshake that it was refused.
bool gets_in(std::uint16_t port, const std::string& certificate) {
    TlsClient::Options options;
    options.certificate = certificate;
    TlsClient client(port, options);
    return client.is_connected() && client.exchange(connect("m"), 4) == connack;
}

}  // namespace

TEST_CASE("tls: clients of both versions work whichever shard is their home") {
    TestBroker broker(tls_options(3));
    REQUIRE(!broker.error());
    std::vector<std::unique_ptr<TlsClient>> clients;
    for (int i = 0; i < 12; ++i) {
        TlsClient::Options options;
        options.version = i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
        clients.push_back(std::make_unique<TlsClient>(broker.port(), options));
        REQUIRE(clients.back()->is_connected());
        // In one record, so that the shard that reads CONNECT holds what follows it decrypted.
        const std::string bytes = connect("client-" + std::to_string(i)) + subscribe("t");
        CHECK(clients.back()->exchange(bytes, 9) == connack + suback_qos0);
    }
    CHECK(broker.transport().transport_counters().handed_over > 0);
    const std::string message = publish("t", std::string(50'000, 'x'));
    REQUIRE(clients[0]->send(message));
    for (const auto& client : clients) {
        CHECK(client->receive(message.size()) == message);
    }
    REQUIRE(clients[1]->send(disconnect));
    CHECK(clients[1]->sees_goodbye());
}

TEST_CASE("tls: what follows CONNECT in many records moves along") {
    TestBroker broker(tls_options(4));
    for (int i = 0; i < 8; ++i) {
        TlsClient client(broker.port());
        std::string bytes =
            connect("c" + std::to_string(i)) + subscribe("own/" + std::to_string(i));
        const std::string message = publish("own/" + std::to_string(i), std::string(1000, 'y'));
        for (int n = 0; n < 100; ++n) {
            bytes += message;
        }
        REQUIRE(client.send(bytes));
        CHECK(client.receive(9) == connack + suback_qos0);
        std::string all;
        for (int n = 0; n < 100; ++n) {
            all += message;
        }
        CHECK(client.receive(all.size()) == all);
    }
}

TEST_CASE("tls: CONNECT may arrive in records of one byte") {
    TestBroker broker(tls_options(2));
    TlsClient client(broker.port());
    for (const char byte : connect("dripping") + pingreq) {
        REQUIRE(client.send(std::string(1, byte)));
    }
    CHECK(client.receive(6) == connack + pingresp);
}

TEST_CASE("tls: many small packets share a record") {
    TestBroker broker(tls_options(1));
    TlsClient client(broker.port());
    REQUIRE(client.exchange(connect("a") + subscribe("t"), 9) == connack + suback_qos0);
    std::string bytes;
    for (int n = 0; n < 20; ++n) {
        bytes += publish("t", "payload");
    }
    REQUIRE(client.send(bytes));
    char first = 0;
    REQUIRE(SSL_read(client.ssl(), &first, 1) == 1);
    // The rest of the same record is there without another read.
    CHECK(SSL_pending(client.ssl()) == static_cast<int>(bytes.size()) - 1);
}

TEST_CASE("tls: garbage is logged in OpenSSL's words and harms nobody") {
    TestBroker broker(tls_options(1));
    RawClient garbage(broker.port());
    REQUIRE(garbage.send("this is not TLS at all, not even a little"));
    garbage.receive_all();
    CHECK(broker.lines().wait_for("handshake failed: OpenSSL Error[0]: error:"));
    RawClient plain(broker.port());
    REQUIRE(plain.send(connect("plain")));
    plain.receive_all();
    RawClient gone(broker.port());
    gone.close();
    CHECK(broker.lines().wait_for("handshake failed: ", 3));
    CHECK(TlsClient(broker.port()).exchange(connect("a"), 4) == connack);
}

TEST_CASE("tls: sessions are resumed") {
    TestBroker broker(tls_options(3));
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsClient::Options options;
        options.version = version;
        TlsClient first(broker.port(), options);
        // The ticket of TLS 1.3 comes after the handshake, ahead of the CONNACK.
        REQUIRE(first.exchange(connect("r"), 4) == connack);
        options.session = SSL_get1_session(first.ssl());
        TlsClient second(broker.port(), options);
        CHECK(second.exchange(connect("r2"), 4) == connack);
        CHECK(SSL_session_reused(second.ssl()) == 1);
        SSL_SESSION_free(options.session);
    }
}

TEST_CASE("tls: the protocol mqtt is agreed upon when offered") {
    TestBroker broker(tls_options(1));
    TlsClient::Options options;
    options.alpn = "\x02h2\x04mqtt";
    TlsClient client(broker.port(), options);
    REQUIRE(client.is_connected());
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.ssl(), &chosen, &size);
    CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "mqtt");
    options.alpn = "\x02h2";
    CHECK(!TlsClient(broker.port(), options).is_connected());
    CHECK(broker.lines().wait_for("no application protocol"));
}

TEST_CASE("tls: a required client certificate must be of our authority and in date") {
    TestBroker broker(mutual_options(CertificateIdentity::common_name));
    REQUIRE(!broker.error());
    CHECK(gets_in(broker.port(), "client.pem"));
    CHECK(!gets_in(broker.port(), ""));
    CHECK(!gets_in(broker.port(), "stranger.pem"));
    CHECK(!gets_in(broker.port(), "client_expired.pem"));
    CHECK(broker.access().identities() == std::vector<std::string>{"sensor-7"});
    CHECK(broker.lines().wait_for("handshake failed: OpenSSL Error[0]: error:", 3));
}

TEST_CASE("tls: the whole subject can be the identity") {
    TestBroker broker(mutual_options(CertificateIdentity::subject));
    CHECK(gets_in(broker.port(), "client.pem"));
    CHECK(broker.access().identities() == std::vector<std::string>{"CN=sensor-7,O=Martlet"});
}

TEST_CASE("tls: revoked certificates are refused and without a valid list all are") {
    TransportOptions options = mutual_options(CertificateIdentity::common_name);
    options.listeners[0].tls->crlfile = TestCertificates::instance().path("crl.pem");
    TestBroker broker(options);
    CHECK(gets_in(broker.port(), "client.pem"));
    CHECK(!gets_in(broker.port(), "revoked.pem"));

    options.listeners[0].tls->crlfile = TestCertificates::instance().path("old_crl.pem");
    TestBroker outdated(options);
    CHECK(!gets_in(outdated.port(), "client.pem"));
}

TEST_CASE("tls: a reload that fails changes nothing and another whom the listener trusts") {
    TransportOptions options = mutual_options(CertificateIdentity::common_name);
    TestBroker broker(options);
    TlsClient::Options with_certificate;
    with_certificate.certificate = "client.pem";
    TlsClient before(broker.port(), with_certificate);
    REQUIRE(before.exchange(connect("before"), 4) == connack);

    ReloadOptions reload;
    reload.listeners = options.listeners;
    reload.listeners[0].tls->keyfile = TestCertificates::instance().path("client.key");
    CHECK(broker.transport().reload(reload).has_value());
    CHECK(gets_in(broker.port(), "client.pem"));
    CHECK(before.exchange(pingreq, 2) == pingresp);

    reload.listeners = options.listeners;
    reload.listeners[0].tls->cafile = TestCertificates::instance().path("other_ca.pem");
    CHECK(!broker.transport().reload(reload));
    CHECK(!gets_in(broker.port(), "client.pem"));
    CHECK(gets_in(broker.port(), "stranger.pem"));
    CHECK(before.exchange(pingreq, 2) == "");
}

}  // namespace martlet::transport::tests
