"""Private JACK servers and libjack's registry, which has eight entries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.jack import JackServer, available

pytestmark = pytest.mark.skipif(not available(), reason="no jackd on this machine; to enable: apt-get install jackd2")
PROGRAM = """
from daemon.bench.jack_server import JackServer
with JackServer() as server:
    print(server.name, server._process.pid, flush=True)
    input()
"""


def test_a_server_that_does_not_start_is_told_without_a_traceback(tmp_path: Path) -> None:
    for name in ("jackd", "jack_wait"):
        (tmp_path / name).write_text("#!/bin/sh\necho cannot lock memory\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    command = [sys.executable, "-X", "dev", "-m", "daemon", "bench", "start"]
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    told = "jackd did not start: correct what it reports, or end other JACK servers:"
    assert (done.returncode, done.stderr) == (1, f"jamd: {told}\njamd: cannot lock memory\n")


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
