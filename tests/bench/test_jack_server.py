"""Private JACK servers and libjack's registry, which has eight entries."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.tools.jack import JackServer, available

pytestmark = pytest.mark.skipif(not available(), reason="no jackd on this machine; to enable: apt-get install jackd2")
PROGRAM = """
from daemon.bench.jack_server import JackServer
with JackServer() as server:
    print(server.name, server.pid, flush=True)
    input()
"""


def test_a_killed_servers_name_is_used_again() -> None:
    names = []
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            names.append(process.stdout.readline().split()[0])
            process.kill()
    with JackServer() as server, JackServer() as second:
        assert {server.name} == set(names) and second.name != server.name
