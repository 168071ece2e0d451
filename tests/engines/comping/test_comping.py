"""The engine comping: voice leading, rhythm, changes of plan, breaks and endings, as a listener would check them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from daemon.engines.comping import engine as comping_engine
from daemon.engines.comping.voice_leading import Change, lead
from daemon.engines.comping.voicings import Voicing
from daemon.music.events import Action, Play, Stop, Window
from daemon.music.feel import FEELS, Feel, swung
from daemon.music.melody import Note
from daemon.music.plan import BREAK, ENDING, Plan, PlannedChord, Section
from tests.engines.following import LEADER, chart, in_key, make, notes, plan, play

BLUES = "| F7 | Bb7 | F7 | Cm7 F7 | Bb7 | Bb7 | F7 | D7 | Gm7 | C7 | F7 D7 | Gm7 C7 |"
TWO_FIVE_ONE = "| Dm7 | G7 | Cmaj7 | Cmaj7 | Dm7 G7 | Em7 A7 | Dm7 G7 | C6 |"
# Independent of daemon: root and the semitones of third and seventh (or sixth) of the symbols used here.
ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
QUALITIES = {"m7": (3, 10), "maj7": (4, 11), "7": (4, 10), "6": (4, 9)}


def guides_of(symbol: str) -> set[int]:
    accidental = {"b": -1, "#": 1}.get(symbol[1:2], 0)
    third, seventh = QUALITIES[symbol[2 if accidental else 1 :]]
    root = ROOTS[symbol[0]] + accidental
    return {(root + third) % 12, (root + seventh) % 12}


def strokes(actions: Sequence[Action]) -> list[tuple[float, tuple[int, ...]]]:
    """The chords struck, by onset; strummed strings count as one."""
    found: dict[float, list[int]] = defaultdict(list)
    for note in notes(actions):
        onset = next((onset for onset in found if abs(onset - note.onset) < 0.12), note.onset)
        found[onset].append(note.pitch)
    return [(onset, tuple(sorted(pitches))) for onset, pitches in sorted(found.items())]


def voiced(given: Plan, beats: float, **values: float) -> list[tuple[str, tuple[int, ...]]]:
    """Each chord with the voicing that it was struck in, without repetitions. Guide tones tell which chord is meant."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for onset, pitches in strokes(play(make("comping", **values), [given], beats)):
        here = next(c for c in reversed(given.chords) if c.onset <= onset + 1e-6)
        later = next((c for c in given.chords if onset < c.onset <= onset + 0.5), here)
        tones = {pitch % 12 for pitch in pitches}
        chord = later if guides_of(later.symbol) <= tones else here
        assert guides_of(chord.symbol) <= tones, (onset, chord, pitches)
        if not found or found[-1] != (chord.symbol, pitches):
            found.append((chord.symbol, pitches))
    return found


def test_nothing_is_played_without_a_plan() -> None:
    assert play(make("comping"), [], 32) == []
    assert play(make("comping"), [Plan(0.0), Plan(8.0, (PlannedChord(8.0, 4.0, "?"),))], 32) == []


@pytest.mark.parametrize("semitones", range(12))
@pytest.mark.parametrize("feel", ["swing", "ballad", "bossa"])
def test_guide_tones_move_by_step_in_every_key(semitones: int, feel: str) -> None:
    """Every voicing has third and seventh (`voiced` asserts that); each is at most a whole tone from one before, where
    the chords have such tones: from G7 to Em7 the D has none."""
    given = in_key(plan(TWO_FIVE_ONE, feel), semitones)
    moves, leaps = 0, 0
    sequence = voiced(given, 32)
    for (before, low), (after, high) in pairwise(sequence):
        if before == after:
            continue
        sources = [pitch for pitch in low if pitch % 12 in guides_of(before)]
        reachable = {(guide + step) % 12 for guide in guides_of(before) for step in range(-2, 3)}
        for pitch in (pitch for pitch in high if pitch % 12 in guides_of(after) & reachable):
            moves, leaps = moves + 1, leaps + (min(abs(pitch - source) for source in sources) > 2)
    assert moves >= 10 and leaps == 0


@pytest.mark.parametrize("seed", range(5))
def test_voices_move_little_and_the_top_note_sings(seed: int) -> None:
    given = plan(BLUES * 2)
    engine = make("comping")
    sequence = [pitches for _, pitches in strokes(play(engine, [given], 96, seed))]
    changes = [(low, high) for low, high in pairwise(sequence) if low != high]
    tops = [abs(high[-1] - low[-1]) for low, high in changes]
    assert sum(top <= 4 for top in tops) >= 0.95 * len(tops) and max(tops) <= 7
    motion = [sum(min(abs(p - q) for q in low) for p in high) / len(high) for low, high in changes]
    assert sum(motion) / len(motion) < 0.9, "semitones for each voice"
    assert all(pitches[0] >= 50 and pitches[-1] <= 79 for pitches in sequence)
    assert len({pitches[-1] for pitches in sequence}) >= 3, "the top is a line, not a drone"


@pytest.mark.parametrize("feel", FEELS)
@pytest.mark.parametrize("variation", range(4))
@pytest.mark.parametrize("bar", [4.0, 3.0, 5.0, 3.5])
def test_every_chord_is_heard_in_every_feel_and_meter(feel: str, variation: int, bar: float) -> None:
    given = plan(TWO_FIVE_ONE, Feel(feel, FEELS[feel], 0.5, variation), bar)
    found = strokes(play(make("comping"), [given], 8 * bar, bar=bar))
    for chord in given.chords:
        near = [p for onset, p in found if chord.onset - 0.51 <= onset < chord.onset + chord.duration]
        assert any(guides_of(chord.symbol) <= {q % 12 for q in p} for p in near), chord


@pytest.mark.parametrize("feel", FEELS)
@pytest.mark.parametrize("variation", range(4))
def test_no_bar_is_played_three_times_in_a_row_and_phrases_hang_together(feel: str, variation: int) -> None:
    bar = 3.0 if feel == "waltz" else 4.0
    given = plan("| C7 " * 32 + "|", Feel(feel, FEELS[feel], 0.5, variation), bar)
    onsets = [onset for onset, _ in strokes(play(make("comping"), [given], 32 * bar, bar=bar))]
    bars = [tuple(round(onset % bar, 2) for onset in onsets if onset // bar == number) for number in range(32)]
    assert all(not one == two == three for one, two, three in zip(bars, bars[1:], bars[2:], strict=False))
    returned = sum(bars[4 * phrase] == bars[4 * phrase + 2] for phrase in range(8))
    assert returned >= 6, "the first bar of a phrase returns as its third"
    assert len(set(bars)) >= 3


def test_swing_delays_the_second_eighths_and_bossa_is_straight() -> None:
    for feel, places in (("swing", {0.0, 0.64}), ("bossa", {0.0, 0.5})):
        found = strokes(play(make("comping"), [plan(BLUES, Feel(feel, FEELS[feel], 0.5, 2))], 48))
        assert {round(onset % 1, 2) for onset, _ in found} == places


def test_a_chord_off_the_beat_before_a_change_anticipates_it() -> None:
    given = plan("| Dm7 | G7 " * 8 + "|", Feel("swing", 64.0, 0.5, 3))
    ahead = [
        (onset, pitches)
        for onset, pitches in strokes(play(make("comping"), [given], 64))
        if onset % 4 > 3.5 and onset < 63
    ]
    assert len(ahead) >= 3
    for onset, pitches in ahead:
        following = "G7" if int(onset // 4) % 2 == 0 else "Dm7"
        assert guides_of(following) <= {pitch % 12 for pitch in pitches}


def test_variation_density_and_energy_make_it_fuller_and_energy_louder() -> None:
    def played(variation: int = 1, energy: float = 0.5, **values: float) -> list[Play]:
        return notes(play(make("comping", **values), [plan(BLUES * 2, Feel("swing", 64.0, energy, variation))], 96))

    counts = [len(played(variation)) for variation in range(4)]
    assert counts[0] < counts[1] < counts[3] and counts[0] < counts[2]
    assert len(played(density=0.0)) < len(played()) < len(played(density=1.0))
    assert len(played(energy=0.0)) < len(played()) < len(played(energy=1.0))
    soft, loud = (sum(n.velocity for n in made) / len(made) for made in (played(energy=0.1), played(energy=0.9)))
    assert loud > soft + 20
    assert len({note.velocity for note in played()}) > 10, "as a person plays"


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


@pytest.mark.parametrize(("feel", "accents"), [("rock", {1.0, 3.0}), ("folk", {1.0, 3.0}), ("blues", {1.0, 3.0})])
def test_the_backbeat_is_accented(feel: str, accents: set[float]) -> None:
    made = notes(play(make("comping"), [plan("| C7 | F7 " * 20 + "|", Feel(feel, 50.0, 0.5, 3))], 160))
    loud, soft = (
        mean(n.velocity for n in made if (n.onset // 0.5 / 2 % 4 in accents) == is_loud) for is_loud in (1, 0)
    )
    assert loud > soft + 4


def test_swing_accents_what_is_off_the_beat_and_a_ballad_nothing() -> None:
    for feel, low, high in (("swing", 2.0, 8.0), ("ballad", -1.5, 1.5)):
        made = notes(play(make("comping"), [plan("| C7 | F7 " * 30 + "|", Feel(feel, 50.0, 0.5, 3))], 240))
        on, off = (mean(n.velocity for n in made if (n.onset % 1 > 0) == late) for late in (False, True))
        assert low < off - on < high, feel


def test_the_top_note_is_louder_than_the_others() -> None:
    struck: dict[float, list[Play]] = defaultdict(list)
    for note in notes(play(make("comping"), [plan(BLUES * 2)], 96)):
        struck[note.onset].append(note)
    tops = [max(chord, key=lambda note: note.pitch) for chord in struck.values()]
    rest = [note for chord in struck.values() for note in chord if note not in tops]
    assert mean(note.velocity for note in tops) > mean(note.velocity for note in rest) + 3


def test_folk_is_strummed_down_on_the_beat_and_up_off_the_beat() -> None:
    """Ten milliseconds from string to string, whatever the tempo."""
    for tempo in (60.0, 180.0):
        made = notes(
            play(make("comping"), [plan("| C | F | G7 | C " * 4 + "|", Feel("folk", 50.0, 0.5, 2))], 63, 1, 4.0, tempo)
        )
        for beat in {note.onset // 0.5 * 0.5 for note in made}:
            chord = sorted((note for note in made if beat <= note.onset < beat + 0.5), key=lambda note: note.onset)
            pitches = [note.pitch for note in chord]
            assert pitches == sorted(pitches, reverse=beat % 1 > 0)
            gaps = [(after.onset - note.onset) * 60 / tempo for note, after in pairwise(chord)]
            assert gaps == pytest.approx([0.01] * len(gaps))
            assert len({round(note.onset + (note.duration or 0), 6) for note in chord}) == 1, "they end together"


def test_a_strummed_chord_rings_until_the_next_one_or_for_a_beat() -> None:
    given = plan("| C | F | G7 | C " * 4 + "|", Feel("folk", 50.0, 0.5, 2))
    made = [note for note in notes(play(make("comping"), [given], 64)) if note.onset < 63]
    begins = sorted({note.onset // 0.5 * 0.5 for note in made})
    for note in made:
        following = next((beat for beat in begins if beat > note.onset), 64.0)
        bar = note.onset // 4 * 4 + 4
        assert note.onset + (note.duration or 0) >= min(following, bar, note.onset // 0.5 * 0.5 + 1) - 1e-6


@pytest.mark.parametrize("variation", range(4))
def test_bossa_has_short_chords_and_held_ones(variation: int) -> None:
    made = notes(
        play(make("comping"), [plan("| Dm7 | G7 | Cmaj7 | A7 " * 8 + "|", Feel("bossa", 50.0, 0.5, variation))], 128)
    )
    held = mean((note.duration or 0) > 0.9 for note in made)
    assert 0.15 < held < 0.85


def test_only_the_last_chord_is_rolled_in_other_feels() -> None:
    sections = (Section(0.0, 32.0, "A"), Section(32.0, 4.0, ENDING))
    made = notes(play(make("comping"), [plan(TWO_FIVE_ONE + " C6 |", sections=sections)], 36))
    last = sorted(note.onset for note in made if note.onset >= 32)
    assert [round((after - onset) / 2, 3) for onset, after in pairwise(last)] == [0.03] * (len(last) - 1), "seconds"
    assert {round(note.onset % 1, 6) for note in made if note.onset < 32} <= {0.0, 0.5}


@pytest.mark.parametrize("feel", FEELS)
@pytest.mark.parametrize("variation", [1, 3])
@pytest.mark.parametrize("bar", [4.0, 3.0, 5.0])
def test_a_chord_ends_before_the_next_one_is_struck_and_some_are_held(feel: str, variation: int, bar: float) -> None:
    made = notes(
        play(make("comping"), [plan(TWO_FIVE_ONE * 2, Feel(feel, FEELS[feel], 0.5, variation), bar)], 16 * bar, bar=bar)
    )
    struck: dict[float, float] = {}
    for note in made:
        onset = next((onset for onset in struck if abs(onset - note.onset) < 0.12), note.onset)
        struck[onset] = max(struck.get(onset, 0.0), note.onset + (note.duration or 99))
    for (onset, end), after in pairwise([*sorted(struck.items()), (16 * bar, 99)]):
        assert onset + 0.04 < end <= after[0] + 0.06, (onset, end, after)
    if (feel, bar) in (("ballad", 4.0), ("ballad", 5.0), ("rock", 4.0)) and variation == 1:
        assert max(end - onset for onset, end in struck.items()) > 1.2


@pytest.mark.parametrize("feel", FEELS)
def test_a_voicing_lasts_for_the_bar_and_in_folk_and_rock_as_long_as_its_chord(feel: str) -> None:
    given = plan("| C7 " * 6 + "| F7 " * 6 + "|", Feel(feel, FEELS[feel], 0.5, 3))
    found: dict[float, set[tuple[int, ...]]] = defaultdict(set)
    for onset, pitches in strokes(play(make("comping"), [given], 48)):
        if onset % 4 < 3.4:  # later ones may belong to the next bar
            found[onset // 4].add(pitches)
    assert all(len(voicings) == 1 for voicings in found.values())
    chords = [set.union(*(found[bar] for bar in range(first, first + 6))) for first in (0, 6)]
    assert all((len(each) == 1) == (feel in ("folk", "rock")) for each in chords), "elsewhere the voicing moves"


@pytest.mark.parametrize("feel", ["folk", "rock"])
def test_folk_and_rock_have_roots_and_other_feels_few_of_them(feel: str) -> None:
    def share(name: str) -> float:
        given = plan("| C7 | F7 | Gm7 | C7 | Dm7 | G7 " * 2 + "|", Feel(name, 50.0, 0.5, 2))
        roots = {"C7": 0, "F7": 5, "Gm7": 7, "Dm7": 2, "G7": 7}
        return mean(roots[symbol] in {pitch % 12 for pitch in pitches} for symbol, pitches in voiced(given, 48))

    assert share(feel) == 1.0 and share("swing") < 0.3


def test_the_register_moves_the_voicings() -> None:
    def middle(register: float) -> float:
        made = notes(play(make("comping", register=register), [plan(BLUES)], 48))
        return sum(note.pitch for note in made) / len(made)

    assert middle(57.0) + 8 < middle(70.0)
    assert abs(middle(64.0) - 64) < 2.5, "phrases lie now higher, now lower"


@pytest.mark.parametrize("feel", ["swing", "ballad", "folk"])
@pytest.mark.parametrize("lowest", [62, 67, 74])
def test_chords_leave_the_register_of_the_melody(feel: str, lowest: int) -> None:
    """Few notes sound above the melody, or less than a third below; without a melody many would."""
    tune = tuple(Note(float(beat), 1.0, lowest + (beat * 5) % 8, 80) for beat in range(48))

    def crowded(given: Plan) -> float:
        made = [note for note in notes(play(make("comping"), [given], 48)) if note.duration]
        assert all(note.pitch >= 48 for note in made), "nothing below C3"
        together = [
            note.pitch > sung.pitch - 3
            for note in made
            for sung in tune
            if sung.onset < note.onset + (note.duration or 0) - 0.1 and note.onset + 0.1 < sung.onset + sung.duration
        ]
        return sum(together) / len(together)

    alone = plan(BLUES, Feel(feel, FEELS[feel]))
    assert crowded(replace(alone, melody=tune)) < 0.15
    assert lowest == 74 or crowded(alone) > 0.3


def test_a_melody_that_is_high_moves_no_chord() -> None:
    tune = tuple(Note(float(beat), 1.0, 84 + beat % 5, 80) for beat in range(48))

    def middle(given: Plan) -> float:
        made = notes(play(make("comping"), [given], 48))
        return sum(note.pitch for note in made) / len(made)

    given = plan(BLUES)
    assert abs(middle(replace(given, melody=tune)) - middle(given)) < 2


@pytest.mark.parametrize("feel", FEELS)
def test_a_chord_that_comes_unexpectedly_is_struck_at_once_and_the_old_one_ends(feel: str) -> None:
    first = Plan(0.0, (PlannedChord(0.0, 1e6, "Cmaj7"),), (), (), Feel(feel, FEELS[feel]))
    for told, change in ((9.25, 9.25), (9.1, 9.25), (10.0, 10.0), (11.75, 11.75)):
        actions = play(make("comping"), [first, Plan(told, (PlannedChord(told, 1e6, "Ab7"),))], 16)
        new = [note for note in notes(actions) if note.onset >= change]
        assert min(note.onset for note in new) < change + 0.25
        assert all(0.1 < (note.duration or 99) <= 4 for note in new), "as long as a bar at most"
        assert guides_of("Ab7") <= {note.pitch % 12 for note in new if note.onset < new[0].onset + 0.12}
        stops = [action.onset for action in actions if isinstance(action, Stop)]
        for note in notes(actions):
            if note.onset < change - 0.01:
                end = min([stop for stop in stops if stop >= note.onset] + [note.onset + (note.duration or 0)])
                assert end <= change + 1e-6 or guides_of("Ab7") <= {
                    n.pitch % 12 for n in notes(actions) if n.onset == note.onset
                }


def test_a_chord_that_a_plan_ends_is_stopped_once() -> None:
    first = Plan(0.0, (PlannedChord(0.0, 1e6, "Cmaj7"),), (), (), Feel("ballad", 60.0))
    actions = play(make("comping"), [first, Plan(8.75, (PlannedChord(8.75, 1e6, "N.C."),))], 16)
    assert [action.onset for action in actions if isinstance(action, Stop)] == [8.75]


@pytest.mark.parametrize("feel", ["ballad", "rock"])
def test_a_chord_within_a_bar_is_held_though_the_rhythm_has_nothing_there(feel: str) -> None:
    made = notes(play(make("comping"), [plan("| Dm7 G7 | Cmaj7 A7 " * 8 + "|", Feel(feel, 50.0, 0.5, 0))], 64))
    assert all(any(note.onset == beat for note in made) for beat in range(0, 64, 2)), "each chord is struck"
    assert all((note.duration or 0) > 0.9 for note in made if note.onset % 4 == 2)


def test_folk_has_no_chord_ahead_of_its_time() -> None:
    given = plan("| C | F | Gm7 | C7 " * 4 + "|", Feel("folk", 50.0, 0.5, 3))
    found = [(onset, pitches) for onset, pitches in strokes(play(make("comping"), [given], 64)) if onset % 4 > 3.4]
    tones = ({0, 4, 7}, {5, 9, 0}, {7, 10, 2, 5}, {0, 4, 7, 10})
    assert len(found) > 8
    assert all({pitch % 12 for pitch in pitches} <= tones[int(onset // 4) % 4] for onset, pitches in found)


def test_the_first_chord_of_keys_sounds_at_once() -> None:
    actions = play(make("comping"), [Plan(5.25, (PlannedChord(5.25, 1e6, "Cmaj7"),), (), (), Feel("swing", 64.0))], 8)
    assert min(note.onset for note in notes(actions)) == 5.25


def test_only_chords_that_are_known_to_follow_are_voiced_ahead_and_none_before_the_first_one_sounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first chord is wanted at once, and so is each chord of a left hand."""
    counts: list[int] = []

    def counted(changes: Sequence[Change], *others: Any) -> list[Voicing]:
        counts.append(len(changes))
        return lead(changes, *others)

    monkeypatch.setattr(comping_engine, "lead", counted)
    play(make("comping"), [plan(BLUES)], 40)
    assert counts[0] == 1 and max(counts) >= 4
    counts.clear()
    play(make("comping"), [Plan(0.0, (PlannedChord(0.0, 1e6, "Cmaj7"),), (), (), Feel("swing", 64.0))], 16)
    assert counts and set(counts) == {1}


def test_a_plan_that_is_told_again_strikes_nothing_again() -> None:
    given = plan(BLUES)
    again = Plan(9.0, tuple(c for c in chart(BLUES) if c.onset >= 8.0), (), (), given.feel)
    once, twice = (play(make("comping"), plans, 48) for plans in ([given], [given, again]))
    assert [onset for onset, _ in strokes(once)] == [onset for onset, _ in strokes(twice)]


@pytest.mark.parametrize("engine", ["comping", "bass"])
def test_another_feel_makes_no_chord_unexpected(engine: str) -> None:
    pushed = [PlannedChord(beat, 2.0, ("Dm7", "G7")[number % 2]) for number, beat in enumerate(range(32))]
    chords = tuple(replace(chord, onset=2 * chord.onset - 0.5 * (chord.onset > 0)) for chord in pushed)
    given = Plan(0.0, chords, (), (), Feel("swing", 66.0))
    turned = [replace(given.since(float(beat)), feel=Feel("swing", 66.0, 0.5 + beat / 1000)) for beat in range(60)]
    played = [{round(note.onset, 6) for note in notes(play(make(engine), plans, 60))} for plans in ([given], turned)]
    assert played[0] == played[1]


def test_a_break_is_silent_after_its_first_beat() -> None:
    for start in (8.0, 16.0):
        sections = (Section(0.0, start, "A"), Section(start, 4.0, BREAK), Section(start + 4, 20.0, "B"))
        for feel in FEELS:
            made = notes(play(make("comping"), [plan(BLUES, Feel(feel, FEELS[feel], 0.5, 3), sections=sections)], 36))
            within = [note for note in made if start - 1e-6 <= note.onset < start + 4 - 1e-6]
            assert within and {note.onset for note in within if note.onset > start + 0.12} == set(), feel
            assert all(
                note.onset + (note.duration or 99) <= start + 1 for note in made if note.onset < start + 4 - 1e-6
            )
            assert all(0.1 < (note.duration or 99) < 0.5 for note in within), "short"
            before = [note for note in made if note.onset < start - 1e-6]
            assert all(note.onset + (note.duration or 99) <= start + 0.06 for note in before), "what sounds ends"
            assert any(note.onset >= start + 4 - 1e-6 for note in made)


def test_a_break_that_comes_unexpectedly_ends_what_sounds() -> None:
    first = plan("| Cmaj7 " * 8 + "|", Feel("ballad", 60.0, 0.5, 0))
    told = Plan(10.0, chart("| Cmaj7 " * 6, start=8.0), (Section(10.0, 4.0, BREAK), Section(14.0, 8.0, "B")))
    for seed in range(4):
        actions = play(make("comping"), [first, told], 20, seed)
        struck = [note for note in notes(actions) if note.onset < 14]
        assert all(note.onset <= 10.01 for note in struck)
        if any(note.onset + (note.duration or 99) > 11 for note in struck):
            assert min(action.onset for action in actions if isinstance(action, Stop)) <= 11
            return
    raise AssertionError("no chord lasted into the break")


def test_an_ending_holds_the_last_chord_and_nothing_follows() -> None:
    sections = (Section(0.0, 40.0, "A"), Section(40.0, 16.0, ENDING))
    given = plan(BLUES[:-1] + "| F6 | F6 |", sections=sections)
    made = notes(play(make("comping"), [given], 80))
    last = max(note.onset for note in made)
    final = [note for note in made if note.onset > 47.5]
    assert 48.0 <= last <= 48.2 and {note.pitch % 12 for note in final} >= guides_of("F6")
    assert all(note.onset + (note.duration or 0) == pytest.approx(56.0) for note in final)
    assert any(40.0 <= note.onset < 47.0 for note in made), "the bars before it are played"


@pytest.mark.parametrize("feel", FEELS)
@pytest.mark.parametrize("pitch", [59, 60, 64, 72])
def test_the_last_chord_is_full_also_beneath_a_low_melody(feel: str, pitch: int) -> None:
    sections = (Section(0.0, 16.0, "A"), Section(16.0, 8.0, ENDING))
    given = plan("| Dm7 | G7 | C6 | G7 | C6 | C6 |", Feel(feel, FEELS[feel]), sections=sections)
    tune = tuple(Note(float(beat), 1.0, pitch, 80) for beat in range(16))
    for seed in range(4):
        actions = play(make("comping"), [replace(given, melody=(*tune, Note(16.0, 8.0, pitch, 80)))], 24, seed)
        last = {note.pitch for note in notes(actions) if note.onset >= 16}
        assert len(last) >= 3 and len({each % 12 for each in last}) >= 3


def test_the_same_seed_gives_the_same_notes_and_another_one_others() -> None:
    given = plan(BLUES * 2)
    engine = make("comping")
    assert (
        play(engine, [given], 96, seed=3)
        == play(engine, [given], 96, seed=3)
        == play(make("comping"), [given], 96, seed=3)
    )
    assert [n.onset for n in notes(play(engine, [given], 96, 3))] != [
        n.onset for n in notes(play(engine, [given], 96, 4))
    ]


def test_windows_that_are_repeated_or_skipped_double_nothing() -> None:
    def played(windows: list[int]) -> list[tuple[float, int]]:
        engine, made = make("comping"), []
        engine.reset({}, 0.0, 1)
        list(engine.learn(LEADER, plan(BLUES)))
        for number in windows:
            made += engine.generate(Window(number / 4, number / 4 + 0.25, number // 16 * 4.0, 4.0, 120.0))
        return [(note.onset, note.pitch) for note in notes(made)]

    once = played(list(range(40)))
    assert once and played([*range(18), *range(12, 33), 30, 31, 31, *range(32, 40)]) == once
    skipped = played([number for number in range(40) if number % 7])
    assert len(set(skipped)) == len(skipped) and skipped
    assert {onset for onset, _ in skipped} <= {onset for onset, _ in once}, "nothing is played late"


def test_a_swing_that_is_turned_moves_no_chord_twice() -> None:
    engine = make("comping")
    given = plan(BLUES, Feel("swing", 50.0, 0.5, 3))
    turned = [
        Plan(beat, tuple(c for c in given.chords if c.onset + 4 > beat), (), (), Feel("swing", swing, 0.5, 3))
        for beat, swing in ((5.5, 70.0), (8.75, 50.0), (11.5, 66.0))
    ]
    onsets = [onset for onset, _ in strokes(play(engine, [given, *turned], 48))]
    written = [int(onset) + (0.5 if onset % 1 > 0.45 else 0.0) for onset in onsets]
    assert len(written) == len(set(written))
    assert swung(0.5, 70.0) == 0.7


def test_in_six_eight_the_chords_follow_the_beats_of_three_eighths() -> None:
    for feel in FEELS:
        given = plan("| C " * 16 + "|", Feel(feel, 50.0, is_compound=True), 3.0)
        places = [round(onset % 3.0, 1) for onset, _ in strokes(play(make("comping"), [given], 48, bar=3.0))]
        assert 2.0 not in places and {1.0, 2.5} <= set(places)  # in 3/4: 1.0 and 2.0
