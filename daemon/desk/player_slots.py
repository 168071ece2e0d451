"""The slots of the band's players, instruments included: the configuration of each, and the process that plays it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.desk.background import read_in_time
from daemon.desk.processes import ProcessKind, ProcessSlot
from daemon.recording.origin import files_of
from daemon.spec import PlayerSpec, StageSpec


@dataclass(eq=False)
class PlayerSlot(ProcessSlot):
    """A player's slot. Until `admitted`, its process is a candidate: it gets ready, but does not join the stage."""

    spec: PlayerSpec = field(kw_only=True)
    member: Mapping[str, Any] = field(kw_only=True)  # its entry under `band:`, checked and complete
    files: tuple[int, ...] = field(kw_only=True)  # modification times and sizes of the files that the process reads
    admitted: bool = False

    @property
    def module(self) -> str:
        return "daemon.instrument.process" if self.spec.is_instrument else self.kind.module

    @property
    def needed(self) -> bool:
        return not self.spec.is_instrument

    def same(self, other: PlayerSlot) -> bool:
        """Whether the process goes on: both slots are configured alike but for the way to instruments, with the same
        files."""
        return self.spec.goes_on_as(other.spec) and (self.member, self.files) == (other.member, other.files)


async def make_slots(
    kind: ProcessKind[PlayerSlot], spec: StageSpec, members: Mapping[str, Mapping[str, Any]]
) -> dict[str, PlayerSlot]:
    """A slot for each player, as the configuration and the files that it names describe it now."""

    def stamps() -> dict[str, tuple[int, ...]]:
        return {player.name: _stamps(members[player.name]) for player in spec.players}

    found = await read_in_time(stamps, "models and songs")
    return {
        player.name: PlayerSlot(kind, player.name, spec=player, member=members[player.name], files=found[player.name])
        for player in spec.players
    }


def _stamps(member: Mapping[str, Any]) -> tuple[int, ...]:
    """Modification times and sizes of the files of the model and of the options. What the description itself has of a
    file counts instead."""
    stamps: list[int] = []
    model = member["model"]
    files = [Path(model), Path(model).with_suffix(".json")] if model else []
    for path in (*files, *files_of(member).values()):
        with contextlib.suppress(OSError, ValueError):
            stat = path.stat()
            stamps += [stat.st_mtime_ns, stat.st_size]
    return tuple(stamps)
