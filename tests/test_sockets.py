import select
from pathlib import Path

import pytest

from daemon.sockets import Listener, connect, is_secret, serve


@pytest.mark.parametrize("unix", [True, False])
def test_both_ways(tmp_path: Path, unix: bool) -> None:
    listener = Listener(tmp_path / "s", unix)
    with connect(tmp_path / "s") as near:
        assert select.select([listener], [], [], 5)[0]
        far = listener.accept()
        assert far is not None
        near.sendall(b"there")
        assert far.recv(100) == b"there"
        far.sendall(b"back")
        assert near.recv(100) == b"back"
        far.close()
        assert near.recv(100) == b""
    listener.close()
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("given", "secret", "same"),
    [
        ("abc", "abc", True),
        ("abd", "abc", False),
        ("", "", False),
        (3, "3", False),
        (None, "", False),
        ("ä\ud800", "abc", False),
    ],
)
def test_secrets_are_compared(given: object, secret: str, same: bool) -> None:
    assert is_secret(given, secret) is same


def test_no_client_and_no_listener(tmp_path: Path) -> None:
    listener = serve(tmp_path / "s")
    assert listener.accept() is None
    listener.close()
    with pytest.raises(OSError):
        connect(tmp_path / "s")


def test_the_file_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    dead = serve(tmp_path / "s")
    listener = serve(tmp_path / "s")
    with connect(tmp_path / "s"):
        far = listener.accept()
        assert far is not None
        far.close()
    dead.close()
    listener.close()
