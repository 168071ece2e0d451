"""What FluidSynth renders from messages, heard by detectors that know nothing about it."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.engines.soundfont import fluid_synth
from daemon.engines.soundfont.fluid_synth import FluidSynth
from daemon.engines.soundfont.sf2_file import read_header
from daemon.music.events import ALL_SOUND_OFF, control_change, note_off, note_on, program_change
from tests.engines.soundfont.detector import cents, level, onsets, pitch
from tests.engines.soundfont.make_soundfont import make_soundfont, preset

RATE = 48_000
AT_ONCE = 64  # frames that FluidSynth renders at once: a message takes effect at the next ones
Timed = tuple[int, bytes]  # frame, message


@pytest.fixture
def sines(tmp_path: Path) -> Path:
    return make_soundfont(tmp_path / "sines.sf2", [(0, 0), (128, 0)])


def make(path: Path, rate: int = RATE) -> FluidSynth:
    return FluidSynth(read_header(path), rate)


def render(synth: FluidSynth, messages: Iterable[Timed], frames: int, block: int = RATE) -> NDArray[np.float32]:
    """Blocks of `block` frames, which a message may divide further."""
    out = np.full((frames, 2), np.nan, np.float32)
    waiting, at = sorted(messages, key=lambda timed: timed[0]), 0
    while at < frames:
        while waiting and waiting[0][0] <= at:
            synth.play(waiting.pop(0)[1])
        end = min([at + block, frames, *(frame for frame, _ in waiting[:1])])
        synth.render(out[at:end])
        at = end
    return out


def play(path: Path, *messages: Timed, frames: int = RATE, block: int = RATE, rate: int = RATE) -> NDArray[np.float32]:
    return render(make(path, rate), messages, frames, block)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_a_scale_has_its_pitches_at_its_times(sines: Path, rate: int) -> None:
    scale = [48, 50, 52, 53, 55, 57, 59, 60, 84, 96]
    starts = [n * rate // 2 + 37 for n in range(len(scale))]
    notes = [(start, note_on(1, note, 100)) for start, note in zip(starts, scale, strict=True)]
    ends = [(start + rate // 4, note_off(1, note)) for start, note in zip(starts, scale, strict=True)]
    left = play(sines, *notes, *ends, frames=len(scale) * rate // 2, rate=rate)[:, 0]
    found = onsets(left, rate)
    assert len(found) == len(scale)
    for note, start, at in zip(scale, starts, found, strict=True):
        assert start <= at <= start + 2 * AT_ONCE
        assert abs(cents(pitch(left[at + 1_000 : at + 1_000 + rate // 8], rate), note)) < 3


def test_blocks_of_any_size_make_the_same_sound(sines: Path) -> None:
    messages = [(1_000, note_on(1, 60, 100)), (7_001, program_change(1, 2)), (9_000, note_off(1, 60))]
    whole = play(sines, *messages, frames=20_000)
    assert level(whole) > -40
    for block in (1, 63, 64, 100, 256, 4_801):
        assert np.array_equal(play(sines, *messages, frames=20_000, block=block), whole)


def test_programs_that_are_loaded_when_they_are_chosen_sound_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_soundfont(tmp_path / "sines.sf2", [(0, 0), (0, 7), (128, 0)])
    messages = [(0, note_on(1, 60, 100)), (4_800, program_change(1, 8)), (4_800, note_on(1, 67, 100))]
    whole = play(path, *messages)
    monkeypatch.setattr(fluid_synth, "LOADED_WHOLE", 0)
    assert np.array_equal(play(path, *messages), whole) and level(whole) > -40


def test_the_columns_of_any_array_are_filled(sines: Path) -> None:
    expected = play(sines, (0, note_on(1, 60, 100)), (0, control_change(1, 10, 20)), frames=1_000)
    assert not np.array_equal(expected[:, 0], expected[:, 1])
    synth = make(sines)
    synth.play(note_on(1, 60, 100))
    synth.play(control_change(1, 10, 20))
    wide = np.zeros((2_000, 3), np.float32)
    synth.render(wide[::2, 2:0:-1])
    assert np.array_equal(wide[::2, 2:0:-1], expected)
    assert not wide[1::2].any() and not wide[:, 0].any()


def test_two_synthesisers_do_not_disturb_each_other(sines: Path) -> None:
    alone = play(sines, (0, note_on(1, 60, 100)), frames=9_600)
    one, other = (make(sines) for _ in range(2))
    one.play(note_on(1, 60, 100))
    other.play(note_on(1, 72, 100))
    first, second = np.zeros_like(alone), np.zeros_like(alone)
    for at in range(0, 9_600, 256):
        one.render(first[at : at + 256])
        other.render(second[at : at + 256])
    assert np.array_equal(first, alone)
    assert abs(cents(pitch(second[1_000:, 0], RATE), 72)) < 3


@pytest.mark.parametrize("channel", [1, 9, 10, 16])
def test_every_channel_sounds(sines: Path, channel: int) -> None:
    assert level(play(sines, (0, note_on(channel, 60, 100)))) > -40


def test_a_bend_follows_its_range(sines: Path) -> None:
    up = bytes((0xE0, 127, 127))  # 8,191 of 8,192
    range_of_12 = [control_change(1, 101, 0), control_change(1, 100, 0), control_change(1, 6, 12)]
    start = [(0, note_on(1, 60, 100))]
    for messages, semitones in (([], 0), ([up], 2), ([*range_of_12, up], 12), ([up, bytes((0xE0, 0, 64))], 0)):
        left = play(sines, *start, *((4_800, message) for message in messages))[9_600:, 0]
        assert abs(cents(pitch(left, RATE), 60 + semitones)) < 12  # FluidSynth bends by 127/128 of the range


def test_volume_expression_and_pan(sines: Path) -> None:
    loud = play(sines, (0, note_on(1, 60, 100)), (0, control_change(1, 7, 127)))
    for number in (7, 11):
        soft = play(sines, (0, control_change(1, 7, 127)), (0, control_change(1, number, 64)), (0, note_on(1, 60, 100)))
        assert level(loud) - level(soft) == pytest.approx(40 * np.log10(127 / 64), abs=0.5)
    left, right = play(sines, (0, note_on(1, 60, 100)), (0, control_change(1, 10, 0))).T
    assert level(left) - level(right) > 40


def test_the_sustain_pedal_holds_a_note(sines: Path) -> None:
    messages = [(0, control_change(1, 64, 127)), (0, note_on(1, 60, 100)), (9_600, note_off(1, 60))]
    held = play(sines, *messages)
    assert level(held[24_000:]) > -40
    lifted = play(sines, *messages, (20_000, control_change(1, 64, 0)))
    assert level(lifted[19_000:20_000]) > -40 and level(lifted[24_000:]) < -80


def test_the_sostenuto_pedal_holds_what_is_down(sines: Path) -> None:
    left = play(
        sines,
        *[(0, note_on(1, 60, 100)), (4_800, control_change(1, 66, 127)), (9_600, note_off(1, 60))],
        *[(9_600, note_on(1, 67, 100)), (14_400, note_off(1, 67))],
    )[24_000:, 0]
    assert abs(cents(pitch(left, RATE), 60)) < 3


def test_the_soft_pedal_is_softer(sines: Path) -> None:
    normal, half, soft = (
        level(play(sines, (0, control_change(1, 67, value)), (0, note_on(1, 60, 100)))) for value in (0, 63, 127)
    )
    assert normal == half == pytest.approx(soft + 3, abs=0.1)


@pytest.mark.parametrize("number", [120, 123])
def test_all_sound_and_notes_off(sines: Path, number: int) -> None:
    messages = [(0, note_on(1, 60, 100)), (0, note_on(2, 67, 100)), (9_600, control_change(1, number, 0))]
    left = play(sines, *messages)[24_000:, 0]
    assert abs(cents(pitch(left, RATE), 67)) < 3


@pytest.mark.parametrize("block", [1, 50, 64, 256, RATE])
def test_sounds_that_are_ended_at_once_do_not_click(sines: Path, block: int) -> None:
    """Nor do the sounds of other channels, nor a second end while the first one fades."""
    notes = [(0, note_on(1, 60, 100)), (0, note_on(2, 67, 100))]
    held = play(sines, *notes, frames=20_000)
    ends = [(10_017, control_change(1, ALL_SOUND_OFF, 0)), (10_150, control_change(2, ALL_SOUND_OFF, 0))]
    out = play(sines, *notes, *ends, frames=20_000, block=block)
    steepest = np.abs(np.diff(held[5_000:], axis=0)).max()
    assert np.abs(np.diff(out[5_000:], axis=0)).max() < 1.5 * steepest
    assert np.array_equal(out[:10_017], held[:10_017])
    assert level(out[10_200 + RATE // 200 :]) < -80


def test_a_panic_silences_every_channel(sines: Path) -> None:
    channels = range(1, 17)
    notes = [(0, message) for c in channels for message in (control_change(c, 64, 127), note_on(c, 60, 100))]
    panic = [(9_600, control_change(c, n, 0)) for c in channels for n in (64, 123, 120)]
    assert level(play(sines, *notes)[24_000:]) > -30
    assert level(play(sines, *notes, *panic)[24_000:]) < -120


def test_reset_of_controllers_keeps_volume_and_pan(sines: Path) -> None:
    before = [(0, control_change(1, 7, 60)), (0, control_change(1, 10, 0)), (0, bytes((0xE0, 0, 127)))]
    left, right = play(sines, *before, (0, control_change(1, 121, 0)), (0, note_on(1, 60, 100))).T
    expected, _ = play(sines, *before[:2], (0, note_on(1, 60, 100))).T
    assert np.array_equal(left, expected) and level(left) - level(right) > 40  # the bend is gone


def test_messages_of_other_kinds_and_cut_off_ones_are_ignored(sines: Path) -> None:
    odd = [
        bytes((0xF0, 1, 2, 0xF7)),
        bytes((0xF8,)),
        bytes((0xFF,)),
        bytes((0x90,)),
        bytes((0xB0, 7)),
        bytes((0xC0,)),
        b"",
    ]
    expected = play(sines, (0, note_on(1, 60, 100)))
    assert np.array_equal(play(sines, *((0, message) for message in odd), (0, note_on(1, 60, 100))), expected)


def test_the_reverb_is_heard_after_the_note(sines: Path) -> None:
    synth = make(sines)
    messages = [(0, note_on(1, 60, 127)), (9_600, note_off(1, 60))]
    assert level(render(synth, messages, RATE)[20_000:24_000]) < -100
    synth.set_reverb(0.5)
    assert level(render(synth, messages, RATE)[20_000:24_000]) > -80


SOUNDFONT = [(0, 0), (0, 4), (8, 4), (128, 0), (128, 8)]  # banks and programs, from 0


@pytest.mark.parametrize(
    ("channel", "bank", "program", "expected"),
    [
        (1, (), 5, (0, 4)),
        (1, (8, 0), 5, (8, 4)),  # GS: the MSB
        (1, (0, 8), 5, (8, 4)),  # XG: the LSB
        (1, (121, 8), 5, (8, 4)),  # GM2
        (1, (9,), 5, (0, 4)),  # no such bank
        (1, (), 6, (0, 0)),  # no such program
        (1, (120, 0), 9, (128, 8)),  # GM2: drums
        (10, (), 9, (128, 8)),
        (10, (8,), 2, (128, 0)),
    ],
)
def test_a_program_is_that_of_the_bank_or_the_nearest_one(
    tmp_path: Path, channel: int, bank: tuple[int, ...], program: int, expected: tuple[int, int]
) -> None:
    synth = make(make_soundfont(tmp_path / "banks.sf2", SOUNDFONT))
    for number, value in zip((0, 32), bank, strict=False):
        synth.play(control_change(channel, number, value))
    synth.play(program_change(channel, program))
    assert preset(synth, channel) == expected


def test_a_soundfont_without_drums_is_silent_on_channel_10_and_plays_what_it_has_on_the_others(tmp_path: Path) -> None:
    only = make_soundfont(tmp_path / "only.sf2", [(3, 70)])
    assert level(play(only, (0, note_on(10, 60, 100)))) < -150
    assert level(play(only, (0, note_on(1, 60, 100)))) > -40
