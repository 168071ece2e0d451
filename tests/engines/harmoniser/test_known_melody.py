"""Harmony for melodies whose future is known, with a fake model: exact actions."""

from typing import Any

import numpy as np
import pytest

from daemon.engines.harmoniser.model import State
from daemon.music.events import Action, Play, Stop
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from tests.engines.harmoniser.fake import FakeModel, constant_chord, make, melody, off, on, run, window


def plays(actions: list[Action]) -> list[tuple[float, str, int, float | None]]:
    return [(a.onset, a.voice, a.pitch, a.duration) for a in actions if isinstance(a, Play)]


def stops(actions: list[Action]) -> list[tuple[float, str]]:
    return [(a.onset, a.voice) for a in actions if isinstance(a, Stop)]


def test_the_melody_sounds_exactly_and_the_harmony_on_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    tune = melody((0, 0.9, 72), (0.97, 1.0, 74))
    engine = make(monkeypatch, FakeModel(), {"tune": tune})
    assert plays(run(engine, 0, 2)) == [
        (0, "soprano", 72, 0.9), (0, "alto", 67, None), (0, "tenor", 60, None), (0, "bass", 55, None),
        (0.97, "soprano", 74, 1.0),
        (1.0, "alto", 69, None), (1.0, "tenor", 62, None), (1.0, "bass", 57, None),
    ]  # fmt: skip


def test_the_harmony_rests_with_the_melody_and_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tune = melody((0, 1.1, 72), (2, 1, 74))  # the first note ends between two 16ths
    engine = make(monkeypatch, FakeModel(), {"tune": tune})
    actions = run(engine, 0, 8)
    others = ("alto", "tenor", "bass")
    assert stops(actions) == [(1.0, voice) for voice in others] + [(3.0, voice) for voice in others]
    assert [onset for onset, voice, *_ in plays(actions) if voice == "bass"] == [0, 2]


def test_a_loop_is_harmonised_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), {"tune": melody((0, 4, 72), (4, 4, 74), loop=True)})
    actions = run(engine, 0, 32)
    assert [onset for onset, voice, *_ in plays(actions) if voice == "soprano"] == [0, 4, 8, 12, 16, 20, 24, 28]
    assert [onset for onset, voice, *_ in plays(actions) if voice == "bass"] == [0, 4, 8, 12, 16, 20, 24, 28]
    assert stops(actions) == []


def test_keys_lead_while_held_and_for_one_bar_after_then_the_melody_leads_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = make(monkeypatch, FakeModel(), {"tune": melody(*((b, 1.0, 72) for b in range(32)), length=32.0)})
    run(engine, 0, 4.25)
    answer = plays(list(engine.listen(on(4.1, 76))))
    assert [a[:3] for a in answer] == [
        (4.1, "soprano", 76), (4.1, "alto", 71), (4.1, "tenor", 64), (4.1, "bass", 59)
    ]  # fmt: skip
    assert run(engine, 4.25, 5.5) == []
    assert len(stops(list(engine.listen(off(5.5, 76))))) == 4
    assert run(engine, 5.5, 9.5) == []
    assert plays(run(engine, 9.5, 9.75)) == [
        (9.5, "soprano", 72, 0.5), (9.5, "alto", 67, None), (9.5, "tenor", 60, None), (9.5, "bass", 55, None)
    ]  # fmt: skip


def test_events_of_a_known_melody_are_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), {"tune": melody((0, 4, 72))})
    run(engine, 0, 1)
    assert list(engine.listen(on(1.0, 60, source="tune"))) == []
    assert list(engine.listen(on(1.0, 60, source="other"))) == []


def test_the_model_is_told_which_notes_of_the_melody_are_struck(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(constant_chord)
    engine = make(monkeypatch, model, {"tune": melody((0, 0.5, 72), (0.5, 0.5, 72))})
    run(engine, 0, 1)
    longest = max(model.advances, key=lambda state: len(state.past)).past
    assert [held[0] for _, held in longest[1:5]] == [0, 1, 0, 1]


@pytest.mark.parametrize("needed", [48, 50])
def test_the_harmony_prepares_the_next_note_of_the_melody(monkeypatch: pytest.MonkeyPatch, needed: int) -> None:
    """The model finds a melody note unlikely unless the bass prepared the note, which takes knowledge of the future."""

    class Preparing(FakeModel):
        def head(self, state: State, previous: Any, known: Any, voice: Any) -> tuple[np.ndarray, np.ndarray]:
            log_probs, tie = super().head(state, previous, known, voice)
            for row in range(len(voice)):
                if voice[row] == 3:  # the bass takes C or D with equal probability
                    log_probs[row] = -9
                    log_probs[row, [48 - 36, 50 - 36]] = -0.7
                if voice[row] == 0:  # the soprano goes to B after the needed note of the bass, hardly ever after others
                    log_probs[row, [71 - 36, 72 - 36]] = -0.1 if previous[row, 3] == needed - 36 else -12, -0.1
            return log_probs, tie

    tune = {"tune": melody((0, 1, 72), (1, 1, 71), (6, 2, 72))}  # far from the end, where notes are chosen strictly
    engine = make(monkeypatch, Preparing(), tune, temperature=0.5)
    prepared = 0
    for seed in range(100):
        engine.reset(tune, 0, seed)
        bass = [(onset, pitch) for onset, voice, pitch, _ in plays(run(engine, 0, 1)) if voice == "bass"]
        prepared += bass[-1][1] == needed  # on the 16th before the B
    assert prepared >= 90, "without knowledge of the future: 50 of 100"


def test_a_voice_is_drawn_given_the_voices_drawn_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where those voices move: the first prediction assumes that they do not."""

    def chain(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return 72 if voice == 0 else (known[voice - 1] or 0) - (0, 5, 7, 5)[voice]

    engine = make(monkeypatch, FakeModel(chain), {"tune": melody((0, 1, 72), (1, 1, 74), (2, 1, 71))})
    actions = plays(run(engine, 0, 3))
    assert [pitch for _, voice, pitch, _ in actions if voice == "alto"] == [67, 69, 66]
    assert [pitch for _, voice, pitch, _ in actions if voice == "tenor"] == [60, 62, 59]
    assert [pitch for _, voice, pitch, _ in actions if voice == "bass"] == [55, 57, 54]


def test_a_held_chord_costs_one_call_of_the_model_a_16th(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(constant_chord)
    engine = make(monkeypatch, model, {"tune": melody((0, 64, 72), length=64.0)})
    run(engine, 0, 1)
    model.advances.clear()
    model.heads.clear()
    run(engine, 1, 17)
    assert len(model.heads) == len(model.advances) > 0


def test_a_bass_part_rests_while_the_other_voices_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = (Note(0, 4, 72, 90, 0), Note(0, 1, 50, 90, 1), Note(2, 1, 48, 90, 1))
    two = Melody("two", notes, 4, False, TempoMap(((0, 96),), ((0, 4),)))
    engine = make(monkeypatch, FakeModel(constant_chord), {"two": two}, given=("soprano", "bass"))
    actions = run(engine, 0, 4)
    assert [(o, p, d) for o, v, p, d in plays(actions) if v == "bass"] == [(0, 50, 1), (2, 48, 1)]
    assert [(o, p) for o, v, p, _ in plays(actions) if v == "alto"] == [(0, 64)]


def test_the_other_voices_sound_through_the_rests_of_a_given_alto(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(constant_chord), {"tune": melody((0, 1, 64), (2, 1, 65))}, given=("alto",))
    actions = run(engine, 0, 4)
    assert stops(actions) == [(3.0, voice) for voice in ("soprano", "tenor", "bass")]


def test_a_reset_continues_at_its_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    tune = {"tune": melody((0, 4, 72), (4, 4, 74))}
    engine = make(monkeypatch, FakeModel(), tune)
    run(engine, 0, 2)
    engine.reset(tune, 5.0, 1)
    assert plays(list(engine.generate(window(5.0)))) == [
        (5.0, "soprano", 74, 3.0), (5.0, "alto", 69, None), (5.0, "tenor", 62, None), (5.0, "bass", 57, None)
    ]  # fmt: skip


def test_a_bass_without_a_given_note_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    tune = melody((0, 2, 72), (0, 1, 50), (3, 1, 72))
    engine = make(monkeypatch, FakeModel(constant_chord), {"tune": tune}, given=("soprano", "bass"))
    actions = run(engine, 0, 4)
    assert [(o, p, d) for o, v, p, d in plays(actions) if v == "bass"] == [(0, 50, 1), (1, 48, None), (3, 48, None)]
    assert stops(actions) == [(2.0, voice) for voice in ("alto", "tenor", "bass")]


def test_the_look_ahead_is_written_in_bursts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bursts of eight 16ths in the first window; then one whenever the particles are ten 16ths ahead or less."""
    model = FakeModel()
    engine = make(monkeypatch, model, {"tune": melody((0, 16, 72), length=16.0)})
    counts = []
    for frame in range(12):
        before = len(model.advances)
        list(engine.generate(window(frame / 4)))
        counts.append(len(model.advances) - before)
    assert counts == [16, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("beat", [40.0, 60.0])
def test_after_a_gap_the_harmony_starts_anew_instead_of_catching_up(
    monkeypatch: pytest.MonkeyPatch, beat: float
) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model, {"tune": melody((0, 64, 72), length=64.0)})
    run(engine, 0, 2)
    before = len(model.advances)
    list(engine.generate(window(beat)))
    assert len(model.advances) - before == 16


def test_an_anticipated_start_plays_the_same_without_asking_the_model_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tune = {"tune": melody(*((b, 1.0, 72 + b % 5) for b in range(8)))}

    def flat(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return 0  # no pitch is liked better than another: all depends on the draws

    played = []
    for anticipated in (False, True):
        model = FakeModel(flat)
        engine = make(monkeypatch, model, tune, temperature=1.0)
        if anticipated:
            list(engine.listen(on(0.0, 60)))  # what was played while the transport stood has no effect
            engine.anticipate(tune, 4.0, 7, window(4.0))
            engine.anticipate(tune, 0.0, 7, window(0.0))
        engine.reset(tune, 0.0, 7)
        model.advances.clear()
        first = engine.generate(window(0.0))
        actions = [next(first) for _ in range(4)]
        assert (not model.advances) == anticipated
        actions += [*first, *run(engine, 0.25, 2)]
        actions += engine.listen(on(2.0, 65))
        actions += engine.listen(off(2.5, 65))
        played.append(actions + run(engine, 2.25, 8))
    assert played[0] == played[1]


@pytest.mark.parametrize("change", ["seed", "beat", "temperature", "meter"])
def test_a_start_that_differs_from_the_anticipated_one_begins_anew(
    monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    tune = {"tune": melody(*((b, 1.0, 72) for b in range(8)))}
    model = FakeModel()
    engine = make(monkeypatch, model, tune)
    engine.anticipate(tune, 0.0, 7, window(0.0))
    beat = 1.0 if change == "beat" else 0.0
    engine.reset(tune, beat, 8 if change == "seed" else 7)
    if change == "temperature":
        list(engine.control("temperature", 0.7, beat))
    model.advances.clear()
    first = engine.generate(window(beat, meter=3.0 if change == "meter" else 4.0))
    for _ in range(4):
        next(first)
    assert model.advances


RUN = [(number / 4, 0.25, 72 + number % 5) for number in range(8)]  # two beats of 16ths


@pytest.mark.parametrize(
    ("density", "onsets"),
    [("every note", [number / 4 for number in range(9)]), ("beats", [0, 1, 2, 3]), ("long notes", [0, 2])],
)
def test_density_is_when_the_voices_move_under_a_melody(
    monkeypatch: pytest.MonkeyPatch, density: str, onsets: list[float]
) -> None:
    """A run of 16ths, then a note of a beat and one of half a beat."""
    tune = melody(*RUN, (2, 1.0, 78), (3, 0.5, 79))
    actions = run(make(monkeypatch, FakeModel(), {"tune": tune}, density=density), 0, 3.5)
    expected = [*onsets, *([3] if density == "every note" else [])]
    assert [onset for onset, voice, *_ in plays(actions) if voice == "bass"] == expected
    assert [onset for onset, voice, *_ in plays(actions) if voice == "soprano"] == [n[0] for n in (*RUN, (2,), (3,))]


def test_a_low_note_of_a_run_takes_its_place_from_the_voices_that_it_would_cross(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tune = melody((0, 0.5, 76), (0.5, 0.5, 64))
    actions = run(make(monkeypatch, FakeModel(), {"tune": tune}, density="beats"), 0, 1)
    assert [(voice, pitch) for onset, voice, pitch, _ in plays(actions) if onset == 0.5] == [
        ("soprano", 64), ("alto", 64)
    ]  # fmt: skip
