"""The second voice: its consonance with the line that is heard, compared with chance; its range, rhythm and rests."""

from itertools import pairwise

import numpy as np
import pytest

from daemon.encodings.melody.events import NO_EVENT, NOTE_OFF_EVENT
from daemon.engines.melody.engine import MelodyPlayer
from daemon.music.events import MidiEvent, Play, Stop
from tests.engines.harmoniser.fake import off, on
from tests.engines.melody.fake import FakeModel, Stage, cycle_of, event, keys, make, sounded

DELAY = 0.015 * 96 / 60  # beats by which notes on a 16th are delayed for a key there, at the tempo of `Stage`
CONSONANT = (0, 3, 4, 7, 8, 9)  # semitones modulo 12
Note = tuple[float, float, int]


def duet(monkeypatch: pytest.MonkeyPatch, model: FakeModel, **settings: float) -> MelodyPlayer:
    return make(monkeypatch, model, duet=1, **settings)


def tune(seed: int, beats: int = 200) -> list[Note]:
    """A random walk in C major, in notes from 16ths to half notes, played a little off the grid."""
    random, beat, degree, out = np.random.default_rng(seed), 0.0, 14, []
    while beat < beats:
        length = float(random.choice([0.25, 0.5, 1.0, 2.0], p=[0.2, 0.4, 0.3, 0.1]))
        degree = int(np.clip(degree + random.integers(-2, 3), 7, 21))
        pitch = 48 + degree // 7 * 12 + (0, 2, 4, 5, 7, 9, 11)[degree % 7]
        late = float(random.normal(0, 0.008)) if beat else 0.0
        out.append((beat + late, length * 0.9, pitch))
        beat += length
    return out


def consonance(line: list[Note], voice: list[tuple[float, float, int, int]], shift: float, length: float) -> float:
    """Share of the time in which line and voice both sound that they are consonant, the line `shift` beats later."""

    def at(notes: list[tuple[float, float, int]], times: np.ndarray) -> np.ndarray:
        out = np.full(len(times), -1)
        for start, end, pitch in notes:
            out[np.searchsorted(times, start) : np.searchsorted(times, end)] = pitch
        return out

    times = np.arange(0, length, 1 / 32)
    mine = at([(o, o + d, p) for o, d, p in line], times)
    mine = np.roll(mine, round(shift * 32))
    other = at([(o, e, p) for o, e, p, _ in voice], times)
    both = (mine >= 0) & (other >= 0)
    return float(np.isin(abs(mine - other)[both] % 12, CONSONANT).mean())


@pytest.mark.parametrize("seed", range(3))
def test_the_voice_is_consonant_with_the_line_and_much_more_than_by_chance(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    line = tune(seed)
    stage = Stage(duet(monkeypatch, FakeModel())).play(keys(*line), 210)
    voice = sounded(stage.actions)
    true = consonance(line, voice, 0, 200)
    chance = [consonance(line, voice, shift, 200) for shift in range(7, 197, 5)]
    assert true > 0.98
    assert (true - np.mean(chance)) / np.std(chance) > 5, (true, np.mean(chance), np.std(chance))


def test_the_voice_keeps_the_key_and_the_range_and_stays_below(monkeypatch: pytest.MonkeyPatch) -> None:
    line = tune(5)
    stage = Stage(duet(monkeypatch, FakeModel(), low=50, high=70)).play(keys(*line), 210)
    voice = sounded(stage.actions)
    assert {p % 12 for o, _, p, _ in voice if o > 16} <= {0, 2, 4, 5, 7, 9, 11} and len(voice) > 100
    assert all(50 <= p <= 70 for _, _, p, _ in voice)
    for onset, _, pitch, _ in voice:
        last = [p for o, _, p in line if o <= onset + 1e-9][-1]
        assert pitch <= last if last >= 59 else pitch >= last


def test_only_notes_of_every_possible_key_are_played_while_little_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(10):
        engine = duet(monkeypatch, FakeModel())
        engine.reset({}, 0.0, seed)
        stage = Stage(engine).play(keys((0, 1, 71), (1, 1, 72), (2, 1, 74)), 3)
        assert {p % 12 for o, p in stage.plays if o < 1} == {11}
        assert {p % 12 for o, p in stage.plays if 1.25 <= o < 2} <= {0, 2, 4, 7, 9, 11}


def test_the_voice_is_above_where_there_is_no_space_below(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(duet(monkeypatch, FakeModel())).play(keys((0, 4, 52), (4, 4, 40)), 8)
    assert all(p >= 52 for o, p in stage.plays if o < 4) and all(p >= 48 for _, p in stage.plays) and stage.plays


def test_the_voice_moves_at_once_at_the_first_note_and_at_a_clash(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(57, 60))
    played = [on(0.02, 72, 100), off(1.5, 72), on(1.51, 71, 50)]
    stage = Stage(duet(monkeypatch, model, velocity=1, key=-1, density=-4, temperature=0)).play(played, 2)
    first = stage.actions[0]
    assert isinstance(first, Play) and (first.onset, first.velocity) == (0.02, 85)
    held = [n for n in sounded(stage.actions) if n[0] < 1.51 <= n[1]][-1]
    assert (71 - held[2]) % 12 not in CONSONANT
    moved = next(a for a in stage.actions if isinstance(a, Play) and a.onset == 1.51)
    assert (71 - moved.pitch) % 12 in CONSONANT and moved.velocity == 42


def test_a_note_that_is_consonant_with_the_new_one_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    def holds(heard: tuple[int, ...], position: float) -> np.ndarray:
        return np.array([9.0, -9.0, *(float(p == 60) for p in range(48, 84))])

    stage = Stage(duet(monkeypatch, FakeModel(holds), temperature=0, key=-1)).play(
        keys((0, 1, 64), (1, 1, 67), (2, 1, 69)), 3
    )
    assert stage.plays == [(0, 60)]


def test_parallel_fifths_and_wide_intervals_are_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    def moves(heard: tuple[int, ...], position: float) -> np.ndarray:
        """Prefers low notes, but most of all 72, a fifth below 79, and then 74, a fifth below 81."""
        return np.array([-99.0, -99.0, *(2.5 * (p == (74 if heard else 72)) - p / 99 for p in range(48, 84))])

    engine = duet(monkeypatch, FakeModel(moves), temperature=0, key=-1, copy=32)
    assert [p for _, p in Stage(engine).play(keys((0, 0.25, 79), (0.25, 0.25, 81)), 0.5).plays] == [72, 65]


def test_the_voice_does_not_move_just_after_a_note_but_while_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(duet(monkeypatch, FakeModel(), density=4)).play(keys((0, 2, 72), (2, 2, 74)), 4)
    onsets = [round(o - DELAY, 6) for o, _ in stage.plays]
    assert not {0.25, 2.25} & set(onsets) and len(onsets) > 10


def test_the_voice_does_not_move_on_16ths_on_which_the_line_often_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is a little late: notes on the grid would collide with its notes."""

    def played(notes: list[MidiEvent], end: float) -> list[float]:
        """The 16ths on which the voice moves by itself."""
        stage = Stage(duet(monkeypatch, FakeModel(), density=4)).play(notes, end)
        return [place for o, _ in stage.plays if (place := round(o - DELAY, 6)) % 0.25 == 0]

    onsets = played(keys(*((i + 0.04, 0.9, 72 + i % 3) for i in range(16))), 16)
    assert not [o for o in onsets if o % 1 == 0] and len(onsets) > 16
    onsets = played(keys(*((i + 0.54, 0.9, 72 + i % 3) for i in range(24))), 24)
    assert not [o for o in onsets if o % 1 == 0.5 and o > 5] and [o for o in onsets if o % 1 == 0]


def test_the_voice_moves_on_under_a_long_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the model would hold for ever: other notes become likelier with time."""

    def holds(heard: tuple[int, ...], position: float) -> np.ndarray:
        return np.array([0.0, -20.0, *(-12.0 for _ in range(36))])

    scale = keys(*((i / 2, 0.5, pitch) for i, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72))))
    stage = Stage(duet(monkeypatch, FakeModel(holds))).play([*scale, on(4, 72)], 36)
    held = [(onset, pitch) for onset, pitch in stage.plays if onset > 4.1]
    assert 4 <= len(held) <= 12
    assert all(one != other for (_, one), (_, other) in pairwise(held))


def test_a_key_on_a_16th_causes_no_very_short_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a sequencer plays: each note at its full length, a moment after the 16th was requested."""
    lengths = [1.0, 0.5, 1.5, 2.0, 0.75, 0.25] * 8
    starts = np.cumsum([0, *lengths[:-1]])
    line = keys(*((s + 0.005, length, 72 + i % 5) for i, (s, length) in enumerate(zip(starts, lengths, strict=True))))
    notes = sounded(Stage(duet(monkeypatch, FakeModel(), density=4)).play(line, 40).actions)
    assert len(notes) > 60 and min(end - onset for onset, end, *_ in notes) > 0.1


def test_the_voice_ends_a_rest_after_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for rest in (0.5, 1.0, 4.0):
        model = FakeModel()
        stage = Stage(duet(monkeypatch, model, rest=rest, density=4)).play(keys((0, 4, 72)), 16)
        notes = sounded(stage.actions)
        assert max(end for _, end, _, _ in notes) == 4 + rest and notes[-1][0] > 4
    stage.play(keys((20, 1, 72)), 22)
    assert sounded(stage.actions)[-1][0] >= 20 and len(model.heard) < 9, "the line before the silence is forgotten"


def test_the_model_hears_the_second_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(60))
    stage = Stage(duet(monkeypatch, model, temperature=0, rest=0.25, key=-1)).play(keys((1.0, 0.5, 64)), 3)
    assert stage.actions == [Play(1.0, 60, 68, "melody"), Play(1.5 + DELAY, 60, 68, "melody"), Stop(1.75, "melody")]
    assert model.heard[:9] == (0, 0, 0, 0, event(60), NO_EVENT, event(60), NOTE_OFF_EVENT, NO_EVENT)


def test_an_early_key_counts_for_the_16th_that_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(cycle_of(60))
    played = [on(0, 64), *(e for e in keys((0.92, 1, 69)))]
    stage = Stage(duet(monkeypatch, model, temperature=0, key=-1)).play(played, 2)
    assert (0.92, 60) in stage.plays and model.states[-1].positions[-1] == 1.75
    assert [o for o, _ in stage.plays if 0.9 < o < 1.4] == [0.92], "not again on the grid"


@pytest.mark.parametrize("seed", range(10))
def test_every_note_ends_whatever_is_played(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    random = np.random.default_rng(seed)
    played: list[MidiEvent] = []
    for _ in range(60):
        onset = float(random.uniform(0, 15))
        played += keys((onset, float(random.exponential(0.4)) + 0.01, int(random.integers(128))))
    stage = Stage(duet(monkeypatch, FakeModel(), rest=1.0)).play(played, 40)
    last = max(e.beat for e in played)
    notes = sounded(stage.actions)
    assert notes and all(onset < end <= last + 1.25 + 1e-9 for onset, end, _, _ in notes)
