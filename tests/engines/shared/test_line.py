"""The lines of a known melody, exactly and on the grid of 16ths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.encodings.chorale import VOICES
from daemon.engines.shared.line import EPSILON, Line, LineStep, _SoundingNotes, assign_voices, melody_lines
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from tests.engines.harmoniser.fake import melody


def line(*notes: tuple[float, float, int], period: float | None = None) -> Line:
    return Line([Note(o, d, p, 90) for o, d, p in notes], period, "soprano", True)


def test_a_note_belongs_to_the_16th_nearest_to_its_onset() -> None:
    early = line((0.49, 0.5, 72), (1.1, 0.5, 74))
    assert early.at(1) == LineStep(None)
    assert early.at(2) == LineStep(72, True, 90)
    assert early.at(3) == LineStep(72, False, 90)
    assert early.at(4) == LineStep(74, True, 90)


def test_of_two_notes_in_a_16th_the_nearest_one_counts() -> None:
    fast = line((0.0, 0.1, 72), (0.1, 0.1, 74), (0.2, 0.3, 76))
    assert [fast.at(frame).pitch for frame in range(3)] == [72, 76, None]


def test_a_note_ends_on_the_16th_of_which_it_fills_less_than_half() -> None:
    assert line((0, 0.37, 72)).at(1).pitch is None
    assert line((0, 0.38, 72)).at(1).pitch == 72


def test_a_loop_is_repeated_without_end() -> None:
    loop = line((0.0, 1.0, 60), (1.0, 0.5, 62), (1.9, 0.2, 64), period=2.0)
    assert [n.onset for n in loop.between(1.5, 4.0)] == [1.9, 2.0, 3.0, 3.9]
    assert loop.at(8) == LineStep(60, True, 90)
    assert loop.at(4 * 1000 * 2 + 4).pitch == 62
    assert loop.sounding(2.05) == Note(2.0, 1.0, 60, 90)
    assert loop.continues_after(1e9)
    assert not line((0, 1, 60)).continues_after(1.0)


def test_the_notes_of_a_single_part_are_distributed_as_keys_are() -> None:
    tune = melody((0, 2, 72), (0, 2, 48), (1, 0.5, 76), (2, 1, 71))
    lines = melody_lines(tune, ("soprano", "bass"))
    assert [(n.onset, n.duration, n.pitch) for n in lines["soprano"].notes] == [
        (0, 1, 72), (1, 0.5, 76), (1.5, 0.5, 72), (2, 1, 71)
    ]  # fmt: skip
    assert [(n.onset, n.duration, n.pitch) for n in lines["bass"].notes] == [(0, 2, 48)]
    assert not lines["bass"].is_part


def test_each_given_voice_gets_its_part() -> None:
    notes = tuple(Note(0, 1, pitch, 80, part) for part, pitch in enumerate((74, 50)))
    two = Melody("two", notes, 4, False, TempoMap(((0, 96),), ((0, 4),)))
    assert {v: line.notes[0].pitch for v, line in melody_lines(two, ("soprano", "bass")).items()} == {
        "soprano": 74,
        "bass": 50,
    }
    assert {v: line.notes[0].pitch for v, line in melody_lines(two, ("soprano",)).items()} == {"soprano": 74}
    notes = tuple(Note(0, 1, pitch, 80, part) for part, pitch in enumerate((74, 67, 60, 50)))
    four = Melody("four", notes, 4, False, TempoMap(((0, 96),), ((0, 4),)))
    assert {v: line.notes[0].pitch for v, line in melody_lines(four, ("soprano", "bass")).items()} == {
        "soprano": 74,
        "bass": 50,
    }


@pytest.mark.parametrize(("pitches", "shift"), [((62, 63, 90), 0), ((48, 50, 72), 12), ((100, 101), -24), ((0,), 60)])
def test_a_line_is_transposed_by_whole_octaves(pitches: tuple[int, ...], shift: int) -> None:
    assert line(*((i, 1, pitch) for i, pitch in enumerate(pitches))).transposition == shift


@given(
    st.lists(
        st.builds(
            Note,
            st.integers(0, 40).map(lambda n: n / 8),
            st.sampled_from((1e-5, 0.125, 1.0, 100.0)),
            st.integers(57, 63),
            st.just(80),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from((("soprano",), ("soprano", "bass"), ("bass",), VOICES)),
)
def test_of_many_sounding_notes_only_those_that_lead_are_handed_out(notes: list[Note], voices: tuple[str, ...]) -> None:
    sounding = _SoundingNotes(notes)
    in_order = sorted(notes, key=lambda note: note.onset)
    for number in range(80):
        beat = number / 16
        outer = sounding.outer(beat, len(voices))
        present = [note for note in in_order if note.onset <= beat + EPSILON < note.onset + note.duration]
        assert len(outer) <= len(voices) + 1
        assert assign_voices(outer, voices) == assign_voices(present, voices)
