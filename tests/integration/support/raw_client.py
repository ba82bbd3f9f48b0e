"""A connection that sends any bytes and shows whole packets of what comes back."""

import socket
import time

from support import packets
from support.waiting import PATIENCE_S


class RawClient:
    """Blocking, with a deadline on everything. Nothing is answered unless the test does."""

    def __init__(self, port, receive_buffer=None, tls=None):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._received = b""

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
            whole = _split(self._received)
            if whole:
                kind, flags, body, self._received = whole
                return kind, flags, body
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
            return self._received

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


def _split(data):
    """The first packet of `data` as (type, flags, body, rest); None while it is not whole."""
    length = shift = 0
    for index, byte in enumerate(data[1:5], 2):
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            end = index + length
            if len(data) < end:
                return None
            return data[0] >> 4, data[0] & 0x0F, data[index:end], data[end:]
    return None
