"""mosquitto_pub and mosquitto_sub, as people type them."""

from support.process import Process, run


def publish(broker, topic, payload, *options, port=None, expected_status=0):
    """Runs mosquitto_pub to its end; None for `payload` leaves it to the options (-n, -l)."""
    message = [] if payload is None else ["-m", payload]
    return run(
        _arguments("mosquitto_pub", port or broker.port, "-t", topic, *message, *options),
        expected_status,
    )


# What mosquitto_sub -d tells besides the messages.
_CHATTER = r"^Client \S+ (sending|received) |^Subscribed \(mid: "


class Subscriber(Process):
    """mosquitto_sub -v; its constructor returns once it has been told that it is subscribed."""

    def __init__(self, broker, topic_filter, *options, client_id=None, port=None):
        name = [] if client_id is None else ["-i", client_id]
        # Line by line: into a pipe it would be written when some kilobytes have gathered.
        super().__init__(
            ["stdbuf", "-oL"]
            + _arguments("mosquitto_sub", port or broker.port, "-d", "-v", "-t", topic_filter)
            + [*name, *map(str, options)],
            chatter=_CHATTER,
        )
        try:
            # The broker's log is no sign: that the broker has the subscription does not mean yet
            # that every shard knows. Who has got as many messages as it wanted may leave before.
            self.chatter.wait_for_line(r"^Subscribed |sending DISCONNECT$")
        except AssertionError:
            self.clean_up()
            raise

    def expect(self, *lines):
        """What was printed must be `lines` and nothing else so far."""
        got = self.out.wait_for_count(len(lines))
        if got != list(lines) or len(self.out) > len(lines):
            raise AssertionError(f"expected {list(lines)}, got {self.out.all()}")


def _arguments(program, port, *options):
    return [program, "-h", "127.0.0.1", "-p", str(port), *map(str, options)]
