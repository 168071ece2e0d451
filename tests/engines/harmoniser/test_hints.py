"""What a melody tells the model in advance: its home key, where it arrives, what comes; and what that costs."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.encodings.chorale import (
    DISTANCE_UNKNOWN,
    FERMATA,
    FERMATA_UNKNOWN,
    KEY_UNKNOWN,
    LOWEST,
    NO_FERMATA,
    REST,
    UNKNOWN,
    Hints,
    coming_notes,
    distance_class,
    distances_to,
    no_hints,
)
from daemon.engines.harmoniser.composition import Composition
from daemon.engines.harmoniser.home import HeardHome, known_home
from daemon.engines.harmoniser.melody_hints import MelodyHints
from daemon.engines.harmoniser.place import Place
from daemon.engines.shared.lead import Key
from daemon.engines.shared.line import Line
from daemon.music.melody import Note

# Two phrases in C major, of two bars each: c d e f | g2. rest | f e d e | d2 c2, the last one at beat 14
TUNE = [*zip(range(4), (1,) * 4, (60, 62, 64, 65), strict=True), (4, 3, 67)]
TUNE += [*zip(range(8, 12), (1,) * 4, (65, 64, 62, 64), strict=True), (12, 2, 62), (14, 2, 60)]

NOTHING = np.full((1, 4), UNKNOWN)


def hints_of(notes: list[tuple[float, float, int]], period: float | None = None, voice: str = "soprano") -> MelodyHints:
    made = [Note(onset, duration, pitch + 7, 80) for onset, duration, pitch in notes]  # in G major
    return MelodyHints({voice: Line(made, period, voice, True)})


def test_distances_have_classes() -> None:
    assert distance_class([0, 1, 4, 5, 6, 7, 48, 49, 999]).tolist() == [0, 1, 4, 5, 5, 6, 11, 12, 12]
    assert distances_to(np.array([0, 0, 1, 0], dtype=bool)).tolist() == [2, 1, 0, DISTANCE_UNKNOWN]


def test_the_next_notes_of_a_soprano() -> None:
    symbols = np.array([30, 30, 32, REST, 32])
    struck = np.array([1, 0, 1, 0, 1], dtype=bool)
    coming, coming_in = coming_notes(symbols, struck)
    assert coming[:2].tolist() == [[32, REST, 32], [32, REST, 32]]
    assert coming_in[:2].tolist() == [[2, 3, 4], [1, 2, 3]]
    assert coming[-1].tolist() == [REST] * 3 and coming_in[-1].tolist() == [1, 1, 1]


def test_a_melody_tells_its_home_where_phrases_end_and_what_comes() -> None:
    hints = hints_of(TUNE)
    first, at_phrase_end, later, last = (hints.at(frame) for frame in (0, 20, 40, 60))
    assert {int(each.home[0]) for each in (first, at_phrase_end, last)} == {7}
    assert first.ends.tolist() == [[distance_class(16), distance_class(56)]]
    assert at_phrase_end.ends[0, 0] == 0 and last.ends.tolist() == [[0, 0]]
    assert [int(each.fermata[0]) for each in (first, at_phrase_end, later)] == [NO_FERMATA, FERMATA, NO_FERMATA]
    assert first.coming.tolist() == [[69 - LOWEST, 71 - LOWEST, 72 - LOWEST]]
    assert first.coming_in.tolist() == [[4, distance_class(8), distance_class(12)]]
    assert at_phrase_end.coming[0].tolist() == [REST, 72 - LOWEST, 71 - LOWEST]
    assert last.coming.tolist() == [[REST] * 3]


def test_a_loop_goes_on_and_a_far_end_of_a_phrase_is_unknown() -> None:
    loop = hints_of(TUNE, period=16.0)
    assert loop.at(64 + 20).ends.tolist() == loop.at(20).ends.tolist()
    assert loop.at(63).coming[0, 0] == 67 - LOWEST, "the first note comes again"
    even = hints_of([(beat, 1.0, 60 + beat * 5 % 12) for beat in range(32)])
    assert even.at(0).ends[0, 0] == DISTANCE_UNKNOWN and even.at(0).fermata[0] == FERMATA_UNKNOWN


def test_a_bass_tells_nothing_of_the_soprano() -> None:
    hints = hints_of([(onset, length, pitch - 19) for onset, length, pitch in TUNE], voice="bass").at(0)
    assert (hints.coming == UNKNOWN).all() and hints.ends[0, 1] != DISTANCE_UNKNOWN


@pytest.mark.parametrize("tonic", range(12))
def test_the_home_of_a_melody_is_major_or_minor_by_its_notes_and_its_end(tonic: int) -> None:
    for scale, minor in (((0, 2, 4, 5, 7, 9, 11), 0), ((0, 2, 3, 5, 7, 8, 10), 12)):
        durations = np.zeros(12)
        durations[[(tonic + degree) % 12 for degree in scale]] = (3, 2, 2, 1, 3, 1, 1)
        assert known_home(durations, tonic) == tonic + minor


def test_the_home_of_keys_is_named_after_a_bar() -> None:
    heard = HeardHome()
    tune = [pitch for pitch in (60, 62, 64, 65, 67, 64, 62, 60) for _ in range(4)]
    named = [int(heard.hints({"soprano": Key(pitch, 80, 0.0)}).home[0]) for pitch in tune]
    assert named[15] == KEY_UNKNOWN and named[16] != KEY_UNKNOWN and named[-1] == 0
    heard = HeardHome()
    voices = {name: Key(pitch, 80, 0.0) for name, pitch in (("soprano", 72), ("alto", 67), ("tenor", 64), ("bass", 48))}
    named = [int(heard.hints(voices).home[0]) for _ in range(20)]
    assert named[15] == KEY_UNKNOWN and named[-1] == 0, "also of several voices"


def place_in_c(phrase: int, piece: int, soprano: int = 72, coming: int = 72, coming_in: int = 0) -> Place:
    hints = no_hints(1)
    told = Hints(hints.fermata, np.array([0]), np.array([[phrase, piece]]), hints.coming.copy(), hints.coming_in.copy())
    told.coming[0, 0], told.coming_in[0, 0] = coming - LOWEST, coming_in
    return Place(1, told, soprano - LOWEST)


def cheapest(place: Place, voice: int, *known: int) -> set[int]:
    """Pitch classes that cost a voice least beside known pitches from the top."""
    symbols = NOTHING.copy()
    symbols[0, : len(known)] = np.array(known) - LOWEST
    costs = place.costs(voice, NOTHING, symbols)
    assert costs is not None
    return {int(symbol + LOWEST) % 12 for symbol in np.flatnonzero(costs[0, :REST] == costs[0, :REST].min())}


def test_the_piece_ends_at_home_in_root_position() -> None:
    place = place_in_c(0, 0)
    assert cheapest(place, 1, 72) == {0, 4, 7}
    assert cheapest(place, 3, 72, 67, 64) == {0}


def test_a_phrase_ends_at_home_or_on_the_dominant_as_its_soprano_allows() -> None:
    assert cheapest(place_in_c(0, 9), 1, 67) == {0, 4, 7, 11, 2}
    assert cheapest(place_in_c(0, 9), 1, 74) == {7, 11, 2}
    assert cheapest(place_in_c(0, 9), 3, 74, 71, 67) == {7}
    symbols = np.array([[69 - LOWEST, UNKNOWN, UNKNOWN, UNKNOWN]])
    costs = place_in_c(0, 9).costs(1, NOTHING, symbols)
    assert costs is not None and not costs.any(), "A belongs to neither: nothing is asked for"


def test_before_an_end_at_home_comes_the_dominant() -> None:
    assert cheapest(place_in_c(4, 9, soprano=74, coming=72, coming_in=4), 3, 74, 71, 67) == {7}
    assert place_in_c(4, 9, soprano=74, coming=74, coming_in=4).costs(1, NOTHING, NOTHING) is None


def test_on_beats_a_chord_has_a_third_and_is_strict_near_the_end_of_a_phrase() -> None:
    on_beat = Place(4, no_hints(1))
    assert cheapest(on_beat, 3, 72, 67, 60) == {3, 4}
    assert Place(5, no_hints(1)).costs(3, NOTHING, NOTHING) is None
    assert place_in_c(2, 9).temperatures(1.0).max() < on_beat.temperatures(1.0).min()


def test_under_a_long_note_a_consonant_chord_stays() -> None:
    def costs(soprano: int, *before: int) -> set[int] | None:
        """Pitch classes that cost the bass nothing."""
        known = np.array([[soprano - LOWEST, UNKNOWN, UNKNOWN, UNKNOWN]])
        found = Place(5, no_hints(1), hold_cost=2.0).costs(3, np.array([before]) - LOWEST, known)
        return None if found is None else {int(symbol + LOWEST) % 12 for symbol in np.flatnonzero(found[0, :REST] == 0)}

    assert costs(72, 72, 67, 64, 48) == {0, 4, 7}
    assert costs(74, 72, 67, 64, 48) == set(range(12)), "the soprano moves"
    assert costs(72, 72, 67, 65, 48) == set(range(12)), "a suspension resolves"


def test_long_notes_are_those_that_are_long_for_the_tune_or_repeated_and_hold_for_a_bar() -> None:
    hints = hints_of([(0, 1, 60), (1, 1, 62), (2, 1, 62), (3, 1, 64), (4, 1, 65), (5, 8, 64), (13, 1, 65)], 14.0)
    held = [frame for frame in range(56) if hints.holds(frame)]
    assert held == [*range(5, 12), *range(21, 36)]
    assert hints.holds(56 + 21) and not hints.holds(56 + 20)
    assert not hints_of([(0, 1, 60), (1, 4, 62)], voice="bass").holds(8)


def test_a_composed_chorale_arrives_with_the_chord_that_is_held() -> None:
    composition = Composition()
    steps = [step for place in range(192) if (step := composition.next_step(place % 16)) is not None]
    last = max(place for place, step in enumerate(steps) if step.moves)
    assert [steps[last + offset].hints.ends.tolist() for offset in (-1, 0)] == [
        [[distance_class(1), distance_class(1)]], [[0, 0]]
    ]  # fmt: skip
