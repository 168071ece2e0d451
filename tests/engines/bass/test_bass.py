"""The engine bass: roots, approaches, chord tones and range, counted by a listener who knows only names of notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest

from daemon.engines.base import Setup, engine_class
from daemon.music.events import Action, Play, Stop, Window
from daemon.music.feel import FEELS, Feel
from daemon.music.plan import BREAK, ENDING, Plan, PlannedChord, Section
from tests.engines.following import LEADER, in_key, make, notes, plan, play

BLUES = "| F7 | Bb7 | F7 | Cm7 F7 | Bb7 | Bb7 | F7 | D7 | Gm7 | C7 | F7 D7 | Gm7 C7 |"
RHYTHM = (
    "| Bb G7 | Cm7 F7 | Dm7 G7 | Cm7 F7 | Fm7 Bb7 | Eb Ebm6 | Bb/F G7 | Cm7 F7 | D7 | % | G7 | % | C7 | % | F7 | % |"
)
NAMES = {"C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7, "G#": 8, "Ab": 8}
NAMES |= {"A": 9, "A#": 10, "Bb": 10, "B": 11}
QUALITIES = {
    "": (0, 4, 7),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "6": (0, 4, 7, 9),
}


def bass_of(symbol: str) -> int:
    name, _, slash = symbol.partition("/")
    return NAMES[slash or name[: 2 if name[1:2] in ("b", "#") else 1]]


def tones_of(symbol: str) -> set[int]:
    name = symbol.partition("/")[0]
    length = 2 if name[1:2] in ("b", "#") else 1
    return {(NAMES[name[:length]] + tone) % 12 for tone in QUALITIES[name[length:]]} | {bass_of(symbol)}


def line(given: Plan, beats: float, seed: int = 1, bar: float = 4.0, **values: object) -> list[Play]:
    return notes(play(make("bass", **values), [given], beats, seed, bar))


def sounding(beat: float, feel: str) -> float:
    return int(beat) + FEELS[feel] / 100 if beat % 1 == 0.5 else beat


def at(played: Sequence[Play], beat: float) -> Play | None:
    return next((note for note in played if abs(note.onset - beat) < 1e-6), None)


def changes(given: Plan) -> list[PlannedChord]:
    """The chords that differ from the one before."""
    first = given.chords[:1]
    return [*first, *(after for before, after in pairwise(given.chords) if after.symbol != before.symbol)]


def test_nothing_is_played_without_a_plan() -> None:
    assert play(make("bass"), [], 32) == []
    assert play(make("bass"), [Plan(0.0), Plan(8.0, (PlannedChord(8.0, 4.0, "?"),))], 32) == []


@pytest.mark.parametrize("feel", FEELS)
@pytest.mark.parametrize("variation", range(4))
@pytest.mark.parametrize("semitones", [0, 5, 7])
def test_a_new_chord_has_its_bass_on_its_first_beat(feel: str, variation: int, semitones: int) -> None:
    bar = 3.0 if feel == "waltz" else 4.0
    given = in_key(plan(RHYTHM, Feel(feel, FEELS[feel], 0.5, variation), bar), semitones)
    played = line(given, 16 * bar, bar=bar)
    for chord in changes(given):
        note = at(played, sounding(chord.onset, feel))
        assert note is not None and note.pitch % 12 == bass_of(chord.symbol), chord
    assert all(28 <= note.pitch <= 55 for note in played)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("text", [BLUES, RHYTHM])
def test_walking_lines(seed: int, text: str) -> None:
    given = plan(text * 2, Feel("swing", 64.0, 0.5, 1))
    beats = 8 * (text.count("|") - 1)
    played = line(given, beats, seed)
    assert [note.onset for note in played] == [float(beat) for beat in range(beats)], "a note on every beat"
    symbols = {chord.onset + beat: chord.symbol for chord in given.chords for beat in range(round(chord.duration))}
    resolved: list[bool] = []
    for note, after in pairwise(played):
        if note.onset % 2 == 0:
            assert note.pitch % 12 in tones_of(symbols[note.onset]), "chord tones on strong beats"
        starts = symbols[after.onset] != symbols[note.onset]
        if starts and note.pitch % 12 != bass_of(symbols[note.onset]):
            resolved.append(abs(after.pitch - note.pitch) in (1, 2) or (note.pitch - after.pitch) % 12 == 7)
    assert sum(resolved) >= 0.98 * len(resolved) and len(resolved) >= 20, "approached by a step or from the dominant"
    leaps = [abs(after.pitch - note.pitch) for note, after in pairwise(played)]
    assert max(leaps) <= 12 and sum(leap > 7 for leap in leaps) <= 0.06 * len(leaps)
    assert sum(leap == 0 for leap in leaps) <= 0.03 * len(leaps)
    bars = [tuple(note.pitch for note in played[start : start + 4]) for start in range(0, len(played), 4)]
    assert all(one != two for one, two in pairwise(bars))
    assert len(set(bars)) >= 0.85 * len(bars), "no pattern is repeated"


@pytest.mark.parametrize("seed", range(4))
def test_no_bar_on_a_long_chord_is_like_one_of_the_two_before(seed: int) -> None:
    played = line(plan("| C7 " * 32 + "|", Feel("swing", 64.0, 0.5, 1)), 128, seed)
    bars = [tuple(note.pitch for note in played[start : start + 4]) for start in range(0, len(played), 4)]
    assert all(bar not in bars[max(number - 2, 0) : number] for number, bar in enumerate(bars))


def test_slash_chords_have_their_bass() -> None:
    given = plan("| C/E | F/A | C/G | Dm7/C | G7/B | C |", Feel("folk"))
    played = line(given, 24)
    assert [note.pitch % 12 for note in played if note.onset % 4 == 0] == [4, 9, 7, 0, 11, 0]


def test_two_feel_has_two_notes_a_bar_and_swing_walks_when_energy_rises() -> None:
    quiet = line(plan(BLUES, Feel("swing", 64.0, 0.5, 0)), 48)
    assert [note.onset for note in quiet] == [float(beat) for beat in range(0, 48, 2)]
    assert len(line(plan(BLUES, Feel("swing", 64.0, 0.8, 0)), 48)) == 48
    loud = line(plan(BLUES, Feel("swing", 64.0, 0.9, 1)), 48)
    assert sum(note.velocity for note in loud) / len(loud) > sum(note.velocity for note in quiet) / len(quiet) + 10


@pytest.mark.parametrize(
    ("feel", "variation", "bar", "onsets"),
    [
        ("waltz", 0, 3.0, {0.0, 2.0}),
        ("bossa", 1, 4.0, {0.0, 1.5, 2.0, 3.5}),
        ("rock", 2, 4.0, {0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5}),
        ("folk", 0, 4.0, {0.0, 2.0}),
        ("ballad", 0, 4.0, {0.0, 2.0}),
    ],
)
def test_patterns_of_the_feels(feel: str, variation: int, bar: float, onsets: set[float]) -> None:
    given = plan("| C | C | F | F | G7 | G7 | C | C |" * 2, Feel(feel, 50.0, 0.5, variation), bar)
    played = line(given, 16 * bar, bar=bar)
    assert {note.onset % bar for note in played} == onsets


@pytest.mark.parametrize(
    ("feel", "variation", "kind", "bar", "onsets"),
    [
        ("swing", 1, "by feel", 3.0, {0.0, 2.0}),
        ("swing", 2, "by feel", 3.0, {0.0, 1.0, 2.0}),
        ("swing", 1, "by feel", 5.0, {0.0, 1.0, 2.0, 3.0, 4.0}),
        ("rock", 2, "by feel", 3.0, {0.0, 0.5, 1.0, 1.5, 2.0, 2.5}),
        ("waltz", 2, "by feel", 4.0, {0.0, 1.0, 2.0, 3.0}),
        ("folk", 0, "by feel", 6.0, {0.0, 2.0, 4.0}),
        ("swing", 2, "walking", 3.0, {0.0, 1.0, 2.0}),
        ("ballad", 2, "walking", 5.0, {0.0, 1.0, 2.0, 3.0, 4.0}),
        ("ballad", 2, "walking", 3.5, {0.0, 1.0, 2.0, 3.0}),
        ("swing", 2, "roots", 3.0, {0.0}),
        ("waltz", 2, "roots", 4.0, {0.0}),
    ],
)
def test_patterns_of_other_meters(feel: str, variation: int, kind: str, bar: float, onsets: set[float]) -> None:
    """Swing in three is like a waltz, a waltz in four like swing; a bar that is longer than its pattern begins the
    pattern again."""
    given = plan("| C | F " * 8 + "|", Feel(feel, 50.0, 0.5, variation), bar)
    found = {round(note.onset % bar, 6) for note in line(given, 16 * bar, bar=bar, line=kind)}
    assert {place for place in found if place % 1 == 0 or feel == "rock"} == onsets


@pytest.mark.parametrize(("feel", "onsets"), [("ballad", {0.0, 2.0}), ("bossa", {0.0, 2.0}), ("folk", {0.0, 2.0})])
def test_energy_makes_only_swing_and_blues_walk(feel: str, onsets: set[float]) -> None:
    played = line(plan("| C | F " * 8 + "|", Feel(feel, 50.0, 1.0, 0)), 64)
    assert {note.onset % 4 for note in played} == onsets


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


@pytest.mark.parametrize(("feel", "bar"), [("swing", 4.0), ("blues", 4.0), ("rock", 4.0), ("folk", 4.0), ("rock", 6.0)])
def test_swing_leans_on_the_backbeat_and_other_feels_on_the_first_and_third_beat(feel: str, bar: float) -> None:
    played = line(plan("| C | F " * 40 + "|", Feel(feel, 50.0, 0.5, 1), bar), 80 * bar, bar=bar)
    strong, weak = (mean(n.velocity for n in played if n.onset % bar % 2 == place) for place in (0.0, 1.0))
    if feel == "folk":
        weak = mean(n.velocity for n in played if n.onset % bar == 3.0)
    assert weak > strong + 2 if feel in ("swing", "blues") else strong > weak + 2


def test_pickups_are_ghost_notes() -> None:
    """In swing all notes off the beat are pickups: much softer than the notes on the beat."""
    played = line(plan(BLUES * 4, Feel("swing", 64.0, 0.5, 3)), 192)
    on, off = (mean(n.velocity for n in played if (n.onset % 1 > 0) == late) for late in (False, True))
    assert sum(note.onset % 1 > 0 for note in played) > 10 and off < on - 15


@pytest.mark.parametrize("feel", ["swing", "ballad", "bossa", "rock", "blues"])
def test_the_first_rhythm_of_a_phrase_returns_as_its_third(feel: str) -> None:
    bars: list[list[float]] = [[] for _ in range(64)]
    for note in line(plan("| C7 " * 64 + "|", Feel(feel, 50.0, 0.5, 3)), 256):
        bars[int(note.onset // 4)].append(note.onset % 4)
    assert all(bars[number] == bars[number + 2] for number in range(0, 64, 4))
    assert any(bars[number] != bars[number + 1] for number in range(0, 64, 4))
    assert any(bars[number] != bars[number + 3] for number in range(0, 64, 4))
    assert any(bars[number + 1] != bars[number + 3] for number in range(0, 64, 4))


def test_silences_of_a_pattern_are_silent() -> None:
    """Rock breathes before its third beat, or holds the root: nothing is struck there."""
    played = line(plan("| C | F " * 16 + "|", Feel("rock", 50.0, 0.5, 0)), 128)
    assert {note.onset % 2 for note in played} == {0.0}
    before = [note.duration or 99 for note in played if note.onset % 4 == 0 and at(played, note.onset + 2) is not None]
    assert {length < 1.6 for length in before} == {True, False}, "some are let go of, some are held"


def test_octaves_of_rock_are_octaves() -> None:
    played = line(plan("| C | Am | F | G " * 8 + "|", Feel("rock", 50.0, 0.5, 3)), 128)
    moves = [abs(after.pitch - note.pitch) for note, after in pairwise(played) if after.onset % 4 in (1.0, 3.0)]
    assert 12 in moves, "some patterns have the octave there"
    assert all(abs(a.pitch - b.pitch) in (0, 12) for a, b in pairwise(played) if a.pitch % 12 == b.pitch % 12)


def test_from_root_to_root_it_goes_the_shorter_way() -> None:
    roots = [note.pitch for note in line(plan(BLUES * 4), 192, line="roots")]
    leaps = [abs(low - high) for low, high in pairwise(roots)]
    assert mean(leaps) < 5.5 and sum(leap > 7 for leap in leaps) <= 0.1 * len(leaps)


@pytest.mark.parametrize("feel", FEELS)
@pytest.mark.parametrize("variation", range(4))
def test_no_leap_is_wider_than_an_octave_and_few_are_octaves(feel: str, variation: int) -> None:
    leaps = []
    for seed in range(4):
        played = line(plan(RHYTHM * 2, Feel(feel, FEELS[feel], 0.5, variation)), 128, seed)
        leaps += [abs(after.pitch - note.pitch) for note, after in pairwise(played)]
    assert max(leaps) <= 12
    allowed = 0.25 if (feel, variation) == ("rock", 3) else 0.03  # there octaves are written
    assert mean(leap > 7 for leap in leaps) <= allowed


def test_a_chord_over_its_fifth_has_its_root_as_the_other_note() -> None:
    played = line(plan("| C/G | F/C " * 4 + "|", Feel("folk")), 32)
    other = [(note.pitch % 12, int(note.onset // 4) % 2) for note in played if note.onset % 4 == 2]
    assert len(other) == 8 and set(other) <= {(0, 0), (7, 0), (5, 1), (0, 1)} and {(0, 0), (5, 1)} <= set(other)


def test_most_notes_lie_between_low_g_and_the_c_below_middle_c() -> None:
    played = [note.pitch for seed in range(4) for note in line(plan(BLUES * 2, Feel("swing", 64.0, 0.5, 1)), 96, seed)]
    assert mean(31 <= pitch <= 48 for pitch in played) > 0.93


def test_passing_notes_are_of_the_scale_unless_a_new_chord_follows() -> None:
    c_major = {0, 2, 4, 5, 7, 9, 11}
    given = plan("| C | C | C | Am | Am | Am | F | F | F | C | C | C |", Feel("swing", 64.0, 0.5, 1))
    found = [note for seed in range(8) for note in line(given, 48, seed)]
    passing = [note.pitch % 12 for note in found if note.onset % 2 == 1 and note.onset % 12 < 11]
    tones = [pitch in tones_of("C") for pitch in passing]
    assert mean(pitch in c_major for pitch in passing) > 0.85 and mean(tones) < 0.9


@pytest.mark.parametrize("bar", [3.0, 5.0, 7.0, 3.5])
def test_a_bar_begins_with_a_chord_tone_in_every_meter(bar: float) -> None:
    for seed in range(3):
        played = line(plan("| C " * 24 + "|", Feel("swing", 50.0, 0.5, 1), bar), 24 * bar, seed, bar, line="walking")
        first = [note.pitch % 12 for note in played if note.onset % bar < 1e-6]
        assert len(first) == 24 and set(first) <= {0, 4, 7}


def test_folk_alternates_root_and_fifth() -> None:
    played = line(plan("| C | C | F | F | C | C |", Feel("folk")), 24)
    pairs = [(note.pitch % 12, after.pitch % 12) for note, after in pairwise(played) if note.onset % 4 == 0]
    assert set(pairs) <= {(0, 7), (5, 0), (0, 0), (5, 5)} and (0, 7) in pairs


def test_bossa_anticipates_the_next_chord() -> None:
    given = plan("| Dm7 | G7 | Cmaj7 | A7 " * 4 + "|", Feel("bossa", 50.0, 0.5, 1))
    played = line(given, 64)
    ahead = [note for note in played if note.onset % 4 == 3.5 and note.onset < 63]
    assert len(ahead) >= 6
    assert all(note.pitch % 12 == bass_of(given.chords[int(note.onset // 4) + 1].symbol) for note in ahead)


def test_an_option_asks_for_a_kind_of_line_whatever_the_feel() -> None:
    given = plan(BLUES, Feel("bossa", 50.0, 0.5, 1))
    assert len(line(given, 48, line="walking")) == 48
    assert [note.onset for note in line(given, 48, line="roots")] == [chord.onset for chord in given.chords]
    assert {note.onset % 4 for note in line(given, 48, line="two-feel")} <= {0.0, 2.0, 3.0}


@pytest.mark.parametrize("bar", [4.0, 3.0, 5.0, 3.5, 1.5])
@pytest.mark.parametrize("feel", FEELS)
def test_every_meter_is_played(feel: str, bar: float) -> None:
    given = plan("| C | F | G7 | C |", Feel(feel, FEELS[feel], 0.5, 2), bar)
    played = line(given, 4 * bar, bar=bar)
    assert played and all(0 <= note.onset < 4 * bar for note in played)
    assert all(at(played, sounding(number * bar, feel)) for number in range(4))


@pytest.mark.parametrize("feel", FEELS)
@pytest.mark.parametrize(("told", "change"), [(9.25, 9.25), (9.1, 9.25), (10.0, 10.0), (11.75, 11.75)])
def test_the_root_of_a_chord_that_comes_unexpectedly_sounds_at_once(feel: str, told: float, change: float) -> None:
    first = Plan(0.0, (PlannedChord(0.0, 1e6, "C"),), (), (), Feel(feel, FEELS[feel], 0.5, 1))
    actions = play(make("bass"), [first, Plan(told, (PlannedChord(told, 1e6, "Ab7"),))], 24)
    after = [note for note in notes(actions) if note.onset >= change]
    assert after[0].onset == change and after[0].pitch % 12 == 8
    assert (after[0].duration or 99) >= min(0.8 * (after[1].onset - change), 0.9), "until the next note"


def test_notes_do_not_overlap_and_stop_where_a_plan_ends_the_chord() -> None:
    first = plan("| Cmaj7 " * 8 + "|", "ballad")
    actions = play(make("bass"), [first, Plan(9.0)], 24)
    assert [action.onset for action in actions if isinstance(action, Stop)] == [9.0]
    assert all(note.onset < 9 for note in notes(actions))
    played = line(plan(BLUES, Feel("swing", 64.0, 0.5, 3)), 48)
    assert all(note.onset + (note.duration or 99) <= after.onset + 1e-6 for note, after in pairwise(played))


def test_a_break_is_silent_after_its_first_beat() -> None:
    for feel in FEELS:
        sections = (Section(0.0, 16.0, "A"), Section(16.0, 4.0, BREAK), Section(20.0, 20.0, "B"))
        played = line(plan(BLUES, Feel(feel, FEELS[feel], 0.5, 3), sections=sections), 40)
        within = [note for note in played if 16 <= note.onset < 20]
        assert [note.onset for note in within] == [16.0] and within[0].pitch % 12 == 10
        assert (within[0].duration or 0) > 0.3, "an eighth at least"
        assert all(note.onset + (note.duration or 99) <= 17 for note in played if note.onset < 20)
        assert at(played, 20.0) is not None


def test_an_ending_holds_the_last_root_and_nothing_follows() -> None:
    for feel in FEELS:
        sections = (Section(0.0, 40.0, "A"), Section(40.0, 16.0, ENDING))
        played = line(plan(BLUES[:-1] + "| F6 | F6 |", Feel(feel, FEELS[feel], 0.5, 2), sections=sections), 80)
        assert played[-1].onset == 48.0 and played[-1].pitch % 12 == 5
        assert (played[-1].duration or 0) > 7
        assert any(40 <= note.onset < 48 for note in played)


def test_the_same_seed_gives_the_same_notes_and_another_one_others() -> None:
    given = plan(BLUES, Feel("swing", 64.0, 0.5, 3))
    engine = make("bass")
    first: list[Action] = play(engine, [given], 48, 3)
    assert first == play(engine, [given], 48, 3) == play(make("bass"), [given], 48, 3)
    assert [n.pitch for n in notes(first)] != [n.pitch for n in notes(play(engine, [given], 48, 4))]


def test_windows_that_are_repeated_or_skipped_double_nothing() -> None:
    def played(windows: list[int]) -> list[tuple[float, int]]:
        engine, made = make("bass"), []
        engine.reset({}, 0.0, 1)
        list(engine.learn(LEADER, plan(BLUES, Feel("swing", 64.0, 0.5, 3))))
        for number in windows:
            made += engine.generate(Window(number / 4, number / 4 + 0.25, number // 16 * 4.0, 4.0, 120.0))
        return [(note.onset, note.pitch) for note in notes(made)]

    once = played(list(range(40)))
    assert once and played([*range(18), *range(12, 33), 30, 31, 31, *range(32, 40)]) == once
    skipped = played([number for number in range(40) if number % 7])
    assert len(set(skipped)) == len(skipped) and skipped
    assert {onset for onset, _ in skipped} <= {onset for onset, _ in once}, "nothing is played late"


def test_repeated_roots_of_rock_stay_in_their_octave() -> None:
    played = line(plan("| C | Am | F | G " * 4 + "|", Feel("rock", 50.0, 0.5, 2)), 64)
    same = [(note, after) for note, after in pairwise(played) if note.pitch % 12 == after.pitch % 12]
    assert len(same) > 60 and all(note.pitch == after.pitch for note, after in same if after.onset % 4)


@pytest.mark.parametrize("name", ["bass", "comping"])
def test_the_plan_of_a_lower_player_changes_nothing(name: str) -> None:
    """Nor is anything drawn anew for it."""

    def played(other: bool) -> list[Action]:
        engine = engine_class(name)(Setup(engine_class(name).Options(), {}, None, (LEADER, "other")))
        engine.prepare()
        engine.reset({}, 0.0, 1)
        list(engine.learn(LEADER, plan(BLUES)))
        actions: list[Action] = []
        for number in range(64):
            if other and number % 4 == 1:
                list(engine.learn("other", plan("| Eb | Ab7 | Db | Gb |")))
            actions += engine.generate(Window(number / 4, number / 4 + 0.25, number // 16 * 4.0, 4.0, 120.0))
        return actions

    assert played(other=True) == played(other=False)


@pytest.mark.parametrize("feel", FEELS)
@pytest.mark.parametrize("bar", [3.0, 6.0])
def test_in_six_eight_the_bass_moves_on_the_beats_of_three_eighths(feel: str, bar: float) -> None:
    for variation in range(4):
        played = line(
            plan("| C " * 16 + "|", Feel(feel, 50.0, 0.5, variation, is_compound=True), bar), 16 * bar, bar=bar
        )
        beats = [at(played, number * 1.5) for number in range(round(16 * bar / 1.5))]
        assert all(note is not None for note in beats)
        assert at(played, 1.0) is None or variation == 3
