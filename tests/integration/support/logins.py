"""Clients that log in, and files of users and rights for them to do it with."""

import base64
import hashlib
import hmac
import json

from support import packets
from support.process import run

VERSIONS = (4, 5)
ACCEPTED = 0
# CONNACK's code for who is not let in, as mosquitto has it, by version.
NOT_AUTHORISED = {4: 5, 5: 0x87}


class Member:
    """A bare connection of a client with a name and a password."""

    def __init__(self, client, version=4):
        self.client = client
        self.version = version
        self._packet_id = 0
        self._topics = []  # of messages that came while something else was waited for

    def log_in(self, user_name=None, password=None, client_id="", **options):
        """Returns CONNACK's code."""
        self.client.send(
            packets.connect(
                client_id,
                version=self.version,
                user_name=user_name,
                password=password,
                **options,
            )
        )
        kind, _, body = self.client.read_packet()
        if kind != packets.CONNACK:
            raise AssertionError(f"expected CONNACK, got packet type {kind}, {body.hex(' ')}")
        return body[1]

    def subscribe(self, *filters, qos=0):
        """Returns SUBACK's codes."""
        self._packet_id += 1
        self.client.send(
            packets.subscribe(*filters, qos=qos, packet_id=self._packet_id, version=self.version)
        )
        return list(self._read(packets.SUBACK)[3 if self.version == 5 else 2 :])

    def publish(self, topic, payload=b"x", retain=False):
        """At QoS 1; returns PUBACK's reason (0 in 3.1.1, which has none)."""
        self._packet_id += 1
        self.client.send(
            packets.publish(
                topic,
                payload,
                qos=1,
                packet_id=self._packet_id,
                retain=retain,
                version=self.version,
            )
        )
        body = self._read(packets.PUBACK)
        return body[2] if len(body) > 2 else 0

    def next_topic(self):
        """Of the next message."""
        if not self._topics:
            self._topics.append(topic_of(self._read(packets.PUBLISH)))
        return self._topics.pop(0)

    def expect_nothing(self):
        """No message may have come, and none may be on its way."""
        self.client.send(packets.pingreq())
        self._read(packets.PINGRESP)
        if self._topics:
            raise AssertionError(f"messages came: {self._topics}")

    def _read(self, wanted):
        """The body of the next packet of that type; messages before it are kept."""
        while True:
            kind, _, body = self.client.read_packet()
            if kind == wanted:
                return body
            if kind != packets.PUBLISH:
                raise AssertionError(f"got packet type {kind}, {body.hex(' ')}")
            self._topics.append(topic_of(body))


def topic_of(publish):
    return publish[2 : 2 + int.from_bytes(publish[:2], "big")].decode()


def write_users(path, **passwords):
    """A password file as mosquitto's own tool makes it."""
    path.write_text("", encoding="utf-8")
    path.chmod(0o600)
    for user, password in passwords.items():
        add_user(path, user, password)
    return path


def add_user(path, user, password):
    run(["mosquitto_passwd", "-b", path, user, password])


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def make_token(secret, **claims):
    """A JSON Web Token, signed with HS256."""
    text = _base64url(b'{"alg":"HS256","typ":"JWT"}') + b"." + _base64url(
        json.dumps(claims).encode()
    )
    signature = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return (text + b"." + _base64url(signature)).decode()
