"""The places of the band, and how patiently a failing process is started again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.desk.children import Child
from daemon.spec import PlayerSpec

PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before a restart, if it fails at once again and again
STEADY = 10.0  # seconds of life after which a failure counts as the first


@dataclass(eq=False)
class Restarts:
    """How long to wait before the next start."""

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    started: float = 0.0

    def start(self) -> None:
        self.started = self.clock()

    def pause(self) -> float:
        """To be asked when it has failed (once more)."""
        self.failures = 1 if self.clock() - self.started > STEADY else self.failures + 1
        return PAUSES[min(self.failures, len(PAUSES)) - 1]


@dataclass(eq=False)
class PlayerSlot:
    """A band member's place: what it is to be, and the process that is it now."""

    spec: PlayerSpec
    member: Mapping[str, Any]
    model: tuple[int, ...]  # when its files were written, and their sizes
    child: Child | None = None
    prepared: bool = False
    admitted: bool = False  # it may play; until then it is a candidate
    up: bool = False
    refused: str | None = None  # it cannot be what it is to be: no restart helps
    restarts: Restarts = field(default_factory=Restarts)
    keeper: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def settled(self) -> bool:
        """Nothing is gained by waiting for it."""
        return self.up or self.refused is not None

    def same(self, other: PlayerSlot) -> bool:
        return (self.spec, self.member, self.model) == (other.spec, other.member, other.model)


def make_slot(spec: PlayerSpec, member: Mapping[str, Any]) -> PlayerSlot:
    """A place as the configuration and the model's files describe it."""
    stamps: list[int] = []
    if member["model"]:
        for path in (Path(member["model"]), Path(member["model"]).with_suffix(".json")):
            with contextlib.suppress(OSError):
                stat = path.stat()
                stamps += [stat.st_mtime_ns, stat.st_size]
    return PlayerSlot(spec, member, tuple(stamps))
