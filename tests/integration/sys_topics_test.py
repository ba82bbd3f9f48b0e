"""$SYS: mosquitto's names, values that move, and who sees them."""

import unittest

from support.broker import IS_MARTLET
from support.case import BrokerCase, martlet_only
from support.command_line_clients import Subscriber, publish
from support.waiting import wait_until

# What dashboards and exporters for mosquitto read, below $SYS/broker/.
NAMES = (
    "version uptime clients/total clients/connected clients/disconnected clients/active "
    "clients/inactive clients/maximum clients/expired messages/received messages/sent "
    "messages/stored store/messages/count store/messages/bytes subscriptions/count "
    "publish/messages/received publish/messages/sent publish/messages/dropped "
    "publish/bytes/received publish/bytes/sent bytes/received bytes/sent "
    "load/messages/received/1min load/messages/received/5min load/messages/received/15min "
    "load/messages/sent/1min load/publish/received/1min load/publish/sent/1min "
    "load/publish/dropped/1min load/bytes/received/1min load/bytes/sent/1min "
    "load/sockets/1min load/connections/1min"
).split()
NAMES += ["retained messages/count"]
# Not in every build of mosquitto.
MARTLET_NAMES = ("heap/current", "heap/maximum", "shared_subscriptions/count")


class SysTopicsTest(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.watcher = self.paho(self.broker, "watcher")

    def watch(self):
        self.watcher.subscribe("$SYS/#", 0)

    def latest(self, name):
        topic = f"$SYS/broker/{name}"
        values = [m.payload for m in self.watcher.messages.all() if m.topic == topic]
        return float(values[-1].split()[0]) if values else None

    def wait_for_value(self, name, condition):
        wait_until(
            lambda: self.latest(name) is not None and condition(self.latest(name)),
            lambda: f"another value of {name} than {self.latest(name)}",
        )
        return self.latest(name)

    def test_every_name_of_mosquitto_is_there(self):
        self.watch()
        wanted = {f"$SYS/broker/{name}" for name in NAMES}
        if IS_MARTLET:
            wanted |= {f"$SYS/broker/{name}" for name in MARTLET_NAMES}

        def missing():
            return wanted - {message.topic for message in self.watcher.messages.all()}

        wait_until(lambda: not missing(), lambda: f"the topics {sorted(missing())}")

    def test_mosquitto_sub_shows_them(self):
        subscriber = Subscriber(self.broker, "$SYS/#")
        self.addCleanup(subscriber.clean_up)
        name = "martlet" if IS_MARTLET else "mosquitto"
        subscriber.out.wait_for_line(rf"^\$SYS/broker/version {name} version \d")
        subscriber.out.wait_for_line(r"^\$SYS/broker/uptime \d+ seconds$")

    def test_values_are_retained_and_come_at_once(self):
        """[v3.1.1 MQTT-3.3.1-6]"""
        self.watch()
        self.watcher.messages.wait_for(
            lambda items: any(message.topic.endswith("/uptime") for message in items), "uptime"
        )
        late = self.paho(self.broker, "late")
        late.subscribe("$SYS/broker/version")
        self.assertTrue(late.messages.wait_for_count(1)[0].retain)

    def test_uptime_moves(self):
        self.watch()
        first = self.wait_for_value("uptime", lambda value: True)
        self.wait_for_value("uptime", lambda value: value > first)

    def test_messages_and_bytes_are_counted(self):
        self.watch()
        names = ("publish/messages/received", "publish/messages/sent", "publish/bytes/received")
        before = [self.wait_for_value(name, lambda value: True) for name in names]
        subscriber = self.paho(self.broker, "sub")
        subscriber.subscribe("t", 1)
        publisher = self.paho(self.broker, "pub")
        for _ in range(50):
            publisher.publish("t", b"x" * 100, 1)
        subscriber.payloads(50)
        for name, old, more in zip(names, before, (50, 50, 5000)):
            value = self.wait_for_value(name, lambda value: value >= old + more)
            if name.endswith("received"):
                self.assertLess(value, old + more + 1000)

    def test_clients_and_subscriptions_are_counted(self):
        self.watch()
        self.wait_for_value("clients/connected", lambda value: value == 1)
        clients = [self.paho(self.broker, f"c{number}", clean=False) for number in range(3)]
        clients[0].subscribe([("a", 0), ("b", 0)])
        self.wait_for_value("clients/connected", lambda value: value == 4)
        self.wait_for_value("subscriptions/count", lambda value: value == 3)
        self.wait_for_value("clients/maximum", lambda value: value == 4)
        for client in clients:
            client.disconnect()
        self.wait_for_value("clients/connected", lambda value: value == 1)
        self.wait_for_value("clients/disconnected", lambda value: value == 3)
        self.wait_for_value("clients/total", lambda value: value == 4)

    def test_retained_messages_are_counted(self):
        self.watch()
        before = self.wait_for_value("retained messages/count", lambda value: value > 0)
        for number in range(5):
            publish(self.broker, f"kept/{number}", "x", "-r")
        self.wait_for_value("retained messages/count", lambda value: value >= before + 5)

    def test_a_wildcard_at_the_front_does_not_see_them(self):
        """[v3.1.1 MQTT-4.7.2-1] [v5 MQTT-4.7.2-1]"""
        outsider = self.paho(self.broker, "outsider")
        outsider.subscribe([("#", 1), ("+/broker/uptime", 1), ("+/#", 1)])
        self.watch()
        first = self.wait_for_value("uptime", lambda value: True)
        self.wait_for_value("uptime", lambda value: value > first)
        self.watcher.publish("t", "the only one", 1)
        self.assertEqual(outsider.messages.wait_for_count(1)[0].topic, "t")

    @martlet_only("mosquitto lets clients write there")
    def test_clients_cannot_write_them(self):
        self.watcher.subscribe("$SYS/broker/version")
        self.watcher.messages.wait_for_count(1)
        publish(self.broker, "$SYS/broker/version", "forged", "-q", "1")
        late = self.paho(self.broker, "late")
        late.subscribe("$SYS/broker/version")
        self.assertNotEqual(late.payloads(1), [b"forged"])
        self.assertEqual(len(self.watcher.messages), 1)

    def test_sys_interval_0_means_none(self):
        broker = self.start_broker("sys_interval 0")
        client = self.paho(broker, "me")
        client.subscribe([("$SYS/#", 0), ("t", 0)])
        # The other broker has gone through a round meanwhile.
        self.watch()
        first = self.wait_for_value("uptime", lambda value: True)
        self.wait_for_value("uptime", lambda value: value > first)
        client.publish("t", "x")
        self.assertEqual(client.messages.wait_for_count(1)[0].topic, "t")


if __name__ == "__main__":
    unittest.main()
