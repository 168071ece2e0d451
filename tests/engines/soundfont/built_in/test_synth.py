"""The built-in synthesiser: pitch, ends of notes, controllers, drums, limits."""

import random
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.engines.soundfont.built_in.synth import BuiltInSynth
from daemon.engines.soundfont.built_in.timbres import PROGRAMS
from daemon.engines.soundfont.built_in.voices import LIMIT
from daemon.music.general_midi import DRUMS
from daemon.music.general_midi import PROGRAMS as NUMBERS
from tests.engines.soundfont.built_in.conftest import RATE, Render
from tests.engines.soundfont.detector import Samples, cents, level, pitch

SILENCE = -100.0  # dB
PIANO, ORGAN, CHOIR = 0, 16, NUMBERS["voice oohs"] - 1
STEADY = {  # the range in which each is played
    "acoustic grand piano": (33, 93), "electric piano 1": (36, 84), "drawbar organ": (36, 96), "church organ": (36, 84),
    "acoustic guitar (nylon)": (40, 84), "electric bass (finger)": (28, 55), "violin": (55, 96), "cello": (36, 72),
    "string ensemble 1": (36, 84), "choir aahs": (41, 81), "voice oohs": (41, 81), "trumpet": (54, 84),
    "alto sax": (49, 81), "clarinet": (50, 90), "flute": (60, 96), "pad 2 (warm)": (36, 84), "vibraphone": (53, 89),
    "lead 1 (square)": (36, 96), "marimba": (48, 84),
}  # fmt: skip

SECTIONS = ["string ensemble 1", "choir aahs", "voice oohs", "pad 2 (warm)"]  # of many voices


def fundamental(samples: Samples, key: int) -> float:
    """The mean frequency, left and right, of the power within 80 cents of the key: a vibrato's middle."""
    low, high = 440 * 2 ** ((key - 69 + np.array([-0.8, 0.8])) / 12)
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))[:, None], axis=0)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)[:, None]
    power *= (low < hz) & (hz < high)
    return float(((power * hz).sum(0) / power.sum(0)).mean())


@pytest.mark.parametrize("name", STEADY)
def test_in_tune(render: Render, name: str) -> None:
    low, high = STEADY[name]
    is_section = name in SECTIONS
    for key in range(low, high + 1, 8):
        render(0.2, [0xC0, NUMBERS[name] - 1], [0x90, key, 100])
        played = render(3.0 if is_section else 1.5, block=1024)
        render(0.1, [0xB0, 120, 0])
        assert abs(cents(fundamental(played, key), key)) < 2, key


def test_sounds_at_the_frame_of_its_message(render: Render) -> None:
    for key, channel in ((60, 0), (38, 9)):
        assert not render(0.0117, block=13).any()
        assert np.flatnonzero(np.abs(render(0.2, [0x90 | channel, key, 100])).max(1) > 1e-5)[0] < 20
        render(0.2, [0xB0 | channel, 120, 0])


@pytest.mark.parametrize("program", [PIANO, ORGAN, CHOIR])
def test_note_off_ends_a_note(render: Render, program: int) -> None:
    assert level(render(0.5, [0xC0, program], [0x90, 60, 100])) > -45
    render(1.2, [0x80, 60, 0])
    assert level(render(0.2)) < SILENCE


def test_a_note_on_with_velocity_0_is_a_note_off(render: Render) -> None:
    render(0.2, [0xC0, ORGAN], [0x90, 60, 100])
    render(0.5, [0x90, 60, 0])
    assert level(render(0.1)) < SILENCE


@pytest.mark.parametrize(("controller", "seconds"), [(120, 0.05), (123, 0.6)])
def test_every_note_and_drum_ends(render: Render, controller: int, seconds: float) -> None:
    notes = [[0x90 | channel, key, 100] for channel in range(16) for key in (49, 57)]
    assert level(render(0.2, [0xC0, ORGAN], *notes)) > -40
    render(seconds * 2, *([0xB0 | channel, controller, 0] for channel in range(16)))
    assert level(render(0.1)) < SILENCE


def test_the_sustain_pedal_holds_until_it_goes_up(render: Render) -> None:
    render(0.2, [0xC0, ORGAN], [0x90, 60, 100], [0xB0, 64, 127], [0x80, 60, 0])
    assert level(render(0.5)) > -45
    render(0.3, [0xB0, 64, 0])
    assert level(render(0.1)) < SILENCE


def test_the_sostenuto_pedal_holds_only_what_was_held(render: Render) -> None:
    render(0.1, [0xC0, ORGAN], [0x90, 60, 100], [0xB0, 66, 127], [0x90, 67, 100])
    held = render(0.6, [0x80, 60, 0], [0x80, 67, 0])[RATE // 3 :]
    assert abs(cents(pitch(held[:, 0], RATE), 60)) < 10
    render(0.3, [0xB0, 66, 0])
    assert level(render(0.1)) < SILENCE


def test_the_soft_pedal(render: Render) -> None:
    hard = level(render(0.5, [0xC0, ORGAN], [0x90, 60, 100]))
    render(0.3, [0x80, 60, 0], [0xB0, 67, 127])
    assert hard - level(render(0.5, [0x90, 60, 100])) == pytest.approx(3, abs=0.5)


def test_a_note_struck_again_needs_one_note_off(render: Render) -> None:
    render(0.1, [0xC0, ORGAN], [0x90, 60, 100])
    once = level(render(0.3))
    render(0.1, [0x90, 60, 100])
    assert level(render(0.3)) == pytest.approx(once, abs=1)
    render(0.5, [0x80, 60, 0])
    assert level(render(0.1)) < SILENCE


def test_the_bend_and_its_range(render: Render) -> None:
    for bend, messages in ((200, []), (1200, [[0xB0, 101, 0], [0xB0, 100, 0], [0xB0, 6, 12]])):
        render(0.1, [0xC0, ORGAN], [0xB0, 1, 0], *messages, [0x90, 60, 100], [0xE0, 127, 127])
        high = render(1.0)
        low = render(1.1, [0xE0, 0, 0])[RATE // 10 :]
        assert cents(fundamental(high, 60 + bend // 100), 60) == pytest.approx(bend, abs=3)
        assert cents(fundamental(low, 60 - bend // 100), 60) == pytest.approx(-bend, abs=3)
        render(0.5, [0x80, 60, 0])


def test_the_modulation_wheel_is_a_vibrato_of_50_cents(render: Render) -> None:
    render(1.5, [0xC0, NUMBERS["electric piano 1"] - 1], [0xB0, 1, 127], [0x90, 72, 100])
    heard = render(2.0)[:, 0]
    power = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
    offset = 1200 * np.log2(np.maximum(np.fft.rfftfreq(len(heard), 1 / RATE), 1) / 523.25)
    power[np.abs(offset) > 200] = 0
    assert np.sqrt((power * offset**2).sum() / power.sum()) == pytest.approx(50 / np.sqrt(2), abs=4)


def test_the_reset_of_controllers(render: Render) -> None:
    render(0.1, [0xC0, ORGAN], [0xB0, 64, 127], [0xB0, 11, 30], [0xE0, 0, 0], [0x90, 60, 100], [0x80, 60, 0])
    render(0.5, [0xB0, 121, 0])
    assert level(render(0.1)) < SILENCE
    heard = render(0.5, [0x90, 60, 100])
    assert level(heard) > -35 and abs(cents(fundamental(heard, 60), 60)) < 2


def test_volume_expression_and_pan(render: Render) -> None:
    render(0.1, [0xC0, ORGAN], [0xB0, 7, 127], [0x90, 60, 100])
    full = level(render(0.5))
    for controller in (7, 11):
        render(0.1, [0xB0, controller, 64])
        assert full - level(render(0.5)) == pytest.approx(11.9, abs=0.3)
        render(0.1, [0xB0, controller, 127])
    render(0.1, [0xB0, 10, 0])
    left = render(0.3)
    assert level(left[:, 0]) > -40
    assert level(left[:, 1]) < SILENCE


def test_harder_is_louder_and_brighter(render: Render) -> None:
    def brightness(samples: Samples) -> float:
        """The share of the power that is above 1 kHz, in dB."""
        power = np.abs(np.fft.rfft(samples[:, 0])) ** 2
        return float(10 * np.log10(power[len(samples) * 1000 // RATE :].sum() / power.sum()))

    for program in (PIANO, NUMBERS["alto sax"] - 1, NUMBERS["trumpet"] - 1, CHOIR):
        soft = render(0.5, [0xC0, program], [0x90, 60, 40])
        render(0.1, [0xB0, 120, 0])
        hard = render(0.5, [0x90, 60, 120])
        render(0.1, [0xB0, 120, 0])
        assert level(hard) - level(soft) > 15
        assert brightness(hard) - brightness(soft) > 2, program


@pytest.mark.parametrize("name", ["lead 1 (square)", "lead 2 (sawtooth)", "drawbar organ"])
def test_no_partial_is_mirrored_at_half_the_rate(render: Render, name: str) -> None:
    """Also not of the highest keys, bent up: nothing is heard beside the harmonics."""
    for key in (84, 96, 108):
        render(0.1, [0xC0, NUMBERS[name] - 1], [0xE0, 127, 127], [0x90, key, 120])
        power = np.abs(np.fft.rfft(render(0.5)[:, 0] * np.blackman(RATE // 2))) ** 2
        harmonic = np.fft.rfftfreq(RATE // 2, 1 / RATE) / (440 * 2 ** ((key + 2 - 69) / 12))
        beside = (np.abs(harmonic - np.rint(harmonic)) > 0.02 + 0.006 * harmonic) | (harmonic < 0.5)
        assert power[beside].sum() < 1e-5 * power.sum(), key
        render(0.1, [0xB0, 120, 0])


@pytest.mark.parametrize("name", SECTIONS)
def test_little_is_lost_in_mono_and_there_is_no_dc(render: Render, name: str) -> None:
    render(0.2, [0xC0, NUMBERS[name] - 1], [0x90, 60, 100])
    heard = render(2.0)
    assert level(heard.mean(1)) > level(heard) - 4
    assert np.abs(heard.mean(0)).max() < 1e-4


def test_every_program_and_drum_sounds(render: Render) -> None:
    for program in range(128):
        heard = render(0.2, [0xC0, program], [0x90, 60, 100], block=1024)
        assert -50 < level(heard) < -12, program
        render(0.05, [0xB0, 120, 0])
    for key in DRUMS:
        heard = render(0.2, [0x99, key, 100], block=1024)
        assert -62 < level(heard) < -15, key
        render(0.05, [0xB9, 120, 0])


def share(samples: Samples, low: float, high: float) -> float:
    """The share of the power that is between these frequencies in Hz."""
    power = (np.abs(np.fft.rfft(samples, axis=0)) ** 2).sum(axis=1)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(power[(low < hz) & (hz < high)].sum() / power.sum())


def test_drums_sound_like_what_they_are(render: Render) -> None:
    def stroke(key: int, velocity: int = 110) -> Samples:
        heard = render(0.5, [0x99, key, velocity], block=1024)
        render(0.05, [0xB9, 120, 0])
        return heard

    assert share(stroke(36), 40, 200) > 0.8, "a kick is low"
    assert share(stroke(42), 4_000, 16_000) > 0.8, "a hi-hat is high"
    snare = stroke(38)
    assert share(snare, 120, 400) > 0.2 < share(snare, 1_000, 9_000), "a snare is a skin and wires"
    assert share(snare, 2_500, 20_000) > 1.2 * share(stroke(38, 40), 2_500, 20_000), "harder is brighter"
    toms = [stroke(key)[:, 0] for key in (41, 43, 45, 47, 48, 50)]
    ends = [pitch(tom[RATE // 4 :], RATE) for tom in toms]
    assert all(higher > 1.1 * lower for lower, higher in pairwise(ends)), "a small tom is higher"
    assert pitch(toms[2][: RATE // 20], RATE) > 1.1 * ends[2], "a skin's pitch falls"
    short, long = (level(stroke(key)[RATE // 4 :]) for key in (80, 81))
    assert short < long - 40, "a triangle that is muted, and one that rings"
    guiro = np.abs(stroke(74)).max(axis=1)
    scrapes = [guiro[round(n * 0.024 * RATE) :][: round(0.012 * RATE)].max() for n in range(16)]
    gaps = [guiro[round((n * 0.024 + 0.02) * RATE) :][: round(0.003 * RATE)].max() for n in range(15)]
    assert min(scrapes) > 2 * max(gaps), "sixteen scrapes"


def test_a_closed_hat_ends_an_open_one(render: Render) -> None:
    render(0.1, [0x99, 46, 100])
    ringing = level(render(0.2))
    for closed in (42, 44):
        render(0.1, [0x99, 46, 100])
        render(0.2, [0x99, closed, 1])
        assert level(render(0.2)) < ringing - 40


@pytest.mark.parametrize("program", range(0, 128, 5))
def test_nothing_clicks(render: Render, program: int) -> None:
    """No step is much greater than those of the steady sound: at note-off, at a re-strike, at controllers."""
    steady = render(0.5, [0xC0, program], [0x90, 48, 100])
    greatest = np.abs(np.diff(steady, axis=0)).max()
    changes = ([0xB0, 7, 20], [0xB0, 7, 100], [0xB0, 10, 0], [0xE0, 0, 0], [0x80, 48, 0], [0xB0, 120, 0])
    before = steady[-1:]
    for change in changes:
        heard = render(0.05, change)
        assert np.abs(np.diff(np.concatenate((before, heard)), axis=0)).max() < 2 * greatest + 1e-4, change
        before = heard[-1:]
        greatest = max(greatest, np.abs(np.diff(heard, axis=0)).max())


def test_a_stolen_voice_fades(render: Render) -> None:
    """No step of the waveform, which low tones alone would not have, is heard as a click."""
    channels = range(LIMIT // 4)
    programs = ([0xC0 | channel, NUMBERS["ocarina"] - 1] for channel in channels)
    notes = ([0x90 | channel, key, 100] for channel in channels for key in (28, 29, 30, 31))
    before = render(1.0, *programs, *notes)
    greatest = np.abs(np.diff(before[RATE // 4 :], axis=0)).max()
    for key in range(32, 42):
        heard = render(0.03, [0x90, key, 100])
        assert np.abs(np.diff(np.concatenate((before[-1:], heard)), axis=0)).max() < 1.3 * greatest
        before = heard


def test_the_oldest_notes_end_where_too_many_are_held(render: Render) -> None:
    render(0.2, [0xC0, NUMBERS["ocarina"] - 1], *([0x90, 28 + key, 100] for key in range(LIMIT)))
    assert share(render(0.3), 20, 240) > 0.2
    render(0.2, *([0x90, 28 + LIMIT + key, 100] for key in range(LIMIT)))
    assert share(render(0.3), 20, 240) < 0.01


def test_a_soft_note_ends_before_a_loud_one(render: Render) -> None:
    loud = ([0x90, 41 + key, 110] for key in range(LIMIT - 1))
    render(0.2, [0xC0, NUMBERS["ocarina"] - 1], [0xB0, 7, 30], *loud)
    render(0.2, [0x90, 28, 50])  # 41 Hz
    window = np.hanning(RATE // 2)[:, None]
    before = share(render(0.5) * window, 38, 44)
    render(0.1, [0x90, 90, 110])
    assert share(render(0.5) * window, 38, 44) < before / 100


def test_sixty_four_notes_at_once_are_bounded(render: Render) -> None:
    for program in (PIANO, ORGAN, CHOIR):
        heard = render(0.5, [0xC0, program], [0xB0, 7, 127], *([0x90, 30 + key, 127] for key in range(64)))
        assert 0.3 < np.abs(heard).max() <= 1
        render(0.1, [0xB0, 120, 0])


def rendered(synth: BuiltInSynth, longest: int) -> Samples:
    """Half a second of messages of all kinds, in blocks of random sizes."""
    dice, sizes = random.Random(3), random.Random(longest)
    parts = []
    for _ in range(40):
        channel, key, value = dice.choice([0, 1, 2, 9]), dice.randint(35, 81), dice.randint(1, 127)
        controller = dice.choice([1, 7, 10, 11, 64, 66, 91, 123])
        on, off, program = [0x90 | channel, key, value], [0x80 | channel, key, 0], [0xC0 | channel, value]
        kinds = on, off, program, [0xB0 | channel, controller, value], [0xE0 | channel, key, value]
        synth.play(bytes(dice.choices(kinds, [8, 3, 1, 2, 1])[0]))
        left = 400
        while left:
            size = min(left, sizes.randint(1, longest))
            parts.append(np.empty((size, 2), np.float32))
            synth.render(parts[-1])
            left -= size
    return np.concatenate(parts)


def test_the_same_whatever_the_blocks() -> None:
    synths = [BuiltInSynth(RATE) for _ in range(2)]
    for synth in synths:
        synth.prepare()
    large, small = (rendered(synth, longest) for synth, longest in zip(synths, (1024, 29), strict=True))
    assert np.abs(large).max() > 0.1
    assert np.abs(large - small).max() < 2e-5


def test_the_same_each_time() -> None:
    again = []
    for _ in range(2):
        synth = BuiltInSynth(16_000)
        synth.prepare()
        again.append(rendered(synth, 512))
    assert np.array_equal(*again)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=4).map(list),
            st.tuples(st.integers(0x80, 0xEF), st.integers(0, 127), st.integers(0, 127)).map(list),
        ),
        max_size=40,
    )
)
def test_any_bytes_are_survived(synth: BuiltInSynth, messages: list[list[int]]) -> None:
    out = np.full((64, 2), np.nan, np.float32)
    for message in messages:
        synth.play(bytes(message))
        synth.render(out)
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= 1


def test_the_reverb_is_heard_and_ends(render: Render, synth: BuiltInSynth) -> None:
    synth.set_reverb(0.5)
    render(0.3, [0x99, 37, 127])
    assert -80 < level(render(0.5)) < -25
    render(4.0)
    assert not render(0.1).any()


def test_memory_does_not_grow(render: Render) -> None:
    def play() -> None:
        for key in range(35, 82, 6):
            render(0.02, [0xC0, key], [0x90, key, 100], [0x99, key, 100])
        render(0.1, [0xB0, 120, 0], [0xB9, 120, 0])

    play()
    tracemalloc.start()
    play()
    before = tracemalloc.take_snapshot()
    play()
    play()
    changes = tracemalloc.take_snapshot().compare_to(before, "filename")
    growth = sum(change.size_diff for change in changes if "daemon" in str(change.traceback))
    tracemalloc.stop()
    assert growth < 20_000


def test_every_rate() -> None:
    for rate in (8000, 44100):
        synth = BuiltInSynth(rate)
        synth.prepare()
        out = np.zeros((rate, 2), np.float32)
        synth.play(bytes([0xC0, ORGAN]))
        synth.play(bytes([0x90, 69, 100]))
        synth.render(out)
        assert pitch(out[:, 0], rate) == pytest.approx(440, rel=2e-3)


def test_there_is_a_timbre_for_each_program() -> None:
    assert len(PROGRAMS) == 128
