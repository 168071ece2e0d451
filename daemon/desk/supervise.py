"""The desk's children: one stage and the players. Started, watched, replaced, told what to do; stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.commands import Command, encode_command
from daemon.desk.children import Child, ChildServer
from daemon.desk.player_slots import PlayerSlot, Restarts, make_slot
from daemon.entries import Entry, MembersChanged, StageStarted, decode_entry
from daemon.errors import ModelError, PortError
from daemon.spec import StageSpec

START = 5.0  # seconds that a clock waits for the players
CANDIDATE = 30.0  # seconds that a reload waits for a new player to be prepared
SILENT = 5.0  # seconds without an answer after which the stage counts as hung
SILENT_AT_START = 45.0  # opening ports takes it as long as a JACK server waits for the clients that died before

Say = Callable[[str, str, str], None]  # level, cause, text


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told what: `say` things for people, `entries` for the recording, `pong` when the stage has shown life."""

    say: Say
    entries: Callable[[list[Entry]], None]
    pong: Callable[[], None]


class Supervisor:
    """Every process but the desk. `start` once, then `reload` as often as you like, `stop` at the end."""

    def __init__(self, folder: Path, listeners: Listeners, ping: float = 1.0) -> None:
        self.metrics: dict[str, Any] = {}
        self.ports: dict[str, str | None] = {}
        self.restarts: Counter[str] = Counter()
        self.seats: dict[str, PlayerSlot] = {}
        self.mistake = ""  # what came of the last reload, if it changed nothing
        self._folder, self._tell, self._ping_every = folder, listeners, ping
        self._switchboard = ChildServer(folder / "desk.sock")
        self._news = asyncio.Event()
        self._spec: StageSpec | None = None
        self._stage: Child | None = None
        self._stage_ready = False
        self._stage_refused: str | None = None
        self._started = False
        self._place: list[float] = []  # where the song was when the stage last said so, for the next one
        self._connections: list[Any] = []  # what others had connected to our ports, for the next stage
        self._unanswered = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, spec: StageSpec, members: Mapping[str, Mapping[str, Any]]) -> None:
        """Return when the ports are open and all players are up, or five seconds have passed. Raises JamdError."""
        self._spec = spec
        self._task(self._keep_stage())
        for player in spec.players:
            seat = self.seats[player.name] = make_slot(player, members[player.name])
            self._start_player(seat)
            self._admit(seat)
        self._task(self._ping_stage())
        everyone = self.seats.values()
        await self._until(lambda: self._stage_ready and all(seat.settled for seat in everyone), START)
        if self._stage_refused:
            raise PortError(self._stage_refused)
        if refusals := [seat.refused for seat in everyone if seat.refused]:
            raise ModelError("\n".join(refusals))
        self._started = True
        if not self._stage_ready:
            text = "the MIDI system (a JACK server?) does not answer yet: jamd plays as soon as it does"
            self._tell.say("warning", "no answer", text)
        for seat in everyone:
            if not seat.up:
                self._tell.say("warning", f"{seat.name} late", f"{seat.name} is not up yet: it joins in when it is")

    async def reload(self, spec: StageSpec, members: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Take another configuration; returns the players that are new or changed. The others go on undisturbed.

        Raises JamdError, and changes nothing, if one of those cannot be prepared.
        """
        seats = {player.name: make_slot(player, members[player.name]) for player in spec.players}
        kept = {
            name: old
            for name, old in self.seats.items()
            if name in seats and old.same(seats[name]) and old.refused is None
        }
        fresh = {name: seat for name, seat in seats.items() if name not in kept}
        await self._prepare(fresh.values())
        for name in self.seats.keys() - kept.keys():
            await self._dismiss(self.seats[name])
        self.seats = {name: kept.get(name, seat) for name, seat in seats.items()}
        self._spec = spec
        self._tell.entries([MembersChanged(time.perf_counter(), dict(members))])
        self.tell_stage(["spec", spec.to_json()])
        for seat in fresh.values():
            self._admit(seat)
        await self._until(lambda: all(seat.settled for seat in fresh.values()), START)
        return sorted(fresh)

    async def stop(self) -> None:
        """The stage releases every note, says its last and ends, then the players do."""
        for task in [*self._tasks, *(seat.keeper for seat in self.seats.values() if seat.keeper)]:
            task.cancel()
        if self._stage is not None:
            self._stage.send(["ping", 0])  # the last figures
            await self._stage.end(["stop"])
        await asyncio.gather(*(child.end() for child in self._switchboard.children))
        self._switchboard.close()

    def tell_stage(self, message: list[Any]) -> None:
        if self._stage is not None:
            self._stage.send(message)

    @property
    def running(self) -> bool:
        """Whether the transport ran when the stage last said so."""
        return len(self._place) > 1

    def post(self, command: Command, stamp: float | None = None) -> None:
        """Have the stage carry out a command that was given at `stamp`, or now."""
        self.tell_stage(["command", encode_command(command), time.perf_counter() if stamp is None else stamp])

    # The stage

    async def _keep_stage(self) -> None:
        restarts = Restarts()
        while self._spec is not None:
            restarts.start()
            self._stage_ready, self._unanswered = False, 0
            self._tell.entries([StageStarted(time.perf_counter(), self._spec)])
            self._stage = self._switchboard.start(
                "daemon.stage.process", str(self._folder), on_message=self._hear_stage
            )
            status = await self._stage.ended()
            for seat in self.seats.values():
                seat.up = False
            self._happened()
            if self._stage_refused and not self._started:
                return
            self.restarts["stage"] += 1
            why, self._stage_refused = self._stage_refused or _how(status), None
            self._tell.say("error", "stage", f"the stage ended ({why}): a new one starts and goes on")
            await asyncio.sleep(restarts.pause())

    def _hear_stage(self, stage: Child, message: list[Any]) -> None:
        assert self._spec is not None
        match message:
            case ["journal", entries]:
                self._tell.entries([decode_entry(entry) for entry in entries])
                return
            case ["place", *place]:
                self._place = place or self._place
                return
            case ["pong", _, metrics]:
                self._unanswered, self.metrics = 0, metrics
                self._place = metrics.get("place") or self._place
                self.ports = metrics.get("ports", self.ports)
                self._tell.pong()
                return
            case ["connections", connections]:
                self._connections = connections
            case ["hello", *_]:
                stage.send(["connections", self._connections])
                stage.send(["spec", self._spec.to_json()])
            case ["ready", ports]:
                if not self._stage_ready:  # it says so again after every reload
                    self._task(self._start_clock(stage))
                self._stage_ready, self.ports = True, ports
            case ["failed", text]:
                self._stage_refused = text
            case ["player", name, state] if name in self.seats:
                self._player_is(self.seats[name], state)
            case ["port", name, "back"]:  # of a loss the stage itself says why
                self._tell.say("info", f"port {name} back", f"port {name} is back")
            case ["log", level, cause, text]:
                self._tell.say(level, cause, text)
        self._happened()

    async def _start_clock(self, stage: Child) -> None:
        """Once those who live are up: one that waits for its restart joins in later."""

        def awaited(seat: PlayerSlot) -> bool:
            return not seat.settled and seat.child is not None and seat.child.lives

        await self._until(lambda: not any(awaited(seat) for seat in self.seats.values()), START)
        stage.send(["start", *self._place])

    async def _ping_stage(self) -> None:
        number = 0
        while True:
            number += 1
            self.tell_stage(["ping", number])
            await asyncio.sleep(self._ping_every)
            self._unanswered += 1
            limit = SILENT if self._stage_ready else SILENT_AT_START
            if self._unanswered * self._ping_every >= limit and self._stage is not None and self._stage.lives:
                self._unanswered = 0
                self._tell.say("error", "stage hung", "the stage does not answer: it is replaced")
                self._stage.kill()

    # The players

    def _start_player(self, seat: PlayerSlot) -> None:
        seat.prepared = seat.up = False
        seat.restarts.start()
        seat.child = self._switchboard.start(
            "daemon.player.process",
            str(self._folder),
            seat.name,
            on_message=lambda child, message: self._hear_player(seat, child, message),
        )
        self._task(self._announce_end(seat.child))

    def _admit(self, seat: PlayerSlot) -> None:
        """It may play from now on, and it is replaced when it ends."""
        seat.admitted = True
        if seat.prepared and seat.child is not None:
            seat.child.send(["play"])
        seat.keeper = asyncio.create_task(self._keep_player(seat))

    async def _keep_player(self, seat: PlayerSlot) -> None:
        while seat.child is not None:
            status = await seat.child.ended()
            seat.up = False
            self._happened()
            if seat.refused is not None:
                if self._started:
                    self._tell.say(
                        "error", f"{seat.name} refused", f"{seat.refused}\n{seat.name} is silent until a reload"
                    )
                return
            self.restarts[seat.name] += 1
            pause = seat.restarts.pause()
            when = f"in {pause:g} s" if pause else "now"
            self._tell.say("error", f"{seat.name} ended", f"{seat.name} ended ({_how(status)}): it starts again {when}")
            await asyncio.sleep(pause)
            self._start_player(seat)

    def _hear_player(self, seat: PlayerSlot, child: Child, message: list[Any]) -> None:
        match message:
            case ["hello", *_]:
                child.send(["member", seat.member])
            case ["ready"]:
                seat.prepared = True
                if seat.admitted:
                    child.send(["play"])
            case ["failed", text]:
                seat.refused = text
            case ["crashed", text]:
                self._tell.say("error", f"{seat.name} crashed", f"{seat.name}: the engine failed\n{text}")
            case ["log", level, cause, text]:
                self._tell.say(level, f"{seat.name} {cause}", f"{seat.name}: {text}")
        self._happened()

    def _player_is(self, seat: PlayerSlot, state: str) -> None:
        if state == "hung" and seat.up and seat.child is not None:
            self._tell.say("error", f"{seat.name} hung", f"{seat.name} does not answer: it is replaced")
            seat.child.kill()
        seat.up = state == "up"

    async def _prepare(self, seats: Iterable[PlayerSlot]) -> None:
        """Have candidates ready to play, beside those who play; all or none."""
        for seat in seats:
            self._start_player(seat)

        def undecided(seat: PlayerSlot) -> bool:
            return not (seat.prepared or seat.refused or seat.child is None or not seat.child.lives)

        await self._until(lambda: not any(undecided(seat) for seat in seats), CANDIDATE)
        bad = [seat for seat in seats if not seat.prepared]
        if bad:
            await asyncio.gather(*(self._dismiss(seat) for seat in seats))
            raise ModelError("\n".join(seat.refused or f"{seat.name}: its engine does not start" for seat in bad))

    async def _dismiss(self, seat: PlayerSlot) -> None:
        if seat.keeper is not None:
            seat.keeper.cancel()
        if seat.child is not None:
            seat.child.kill()
            await seat.child.ended()

    # Waiting

    def _happened(self) -> None:
        self._news.set()

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Return when it holds, or a child refused to start, or the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition() and not self._stage_refused:
                    self._news.clear()
                    await self._news.wait()

    async def _announce_end(self, child: Child) -> None:
        await child.ended()
        self._happened()

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
