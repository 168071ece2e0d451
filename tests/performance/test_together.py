"""All that a person may do on stage, in random order and at once, judged by a ledger of its own; and replayed.

Two inputs are copied to the outputs on which the players sound, some pitches are controls, an instrument plays what is
sent to the first output, and the configuration changes: zones, thru, controls, sounds, clock, latency. Held throughout
are: a key that is held and copied sounds; a silent player strikes no note; a channel has its program before its first
note; an instrument without latency gets what its output gets, at the same times; at the end nothing sounds. The entries
of each session, given to a fresh performance, give the same entries again.

Over 300 lines, as the stage, what may happen there and its judge share one state.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from types import SimpleNamespace

import pytest

from daemon.commands import (
    ChangeSetting,
    Command,
    ContinueTransport,
    MutePlayer,
    Panic,
    RotateSession,
    SetTempo,
    SoloPlayer,
    StartTransport,
    StopTransport,
    TapBeat,
    ToggleMetronome,
    ToggleMute,
    ToggleSolo,
    decode_command,
)
from daemon.entries import (
    Advanced,
    Answered,
    Commanded,
    Dropped,
    Entry,
    Heard,
    MelodyPlayed,
    PlayerDown,
    PlayerUp,
    PortLost,
    Reconfigured,
    Sent,
    Started,
    StateSaved,
    TempoChanged,
)
from daemon.metrics import Cause, Metrics
from daemon.midi import output as output_module
from daemon.midi.ledger import Ledger
from daemon.midi.output import Output
from daemon.midi.pace import Unlimited
from daemon.music.events import Play, Stop, channel_of, control_change, is_note_off, is_note_on, note_off, note_on
from daemon.music.sound import Sound
from daemon.performance.performance import Performance
from daemon.performance.sink import SilentSink
from daemon.recording.journal_checks import check_shape
from daemon.spec import AUDIO, ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec, ZoneSpec
from daemon.stage.audio_outputs import AudioOutputs
from daemon.wire import Call, Control, Generate, Listen, PlayMessage, decode_call
from tests.performance.offline import STEADY, TUNE

INPUTS, OUTPUTS, PITCHES, BUTTON, HELD = ("keys", "pads"), ("one", "two"), (60, 61, 62, 65), 62, 30
Key = tuple[str, int, int]  # input or output, channel, pitch
RARE = ("panic", "lose", "reload", "receiver", "instrument", "player", "restart", "silence", "silence")
OUTPUT_KINDS = (Sent, Dropped, MelodyPlayed, TempoChanged, StateSaved)


def random_spec(rng: random.Random, has_latency: bool) -> StageSpec:
    thru = {name: rng.choice(((), ("one",), ("two",), ("one", "two"))) for name in INPUTS}
    longest = rng.choice((None, None, 1.5))
    sounds = tuple(Sound(channel, rng.randrange(1, 4), volume=90) for channel in (1, 2) if rng.random() < 0.7)
    ports = (
        *(PortSpec(name, "in", thru=heard(thru[name]), longest_note=longest) for name in INPUTS),
        PortSpec("one", "out", sounds=sounds, audio=("synth",)),
        PortSpec("two", "out", delay=rng.choice((0.0, 0.05, -0.04))),
        PortSpec("synth", AUDIO, sounds=sounds, latency=rng.choice((0.0, 0.03, 0.2)) if has_latency else 0.0),
    )
    players = (
        PlayerSpec("ann", ("keys", "tune"), "one", {"high": 1, "low": 2}, True, 0.03, 0.1, {"x": 0.5}, True),
        PlayerSpec("bob", ("ann", "pads"), rng.choice(OUTPUTS), {"high": 1, "low": 3}, False, 0.03, 0.1, {"x": 0.5}),
    )
    players = tuple(replace(player, audio=heard((player.port,))[1:]) for player in players)
    synth = PlayerSpec("synth", (), "", {}, False, 0.0, 0.0, {"gain": -6.0}, is_instrument=True)
    zones = (
        ZoneSpec("ann", "keys", *rng.choice(((60, 61), (61, 127), (0, 60))), channels=rng.choice(((), (1,)))),
        ZoneSpec("bob", "ann", channels=(rng.choice((1, 2)),)),
    )
    controls = (
        ControlSpec("keys", BUTTON, rng.choice(("mute", "solo")), "ann", event="note", held=rng.random() < 0.5),
        ControlSpec("pads", HELD, rng.choice(("mute", "solo")), "bob", held=rng.random() < 0.5),
        ControlSpec("keys", 1, "setting", "ann", "x", takeover=rng.choice(("jump", "pick-up"))),
        ControlSpec("pads", 1, "tempo", low=60.0, high=180.0, takeover=rng.choice(("jump", "pick-up"))),
        ControlSpec("keys", 64, "sustain"),
        ControlSpec("pads", 2, "metronome"),
    )
    clock = ClockSpec(
        count_in=rng.choice((0, 0, 1)),
        metronome=rng.choice((None, None, ("two", 10))),
        click=rng.choice(("always", "count-in")),
        first_key_sets_beat=rng.random() < 0.7,
    )
    return StageSpec(
        STEADY,
        ports,
        rng.choice(((), (MelodySpec(TUNE, heard(rng.choice(((), ("one",))))),))),
        (*players, synth),
        controls if rng.random() < 0.7 else (),
        rng.randrange(3),
        clock,
        zones=zones if rng.random() < 0.5 else (),
    )


def heard(outputs: tuple[str, ...]) -> tuple[str, ...]:
    """`outputs`, with the instrument that plays what is sent to the first one."""
    return (*outputs, "synth") if "one" in outputs else outputs


class Receiver:
    """What sounds at an output, and the program of each channel."""

    def __init__(self, name: str, fail: Callable[[str], None]) -> None:
        self._name, self._fail = name, fail
        self.sounding: set[Key] = set()
        self.programs: dict[int, int] = {}
        self.wanted: dict[int, int] = {}
        self._until: int | None = None  # the channel whose program changed while a note sounded

    def receive(self, message: bytes) -> None:
        channel = channel_of(message)
        assert channel is not None
        key = self._name, channel, message[1]
        if self._until is not None and message[0] & 0xE0 == 0x80:
            if not is_note_on(message) or channel != self._until:
                self._fail(f"{self._name} {self._until}: the program changed while a note sounded, not before a note")
            self._until = None
        if is_note_on(message):
            if key in self.sounding:
                self._fail(f"{key} is struck while it sounds")
            if channel in self.wanted and self.programs.get(channel) != self.wanted[channel]:
                self._fail(f"{key} is struck with program {self.programs.get(channel)}, not {self.wanted[channel]}")
            self.sounding.add(key)
        elif is_note_off(message):
            self.sounding.discard(key)
        elif message[0] & 0xF0 == 0xC0:
            if any(sounding[1] == channel for sounding in self.sounding):
                self._until = channel
            self.programs[channel] = message[1] + 1


class Stage:
    """A performance with outputs, receivers and players that answer at random."""

    def __init__(self, seed: int, clock: SimpleNamespace) -> None:
        self.rng, self.clock, self.now, self.faults = random.Random(seed), clock, 0.0, list[str]()
        self.has_latency = bool(seed % 2)
        self.spec = random_spec(self.rng, self.has_latency)
        self.receivers = {name: Receiver(name, self.fail) for name in (*OUTPUTS, "synth")}
        self.joined_at = 0.0  # when the instrument joined
        self.messages = {"one": Counter[tuple[float, bytes]](), "synth": Counter[tuple[float, bytes]]()}
        self.held: dict[Key, float] = {}  # keys that a person holds and jamd counts as held, since when (seconds)
        self.down: set[Key] = set()  # keys that a person holds
        self.ledger = Ledger()
        self.sessions: list[tuple[StageSpec, list[Entry]]] = []
        self.beats_set, self.players_rest = 0, False
        self.start([])

    def fail(self, text: str) -> None:
        self.faults.append(f"{self.now:.3f}: {text}")

    def start(self, commands: list[list[object]]) -> None:
        self.sessions.append((self.spec, []))
        self.pending: list[tuple[str, int, Call]] = []
        self.outputs = {name: Output(name, self.ledger, Metrics()) for name in OUTPUTS}
        self.audio = AudioOutputs()
        self.configure_output("synth")
        self.new_instrument()
        self.performance = Performance(self.spec, self)
        for name, output in self.outputs.items():
            output.open(self.receivers[name].receive, Unlimited(), lambda: True, self.now)
            self.configure_output(name)
            output.pump(self.now)
        for command in commands:
            self.do(decode_command(command))
        for player in self.spec.players:
            self.performance.take(PlayerUp(self.now, player.name))
        self.performance.take(Started(self.now))

    def configure_output(self, name: str) -> None:
        sounds = next(port.sounds for port in self.spec.ports if port.name == name)
        if name == "synth":
            self.audio.configure(self.spec.ports, self.now)
        else:
            self.outputs[name].set_sounds(sounds)
        self.receivers[name].wanted = {s.channel: s.program for s in sounds if s.program is not None}

    # Sink

    def new_instrument(self) -> None:
        """An instrument's process starts: nothing sounds there."""

        def receive(calls: list[list[object]]) -> None:
            for number, *data in calls:
                call = decode_call(data)
                assert number == 0 and isinstance(call, PlayMessage) and call.sent == self.now
                self.receivers["synth"].receive(call.message)

        self.receivers["synth"].sounding.clear()
        self.receivers["synth"].programs.clear()
        self.joined_at = self.now
        self.audio.disconnect("synth")
        self.audio.connect("synth", SimpleNamespace(send=receive), self.now)  # type: ignore[arg-type]

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        if port in self.messages:
            self.messages[port][due, message] += 1
        if port == "synth":
            self.audio.send(port, message, due, cause)
        else:
            self.outputs[port].send(message, due, cause)

    def call(self, player: str, number: int, call: Call) -> None:
        self.pending.append((player, number, call))

    def panic(self) -> None:
        for output in self.outputs.values():
            output.silence()
            output.pump(self.now)
            output.repeat_sounds()
        self.audio.silence(self.now)
        self.audio.repeat_sounds(self.now)

    def propose(self, command: Command, stamp: float) -> None:
        raise AssertionError

    def record(self, entry: Entry) -> None:
        if isinstance(entry, Sent) and is_note_on(entry.message) and entry.player in self.performance.silent():
            self.fail(f"{entry.player} is silent, and strikes {entry.message.hex()}")
        self.sessions[-1][1].append(entry)

    # Time

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = self.clock.now = min(end, self.now + self.rng.choice((0.005, 0.02, 0.07)))
            self.turn()

    def turn(self) -> None:
        while self.pending and self.rng.random() < 0.8:
            name, number, call = self.pending.pop(0)
            self.performance.answer(self.now, name, number, self.actions(name, call), True)
        self.performance.advance(self.now)
        for output in self.outputs.values():
            output.pump(self.now)
        self.audio.flush(self.now)
        self.judge()

    def actions(self, name: str, call: Call) -> list[Play | Stop]:
        rng = self.rng
        if not isinstance(call, Generate | Listen | Control) or rng.random() < 0.6 or self.players_rest:
            return []
        beat = call.window.start if isinstance(call, Generate) else self.performance.beat_at(self.now)
        voice = rng.choice(("high", "low"))
        if rng.random() < 0.3:
            return [Stop(beat + rng.choice((0.0, 0.2)), voice)]
        length = rng.choice((None, 0.1, 0.5, 2.0))
        return [Play(beat + rng.choice((0.0, 0.0, 0.3)), rng.choice(PITCHES), 70, voice, length)]

    def judge(self) -> None:
        ports = {port.name: port for port in self.spec.ports}
        for (source, channel, pitch), since in list(self.held.items()):
            limit = ports[source].longest_note
            if limit is not None and self.now >= since + limit:
                del self.held[source, channel, pitch]
                continue
            for output in ports[source].thru if since > self.joined_at else ():
                if (output, channel, pitch) not in self.receivers[output].sounding:
                    self.fail(f"{source} {channel} {pitch} is held, and does not sound on {output}")

    # What may happen

    def do(self, command: Command) -> None:
        self.performance.take(Commanded(self.now, command, self.now))

    def is_button(self, source: str, pitch: int) -> bool:
        return any(c.event == "note" and (c.source, c.number) == (source, pitch) for c in self.spec.controls)

    def press(self, key: Key) -> None:
        source, channel, pitch = key
        tempo = self.performance.tempo
        self.performance.hear(self.now, source, self.now, note_on(channel, pitch, 90))
        self.beats_set += self.performance.tempo != tempo
        self.down.add(key)
        if not self.is_button(source, pitch):
            self.held.setdefault(key, self.now)

    def release(self, key: Key) -> None:
        self.down.discard(key)
        self.held.pop(key, None)
        self.performance.hear(self.now, key[0], self.now, note_off(*key[1:]))

    def lose(self, source: str) -> None:
        self.held = {key: since for key, since in self.held.items() if key[0] != source}
        self.performance.take(PortLost(self.now, source))

    def reload(self, spec: StageSpec) -> None:
        before, self.spec = self.spec, spec
        for source in INPUTS:
            old, new = (
                (
                    next(port for port in each.ports if port.name == source),
                    {c for c in each.controls if c.source == source},
                )
                for each in (before, spec)
            )
            if old != new:
                self.held = {key: since for key, since in self.held.items() if key[0] != source}
        self.performance.take(Reconfigured(self.now, spec))
        self.audio.flush(self.now)
        for name in (*OUTPUTS, "synth"):
            self.configure_output(name)
        old_players = {player.name: player for player in before.players}
        for player in spec.players:
            if old_players[player.name] != player:
                self.performance.take(PlayerUp(self.now, player.name))

    def new_receiver(self, name: str) -> None:
        """A synthesiser is switched off and on: it knows no program, and nothing sounds there."""
        if not self.receivers[name].sounding:
            self.receivers[name].programs.clear()
            self.outputs[name].repeat_sounds()

    def restart(self) -> None:
        """The stage process is killed, and another one follows."""
        state = self.performance.turned()
        self.held.clear()
        self.clock.now = self.now = self.now + 0.5
        self.start(state[-1])
        if not any(control.held for control in self.spec.controls) and self.performance.turned() != state:
            self.fail(f"turned {state}, after the restart {self.performance.turned()}")

    def step(self) -> None:
        rng = self.rng
        key = rng.choice(INPUTS), rng.choice((1, 1, 2)), rng.choice(PITCHES)
        name = rng.choice(("ann", "bob"))
        match rng.choice(("press",) * 6 + ("release",) * 5 + ("command",) * 3 + ("cc",) * 3 + ("rare",) * 2):
            case "press":
                self.press(key)
            case "release" if self.down:
                self.release(rng.choice(sorted(self.down)))
            case "cc":
                message = control_change(1, rng.choice((1, 1, 2, HELD, HELD, 64)), rng.choice((0, 30, 64, 90, 127)))
                self.performance.hear(self.now, key[0], self.now, message)
            case "command":
                self.do(
                    rng.choice(
                        (
                            *(MutePlayer(name, rng.random() < 0.3), SoloPlayer(name, rng.random() < 0.3)),
                            *(ToggleMute(name), ToggleSolo(name), ToggleMetronome(), StartTransport()),
                            *(StopTransport(), ContinueTransport(), ContinueTransport(), TapBeat(), TapBeat()),
                            *(SetTempo(rng.uniform(70, 160)), ChangeSetting(name, "x", rng.random()), RotateSession()),
                        )
                    )
                )
            case "rare":
                match rng.choice(RARE):
                    case "panic":
                        if any(self.receivers[out].sounding for out in OUTPUTS):
                            self.held.clear()
                            self.do(Panic())
                    case "lose":
                        self.lose(key[0])
                    case "reload":
                        other = random_spec(rng, self.has_latency)
                        parts = rng.sample(("ports", "players", "zones", "controls", "clock", "melodies"), 2)
                        self.reload(replace(self.spec, **{part: getattr(other, part) for part in parts}))
                    case "receiver":
                        self.new_receiver(rng.choice(OUTPUTS))
                    case "player":
                        self.pending = [call for call in self.pending if call[0] != name]
                        self.performance.take(PlayerDown(self.now, name))
                        self.turn()
                        self.performance.take(PlayerUp(self.now, name))
                    case "instrument":
                        self.performance.take(PlayerDown(self.now, "synth"))
                        self.turn()
                        self.new_instrument()
                        self.performance.take(PlayerUp(self.now, "synth"))
                        self.do(MutePlayer("synth", rng.random() < 0.5))
                    case "restart":
                        self.restart()
                    case "silence":
                        for each in sorted(self.down):
                            self.release(each)
                        self.do(StopTransport() if rng.random() < 0.1 else ContinueTransport())
                        self.players_rest = rng.random() < 0.8
                        self.pass_time(rng.choice((0.5, 2.5, 4.5)))
                        self.press(key)
                        self.players_rest = False

    def end(self) -> None:
        for key in sorted(self.down):
            self.release(key)
        self.do(StopTransport())
        self.pass_time(0.3)
        self.do(RotateSession())  # also ends what players answered to keys
        self.pending.clear()
        self.pass_time(0.3)
        self.faults += [f"left sounding: {r.sounding}" for r in self.receivers.values() if r.sounding]
        if not self.has_latency and self.messages["one"] != self.messages["synth"]:
            more = self.messages["one"] - self.messages["synth"], self.messages["synth"] - self.messages["one"]
            self.faults.append(f"sent to the output, but not the instrument, and the reverse: {more}")


class Again(SilentSink):
    """A performance that is given the inputs of a session."""

    def __init__(self, spec: StageSpec) -> None:
        self.entries: list[Entry] = []
        self.performance = Performance(spec, self)

    def call(self, player: str, number: int, call: Call) -> None:
        pass

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)

    def take(self, entry: Entry) -> None:
        match entry:
            case Heard(now, source, stamp, message):
                self.performance.hear(now, source, stamp, message)
            case Answered(now, name, number, actions, last):
                self.performance.answer(now, name, number, actions, last)
            case Advanced(now):
                self.performance.advance(now)
            case _ if not isinstance(entry, OUTPUT_KINDS):
                self.performance.take(entry)


def check_replay(spec: StageSpec, entries: list[Entry]) -> None:
    """From the beginning, and from each rotation on."""
    begins = [0]
    for at, entry in enumerate(entries):
        if isinstance(entry, StateSaved):
            check_shape(StateSaved(entry.seconds, entry.state))
            begins.append(at)
    for begin in begins:
        specs = [entry.spec for entry in entries[:begin] if isinstance(entry, Reconfigured)]
        again, wanted = Again(([spec, *specs])[-1]), entries[begin:]
        if begin:
            state = entries[begin]
            assert isinstance(state, StateSaved)
            again.performance.restore(state.seconds, state.state)
            wanted = wanted[1:]
        for entry in wanted:
            again.take(entry)
        was = [comparable(entry) for entry in wanted if not isinstance(entry, Advanced)]
        now = [comparable(entry) for entry in again.entries if not isinstance(entry, Advanced)]
        assert next((pair for pair in zip_longest(now, was) if pair[0] != pair[1]), None) is None


def comparable(entry: Entry) -> Entry:
    """Without the beat that a transport that stands does not need."""
    if not isinstance(entry, StateSaved) or entry.state["running"]:
        return entry
    return StateSaved(entry.seconds, {**entry.state, "tempo_from": None})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    clock.perf_counter = lambda: clock.now
    monkeypatch.setattr(output_module, "time", clock)
    return clock


def test_everything_at_once(clock: SimpleNamespace) -> None:
    beats_set = 0
    for seed in range(40):
        stage = Stage(seed, clock)
        for _ in range(60):
            stage.pass_time(stage.rng.choice((0.0, 0.02, 0.1, 0.3)))
            stage.step()
        stage.end()
        beats_set += stage.beats_set
        assert not stage.faults, "\n".join([f"seed {seed}", *stage.faults[:20]])
        for spec, entries in stage.sessions:
            check_replay(spec, entries)
    assert beats_set > 3
