"""The slots of the band's players: the configuration of each, and the process that plays it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.desk.processes import ProcessKind, ProcessSlot
from daemon.spec import PlayerSpec


@dataclass(eq=False)
class PlayerSlot(ProcessSlot):
    """A player's slot. Until `admitted`, its process is a candidate: it gets ready, but does not join the stage."""

    spec: PlayerSpec = field(kw_only=True)
    member: Mapping[str, Any] = field(kw_only=True)  # its entry under `band:`, checked and complete
    model: tuple[int, ...] = field(kw_only=True)  # modification times and sizes of the model's files
    admitted: bool = False

    def same(self, other: PlayerSlot) -> bool:
        """Whether both slots are configured alike, with the same model files."""
        return (self.spec, self.member, self.model) == (other.spec, other.member, other.model)


def make_slot(kind: ProcessKind[PlayerSlot], spec: PlayerSpec, member: Mapping[str, Any]) -> PlayerSlot:
    """A slot as the configuration and the model's files describe it now."""
    stamps: list[int] = []
    if member["model"]:
        for path in (Path(member["model"]), Path(member["model"]).with_suffix(".json")):
            with contextlib.suppress(OSError):
                stat = path.stat()
                stamps += [stat.st_mtime_ns, stat.st_size]
    return PlayerSlot(kind, spec.name, spec=spec, member=member, model=tuple(stamps))
