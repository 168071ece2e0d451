"""Composed choruses: what is given stays, what is forbidden does not occur, by a checker that knows no sampler."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import SongError
from daemon.markov.constraints import TickWeights
from daemon.markov.events import REST
from daemon.markov.max_order import longest_copy
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import compile_sampler
from daemon.markov.variation import distance
from daemon.music.chords import chord_of
from daemon.music.leadsheet import LeadSheet
from daemon.music.melody import Note
from daemon.song import composer
from daemon.song.composer import Composer, Wishes
from daemon.song.composing.melody import melody_constraints
from daemon.song.description import Song
from daemon.song.reader import read_song
from daemon.song.styles.pieces import Piece
from tests.song.tiny_style import write_tiny_style

HEAD = "key: F\nstyle: tiny\nmax_order: none\n"


@dataclass(frozen=True)
class Studio:
    """A folder with a style."""

    folder: Path
    pieces: Sequence[Piece]

    def song(self, text: str) -> Song:
        (self.folder / "song.yaml").write_text(text, encoding="utf-8")
        return read_song(self.folder / "song.yaml")

    def composer(self, text: str) -> Composer:
        return Composer(self.song(text))

    def sheets(self, text: str, count: int = 20) -> list[LeadSheet]:
        composer = self.composer(text)
        return [composer.compose(np.random.default_rng(seed)) for seed in range(count)]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("songs")
    return Studio(folder, write_tiny_style(folder))


def symbols(sheet: LeadSheet) -> list[str]:
    return [chord.symbol for chord in sheet.chords]


def at(sheet: LeadSheet, beat: float) -> Note | None:
    """The note that sounds at a beat."""
    return next((note for note in sheet.melody if note.onset <= beat + 1e-6 < note.onset + note.duration), None)


def begins(sheet: LeadSheet, beat: float) -> Note | None:
    return next((note for note in sheet.melody if abs(note.onset - beat) < 1e-6), None)


def check(sheet: LeadSheet) -> None:
    """Chords cover the sheet; notes lie within it and do not overlap."""
    beat = 0.0
    for chord in sheet.chords:
        assert chord.onset == pytest.approx(beat)
        beat = chord.onset + chord.duration
    assert beat == pytest.approx(sheet.length)
    for note, later in zip(sheet.melody, sheet.melody[1:], strict=False):
        assert note.onset + note.duration <= later.onset + 1e-6
    assert sheet.melody[-1].onset + sheet.melody[-1].duration <= sheet.length + 1e-6


def test_blank_chords_are_composed_and_given_ones_stay(studio: Studio) -> None:
    sheets = studio.sheets(HEAD + "bars: 8\nchords: '| F | ? | C13(#11) / Bbm6/G C7 | ? | F | ? | ? | F6 |'")
    for sheet in sheets:
        check(sheet)
        inside = [chord.symbol for chord in sheet.chords if 8 <= chord.onset < 12]
        assert inside == ["C13(#11)", "Bbm6/G", "C7"] and at_chord(sheet, 0) == "F" and at_chord(sheet, 28) == "F6"
        composed = [chord_of(chord.symbol).root for chord in sheet.chords if 4 <= chord.onset < 8]
        assert composed and set(composed) <= {5, 10, 0, 2, 7}
    assert len({tuple(symbols(sheet)) for sheet in sheets}) > 5


def test_what_is_given_stays_also_where_no_piece_of_the_style_begins_so_or_goes_on_so(studio: Studio) -> None:
    chords = "chords: '| C7 | ? | Gm | C | Dm | Bb | ? | F |'"
    write_tiny_style(studio.folder, "strict", ((0.0, 0.3, 0.7), (0.0, 0.4, 0.6)))
    head = HEAD.replace("tiny", "strict")
    for sheet in studio.sheets(head + chords + "\nnotes_at: {1.1-1.2: E5, 1.3-1.4: Bb4, 2.1-2.2: D5}\ncadence: none"):
        check(sheet)
        given = [at_chord(sheet, 4.0 * bar) for bar in (0, 2, 3, 4, 5, 7)]
        assert given == ["C7", "Gm", "C", "Dm", "Bb", "F"]
        assert [note.pitch for note in sheet.melody[:3]] == [76, 70, 74]


def at_chord(sheet: LeadSheet, beat: float) -> str:
    return next(c.symbol for c in sheet.chords if c.onset <= beat + 1e-6 < c.onset + c.duration)


def test_chords_at_positions(studio: Studio) -> None:
    text = HEAD + "bars: 8\nchords_at: {3: Bb or Gm7, 5.1: C9, 6-7: not F}\nmelody: none"
    for sheet in studio.sheets(text):
        assert not sheet.melody
        assert at_chord(sheet, 8) in ("Bb", "Gm7") and at_chord(sheet, 11.9) == at_chord(sheet, 8)
        assert any(chord.onset == 16 and chord.symbol == "C9" for chord in sheet.chords)
        assert all(at_chord(sheet, beat) != "F" for beat in range(20, 28))


def test_a_full_cadence(studio: Studio) -> None:
    for sheet in studio.sheets(HEAD + "bars: 8\ncadence: full"):
        check(sheet)
        assert symbols(sheet)[-1] == "F" and sheet.chords[-2].symbol in ("C", "C7")
        last = sheet.melody[-1]
        assert last.pitch % 12 == 5 and last.duration >= 2 and last.onset in (28, 30)


def test_a_half_cadence(studio: Studio) -> None:
    sheets = studio.sheets(HEAD + "bars: 4\ncadence: half", 40)
    for sheet in sheets:
        assert symbols(sheet)[-1] in ("C", "C7") and sheet.melody[-1].duration >= 2
    assert {sheet.melody[-1].pitch % 12 for sheet in sheets} == {0, 4, 7}, "each note of the dominant"


def test_notes_that_are_fixed_and_forbidden(studio: Studio) -> None:
    notes = "notes_at: {1.1: C5, 3.2: A4 or F4, 5: rest, 6.1-6.2: D5, 7-8: not F}"
    for sheet in studio.sheets(HEAD + "bars: 8\ncadence: none\n" + notes):
        first, second, long = begins(sheet, 0), begins(sheet, 9), begins(sheet, 20)
        assert first is not None and first.pitch == 72
        assert second is not None and second.pitch in (69, 65)
        assert all(at(sheet, 16 + n / 4) is None for n in range(16))
        assert long is not None and (long.pitch, long.duration) == (74, 2)
        assert all(note.pitch % 12 != 5 for beat in range(24, 32) if (note := at(sheet, beat)) is not None)


def test_a_melody_is_composed_around_what_is_given(studio: Studio) -> None:
    line = "melody: 'C5 | F5 - E5 - | ? | ? | [C5 D5] E5 F5 r |'\nchords: '| F | Bb | C7 | F |'"
    sheets = studio.sheets(HEAD + line)
    for sheet in sheets:
        notes = [(note.onset, note.duration, note.pitch) for note in sheet.melody]
        assert notes[:3] == [(-1, 1, 72), (0, 2, 77), (2, 2, 76)]
        assert notes[-4:] == [(12, 0.5, 72), (12.5, 0.5, 74), (13, 1, 76), (14, 1, 77)]
        assert sum(duration for onset, duration, _ in notes if 4 <= onset < 12) <= 8
    assert len({sheet.melody for sheet in sheets}) > 5


def test_a_given_melody_is_harmonised(studio: Studio) -> None:
    sheets = studio.sheets(HEAD + "bars: 4\nmelody: '| F4 A4 C5 - | D5 - Bb4 - | G4 - C4 - | F4 - - - |'")
    assert len({sheet.melody for sheet in sheets}) == 1
    fits = [note.pitch % 12 in chord_of(at_chord(s, note.onset)).pitch_classes for s in sheets for note in s.melody]
    assert np.mean(fits) > 0.6


def test_the_range(studio: Studio) -> None:
    for low, high in ((60, 72), (48, 62), (72, 84)):
        names = {60: "C4", 72: "C5", 48: "C3", 62: "D4", 84: "C6"}
        for sheet in studio.sheets(HEAD + f"bars: 4\nrange: {names[low]}-{names[high]}", 20):
            assert all(low <= note.pitch <= high for note in sheet.melody)


def test_no_composed_bar_is_empty(studio: Studio) -> None:
    for sheet in studio.sheets(HEAD + "bars: 8\nnotes_at: {3: rest}"):
        sounding = {int(beat // 4) for beat in range(32) if at(sheet, beat + 0.001) or begins(sheet, beat + 0.5)}
        assert sounding == {0, 1, 3, 4, 5, 6, 7}
        ends = [note.onset + note.duration for note in sheet.melody]
        gaps = [later.onset - end for end, later in zip(ends, sheet.melody[1:], strict=False) if not 8 <= end < 12]
        assert max(gaps) <= 4, "two rests of half a bar, at a bar line"


def test_a_composed_rest_lasts_half_a_bar_at_most(studio: Studio) -> None:
    song, alphabet = studio.song(HEAD + "bars: 2\nnotes_at: {2: rest}"), ((REST, 24), (REST, 36), (0, 36))
    constraints = list(melody_constraints(song, song.sections[0], 65, alphabet))
    weights = TickWeights(constraints, alphabet, 96)
    assert np.isfinite(weights.rows[weights.row_of_tick[0]]).tolist() == [True, False, True]


def test_no_composed_rest_follows_another_unless_rests_are_given(studio: Studio) -> None:
    model = MarkovModel([(Corpus((((REST, 12), (0, 12), (REST, 12)),)), 1.0)], 0)

    def rests_in_a_row(text: str) -> bool:
        song, random = studio.song(HEAD + "bars: 2\ncadence: none\n" + text), np.random.default_rng(1)
        sampler = compile_sampler(model, 96, 48, tuple(melody_constraints(song, song.sections[0], 65, model.events)))
        melodies = [sampler.sample(random) for _ in range(30)]
        return any(one[0] == other[0] == REST for melody in melodies for one, other in pairwise(melody))

    assert not rests_in_a_row("") and rests_in_a_row("notes_at: {1.1: rest}")


def test_the_octave_is_that_in_which_the_style_knows_most_of_what_is_given(studio: Studio) -> None:
    for sheet in studio.sheets(HEAD + "bars: 4\nnotes_at: {1.1: F5, 2.1: C6, 3.1: A5, 4.1: D5}", 3):
        found = [begins(sheet, beat) for beat in (0, 4, 8, 12)]
        assert [note and note.pitch for note in found] == [77, 84, 81, 74]


def test_how_a_variation_is_drawn_does_not_depend_on_earlier_choruses(studio: Studio) -> None:
    one, other = studio.composer(FORM), studio.composer(FORM)
    wishes = Wishes(similarity=0.6)
    one.compose(np.random.default_rng(1), one.compose(np.random.default_rng(2)), wishes)
    like = one.compose(np.random.default_rng(9))
    later = [each.compose(np.random.default_rng(7), like, wishes) for each in (one, other)]
    assert later[0] == later[1]


def test_phrases(studio: Studio) -> None:
    for sheet in studio.sheets(HEAD + "bars: 8\nphrases: [3, 3, 2]"):
        for end in (12, 24):
            assert all(not note.onset < end - 1e-6 < note.onset + note.duration - 1e-3 for note in sheet.melody)
            assert not [note for note in sheet.melody if end - 1 < note.onset < end]


FORM = HEAD + "form: A A' B A\nsections:\n  A: {bars: 4, cadence: full}\n  B: {bars: 4, cadence: half}\n"


def part(sheet: LeadSheet, number: int) -> list[tuple[float, float, int]]:
    inside = [note for note in sheet.melody if number * 16 <= note.onset < number * 16 + 16]
    return [(note.onset - number * 16, note.duration, note.pitch) for note in inside]


def test_a_section_is_repeated_as_it_is_and_varied(studio: Studio) -> None:
    for sheet in studio.sheets(FORM, 20):
        assert part(sheet, 0) == part(sheet, 3) != part(sheet, 2)
        chords = [[c.symbol for c in sheet.chords if n * 16 <= c.onset < n * 16 + 16] for n in range(4)]
        assert chords[0] == chords[1] == chords[3]


@pytest.mark.parametrize("distance", [0, 0.3])
def test_a_variation_with_another_cadence_closes(studio: Studio, distance: float) -> None:
    """Its last two bars have chords of their own, the others those of its source; its melody ends on the tonic."""
    form = HEAD + "form: A A'\nsections:\n  A: {bars: 4, cadence: half}\n"
    for sheet in studio.sheets(form + f"  A': {{variation_of: A, cadence: full, distance: {distance}}}\n", 10):
        bars = [[c.symbol for c in sheet.chords if bar * 4 <= c.onset < bar * 4 + 4] for bar in range(8)]
        assert bars[:2] == bars[4:6] and bars[3][-1].startswith("C") and bars[7] == ["F"]
        assert [part(sheet, number)[-1][2] % 12 == 5 for number in (0, 1)] == [False, True]
        changed = [note for note in part(sheet, 0) if note not in part(sheet, 1)]
        assert distance or all(onset >= 8 for onset, _, _ in changed)


def test_given_chords_that_contradict_the_cadence_give_a_warning(studio: Studio) -> None:
    (warning,) = studio.composer(HEAD + "chords: jazz blues\ncadence: full\n").warnings()
    assert "cadence: full, but the given chords end with C7 (bar 12.3): end them on F" in warning
    assert studio.composer(HEAD + "chords: '| F | C7 | F |'\ncadence: full\n").warnings() == []
    assert studio.composer(HEAD + "chords: '| F | C7 | ? |'\ncadence: half\n").warnings() == []


def events(notes: Sequence[tuple[float, float, int]]) -> list[tuple[int, int]]:
    """Notes of four bars as (pitch, ticks), with -1 for rests."""
    found, end = [], 0.0
    for onset, duration, pitch in [*notes, (16.0, 0.0, 0)]:
        found += [(-1, round((onset - end) * 12)), (pitch, round(duration * 12))]
        end = onset + duration
    return [event for event in found if event[1]]


@pytest.mark.parametrize("wanted", [0.15, 0.3, 0.6])
def test_the_distance_of_a_variation(studio: Studio, wanted: float) -> None:
    """On average, under the constraints of the section."""
    sheets = studio.sheets(FORM + f"  A': {{variation_of: A, distance: {wanted}, phrases: 1}}\n", 80)
    found = [distance(events(part(sheet, 0)), events(part(sheet, 1))) for sheet in sheets]
    assert np.mean(found) == pytest.approx(wanted, abs=0.06)


def test_distances_nought_and_one(studio: Studio) -> None:
    same, free = (
        [(events(part(sheet, 0)), events(part(sheet, 1))) for sheet in studio.sheets(text, 30)]
        for text in (FORM + f"  A': {{variation_of: A, distance: {wanted}}}\n" for wanted in (0, 1))
    )
    assert all(one == other for one, other in same)
    unrelated = [distance(one, other) for (one, _), (_, other) in pairwise(free)]
    assert np.mean([distance(*pair) for pair in free]) > np.mean(unrelated) - 0.1


def test_no_chorus_copies_the_style(studio: Studio) -> None:
    text = FORM.replace("max_order: none", "max_order: 6")
    melodies = [piece.melody for piece in studio.pieces]
    lengths = []
    for sheet in studio.sheets(text, 10):
        events = [(note.pitch - 65, round(note.duration * 12)) for note in sheet.melody]
        lengths.append(longest_copy(events, melodies).length)
    assert max(lengths) < 6
    free = [
        longest_copy([(n.pitch - 65, round(n.duration * 12)) for n in sheet.melody], melodies).length
        for sheet in studio.sheets(FORM, 10)
    ]
    assert max(free) >= 6, "the constraint has an effect"


def test_a_max_order_that_all_melodies_break_is_named_with_one_that_would_do(studio: Studio) -> None:
    pattern = r"song\.yaml: max_order: .* 3 notes in a row .*: set max_order to (\d+) or more"
    with pytest.raises(SongError, match=pattern) as raised:
        studio.composer(HEAD.replace("none", "3") + "bars: 16")
    found = re.search(pattern, str(raised.value))
    assert found is not None and 4 < int(found[1]) < 8
    studio.composer(HEAD.replace("none", found[1]) + "bars: 16")


def test_a_seed_gives_the_same_song_again(studio: Studio) -> None:
    one, other = studio.composer(FORM), studio.composer(FORM)
    assert one.compose(np.random.default_rng(3)) == other.compose(np.random.default_rng(3))
    assert one.compose(np.random.default_rng(3)) != one.compose(np.random.default_rng(4))


def test_melodies_have_as_many_notes_as_the_pieces_of_the_style(studio: Studio) -> None:
    events = [event for piece in studio.pieces for event in piece.melody]
    wanted = len(events) / sum(ticks for _, ticks in events) * 48
    sheets = studio.sheets(HEAD + "bars: 16\ncadence: none", 12)
    assert np.mean([len(sheet.melody) / 16 for sheet in sheets]) == pytest.approx(wanted, rel=0.15)


@pytest.mark.parametrize("key", ["C", "Cm"])
def test_a_melody_does_not_stay_beside_the_beat(studio: Studio, key: str) -> None:
    """A 13th of the notes of the style begins between the eighths; without the meter of the pieces, a third to most."""
    sheets = studio.sheets(f"key: {key}\nstyle: jazz\nbars: 16\nmax_order: none", 12)
    beside = [abs(note.onset * 2 - round(note.onset * 2)) > 0.01 for sheet in sheets for note in sheet.melody]
    assert np.mean(beside) < 0.15


def test_another_chorus_on_the_same_chords(studio: Studio) -> None:
    composer = studio.composer(FORM)
    first = composer.compose(np.random.default_rng(1))
    later = [composer.compose(np.random.default_rng(seed), like=first) for seed in range(2, 8)]
    assert all(sheet.chords == first.chords for sheet in later)
    assert len({sheet.melody for sheet in later}) == 6


def test_what_cannot_be_met_is_named_with_its_bars(studio: Studio) -> None:
    with pytest.raises(SongError) as raised:
        studio.composer(HEAD + "bars: 4\nrange: C4-C6\nnotes_at: {1.1: A4, 2.3: F#5, 4.1: C5}")
    (problem,) = raised.value.problems
    assert problem.endswith("section A, bar 2.3: the style cannot meet: F#5 (2.3): change or delete this")


def test_every_section_is_reported(studio: Studio) -> None:
    text = FORM.replace("bars: 4,", "bars: 4, notes_at: {1.1: F#4},")
    with pytest.raises(SongError) as raised:
        studio.composer(text)
    assert ["section A" in problem for problem in raised.value.problems] == [True, False]


def test_improbable_constraints_give_a_warning(studio: Studio) -> None:
    assert studio.composer(HEAD + "bars: 4").warnings() == []
    leaps = ", ".join(f"{bar}.{beat}: {'C4' if beat % 2 else 'C5'}" for bar in range(1, 5) for beat in range(1, 5))
    (warning,) = studio.composer(HEAD + f"bars: 4\ncadence: none\nnotes_at: {{{leaps}}}").warnings()
    assert "section A: one of 10^" in warning and warning.endswith("give less, or choose another style")


@pytest.mark.parametrize("asked", ["", "cadence: half", "notes_at: {3.1: E5}", "range: C4-G4"])
def test_usual_wishes_give_no_warning(studio: Studio, asked: str) -> None:
    assert studio.composer(f"key: C\nstyle: hymns\nmax_order: none\nbars: 8\n{asked}").warnings() == []


def test_of_a_long_section_fewer_melodies_are_tried(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longer a melody, the longer it takes and the likelier it has a copy."""
    monkeypatch.setattr(composer, "MOST_TICKS", 5 * 16 * 48)
    with pytest.raises(SongError, match="max_order: all of 5 melodies have 3 notes in a row"):
        studio.composer("key: F\nstyle: tiny\nmax_order: 3\nchords: '|: F | C :|x8'")


def test_chords_on_which_no_melody_is_found_are_drawn_again(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty songs of 32 bars in a style where on some chords nearly all melodies are copies; without other chords some
    are refused. Where the chords are given, all tries are for these."""
    text = "key: C\nmeter: 3/4\nstyle: waltz\nbars: 32\nmax_order: 8\n"
    song = studio.composer(text)
    for seed in range(20):
        song.compose(np.random.default_rng(seed))
    monkeypatch.setattr(composer, "MOST_CHORDS", 1)
    once = studio.composer(text)
    with pytest.raises(SongError, match="max_order: all of"):
        for seed in range(20):
            once.compose(np.random.default_rng(seed))


def test_a_song_without_max_order_is_composed_where_a_style_has_few_pieces(studio: Studio) -> None:
    """The longest copy is shorter than what the warning says; a song that gives `max_order` is refused."""
    text = "key: D minor\nmeter: 6/8\nstyle: {folk: 2, hymns: 1}\nbars: 16\nphrases: 4\ncadence: full\n"
    composer = studio.composer(text)
    (warning,) = [each for each in composer.warnings() if "too few pieces" in each]
    assert composer._copies is not None
    allowed = composer._copies.max_order
    assert allowed > 8 and f"up to {allowed - 1} notes in a row may be those of a piece" in warning
    for seed in range(3):
        assert composer.compose(np.random.default_rng(seed)).melody
    with pytest.raises(SongError, match="max_order: all of"):
        studio.composer(text + "max_order: 8\n")
    assert not [each for each in studio.composer("key: C\nstyle: folk\nbars: 8").warnings() if "few pieces" in each]


def test_a_max_order_that_nearly_all_melodies_break_gives_a_warning(studio: Studio) -> None:
    assert studio.composer(HEAD.replace("none", "8") + "bars: 16").warnings() == []
    (warning,) = studio.composer(HEAD.replace("none", "5") + "bars: 12").warnings()
    assert "section A: " in warning and "of 200 melodies have no" in warning and warning.endswith("raise max_order")


def test_an_unknown_style_and_a_mode_without_pieces(studio: Studio) -> None:
    with pytest.raises(SongError, match="there is no style 'tin'"):
        studio.song("key: C\nstyle: tin\nbars: 4")
    with pytest.raises(SongError, match=r"song\.yaml: style: tiny: no pieces in minor"):
        studio.composer("key: Cm\nstyle: tiny\nbars: 4")
