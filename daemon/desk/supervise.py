"""The supervisor: starts every process of the table, takes new configurations, stops all."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from daemon.commands import Command, encode_command
from daemon.desk.audio_files import make_audio_files
from daemon.desk.player_slots import PlayerSlot, make_slots
from daemon.desk.process_table import PLAYER, PROCESS_TABLE, SPEAKER, STAGE
from daemon.desk.processes import Listeners, Processes, ProcessKind, ProcessSlot
from daemon.desk.runtime import check_folder
from daemon.desk.sound_state import SoundState
from daemon.desk.stage_state import StageState
from daemon.entries import MembersChanged
from daemon.errors import JamdError, ModelError
from daemon.spec import StageSpec

START_TIMEOUT = 5.0  # seconds that jamd's start and a reload wait until every process takes part
CANDIDATE = 30.0  # seconds that new players have at a reload to get ready, and those with contents at the start


class Supervisor:
    """All processes but the desk. `start` once, then `reload` any number of times, `stop` at the end."""

    def __init__(
        self,
        folder: Path,
        listeners: Listeners,
        watchdog: float | None = None,
        table: Sequence[ProcessKind[Any]] = PROCESS_TABLE,
    ) -> None:
        self.reload_error = ""  # of the last reload, as the status line begins with it; empty if it succeeded
        self.folder = folder
        self._processes = Processes(folder, listeners, watchdog)
        self._table = table
        self._tell = listeners

    @property
    def players(self) -> Mapping[str, PlayerSlot]:
        return self._processes.slots(PLAYER)

    @property
    def started(self) -> bool:
        """Whether jamd's own start is over."""
        return self._processes.started

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The stage's latest metrics."""
        return self._processes.stage_state.metrics

    @property
    def failure(self) -> asyncio.Future[JamdError]:
        """Done once no process can be restarted any more: jamd has to end."""
        return self._processes.failure

    @property
    def stage_state(self) -> StageState:
        return self._processes.stage_state

    @property
    def restarts(self) -> Counter[str]:
        return self._processes.restarts

    @property
    def sound(self) -> SoundState:
        return self._processes.stage_state.sound

    async def start(
        self, spec: StageSpec, members: Mapping[str, Mapping[str, Any]], audio: Mapping[str, Any] | None = None
    ) -> None:
        """Return once every process takes part, or after five seconds. `audio`: the speaker's settings.

        Raises PortError or ModelError if the stage or a player refuses to start; the band plays without an instrument
        that does. Raises JamdError if there is no room for the sound.
        """
        if audio is not None:
            make_audio_files(self.folder, audio["instruments"])
        self._processes.stage_state.spec, self.sound.settings = spec, audio
        for kind in self._table:
            slots: dict[str, ProcessSlot] = {kind.name: ProcessSlot(kind, kind.name)}
            if kind.per_player:
                slots = {**await make_slots(kind, spec, members)}
            elif kind is SPEAKER and audio is None:
                slots = {}
            self._processes.slots(kind).update(slots)
        for kind in reversed(self._table):
            for slot in self._processes.slots(kind).values():
                self._processes.start(slot)
                self._admit(slot)
            if kind is PLAYER:
                await self._try_contents()
        all_slots = self._processes.all_slots
        required = [slot for slot in all_slots if not slot.kind.per_player and slot.needed]
        await self._processes.until(
            lambda: any(slot.refused for slot in required) or all(slot.settled for slot in all_slots), START_TIMEOUT
        )
        for kind in self._table:
            slots = self._processes.slots(kind)
            refusals = [slot.refused for slot in slots.values() if slot.refused and slot.needed]
            if refusals and kind.refusal is not None:
                raise kind.refusal("\n".join(refusals))
        self._processes.started = True
        for slot in all_slots:
            if not slot.settled:
                self._tell.say("warning", f"{slot.name} late", slot.kind.late.format(name=slot.log_name))

    async def reload(
        self, spec: StageSpec, members: Mapping[str, Mapping[str, Any]], audio: Mapping[str, Any] | None = None
    ) -> list[str]:
        """Take another configuration; return the names of new and changed players. The others play on undisturbed.

        Raises JamdError, and changes nothing, if a new or changed player does not get ready, or if there is no room for
        the sound.
        """
        players = self._processes.slots(PLAYER)
        slots = await make_slots(PLAYER, spec, members)
        kept = {
            name: old
            for name, old in players.items()
            if name in slots and old.same(slots[name]) and old.refused is None
        }
        fresh = {name: slot for name, slot in slots.items() if name not in kept}
        if audio is not None:
            check_folder(self.folder)
            make_audio_files(self.folder, audio["instruments"])
        await self._prepare(fresh.values())
        for name in players.keys() - kept.keys():
            await self._processes.dismiss(players[name])
        players.clear()
        players.update({name: kept.get(name, slot) for name, slot in slots.items()})
        message = self._processes.stage_state.reload(spec)
        self._tell.entries([MembersChanged(time.perf_counter(), dict(members))])
        for stage in self._processes.slots(STAGE).values():
            self._processes.busy(stage)
        self.tell_stage(message)
        await self._reload_audio(audio)
        for slot in fresh.values():
            self._admit(slot)
        await self._processes.until(lambda: all(slot.settled for slot in fresh.values()), START_TIMEOUT)
        return sorted(fresh)

    async def _try_contents(self) -> None:
        """Wait for the players that find out as they start whether their contents can be played, such as a song: before
        the stage starts, and the band with it. Raises ModelError."""
        slots = [slot for slot in self.players.values() if slot.member.get("contents")]
        await self._processes.until(lambda: not any(map(_is_undecided, slots)), CANDIDATE)
        if refusals := [slot.refused for slot in slots if slot.refused]:
            raise ModelError("\n".join(refusals))

    async def _reload_audio(self, audio: Mapping[str, Any] | None) -> None:
        """Start, change or end the speaker."""
        speakers, before = self._processes.slots(SPEAKER), self.sound.settings
        is_same = audio == before and not self.sound.has_given_up
        self.sound.take(audio)
        if is_same:
            return
        if audio is None:
            await self._processes.dismiss(speakers.pop(SPEAKER.name))
        elif before is None:
            speaker = speakers[SPEAKER.name] = ProcessSlot(SPEAKER, SPEAKER.name)
            self._processes.start(speaker)
            self._processes.keep(speaker)
        else:
            for speaker in speakers.values():
                self._processes.busy(speaker)
                speaker.send(["audio", audio])

    async def stop(self) -> None:
        """The stage releases every note, sends its last metrics and ends; then the players end."""
        await self._processes.close()

    def tell_stage(self, message: list[Any]) -> None:
        for stage in self._processes.slots(STAGE).values():
            stage.send(message)

    @property
    def running(self) -> bool:
        """Whether the transport ran at the stage's last report."""
        return len(self._processes.stage_state.position) > 1

    def post(self, command: Command, stamp: float | None = None) -> None:
        """Have the stage carry out a command that was given at `stamp`, or now."""
        self.tell_stage(["command", encode_command(command), time.perf_counter() if stamp is None else stamp])

    def _admit(self, slot: ProcessSlot) -> None:
        """Let the slot's process take part from now on; it is replaced when it ends."""
        if isinstance(slot, PlayerSlot):
            slot.admitted = True
            if slot.ready:
                slot.send(["play"])
        self._processes.keep(slot)

    async def _prepare(self, candidates: Iterable[PlayerSlot]) -> None:
        """Get new players ready beside those that play. Raises ModelError, with all of them ended, if one fails."""
        for slot in candidates:
            self._processes.start(slot)

        await self._processes.until(lambda: not any(map(_is_undecided, candidates)), CANDIDATE)
        if failed := [slot for slot in candidates if not slot.ready]:
            for slot in failed:
                slot.note_crash()
            await asyncio.gather(*(self._processes.dismiss(slot) for slot in candidates))
            raise ModelError("\n".join(slot.refused or f"{slot.name}: the engine does not start" for slot in failed))


def _is_undecided(slot: PlayerSlot) -> bool:
    """Whether the process is still getting ready."""
    return slot.alive and not (slot.ready or slot.refused)
