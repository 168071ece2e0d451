"""The private JACK server for tests (`daemon.bench.jack_server`), and as a command.

`python -m tests.tools.jack [--period 64] -- COMMAND [ARGUMENT ...]` runs the command under such a server and returns
its exit status.
"""

import argparse
import os
import subprocess
import sys

import pytest

from daemon.bench import jack_server
from daemon.bench.child_end import END_WITH_PARENT, orderly_end
from daemon.bench.jack_server import available

__all__ = ["LAST_TRY", "STOOD_STILL", "JackServer", "available"]
STOOD_STILL = pytest.StashKey[bool]()  # of a test: whether the server did, meanwhile
LAST_TRY = pytest.StashKey[bool]()  # of a test: whether it is not run again after this


class JackServer(jack_server.JackServer):
    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def restart(self) -> None:
        """Kill the server if it runs, and start it again under the same name."""
        self.kill()
        self.start()


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a command under a private JACK server with the dummy driver.")
    parser.add_argument("--period", type=int, default=64)
    parser.add_argument("--rate", type=int, default=48_000)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with orderly_end(), JackServer(options.period, options.rate) as server:
        return subprocess.run(
            options.command, env=os.environ | server.env, check=False, preexec_fn=END_WITH_PARENT
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
