"""paho-mqtt with its network thread, made waitable."""

import threading

import paho.mqtt.client as paho

from support.waiting import PATIENCE_S, Collection

V31, V311, V5 = paho.MQTTv31, paho.MQTTv311, paho.MQTTv5


class PahoClient:
    """One connection: a client that was disconnected stays so."""

    def __init__(self, port, client_id="", version=V311, clean=True, properties=None, **options):
        self._port = port
        self._connect_options = {"keepalive": options.pop("keep_alive_s", 60)}
        arguments = {"client_id": client_id, "protocol": version, "reconnect_on_failure": False}
        if version == V5:
            self._connect_options["clean_start"] = clean
            self._connect_options["properties"] = properties
        else:
            arguments["clean_session"] = clean
        arguments["transport"] = options.pop("transport", "tcp")
        self.client = paho.Client(**arguments)
        self.client.max_queued_messages_set(0)
        self.client.max_inflight_messages_set(options.pop("inflight", 20))
        if "will" in options:
            self.client.will_set(**options.pop("will"))
        if "login" in options:
            self.client.username_pw_set(*options.pop("login"))
        if "tls" in options:
            self.client.tls_set_context(options.pop("tls"))
        assert not options, options
        self.messages = Collection()
        self.connacks = Collection()
        self.disconnects = Collection()
        self._subacks = {}
        self._suback_came = threading.Condition()
        self._set_callbacks(version)

    def _set_callbacks(self, version):
        def on_connect(_client, _data, flags, code, properties=None):
            self.connacks.add((flags, code, properties))

        def on_disconnect(_client, _data, code, properties=None):
            self.disconnects.add((code, properties))

        def on_acknowledged(_client, _data, packet_id, codes=None, properties=None):
            # UNSUBACK has them the other way round in version 5.
            with self._suback_came:
                self._subacks[packet_id] = (codes, properties)
                self._suback_came.notify_all()

        self.client.on_connect = on_connect
        self.client.on_disconnect = on_disconnect
        self.client.on_message = lambda _client, _data, message: self.messages.add(message)
        self.client.on_subscribe = on_acknowledged
        self.client.on_unsubscribe = on_acknowledged

    def connect(self):
        """Connects; the CONNACK is the first of `connacks`, and `session_present` is from it."""
        self.start_connecting()
        flags, code, properties = self.connacks.wait_for_count(1)[0]
        value = getattr(code, "value", code)
        if value != 0:
            raise AssertionError(f"CONNACK refuses: {code}")
        self.session_present = bool(flags["session present"])
        self.connack_properties = properties
        return self

    def start_connecting(self):
        self.client.connect("127.0.0.1", self._port, **self._connect_options)
        self.client.loop_start()

    def subscribe(self, topic, qos=0, **options):
        """`topic` may be a list as paho takes it. Returns the codes of the SUBACK."""
        _, packet_id = self.client.subscribe(topic, qos, **options)
        return self._wait_for_suback(packet_id)[0]

    def unsubscribe(self, topic):
        _, packet_id = self.client.unsubscribe(topic)
        return self._wait_for_suback(packet_id)

    def _wait_for_suback(self, packet_id):
        with self._suback_came:
            if not self._suback_came.wait_for(lambda: packet_id in self._subacks, PATIENCE_S):
                raise AssertionError(f"packet {packet_id} was not acknowledged")
            return self._subacks.pop(packet_id)

    def publish(self, topic, payload, qos=0, **options):
        return self.client.publish(topic, payload, qos, **options)

    def publish_and_wait(self, topic, payload, qos=0, **options):
        """Returns once the message is acknowledged (QoS 0: written)."""
        info = self.publish(topic, payload, qos, **options)
        info.wait_for_publish(PATIENCE_S)
        if not info.is_published():
            raise AssertionError(f"not acknowledged: {topic}, QoS {qos}")

    def payloads(self, count, timeout_s=PATIENCE_S):
        """The payloads of the first `count` messages."""
        return [message.payload for message in self.messages.wait_for_count(count, timeout_s)]

    def wait_for_disconnect(self, timeout_s=PATIENCE_S):
        return self.disconnects.wait_for_count(1, timeout_s)[0]

    def disconnect(self, **options):
        """Leaves in good order."""
        self.client.disconnect(**options)
        self.client.loop_stop()

    def clean_up(self):
        self.client.disconnect()
        self.client.loop_stop()
