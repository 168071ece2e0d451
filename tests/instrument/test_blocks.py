"""When blocks are rendered and where messages are heard, on a clock that the tests turn."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.audio.clock import RENDERING_TIME, ClockPage, FrameClock
from daemon.audio.ring import CAPACITY, Frames, Ring
from daemon.instrument.blocks import STEP, Blocks
from daemon.instrument.renderer import Renderer
from daemon.music.events import note_off, note_on, program_change
from daemon.wire import PlayMessage
from tests.tools.sine import Sine, SineAt44100, sine

RATE = 48_000


def clock_of(block: int = 256, epoch: int = 1, frame: int = 10_000, seconds: float = 100.0) -> FrameClock:
    return FrameClock(epoch, block, frame, RATE, seconds, 1 / RATE * (1 + 80e-6), 0.004, 0.012)


class Stand:
    """An instrument whose time passes in `run` only, except what `work` (seconds) the engine takes for a block."""

    def __init__(self, folder: Path, engine: type[Sine] = Sine, work: float = 0.0) -> None:
        stand = self

        class Worker(engine):  # type: ignore[valid-type,misc]
            def render(self, out: NDArray[np.float32]) -> None:
                super().render(out)
                stand.now += stand.work

        self.now, self.work, self.rendered = 100.0, work, []
        self.page = ClockPage(folder / "clock", create=True)
        self.ring = Ring(folder / "ring", create=True)
        self.engine = sine(RATE, Worker)
        self.renderer = Renderer(self.engine, RATE)
        self.blocks = Blocks(self.renderer, self.page, self.ring, lambda: self.now)

    def run(self, until: float, messages: tuple[PlayMessage, ...] = ()) -> None:
        """Turn as the process does; the messages arrive when they are sent."""
        arriving = sorted(messages, key=lambda call: call.sent)
        while self.now < until:
            deadline = max(min(self.blocks.next_deadline(), until), self.now)
            self.now = min(max(arriving[0].sent, self.now), deadline) if arriving else deadline
            while arriving and arriving[0].sent <= self.now:
                self.blocks.play(arriving.pop(0))
            before = self.ring.end
            self.blocks.advance()
            if self.ring.end != before:
                self.rendered.append((self.now, self.ring.end))

    def frames(self, first: int, count: int) -> Frames:
        out = np.zeros((count, 2), np.float32)
        assert self.ring.read(first, out)
        return out


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    yield Stand(tmp_path)


def onsets(frames: Frames, first: int) -> list[int]:
    """The frames before which there is silence."""
    loud = np.abs(frames[:, 0]) > 0.02
    starts = np.nonzero(loud & ~np.concatenate(([False], loud[:-1])))[0]
    return [first + int(start) for start in starts if not loud[max(start - 20, 0) : start].any()]


@pytest.mark.parametrize("block", [64, 256, 441, 1_024, 2_048])
def test_every_block_is_in_the_ring_when_it_is_mixed_and_its_messages_were_awaited(stand: Stand, block: int) -> None:
    clock = clock_of(block)
    stand.page.write(clock)
    stand.run(100.3)
    assert stand.blocks.figures()["skipped"] == 0
    for now, end in stand.rendered[8:]:
        last = clock.frame + (end - clock.frame - 1) // block * block  # of the block
        assert now <= clock.mixed_at(last) - RENDERING_TIME + 1e-6
        assert clock.frame_heard_at(now + clock.delay) >= end - 1, "a message of now is heard in what is still to come"
    assert {b - a for (_, a), (_, b) in zip(stand.rendered[8:], stand.rendered[9:], strict=False)} <= {
        min(block, STEP),
        block % STEP or min(block, STEP),
    }


@pytest.mark.parametrize("block", [64, 256, 480, 2_048])
def test_from_message_to_sound_is_always_the_delay(stand: Stand, block: int) -> None:
    clock, rng = clock_of(block), random.Random(block)
    stand.page.write(clock)
    sent = [100.1 + 0.02 * number + rng.uniform(0, 0.01) for number in range(15)]
    calls = [PlayMessage(at - 1, at, note_on(1, 69, 127)) for at in sent]
    calls += [PlayMessage(at - 1, at + 0.005, note_off(1, 69)) for at in sent]
    stand.run(100.42, tuple(calls))
    first = stand.ring.end - CAPACITY + 100
    heard = onsets(stand.frames(first, CAPACITY - 200), first)
    expected = [frame for at in sent if (frame := clock.frame_heard_at(at + clock.delay)) > first]
    assert len(heard) == len(expected) > 10
    assert max(abs(one - other) for one, other in zip(heard, expected, strict=True)) <= 1
    figures = stand.blocks.figures()
    assert figures["late"] == 0 and figures["latency"] == pytest.approx([clock.delay] * 2, abs=6e-4)


def test_a_message_in_time_is_heard_at_its_time(stand: Stand) -> None:
    clock = clock_of()
    stand.page.write(clock)
    stand.run(100.5, (PlayMessage(100.4, 100.2, note_on(1, 69, 127)),))
    first = stand.ring.end - 12_000
    assert onsets(stand.frames(first, 12_000), first) == [clock.frame_heard_at(100.4)]


def test_with_a_rate_of_its_own_the_delay_is_longer_by_the_look_ahead_and_constant(tmp_path: Path) -> None:
    stand = Stand(tmp_path, SineAt44100)
    clock = clock_of()
    stand.page.write(clock)
    sent = [100.2 + 0.0507 * number for number in range(6)]
    stand.run(100.5, tuple(PlayMessage(0, at, note_on(1, 50 + n, 127)) for n, at in enumerate(sent)))
    expected = [clock.frame_heard_at(at + clock.delay) + stand.renderer.look_ahead for at in sent]
    assert stand.renderer.look_ahead > 0 == stand.blocks.figures()["late"]
    heard = stand.frames(expected[0] - 200, 400)
    (onset,) = np.nonzero(np.abs(heard[:, 0]) > 0.125)[0][:1]
    assert abs(onset - 200) <= 2


def test_before_the_first_stream_messages_wait_and_what_is_over_is_not_played(stand: Stand) -> None:
    calls = (
        PlayMessage(0, 100.0, program_change(1, 5)),
        PlayMessage(0, 100.1, note_on(1, 60, 127)),
        PlayMessage(0, 100.2, note_off(1, 60)),
        PlayMessage(0, 100.3, note_on(1, 62, 127)),
        PlayMessage(0, 100.58, note_on(1, 64, 127)),
    )
    stand.run(100.6, calls)
    assert not stand.rendered
    stand.page.write(clock_of(seconds=100.61))
    stand.run(100.8)
    assert {pitch for _, pitch in stand.engine.notes} == {64}
    assert stand.rendered[0][1] < 12_000, "it begins with the stream"


def test_the_next_stream_is_joined_at_once(stand: Stand) -> None:
    stand.page.write(clock_of())
    stand.run(100.2, (PlayMessage(0, 100.1, note_on(1, 69, 127)),))
    end = stand.ring.end
    clock = clock_of(512, epoch=2, frame=500_000, seconds=100.25)
    stand.page.write(clock)
    stand.run(100.4)
    assert end < 500_000 < stand.ring.end
    assert np.abs(stand.frames(501_024, 2_000)).max() > 0.2, "the note goes on"
    assert stand.blocks.figures()["skipped"] == 0


def test_after_the_process_stood_still_it_goes_on_in_time_and_counts_what_it_skipped(stand: Stand) -> None:
    clock = clock_of()
    stand.page.write(clock)
    stand.run(100.2)
    stand.now += 0.5
    stand.run(101.0)
    assert 90 <= stand.blocks.figures()["skipped"] <= 95
    assert clock.mixed_at(stand.ring.end) - stand.now < 0.009
    first = stand.ring.end - 10_000
    stand.frames(first, 10_000)


def test_a_page_that_cannot_be_read_is_no_end_of_the_music(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.page.write(clock_of())
    stand.run(100.2)
    end = stand.ring.end
    monkeypatch.setattr(stand.page, "read", lambda: None)
    stand.run(100.4)
    assert stand.ring.end - end == pytest.approx(9_600, abs=256)


@pytest.mark.parametrize("work", [0.006, 0.02, 0.3])
def test_an_engine_that_is_too_slow_never_lags_and_leaves_the_processor_to_others(tmp_path: Path, work: float) -> None:
    stand = Stand(tmp_path)
    clock = clock_of()
    stand.page.write(clock)
    stand.run(100.2)
    stand.blocks.figures()
    stand.work = work
    stand.run(105.0)
    figures = stand.blocks.figures()
    assert figures["load"] <= 0.81
    assert figures["skipped"] > 0.9 * (1 if work > 0.01 else 0.4) * 4.8 * RATE / 256
    for now, end in stand.rendered:
        assert clock.mixed_at(end - 256) > now - work - 1e-9, "each step was begun in time"
    stand.work = 0.0
    stand.run(stand.now + 0.2)
    stand.blocks.figures()
    skipped = stand.blocks.figures()["skipped"]
    stand.run(stand.now + 1.0)
    assert stand.blocks.figures()["skipped"] == skipped, "as soon as it can, it plays on"


def test_silence_ends_every_note_now(stand: Stand) -> None:
    stand.page.write(clock_of())
    calls = [PlayMessage(0, 100.1, note_on(channel, 60, 90)) for channel in range(1, 17)]
    stand.run(100.2, (*calls, PlayMessage(100.6, 100.15, note_on(1, 64, 90))))
    assert len(stand.engine.notes) == 16
    stand.blocks.silence()
    stand.run(100.9)
    assert not stand.engine.notes


def test_a_day_of_messages_leaves_nothing_behind(stand: Stand) -> None:
    stand.page.write(clock_of())
    for second in range(100, 130):
        calls = [
            PlayMessage(0, second + n / 200, (note_on if n % 2 else note_off)(1, 60, *[90][: n % 2]))
            for n in range(200)
        ]
        stand.run(second + 1.0, tuple(calls))
    queue = stand.renderer._queue
    assert len(queue._heap) < 20 and len(queue._keys) <= 1
