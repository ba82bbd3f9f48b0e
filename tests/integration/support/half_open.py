"""A crowd of TLS clients that never get to the point; a program of its own, since both ends of a
connection take a descriptor.

    half_open.py PORT COUNT    connects, says half a ClientHello COUNT times, prints "open" and
                               holds on until its standard input ends
"""

import socket
import ssl
import sys


def client_hello():
    """The first flight of a handshake."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake cannot end without a peer")


def main():
    port, count = map(int, sys.argv[1:])
    hello = client_hello()
    held = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        try:
            connection.send(hello[: len(hello) // 2])
        except OSError:
            pass  # had to make room for another already
        held.append(connection)
    print("open", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
