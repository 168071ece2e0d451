"""The slots of the band's players, instruments included: the configuration of each, and the process that plays it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.desk.background import read_in_time
from daemon.desk.processes import ProcessKind, ProcessSlot
from daemon.spec import PlayerSpec, StageSpec


@dataclass(eq=False)
class PlayerSlot(ProcessSlot):
    """A player's slot. Until `admitted`, its process is a candidate: it gets ready, but does not join the stage."""

    spec: PlayerSpec = field(kw_only=True)
    member: Mapping[str, Any] = field(kw_only=True)  # its entry under `band:`, checked and complete
    model: tuple[int, ...] = field(kw_only=True)  # modification times and sizes of the model's files
    admitted: bool = False

    @property
    def module(self) -> str:
        return "daemon.instrument.process" if self.spec.is_instrument else self.kind.module

    @property
    def needed(self) -> bool:
        return not self.spec.is_instrument

    def same(self, other: PlayerSlot) -> bool:
        """Whether the process goes on: both slots are configured alike but for the way to instruments, with the same
        model files."""
        return self.spec.goes_on_as(other.spec) and (self.member, self.model) == (other.member, other.model)


async def make_slots(
    kind: ProcessKind[PlayerSlot], spec: StageSpec, members: Mapping[str, Mapping[str, Any]]
) -> dict[str, PlayerSlot]:
    """A slot for each player, as the configuration and the models' files describe it now."""

    def stamps() -> dict[str, tuple[int, ...]]:
        return {player.name: _stamps(members[player.name]["model"]) for player in spec.players}

    found = await read_in_time(stamps, "the models")
    return {
        player.name: PlayerSlot(kind, player.name, spec=player, member=members[player.name], model=found[player.name])
        for player in spec.players
    }


def _stamps(model: str | None) -> tuple[int, ...]:
    """Modification times and sizes of the model's files."""
    stamps: list[int] = []
    if model:
        for path in (Path(model), Path(model).with_suffix(".json")):
            with contextlib.suppress(OSError):
                stat = path.stat()
                stamps += [stat.st_mtime_ns, stat.st_size]
    return tuple(stamps)
