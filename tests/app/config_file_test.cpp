#include "server/app/config_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/lines.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace martlet::app;
using martlet::tests::Lines;
using martlet::tests::TemporaryDirectory;

namespace {

ConfigResult parse(const std::string& text, const ConfigOverrides& overrides = {}) {
    return parse_config(text, "x.conf", overrides);
}

}  // namespace

TEST_CASE("config file: without a file there is a loopback listener for anybody on the machine") {
    const ConfigResult result = load_config("", {});
    REQUIRE(result.is_ok());
    REQUIRE(result.config.listeners.size() == 1);
    const ListenerConfig& listener = result.config.listeners.front();
    CHECK(listener.is_loopback_only);
    CHECK(listener.port == 1883);
    CHECK(listener.allow_anonymous);
    CHECK(listener.source.empty());
}

TEST_CASE("config file: a file without listeners keeps to loopback too") {
    const ConfigResult result = parse("sys_interval 5\nmax_connections 9\n");
    REQUIRE(result.config.listeners.size() == 1);
    CHECK(result.config.listeners.front().is_loopback_only);
    CHECK(result.config.listeners.front().allow_anonymous);
    CHECK(result.config.listeners.front().connections_max == 9);
    CHECK_FALSE(parse("allow_anonymous false").config.listeners.front().allow_anonymous);
}

TEST_CASE("config file: listeners refuse anonymous clients unless the file lets them in") {
    CHECK_FALSE(parse("listener 1883").config.listeners.front().allow_anonymous);
    const Config config = parse("listener 1883\nallow_anonymous true\nlistener 1884\n").config;
    REQUIRE(config.listeners.size() == 2);
    CHECK(config.listeners[0].allow_anonymous);
    CHECK(config.listeners[1].allow_anonymous);  // a file-wide key, wherever it stands
    CHECK_FALSE(config.listeners[0].is_loopback_only);
}

TEST_CASE("config file: per_listener_settings gives access keys to the listener above them") {
    const ConfigResult result = parse(R"(per_listener_settings true
listener 1883
allow_anonymous true
auto_id_prefix a-
listener 1884
allow_zero_length_clientid false
)");
    REQUIRE(result.is_ok());
    const auto& listeners = result.config.listeners;
    CHECK(listeners[0].allow_anonymous);
    CHECK(listeners[0].auto_id_prefix == "a-");
    CHECK(listeners[0].allow_zero_length_clientid);
    CHECK_FALSE(listeners[1].allow_anonymous);
    CHECK(listeners[1].auto_id_prefix == "auto-");
    CHECK_FALSE(listeners[1].allow_zero_length_clientid);
}

TEST_CASE("config file: per_listener_settings must precede what it changes the meaning of") {
    CHECK(parse("allow_anonymous true\nper_listener_settings true\n").errors ==
          Lines{"x.conf:2: per_listener_settings: comes after allow_anonymous (x.conf:1), expected "
                "before any access setting"});
    const ConfigResult unused =
        parse("per_listener_settings true\nallow_anonymous true\nlistener 1883\n");
    CHECK(unused.is_ok());
    CHECK(unused.notices == Lines{"x.conf:2: allow_anonymous: stands above the first listener and "
                                  "so concerns none (per_listener_settings is true)"});
}

TEST_CASE("config file: listener keys belong to the listener above them") {
    const ConfigResult result = parse(R"(listener 1883 127.0.0.1
max_connections 10
max_qos 1
listener 1884 localhost # the other one
socket_domain ipv6
max_topic_alias 3
protocol mqtt
)");
    REQUIRE(result.errors == Lines{});
    const auto& listeners = result.config.listeners;
    REQUIRE(listeners.size() == 2);
    CHECK(listeners[0].bind_address == "127.0.0.1");
    CHECK(listeners[0].port == 1883);
    CHECK(listeners[0].connections_max == 10);
    CHECK(listeners[0].qos_max == 1);
    CHECK(listeners[0].family == SocketFamily::any);
    CHECK(listeners[0].source == "x.conf:1");
    CHECK(listeners[1].bind_address == "localhost");
    CHECK(listeners[1].family == SocketFamily::ipv6);
    CHECK(listeners[1].topic_alias_max == 3);
    CHECK_FALSE(listeners[1].connections_max.has_value());
    CHECK(listeners[1].qos_max == 2);
    CHECK(listeners[1].source == "x.conf:4");
}

TEST_CASE("config file: port and bind_address make the default listener") {
    const ConfigResult result = parse("max_connections 5\nlistener 1884\nport 1885\n");
    REQUIRE(result.errors == Lines{});
    REQUIRE(result.config.listeners.size() == 2);
    CHECK(result.config.listeners[0].port == 1885);
    CHECK(result.config.listeners[0].connections_max == 5);
    CHECK_FALSE(result.config.listeners[0].is_loopback_only);
    CHECK(result.config.listeners[1].port == 1884);
    const ConfigResult bound = parse("bind_address ::1\n");
    CHECK(bound.config.listeners.front().bind_address == "::1");
    CHECK(bound.config.listeners.front().port == 1883);
    CHECK_FALSE(bound.config.listeners.front().allow_anonymous);
}

TEST_CASE("config file: listener lines that cannot be understood are errors") {
    CHECK(parse("listener").errors ==
          Lines{"x.conf:1: listener: no value, expected a whole number from 1 to 65535"});
    CHECK(parse("listener http").errors.size() == 1);
    CHECK(parse("listener 65536").errors.size() == 1);
    CHECK(parse("listener 0").errors ==
          Lines{"x.conf:1: listener: port 0 without a path, expected a port from 1 to 65535 or the "
                "path of a socket"});
    CHECK(parse("listener 0 /" + std::string(107, 'x')).errors ==
          Lines{"x.conf:1: listener: a path of 108 bytes, expected 107 at most"});
    CHECK(parse("listener 1883 a b").errors.size() == 1);
    CHECK(parse("listener 1883\nprotocol http").errors ==
          Lines{"x.conf:2: protocol: \"http\" is not known, expected mqtt or websockets"});
}

TEST_CASE("config file: all errors are reported at once in the order of the lines") {
    const ConfigResult result = parse(R"(# a comment
nonsense 1

listener 70000
max_qos 3
  allow_anonymous maybe
sys_interval
)");
    REQUIRE(result.errors.size() == 5);
    CHECK(result.errors[0].starts_with("x.conf:2: nonsense: "));
    CHECK(result.errors[1].starts_with("x.conf:4: listener: "));
    CHECK(result.errors[2].starts_with("x.conf:5: max_qos: "));
    CHECK(result.errors[3].starts_with("x.conf:6: allow_anonymous: "));
    CHECK(result.errors[4].starts_with("x.conf:7: sys_interval: "));
}

TEST_CASE("config file: line ends of all kinds and a byte order mark are no matter") {
    const Config config = parse("\xef\xbb\xbfthreads 2\r\n\r\nsys_interval 3\r\nuser joe").config;
    CHECK(config.threads == 2);
    CHECK(config.sys_interval == std::chrono::seconds{3});
    CHECK(config.user == "joe");
}

TEST_CASE("config file: very long lines are read whole") {
    const std::string name(100'000, 'n');
    CHECK(parse("user " + name + "\n").config.user == name);
    CHECK(parse("#" + std::string(1'000'000, 'x') + "\nthreads 2").config.threads == 2);
    const std::string key(1'000'000, 'k');
    CHECK(parse(key + " 1").errors.size() == 1);
}

TEST_CASE("config file: a file that is no text is refused with one line") {
    CHECK(parse(std::string{"threads 1\n\0\n", 12}).errors ==
          Lines{"x.conf: holds a NUL byte, expected a text file"});
}

TEST_CASE("config file: a file that cannot be read is an error") {
    const TemporaryDirectory directory;
    const std::string missing = (directory.path() / "missing.conf").string();
    CHECK(load_config(missing, {}).errors ==
          Lines{missing +
                ": cannot be read (No such file or directory), expected a configuration file"});
    CHECK(load_config(directory.path().string(), {}).errors ==
          Lines{directory.path().string() +
                ": cannot be read (is a directory), expected a configuration file"});
}

TEST_CASE("config file: an endless file is given up on") {
    CHECK(load_config("/dev/zero", {}).errors.front().find("more than") != std::string::npos);
}

TEST_CASE("config file: include_dir reads conf files in alphabetical order with upper case first") {
    const TemporaryDirectory directory;
    for (const char* name : {"b.conf", "A.conf", "01.conf", "a.conf", "B.conf", "00.conf"}) {
        (void)directory.write(std::string{"d/"} + name, std::string{"log_type "} + name + "\n");
    }
    (void)directory.write("d/ignored.txt", "log_type ignored\n");
    (void)directory.write("d/.conf", "log_type ignored\n");
    const std::string main =
        directory.write("main.conf", "include_dir " + (directory.path() / "d").string() + "\n");
    const ConfigResult result = load_config(main, {});
    REQUIRE(result.errors.size() == 6);
    const char* order[] = {"00.conf", "01.conf", "A.conf", "a.conf", "B.conf", "b.conf"};
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(result.errors[i].find(std::string{"d/"} + order[i] + ":1: log_type: ") !=
              std::string::npos);
    }
}

TEST_CASE("config file: an included file has a listener scope of its own") {
    const TemporaryDirectory directory;
    (void)directory.write("d/one.conf", "listener 1884\nmax_qos 1\n");
    const std::string main =
        directory.write("main.conf", "listener 1883\ninclude_dir " +
                                         (directory.path() / "d").string() + "\nmax_qos 0\n");
    const ConfigResult result = load_config(main, {});
    REQUIRE(result.errors == Lines{});
    CHECK(result.config.listeners[0].qos_max == 0);
    CHECK(result.config.listeners[1].qos_max == 1);
}

TEST_CASE("config file: include_dir works from the main file only and needs a directory") {
    const TemporaryDirectory directory;
    const std::string inner = (directory.path() / "d").string();
    const std::string one = directory.write("d/one.conf", "include_dir " + inner + "\n");
    const std::string main =
        directory.write("main.conf", "include_dir " + inner + "\ninclude_dir /does/not/exist\n");
    CHECK(load_config(main, {}).errors ==
          Lines{one + ":1: include_dir: stands in an included file, expected in the main file only",
                main +
                    ":2: include_dir: cannot read \"/does/not/exist\" (No such file or directory), "
                    "expected a readable directory"});
    CHECK(parse("include_dir").errors ==
          Lines{"x.conf:1: include_dir: no value, expected a directory"});
    (void)directory.write("e/x.conf/y", "");
    CHECK(load_config(directory.write("main2.conf",
                                      "include_dir " + (directory.path() / "e").string() + "\n"),
                      {})
              .errors.front()
              .find("main2.conf:1: include_dir: ") != std::string::npos);
}

TEST_CASE("config file: the command line's ports are loopback listeners") {
    const ConfigOverrides ports{.ports = {1900, 1901}};
    const Config config = load_config("", ports).config;
    REQUIRE(config.listeners.size() == 2);
    CHECK(config.listeners[0].port == 1900);
    CHECK(config.listeners[1].port == 1901);
    CHECK(config.listeners[0].is_loopback_only);
    CHECK(config.listeners[1].allow_anonymous);
}

TEST_CASE("config file: listeners in the file make the command line's ports void") {
    const ConfigResult result = parse("listener 1884", {.ports = {1900}});
    REQUIRE(result.config.listeners.size() == 1);
    CHECK(result.config.listeners.front().port == 1884);
    CHECK(result.notices ==
          Lines{"-p: has no effect, the configuration file has listeners of its own"});
}

TEST_CASE("config file: -v logs everything and -q nothing whatever the file says") {
    CHECK(parse("log_type error", {.is_verbose = true}).config.log.levels == LogLevelSet::all());
    CHECK(parse("log_type error", {.is_verbose = true, .is_quiet = true}).config.log.levels ==
          LogLevelSet{});
}

TEST_CASE("config file: Debian's stock file is understood as it is") {
    const TemporaryDirectory directory;
    (void)directory.write("conf.d/README", "Any files placed in this directory\n");
    const std::string stock = R"(# Place your local configuration in /etc/mosquitto/conf.d/
#
# A full description of the configuration file is at
# /usr/share/doc/mosquitto/examples/mosquitto.conf.example

pid_file /run/mosquitto/mosquitto.pid

persistence true
persistence_location /var/lib/mosquitto/

log_dest file /var/log/mosquitto/mosquitto.log

include_dir )" + (directory.path() / "conf.d").string() +
                              "\n";
    const std::string path = directory.write("mosquitto.conf", stock);
    const ConfigResult result = load_config(path, {});
    CHECK(result.errors.empty());
    CHECK(result.config.persistence.enabled);
    CHECK(result.config.pid_file == "/run/mosquitto/mosquitto.pid");
    CHECK(result.config.log.file == "/var/log/mosquitto/mosquitto.log");
    CHECK(result.config.persistence.location == "/var/lib/mosquitto/");
}

TEST_CASE("config file: every key of mosquitto's example file is known") {
    std::ifstream example{"/usr/share/doc/mosquitto/examples/mosquitto.conf"};
    if (!example) {
        MESSAGE("skipped: Debian's mosquitto package is not installed");
        return;
    }
    CHECK(load_config("/usr/share/doc/mosquitto/examples/mosquitto.conf", {}).is_ok());
    // Lines such as "#max_qos 2" are keys with their default values.
    std::string line;
    int keys = 0;
    while (std::getline(example, line)) {
        std::istringstream words{line.starts_with('#') ? line.substr(1) : line};
        std::string key;
        if (line.starts_with("# ") || !(words >> key) || key.find_first_of("=-") == 0) {
            continue;
        }
        ++keys;
        CAPTURE(key);
        for (const std::string& error : parse(key + " x").errors) {
            CHECK(error.find("unknown key") == std::string::npos);
        }
    }
    CHECK(keys > 80);
}
