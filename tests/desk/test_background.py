"""Files that are not read in time: on a disk, say, that hangs."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import config
from daemon.desk import background
from daemon.desk.background import load_config, load_config_again, read_in_time
from daemon.errors import ConfigError
from daemon.paths import resources


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`config.load` hangs until the end of the test."""
    end = threading.Event()
    monkeypatch.setattr(background, "DISK_TIMEOUT", 0.05)
    monkeypatch.setattr(config, "load", lambda path, given: end.wait())
    yield
    end.set()


def test_a_configuration_that_is_not_read_in_time_is_told(hanging: None) -> None:
    with pytest.raises(ConfigError, match=r"^x.yaml: not read within 0.05 s.*check their disk") as start:
        load_config(Path("x.yaml"))
    assert start.value.exit_code == 2

    async def reload() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(count())
        with pytest.raises(ConfigError, match=r"^x.yaml: not read within"):
            await load_config_again(Path("x.yaml"))
        counting.cancel()
        return turns

    assert asyncio.run(reload()) > 10  # the loop went on; and the loop's end did not wait for the thread


def test_results_and_errors_arrive(tmp_path: Path) -> None:
    def fail() -> None:
        raise KeyError("x")

    async def run() -> None:
        assert await read_in_time(lambda: 5, "x") == 5
        with pytest.raises(KeyError):
            await read_in_time(fail, "x")

    asyncio.run(run())
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path / "none.yaml")


def test_a_configuration_of_ones_own_that_appears_later_replaces_the_one_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = load_config(None)
    assert asyncio.run(load_config_again(first.path)).path == first.path == resources() / "config.yaml"
    Path("config.yaml").write_text("ports: {keys: {direction: in}}\nmelodies: {}\nband: {}\n")
    own = asyncio.run(load_config_again(first.path))
    assert (own.path, [port.name for port in own.ports]) == (Path("config.yaml"), ["keys"])
    named = asyncio.run(load_config_again(resources() / "bands" / "quartet.yaml"))
    assert named.path == resources() / "bands" / "quartet.yaml"
