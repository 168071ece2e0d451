"""Random sequences of what can happen: nothing is left sounding, no pitch is struck twice without an off between.

The sequences are those that tests/soak plays over JACK. Here the clock, the ports' devices and the players' processes
are doubles; between them is what the stage is made of.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.commands import Command, MutePlayer, Panic, RotateSession
from daemon.config import load
from daemon.entries import Commanded, Entry, PlayerDown, PlayerUp, PortLost, Reconfigured
from daemon.metrics import Cause, Metrics
from daemon.midi import output as output_module
from daemon.midi.ledger import Ledger
from daemon.midi.output import Output
from daemon.midi.pace import Unlimited
from daemon.music.events import Play, Stop, control_change, note_off, note_on, song_position
from daemon.performance.performance import Performance
from daemon.spec import StageSpec
from daemon.stage.clock_driver import ClockDriver
from daemon.wire import Call, Generate, Listen
from tests.desk.jamd import write_tune
from tests.soak import bands, sequence
from tests.soak.observer import OutputMonitor
from tests.soak.sequence import PITCHES, PLUGGABLE, REPLUG_AFTER, Step

LENGTH = 50  # steps
LOOK = 0.2  # seconds between the stage's looks at its connections and players
ABSENCE = 0.5  # seconds until there is a new stage

Load = Callable[[str], StageSpec]


@pytest.fixture
def spec_of(dice: None, tmp_path: Path) -> Load:
    write_tune(tmp_path / "tune.mid")

    @cache
    def spec_of(text: str) -> StageSpec:
        (tmp_path / "config.yaml").write_text(text)
        return load(tmp_path / "config.yaml").stage

    return spec_of


class World:
    """Players, ports and a desk with their own will, and at each output somebody with a ledger of what he hears."""

    def __init__(self, seed: int, spec_of: Load, clock: SimpleNamespace) -> None:
        self.rng, self.mutes = random.Random(seed), random.Random(f"mutes {seed}")
        self.sequence = sequence.Sequence(seed, LENGTH)
        self.clock, self.spec_of = clock, spec_of
        self.now = clock.now = 0.0
        self.memory = Ledger()
        self.monitors = {name: OutputMonitor(name) for name in bands.OUTPUTS}
        self.faults: list[str] = []
        self.spec = spec_of(bands.band(self.sequence.band))
        self.plugged = dict.fromkeys(PLUGGABLE, True)
        self.connected = dict.fromkeys(PLUGGABLE, False)  # as the stage saw it last
        self.has_jack = True
        self.hung: set[str] = set()
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.tick_at, self.interval, self.lost_ticks = 0.0, 60 / 120 / 24, 0
        self.look_at = self.frozen_until = 0.0
        self.place: list[float] = []
        self.start_stage()

    # The stage

    def start_stage(self) -> None:
        self.asked: list[tuple[str, int, Call]] = []
        self.has_stage = True
        self.performance = Performance(self.spec, self)
        self.outputs = {name: Output(name, self.memory, Metrics()) for name in bands.OUTPUTS}
        self.time = ClockDriver(self.performance, lambda *_: None)
        if self.has_jack:
            self.open_ports()
        self.look()
        for player in self.spec.players:
            self.performance.take(PlayerUp(self.now, player.name))
        for output in self.outputs.values():
            output.repeat_note_offs()
        self.time.begin(self.now, self.place)

    def kill_stage(self) -> None:
        """Its ports are gone with it, and come back with another."""
        self.place = self.time.place()
        self.has_stage = False
        self.connected = dict.fromkeys(PLUGGABLE, False)
        self.do_later(ABSENCE, self.start_stage)

    def open_ports(self) -> None:
        for name, output in self.outputs.items():
            hear = lambda message, name=name: self.transmit(name, message)  # noqa: E731
            everyone = lambda name=name: self.connected[name]  # noqa: E731
            output.open(hear, Unlimited(), lambda: True, self.now, everyone)
            output.pump(self.now)  # nobody is connected yet

    def transmit(self, name: str, message: bytes) -> None:
        if self.has_jack and self.connected[name] and self.plugged[name]:
            self.monitors[name].receive(message, self.now)

    def look(self) -> None:
        """At the connections and the players, as the stage does now and then."""
        for name in PLUGGABLE:
            before, self.connected[name] = self.connected[name], self.plugged[name] and self.has_jack
            output = self.outputs.get(name)
            if output is not None and before != self.connected[name]:
                output.repeat_note_offs() if self.connected[name] else output.receiver_lost()
            elif before and not self.connected[name]:
                self.lose("keys" if name == "keyboard" else "sync")
            if output is not None and self.has_jack:
                output.confirm_note_offs(self.now)
        for name in self.performance.check_players(self.now):
            self.replace(name)

    def lose(self, port: str) -> None:
        self.performance.take(PortLost(self.now, port))
        self.time.port_lost(self.now, port)

    # Players

    def replace(self, name: str) -> None:
        if name not in self.performance.sounding():
            return
        self.performance.take(PlayerDown(self.now, name))
        if self.performance.sounding()[name]:
            self.faults.append(f"{name} is down and sounds, at {self.now}")
        self.hung.discard(name)
        self.asked = [asked for asked in self.asked if asked[0] != name]
        stage = self.performance

        def again() -> None:
            if self.has_stage and self.performance is stage and name in stage.sounding():
                stage.take(PlayerUp(self.now, name))

        self.do_later(self.rng.choice((0.0, 0.3)), again)

    def actions(self, player: str, call: Call) -> list[Play | Stop]:
        rng = self.rng
        beat = call.window.start if isinstance(call, Generate) else self.performance.beat_at(self.now)
        if not isinstance(call, Generate | Listen):
            return []
        return [
            Stop(beat + rng.uniform(-0.1, 0.5), rng.choice(("high", "low", "ghost")))
            if rng.random() < 0.2
            else Play(
                beat + rng.choice((0.0, 0.0, 0.1, 0.5, 40.0)),
                rng.choice(PITCHES),
                80,
                rng.choice(("high", "low", "ghost")),
                rng.choice((None, 0.0, 0.01, 0.25, 2.0)),
            )
            for _ in range(rng.randrange(3))
        ]

    # What the stage asks for (Sink)

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        self.outputs[port].send(message, due, cause)

    def call(self, player: str, number: int, call: Call) -> None:
        self.asked.append((player, number, call))

    def panic(self) -> None:
        for output in self.outputs.values():
            output.silence()
            output.pump(self.now)

    def propose(self, command: Command, stamp: float) -> None:
        pass

    def record(self, entry: Entry) -> None:
        pass

    # Time

    def do_later(self, seconds: float, what: Callable[[], None]) -> None:
        self.later.append((self.now + seconds, what))

    def pass_time(self, seconds: float) -> None:
        """In hops: a stage that is late finds several things due at once."""
        end = self.now + seconds
        while self.now < end:
            self.now = self.clock.now = min(end, self.now + self.rng.choice((0.002, 0.02, 0.05)))
            for moment, what in [(moment, what) for moment, what in self.later if moment <= self.now]:
                self.later.remove((moment, what))
                what()
            self.tick()
            if self.is_awake:
                self.turn()

    @property
    def is_awake(self) -> bool:
        return self.has_stage and self.now >= self.frozen_until

    def tick(self) -> None:
        while self.tick_at <= self.now:
            if self.lost_ticks:
                self.lost_ticks -= 1
            else:
                self.play("master", b"\xf8", self.tick_at)
            self.tick_at += self.interval

    def turn(self) -> None:
        """What the stage does when it wakes."""
        rng = self.rng
        while self.asked and rng.random() < 0.8:
            name, number, call = self.asked.pop(0)
            if name not in self.hung:
                self.performance.answer(self.now, name, number, self.actions(name, call), True)
        self.performance.advance(self.now)
        for output in self.outputs.values():
            output.pump(self.now)
        self.time.look(self.now)
        if self.now >= self.look_at:
            self.look_at = self.now + LOOK
            self.look()
            if rng.random() < 0.05:
                self.performance.take(Commanded(self.now, RotateSession(), self.now))
            if self.spec.players and self.mutes.random() < 0.1:
                mute = MutePlayer(self.mutes.choice(self.spec.players).name, self.mutes.random() < 0.5)
                self.performance.take(Commanded(self.now, mute, self.now))

    # What happens

    def play(self, who: str, message: bytes, stamp: float) -> None:
        """Somebody who is plugged in and connected is heard."""
        if not (self.is_awake and self.has_jack and self.plugged[who] and self.connected[who]):
            return
        source, ran = "keys" if who == "keyboard" else "sync", self.performance.running
        if not self.time.hear(self.now, source, message, stamp):
            self.performance.hear(self.now, source, stamp, message)
        if ran and not self.performance.running and any(self.performance.sounding().values()):
            self.faults.append(f"stopped and sounding, at {self.now}")

    def do(self, step: Step) -> None:
        values = step.values
        match step.kind:
            case "press":
                self.play("keyboard", note_on(*values), self.now)
            case "release":
                self.play("keyboard", note_off(*values), self.now)
            case "pedal":
                self.play("keyboard", control_change(values[0], 64, values[1]), self.now)
            case "control":
                self.play("keyboard", control_change(*values), self.now)
            case "play" | "halt" | "continue":
                self.play("master", {"play": b"\xfa", "halt": b"\xfc", "continue": b"\xfb"}[step.kind], self.now)
            case "locate":
                self.play("master", song_position(values[0] / 4), self.now)
            case "tempo":
                self.interval = 60 / values[0] / 24
            case "lose":
                self.lost_ticks += values[0]
            case "unplug":
                self.plugged[step.target] = False
                if step.target in self.monitors:
                    self.monitors[step.target].disconnect()
            case "plug":
                self.plugged[step.target] = True
            case "kill jack":
                self.kill_jack()
            case "start jack":
                self.start_jack()
            case _ if not self.is_awake:
                self.do_later(ABSENCE, lambda: self.do(step))  # the desk tells the next stage
            case "kill engine" | "stop engine" if self.spec.players:
                name = self.spec.players[values[0] % len(self.spec.players)].name
                self.hung.add(name) if step.kind == "stop engine" else self.replace(name)
            case "kill stage":
                self.kill_stage()
            case "freeze stage":
                self.frozen_until = self.now + values[0] / 1000
                self.do_later(values[0] / 1000, self.thaw)
            case "reload":
                self.reload(self.spec_of(bands.band(values[0])))
            case "panic":
                self.performance.take(Commanded(self.now, Panic(), self.now))

    def thaw(self) -> None:
        """What came in meanwhile is lost."""
        if self.has_stage:
            for port in bands.INPUTS:
                self.performance.take(PortLost(self.now, port))

    def reload(self, spec: StageSpec) -> None:
        before, self.spec = {player.name: player for player in self.spec.players}, spec
        self.performance.take(Reconfigured(self.now, spec))
        self.time.configure()
        for player in spec.players:
            if before.get(player.name) != player:
                self.performance.take(PlayerUp(self.now, player.name))
                self.hung.discard(player.name)

    def kill_jack(self) -> None:
        self.has_jack = False
        for monitor in self.monitors.values():
            monitor.disconnect()
        if self.is_awake:
            self.notice_death()
        else:
            self.do_later(ABSENCE, lambda: None if self.has_jack else self.notice_death())

    def notice_death(self) -> None:
        for output in self.outputs.values():
            output.close()
        for port in (*bands.INPUTS, *bands.OUTPUTS):
            self.lose(port)
        self.connected = dict.fromkeys(PLUGGABLE, False)

    def start_jack(self) -> None:
        self.has_jack = True
        if self.has_stage:
            self.open_ports()

    def end(self) -> None:
        """Everything is plugged in and released, and nothing is to be played: it ends by itself."""
        self.pass_time(REPLUG_AFTER)
        if not self.has_jack:
            self.start_jack()
        self.plugged = dict.fromkeys(PLUGGABLE, True)
        self.pass_time(2 * ABSENCE)
        for channel in bands.CHANNELS:
            for pitch in PITCHES:
                self.play("keyboard", note_off(channel, pitch), self.now)
        self.reload(self.spec_of(bands.SILENT))
        self.pass_time(0.5)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What stands for the machine's clock in the outputs."""
    clock = SimpleNamespace(now=0.0)
    clock.perf_counter = lambda: clock.now
    monkeypatch.setattr(output_module, "time", clock)
    return clock


@pytest.mark.parametrize(
    "seeds",
    [
        *(range(block * 100, block * 100 + 100) for block in range(10)),
        (1030, 2577, 60504),  # a synthesiser is unplugged in mid-note, then the server dies, noticed or not
    ],
)
def test_nothing_is_left_sounding(seeds: Sequence[int], spec_of: Load, clock: SimpleNamespace) -> None:
    for seed in seeds:
        world = World(seed, spec_of, clock)
        for step in world.sequence.steps:
            world.pass_time(step.after)
            world.do(step)
        world.end()
        faults = [
            *world.faults,
            *(f for monitor in world.monitors.values() for f in (*monitor.faults, *monitor.left_sounding())),
        ]
        assert not faults, "\n".join([f"seed {seed}", *faults])
