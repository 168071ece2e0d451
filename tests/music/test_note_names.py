import pytest

from daemon.music.note_names import name_of_pitch, pitch_named

NAMES = {"C4": 60, "c4": 60, "B3": 59, "b4": 71, "F#3": 54, "F♯3": 54, "Bb2": 46, "bb2": 46, "B♭2": 46, "Cb4": 59}
EXTREMES = {"B#3": 60, "C-1": 0, "G9": 127, "0": 0, "60": 60, "127": 127}


@pytest.mark.parametrize(("name", "pitch"), (NAMES | EXTREMES).items())
def test_names_and_numbers_of_notes(name: str, pitch: int) -> None:
    assert pitch_named(name) == pitch


def test_every_pitch_has_a_name() -> None:
    assert [pitch_named(name_of_pitch(pitch)) for pitch in range(128)] == list(range(128))
    assert (name_of_pitch(60), name_of_pitch(54)) == ("C4", "F#3")


@pytest.mark.parametrize("name", ["", "H4", "C", "C##4", "C10", "G#9", "Cb-1", "128", "-1", "4C", "60.0", "C 4", "٦٠"])
def test_what_is_no_note(name: str) -> None:
    assert pitch_named(name) is None
