"""Stops and jumps of a MIDI clock master, offline and to the microsecond: what the outputs send, and a replay of it.

`tests/data/ardour_clock.txt` is what Ardour sent; tests/peers/test_ardour.py plays with Ardour itself.
"""

from __future__ import annotations

import io
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import mido
import pytest

from daemon.entries import PlayerUp, SessionBegan, encode_entry
from daemon.metrics import Cause, Metrics
from daemon.midi.ledger import Ledger
from daemon.midi.output import Output
from daemon.midi.pace import Unlimited
from daemon.music.events import Play, is_note_off, is_note_on, note_off, note_on
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from daemon.performance.performance import Performance
from daemon.recording.journal import MAGIC, frame
from daemon.recording.replay import replay
from daemon.recording.to_midi import midi_file
from daemon.spec import ClockSpec, MelodySpec, PortSpec, StageSpec
from daemon.stage.clock_driver import ClockDriver
from daemon.stage.process import EARLY
from daemon.wire import Anticipate, Ping, Reset
from tests.performance.test_performance import CHOIR, Recorder

LOWEST = 24  # the pitch of beat 0; every beat has its own
TEMPO = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))
MELODY = Melody("scale", tuple(Note(n, 0.5, LOWEST + n, 80) for n in range(96)), 96.0, False, TEMPO)
PORTS = (PortSpec("sync", "in"), PortSpec("out", "out"))
CLOCK = ClockSpec("midi", "sync", metronome=("out", 10), song_position="clocks")
SPEC = StageSpec(TEMPO, PORTS, (MelodySpec(MELODY, ("out",)),), clock=CLOCK)
TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
PERIOD = 64 / 48_000  # seconds, of JACK
Heard = list[tuple[float, bytes]]


class OfflineStage(Recorder):
    """A turn of stage/process.py at every moment at which one is due; `sent` is what the output sent, and when."""

    def __init__(self, spec: StageSpec, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.now = 1.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)
        self.heard_out: Heard = []
        self._output = Output("out", Ledger(), Metrics())
        self._output.open(lambda message: self.heard_out.append((self.now, message)), Unlimited(), lambda: True, 0.0)
        self.performance = Performance(spec, self)
        self.log: list[str] = []
        self._clock = ClockDriver(self.performance, lambda level, cause, text: self.log.append(text))
        self._clock.begin(self.now)
        self.heard_out.clear()

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        self._output.send(message, due, cause)

    def hear(self, events: Heard, until: float = 0.0) -> None:
        for stamp, message in events:
            self._pass_time(stamp)
            assert self._clock.hear(self.now, "sync", message, stamp)
            self._turn()
        self._pass_time(until)

    def _pass_time(self, until: float) -> None:
        while (moment := self._next()) < until:
            self.now = max(moment, self.now)
            self._turn()
        self.now = max(until, self.now)

    def _next(self) -> float:
        return min(self.performance.next_deadline() - EARLY, self._output.next_deadline(), self._clock.look_at)

    def _turn(self) -> None:
        self.performance.advance(max(self.now, min(self.performance.next_deadline(), self.now + EARLY)))
        self._output.pump(self.now)
        self._clock.look(self.now)


def beats(heard: Heard) -> list[int]:
    return [message[1] - LOWEST for _, message in heard if is_note_on(message) and message[0] == 0x90]


def ticks(count: int, start: float) -> Heard:
    return [(start + n / 48, TICK) for n in range(count)]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> OfflineStage:
    return OfflineStage(SPEC, monkeypatch)


def test_what_is_due_within_a_millisecond_of_a_stop_is_not_played(stage: OfflineStage) -> None:
    stage.hear([(9.99, START), *ticks(48, 10.0)])
    assert stage.now < 11.0 - EARLY
    stage.hear([(11.0 - EARLY / 2, STOP)], until=12.0)
    on, click, off = note_on(1, LOWEST + 1, 80), note_on(10, 77, 90), note_off(10, 77)
    assert [(round(s, 4), m) for s, m in stage.heard_out if s > 10.4] == [
        (10.5, click),
        (10.5, on),
        (10.55, off),
        (10.75, note_off(1, LOWEST + 1)),
    ]


def test_a_stop_releases_at_once(stage: OfflineStage) -> None:
    stage.hear([(9.99, START), *ticks(46, 10.0)])
    stage.hear([(10.9595, STOP)])
    assert not [m for s, m in stage.heard_out if s >= 10.95]
    stage.hear([(11.0, START), *ticks(2, 11.02), (11.0501, STOP)])
    assert [(s, m) for s, m in stage.heard_out if s > 11.03] == [
        (11.0501, note_off(1, LOWEST)),
        (11.0501, note_off(10, 76)),
    ]


@pytest.mark.parametrize("position", [b"\xf2\x30\x00", b"\xf2\x00\x00"])  # beats 2 and 0
def test_a_stop_a_position_and_a_start_are_one_jump(stage: OfflineStage, position: bytes) -> None:
    """As Ardour sends at the turn of a loop: a period before the downbeat, and on it."""
    turn = 10.0 + 96 / 48
    begin = CONTINUE if position[1] else START
    stage.hear([(9.99, START), *ticks(96, 10.0)])
    stage.hear([(turn - PERIOD / 2, STOP), (turn + PERIOD / 2, position), (turn + PERIOD / 2, begin)])
    stage.hear(ticks(30, turn + PERIOD / 2), until=turn + 0.7)
    there = position[1] // 24
    assert beats(stage.heard_out) == [0, 1, 2, 3, there, there + 1]
    assert [m for s, m in stage.heard_out if turn - 0.1 < s < turn + 0.01 and m[0] & 0xF == 0] == [
        note_on(1, LOWEST + there, 80)
    ]


def test_players_are_free_for_the_place_of_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a stop that a start may follow at once, they are reset, but compute nothing for the old place."""
    stage = OfflineStage(replace(SPEC, melodies=(), players=(replace(CHOIR, port="out"),)), monkeypatch)
    stage.performance.take(PlayerUp(1.0, "choir"))
    stage.hear([(9.99, START), *ticks(48, 10.0)])
    stage.performance.answer(stage.now, "choir", stage.calls[-1][1], [Play(2.0, 62, 80, "alto", 0.5)], True)
    stage.hear([(10.9995, STOP)], until=10.9999)
    assert not [m for _, m in stage.heard_out if m[0] & 0xF == 1]

    def check(now: float) -> type:
        stage.performance.answer(now, "choir", stage.calls[-1][1], [], True)
        stage.performance.check_players(now)
        return type(stage.calls[-1][2])

    assert isinstance(stage.calls[-1][2], Reset)
    assert check(11.0) is Ping
    assert check(11.2) is Anticipate


def test_a_position_while_the_transport_stands_is_anticipated(stage: OfflineStage) -> None:
    stage.hear([(10.0, b"\xf2\x40\x01")])
    assert stage.performance.position == 8.0 and not stage.performance.running
    stage.hear([(10.1, CONTINUE), *ticks(2, 10.2)], until=10.3)
    assert beats(stage.heard_out) == [8]


# Ardour

RECORDED = Path(__file__).parents[1] / "data" / "ardour_clock.txt"


def ardour(start: float = 10.0) -> Heard:
    """What Ardour sent, at the moments at which its periods began: so JACK delivers it."""
    lines = [line.split() for line in RECORDED.read_text().splitlines() if not line.startswith("#")]
    return [(start + int(place) // 64 * PERIOD, bytes.fromhex(message)) for place, message in lines]


def test_ardour_is_followed_to_every_place(stage: OfflineStage) -> None:
    sent = ardour()
    stage.hear(sent, until=sent[-1][0] + 1)
    assert beats(stage.heard_out) == [
        *(0, 1, 2, 3),  # from 1.1
        *(4, 5),  # where it stopped
        *(64, 65, 66),  # bar 17
        *(8, 9, 10, 11, 8, 9, 10, 11, 8, 9),  # a loop of bar 3
        *(0, 1, 2, 3, 0, 1, 2, 3, 0, 1),  # a loop of bar 1
    ]
    assert not stage.log
    for (stopped, message), (begun, _) in pairwise((s, m) for s, m in sent if m != TICK):
        if message == STOP:
            assert not [m for s, m in stage.heard_out if stopped <= s < begun and not is_note_off(m)]
    sounding = {m[:2] for _, m in stage.heard_out if is_note_on(m)}
    assert sounding == {bytes((m[0] | 0x10, m[1])) for _, m in stage.heard_out if is_note_off(m)}
    ons, offs = (sum(kind(m) for _, m in stage.heard_out) for kind in (is_note_on, is_note_off))
    assert ons == offs  # no note is cut off by another one, and no note-off is without its note


def test_a_position_that_counts_clocks_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = StageSpec(TEMPO, PORTS, (MelodySpec(MELODY, ("out",)),), clock=ClockSpec("midi", "sync"))
    stage = OfflineStage(spec, monkeypatch)
    stage.hear(ardour())
    assert [text for text in stage.log if "song_position: clocks" in text] == stage.log and len(stage.log) == 1


def test_the_session_is_replayed_and_its_file_has_no_note_of_no_length(stage: OfflineStage, tmp_path: Path) -> None:
    stage.entries.insert(0, SessionBegan(1.0, {"members": {}, "spec": SPEC.to_json()}))
    sent = ardour()
    stage.hear(sent, until=sent[-1][0] + 1)
    journal = tmp_path / "x.journal"
    journal.write_bytes(MAGIC + b"".join(map(frame, stage.entries)))
    result = replay(journal)
    assert not result.difference
    assert result.data == midi_file(stage.entries)
    played = [entry for entry in stage.entries if encode_entry(entry)[0] == "melody"]
    assert len(played) > 2 * len(beats(stage.heard_out))  # notes were worked out that were not sent
    file = mido.MidiFile(file=io.BytesIO(result.data))
    assert [m.note - LOWEST for m in file.tracks[1] if m.type == "note_on"] == beats(stage.heard_out)
