"""Messages at their frames, whatever the blocks; the rate of the band; what a faulty engine rendered."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.audio.ring import Frames
from daemon.engines.base import NoOptions, Setup
from daemon.instrument.renderer import Renderer
from daemon.instrument.sources import BadFrames
from daemon.music.events import control_change, note_off, note_on
from daemon.player.failure import EngineFailure
from tests.tools.sine import LOUDNESS, Sine, SineAt44100, cosine, sine

RATE = 48_000


def rendered(renderer: Renderer, frames: int, first: int = 0, blocks: tuple[int, ...] = ()) -> Frames:
    """Frames in blocks of the given sizes, repeated; the last ones in one block."""
    out = np.full((frames, 2), np.nan, np.float32)
    at = 0
    for size in blocks:
        renderer.render(first + at, out[at : at + size])
        at = min(at + size, frames)
    renderer.render(first + at, out[at:])
    return out


def heard(out: Frames, least: float = 0.05) -> tuple[int, int]:
    """The first frame that is heard, and the one after the last."""
    places = np.nonzero(np.abs(out[:, 0]) > least)[0]
    return int(places[0]), int(places[-1]) + 1


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("blocks", [(), (256,) * 20, (1,) * 1_200, (1_000, 1, 4_000)])
def test_a_note_sounds_from_its_frame_to_that_of_its_note_off(rate: int, blocks: tuple[int, ...]) -> None:
    renderer = Renderer(sine(rate), rate)
    renderer.schedule(1_000, note_on(1, 69, 127))
    renderer.schedule(5_000, note_off(1, 69))
    out = rendered(renderer, 6_000, 0, blocks)
    assert not out[:1_000].any() and not out[5_000:].any()
    expected = (LOUDNESS * cosine(69, rate, 0, 4_000)).astype(np.float32)
    assert (out[1_000:5_000] == expected[:, None]).all()
    assert renderer.late == 0


messages = st.one_of(
    st.builds(note_on, st.integers(1, 3), st.integers(40, 44), st.integers(1, 127)),
    st.builds(note_off, st.integers(1, 3), st.integers(40, 44)),
    st.builds(control_change, st.integers(1, 3), st.sampled_from([7, 120, 123]), st.integers(0, 127)),
)
scores = st.lists(st.tuples(st.integers(0, 3_000), messages), max_size=30)
splits = st.lists(st.integers(0, 700), max_size=20).map(tuple)
turns = st.tuples(st.sampled_from(["gain", "pan", "mute"]), st.floats(-70, 20))


@given(scores, splits, splits, turns, st.sampled_from([Sine, SineAt44100]))
def test_blocks_of_any_sizes_give_the_same_frames(
    score: list[tuple[int, bytes]],
    one: tuple[int, ...],
    other: tuple[int, ...],
    turn: tuple[str, float],
    engine: type[Sine],
) -> None:
    outs = []
    for blocks in (one, other):
        renderer = Renderer(sine(RATE, engine), RATE)
        for frame, message in score:
            renderer.schedule(frame, message)
        renderer.control(*turn)
        outs.append(rendered(renderer, 4_000, 0, blocks))
    assert outs[0].tobytes() == outs[1].tobytes()


@given(scores, splits)
def test_after_random_messages_no_note_sounds_when_each_has_its_note_off(
    score: list[tuple[int, bytes]], blocks: tuple[int, ...]
) -> None:
    """Whatever the frames are; the note-offs of an immediate stop overtake note-ons that wait."""
    engine = sine()
    renderer = Renderer(engine, RATE)
    for frame, message in score:
        renderer.schedule(frame, message)
    for channel in (1, 2, 3):
        for pitch in range(40, 45):
            renderer.schedule(1_500, note_off(channel, pitch))
    out = rendered(renderer, 4_000, 0, blocks)
    assert not engine.notes and not out[3_001:].any()


@pytest.mark.parametrize("number", [120, 123])
def test_a_panic_ends_what_sounds_and_withdraws_what_waits(number: int) -> None:
    engine = sine()
    renderer = Renderer(engine, RATE)
    renderer.schedule(0, note_on(1, 60, 90))
    renderer.schedule(3_000, note_on(1, 64, 90))
    renderer.schedule(3_000, note_on(2, 67, 90))
    renderer.schedule(1_000, control_change(1, number, 0))
    out = rendered(renderer, 4_000)
    assert heard(out[:2_000])[1] <= 1_000
    assert set(engine.notes) == {(1, 67)}


def test_a_late_message_is_played_at_once_and_counted() -> None:
    renderer = Renderer(sine(), RATE)
    rendered(renderer, 1_000)
    renderer.schedule(900, note_on(1, 69, 127))
    assert heard(rendered(renderer, 500, 1_000))[0] == 0
    assert renderer.late == 1


def test_after_a_gap_only_what_still_sounds_is_played() -> None:
    engine = sine()
    renderer = Renderer(engine, RATE)
    rendered(renderer, 1_000)
    for frame, pitch, length in ((1_100, 60, 500), (1_200, 62, 50_000), (2_000, 64, 4_000), (5_000, 66, 5_000)):
        renderer.schedule(frame, note_on(1, pitch, 90))
        renderer.schedule(frame + length, note_off(1, pitch))
    rendered(renderer, 256, 7_000)
    assert {pitch for _, pitch in engine.notes} == {66}, "60 and 64 are over, 62 is more than 0.1 s late"
    assert renderer.late == 4
    rendered(renderer, 5_000, 7_256)
    assert not engine.notes


@pytest.mark.parametrize(
    ("own_rate", "rate", "pitch", "error"), [(44_100, 48_000, 69, 0.01), (48_000, 44_100, 69, 0.02)]
)
def test_an_engine_with_a_rate_of_its_own_is_heard_at_the_same_frames(
    own_rate: int, rate: int, pitch: int, error: float
) -> None:
    class Own(Sine):
        pass

    Own.own_rate = own_rate
    renderer = Renderer(sine(rate, Own), rate)
    renderer.schedule(10_000, note_on(1, pitch, 127))
    renderer.schedule(30_000, note_off(1, pitch))
    out = rendered(renderer, 40_000, 0, (256,) * 100)
    begin, end = heard(out, LOUDNESS / 2)
    assert abs(begin - 10_000) <= 2 and abs(end - 30_000) <= rate / 440 / 4 + 2
    steady = slice(12_000, 28_000)
    assert np.abs(out[steady, 0] - LOUDNESS * cosine(pitch, rate, 2_000, 16_000)).max() < LOUDNESS * 0.12
    assert abs(float(np.sqrt((out[steady] ** 2).mean())) * np.sqrt(2) / LOUDNESS - 1) < error
    assert renderer.late == 0 < renderer.look_ahead < 0.01 * rate


def test_the_look_ahead_is_what_a_message_needs_to_be_in_time() -> None:
    for block in (1, 64, 256):
        renderer = Renderer(sine(RATE, SineAt44100), RATE)
        at = 20_000 // block * block
        rendered(renderer, at, 0, (block,) * (at // block))
        renderer.schedule(at + renderer.look_ahead, note_on(1, 69, 127))
        assert abs(heard(rendered(renderer, 2_000, at), LOUDNESS / 2)[0] - renderer.look_ahead) <= 2
        assert renderer.late == 0


def test_after_skipped_frames_a_converted_note_begins_at_its_frame() -> None:
    renderer = Renderer(sine(RATE, SineAt44100), RATE)
    rendered(renderer, 1_000)
    renderer.schedule(50_500, note_on(1, 69, 127))
    assert abs(heard(rendered(renderer, 2_000, 50_000), LOUDNESS / 2)[0] - 500) <= 2


class Faulty(Sine):
    fault: Any = None

    def render(self, out: NDArray[np.float32]) -> None:
        super().render(out)
        self.fault(out)


def _left_out(out: NDArray[np.float32]) -> None:
    out[5:7] = np.nan


def _too_loud(out: NDArray[np.float32]) -> None:
    out[3] = 1e30


def _wrong_shape(out: NDArray[np.float32]) -> None:
    out[:] = np.zeros((3, 5))


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (_left_out, "2 of 64 frames are no finite numbers: fill every frame of `out`"),
        (_too_loud, "a frame of 1e+30: fill `out` with numbers from −1 to 1"),
        (_wrong_shape, "could not broadcast"),
    ],
)
def test_what_is_no_sound_is_a_failure_of_the_engine(fault: Any, text: str) -> None:
    engine = Faulty(Setup(NoOptions(), rate=RATE))
    engine.fault = fault
    with pytest.raises(EngineFailure, match="the engine Faulty failed in render: .*" + re.escape(text)):
        rendered(Renderer(engine, RATE), 64)


def test_an_engine_that_fills_nothing_is_found_out() -> None:
    class Idle(Sine):
        def render(self, out: NDArray[np.float32]) -> None:
            pass

    with pytest.raises(EngineFailure, match="64 of 64 frames") as caught:
        Renderer(sine(RATE, Idle), RATE).render(0, np.zeros((64, 2), np.float32))
    assert isinstance(caught.value.__cause__, BadFrames)


def test_an_exception_in_play_names_the_message() -> None:
    class Shy(Sine):
        def play(self, message: bytes) -> None:
            raise RuntimeError("not this one")

    renderer = Renderer(sine(RATE, Shy), RATE)
    renderer.schedule(0, note_on(1, 60, 90))
    with pytest.raises(EngineFailure, match=r"the engine Shy failed in play\(90 3c 5a\): .*not this one"):
        rendered(renderer, 64)
