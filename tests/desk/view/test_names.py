import pytest

from daemon.desk.view.names import Key, drum
from daemon.music.melody import load_melody
from daemon.paths import resources


def key(*pitches: int) -> Key:
    key = Key()
    for pitch in pitches:
        key.hear(pitch)
    key.decide()
    return key


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ([60, 64, 67], "C"),
        ([64, 67, 72], "C"),  # first inversion
        ([57, 60, 64, 69], "Am"),
        ([55, 59, 62, 65], "G7"),
        ([60, 64, 68], "Caug"),
        ([64, 68, 72], "Eaug"),  # the same pitch classes over E
        ([60, 61, 62], ""),
        ([60], ""),
        ([], ""),
    ],
)
def test_chord_names(pitches: list[int], name: str) -> None:
    assert Key().chord(pitches) == name


def test_note_names() -> None:
    assert [Key().note(pitch) for pitch in (0, 60, 70, 127)] == ["C-1", "C4", "B♭4", "G9"]


@pytest.mark.parametrize(
    ("tonic", "fifths", "scale"),
    [
        (60, 0, "C D E F G A B"),
        (65, -1, "F G A B♭ C D E"),
        (62, 2, "D E F♯ G A B C♯"),
        (63, -3, "E♭ F G A♭ B♭ C D"),
        (64, 4, "E F♯ G♯ A B C♯ D♯"),
        (66, 6, "F♯ G♯ A♯ B C♯ D♯ E♯"),
        (61, -5, "D♭ E♭ F G♭ A♭ B♭ C"),
    ],
)
def test_notes_are_spelled_by_the_key_that_was_heard(tonic: int, fifths: int, scale: str) -> None:
    pitches = [tonic + step for step in (0, 2, 4, 5, 7, 9, 11)]
    found = key(*pitches, *reversed(pitches))
    assert found.fifths == fifths
    assert " ".join(map(found.name, pitches)) == scale


def test_leading_notes_of_minor_keys_are_sharp() -> None:
    a_minor = key(69, 71, 72, 74, 76, 77, 76, 74, 72, 71, 69)
    assert a_minor.name(68) == "G♯" and a_minor.chord([64, 68, 71]) == "E"
    g_minor = key(67, 69, 70, 72, 74, 75, 77, 75, 74, 72, 70, 69, 67)
    assert g_minor.name(66) == "F♯" and g_minor.name(70) == "B♭"


def test_a_note_across_the_octave_belongs_to_its_letter() -> None:
    f_sharp = key(66, 68, 70, 71, 73, 75, 77)
    assert f_sharp.note(65) == "E♯4" and f_sharp.note(71) == "B4"
    assert key(66, 68, 70, 71, 73, 75, 77).note(60) == "C4"


def test_another_key_is_taken_within_a_phrase_and_a_single_strange_note_changes_nothing() -> None:
    found = key(*[60, 62, 64, 65, 67, 69, 71] * 3)
    found.hear(70)
    found.decide()
    assert found.fifths == 0
    for pitch in [62, 64, 66, 67, 69, 71, 73] * 3:
        found.hear(pitch)
    found.decide()
    assert found.fifths == 2


def test_the_key_of_a_shipped_melody() -> None:
    melody = load_melody(resources() / "melodies" / "twinkle.mid", "twinkle")
    assert key(*(note.pitch for note in melody.notes)).fifths in (0, 1, -1)


def test_drums_have_names() -> None:
    assert [drum(pitch) for pitch in (36, 42, 46, 38, 20)] == ["kick", "closed hat", "open hat", "snare", "drum 20"]


@pytest.mark.parametrize(
    ("pitches", "chord", "notes"),
    [
        ([49, 53, 56, 71], "C♯7", "C♯3 E♯3 G♯3 B4"),
        ([60, 63, 67], "Cm", "C4 E♭4 G4"),
        ([53, 56, 71, 74], "Fdim7", "F3 A♭3 C♭5 D5"),
        ([56, 60, 63], "A♭", "A♭3 C4 E♭4"),
        ([58, 61, 65], "B♭m", "B♭3 D♭4 F4"),
        ([56, 59, 62], "G♯dim", "G♯3 B3 D4"),
        ([60, 64, 68], "Caug", "C4 E4 G♯4"),
        ([60, 63, 64], "", "C4 E♭4 E4"),
    ],
)
def test_a_chord_spells_its_notes(pitches: list[int], chord: str, notes: str) -> None:
    c_major = Key()
    assert c_major.chord(pitches) == chord
    assert " ".join(c_major.note(pitch, c_major.spelling(pitches)) for pitch in pitches) == notes


def test_a_root_of_the_key_is_spelled_by_the_key() -> None:
    e_major = key(64, 66, 68, 69, 71, 73, 75)
    assert e_major.chord([56, 59, 63]) == "G♯m"
    g_major = key(67, 69, 71, 72, 74, 76, 78)
    assert g_major.chord([56, 60, 63]) == "A♭" and g_major.chord([56, 60, 63, 66]) == "A♭7"
