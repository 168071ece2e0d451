"""The clock follower against simulated masters: its beat and theirs, and what it makes of their transport."""

import math
import random
from collections.abc import Callable, Iterable

import pytest

from daemon.clocks.midi_clock_in import Caution, Change, MidiClockIn, TransportChange
from daemon.clocks.slew import JUMP
from daemon.music.tempo import Tempo

TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
JACK = 64 / 48_000  # seconds: one period
Stamps = list[tuple[float, int]]  # when a tick is heard, and which it is


def song_position(sixteenths: int) -> bytes:
    return bytes((0xF2, sixteenths & 127, sixteenths >> 7))


def steady(*parts: tuple[float, int], start: float = 10.0) -> list[float]:
    """When the ticks are due: (bpm, ticks) after (bpm, ticks)."""
    moments, now = [], start
    for bpm, count in parts:
        for _ in range(count):
            moments.append(now)
            now += 2.5 / bpm
    return moments


def ramp(first: float, last: float, beats: int, linear_in: str) -> list[float]:
    """Eight beats at `first` bpm, then a ramp, then eight at `last`."""
    if linear_in == "time":
        slope = (last**2 - first**2) / 2 / beats
        ramped = [(math.sqrt(first**2 + 2 * slope * k / 24) - first) / slope * 60 for k in range(beats * 24 + 1)]
    else:
        slope = (last - first) / beats
        ramped = [math.log1p(slope * k / 24 / first) / slope * 60 for k in range(beats * 24 + 1)]
    before = steady((first, 192))
    began = before[-1] + 2.5 / first
    after = steady((last, 192), start=began + ramped[-1] + 2.5 / last)
    return before + [began + moment for moment in ramped] + after


def jitter(moments: Iterable[float], seed: int, sigma: float = 0.001) -> Stamps:
    rng = random.Random(seed)
    return sorted((t + min(max(rng.gauss(0, sigma), -3 * sigma), 3 * sigma), i) for i, t in enumerate(moments))


def exact(moments: Iterable[float]) -> Stamps:
    return [(moment, i) for i, moment in enumerate(moments)]


def in_periods(moments: Iterable[float]) -> Stamps:
    """As JACK stamps them; half a period is the constant delay."""
    return [(math.ceil(moment / JACK) * JACK - JACK / 2, i) for i, moment in enumerate(moments)]


class Heard:
    """What a follower that is told to start at the first tick makes of `stamps`, against the master's `moments`."""

    def __init__(self, moments: list[float], stamps: Stamps, bpm: float = 100.0) -> None:
        self.moments = moments
        self.follower = MidiClockIn(bpm)
        self.changes: list[tuple[float, Change]] = []
        self.errors: list[float] = []  # seconds, at the moment of every tick of the master
        self.back = 0.0  # the most that the beat ever jumped back, in seconds
        self._take(stamps[0][0], self.follower.hear(START, stamps[0][0]))
        probes = [(moment, -1, i) for i, moment in enumerate(moments)]
        for now, is_tick, i in sorted([*probes, *((stamp, 1, i) for stamp, i in stamps)]):
            if is_tick == 1:
                self.tick(now)
            else:
                self.errors.append(self.error(now, i / 24))

    def tick(self, now: float) -> None:
        before = self.follower.tempo
        changes = self.follower.hear(TICK, now)
        if not any(isinstance(change, TransportChange) for change in changes):
            after = self.follower.tempo
            self.back = max(self.back, (before.beat_at(now) - after.beat_at(now)) * 60 / after.bpm)
        self._take(now, changes)

    def error(self, now: float, beat: float) -> float:
        return (self.follower.tempo.beat_at(now) - beat) * 60 / self.follower.tempo.bpm

    def of(self, kind: type) -> list[Change]:
        return [change for _, change in self.changes if isinstance(change, kind)]

    def after(self, beats: float) -> list[float]:
        """The errors from this beat on, without sign, sorted."""
        return sorted(map(abs, self.errors[int(beats * 24) :]))

    def _take(self, now: float, changes: list[Change]) -> None:
        self.changes += [(now, change) for change in changes]


def p99(values: list[float]) -> float:
    return values[int(len(values) * 0.99)]


@pytest.mark.parametrize("bpm", [40, 90, 120, 174, 300])
def test_two_beats_after_its_first_tick_the_beat_is_right_in_spite_of_jitter(bpm: float) -> None:
    moments = steady((bpm, 24 * 24))
    errors: list[float] = []
    for seed in range(3):
        heard = Heard(moments, jitter(moments, seed))
        errors += heard.after(2)
        status = heard.follower.status()
        assert status["state"] == "locked"
        assert (status["lost"], status["doubled"]) == (0, 0) or bpm == 300  # where jitter is a good part of a tick
        assert abs(status["bpm"] / bpm - 1) < 0.002
    assert p99(sorted(errors)) <= 0.001


@pytest.mark.parametrize("bpm", [40, 90, 120, 125.05, 174, 300])
def test_stamps_in_periods_of_jack(bpm: float) -> None:
    moments = steady((bpm, 24 * 24))
    heard = Heard(moments, in_periods(moments))
    assert heard.after(2)[-1] <= JACK
    assert heard.follower.status()["lost"] == 0


def test_a_good_clock_is_exact_and_says_it_once() -> None:
    moments = steady((120, 1440))
    heard = Heard(moments, exact(moments))
    assert heard.after(2)[-1] < 1e-6
    assert heard.follower.tempo.bpm == pytest.approx(120)
    assert not any(now > 11 for now, _ in heard.changes)


def test_a_jittering_clock_rarely_needs_another_line() -> None:
    moments = steady((120, 1440))
    heard = Heard(moments, jitter(moments, 5))
    assert len(heard.of(Tempo)) < 5 * 30  # in thirty seconds
    assert heard.follower.status()["jitter_ms"] == pytest.approx(1, abs=0.2)
    assert 0.4 < heard.follower.status()["phase_error_ms"]["p50"] < 1


@pytest.mark.parametrize("linear_in", ["time", "beats"])
@pytest.mark.parametrize(("first", "last"), [(60, 180), (180, 60)])
def test_ramps_are_followed(first: float, last: float, linear_in: str) -> None:
    moments = ramp(first, last, 64, linear_in)
    heard = Heard(moments, exact(moments), bpm=first)
    assert heard.after(2)[-1] <= 0.002
    heard = Heard(moments, jitter(moments, 1), bpm=first)
    assert heard.after(2)[-1] <= 0.006
    assert heard.follower.status()["lost"] == 0


def without(first: int, count: int) -> Callable[[Stamps, random.Random], Stamps]:
    return lambda stamps, rng: stamps[:first] + stamps[first + count :]


def lose_some(stamps: Stamps, rng: random.Random) -> Stamps:
    return stamps[:1] + [stamp for stamp in stamps[1:] if rng.random() > 0.1]


def double_some(stamps: Stamps, rng: random.Random) -> Stamps:
    return sorted(stamps + [(t + rng.random() * 0.004, i) for t, i in stamps[3:] if rng.random() < 0.1])


def bursts(stamps: Stamps, rng: random.Random) -> Stamps:
    """Five ticks together, about when the last of them was due; then on time."""
    moments = [stamp for stamp, _ in stamps]
    for first in range(100, len(moments) - 60, 50):
        at = moments[first + 5] - rng.random() * 0.015
        moments[first : first + 5] = [at + k * 0.0003 for k in range(5)]
    return [(moment, i) for i, moment in enumerate(moments)]


@pytest.mark.parametrize("fault", [without(200, 1), without(200, 5), without(200, 12), lose_some, double_some, bursts])
@pytest.mark.parametrize("sigma", [0.0, 0.001])
def test_lost_doubled_and_late_ticks_change_nothing(
    fault: Callable[[Stamps, random.Random], Stamps], sigma: float
) -> None:
    moments = steady((120, 720))
    for seed in range(2):
        stamps = fault(jitter(moments, seed, sigma), random.Random(seed))
        heard = Heard(moments, stamps)
        assert heard.after(3)[-1] <= 0.0015
        status = heard.follower.status()
        assert status["relocks"] == 1
        assert len(heard.of(Caution)) == 0
        if len(stamps) < len(moments):  # those that were lost before the lock are not seen
            assert 0 <= len(moments) - len(stamps) - status["lost"] <= 2
        elif len(stamps) > len(moments):
            assert status["doubled"] > 40


@pytest.mark.parametrize("plugged", [True, False])
def test_a_gap_is_free_wheeled_and_the_count_goes_on(plugged: bool) -> None:
    moments = steady((120, 960))
    stamps = jitter(moments, 3)
    heard = Heard(moments[:240], stamps[:240])
    follower, gone = heard.follower, moments[240]
    if plugged:
        follower.advance(gone + 0.1)
        assert follower.status()["state"] == "locked"
        follower.advance(gone + 1)
    else:
        follower.lost(gone)
    assert follower.status()["state"] == "free-wheeling"
    assert follower.running
    assert abs(heard.error(moments[480], 20)) < 0.01  # what the tempo of ten beats is worth after five seconds
    for number in range(480, 960):
        heard.tick(stamps[number][0])
        limit = 0.01 if number < 528 else 0.001
        assert abs(heard.error(moments[number], number / 24)) < limit
    assert follower.status()["state"] == "locked"
    assert heard.back <= JUMP


STEPS = [
    (120, 60), (60, 140), (140, 60), (120, 126), (120, 90), (90, 120), (120, 100), (60, 120), (180, 60), (300, 150),
    (150, 300), (174, 173),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then"), STEPS)
@pytest.mark.parametrize("sigma", [0.0, 0.001])
def test_a_new_tempo_keeps_the_count(first: float, then: float, sigma: float) -> None:
    moments = steady((first, 240), (then, 288))
    heard = Heard(moments, jitter(moments, 4, sigma))
    assert heard.after(20)[-1] <= (0.001 if sigma else 0.0003)
    assert heard.back <= JUMP  # repaired by going slower or faster, never by going back
    assert heard.follower.status()["bpm"] == pytest.approx(then, rel=0.003)


@pytest.mark.parametrize("bpm", [40, 120, 174])
def test_lost_ticks_before_the_first_lock_are_counted(bpm: float) -> None:
    moments = steady((bpm, 240))
    for lost in ({1}, {2}, {1, 3}, {2, 3}, {2, 5}):
        heard = Heard(moments, [stamp for stamp in exact(moments) if stamp[1] not in lost])
        assert heard.after(4)[-1] < 0.0003


class Master:
    """A clock of 120 bpm whose transport the test turns; `beat` is what the follower has, at the last tick."""

    def __init__(self, follower: MidiClockIn) -> None:
        self.follower, self.now = follower, 5.0

    def ticks(self, count: int) -> list[Change]:
        changes = []
        for _ in range(count):
            self.now += 2.5 / 120
            changes += self.follower.hear(TICK, self.now)
        return [change for change in changes if not isinstance(change, Tempo)]

    def send(self, *messages: bytes) -> list[Change]:
        changes = []
        for message in messages:
            self.now += 0.0005
            changes += self.follower.hear(message, self.now)
        self.now -= 0.0005 * len(messages)
        return changes

    @property
    def beat(self) -> float:
        return self.follower.tempo.beat_at(self.now)


@pytest.fixture
def master() -> Master:
    return Master(MidiClockIn(120))


def place(changes: list[Change]) -> tuple[str, float]:
    (change,) = changes
    assert isinstance(change, TransportChange)
    return change.kind, change.tempo.beat


def test_ticks_alone_give_the_tempo_and_the_transport_stands() -> None:
    master = Master(MidiClockIn(90))
    assert master.ticks(96) == []
    assert not master.follower.running
    assert master.follower.tempo.bpm == pytest.approx(120)


def test_start_is_beat_0_at_the_next_tick(master: Master) -> None:
    master.ticks(50)
    assert master.send(START) == []
    assert not master.follower.running
    (change,) = master.ticks(1)
    assert isinstance(change, TransportChange)
    assert (change.kind, change.tempo.beat) == ("start", 0)
    assert change.tempo.seconds == pytest.approx(master.now, abs=1e-4)
    assert master.follower.running
    assert master.ticks(48) == []
    assert master.beat == pytest.approx(2, abs=1e-3)


def test_start_before_any_tick(master: Master) -> None:
    master.follower.hear(START, 1.0)
    assert place(master.ticks(1)) == ("start", 0)
    assert master.ticks(95) == []
    assert master.beat == pytest.approx(95 / 24, abs=1e-3)


def test_a_master_whose_ticks_start_anew_with_the_start(master: Master) -> None:
    master.ticks(50)
    master.now -= 0.012
    master.send(START)
    assert place(master.ticks(1)) == ("start", 0)
    assert master.follower.tempo.seconds == pytest.approx(master.now)
    assert master.ticks(48) == []
    assert master.beat == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("ticks_go_on", [True, False])
def test_stop_and_continue_go_on_with_the_next_tick(master: Master, ticks_go_on: bool) -> None:
    master.send(START)
    master.ticks(1 + 30)
    kind, _ = place(master.send(STOP))
    assert kind == "stop"
    assert not master.follower.running
    if ticks_go_on:
        assert master.ticks(77) == []
    else:
        master.now += 20.01
    assert master.send(CONTINUE) == []
    assert place(master.ticks(1)) == ("start", 31 / 24)
    assert master.ticks(41) == []
    assert master.beat == pytest.approx(3, abs=1e-3)


@pytest.mark.parametrize("share", [0.5, 1.05])
def test_a_stop_in_the_place_of_the_next_tick_has_not_played_it(master: Master, share: float) -> None:
    master.send(START)
    master.ticks(31)
    master.follower.hear(STOP, master.now + share * 2.5 / 120)
    master.now += 10
    master.send(CONTINUE)
    assert place(master.ticks(1)) == ("start", 31 / 24)


def test_stop_while_it_stands_says_nothing(master: Master) -> None:
    master.ticks(10)
    assert master.send(STOP, STOP) == []
    master.send(START)
    assert master.send(STOP) == []  # it never began
    assert master.ticks(10) == []


def test_song_position_and_continue_as_logic_starts(master: Master) -> None:
    master.ticks(30)
    master.send(song_position(16 * 9 + 3), CONTINUE)
    assert place(master.ticks(1)) == ("start", 36.75)
    master.ticks(24)
    master.send(STOP, song_position(200))
    master.ticks(10)
    master.send(CONTINUE)
    assert place(master.ticks(1)) == ("start", 50)


@pytest.mark.parametrize("messages", [(song_position(8),), (song_position(8), CONTINUE)])
def test_song_position_while_it_runs_is_a_jump_at_the_next_tick(master: Master, messages: tuple[bytes, ...]) -> None:
    master.send(START)
    master.ticks(200)
    assert master.send(*messages) == []
    assert place(master.ticks(1)) == ("locate", 2)
    assert master.ticks(24) == []
    assert master.beat == pytest.approx(3, abs=1e-3)


def test_a_song_position_where_it_is_anyway_is_no_jump(master: Master) -> None:
    master.send(START)
    master.ticks(96)
    master.send(song_position(16))
    assert master.ticks(1) == []


def test_a_stop_before_the_jump_keeps_the_place(master: Master) -> None:
    master.send(START)
    master.ticks(96)
    master.send(song_position(8), STOP, CONTINUE)
    assert place(master.ticks(1)) == ("start", 2)


def test_start_while_it_runs_is_a_jump_to_0(master: Master) -> None:
    master.send(START)
    master.ticks(100)
    master.send(START)
    assert place(master.ticks(1)) == ("locate", 0)


def test_a_jump_leaves_the_line_as_good_as_it_was() -> None:
    """Every two beats back to beat 0, with jitter: a cycle in a DAW."""
    stamps = jitter(steady((120, 960)), 7)
    follower = MidiClockIn(120)
    follower.hear(START, 9)
    errors = []
    for stamp, number in stamps:
        if number and number % 48 == 0:
            follower.hear(song_position(0), stamp)
        follower.hear(TICK, stamp)
        errors.append(abs(follower.tempo.beat_at(10 + number * 2.5 / 120) - number % 48 / 24) / 2)
    assert p99(sorted(errors[96:])) <= 0.001


def causes(changes: list[Change]) -> list[str]:
    return [change.cause for change in changes if isinstance(change, Caution)]


def test_continue_without_a_stop_is_ignored_and_said_once(master: Master) -> None:
    master.send(START)
    master.ticks(40)
    assert causes(master.send(CONTINUE)) == ["continue"]
    assert master.ticks(10) == []
    assert master.send(CONTINUE) == []
    master.now += 61
    assert causes(master.send(CONTINUE)) == ["continue"]


@pytest.mark.parametrize("message", [b"\xf2", b"\xf2\x01", b"\xf2\x01\x80", b"\xf2\xff\x00", b"\xf2\x01\x02\x03"])
def test_a_song_position_that_is_none_is_ignored_and_said_once(master: Master, message: bytes) -> None:
    master.send(START)
    master.ticks(40)
    assert causes(master.send(message, message)) == ["position"]
    assert master.ticks(10) == []


@pytest.mark.parametrize("bpm", [5, 10, 17, 500, 2000])
def test_a_clock_out_of_range_is_not_followed(master: Master, bpm: float) -> None:
    master.send(START)
    master.ticks(240)
    before, changes = master.now, []
    for _ in range(120):
        master.now += 2.5 / bpm
        changes += master.follower.hear(TICK, master.now)
    assert causes(changes) == ["range"]
    assert master.follower.tempo.bpm == pytest.approx(120, rel=0.02)
    assert master.beat == pytest.approx(239 / 24 + (master.now - before) * 2, abs=0.05)
    assert master.ticks(96) == []
    assert master.follower.status()["state"] == "locked"
    assert master.follower.tempo.bpm == pytest.approx(120, rel=0.001)


@pytest.mark.parametrize("late", [0.0, 0.15, 0.3, 0.8])
def test_of_two_masters_the_first_is_followed(late: float) -> None:
    moments = steady((120, 960))
    second = [(moment + late * 2.5 / 120, i) for moment, i in jitter(moments, 2, 0.0003)[192:]]
    heard = Heard(moments, sorted(jitter(moments, 1, 0.0003) + second))
    assert causes([change for _, change in heard.changes]) == ["masters"]
    assert heard.after(4)[-1] < 0.25 * 2.5 / 120  # at worst the earlier one


def test_twice_the_tempo_is_told_from_two_masters_even_with_lost_ticks() -> None:
    moments = steady((60, 240), (130, 720))
    stamps = jitter(moments, 1)
    heard = Heard(moments, stamps[:240] + [stamp for stamp in stamps[240:] if stamp[1] % 7])
    assert heard.follower.status()["bpm"] == pytest.approx(130, rel=0.003)


@pytest.mark.parametrize("linear_in", ["time", "beats"])
def test_faults_during_a_ramp_do_not_change_the_count(linear_in: str) -> None:
    moments = ramp(60, 180, 64, linear_in)
    for seed, fault in enumerate((lose_some, double_some)):
        heard = Heard(moments, fault(jitter(moments, seed), random.Random(seed)), bpm=60)
        assert heard.after(4)[-1] <= 0.01


def test_a_slowly_swaying_tempo_is_followed_through_jitter() -> None:
    moments, now = [], 10.0
    for number in range(1440):
        moments.append(now)
        now += 2.5 / (120 + 8 * math.sin(number / 60))
    heard = Heard(moments, jitter(moments, 1))
    assert p99(heard.after(2)) <= 0.003
    assert heard.follower.status()["relocks"] <= 6  # by a shorter memory, not by starting anew


def test_lost_ticks_among_fast_and_jittering_ones() -> None:
    """An eighth of a period of jitter, a tenth of the ticks lost: nearly every clock is counted right to the end."""
    moments = steady((300, 480))
    wrong = [Heard(moments, lose_some(jitter(moments, seed), random.Random(seed))).after(15)[-1] for seed in range(8)]
    assert sum(error > 0.002 for error in wrong) <= 2


def test_after_a_pause_the_master_continues_at_another_tempo(master: Master) -> None:
    master.send(START)
    master.ticks(49)
    master.send(STOP)
    master.now += 10
    master.send(CONTINUE)
    changes: list[Change] = []
    for _ in range(48):
        master.now += 2.5 / 75
        changes += master.follower.hear(TICK, master.now)
    assert place([change for change in changes if isinstance(change, TransportChange)]) == ("start", 49 / 24)
    assert master.beat == pytest.approx((49 + 47) / 24, abs=1e-3)
    assert master.follower.tempo.bpm == pytest.approx(75)


def test_it_goes_on_where_another_was(master: Master) -> None:
    master.follower.resume(Tempo(100.0, 5.0, 120.0))
    assert master.follower.running
    assert master.ticks(72) == []
    assert master.beat == pytest.approx(103, abs=0.001)
    standing = Master(MidiClockIn(120))
    standing.follower.stand(12.5)
    standing.send(CONTINUE)
    assert place(standing.ticks(1)) == ("start", 12.5)


@pytest.mark.parametrize("seed", range(6))
def test_anything_at_all(seed: int) -> None:
    rng = random.Random(seed)
    follower, now = MidiClockIn(rng.uniform(20, 400)), 0.0
    for _ in range(1000):
        now += rng.choice([0, 0.0001, 0.02, 0.02, 0.02, rng.random() * 0.05, rng.random() ** 9 * 10])
        kind = rng.random()
        if kind < 0.7:
            changes = follower.hear(TICK, now)
        elif kind < 0.9:
            changes = follower.hear(bytes([rng.randrange(0xF0, 0x100), *rng.randbytes(rng.randrange(4))]), now)
        elif kind < 0.95:
            changes = follower.hear(rng.randbytes(rng.randrange(4)), now - rng.random())
        else:
            changes = rng.choice([follower.advance, follower.lost])(now)
        for change in changes:
            if not isinstance(change, Caution):
                tempo = change if isinstance(change, Tempo) else change.tempo
                assert 10 <= tempo.bpm <= 600
                assert math.isfinite(tempo.beat_at(now))
        assert 20 <= follower.status()["bpm"] <= 400


def test_ticks_that_come_in_heaps_are_said_not_to_be_a_clock() -> None:
    """A JACK period of 2048 frames is longer than two ticks at 120 bpm."""
    period = 2048 / 48_000
    follower = MidiClockIn(96.0)
    said = []
    for moment in steady((120.0, 480)):
        said += [c for c in follower.hear(TICK, math.ceil(moment / period) * period) if isinstance(c, Caution)]
    assert [c.cause for c in said] == ["uneven"] and "JACK" in said[0].text
