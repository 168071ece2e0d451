"""Which keys are the left hand, and when they are a chord. Beats at 60 bpm, so that they are seconds."""

from __future__ import annotations

from daemon.music.left_hand import CHORD_SPREAD, LeftHand

C3, D3, E3, F3, G3, A3, B3, C4, D4, E4, G4, A4 = 48, 50, 52, 53, 55, 57, 59, 60, 62, 64, 67, 69


def struck(hand: LeftHand, beat: float, *pitches: int, apart: float = 0.01) -> LeftHand:
    for number, pitch in enumerate(pitches):
        hand = hand.pressed(pitch, beat + number * apart, CHORD_SPREAD)
    return hand


def released(hand: LeftHand, *pitches: int) -> LeftHand:
    for pitch in pitches:
        hand = hand.released(pitch)
    return hand


def left(hand: LeftHand) -> list[int]:
    return [key.pitch for key in hand.keys]


def test_keys_below_the_split_point_are_the_left_hand() -> None:
    hand = struck(LeftHand(split=C4), 1.0, C3, E3, G3, C4, B3)
    assert left(hand) == [C3, E3, G3, B3] and hand.chord == "Cmaj7"
    assert hand.is_right(C4) and not hand.is_right(B3) and not hand.is_right(A4)
    assert struck(hand, 2.0, A4, D4).chord == "Cmaj7", "the right hand is the melody"


def test_the_chord_stands_after_its_keys_are_released_if_it_holds() -> None:
    for holds, chord in ((True, "C"), (False, None)):
        hand = struck(LeftHand(C4, holds), 1.0, C3, E3, G3)
        assert released(hand, G3, E3).chord == "C", "released one by one"
        assert released(hand, C3, E3, G3).chord == chord


def test_keys_that_are_no_chord_change_nothing() -> None:
    hand = released(struck(LeftHand(C4), 1.0, D3, F3, A3), D3, F3, A3)
    assert struck(hand, 2.0, C3).chord == "Dm"
    assert struck(hand, 2.0, C3, D3, E3, F3, G3, A3, B3).chord == "Dm"
    assert struck(hand, 2.0, 40, 41, 42).chord == "Dm"


def test_each_key_may_make_another_chord() -> None:
    hand = struck(LeftHand(C4), 1.0, C3, G3)
    assert hand.chord == "C5"
    hand = struck(hand, 1.04, E3)
    assert hand.chord == "C" and struck(hand, 1.06, B3).chord == "Cmaj7"


def test_a_chord_that_is_rolled_slowly_is_complete_with_its_last_key() -> None:
    for split in (C4, None):
        hand = struck(LeftHand(split), 1.0, C3, E3, G3, apart=0.2)
        assert (hand.chord, left(hand)) == ("C", [C3, E3, G3])


def test_a_key_of_the_chord_before_that_is_held_too_long_is_taken_out() -> None:
    for split in (65, None):
        hand = struck(LeftHand(split), 1.0, C3, E3, G3)
        hand = released(struck(hand, 2.0, F3, A3), G3, E3)
        assert hand.chord == "F/C"
        hand = released(struck(hand, 3.0, B3, D4), F3, C3)
        assert hand.chord == "Bm7/A", "A is held on"
        assert released(hand, A3).chord == "Bm"


def test_a_chord_stands_when_a_key_of_the_chord_before_is_released_last() -> None:
    hand = released(struck(LeftHand(65), 1.0, C3, E3, G3), E3, G3)
    hand = released(struck(hand, 2.0, F3, A3), F3, A3)
    assert hand.chord == "F/C" and released(hand, C3).chord == "F/C"


def test_a_common_tone_is_a_part_of_both_chords() -> None:
    hand = released(struck(LeftHand(), 1.0, C3, E3, G3), C3, E3)
    assert struck(hand, 2.0, B3 - 12, D3).chord == "G/B"


def test_the_lowest_cluster_is_the_left_hand() -> None:
    hand = struck(LeftHand(), 1.0, C3, E3, G3, A4)
    assert left(hand) == [C3, E3, G3] and hand.is_right(A4), "out of reach"
    hand = struck(LeftHand(), 1.0, C3, D3, E3, D4)
    assert left(hand) == [C3, D3, E3], "beyond a gap"
    hand = struck(LeftHand(), 1.0, 36, 46, E3)
    assert left(hand) == [36, 46, E3] and hand.chord == "C7", "a shell has gaps"


def test_single_later_keys_above_are_a_melody() -> None:
    hand = struck(LeftHand(), 1.0, C3, E3, G3)
    for beat, pitch in ((1.5, A3), (2.0, D4), (2.5, C4)):
        hand = struck(hand, beat, pitch)
        assert hand.chord == "C" and hand.is_right(pitch)
        hand = hand.released(pitch)


def test_a_melody_note_that_is_held_belongs_to_no_new_chord() -> None:
    hand = struck(LeftHand(), 1.0, D4)
    hand = struck(hand, 2.0, C3, E3, G3)
    assert hand.chord == "C" and hand.is_right(D4)


def test_one_key_of_each_hand_is_no_chord() -> None:
    assert struck(LeftHand(), 1.0, C3, E4, apart=0.5).chord is None


def test_a_key_released_that_was_not_pressed_changes_nothing() -> None:
    hand = struck(LeftHand(), 1.0, C3, E3, G3)
    assert hand.released(A4) == hand
    assert struck(hand, 2.0, G3).chord == "C", "struck again"
