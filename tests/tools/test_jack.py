import os
import subprocess
import sys
from pathlib import Path

from tests.tools.jack import JackServer


def ports(server: JackServer) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["jack_lsp"], env=os.environ | server.env, capture_output=True, text=True, check=False, timeout=20
    )


def test_server_is_killed_and_comes_back_under_its_name(jack_server: JackServer) -> None:
    assert "system:playback_1" in ports(jack_server).stdout
    jack_server.kill()
    assert not jack_server.running
    assert ports(jack_server).returncode != 0
    jack_server.restart()
    assert "system:playback_1" in ports(jack_server).stdout


def test_two_servers_do_not_see_each_other(jack_server: JackServer) -> None:
    with JackServer(period=256) as other:
        assert other.name != jack_server.name
        other.stop()
        assert ports(jack_server).returncode == 0
        assert ports(other).returncode != 0


def test_command_runs_under_a_server_and_returns_its_status(jack_server: JackServer) -> None:
    run = [sys.executable, "-m", "tests.tools.jack", "--period", "128", "--"]
    assert subprocess.run([*run, "jack_lsp"], timeout=30, check=False, capture_output=True).returncode == 0
    assert subprocess.run([*run, "sh", "-c", "exit 7"], timeout=30, check=False).returncode == 7


def test_a_server_that_was_killed_gives_its_place_back(jack_server: JackServer) -> None:
    registry, folder = Path("/dev/shm/jack-shm-registry"), Path("/dev/shm")
    with JackServer(period=256) as other:
        place = f":{other.name}:".encode()
        assert place in registry.read_bytes()
        other.kill()
        assert place in registry.read_bytes()
    assert place not in registry.read_bytes()
    assert not [path.name for path in folder.iterdir() if other.name in path.name]
