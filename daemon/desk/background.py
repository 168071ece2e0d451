"""Work that may wait for a disk: in a thread that neither the event loop nor the end of jamd waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from daemon import config, futures
from daemon.errors import ConfigError
from daemon.paths import resources

DISK_TIMEOUT = 15.0  # seconds that the configuration and its files may take to be read

T = TypeVar("T")


def load_config(path: Path | None, options: Sequence[config.OptionValue] = ()) -> config.Config:
    """Raises ConfigError, also if the files are not read in time."""
    try:
        return futures.in_thread(lambda: config.load(path, given=options), "disk").result(DISK_TIMEOUT)
    except TimeoutError:
        raise ConfigError([_not_in_time(path)]) from None


async def load_config_again(path: Path, options: Sequence[config.OptionValue] = ()) -> config.Config:
    """The configuration at `path`; in place of the one that ships with jamd, the config.yaml that the working directory
    has by now. Raises ConfigError."""
    is_shipped = path == resources() / "config.yaml"
    return await read_in_time(lambda: config.load(None if is_shipped else path, given=options), path)


async def read_in_time(work: Callable[[], T], path: Path | str) -> T:
    """The result of `work`, which reads `path`. Raises ConfigError if there is none in time."""
    try:
        return await asyncio.wait_for(asyncio.wrap_future(futures.in_thread(work, "disk")), DISK_TIMEOUT)
    except TimeoutError:
        raise ConfigError([_not_in_time(path)]) from None


def _not_in_time(path: Path | str | None) -> str:
    problem = f"not read within {DISK_TIMEOUT:g} s, together with the files that are named there"
    return f"{path or 'the configuration'}: {problem}: check their disk, or name another configuration with -c"
