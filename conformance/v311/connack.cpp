// CONNACK's return codes, which 5.0 has in another form.

#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

MARTLET_TEST(connack_unknown_level, "an unknown level is refused with 0x01, then closed",
             V311{"MQTT-3.1.2-2", "MQTT-3.2.2-4", "MQTT-3.2.2-5"}) {
    for (const unsigned level : {0U, 1U, 2U, 6U, 99U, 127U}) {
        t.form("level " + std::to_string(level), [&] {
            Client c{t};
            c.send_connect(Connect{.level = level});
            c.expect(Connack{.code = 1, .session_present = false});
            c.expect_closed_silently();
        });
    }
}

MARTLET_TEST(connack_empty_client_id, "an empty ClientId without CleanSession is refused: 0x02",
             V311{"MQTT-3.1.3-7", "MQTT-3.1.3-8", "MQTT-3.1.3-9", "MQTT-3.2.2-4", "MQTT-3.2.2-5"}) {
    Client c{t};
    c.send_connect(Connect{.client_id = "", .clean = false});
    c.expect(Connack{.code = 2, .session_present = false});
    c.expect_closed_silently();
}

MARTLET_TEST(connack_password_alone, "a password without a user name closes the connection",
             V311{"MQTT-3.1.2-22", "MQTT-3.1.4-1"}) {
    Client c{t};
    c.send(Connect{.client_id = c.id(), .password = "secret"});
    c.expect_closed_silently();
}

MARTLET_TEST(connack_accepts, "a good CONNECT is answered with 0 and no Session Present",
             V311{"MQTT-3.1.4-4", "MQTT-3.2.0-1", "MQTT-3.2.2-1", "MQTT-7.0.0-2"}) {
    Client c{t};
    c.send_connect(Connect{});
    c.expect(Connack{.code = 0, .session_present = false});
    c.expect_nothing();
}

}  // namespace

}  // namespace martlet::conformance
