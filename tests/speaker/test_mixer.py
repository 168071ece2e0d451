"""The mix is the sum of the instruments; one that is missing leaves the others alone."""

from pathlib import Path

import numpy as np
import pytest

from daemon.audio.limiter import CEILING
from daemon.audio.ring import Frames, Ring
from daemon.speaker.fade import FADE
from daemon.speaker.mixer import Mixer

RATE, BLOCK = 48_000, 256
FADED = round(FADE * RATE) // BLOCK + 1  # blocks


def level(value: float, blocks: int = 1) -> Frames:
    return np.full((BLOCK * blocks, 2), value, np.float32)


@pytest.fixture
def rings(tmp_path: Path) -> dict[str, Ring]:
    return {name: Ring(tmp_path / name, create=True) for name in ("bass", "synth")}


@pytest.fixture
def mixer(rings: dict[str, Ring]) -> Mixer:
    mixer = Mixer(RATE, BLOCK)
    mixer.listen_to(rings)
    return mixer


def mixed(mixer: Mixer, first: int, blocks: int = 1) -> Frames:
    return np.concatenate([mixer.mix(first + number * BLOCK).copy() for number in range(blocks)])


def test_the_mix_is_the_exact_sum(mixer: Mixer, rings: dict[str, Ring]) -> None:
    dice = np.random.default_rng(1)
    parts = {name: dice.uniform(-0.4, 0.4, (20 * BLOCK, 2)).astype(np.float32) for name in rings}
    for name, ring in rings.items():
        ring.write(1_000, parts[name])
    mix = mixed(mixer, 1_000, 20)
    expected = parts["bass"] + parts["synth"]
    assert (mix[FADED * BLOCK :] == expected[FADED * BLOCK :]).all(), "after the fade in"
    assert mixer.figures() == {
        "missing": {"bass": 0, "synth": 0},
        "peak_db": pytest.approx(20 * np.log10(np.abs(mix).max()), abs=0.06),
        "limited": 0,
    }


def test_a_missing_instrument_fades_and_the_other_plays_on(mixer: Mixer, rings: dict[str, Ring]) -> None:
    rings["bass"].write(0, level(0.25, 30))
    rings["synth"].write(0, level(0.5, 10))
    mix = mixed(mixer, 0, 30)
    rings["bass"].write(30 * BLOCK, level(0.25, 10))
    rings["synth"].write(30 * BLOCK, level(0.5, 10))
    mix = np.concatenate((mix, mixed(mixer, 30 * BLOCK, 10)))
    assert (mix[(10 + FADED) * BLOCK : 30 * BLOCK] == 0.25).all()
    assert (mix[(30 + FADED) * BLOCK :] == 0.75).all()
    assert np.abs(np.diff(mix, axis=0)).max() < 0.76 / FADE / RATE
    assert mixer.figures()["missing"] == {"bass": 0, "synth": 20}


def test_at_most_a_second_of_a_gap_is_counted_and_nothing_before_the_first_block(
    mixer: Mixer, rings: dict[str, Ring]
) -> None:
    mixed(mixer, 0, 100)
    assert mixer.figures()["missing"] == {"bass": 0, "synth": 0}
    rings["bass"].write(100 * BLOCK, level(0.5))
    mixed(mixer, 100 * BLOCK, 1_000)
    assert mixer.figures()["missing"] == {"bass": round(RATE / BLOCK), "synth": 0}


def test_an_instrument_that_renders_and_is_missing_is_late_and_one_that_is_gone_is_not(
    mixer: Mixer, rings: dict[str, Ring]
) -> None:
    late = []
    for number in range(100, 140):
        rings["bass"].write((number - 4) * BLOCK, level(0.25))
        if number < 110:
            rings["bass"].write(number * BLOCK, level(0.25))
        if number >= 120:
            rings["bass"].write(0, level(0.25))
        mixer.mix(number * BLOCK)
        late.append(mixer.has_late)
    assert late == [False] * 10 + [True] * 10 + [False] * 20


def test_the_sum_is_limited_and_the_peak_is_that_since_the_last_look(mixer: Mixer, rings: dict[str, Ring]) -> None:
    for ring in rings.values():
        ring.write(0, level(0.9, 10))
    assert np.abs(mixed(mixer, 0, 10)).max() <= CEILING
    assert mixer.figures()["limited"] > 5
    assert mixer.figures()["peak_db"] == -120


def test_an_instrument_that_stays_is_not_interrupted(mixer: Mixer, rings: dict[str, Ring], tmp_path: Path) -> None:
    rings["bass"].write(0, level(0.5, 20))
    mixed(mixer, 0, 10)
    mixer.listen_to({"bass": rings["bass"], "new": Ring(tmp_path / "new", create=True)})
    assert (mixed(mixer, 10 * BLOCK, 10) == 0.5).all()
    assert mixer.figures()["missing"] == {"bass": 0, "new": 0}
