"""Measures of the soloist's answers."""

from daemon.music.melody import Note
from export_tools.melody.answers import key_of, measure, shared_run


def line(*pitches: int, start: float = 0.0) -> list[Note]:
    return [Note(start + i, 1.0, pitch, 80) for i, pitch in enumerate(pitches)]


def test_the_key_is_that_of_the_last_note_and_of_the_mode_that_holds_the_tune() -> None:
    assert key_of(line(60, 62, 64, 65, 67, 60)) == (0, "major")
    assert key_of(line(62, 65, 69, 71, 60, 62)) == (2, "Dorian")


def test_the_longest_shared_run_is_found_wherever_it_begins() -> None:
    assert shared_run([1, 2, 3, 4], [9, 2, 3, 4, 1]) == 3
    assert shared_run([1], [2]) == 0


def test_a_transposed_motif_shares_intervals_and_no_pitches() -> None:
    call, answer = line(60, 64, 62, 65, start=1.0), line(62, 65, 64, 67, start=1.0)
    rows = measure(call, answer, 4.0, (0, "major"))
    assert (rows["run"], rows["place"], rows["triad"], rows["tonic"]) == (3.0, 100.0, 100.0, 0.0)
    assert (rows["range"], rows["leaps"], rows["longest"]) == (5.0, 0.0, 0.25)


def test_rhythm_is_the_share_of_onsets_at_the_same_place_and_a_final_leap_exceeds_a_third() -> None:
    rows = measure(line(60, 62, 64, 65), line(60, 67, start=2.0), 4.0, (0, "major"))
    assert (rows["rhythm"], rows["final leap"]) == (50.0, 100.0)
    rows = measure(line(60, 62), line(60, 64, start=0.5), 4.0, (0, "major"))
    assert (rows["rhythm"], rows["final leap"]) == (0.0, 0.0)
