"""Sessions with every kind of trouble, journaled as they happen, replayed to the same bytes."""

from __future__ import annotations

import math
import random
import shutil
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from daemon import config
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
)
from daemon.config import Config
from daemon.engines.base import Engine, Setup
from daemon.entries import (
    Answered,
    Commanded,
    Dropped,
    Entry,
    Followed,
    Gap,
    MelodyPlayed,
    MembersChanged,
    PlayerDown,
    PlayerHung,
    PlayerUp,
    PortLost,
    Reconfigured,
    Sent,
    SessionBegan,
    StageStarted,
    Started,
    StateSaved,
    Stopped,
)
from daemon.errors import JamdError
from daemon.metrics import Cause
from daemon.music import smf
from daemon.music.events import control_change, note_off, note_on
from daemon.music.tempo import Tempo
from daemon.performance import player_state
from daemon.performance.performance import Performance
from daemon.player.host import Host, make_host
from daemon.recording import recorder, rotation
from daemon.recording.journal_file import MAGIC, JournalReader, frame
from daemon.recording.origin import hashes, versions
from daemon.recording.process import open_journal
from daemon.recording.replay import other_versions, replay
from daemon.spec import AUDIO, PlayerSpec, PortSpec, StageSpec, ZoneSpec
from daemon.wire import Call, Reset
from tests.recording.mutations import journal, records

BAND = """
clock: {source: tune}
ports: {keys: {direction: in, thru: [out]}, out: {direction: out}}
melodies: {tune: {file: tune.mid, thru: [out], channel: 9}}
band:
  dice: {engine: dice, listen: [keys: {to: F#5}, tune], play: {port: out}}
  echo: {engine: dice, listen: [dice], play: {port: out, channels: {low: 5}}, options: {mirror: true, often: 0.1}}
controls:
  keys:
    cc 1: {set: dice.often, from: 0.9, to: 0.1, takeover: pick-up}
    cc 20: {solo: dice}
    cc 21: {solo: echo, while: held}
    note 55: {mute: echo, while: held}
    cc 64: sustain
    cc 120: panic
seed: 3
"""
FREE = """
clock: {bpm: 96}
ports: {keys: {direction: in}, out: {direction: out}}
melodies: {tune: {file: tune.mid}}
band:
  dice: {engine: dice, listen: [keys, tune], play: {port: out}, options: {mirror: true}}
  echo: {engine: dice, listen: [dice, keys], play: {port: out, channels: {low: 5}}, options: {mirror: true}}
controls: {keys: {cc 1: dice.often, cc 64: sustain, cc 120: panic}}
"""
TINY = Path(__file__).parents[1] / "data" / "tiny_harmoniser.onnx"
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


class Live:
    """A stage with real engines that take their time, die and hang; and its desk, which keeps the journal. `is_heard`:
    with an instrument that plays everything."""

    def __init__(self, band: Config, folder: Path, is_heard: bool = False) -> None:
        self.band, self.now, self.is_heard = band, 1000.0, is_heard
        self.journal = open_journal(
            folder, {"jamd": "0", "members": band.members, "spec": self.spec.to_json()}, clock=lambda: self.now
        )
        self.hosts: dict[str, Host] = {}
        self.calls: dict[str, deque[tuple[int, Call]]] = defaultdict(deque)
        self.unsaid: dict[str, deque[tuple[int, Any]]] = defaultdict(deque)  # None: the last
        self.performance = Performance(self.spec, self)

    @property
    def spec(self) -> StageSpec:
        return with_synth(self.band.stage) if self.is_heard else self.band.stage

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        pass

    def panic(self) -> None:
        pass

    def call(self, player: str, number: int, call: Call) -> None:
        self.calls[player].append((number, call))

    def propose(self, command: Command, stamp: float) -> None:
        pass

    def record(self, entry: Entry) -> None:
        self.journal.write([entry])

    def up(self, name: str) -> None:
        if name in self.hosts:
            return
        self.hosts[name] = (
            Host(Engine(Setup(Engine.Options())), {}) if name == "synth" else make_host(self.band.members[name])
        )
        self.performance.take(PlayerUp(self.now, name))

    def down(self, name: str) -> None:
        if self.hosts.pop(name, None) is not None:
            self.calls[name].clear()
            self.unsaid[name].clear()
            self.performance.take(PlayerDown(self.now, name))

    def think(self, name: str) -> None:
        """A player answers the next call in its queue, or says a part of its answer."""
        unsaid = self.unsaid[name]
        if not unsaid and self.calls[name] and name in self.hosts:
            number, call = self.calls[name].popleft()
            unsaid += [(number, action) for action in self.hosts[name].handle(call)] + [(number, None)]
        if unsaid:
            number, action = unsaid.popleft()
            self.performance.answer(self.now, name, number, [] if action is None else [action], action is None)

    def pass_time(self, seconds: float, lateness: float) -> None:
        end = self.now + seconds
        while (deadline := self.performance.next_deadline()) <= end:
            self.now = max(self.now, deadline + lateness)
            self.performance.advance(self.now)
        self.now = max(self.now, end)

    def step(self, what: str, number: int, seconds: float) -> None:
        names = ("dice", "echo", "synth") if self.is_heard else ("dice", "echo")
        name = names[number % len(names)]
        performance = self.performance
        match what:
            case "wait":
                self.pass_time(seconds, seconds / 50 if number % 5 == 0 else 0.0)
            case "stall":  # the stage stands still
                self.now += seconds
                performance.advance(self.now)
            case "think":
                for _ in range(1 + number % 4):
                    self.think(name)
            case "answer all":
                while any(self.calls[n] or self.unsaid[n] for n in self.hosts):
                    for n in self.hosts:
                        self.think(n)
            case "press":
                performance.hear(self.now, "keys", self.now - seconds / 1000, note_on(1, 50 + number % 30, 80))
            case "release":
                performance.hear(self.now, "keys", self.now, note_off(1, 50 + number % 30))
            case "turn":
                performance.hear(
                    self.now, "keys", self.now, control_change(1, (1, 64, 120, 20, 21)[number % 5], number % 128)
                )
            case "up":
                self.up(name)
            case "down":
                self.down(name)
            case "check":
                performance.check_players(self.now)
            case "lost":
                performance.take(PortLost(self.now, "keys"))
            case "panic":
                performance.take(Commanded(self.now, Panic(), self.now))
            case "rotate":
                self.now += seconds * (number % 2)  # what became due in between was not done yet
                performance.take(Commanded(self.now, RotateSession(), self.now))
            case "new stage":  # the players live on, with the settings that they were turned to
                self.journal.write([StageStarted(self.now, self.spec)])
                self.performance = Performance(self.spec, self)
                for name in self.hosts:
                    self.calls[name].clear()
                    self.unsaid[name].clear()
                    self.performance.take(PlayerUp(self.now, name))
                self.performance.take(Started(self.now))
            case "start":
                performance.take(Started(self.now, number % 40 / 4, self.now + seconds / 20))
            case "stop":
                performance.take(Stopped(self.now))
            case "hand":
                hands = (StartTransport, StopTransport, ContinueTransport, TapBeat, TapBeat, ToggleMetronome)
                command: Command = hands[number % 6]()
                performance.take(Commanded(self.now, command, self.now))
            case "command":
                command = (
                    MutePlayer(name, number % 36 == 0),
                    ChangeSetting(name, "often", number / 400 - 0.5),  # also outside the range
                    SetTempo(80.0 + number % 60),
                    ChangeSetting("nobody", "often", 0.5),
                    SoloPlayer(name, number % 25 == 4),
                    ToggleMute("echo"),
                )[number % 6]
                performance.take(Commanded(self.now, command, self.now))
            case "follow" if self.band.clock.source == "midi":
                beat = performance.beat_at(self.now) + seconds / 10
                performance.take(Followed.make(self.now, Tempo(beat, self.now, 60.0 + number % 90)))
            case "reload":
                self.reload(number)

    def reload(self, number: int) -> None:
        """Another seed, with or without the melody, a clock of its own, an input with other channels."""
        melodies = self.band.melodies if number % 3 else ()
        listen = (("keys", "tune"), ("keys", "tune"), ("keys",))[number % 3]
        zones = (ZoneSpec("dice", "keys", 50 + number % 4, channels=(1,)),) if number % 2 else ()
        dice = replace(self.band.band[0], listen=listen if melodies else ("keys",), zones=zones)
        if dice.listen != self.band.band[0].listen:
            self.down("dice")
        clock = config.Clock(
            "tune" if melodies else ("internal", "midi")[number % 2],
            "keys",
            90.0 + number % 7,
            send=("out",),
            metronome=("out", 10, "always"),
        )
        keys = replace(self.band.ports[0], channels=((), (1, 2), (3,))[number // 3 % 3])
        self.band = replace(
            self.band,
            ports=(keys, *self.band.ports[1:]),
            melodies=melodies,
            band=(dice, self.band.band[1]),
            clock=clock,
            seed=number % 4,
        )
        self.journal.write([MembersChanged(self.now, self.band.members)])
        self.performance.take(Reconfigured(self.now, self.spec))


def with_synth(spec: StageSpec) -> StageSpec:
    """`spec` with an instrument that plays what is sent to `out`; its latency depends on the seed."""
    ports = tuple(replace(p, thru=(*p.thru, "synth")) if p.thru else replace(p, audio=("synth",)) for p in spec.ports)
    return replace(
        spec,
        ports=(*ports, PortSpec("synth", AUDIO, latency=0.03 + spec.seed / 50)),
        melodies=tuple(replace(melody, thru=(*melody.thru, "synth")) for melody in spec.melodies),
        players=(
            *(replace(player, audio=("synth",)) for player in spec.players),
            PlayerSpec("synth", (), "", {}, False, 0.0, 0.0, {"gain": -3.0}, is_instrument=True),
        ),
    )


RARE = ["turn", "up", "down", "check", "lost", "panic", "rotate", "reload", "stall", "new stage"]
RARE += ["start", "stop", "hand", "follow", "command"]
SECONDS = [0.0, 0.004, 0.125, 0.15625, 0.3, 0.625, 0.9, 2.5]  # a 16th lasts 0.15625
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait"] * 6 + ["think"] * 4 + ["answer all"] * 3 + ["press"] * 4 + ["release"] * 2 + RARE),
        st.integers(0, 1000),
        st.sampled_from(SECONDS),
    ),
    max_size=80,
)


@pytest.fixture
def band(dice: None, tmp_path: Path) -> Config:
    return write_band(tmp_path)


def write_band(folder: Path) -> Config:
    """Notes and changes of tempo on and off the grid."""
    notes = [(tick, note_on(1, 60 + n % 7, 70)) for n, tick in enumerate(range(0, 7680, 640))]
    notes += [(tick + 700, note_off(1, 60 + n % 7)) for n, tick in enumerate(range(0, 7680, 640))]
    tempi = [(0, 600_000), (1000, 450_000), (3840, 500_000), (5440, 625_000)]
    (folder / "tune.mid").write_bytes(smf.to_bytes([smf.Track("tune", notes)], tempi, [(0, (4, 4))]))
    (folder / "band.yaml").write_text(BAND)
    return config.load(folder / "band.yaml")


def sessions(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.journal")):
        assert list(JournalReader(path))[-1].kind == "end"
        yield path


@example([("wait", 0, 0.625), ("reload", 1, 0.0), ("rotate", 0, 0.0)])
@example([("wait", 0, 2.5), ("stop", 0, 0.0), ("hand", 2, 0.0), ("rotate", 0, 0.0), ("wait", 0, 2.5)])
@settings(max_examples=50, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_session_replayed_is_the_same(band: Config, tmp_path: Path, steps: list[tuple[str, int, float]]) -> None:
    folder = tmp_path / "sessions"
    shutil.rmtree(folder, ignore_errors=True)
    live = Live(band, folder)
    live.up("dice")
    live.performance.take(Started(live.now))
    live.up("echo")
    for step in steps:
        live.step(*step)
    live.pass_time(1.0, 0.0)
    live.journal.close()
    for path in sessions(folder):
        again = replay(path)
        assert again.difference == ""
        assert again.data == path.with_suffix(".mid").read_bytes()
        assert again.warnings == []


@pytest.mark.parametrize("seed", range(12))
def test_long_sessions_replayed_are_the_same(band: Config, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    often = {"wait": 12, "think": 8, "answer all": 20, "press": 12, "release": 6} | dict.fromkeys(RARE, 1) | {"up": 6}
    kinds = [kind for kind, times in often.items() for _ in range(times)]
    live = Live(band, tmp_path / "sessions")
    live.up("dice")
    live.performance.take(Started(live.now))
    for _ in range(450):
        live.step(rng.choice(kinds), rng.randrange(1001), rng.choice([*SECONDS, rng.random()]))
    live.journal.close()
    replays = [replay(path) for path in sessions(tmp_path / "sessions")]
    assert [again.difference for again in replays] == [""] * len(replays)
    assert sum(again.notes for again in replays) > 20


@pytest.mark.parametrize("seed", range(6))
def test_sessions_in_which_the_first_key_sets_the_beat_replayed_are_the_same(
    band: Config, tmp_path: Path, seed: int
) -> None:
    (tmp_path / "free.yaml").write_text(FREE)
    live, rng = Live(config.load(tmp_path / "free.yaml"), tmp_path / "sessions"), random.Random(seed)
    performance, beats_set = live.performance, 0
    live.up("dice")
    performance.take(Started(live.now))
    kinds = ["wait"] * 8 + [
        "silence",
        "answer all",
        "think",
        "press",
        "release",
        "lost",
        "panic",
        "rotate",
        "up",
        "check",
    ]
    for _ in range(400):
        kind, tempo = rng.choice(kinds), performance.tempo
        if kind == "silence":
            performance.take(PortLost(live.now, "keys"))
            live.pass_time(3.0, 0.0)
            kind = "press"
        live.step(kind, rng.randrange(1001), rng.choice([*SECONDS, rng.random()]))
        beats_set += performance.tempo != tempo
    live.journal.close()
    assert beats_set > 10
    replays = [replay(path) for path in sessions(tmp_path / "sessions")]
    assert [again.difference for again in replays] == [""] * len(replays)


def test_an_endless_band_gets_sessions_that_stand_alone(
    band: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "LARGE", 100_000)
    live = Live(band, tmp_path / "sessions")
    live.up("dice")
    live.performance.take(Started(live.now))
    live.up("echo")
    look_at, rotate_at = live.now, math.inf
    while live.now < 1060.0:
        if live.now >= look_at:
            look_at += recorder.SYNC_INTERVAL
            if (wait := live.journal.tick()) is not None:
                rotate_at = live.now + wait
        live.pass_time(min(0.01, rotate_at - live.now), 0.0)
        live.step("answer all", 0, 0.0)
        if live.now >= rotate_at:
            live.performance.take(Commanded(live.now, RotateSession(), live.now))
            rotate_at = math.inf
            first = next(call.beat for _, call in live.calls["dice"] if isinstance(call, Reset))
            assert first == band.stage.tempo_map.bar_at(first)[0]  # the next bar begins on time
            assert 0.0 < live.performance.seconds_at(first) - live.now < 0.2
    live.journal.close()
    paths = list(sessions(tmp_path / "sessions"))
    assert len(paths) > 3
    for path in paths:
        assert path.stat().st_size < 130_000
        again = replay(path)
        assert (again.difference, again.notes > 20) == ("", True)
        assert again.data == path.with_suffix(".mid").read_bytes()
    assert sum(next(islice(JournalReader(path), 1, None)).kind == "state" for path in paths) == len(paths) - 1


@pytest.mark.parametrize("seed", range(4))
def test_sessions_of_an_older_jamd_with_the_end_of_every_answer_replayed_are_the_same(
    band: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    ends = {}
    for quiet in (1.0, 0.0):
        with monkeypatch.context() as patch:
            patch.setattr(player_state, "QUIET", quiet)
            live, rng = Live(band, tmp_path / str(quiet)), random.Random(seed)
            live.up("dice")
            live.performance.take(Started(live.now))
            live.up("echo")
            for _ in range(300):
                live.pass_time(0.1, 0.0)
                live.step(rng.choice(("press", "release", "think", "answer all")), rng.randrange(1001), 0.01)
            live.journal.close()
        (path,) = sessions(tmp_path / str(quiet))
        ends[quiet] = sum(isinstance(entry, Answered) and not entry.actions for entry in JournalReader(path))
        again = replay(path)
        assert (again.difference, again.notes > 50) == ("", True)
        assert again.data == path.with_suffix(".mid").read_bytes()
    assert ends[1.0] * 4 < ends[0.0]


@pytest.mark.parametrize(("often", "more"), [(0.0, 1.0), (0.1, 0.9)])
def test_notes_that_a_session_did_not_have_are_a_difference(
    dice: None, tmp_path: Path, often: float, more: float
) -> None:
    """Also of a player that played nothing, whose answers are no entries."""
    (tmp_path / "band.yaml").write_text(
        "ports: {keys: {direction: in}, out: {direction: out}}\n"
        f"band: {{dice: {{engine: dice, play: {{port: out}}, options: {{often: {often}}}}}}}"
    )
    live = Live(config.load(tmp_path / "band.yaml"), tmp_path / "sessions")
    live.up("dice")
    live.performance.take(Started(live.now))
    for step in range(100):
        live.pass_time(0.05, 0.0)
        live.step("answer all", 0, 0.0)
        live.step(("press", "release")[step % 2], 1, 0.0)
    live.journal.close()
    (path,) = sessions(tmp_path / "sessions")
    header, *rest = records(path)
    settings = header[2]["members"]["dice"]["settings"]
    assert settings == {"often": often}
    path.write_bytes(journal([header, *rest]))
    assert replay(path).difference == ""
    for player in header[2]["spec"]["players"]:
        player["settings"] = {"often": more}
    settings["often"] = more
    path.write_bytes(journal([header, *rest]))
    assert replay(path).difference.startswith("first difference at 1000.")
    header[2]["versions"]["jamd"] = "0.0.1"
    path.write_bytes(journal([header, *rest]))
    assert "jamd 0.0.1 made this music" in replay(path).difference


def test_sessions_with_an_instrument_replayed_are_the_same(band: Config, tmp_path: Path) -> None:
    """Which has no engine in a replay."""
    kinds = ["wait"] * 6 + ["think"] * 4 + ["answer all"] * 3 + ["press"] * 4 + ["release"] * 2 + RARE
    for seed in range(12):
        rng, folder = random.Random(seed), tmp_path / f"sessions {seed}"
        live = Live(band, folder, is_heard=True)
        for name in ("synth", "dice", "echo"):
            live.up(name)
        live.performance.take(Started(live.now))
        for _ in range(60):
            live.step(rng.choice(kinds), rng.randrange(1000), rng.choice(SECONDS))
        live.pass_time(1.0, 0.0)
        live.journal.close()
        for path in sessions(folder):
            again = replay(path)
            assert (again.difference, again.ends_early, again.warnings) == ("", "", []), f"seed {seed}"
            assert again.data == path.with_suffix(".mid").read_bytes()


def short_session(band: Config, folder: Path) -> Path:
    live = Live(band, folder)
    live.up("dice")
    live.performance.take(Started(live.now))
    live.up("echo")
    for number in range(40):
        live.step("answer all", 0, 0.0)
        live.step("press" if number % 2 else "release", number // 2, 0.0)
        live.step("stall" if number in (20, 30) else "wait", number, 0.3)
    live.journal.close()
    (path,) = sessions(folder)
    path.with_suffix(".mid").unlink()
    return path


def test_a_note_more_a_note_less_and_another_note_are_differences(band: Config, tmp_path: Path) -> None:
    """What the replay has in addition is as much a difference as what it lacks, also at the end."""
    path = short_session(band, tmp_path / "sessions")
    entries = list(JournalReader(path))
    assert replay(path).difference == ""

    def difference(changed: list[Entry]) -> str:
        path.write_bytes(MAGIC + b"".join(map(frame, changed)))
        return replay(path).difference

    outputs = [at for at, entry in enumerate(entries) if isinstance(entry, Sent | Dropped | MelodyPlayed)]
    assert {type(entries[at]) for at in outputs} == {Sent, Dropped, MelodyPlayed}
    for at in [*outputs[::60], *outputs[-2:]]:
        entry = entries[at]
        assert isinstance(entry, Sent | Dropped | MelodyPlayed)
        other = replace(entry, message=bytes((*entry.message[:2], entry.message[2] ^ 1)))
        assert difference([*entries[:at], *entries[at + 1 :]])
        assert difference([*entries[:at], entry, *entries[at:]])
        assert difference([*entries[:at], other, *entries[at + 1 :]])
        if isinstance(entry, Sent):
            assert "recorded nothing, replayed " in difference([*entries[:at], entries[-1]])  # the last of its session


def test_no_byte_can_be_damaged_without_being_told(band: Config, tmp_path: Path) -> None:
    path = short_session(band, tmp_path / "sessions")
    data = path.read_bytes()
    notes, end = replay(path).notes, len(frame(list(JournalReader(path))[-1]))
    for at in range(0, len(data), len(data) // 40):
        path.write_bytes(data[:at] + bytes((data[at] ^ 4,)) + data[at + 1 :])
        again = replay(path)
        assert "damaged" in again.ends_early or at >= len(data) - end
        assert again.difference == ""
        assert notes - 1 <= again.notes + again.unchecked <= notes
        assert again.data


def test_a_gap_ends_the_replay_but_not_the_file(band: Config, tmp_path: Path) -> None:
    path = short_session(band, tmp_path / "sessions")
    entries = list(JournalReader(path))
    half = len(entries) // 2
    entries.insert(half, Gap(entries[half].seconds))
    notes = replay(path).notes
    path.write_bytes(MAGIC + b"".join(map(frame, entries)))
    again = replay(path)
    assert again.ends_early.startswith("the journal has a gap, where the disk was full, at byte ")
    assert again.difference == ""
    assert min(again.notes, again.unchecked) > 10 and again.notes + again.unchecked == notes


def change(entry: list[Any], *place: Any, to: Any) -> None:
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = to


@pytest.mark.parametrize(
    ("kind", "place", "value", "told"),
    [
        ("heard", (1,), 1e8, "the journal has an entry that cannot be used (an entry at 1e+08 s after one at "),
        ("heard", (3,), -1e8, "the journal has an entry that cannot be used (an entry with a time of -1e+08 s at "),
        ("heard", (2,), "\ud800", "the journal has an entry that cannot be used (an entry that this version"),
        (
            "sent",
            (5,),
            "90",
            "the journal has an entry that cannot be used (an entry with 90, which is no MIDI message",
        ),
        ("up", (2,), "nobody", "an entry does not fit those before it (there is no player 'nobody')"),
        ("start", (2,), 1e8, ""),
        ("start", (3,), 1000.0 - 500_000, "an entry does not fit those before it (a jump of "),
        ("session", (2, "spec"), {}, "the header is not of a session of this version of jamd ({} is not "),
        ("session", (2, "spec", "tempo_map", "tempi"), [], "the header is not of a session of this version of jamd"),
        (
            "session",
            (2, "spec", "melodies", 0, "melody", "notes", 3, "onset"),
            0.0,
            "the header is not of a session of",
        ),
        ("state", (2, "position"), "x", "an entry does not fit those before it ('x' is not a number from"),
        ("state", (2, "began"), -1e9, "an entry does not fit those before it (a jump of "),
        ("members", (2, "dice", "settings"), [], "an entry does not fit those before it ([] is not an object"),
    ],
)
def test_a_wrong_value_is_told(
    band: Config, tmp_path: Path, kind: str, place: tuple[Any, ...], value: Any, told: str
) -> None:
    live = Live(band, tmp_path / "sessions")
    live.up("dice")
    live.performance.take(Started(live.now, 0.0, live.now))
    for step in (("press", 0, 0.0), ("answer all", 0, 0.0), ("wait", 0, 0.9), ("rotate", 0, 0.0), ("press", 1, 0.0)):
        live.step(*step)
    live.step("reload", 1, 0.0)
    live.step("wait", 0, 0.9)
    live.journal.close()
    for path in sessions(tmp_path / "sessions"):
        entries = records(path)
        found = [entry for entry in entries if entry[0] == kind]
        if found:
            change(found[0], *place, to=value)
            path.write_bytes(journal(entries))
            again = replay(path)
            assert again.ends_early.startswith(told) and (told or again.difference)
            return
    raise AssertionError(kind)


WRONG_SESSIONS: dict[str, list[Entry]] = {
    "a header without a configuration": [SessionBegan(1.0, {})],
    "an unknown player": [PlayerUp(1.1, "nobody")],
    "a state without contents": [StateSaved(1.1, {})],
    "a state of another type": [StateSaved(1.1, {"up": [], "hung": 7, "running": [], "tempo": "?"})],
    "no tempo": [PlayerUp(1.1, "dice"), Followed(1.1, 0.0, 1.1, 0.0), Started(1.2)],
    "two beginnings": [SessionBegan(1.1, {})],
    "members without engines": [MembersChanged(1.1, {"dice": {}}), PlayerUp(1.2, "dice")],
    "a message of one byte": [Sent(1.1, "dice", "low", "out", b"\x90")],
    "a note of a player that is not there": [PlayerHung(1.1, "nobody")],
}


@pytest.mark.parametrize("what", WRONG_SESSIONS)
def test_a_session_that_cannot_have_been_is_an_error_or_a_difference_and_no_crash(
    what: str, band: Config, tmp_path: Path
) -> None:
    header = {"jamd": "0", "members": band.members, "spec": band.stage.to_json()}
    entries = [*([] if "header" in what else [SessionBegan(1.0, header)]), *WRONG_SESSIONS[what]]
    path = tmp_path / "x.journal"
    path.write_bytes(MAGIC + b"".join(map(frame, entries)))
    try:
        again = replay(path)
        assert again.difference or again.ends_early
    except JamdError as error:
        assert str(path) in str(error) or "journal" in str(error)


def test_another_model_is_warned_of() -> None:
    header = {"members": {"x": {"model": str(TINY)}, "y": {}}, "models": {str(TINY): "0" * 64}, "versions": versions()}
    assert list(other_versions(header)) == [f"{TINY} is not as in the recording: the notes may differ"]
    assert list(other_versions({**header, "models": hashes(header["members"])})) == []


def test_another_song_is_warned_of(tmp_path: Path) -> None:
    song = tmp_path / "song.yaml"
    song.write_text("key: C")
    header: dict[str, Any] = {"members": {"x": {"model": None, "options": {"song": str(song)}}}, "versions": versions()}
    header["models"] = hashes(header["members"])
    assert list(other_versions(header)) == []
    song.write_text("key: D")
    assert list(other_versions(header)) == [f"{song} is not as in the recording: the notes may differ"]
