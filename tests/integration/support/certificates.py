"""The certificates of certs/generate.sh."""

import atexit
import os
import pathlib
import shutil
import ssl
import tempfile

from support.process import run

_GENERATE = pathlib.Path(__file__).resolve().parents[3] / "certs" / "generate.sh"


class Certificates:
    """Paths by name, e.g. `path("server.crt")`. Made where MARTLET_TEST_CERTS says, or anew."""

    def __init__(self):
        kept = os.environ.get("MARTLET_TEST_CERTS")
        self._directory = pathlib.Path(kept or tempfile.mkdtemp(prefix="martlet-certs-")).resolve()
        if kept is None:
            atexit.register(shutil.rmtree, self._directory)
        run([_GENERATE, self._directory])

    def path(self, name):
        return self._directory / name

    def server_lines(self, name="server"):
        """What a listener needs to speak TLS."""
        return [f"certfile {self.path(name)}.crt", f"keyfile {self.path(name)}.key"]

    def client_options(self, name=None, ca="ca"):
        """What mosquitto_pub and mosquitto_sub need to connect to it."""
        options = ["--cafile", self.path(f"{ca}.crt")]
        if name is not None:
            options += ["--cert", self.path(f"{name}.crt"), "--key", self.path(f"{name}.key")]
        return options

    def client_context(self, name=None):
        """The same for Python."""
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        if name is not None:
            context.load_cert_chain(self.path(f"{name}.crt"), self.path(f"{name}.key"))
        return context
