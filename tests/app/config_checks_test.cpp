#include "server/app/config_checks.hpp"

#include <doctest/doctest.h>

#include <string>

#include "server/app/config_file.hpp"
#include "tests/support/lines.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace martlet::app;
using martlet::tests::Lines;
using martlet::tests::TemporaryDirectory;

namespace {

Lines errors_of(const std::string& text) {
    return parse_config(text, "x.conf", {}).errors;
}

// A file that exists; its content is not looked at when the configuration is read.
class TlsFiles {
public:
    [[nodiscard]] std::string line(const std::string& key) const {
        return key + " " + path_ + "\n";
    }

private:
    TemporaryDirectory directory_;
    std::string path_ = directory_.write("some.pem", "x");
};

}  // namespace

TEST_CASE("config checks: a whole TLS listener is understood") {
    const TlsFiles files;
    const ConfigResult result =
        parse_config("listener 8883\n" + files.line("certfile") + files.line("keyfile") +
                         files.line("cafile") + files.line("crlfile") +
                         "capath /tmp\nrequire_certificate true\nuse_identity_as_username true\n"
                         "tls_version tlsv1.3\nciphers A:B\nciphers_tls1.3 C\ntls_groups X25519\n" +
                         files.line("dhparamfile") +
                         "sni_certificate /proc/version /proc/uptime\n"
                         "sni_certificate /proc/stat /proc/uptime\n",
                     "x.conf", {});
    REQUIRE(result.errors == Lines{});
    REQUIRE(result.config.listeners.front().tls.has_value());
    const TlsConfig& tls = *result.config.listeners.front().tls;
    CHECK(tls.certfile.ends_with("some.pem"));
    CHECK(tls.keyfile.ends_with("some.pem"));
    CHECK(tls.cafile.ends_with("some.pem"));
    CHECK(tls.crlfile.ends_with("some.pem"));
    CHECK(tls.capath == "/tmp");
    CHECK(tls.require_certificate);
    CHECK(tls.use_identity_as_username);
    CHECK_FALSE(tls.use_subject_as_username);
    CHECK(tls.version_min == TlsVersion::v1_3);
    CHECK(tls.ciphers == "A:B");
    CHECK(tls.ciphers_tls13 == "C");
    CHECK(tls.groups == "X25519");
    CHECK(tls.dhparamfile.ends_with("some.pem"));
    REQUIRE(tls.sni_certificates.size() == 2);
    CHECK(tls.sni_certificates[1] == SniCertificate{"/proc/stat", "/proc/uptime"});
    CHECK(result.notices.empty());
}

TEST_CASE("config checks: a certificate needs its key and a key its certificate") {
    const TlsFiles files;
    CHECK(errors_of("listener 8883\n" + files.line("certfile")) ==
          Lines{"x.conf:2: certfile: no keyfile, expected both or neither"});
    CHECK(errors_of("listener 8883\n" + files.line("keyfile")) ==
          Lines{"x.conf:2: keyfile: no certfile, expected both or neither"});
    // The certificate of one listener does not serve another.
    CHECK(errors_of("listener 8883\n" + files.line("certfile") + "listener 8884\n" +
                    files.line("keyfile"))
              .size() == 2);
}

TEST_CASE("config checks: certificates cannot be required with nothing to check them against") {
    const TlsFiles files;
    const std::string tls = "listener 8883\n" + files.line("certfile") + files.line("keyfile");
    CHECK(errors_of(tls + "require_certificate true\n") ==
          Lines{"x.conf:4: require_certificate: nothing to check certificates against, expected "
                "cafile or capath with it"});
    CHECK(errors_of(tls + "require_certificate true\ncapath /tmp\n").empty());
    CHECK(errors_of(tls + "use_identity_as_username true\n") ==
          Lines{"x.conf:4: use_identity_as_username: clients are not asked for a certificate, "
                "expected require_certificate true (or request_certificate true) with it"});
    CHECK(errors_of(tls + "request_certificate true\nuse_san_as_username true\n").size() == 1);
    CHECK(errors_of(tls + "request_certificate true\ncapath /tmp\nuse_san_as_username true\n")
              .empty());
    CHECK(errors_of(tls + "require_certificate true\ncapath /tmp\nuse_san_as_username true\n"
                          "use_subject_as_username true\n")
              .size() == 1);
    CHECK(errors_of(tls + "use_subject_as_username true\n").size() == 1);
    CHECK(errors_of(tls + files.line("crlfile")).size() == 1);
    CHECK(errors_of(tls + "require_certificate false\nuse_identity_as_username false\n").empty());
}

TEST_CASE("config checks: TLS keys on a listener without TLS are an error and not plain MQTT") {
    const TlsFiles files;
    CHECK(
        errors_of("listener 8883\n" + files.line("cafile")) ==
        Lines{"x.conf:2: cafile: the listener has no TLS, expected certfile and keyfile with it"});
    CHECK(errors_of("listener 8883\ntls_version tlsv1.2\n").size() == 1);
    CHECK(errors_of("listener 8883\nciphers A\n").size() == 1);
    CHECK(errors_of("listener 8883\nrequire_certificate false\n").empty());
}

TEST_CASE("config checks: files that cannot be read are named with the reason") {
    const TlsFiles files;
    CHECK(errors_of("listener 8883\ncertfile /does/not/exist.pem\n" + files.line("keyfile")) ==
          Lines{"x.conf:2: certfile: cannot read \"/does/not/exist.pem\" (No such file or "
                "directory), expected a readable file"});
    CHECK(errors_of("listener 8883\ncertfile /tmp\n" + files.line("keyfile")) ==
          Lines{"x.conf:2: certfile: cannot read \"/tmp\" (is a directory), expected a readable "
                "file"});
    CHECK(errors_of("listener 8883\n" + files.line("certfile") + files.line("keyfile") +
                    "capath /does/not/exist\n") ==
          Lines{"x.conf:4: capath: cannot read \"/does/not/exist\" (No such file or directory), "
                "expected a readable directory"});
}

TEST_CASE("config checks: two listeners cannot have one address and port") {
    CHECK(errors_of("listener 1883\nlistener 1884\nlistener 1883\n") ==
          Lines{"x.conf:3: listener: port 1883 is taken by listener at x.conf:1, expected an "
                "address and port of its own"});
    CHECK(errors_of("listener 1883 10.0.0.1\nlistener 1883 10.0.0.1\n").size() == 1);
    CHECK(errors_of("listener 1883\nlistener 1883 127.0.0.1\n").size() == 1);
    CHECK(errors_of("listener 1883 localhost\nlistener 1883\n").size() == 1);
    CHECK(errors_of("listener 1883 0.0.0.0\nlistener 1883 10.0.0.1\n").size() == 1);
    CHECK(errors_of("listener 1883\nlistener 1883\nlistener 1883\n").size() == 2);
}

TEST_CASE("config checks: a port may be shared by addresses that differ") {
    CHECK(errors_of("listener 1883 10.0.0.1\nlistener 1883 10.0.0.2\n").empty());
    CHECK(errors_of("listener 1883 127.0.0.1\nlistener 1883 ::1\n").empty());
    CHECK(errors_of("listener 1883 0.0.0.0\nlistener 1883 ::\n").empty());
    CHECK(errors_of("listener 1883\nsocket_domain ipv4\nlistener 1883\nsocket_domain ipv6\n")
              .empty());
    CHECK(errors_of("listener 1883\nsocket_domain ipv4\nlistener 1883 ::1\n").empty());
}

TEST_CASE("config checks: a key above the first listener that begins a second one is pointed at") {
    CHECK(errors_of("max_connections 100\nlistener 1883\n") ==
          Lines{"x.conf:2: listener: port 1883 is taken by max_connections at x.conf:1, expected "
                "an address and port of its own; keys above the first listener line begin a "
                "default listener"});
}

TEST_CASE("config checks: a listener whose port cannot be read is complained about once") {
    CHECK(errors_of("listener x\nlistener y\n").size() == 2);
    CHECK(errors_of("port x\nlistener 1883\n").size() == 1);
}
