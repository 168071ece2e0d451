"""The life cycle that all child processes share: start, hello, ready, heartbeat, restart, end.

What differs from kind to kind is data: one `ProcessKind` per kind of process, a row of `process_table.PROCESS_TABLE`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from daemon import realtime
from daemon.desk.children import Child, ChildServer
from daemon.desk.log import Say
from daemon.desk.restarts import Backoff, Heartbeat, RestartPolicy
from daemon.desk.runtime import DESK_SOCKET, check_folder
from daemon.desk.stage_state import StageState
from daemon.entries import Entry
from daemon.errors import JamdError
from daemon.subprocesses import end_reason

STOOD_STILL = 0.3  # seconds by which the desk is late when it was stopped, or the machine was
RECOVERY = 10.0  # seconds after that in which others may be busy, too: after a suspend all ports are opened anew
S = TypeVar("S", bound="ProcessSlot")
Hook = Callable[["Processes", S], None]
Handler = Callable[["Processes", S, list[Any]], None]  # with the message's values, without its kind


@dataclass(frozen=True, slots=True)
class Listeners:
    """The desk's other parts: `say` logs, `entries` records, `pong` is called whenever the stage answers a ping."""

    say: Say
    entries: Callable[[list[Entry]], None]
    pong: Callable[[], None]


def _nothing(_processes: Processes, _slot: Any) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ProcessKind(Generic[S]):
    """One row of the process table.

    The life cycle itself handles the messages `hello`, `ready`, `failed TEXT` and `pong`; `handlers` has what else a
    message means, by its first element. A message of an unknown kind is ignored; so is an invalid one, which is logged.
    """

    name: str  # of the kind, and of its only process
    module: str  # run as `python -m MODULE RUNTIME_FOLDER`, with the player's name added where `per_player`
    per_player: bool  # one process for each player of the band; else exactly one
    greeting: Callable[[Processes, S], Iterable[list[Any]]]  # messages that answer the process's hello
    handlers: Mapping[str, Handler[S]]
    heartbeat: Heartbeat | None  # None: the stage watches the process, and tells when it is up and when it hangs
    restart: RestartPolicy
    refusal: type[JamdError] | None  # raised when a process refuses to start while jamd starts; None: jamd does without
    late: str  # logged when jamd starts without the process; `{name}` is its name
    log_name: str = "{name}"  # how log lines name the process
    on_ready: Hook[S] = _nothing  # at the first `ready` after each start
    on_end: Hook[S] = _nothing
    crashed: Callable[[S], str | None] = lambda _: None  # why a process that ended before it was ready is refused
    closing: Sequence[list[Any]] = ()  # messages that ask the process to end; without any, the desk hangs up


@dataclass(eq=False)
class ProcessSlot:
    """The place of one process, which outlives the process: what it is to be, and the process that runs there now."""

    kind: ProcessKind[Any]
    name: str
    child: Child | None = None
    ready: bool = False
    up: bool = False  # taking part: ready, or connected to the stage where the stage watches the process
    refused: str | None = None  # why the process cannot start
    unanswered: int = 0  # questions of the heartbeat
    patient_until: float = 0.0  # seconds until which `Heartbeat.limit_at_work` holds
    backoff: Backoff = field(init=False)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.backoff = Backoff(self.kind.restart)

    def note_crash(self) -> None:
        """The process has ended: it may be one to be refused."""
        if not self.ready and self.refused is None:
            self.refused = self.kind.crashed(self)

    @property
    def module(self) -> str:
        return self.kind.module

    @property
    def needed(self) -> bool:
        """Whether jamd does not start if the process refuses to."""
        return self.kind.refusal is not None

    @property
    def settled(self) -> bool:
        """The process takes part, or waiting for it is useless."""
        return self.up or self.refused is not None

    @property
    def log_name(self) -> str:
        return self.kind.log_name.format(name=self.name)

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.alive

    def send(self, *messages: list[Any]) -> None:
        if self.child is not None:
            for message in messages:
                self.child.send(message)


class Processes:
    """Every child process. `start` and then `keep` a slot; `dismiss` one, or `close` all."""

    def __init__(self, folder: Path, listeners: Listeners, watchdog: float | None = None) -> None:
        self.tell = listeners
        self.stage_state = StageState()
        self.restarts: Counter[str] = Counter()  # by the process's name
        self.started = False  # jamd's own start is over
        self.failure: asyncio.Future[JamdError] = asyncio.get_running_loop().create_future()  # nothing can be restarted
        self._slots: dict[str, dict[str, Any]] = {}
        self._folder = folder
        self._ping_interval = math.inf if watchdog is None else watchdog / 2
        self._server = ChildServer(
            folder / DESK_SOCKET, lambda text: listeners.say("warning", "stranger at desk.sock", text)
        )
        self._changes = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def slots(self, kind: ProcessKind[S]) -> dict[str, S]:
        """The slots of a kind by name, in the order of the configuration."""
        return self._slots.setdefault(kind.name, {})

    @property
    def all_slots(self) -> list[ProcessSlot]:
        return [slot for slots in self._slots.values() for slot in slots.values()]

    def start(self, slot: ProcessSlot) -> None:
        """Start the slot's process. Raises JamdError if the runtime folder is gone, without which it cannot."""
        check_folder(self._folder)
        kind = slot.kind
        slot.ready = slot.up = False
        slot.unanswered, slot.patient_until = 0, 0.0
        slot.backoff.start()
        arguments = [str(self._folder), *([slot.name] if kind.per_player else [])]
        slot.child = self._server.start(
            slot.module, *arguments, on_message=lambda child, message: self._hear(slot, child, message)
        )
        self.task(self._announce_end(slot.child))

    def keep(self, slot: ProcessSlot) -> None:
        """Watch the slot's process from now on, and replace it when it ends or hangs."""
        slot.tasks.append(asyncio.create_task(self._restart(slot)))
        if slot.kind.heartbeat is not None:
            slot.tasks.append(asyncio.create_task(self._ping(slot, slot.kind.heartbeat)))

    def busy(self, slot: ProcessSlot) -> None:
        """The process was given work that may take longer than its heartbeat allows; its next `ready` ends that."""
        slot.patient_until = math.inf

    def replace_hung(self, slot: ProcessSlot) -> None:
        """Kill a process that does not answer; `keep` starts the next one."""
        self.tell.say("error", f"{slot.name} hung", f"{slot.log_name} does not answer; its process is killed")
        if slot.child is not None:
            slot.child.kill()

    async def dismiss(self, slot: ProcessSlot) -> None:
        """End the slot's process for good."""
        for task in slot.tasks:
            task.cancel()
        if slot.child is not None:
            await slot.child.end_by_force()

    async def close(self) -> None:
        """End first the processes that are asked to end, in the table's order, then all others at once."""
        for task in [*self._tasks, *(task for slot in self.all_slots for task in slot.tasks)]:
            task.cancel()
        for slot in self.all_slots:
            if slot.kind.closing and slot.child is not None:
                await slot.child.end(slot.kind.closing)
        await asyncio.gather(*(child.end() for child in self._server.children))
        self._server.close()

    async def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Return when the condition holds or the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changes.clear()
                    await self._changes.wait()

    def changed(self) -> None:
        """Have every `until` check its condition again."""
        self._changes.set()

    def task(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background, until `close` at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hear(self, slot: ProcessSlot, child: Child, message: Any) -> None:
        """An invalid message changes nothing: the process goes on playing."""
        try:
            self._handle(slot, child, message)
        except (TypeError, ValueError, LookupError, AttributeError, JamdError) as error:
            text = f"{slot.log_name} sent an invalid message, which is ignored ({error}): {str(message)[:80]}"
            self.tell.say("error", f"{slot.name} message", text)
        self.changed()

    def _handle(self, slot: ProcessSlot, child: Child, message: Any) -> None:
        kind, *values = message
        if (handler := slot.kind.handlers.get(kind)) is not None:
            handler(self, slot, values)
        if kind == "ready":  # questions from before wait for their answers: a start takes longer than `limit`
            slot.patient_until, slot.unanswered = 0.0, 0
        match message:
            case ["hello", *_]:
                for greeting in slot.kind.greeting(self, slot):
                    child.send(greeting)
            case ["ready", *_] if not slot.ready:
                slot.ready = True
                slot.up |= slot.kind.heartbeat is not None
                slot.kind.on_ready(self, slot)
            case ["failed", text]:
                slot.refused = text
            case ["pong" | "alive", *_]:
                slot.unanswered = 0

    async def _restart(self, slot: ProcessSlot) -> None:
        policy = slot.kind.restart
        while slot.child is not None:
            status = await slot.child.ended()
            slot.note_crash()
            slot.ready = slot.up = False
            slot.kind.on_end(self, slot)
            self.changed()
            if slot.refused is not None and not (policy.after_refusal and self.started):
                if self.started or not slot.needed:
                    text = f"{slot.refused}\n{slot.log_name} stays silent until the next reload"
                    self.tell.say("error", f"{slot.name} refused", text)
                return
            reason, slot.refused = slot.refused or end_reason(status), None
            self.restarts[slot.name] += 1
            pause = slot.backoff.pause()
            when = f"in {pause:g} s" if pause else "now"
            text = policy.ended.format(name=slot.log_name, reason=reason, when=when)
            self.tell.say("error", f"{slot.name} ended", text)
            await asyncio.sleep(pause)
            try:
                self.start(slot)
            except JamdError as error:
                if not slot.needed:
                    self.tell.say(
                        "error",
                        f"{slot.name} not replaced",
                        f"{slot.log_name} stays silent, and MIDI plays on: {error}",
                    )
                elif not self.failure.done():
                    self.failure.set_result(error)
                return

    async def _ping(self, slot: ProcessSlot, heartbeat: Heartbeat) -> None:
        number, interval = 0, min(heartbeat.interval, self._ping_interval)
        step, ping_at = min(heartbeat.step, interval), 0.0
        while True:
            asked = time.perf_counter() + realtime.suspended_seconds()
            if asked >= ping_at:
                number, ping_at = number + 1, asked + interval - step / 2
                slot.send(["ping", number])
            else:
                slot.send(["alive"])
            await asyncio.sleep(step)
            now = time.perf_counter() + realtime.suspended_seconds()
            if now > asked + step + STOOD_STILL:  # so did the whole machine, as far as is known here
                slot.unanswered, slot.patient_until = 0, max(slot.patient_until, now + RECOVERY)
                continue
            slot.unanswered += 1
            limit = heartbeat.limit_at_work if now < slot.patient_until else heartbeat.limit
            if not slot.ready:
                limit = heartbeat.limit_at_start
            if slot.unanswered * step >= limit and slot.alive:
                slot.unanswered = 0
                self.replace_hung(slot)

    async def _announce_end(self, child: Child) -> None:
        await child.ended()
        self.changed()
