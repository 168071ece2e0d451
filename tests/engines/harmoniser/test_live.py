"""Harmony for keys, with a fake model: exact actions."""

from typing import Any

import numpy as np
import pytest

from daemon.engines.harmoniser.model import State
from daemon.music.events import SUSTAIN, Action, MidiEvent, Play, Stop, control_change
from tests.engines.harmoniser.fake import FakeModel, constant_chord, make, off, on, run, window

DELAY = 0.015 * 96 / 60  # beats by which a chord under a held key is delayed, at the tempo of `window`
LET_GO = 0.020 * 96 / 60  # beats for which a voice sounds on after its key
GATHER = 0.030 * 96 / 60  # beats within which keys are one chord


def plays(actions: list[Action]) -> list[tuple[float, str, int]]:
    return [(a.onset, a.voice, a.pitch) for a in actions if isinstance(a, Play)]


def stops(actions: list[Action]) -> list[tuple[float, str]]:
    return [(a.onset, a.voice) for a in actions if isinstance(a, Stop)]


def test_a_key_is_answered_at_once_with_the_given_voice_first(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model)
    run(engine, 0, 0.5)
    model.advances.clear()
    model.heads.clear()
    answer = engine.listen(on(0.3, 72, 100))
    assert next(iter(answer)) == Play(0.3, 72, 100, "soprano")
    assert next(iter(answer)) == Play(0.3, 67, 85, "alto")
    assert model.heads == [], "the first harmony note was precomputed for every key"
    assert next(iter(answer)) == Play(0.3, 60, 85, "tenor")
    assert model.heads == [(2, 1)], "each further voice costs one call of head"
    assert list(answer) == [Play(0.3, 55, 95, "bass")]
    assert model.advances == [], "no answer waits for the recurrent step"


def test_voices_that_keep_their_notes_are_not_struck_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(constant_chord))
    list(engine.listen(on(0.0, 72)))
    assert run(engine, 0, 1) == []
    assert plays(list(engine.listen(on(0.9, 76)))) == [(0.9, "soprano", 76)]


def test_voices_move_on_the_grid_under_a_key_and_rest_after_two_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    def walking(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return (72, 64, 55, 48 + position // 4)[voice]

    engine = make(monkeypatch, FakeModel(walking))
    list(engine.generate(window(0)))
    list(engine.listen(on(0.0, 72)))
    assert plays(run(engine, 0.25, 4)) == [(1 + DELAY, "bass", 49)]


def test_under_a_held_or_repeated_key_a_consonant_chord_stays_from_its_second_beat_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def to_a_sixth(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return (72, 67, 64, 48 if position < 4 else 45)[voice]

    def bass(*events: MidiEvent) -> set[int]:
        """Its pitch classes."""
        engine = make(monkeypatch, FakeModel(to_a_sixth, strength=2.5))
        actions = list(engine.generate(window(0)))
        for beat in np.arange(0, 1.5, 0.25):
            for event in [event for event in events if beat <= event.beat < beat + 0.25]:
                actions += engine.listen(event)
            actions += engine.generate(window(beat + 0.25))
        return {a.pitch % 12 for a in actions if isinstance(a, Play) and a.voice == "bass"}

    assert bass(on(0.0, 72)) == bass(on(0.0, 72), on(0.5, 72)) == {0}
    assert bass(on(0.0, 71), on(0.75, 72)) == {0, 9}, "a new note, which is not long yet"


def test_a_repeated_note_is_struck_if_the_model_does_not_tie_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(constant_chord)
    engine = make(monkeypatch, model)
    list(engine.generate(window(0)))
    list(engine.listen(on(0.0, 72)))
    model.tie = -9.0
    assert plays(run(engine, 0.25, 0.5)) == [
        (0.25 + DELAY, "alto", 64), (0.25 + DELAY, "tenor", 55), (0.25 + DELAY, "bass", 48)
    ]  # fmt: skip


@pytest.mark.parametrize(("release", "at"), [("at once", 0.8 + LET_GO), ("next step", 1.0)])
def test_release(monkeypatch: pytest.MonkeyPatch, release: str, at: float) -> None:
    engine = make(monkeypatch, FakeModel(), release=release)
    run(engine, 0, 0.25)
    list(engine.listen(on(0.0, 72)))
    run(engine, 0.25, 1)
    answer = list(engine.listen(off(0.8, 72)))
    grid = list(engine.generate(window(1.0)))
    expected = [(at, voice) for voice in ("soprano", "alto", "tenor", "bass")]
    assert stops(answer + grid) == expected
    assert (answer == []) is (release == "next step")
    assert run(engine, 1.25, 9) == []


def test_while_the_transport_is_stopped_the_harmony_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window is requested after the reset, so that there is no next step."""
    engine = make(monkeypatch, FakeModel(), release="next step")
    run(engine, 0, 1)
    engine.reset({}, 0.0, 1)
    assert len(plays(list(engine.listen(on(0.0, 72))))) == 4
    assert stops(list(engine.listen(off(0.8, 72)))) == [
        (0.8 + 0.020 * 120 / 60, voice) for voice in ("soprano", "alto", "tenor", "bass")
    ]  # fmt: skip


def test_the_pedal_holds_the_last_note(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    run(engine, 0, 0.25)
    list(engine.listen(on(0.0, 72)))
    assert list(engine.listen(MidiEvent(0.1, "keys", control_change(1, SUSTAIN, 64)))) == []
    assert list(engine.listen(off(0.2, 72))) == []
    assert run(engine, 0.25, 6) == []
    assert plays(list(engine.listen(on(6.0, 71))))[0] == (6.0, "soprano", 71)
    assert list(engine.listen(off(6.1, 71))) == []
    assert len(stops(list(engine.listen(MidiEvent(6.2, "keys", control_change(1, SUSTAIN, 63)))))) == 4


def test_after_the_release_of_the_top_key_another_one_leads_a_beat_later(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    run(engine, 0, 0.25)
    list(engine.listen(on(0.0, 72)))
    assert list(engine.listen(on(0.05, 64))) == []
    assert list(engine.listen(off(0.2, 72))) == [Stop(0.2 + LET_GO, "soprano")], "the other voices hold"
    assert run(engine, 0.25, 1) == []
    assert plays(run(engine, 1, 2)) == [
        (1.25, "soprano", 64), (1.25, "alto", 59), (1.25, "tenor", 52), (1.25, "bass", 47)
    ]  # fmt: skip


def test_in_a_legato_the_lower_key_leads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    run(engine, 0, 0.25)
    list(engine.listen(on(0.0, 72)))
    run(engine, 0.25, 1)
    assert list(engine.listen(on(0.9, 64))) == []
    answer = plays(list(engine.listen(off(0.93, 72))))
    assert answer == [(0.93, "soprano", 64), (0.93, "alto", 59), (0.93, "tenor", 52), (0.93, "bass", 47)]


def test_the_soprano_never_falls_into_a_left_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(constant_chord))
    run(engine, 0, 0.25)
    actions = [*engine.listen(on(0.0, 48)), *engine.listen(on(0.5, 72)), *engine.listen(off(1.4, 72))]
    actions += run(engine, 1.5, 6)
    actions += engine.listen(on(6.0, 74))
    assert [p for p in plays(actions) if p[1] == "soprano"][1:] == [(0.5, "soprano", 72), (6.0, "soprano", 74)]


@pytest.mark.parametrize("gap", [0.0, 0.01, -0.03])
def test_contiguous_notes_strike_no_voice_that_keeps_its_note(monkeypatch: pytest.MonkeyPatch, gap: float) -> None:
    """Off and on in one tick, 6 ms apart, and with an overlap."""
    engine = make(monkeypatch, FakeModel(constant_chord))
    list(engine.generate(window(0)))
    actions = list(engine.listen(on(0.0, 72)))
    for number, pitch in enumerate((74, 72, 76, 72), 1):
        actions += engine.generate(window(number / 4))
        events = sorted([off(number / 4 - gap, engine_pitch(actions)), on(number / 4, pitch)], key=lambda e: e.beat)
        for event in events:
            actions += engine.listen(event)
    struck = [a for a in actions if isinstance(a, Play) and not a.tied and a.voice != "soprano"]
    assert len(struck) == 3
    assert [a.pitch for a in actions if isinstance(a, Play) and a.voice == "soprano"] == [72, 74, 72, 76, 72]


def engine_pitch(actions: list[Action]) -> int:
    return [a.pitch for a in actions if isinstance(a, Play) and a.voice == "soprano"][-1]


def test_keys_let_go_one_after_the_other_are_one_release(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    list(engine.generate(window(0)))
    for pitch in (60, 64, 67, 72):
        list(engine.listen(on(0.0, pitch)))
    run(engine, 0.25, 1)
    actions = [a for number, pitch in enumerate((72, 67, 64, 60)) for a in engine.listen(off(0.9 + number / 25, pitch))]
    actions += run(engine, 1, 3)
    assert plays(actions) == []
    assert {voice for _, voice in stops(actions)} == {"soprano", "alto", "tenor", "bass"}


def test_a_chord_struck_from_the_bottom_up_changes_each_voice_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    list(engine.generate(window(0)))
    actions = [a for number, pitch in enumerate((60, 64, 67)) for a in engine.listen(on(number / 100, pitch))]
    first, later = [a for a in actions if a.onset == 0], [a for a in actions if a.onset != 0]
    assert plays(first) == [(0.0, "soprano", 60), (0.0, "alto", 55), (0.0, "tenor", 48), (0.0, "bass", 43)]
    assert {onset for onset, *_ in plays(later)} == {GATHER}, "later Plays replace the queued ones"
    assert plays(later)[-4:] == [
        (GATHER, v, p) for v, p in (("soprano", 67), ("alto", 62), ("tenor", 55), ("bass", 50))
    ]


def test_the_first_key_may_wait_for_the_chord(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), first_key="with the chord", gather=50)
    list(engine.generate(window(0)))
    actions = [a for number, pitch in enumerate((60, 64, 67)) for a in engine.listen(on(number / 100, pitch))]
    assert {onset for onset, *_ in plays(actions)} == {0.050 * 96 / 60}


def test_under_a_low_soprano_no_voice_sounds_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    list(engine.generate(window(0)))
    for number, pitch in enumerate((50, 55, 60, 52)):
        answer = plays(list(engine.listen(on(number * 0.5, pitch))))
        assert answer == [
            (number * 0.5, v, pitch - d)
            for v, d in zip(("soprano", "alto", "tenor", "bass"), (0, 5, 12, 17), strict=True)
        ]
        list(engine.listen(off(number * 0.5 + 0.4, pitch)))


def test_a_chord_within_30_ms_changes_only_the_voices_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    def upper_voices_constant(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return (72, 64, 55, 48)[voice] if voice < 3 else (known[0] or 72) - 24

    model = FakeModel(upper_voices_constant, tie=-9.0)
    engine = make(monkeypatch, model)
    list(engine.generate(window(0, tempo=60)))
    list(engine.listen(on(0.0, 72)))
    list(engine.generate(window(0.25, tempo=60)))
    list(engine.listen(off(0.25, 72)))
    assert len(plays(list(engine.listen(on(0.3, 72))))) == 4
    assert plays(list(engine.listen(on(0.32, 76)))) == [
        (pytest.approx(0.33), "soprano", 76), (pytest.approx(0.33), "bass", 52)
    ]  # fmt: skip


@pytest.mark.parametrize(("tempo", "struck"), [(60, ["soprano"]), (30, ["soprano", "tenor", "bass"])])
def test_20_ms_are_fewer_beats_at_a_slower_tempo(
    monkeypatch: pytest.MonkeyPatch, tempo: float, struck: list[str]
) -> None:
    """0.015 beats after the first key: 15 ms at 60 beats per minute, 30 ms at 30."""
    model = FakeModel(constant_chord)
    engine = make(monkeypatch, model)
    list(engine.generate(window(0, tempo=tempo)))
    list(engine.listen(on(0.0, 72)))
    list(engine.generate(window(0.25, tempo=tempo)))
    list(engine.listen(on(0.25, 74)))
    model.tie = -9.0  # from now on repeated notes are struck again; the alto's prediction was made before
    assert [voice for _, voice, _ in plays(list(engine.listen(on(0.265, 76))))] == struck


def test_velocity_follows_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    loud = [a.velocity for a in engine.listen(on(0.0, 72, 120)) if isinstance(a, Play)]
    list(engine.listen(off(0.1, 72)))
    soft = [a.velocity for a in engine.listen(on(0.2, 72, 1)) if isinstance(a, Play)]
    assert loud == [120, 102, 102, 114]
    assert soft == [1, 1, 1, 1]


@pytest.mark.parametrize(("key", "alto"), [(0, 55), (24, 55), (100, 71), (127, 74)])
def test_notes_out_of_range_are_folded_for_the_harmony_only(
    monkeypatch: pytest.MonkeyPatch, key: int, alto: int
) -> None:
    engine = make(monkeypatch, FakeModel())
    answer = plays(list(engine.listen(on(0.0, key))))
    assert answer[0] == (0.0, "soprano", key)
    assert (answer[1][2] + 5 - key) % 12 == 0, answer


def test_keys_lead_soprano_and_bass(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), given=("bass", "soprano"))
    run(engine, 0, 0.25)
    assert [p[1:] for p in plays(list(engine.listen(on(0.0, 72))))] == [
        ("soprano", 72), ("alto", 67), ("tenor", 60), ("bass", 55)
    ]  # fmt: skip
    run(engine, 0.25, 1)
    assert plays(list(engine.listen(on(1.0, 48)))) == [(1.0, "bass", 48)]
    assert list(engine.listen(off(1.1, 48))) == [Stop(1.1 + LET_GO, "bass")]
    assert plays(run(engine, 1.25, 3)) == [(2.25, "bass", 55)], "a beat later the bass sings what it likes"


def test_the_second_source_leads_a_bar_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel())
    run(engine, 0, 0.25)
    list(engine.listen(on(0.0, 72)))
    run(engine, 0.25, 1.25)
    list(engine.listen(off(1.0, 72)))
    assert list(engine.listen(on(1.1, 67, source="pads"))) == []
    assert run(engine, 1.25, 5) == []
    assert plays(run(engine, 5, 5.25))[0] == (5.0, "soprano", 67)
    assert plays(list(engine.listen(on(5.2, 74))))[0] == (5.2, "soprano", 74)


def test_the_context_is_kept_for_a_bar_and_then_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model)
    run(engine, 0, 0.25)
    list(engine.listen(on(0.0, 72)))
    run(engine, 0.25, 1)
    list(engine.listen(off(0.9, 72)))
    run(engine, 1, 4.75)
    past = len(model.advances[-1].past)
    assert past == 19, "the start, four 16ths played, and the last chord held through the silence"
    assert all(held == (1, 1, 1, 1) for _, held in model.advances[-1].past[5:])
    model.advances.clear()
    run(engine, 5, 6)
    list(engine.listen(on(6, 72)))
    run(engine, 6, 6.5)
    assert [len(state.past) for state in model.advances] == [1 + 1], (
        "after the start state, which was computed for each position in the bar"
    )


def test_a_key_in_the_first_half_of_a_16th_belongs_to_it_a_later_one_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for beat, expected in ((0.30, (72, 74, 74)), (0.45, (72, 72, 74))):
        model = FakeModel()
        engine = make(monkeypatch, model)
        list(engine.generate(window(0)))
        list(engine.listen(on(0.0, 72)))
        list(engine.generate(window(0.25)))
        list(engine.listen(on(beat, 74)))
        assert list(engine.generate(window(0.5))) == []
        list(engine.generate(window(0.75)))
        past = [(symbols[0] + 36, held[0]) for symbols, held in model.advances[-1].past[-3:]]
        assert tuple(pitch for pitch, _ in past) == expected
        assert [held for _, held in past] == [0, 0 if beat < 0.375 else 1, 1 if beat < 0.375 else 0]


def test_after_a_reset_keys_are_heard_in_the_16th_of_the_reset_before_the_first_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such is the first key that sets the beat, with another one in the second half of its 16th."""
    model = FakeModel()
    engine = make(monkeypatch, model)
    run(engine, 0, 3)
    engine.reset({}, 4.0, 1)
    assert len(plays(list(engine.listen(on(4.0, 72))))) == 4
    assert plays(list(engine.listen(on(4.2, 74))))[0] == (4.2, "soprano", 74)
    assert run(engine, 4.25, 4.5) == [], "the second key counts for this 16th, which is not played again"
    list(engine.generate(window(4.5)))
    assert [symbols[0] + 36 for symbols, _ in model.advances[-1].past[-2:]] == [72, 74]


def test_a_key_within_the_lead_brings_queued_notes_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    def alternating(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return (72, 64, 55, 48 + position % 2)[voice]

    engine = make(monkeypatch, FakeModel(alternating))
    list(engine.generate(window(0)))
    list(engine.listen(on(0.0, 72)))
    assert plays(list(engine.generate(window(0.25)))) == [(0.25 + DELAY, "bass", 49)]
    assert plays(list(engine.listen(on(0.23, 74)))) == [(0.23, "soprano", 74), (0.23, "bass", 49)]


@pytest.mark.parametrize("late", [0.0, 0.005, 0.02])
def test_a_key_pressed_or_released_on_its_16th_makes_one_chord_not_two(
    monkeypatch: pytest.MonkeyPatch, late: float
) -> None:
    """As from a sequencer: each note has its full length, and arrives a moment after the 16th was written."""

    def alternating(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return (72, 64, 55, 48 + position % 2)[voice]

    engine = make(monkeypatch, FakeModel(alternating))
    list(engine.generate(window(0)))
    list(engine.listen(on(0.0, 72)))
    (queued,) = plays(list(engine.generate(window(0.25))))
    assert queued[0] > 0.25 + late, "the chord has not sounded yet"
    answer = [*engine.listen(off(0.25 + late, 72)), *engine.listen(on(0.25 + late, 74))]
    assert {action.onset for action in answer} == {0.25 + late, 0.25 + late + LET_GO}
    assert ("bass", 49) in [(voice, pitch) for _, voice, pitch in plays(answer)]
    list(engine.generate(window(0.5)))
    assert stops(list(engine.listen(off(0.5 + late, 74)))) == [
        (0.5 + late + LET_GO, "soprano"), (0.5 + late + LET_GO, "alto"), (0.5 + late + LET_GO, "tenor"),
        (0.5 + late, "bass"),
    ], "the bass was queued"  # fmt: skip


def test_the_release_of_the_last_key_cancels_queued_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(
        monkeypatch, FakeModel(lambda voice, previous, known, position: (72, 64, 55, 48 + position % 2)[voice]),
        release="next step",
    )  # fmt: skip
    list(engine.generate(window(0)))
    list(engine.listen(on(0.0, 72)))
    assert plays(list(engine.generate(window(0.25)))) == [(0.25 + DELAY, "bass", 49)]
    assert list(engine.listen(off(0.25, 72))) == [Stop(0.25, "bass")]
    assert stops(list(engine.generate(window(0.5)))) == [(0.5, voice) for voice in ("soprano", "alto", "tenor")]


def test_windows_may_be_missed_repeated_or_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(lambda voice, previous, known, position: (72, 64, 55, 40 + position)[voice]))
    list(engine.generate(window(0)))
    list(engine.listen(on(0.0, 72)))
    assert plays(list(engine.generate(window(0.25)))) == [(0.25 + DELAY, "bass", 41)]
    assert list(engine.generate(window(0.25))) == []
    assert plays(list(engine.generate(window(1.0)))) == [(1 + DELAY, "bass", 44)]
    assert plays(list(engine.generate(window(1.25, 0.5)))) == [(1.25 + DELAY, "bass", 45), (1.5 + DELAY, "bass", 46)]
    assert list(engine.generate(window(1.75, 0.0))) == []


def test_without_a_given_voice_chorales_are_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(constant_chord), given=("none",))
    assert list(engine.listen(on(0.0, 60))) == []
    actions = run(engine, 0.5, 60)
    chord = [("soprano", 72), ("alto", 64), ("tenor", 55), ("bass", 48)]
    assert plays(actions) == [(beat, *note) for beat in (4.0, 56.0) for note in chord]
    assert stops(actions) == [(52.0, voice) for voice in ("soprano", "alto", "tenor", "bass")]


def test_a_note_repeated_late_in_a_16th_counts_as_struck_on_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model)
    list(engine.generate(window(0)))
    list(engine.listen(on(0.0, 72)))
    list(engine.generate(window(0.25)))
    list(engine.listen(off(0.44, 72)))
    assert len(plays(list(engine.listen(on(0.45, 72))))) == 4
    list(engine.generate(window(0.5)))
    list(engine.generate(window(0.75)))
    assert [held for _, held in model.advances[-1].past[-3:]] == [(0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 0, 0)]


def test_the_last_chord_of_a_composed_chorale_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    def walking(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return (72, 64, 55, 40 + position)[voice]

    engine = make(monkeypatch, FakeModel(walking), given=("none",))
    bass = [onset for onset, voice, _ in plays(run(engine, 0, 60)) if voice == "bass"]
    assert [onset for onset in bass if 46 <= onset <= 53] == [46.0, 52.0, 52.25, 52.5, 52.75, 53.0]


def test_a_key_repeated_at_once_strikes_its_voice_only(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    engine = make(monkeypatch, model)
    list(engine.generate(window(0)))
    list(engine.listen(on(0.0, 72)))
    list(engine.generate(window(0.25)))
    list(engine.listen(off(0.26, 72)))
    list(engine.listen(on(0.27, 72)))
    list(engine.generate(window(0.5)))
    assert model.advances[-1].past[-1][1] == (0, 1, 1, 1)


def test_a_later_key_of_a_chord_uses_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each voice has two notes of equal probability; the second key of a chord does not change which one is drawn."""

    class TwoChoices(FakeModel):
        def head(self, state: State, previous: Any, known: Any, voice: Any) -> tuple[np.ndarray, np.ndarray]:
            log_probs, tie = super().head(state, previous, known, voice)
            log_probs[:] = -99
            for row, v in enumerate(voice):
                log_probs[row, [(72, 64, 55, 48)[v] - 36, (71, 62, 53, 45)[v] - 36]] = -0.7
            return log_probs, tie

    engine = make(monkeypatch, TwoChoices(), temperature=1.0)
    list(engine.generate(window(0.25)))  # off the beat, where no chord is asked for
    for n in range(20):
        list(engine.listen(on(n + 0.25, 72)))
        assert plays(list(engine.listen(on(n + 0.251, 74)))) == [(n + 0.25 + GATHER, "soprano", 74)]
        for key in (72, 74):
            list(engine.listen(off(n + 0.5, key)))


@pytest.mark.parametrize(
    ("density", "onsets"), [("every note", [0, 0.25, 0.5, 0.75, 1.0]), ("beats", [0, 1.0]), ("long notes", [0, 2.0])]
)
def test_density_is_when_the_voices_move_under_keys(
    monkeypatch: pytest.MonkeyPatch, density: str, onsets: list[float]
) -> None:
    """A run of 16ths over one beat, and a long key."""
    engine = make(monkeypatch, FakeModel(), density=density)
    actions = list(engine.generate(window(0)))
    for number in range(12):
        if number <= 4:
            actions += engine.listen(on(number / 4, 72 + number))
            actions += engine.listen(off(number / 4 + 0.01, 71 + number)) if number else []
        actions += engine.generate(window((number + 1) / 4))
    moves = sorted({onset - onset % 0.25 for onset, voice, _ in plays(actions) if voice == "bass"})
    assert moves == onsets


def test_voices_that_were_let_go_sound_on_under_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), density="beats")
    actions = [*engine.generate(window(0)), *engine.listen(on(0.0, 72))]
    actions += [*engine.generate(window(0.25)), *engine.listen(off(0.25, 72)), *engine.listen(on(0.25, 74))]
    after = [action for action in actions if isinstance(action, Play) and action.onset == 0.25]
    assert [(a.voice, a.tied) for a in after] == [
        ("soprano", False), ("alto", True), ("tenor", True), ("bass", True)
    ]  # fmt: skip


@pytest.mark.parametrize("onset", [0.02, 0.125, 0.25, 0.375])
def test_a_long_key_moves_the_voices_once(monkeypatch: pytest.MonkeyPatch, onset: float) -> None:
    """A beat after the 16th that the key belongs to, also of keys between two 16ths."""

    def falling(voice: int, previous: list[int | None], known: list[int | None], position: int) -> int:
        return (72, 64, 60, 52)[voice] - position * (voice == 3)

    engine, actions = make(monkeypatch, FakeModel(falling), density="long notes"), list[Action]()
    for number in range(10):
        actions += engine.generate(window(number / 4))
        actions += engine.listen(on(onset, 72)) if number == onset // 0.25 else []
    moves = [beat // 0.25 for beat, voice, _ in plays(actions) if voice == "bass"]
    assert moves == [onset // 0.25, (onset + 0.125) // 0.25 + 4]
