"""A WebSocket client that sends any bytes, for what a good one would never send."""

import os
import socket
import struct

from support.waiting import PATIENCE_S

CONTINUATION, TEXT, BINARY = 0, 1, 2
CLOSE, PING, PONG = 8, 9, 10

REQUEST = (
    b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)


def frame(kind, payload=b"", final=True, masked=True, length=None):
    """`length` is what the header says, if that is to be a lie."""
    length = len(payload) if length is None else length
    head = bytes([kind | (0x80 if final else 0)])
    mask_bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([mask_bit | length])
    elif length < 1 << 16:
        head += bytes([mask_bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class WebSocketClient:
    def __init__(self, port, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._stream = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def read_response(self):
        """Returns (status, headers by name in lower case, body)."""
        status = int(self._stream.readline().split()[1])
        headers = {}
        while (line := self._stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = self._stream.read(int(headers.get("content-length", 0)))
        return status, headers, body

    def upgrade(self, request=REQUEST):
        self.send(request)
        status, headers, body = self.read_response()
        if status != 101:
            raise AssertionError(f"not upgraded: {status} {body}")
        return headers

    def read_frame(self):
        """Returns (kind, payload); EOFError once the peer has closed."""
        head = self._stream.read(2)
        if len(head) < 2:
            raise EOFError("the connection was closed")
        length = head[1]
        if length >= 126:
            size = 2 if length == 126 else 8
            length = int.from_bytes(self._stream.read(size), "big")
        return head[0] & 0x0F, self._stream.read(length)

    def read_close(self):
        """Skips what comes before the Close frame; returns its code."""
        while True:
            kind, payload = self.read_frame()
            if kind == CLOSE:
                return int.from_bytes(payload[:2], "big")

    def is_at_end(self):
        return self._stream.read(1) == b""

    def close(self):
        self._stream.close()
        self.socket.close()
