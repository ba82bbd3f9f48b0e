"""Short-lived certificates, made once for a test module."""

import pathlib
import subprocess

GENERATE = pathlib.Path(__file__).parents[3] / "certs" / "generate.sh"
