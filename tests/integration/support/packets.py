"""MQTT packets as bytes, written from the standard and not from the broker's code.

`version` is the protocol level: 3 (MQTT 3.1), 4 (3.1.1) or 5. `properties` are raw bytes without
their length.
"""

import struct

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)


def varint(number):
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


def binary(data):
    return struct.pack("!H", len(data)) + data


def text(value):
    return binary(value.encode())


def packet(kind, body=b"", flags=0):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def _property_block(version, properties):
    return varint(len(properties)) + properties if version == 5 else b""


def connect(
    client_id="",
    version=4,
    clean=True,
    keep_alive_s=60,
    will=None,
    will_qos=0,
    will_properties=b"",
    properties=b"",
    user_name=None,
    password=None,
):
    """`will` is (topic, payload)."""
    name = b"MQIsdp" if version == 3 else b"MQTT"
    flags = (0x02 if clean else 0) | (0x04 | will_qos << 3 if will else 0)
    flags |= (0x80 if user_name is not None else 0) | (0x40 if password is not None else 0)
    body = binary(name) + bytes([version, flags]) + struct.pack("!H", keep_alive_s)
    body += _property_block(version, properties) + text(client_id)
    if will:
        body += _property_block(version, will_properties) + text(will[0]) + binary(will[1])
    for field in (user_name, password):
        body += text(field) if field is not None else b""
    return packet(CONNECT, body)


def publish(topic, payload=b"", qos=0, packet_id=1, retain=False, version=4, properties=b""):
    body = text(topic) + (struct.pack("!H", packet_id) if qos else b"")
    body += _property_block(version, properties) + payload
    return packet(PUBLISH, body, qos << 1 | (1 if retain else 0))


def subscribe(*filters, qos=0, packet_id=1, version=4, properties=b""):
    body = struct.pack("!H", packet_id) + _property_block(version, properties)
    body += b"".join(text(topic_filter) + bytes([qos]) for topic_filter in filters)
    return packet(SUBSCRIBE, body, 2)


def unsubscribe(*filters, packet_id=1, version=4):
    body = struct.pack("!H", packet_id) + _property_block(version, b"")
    return packet(UNSUBSCRIBE, body + b"".join(map(text, filters)), 2)


def acknowledge(kind, packet_id):
    return packet(kind, struct.pack("!H", packet_id), 2 if kind == PUBREL else 0)


def disconnect():
    return packet(DISCONNECT)


def pingreq():
    return packet(PINGREQ)


def body_span(data, start=0):
    """Where the body of the packet at `start` begins and ends; None while it is not whole."""
    length = shift = 0
    for index in range(start + 1, min(start + 5, len(data))):
        byte = data[index]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            end = index + 1 + length
            return (index + 1, end) if end <= len(data) else None
    return None


_FIXED_SIZES = {0x02: 4, 0x11: 4, 0x13: 2, 0x18: 4, 0x21: 2, 0x22: 2, 0x23: 2, 0x27: 4}
_FIXED_SIZES |= dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1)


def read_properties(data):
    """Returns [(identifier, value as raw bytes)] of the block at the start, and what follows it."""
    length, at = _read_varint(data, 0)
    end = at + length
    found = []
    while at < end:
        identifier = data[at]
        start = at + 1
        if identifier == 0x0B:
            _, at = _read_varint(data, start)
        elif identifier in _FIXED_SIZES:
            at = start + _FIXED_SIZES[identifier]
        else:
            at = start
            for _ in range(2 if identifier == 0x26 else 1):
                at += 2 + int.from_bytes(data[at : at + 2], "big")
        found.append((identifier, bytes(data[start:at])))
    return found, bytes(data[end:])


def _read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return number, at
