"""A connection that sends any bytes and shows whole packets of what comes back."""

import socket
import time

from support import packets
from support.waiting import PATIENCE_S


class RawClient:
    """Blocking, with a deadline on everything. Nothing is answered unless the test does."""

    def __init__(self, port, receive_buffer=None, tls=None, address="127.0.0.1"):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect((address, port))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._received = bytearray()

    def send(self, data):
        self.socket.sendall(data)

    def connect(self, client_id="", **options):
        """Sends CONNECT and returns the body of a CONNACK that must say yes."""
        self.send(packets.connect(client_id, **options))
        kind, _, body = self.read_packet()
        if kind != packets.CONNACK or body[1] != 0:
            raise AssertionError(f"not accepted: packet type {kind}, {body.hex(' ')}")
        return body

    def subscribe(self, *filters, **options):
        self.send(packets.subscribe(*filters, **options))
        kind, _, body = self.read_packet()
        if kind != packets.SUBACK:
            raise AssertionError(f"expected SUBACK, got packet type {kind}, {body.hex(' ')}")
        return body

    def read_packet(self, timeout_s=PATIENCE_S):
        """Returns (packet type, flags, body); EOFError once the peer has closed."""
        deadline = time.monotonic() + timeout_s
        while True:
            span = packets.body_span(self._received)
            if span:
                start, end = span
                first, body = self._received[0], bytes(self._received[start:end])
                del self._received[:end]
                return first >> 4, first & 0x0F, body
            self._receive(deadline)

    def read_to_end(self, timeout_s=PATIENCE_S):
        """Returns what packets still come before the peer closes, which it must."""
        found = []
        try:
            while True:
                found.append(self.read_packet(timeout_s))
        except EOFError:
            return found

    def read_bytes_to_end(self, timeout_s=PATIENCE_S):
        """Returns whatever comes, packet or not, before the peer closes, which it must."""
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                self._receive(deadline)
        except EOFError:
            return bytes(self._received)

    def _receive(self, deadline):
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            raise AssertionError("nothing came, and the connection stayed open") from None
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError("the connection was closed")
        self._received += data

    def close(self):
        """Closes the connection without a DISCONNECT."""
        self.socket.close()
