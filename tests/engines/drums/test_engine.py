"""The drums engine with a fake model: timing of the hits, grooves and options."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from daemon.encodings.drums.hits import INSTRUMENTS, Hit
from daemon.engines.base import Setup
from daemon.engines.drums.engine import Drums
from daemon.engines.drums.interface import DrawRequest
from daemon.engines.drums.kit import PIECES
from daemon.engines.drums.primer import shipped_grooves
from daemon.engines.options import options_of
from daemon.errors import ModelError
from daemon.music.events import Play
from tests.engines.drums.fake import (
    CLOSED,
    KICK,
    SNARE,
    FakeModel,
    eighths,
    make,
    onsets_of,
    plays,
    run,
    window,
)


def test_the_first_bar_is_the_groove_and_the_model_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    played = plays(run(make(monkeypatch, FakeModel(lambda tick: SNARE), groove="rock"), 0, 8, tempo=96.0))
    assert played[:2] == [(0.0, KICK), (0.0, CLOSED)]  # with the notes that the groove has a little before the bar line
    groove = shipped_grooves()["rock"]
    later = [(note.tick / 480, INSTRUMENTS[note.instrument]) for note in groove.notes if 40 < note.tick < 1880]
    assert [hit for hit in played if 0.1 < hit[0] < 3.9] == [
        (pytest.approx(beat, abs=1e-4), note) for beat, note in later
    ]
    assert {pitch for beat, pitch in played if beat > 3.9} == {SNARE}


def test_a_hit_is_sent_before_the_model_advances(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model)
    run(engine, 0, 8)
    played = len(model.hits)
    actions = engine.generate(window(8.0))
    assert isinstance(next(actions), Play) and len(model.hits) == played
    assert list(actions) == [] and len(model.hits) == played + 1


@pytest.mark.parametrize("beat", [0.0, 8.0, 6.5, 101.75])
@pytest.mark.parametrize("meter", [4.0, 3.0, 3.5, 5.0])
def test_the_entry_is_at_its_position_in_the_bar(monkeypatch: pytest.MonkeyPatch, beat: float, meter: float) -> None:
    engine = make(monkeypatch)
    engine.reset({}, beat, 5)
    actions = run(engine, beat, beat + 6 * meter, meter)
    assert all(action.onset >= beat for action in actions)
    kicks = onsets_of(actions, KICK)
    second = (beat // meter + 2) * meter
    assert {second + number * meter for number in range(4)} <= set(kicks)
    assert plays(actions)[0][0] < beat + 0.6


def test_a_hit_before_its_16th_is_played_in_the_window_before(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(shift=-12))
    run(engine, 0, 7.75)
    ahead = [action for action in engine.generate(window(7.75)) if isinstance(action, Play)]
    assert [(action.onset, action.pitch) for action in ahead] == [(pytest.approx(8 - 12 / 480, abs=0.01), KICK)]
    assert not list(engine.generate(window(8.0)))


def test_every_hit_lies_in_its_window_whatever_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    engine, start = make(monkeypatch, FakeModel(shift=-7), {"swing": 62.0}), 0.0
    onsets: list[float] = []
    while start < 64:
        length = float(random.choice([0.25, 0.25, 0.1, 0.33, 1.0, 0.0]))
        for action in engine.generate(window(start, length, tempo=float(random.uniform(40, 220)))):
            assert start <= action.onset < start + length + 2e-3
            onsets += [action.onset] if isinstance(action, Play) else []
        start += length
    assert onsets == sorted(onsets) and len(onsets) > 100


def test_there_is_no_drift_in_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    kicks = set(onsets_of(run(make(monkeypatch, FakeModel(lambda tick: KICK if tick == 0 else None)), 0, 7200), KICK))
    assert {4.0 * bar for bar in range(1, 1800)} <= kicks


def test_bars_have_the_new_length_after_a_change_of_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch)
    run(engine, 0, 8)
    actions = [a for n in range(72) for a in engine.generate(window(8 + n / 4, meter=3.0, line=8.0))]
    assert {8.0 + 3 * bar for bar in range(1, 6)} <= set(onsets_of(actions, KICK))


def test_the_limits_of_two_hands_hold_across_a_change_of_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(lambda tick: KICK if tick == 0 else None, shift=-12))
    actions = run(engine, 0, 8)
    actions += [a for n in range(24) for a in engine.generate(window(8 + n / 4, meter=3.0, line=8.0))]
    kicks = onsets_of(actions, KICK)
    assert [beat < 8 for beat in kicks if 7.9 < beat < 8.1] == [True]  # early, and not again on the beat
    assert all(later - sooner > 0.17 for sooner, later in pairwise(kicks))  # beats: 85 ms


def test_repeated_and_missing_windows_do_not_move_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch)
    played = plays(run(engine, 0, 8))
    assert not list(engine.generate(window(7.5)))
    assert not list(engine.generate(window(3.0)))
    later = plays(run(engine, 9.25, 16))  # five are missing
    assert later == [(beat, pitch) for beat, pitch in plays(run(make(monkeypatch), 0, 16)) if beat >= 9.25]
    assert played
    jumped = plays(run(engine, 1000.5, 1008))
    assert (1004.0, KICK) in jumped
    assert (104.0, KICK) in plays(run(engine, 102, 108))  # a jump back


def test_lateness_does_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(FakeModel):
        """Every hit is a tick later than the one before."""

        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            return Hit(241, INSTRUMENTS.index(SNARE), 100)

    played = plays(run(make(monkeypatch, Late()), 0, 400))
    assert max(abs((beat + 0.25) % 0.5 - 0.25) for beat, _ in played) < 0.05


def test_the_drummer_returns_to_the_groove_every_eight_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wandering(FakeModel):
        """Every hit is on the next instrument; the state also counts the hits."""

        def advance(self, state: int, hit: Hit, tempo: float) -> int:
            return state + hit.gap + (1 << 32)

        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            return Hit(480 - (state & 0xFFFF) % 480, (state >> 32) % 17, 100)

    engine = make(monkeypatch, Wandering())
    played = plays(run(engine, 0, 128))
    bars = [[(beat - 4 * bar, pitch) for beat, pitch in played if 4 * bar <= beat < 4 * bar + 4] for bar in range(32)]
    assert bars[8] == bars[16] == bars[24] != bars[15]


# Grooves and options


def test_a_random_groove_has_the_bar_of_the_song(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, groove="random")
    names: dict[float, set[str]] = {}
    for meter in (4.0, 3.0, 5.0, 7.0):
        for seed in range(40):
            engine.reset({}, 0.0, seed)
            run(engine, 0, 0.25, meter)
            names.setdefault(meter, set()).add(engine._primer.name)
    assert names[3.0] == {"waltz", "three", "six_eight"} and names[5.0] == {"five"}
    assert len(names[4.0]) == 10 and not names[4.0] & names[3.0]
    assert len(names[7.0]) > 5  # no groove has such a bar: any
    engine = make(monkeypatch, groove="random", style="funk")
    for seed in range(10):
        engine.reset({}, 0.0, seed)
        run(engine, 0, 0.25)
        assert engine._primer.name == "funk"


def test_a_groove_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=96)
    notes = [(0, 36), (96, 38), (96, 36), (96, 38)]
    track = [mido.Message("note_on", channel=9, note=note, velocity=90, time=gap) for gap, note in notes]
    file.tracks.append(mido.MidiTrack(track))
    file.save(tmp_path / "mine.mid")
    engine = make(monkeypatch, groove=str(tmp_path / "mine.mid"))
    assert plays(run(engine, 0, 4)) == [(0.0, 36), (1.0, 38), (2.0, 36), (3.0, 38)]
    engine.reset({}, 0, 2)
    assert plays(run(engine, 0, 3, meter=3.0)) == [(0.0, 36), (1.0, 38), (2.0, 36)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"groove": "polka"}, r"drums: `groove`: polka: there is no such file.*choose one of random, ballad"),
        ({"groove": str(Path(__file__))}, "not a Standard MIDI File"),
        ({"style": "polka"}, r"`style`: 'polka' is not a style of the model f: choose from funk, rock"),
        ({"kick": 128.0}, "`kick`: 128 is not a MIDI note: choose 0 to 127"),
        ({"kick": -0.5}, "`kick`: -0.5 is not a MIDI note: choose 0 to 127"),
        ({piece.name: -1.0 for piece in PIECES}, "every piece of the kit is -1"),
    ],
)
def test_invalid_options_are_refused_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ModelError, match=text):
        make(monkeypatch, FakeModel(eighths), **options)


def test_a_model_is_required() -> None:
    with pytest.raises(ModelError, match="no model"):
        Drums(Setup(Drums.Options())).prepare()


def test_every_option_setting_and_groove_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "engines.md").read_text(encoding="utf-8")
    text = page.partition("## drums")[2].partition("\n## ")[0]
    for option in options_of(Drums.Options):
        assert f"`{option.name}`" in text and all(f"`{choice}`" in text for choice in option.choices)
    assert ", ".join(f"{getattr(Drums.Options(), piece.name):g}" for piece in PIECES) in text
    for setting in Drums.settings:
        assert f"| `{setting.name}` | {setting.low:g} … {setting.high:g} | {setting.default:g} |" in text
    assert all(f"`{name}`" in text for name in shipped_grooves())
