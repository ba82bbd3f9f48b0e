// Keep Alive, PINGREQ and DISCONNECT.

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Brokers look at the time now and then; "within one and a half" is not held to the millisecond.
constexpr milliseconds late_at_most{2500};
constexpr seconds keep_alive{2};

// The Keep Alive that holds on this connection; some servers do not allow short ones.
void require_short_keep_alive(const Client& c) {
    const auto server = c.connack().number(PropertyId::server_keep_alive);
    if (server.value_or(keep_alive.count()) != keep_alive.count()) {
        throw Skipped{"the server decides about the Keep Alive itself"};
    }
}

Connect with_keep_alive(const Trial& t) {
    return Connect{.keep_alive_s = static_cast<unsigned>(keep_alive.count()),
                   .will = Will{.topic = t.topic("will")}};
}

MARTLET_TEST(keep_alive_silence, "silence past 1.5 Keep Alives closes, and the will is published",
             V311{"MQTT-3.1.2-24", "MQTT-3.1.2-8"},
             V5{"MQTT-3.1.2-22", "MQTT-3.2.2-22", "MQTT-3.1.2-8"}, Waits{}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    Client c{t};
    const auto start = Clock::now();
    c.connect(with_keep_alive(t));
    require_short_keep_alive(c);
    const auto ending = c.closed_by(Clock::now() + keep_alive * 3 / 2 + late_at_most);
    const auto silence = Clock::now() - start;
    Trial::check(ending.has_value(), "the connection stays open after 1.5 Keep Alives");
    Trial::check(silence >= keep_alive, "closed before even one Keep Alive passed");
    watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"});
}

MARTLET_TEST(keep_alive_ping, "a client that pings in time stays connected",
             V311{"MQTT-3.1.2-24", "MQTT-3.12.4-1"}, V5{"MQTT-3.1.2-22", "MQTT-3.12.4-1"},
             Waits{}) {
    Client c{t};
    c.connect(with_keep_alive(t));
    require_short_keep_alive(c);
    for (const auto end = Clock::now() + keep_alive * 3; Clock::now() < end;) {
        const auto ending = c.closed_by(Clock::now() + keep_alive * 3 / 4);
        Trial::check(!ending, "closed though the client pings");
        c.ping();
    }
}

MARTLET_TEST(keep_alive_drip, "single bytes are no Control Packet, and keep nothing alive",
             V311{"MQTT-3.1.2-24"}, V5{"MQTT-3.1.2-22"}, Waits{}) {
    Client c{t};
    c.connect(with_keep_alive(t));
    require_short_keep_alive(c);
    c.send_raw(Bytes("\x30\x7F\x00\x7D", 4));
    const auto latest = Clock::now() + keep_alive * 3 / 2 + late_at_most;
    while (Clock::now() < latest) {
        if (c.closed_by(Clock::now() + milliseconds{300})) {
            return;
        }
        c.send_raw("a");
    }
    throw Failure{"the connection stays open after 1.5 Keep Alives without a whole packet"};
}

MARTLET_TEST(ping, "PINGREQ is answered with PINGRESP, each of them", V311{"MQTT-3.12.4-1"},
             V5{"MQTT-3.12.4-1"}) {
    Client c{t};
    c.connect();
    c.send_raw(encode(Pingreq{}, t.target.version) + encode(Pingreq{}, t.target.version));
    c.expect(Type::pingresp);
    c.expect(Type::pingresp);
    c.expect_nothing();
}

MARTLET_TEST(disconnect_flags, "a DISCONNECT with reserved bits is an error, so the will is sent",
             V311{"MQTT-3.14.1-1", "MQTT-2.2.2-2"}, V5{"MQTT-2.1.3-1"}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    for (const unsigned flags : {1U, 2U, 4U, 8U, 15U}) {
        t.form("flags " + std::to_string(flags), [&] {
            Client c{t};
            c.connect(Connect{.will = Will{.topic = t.topic("will")}});
            c.send_raw(frame(0xE0 | flags, {}));
            c.expect_closed();
            watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"});
        });
    }
}

}  // namespace

}  // namespace martlet::conformance
