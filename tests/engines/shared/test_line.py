"""A known melody's lines, exactly and on the grid."""

import pytest

from daemon.engines.shared.line import Line, Step, lines
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from tests.engines.harmoniser.fake import melody


def line(*notes: tuple[float, float, int], period: float | None = None) -> Line:
    return Line([Note(o, d, p, 90) for o, d, p in notes], period, "soprano", True)


def test_a_note_belongs_to_the_16th_it_starts_nearest_to() -> None:
    early = line((0.49, 0.5, 72), (1.1, 0.5, 74))
    assert early.at(1) == Step(None)
    assert early.at(2) == Step(72, True, 90)
    assert early.at(3) == Step(72, False, 90)
    assert early.at(4) == Step(74, True, 90)


def test_of_two_notes_in_a_16th_the_one_nearest_to_it_counts() -> None:
    fast = line((0.0, 0.1, 72), (0.1, 0.1, 74), (0.2, 0.3, 76))
    assert [fast.at(frame).pitch for frame in range(3)] == [72, 76, None]


def test_a_short_note_ends_where_less_than_half_a_16th_of_it_is_left() -> None:
    assert line((0, 0.37, 72)).at(1).pitch is None
    assert line((0, 0.38, 72)).at(1).pitch == 72


def test_a_loop_goes_round() -> None:
    loop = line((0.0, 1.0, 60), (1.0, 0.5, 62), (1.9, 0.2, 64), period=2.0)
    assert [n.onset for n in loop.between(1.5, 4.0)] == [1.9, 2.0, 3.0, 3.9]
    assert loop.at(8) == Step(60, True, 90)
    assert loop.at(4 * 1000 * 2 + 4).pitch == 62
    assert loop.sounding(2.05) == Note(2.0, 1.0, 60, 90)
    assert loop.goes_on(1e9)
    assert not line((0, 1, 60)).goes_on(1.0)


def test_a_single_part_is_shared_out_like_keys() -> None:
    tune = melody((0, 2, 72), (0, 2, 48), (1, 0.5, 76), (2, 1, 71))
    shared = lines(tune, ("soprano", "bass"))
    assert [(n.onset, n.duration, n.pitch) for n in shared["soprano"].notes] == [
        (0, 1, 72), (1, 0.5, 76), (1.5, 0.5, 72), (2, 1, 71)
    ]  # fmt: skip
    assert [(n.onset, n.duration, n.pitch) for n in shared["bass"].notes] == [(0, 2, 48)]
    assert not shared["bass"].written


def test_parts_are_the_given_voices_from_the_top() -> None:
    notes = tuple(Note(0, 1, pitch, 80, part) for part, pitch in enumerate((74, 50)))
    two = Melody("two", notes, 4, False, TempoMap(((0, 96),), ((0, 4),)))
    assert {v: line.notes[0].pitch for v, line in lines(two, ("soprano", "bass")).items()} == {
        "soprano": 74,
        "bass": 50,
    }
    assert {v: line.notes[0].pitch for v, line in lines(two, ("soprano",)).items()} == {"soprano": 74}
    notes = tuple(Note(0, 1, pitch, 80, part) for part, pitch in enumerate((74, 67, 60, 50)))
    four = Melody("four", notes, 4, False, TempoMap(((0, 96),), ((0, 4),)))
    assert {v: line.notes[0].pitch for v, line in lines(four, ("soprano", "bass")).items()} == {
        "soprano": 74,
        "bass": 50,
    }


@pytest.mark.parametrize(("pitches", "shift"), [((62, 63, 90), 0), ((48, 50, 72), 12), ((100, 101), -24), ((0,), 60)])
def test_a_line_is_moved_by_whole_octaves(pitches: tuple[int, ...], shift: int) -> None:
    assert line(*((i, 1, pitch) for i, pitch in enumerate(pitches))).shift == shift
