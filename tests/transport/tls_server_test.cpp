// What a TLS listener shows and speaks: certificates by name, versions, ciphers, groups, protocols.
#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "server/transport/tls_server_names.hpp"
#include "tests/transport/packets.hpp"
#include "tests/transport/test_broker.hpp"
#include "tests/transport/tls_client.hpp"

namespace martlet::transport::tests {

namespace {

std::string file(const std::string& name) {
    return TestCertificates::instance().path(name);
}

TransportOptions tls_options() {
    TransportOptions options = test_options(2);
    TlsOptions tls;
    tls.certfile = file("server.pem");
    tls.keyfile = file("server.key");
    options.listeners[0].tls = tls;
    return options;
}

TlsOptions& tls_of(TransportOptions& options) {
    return *options.listeners[0].tls;
}

std::string name_shown(TestBroker& broker, const std::string& host, int version = TLS1_3_VERSION) {
    TlsClient::Options options;
    options.host = host;
    options.version = version;
    TlsClient client(broker.port(), options);
    return client.exchange(connect("n"), 4) == connack ? client.broker_name() : "";
}

TlsCertificate certificate_for(std::vector<std::string> names) {
    TlsCertificate certificate;
    certificate.names = std::move(names);
    return certificate;
}

std::string client_hello() {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
        SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
    BIO* const sent = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), sent);
    SSL_set_connect_state(ssl.get());
    SSL_do_handshake(ssl.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(sent, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

TEST_CASE("tls names: exact before wildcard and one label for a wildcard") {
    TlsServerNames names;
    names.add_default({"localhost", "own.example.org"});
    names.add(certificate_for({"*.example.org"}));
    names.add(certificate_for({"a.example.org", "b.example.net"}));
    const auto first_name = [&](std::string_view host) {
        const TlsCertificate* found = names.find(host);
        return found == nullptr ? std::string("default") : found->names[0];
    };
    CHECK(first_name("a.example.org") == "a.example.org");
    CHECK(first_name("A.Example.ORG.") == "a.example.org");
    CHECK(first_name("b.example.org") == "*.example.org");
    CHECK(first_name("b.example.net") == "a.example.org");
    CHECK(first_name("own.example.org") == "default");
    CHECK(first_name("x.b.example.org") == "default");
    CHECK(first_name("example.org") == "default");
    CHECK(first_name("localhost") == "default");
    CHECK(first_name("") == "default");
    CHECK(first_name(".example.org") == "default");
}

// All are there when the shard goes on after having been held up.
TEST_CASE("tls server: a crowd of handshakes does not keep others waiting") {
    TransportOptions options = tls_options();
    options.shards = 1;
    options.arrivals.connect_timeout = std::chrono::hours(1);
    TestBroker broker(options);
    TlsClient established(broker.port(), {});
    REQUIRE(established.exchange(connect("established"), 4) == connack);
    const std::string hello = client_hello();
    std::vector<RawClient> crowd;
    for (int i = 0; i < 400; ++i) {
        crowd.emplace_back(broker.port());
    }
    REQUIRE(broker.lines().wait_for("accepted", 401));
    std::promise<void> release;
    broker.transport().post(0, [released = release.get_future().share()](
                                   core::Shard&, core::Instant) { released.wait(); });
    for (RawClient& client : crowd) {
        REQUIRE(client.send(hello));
    }
    REQUIRE(established.send(pingreq));
    release.set_value();
    CHECK(established.receive(2) == pingresp);
    std::size_t answered = 0;
    for (const RawClient& client : crowd) {
        int waiting = 0;
        answered += ::ioctl(client.socket(), FIONREAD, &waiting) == 0 && waiting != 0 ? 1 : 0;
    }
    CHECK(answered < crowd.size());
}

TEST_CASE("tls server: the certificate is chosen by the name a client asks for") {
    TransportOptions options = tls_options();
    tls_of(options).sni_certificates = {{file("alpha.pem"), file("server.key")},
                                        {file("wild.pem"), file("server.key")},
                                        {file("rsa.pem"), file("rsa.key")}};
    TestBroker broker(options);
    REQUIRE(!broker.error());
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CHECK(name_shown(broker, "alpha.example.org", version) == "alpha.example.org");
        CHECK(name_shown(broker, "beta.example.org", version) == "*.example.org");
        CHECK(name_shown(broker, "rsa.example.org", version) == "rsa.example.org");
        CHECK(name_shown(broker, "elsewhere.example", version) == "localhost");
        CHECK(name_shown(broker, "", version) == "localhost");
    }
}

TEST_CASE("tls server: client certificates are asked for whatever the name") {
    TransportOptions options = tls_options();
    TlsOptions& tls = tls_of(options);
    tls.sni_certificates = {{file("alpha.pem"), file("server.key")}};
    tls.cafile = file("ca.pem");
    tls.client_certificate = ClientCertificate::required;
    tls.identity = CertificateIdentity::common_name;
    TestBroker broker(options);
    CHECK(name_shown(broker, "alpha.example.org") == "");
    TlsClient::Options with;
    with.host = "alpha.example.org";
    with.certificate = "client.pem";
    TlsClient first(broker.port(), with);
    CHECK(first.exchange(connect("n"), 4) == connack);
    CHECK(first.broker_name() == "alpha.example.org");
    CHECK(broker.access().identities() == std::vector<std::string>{"sensor-7"});
    with.session = SSL_get1_session(first.ssl());
    TlsClient second(broker.port(), with);
    CHECK(second.exchange(connect("n"), 4) == connack);
    CHECK(SSL_session_reused(second.ssl()) == 1);
    SSL_SESSION_free(with.session);
}

TEST_CASE("tls server: a further certificate with a mistake is refused") {
    TransportOptions options = tls_options();
    tls_of(options).sni_certificates = {{file("alpha.pem"), file("rsa.key")}};
    TestBroker broker(options);
    REQUIRE(broker.error());
    CHECK(broker.error()->find("sni_certificate " + file("rsa.key") +
                               ": the key does not belong to the certificate in " +
                               file("alpha.pem")) != std::string::npos);
}

TEST_CASE("tls server: versions and ciphers below the floor are refused") {
    TransportOptions options = tls_options();
    tls_of(options).ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
    TestBroker broker(options);
    TlsClient::Options with;
    with.version = TLS1_1_VERSION;
    CHECK(!TlsClient(broker.port(), with).is_connected());
    with.version = TLS1_2_VERSION;
    TlsClient good(broker.port(), with);
    REQUIRE(good.is_connected());
    CHECK(std::string(SSL_get_cipher_name(good.ssl())) == "ECDHE-ECDSA-AES256-GCM-SHA384");
    with.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
    CHECK(!TlsClient(broker.port(), with).is_connected());
    CHECK(broker.lines().wait_for("handshake failed: ", 2));
}

TEST_CASE("tls server: the order of ciphers and groups is the server's") {
    TransportOptions options = tls_options();
    tls_of(options).ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
    tls_of(options).groups = "P-384:X25519:P-256";  // the certificate's own is asked for too
    TestBroker broker(options);
    TlsClient::Options with;
    with.version = TLS1_2_VERSION;
    with.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
    TlsClient second(broker.port(), with);
    CHECK(std::string(SSL_get_cipher_name(second.ssl())) == "ECDHE-ECDSA-AES256-GCM-SHA384");
    with.groups = "X25519:P-256:P-384";
    TlsClient third(broker.port(), with);
    REQUIRE(third.is_connected());
    EVP_PKEY* theirs = nullptr;
    REQUIRE(SSL_get_peer_tmp_key(third.ssl(), &theirs) == 1);
    CHECK(EVP_PKEY_get_bits(theirs) == 384);
    EVP_PKEY_free(theirs);
    // In TLS 1.3 OpenSSL takes the client's first that the server has too.
    with.version = TLS1_3_VERSION;
    CHECK(TlsClient(broker.port(), with).is_connected());
    with.groups = "P-521";
    CHECK(!TlsClient(broker.port(), with).is_connected());
}

TEST_CASE("tls server: other protocols can be permitted") {
    TransportOptions options = tls_options();
    tls_of(options).protocols = {"http/1.1", "mqtt"};
    TestBroker broker(options);
    const auto agreed = [&](const std::string& alpn) {
        TlsClient::Options with;
        with.alpn = alpn;
        TlsClient client(broker.port(), with);
        const unsigned char* chosen = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(client.ssl(), &chosen, &size);
        return std::string(reinterpret_cast<const char*>(chosen), size);
    };
    CHECK(agreed("\x04mqtt\x08http/1.1") == "http/1.1");
    CHECK(agreed("\x04mqtt") == "mqtt");
    CHECK(agreed("\x02h2\x08http/1.1") == "http/1.1");
    CHECK(agreed("\x02h2") == "");
}

}  // namespace martlet::transport::tests
