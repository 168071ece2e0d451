"""The stage process: `python -m daemon.stage.process RUNTIME_FOLDER`.

The process waits in one `select` for MIDI inputs, the desk, the players and the next deadline, and ends with the desk.

Over 300 lines because one turn of the loop and the handlers of its events are read together.
"""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path
from typing import Any

from daemon import held_signals, realtime
from daemon.commands import Command, Panic, decode_command
from daemon.entries import (
    Commanded,
    Entry,
    PlansKept,
    PlayerDown,
    PlayerUp,
    PortLost,
    Reconfigured,
)
from daemon.metrics import Cause, Metrics
from daemon.midi.inbox import Inbox, Waker
from daemon.midi.ledger import Ledger, open_ledger
from daemon.midi.output import NEVER
from daemon.midi.ports import Ports
from daemon.performance.performance import Performance
from daemon.sockets import connect, read_secret
from daemon.spec import StageSpec
from daemon.stage.audio_outputs import AudioOutputs
from daemon.stage.clock_driver import ClockDriver
from daemon.stage.connection import Connection
from daemon.stage.desk_connection import DESK_BACKLOG, DeskConnection
from daemon.stage.player_listener import PlayerListener
from daemon.wire import Call, decode_answer, encode_call

EARLY = 0.001  # seconds before the deadline at which a note is computed, so that only sending is left at the deadline
SPIN = 0.0002  # seconds before a deadline that are spun, not slept: waking up takes half of that
WORK_MARGIN = 0.003  # seconds before a deadline in which no other work is begun
MAX_DELAY = 0.5  # seconds by which other work is delayed at most
STAGE_CHECK_INTERVAL = 0.2  # seconds between checks of the players and for a suspended machine
STOOD_STILL = MAX_DELAY + 0.3  # seconds by which a check is late when the process was stopped, or the machine was
PATIENCE = 1.0  # seconds after that in which no player counts as hung
COLLECT = 5.0  # seconds between garbage collections
HAND_OVER = 1.5  # seconds until the MIDI system has removed the ports of the previous stage process


class Stage:
    """Passes input of ports, players, clock source and desk to the performance, and is the performance's `Sink`."""

    def __init__(self, folder: Path, secret: str) -> None:
        self._desk = DeskConnection(Connection(connect(folder / "desk.sock"), DESK_BACKLOG))
        self._desk.send("hello", secret, "stage", os.getpid())
        self._listener = PlayerListener(
            folder / "stage.sock", secret, lambda text: self.log("warning", "stranger at stage.sock", text)
        )
        self._waker = Waker()
        self._inbox = Inbox(self._waker)
        self.metrics = Metrics()
        ledger = Ledger(open_ledger(folder / "ledger"))
        self._ports = Ports(ledger, self._inbox, self.metrics, self)
        self._audio = AudioOutputs()
        self._performance: Performance | None = None
        self._clock: ClockDriver | None = None
        self._players: dict[str, Connection] = {}
        self._check_at = self._collect_at = self._patient_until = 0.0
        self._suspended = realtime.suspended_seconds()
        self._granted = realtime.request_real_time()
        self._told: dict[str, list[Any]] = {}  # what the desk was told last of `place` and `turned`
        self._told_plans: dict[str, Any] = {}  # and of the plans
        self._ending = False
        self.is_orphan = False  # whether the desk ended without ordering the end

    # The loop

    def run(self) -> None:
        """Run until the desk orders the end or is gone."""
        try:
            while not self._ending:
                self._turn()
        finally:
            self.close()

    def close(self) -> None:
        """End every note and close ports and connections."""
        if self._performance is not None:
            self._performance.leave(time.perf_counter())
        self._ports.silence()
        self._audio.silence(time.perf_counter())
        self._audio.flush(time.perf_counter())
        self._ports.close()
        self._desk.close()
        if self._clock is not None:
            self._clock.close()
        for connection in self._players.values():
            connection.close()
        self._listener.close()
        self._waker.close()

    def _turn(self) -> None:
        connections = [self._desk.connection, *self._players.values()]
        unsent = [connection for connection in connections if connection.has_unsent]
        timeout = 0.0 if self._inbox else max(self._next_deadline() - time.perf_counter(), 0.0)
        inputs = [self._waker, *self._listener.sockets(), *connections]
        readable, writable, _ = select.select(inputs, unsent, [], min(timeout, STAGE_CHECK_INTERVAL))
        if self._waker in readable:
            self._waker.clear()
        self._receive_midi()
        for connection in writable:
            connection.flush()
        for name, connection in list(self._players.items()):
            if connection in readable or connection.broken:
                self._receive_answers(name, connection)
        if self._performance is not None:
            self._performance.advance(max(time.perf_counter(), min(self._music_at(), time.perf_counter() + EARLY)))
        self._ports.pump(self._spin())
        self._audio.flush(time.perf_counter())
        if self._clock is not None:
            self._clock.look(time.perf_counter())
        for name, connection in self._listener.arrivals(readable, self._names()):
            self._add_player(name, connection)
        if self._desk.connection in readable or self._desk.connection.broken:
            self._receive_orders()
        if not self._ending:
            self._do_other_work(time.perf_counter())
        self._audio.flush(time.perf_counter())

    def _next_deadline(self) -> float:
        music = min(self._music_at() - EARLY, self._ports.next_deadline() - SPIN)
        if music < time.perf_counter() + WORK_MARGIN:
            return music
        look = self._clock.look_at if self._clock is not None else NEVER
        return min(music, look, self._check_at, self._desk.next_deadline(), self._listener.next_deadline())

    def _spin(self) -> float:
        """Spin until a message that is due within SPIN seconds; returns the time."""
        now = time.perf_counter()
        due = self._ports.next_deadline()
        while now < due < now + SPIN:
            now = time.perf_counter()
        return now

    def _music_at(self) -> float:
        return self._performance.next_deadline() if self._performance is not None else NEVER

    def _receive_midi(self) -> None:
        """Pass received messages to the clock source or the performance; thru is sent at once."""
        for stamp, source, message in self._inbox.take():
            self.metrics.heard += 1
            if self._performance is None or self._clock is None:
                continue
            if not message:
                if message is not None:
                    self.log(
                        "warning",
                        f"lost {source}",
                        f"port {source}: messages were lost; held notes of this port are released",
                    )
                self._performance.take(PortLost(time.perf_counter(), source))
                if message is None:  # a connection of the port is gone
                    self._clock.port_lost(time.perf_counter(), source)
                continue
            if self._clock.hear(time.perf_counter(), source, message, stamp):
                continue
            if not self._performance.hear(time.perf_counter(), source, stamp, message):
                self._ports.received_malformed(source, stamp)
                self.log(
                    "warning",
                    f"garbage {source}",
                    f"port {source}: ignored bytes that are not MIDI: {message[:16].hex(' ')}",
                )

    def _receive_answers(self, name: str, connection: Connection) -> None:
        assert self._performance is not None
        for message in connection.receive():
            try:
                number, items, last = message
                answer = [decode_answer(item) for item in items]  # ValueError before anything has happened
                self._performance.answer(time.perf_counter(), name, number, answer, bool(last))
            except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
                self.log("error", f"answer {name}", f"player {name}: invalid answer ({error}): {str(message)[:80]}")
                connection.broken = True
                break
        if connection.broken:
            self._drop_player(name, "hung" if connection.is_full else "down")

    def _drop_player(self, name: str, status: str) -> None:
        self._players.pop(name).close()
        self._audio.disconnect(name)
        if self._performance is not None and name in self._names():
            self._performance.take(PlayerDown(time.perf_counter(), name))
        self._desk.send("player", name, status)

    def _add_player(self, name: str, connection: Connection) -> None:
        """Take the connection of a player, in place of one of the same name."""
        if name in self._players:
            self._drop_player(name, "down")
        self._players[name] = connection
        self._start_player(name)
        self._audio.connect(name, connection, time.perf_counter())

    def _start_player(self, name: str) -> None:
        assert self._performance is not None
        self._performance.take(PlayerUp(time.perf_counter(), name))
        self._desk.send("player", name, "up")

    def _names(self) -> set[str]:
        """The configured players."""
        return {player.name for player in self._performance.spec.players} if self._performance is not None else set()

    # The desk

    def _receive_orders(self) -> None:
        for message in self._desk.connection.receive():
            self._execute(message)
        if self._desk.connection.broken:
            self._ending = self.is_orphan = True

    def _execute(self, message: list[Any]) -> None:
        now = time.perf_counter()
        match message:
            case ["spec", data]:
                self._configure(StageSpec.from_json(data))
            case ["ping", number]:
                self._desk.send("pong", number, self._figures())
            case ["alive"]:
                self._desk.send("alive")
            case ["connections", *connections]:
                self._ports.patch_bay.remember(*connections)
            case ["stop"]:
                self._ending = True
            case _ if self._performance is None or self._clock is None:
                pass
            case ["latency", float() | int() as seconds]:
                self._performance.take(Reconfigured(now, self._performance.spec.with_latency(seconds)))
            case ["start", *place]:
                self._ports.repeat_opening()
                self._clock.begin(now, place)
            case ["command", data, float() | int() as stamp]:
                try:
                    command = decode_command(data)
                except ValueError as error:
                    self.log("error", "command", f"invalid command, ignored: {error}")
                else:
                    self._performance.take(Commanded(now, command, stamp))
            case ["plans", dict(plans), stood_at]:
                self._performance.take(PlansKept(now, plans, stood_at))

    def _configure(self, spec: StageSpec) -> None:
        if self._performance is None:
            if not self._configure_first(spec):
                return
        else:
            before = self._performance.spec
            self._performance.take(Reconfigured(time.perf_counter(), spec))
            self._told.clear()  # see StageState.reload
            if self._clock is not None:
                self._clock.configure()
            self._audio.configure(spec.ports, time.perf_counter())
            self._ports.patch_bay.forget_cuts()
            for error in self._ports.configure(spec.midi_ports, time.perf_counter()):
                self.log("error", str(error), str(error))
            old = {player.name: player for player in before.players}
            for player in spec.players:
                if player.name in self._players and not player.goes_on_as(old.get(player.name)):
                    self._start_player(player.name)
            for name in self._players.keys() - self._names():
                self._drop_player(name, "down")
        self._desk.send("ready", self._ports.apis())

    def _configure_first(self, spec: StageSpec) -> bool:
        """Take the first configuration: once the ports are open, send the note-offs that the previous stage process did
        not send. Returns whether no port name is taken; else the stage ends."""
        if taken := self._ports.configure(spec.midi_ports, time.perf_counter(), HAND_OVER):
            self._desk.send("failed", "\n".join(map(str, taken)))
            self._ending = True
            return False
        for privilege, granted in self._granted.items():
            if not granted:
                self.log("info", f"no {privilege}", realtime.REFUSALS[privilege])
        self._audio.configure(spec.ports, time.perf_counter())
        self._performance = Performance(spec, self)
        self._clock = ClockDriver(self._performance, self.log)
        realtime.freeze_objects()  # not at a reload, where this would delay the music
        return True

    def _figures(self) -> dict[str, Any]:
        figures = {
            **self.metrics.to_json(),
            **self._granted,
            "ports": self._ports.apis(),
            "connected": self._ports.connected(),
            "inbox_lost": self._inbox.lost,
        }
        if (performance := self._performance) is not None and self._clock is not None:
            figures |= {**performance.counts, "sounding": performance.sounding(), "bpm": performance.bpm}
            figures["silent"] = performance.silent()
            figures |= {"place": self._clock.place(), **self._clock.figures()}
            figures["dropped"] += self.metrics.late
            if performance.running:
                figures["beat"] = performance.beat_at(time.perf_counter())
            if (place := performance.form_place(time.perf_counter())) is not None:
                figures["form"] = place.text
        return figures

    # Other work

    def _do_other_work(self, now: float) -> None:
        if min(self._music_at(), self._ports.next_deadline()) < now + WORK_MARGIN and now < self._check_at + MAX_DELAY:
            return
        self._ports.look(now)
        if self._desk.post(now):
            self._tell_changes()
        if now < self._check_at or self._performance is None or self._clock is None:
            return
        if now > self._check_at + STOOD_STILL:
            self._patient_until = now + PATIENCE
        self._check_at = now + STAGE_CHECK_INTERVAL
        for name in self._performance.check_players(now, now < self._patient_until):
            self._desk.send("player", name, "hung")
        before, self._suspended = self._suspended, realtime.suspended_seconds()
        if self._suspended - before > 1.0:
            self._performance.take(Commanded(now, Panic(), now))
            self._ports.reopen(now)
        if now >= self._collect_at and self._music_at() > now + 5 * WORK_MARGIN:
            self._collect_at = now + COLLECT
            realtime.collect_garbage()

    def _tell_changes(self) -> None:
        """Tell the desk what has changed that a stage process which follows needs, or that controls have turned."""
        if self._performance is None or self._clock is None:
            return
        for kind, values in (("place", self._clock.place()), ("turned", self._performance.turned())):
            if values != self._told.get(kind):
                self._told[kind] = values
                self._desk.send(kind, *values)
        if (plans := self._performance.plans.all()) != self._told_plans:
            self._told_plans = plans
            self._desk.send("plans", self._performance.plans.to_json()["plans"])

    def port_changed(self, name: str, is_open: bool) -> None:
        self._desk.send("port", name, "back" if is_open else "lost")
        if not is_open and self._performance is not None and self._clock is not None:
            self._performance.take(PortLost(time.perf_counter(), name))
            self._clock.port_lost(time.perf_counter(), name)

    def connections_changed(self, connections: list[Any]) -> None:
        self._desk.send("connections", *connections)

    def log(self, level: str, cause: str, text: str, is_change: bool = False) -> None:
        self._desk.log(level, cause, text, is_change)

    # Sink

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        if port in self._audio:
            self._audio.send(port, message, due, cause)
        else:
            self._ports.send(port, message, due, cause)

    def call(self, player: str, number: int, call: Call) -> None:
        if (connection := self._players.get(player)) is not None:
            connection.send([[number, *encode_call(call)]])

    def panic(self) -> None:
        now = time.perf_counter()
        self._ports.silence()
        self._ports.repeat_sounds()
        self._audio.silence(now)
        self._audio.repeat_sounds(now)

    def propose(self, command: Command, stamp: float) -> None:
        if self._clock is not None:
            self._clock.propose(time.perf_counter(), command, stamp)

    def record(self, entry: Entry) -> None:
        self._desk.record(entry)


def main() -> int:
    held_signals.leave_to_desk("SIGABRT")  # which systemd's watchdog sends
    folder = Path(sys.argv[1])
    try:
        stage = Stage(folder, read_secret())
    except OSError as error:
        print(f"the stage finds no desk at {folder} ({error}): start jamd with `jamd run`", file=sys.stderr)
        return 1
    stage.run()
    if stage.is_orphan and not _has_desk(folder):
        import shutil

        shutil.rmtree(folder, ignore_errors=True)  # which the desk did not do
    return 0


def _has_desk(folder: Path) -> bool:
    """Whether a desk answers at desk.sock; while a killed desk ends, a connection may still enter its queue."""
    try:
        with connect(folder / "desk.sock") as connection:
            connection.settimeout(0.5)
            return bool(connection.recv(1))
    except TimeoutError:
        return True
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # clients of a dead JACK server must not be deleted
