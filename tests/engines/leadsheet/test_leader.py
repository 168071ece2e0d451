"""The leader: form, chords, melody and feel are planned ahead; a person steers; a new process finds its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.engines.base import Setup
from daemon.engines.leadsheet.choruses import KEPT
from daemon.engines.leadsheet.engine import Leader
from daemon.engines.leadsheet.follower import Follower
from daemon.engines.leadsheet.options import LeaderOptions
from daemon.engines.leadsheet.score import skipped
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.music.events import MidiEvent, note_off, note_on
from daemon.music.feel import Feel
from daemon.music.form_place import FormPlace
from daemon.music.leadsheet import Key
from daemon.music.melody import Note
from daemon.music.note_names import pitch_named
from daemon.music.plan import BREAK, ENDING, INTRO, Plan, PlannedChord, Section, add_plan
from tests.engines.leadsheet.leader import CHORUS, SONG, Song


@pytest.fixture
def song(tmp_path: Path) -> Song:
    return Song(tmp_path)


def test_the_first_chorus_is_planned_with_the_first_window(song: Song) -> None:
    song.until(0.25)
    assert song.sections == [(0.0, 16.0, "A"), (16.0, 16.0, "A"), (32.0, 16.0, "B"), (48.0, 16.0, "A")]
    assert song.place(5.0) == FormPlace("Am7", "Dm7", "A", "A", 2, 16, 1)
    assert song.plans[0].feel is not None and song.plans[0].feel.swing == 64.0


def test_each_chorus_is_planned_two_bars_before_it_begins(song: Song) -> None:
    song.until(3 * CHORUS)
    assert [(beat, plan.beat) for beat, plan in song.announced] == [
        (0.0, 0.0), (CHORUS - 8, CHORUS), (2 * CHORUS - 8, 2 * CHORUS), (3 * CHORUS - 8, 3 * CHORUS)
    ]  # fmt: skip
    assert [plan.sections[0].chorus for _, plan in song.announced] == [1, 2, 3, 4]


def test_the_melody_is_played_with_swing(tmp_path: Path) -> None:
    eighths = SONG.replace("C5 D5 E5 -", "C5 D5 E5 F5 G5 A5 B5 C6")
    song = Song(tmp_path, eighths).until(4.0)
    assert [(round(note.onset, 9), note.pitch) for note in song.notes][:4] == [
        (0.0, 72),
        (0.64, 74),
        (1.0, 76),
        (1.64, 77),
    ]
    assert all(note.duration is not None and note.duration <= 0.64 for note in song.notes)
    song.turn("swing", 50.0)
    song.until(20.0)
    assert [note.onset for note in song.notes if 16 <= note.onset < 18] == [16.0, 16.5, 17.0, 17.5]


def test_triplets_do_not_swing(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG.replace("C5 D5 E5 -", "C5 [D5 - E5] [D5 E5 F5] -")).until(4.0)
    assert [round(note.onset, 3) for note in song.notes] == [0.0, 1.0, 1.667, 2.0, 2.333, 2.667]


@pytest.mark.parametrize(("meter", "bar"), [("7/8", 3.5), ("6/8", 3.0)])
def test_meters_in_eighths_do_not_swing(tmp_path: Path, meter: str, bar: float) -> None:
    text = f"key: C\nmeter: {meter}\nfeel: swing\nchords: '| C | G7 |'\nmelody: '| C5 | D5 |'\n"
    song = Song(tmp_path, text)
    song.turn("swing", 70.0)
    song.until(2 * bar)
    assert [note.onset for note in song.notes] == [0.0, bar]
    assert song.plans[0].feel == Feel("swing", 50.0, is_compound=meter in ("6/8", "12/8"))


def test_a_note_that_sounds_goes_on_for_the_listeners_when_the_feel_changes(song: Song) -> None:
    song.until(5.5)
    song.turn("energy", 0.9)
    song.until(7.0)
    listener = FollowedPlan(["lead"])
    for _, plan in song.announced:
        listener.learn("lead", plan)
    assert [(note.onset, note.duration) for note in listener.melody][3:5] == [(4.0, 4.0), (8.0, 2.0)]


def test_a_note_of_what_is_left_out_does_not_sound_after_it() -> None:
    sections = (Section(0.0, 8.0, "A"), Section(8.0, 8.0, "B"))
    plan = Plan(0.0, (), sections, (Note(6.0, 4.0, 60, 80), Note(10.0, 1.0, 62, 80)))
    first, second = skipped((plan,), 4.0)
    assert (first.melody, second.melody) == ((), (Note(6.0, 1.0, 62, 80),))


def test_a_chord_across_the_line_between_two_sections_begins_with_the_second_one() -> None:
    sections = (Section(0.0, 8.0, "A"), Section(8.0, 8.0, "B"))
    chords = (PlannedChord(0.0, 6.0, "C"), PlannedChord(6.0, 4.0, "F"), PlannedChord(10.0, 6.0, "G7"))
    first, second = skipped((Plan(0.0, chords, sections),), 4.0)
    assert first.chords == (PlannedChord(0.0, 4.0, "C"),)
    assert second.chords == (PlannedChord(4.0, 2.0, "F"), PlannedChord(6.0, 6.0, "G7"))


def test_intro_choruses_and_ending(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG + "intro: 2\nchoruses: 2\nending: tag\n").until(8 + 2 * CHORUS + 60)
    names = [(section.onset, section.name) for _, plan in song.announced for section in plan.sections]
    assert names[:2] == [(0.0, INTRO), (8.0, "A")]
    ending, end = next((beat, name) for beat, name in names if name == ENDING)
    assert ending > 8 + 2 * CHORUS and end == ENDING
    assert song.announced[-1][1].chords[-1].symbol == "C"
    assert not [note for note in song.notes if note.onset > ending + 4]
    count = len(song.announced)
    song.until(song.now + 100)
    assert len(song.announced) == count, "it is over"


def test_a_start_in_the_middle_is_the_place_of_its_beat(song: Song) -> None:
    song.start(CHORUS + 38.0)
    song.until(song.now + 0.25)
    assert song.announced[0][1].beat == CHORUS + 38.0
    assert song.place(CHORUS + 38.0) == FormPlace("Fm", "C", "B", "A", 10, 16, 2)


def test_before_the_first_beat_the_first_chorus_is_planned(song: Song) -> None:
    song.start(-9.0)
    song.until(1.0)
    assert [(plan.beat, plan.sections[0].chorus) for _, plan in song.announced] == [(0.0, 1)]


def test_windows_that_are_skipped_beyond_the_planned_chorus(tmp_path: Path) -> None:
    song = Song(tmp_path, "key: C\nchords: '| C | G7 |'\n").until(5.0)
    song.now = 18.0
    song.until(18.25)
    assert song.place(18.0) == FormPlace("C", "G7", "A", "", 1, 2, 3)


def test_a_jump_without_a_reset(song: Song) -> None:
    song.until(10.0)
    song.now = 5 * CHORUS + 16.0
    song.until(song.now + 0.25)
    place = song.place(5 * CHORUS + 16.0)
    assert (place.section, place.bar, place.chorus) == ("A", 5, 6)


SHORT = "key: C\nchords: '| C | G7 |'\nmelody: '| C5 - D5 - | D5 - - - |'\n"


def test_windows_that_are_skipped_beyond_several_choruses(tmp_path: Path) -> None:
    song = Song(tmp_path, SHORT).until(3.0)
    song.now = 18.75
    song.until(19.0)
    assert (song.place(18.75).chorus, song.place(18.75).bar) == (3, 1)


def test_what_is_over_is_forgotten(tmp_path: Path) -> None:
    song = Song(tmp_path, SHORT).until(800.0)
    assert len(song.leader._form.plans) <= 3 and len(song.leader._form._choruses._composed) <= KEPT
    assert len(song.leader._form._sheets) <= 2, "of this chorus and the one before"


def test_next_section_at_the_next_bar_line(song: Song) -> None:
    song.until(17.0)
    song.turn("next")
    assert song.sections[-2:] == [(20.0, 16.0, "B"), (36.0, 16.0, "A")]
    assert song.announced[-1][1].beat == 20.0
    song.until(52.0 - 7.75)  # the next chorus is planned as early as ever
    assert song.sections[-4][:2] == (52.0, 16.0)
    song.until(53.0)
    assert song.place(53.0).chorus == 2 and song.place(53.0).bar == 1


def test_next_in_the_last_section_is_the_next_chorus(song: Song) -> None:
    song.until(50.0)
    song.turn("next")
    assert song.place(52.0) == FormPlace("C", "Am7", "A", "A", 1, 16, 2)


def test_a_bar_that_the_players_may_have_begun_is_too_late_to_steer(song: Song) -> None:
    song.until(8.0)
    song.take(song.leader.control("next", 1.0, 7.7))
    assert song.announced[-1][1].beat == 12.0
    song.until(11.75)
    song.take(song.leader.control("break", 1.0, 11.8))
    assert [section[0] for section in song.sections if section[2] == BREAK] == [16.0]


def test_the_first_beat_is_louder_than_the_others_and_those_than_the_rest(tmp_path: Path) -> None:
    eighths = SONG.replace("C5 D5 E5 -", "C5 D5 E5 F5 G5 A5 B5 C6")
    song, velocities = Song(tmp_path, eighths), dict[float, list[int]]()
    for note in song.until(20 * CHORUS).notes:
        velocities.setdefault(round(note.onset % 4, 2), []).append(note.velocity)
    first, second, off = (sum(velocities[place]) / len(velocities[place]) for place in (0.0, 2.0, 2.64))
    assert first > second + 2 and second > off + 2
    louder = Song(tmp_path, eighths)
    louder.turn("energy", 1.0)
    quiet, loud = (
        sum(note.velocity for note in notes) for notes in (song.notes[:200], louder.until(20 * CHORUS).notes[:200])
    )
    assert loud > 1.15 * quiet


def test_a_plan_of_a_player_that_the_leader_hears_is_not_its_own(song: Song) -> None:
    list(song.leader.learn("keys", Plan(0.0, (), (Section(0.0, 8.0, ENDING),))))
    assert song.until(0.25).sections[0] == (0.0, 16.0, "A")


def test_the_next_section_that_begins_anyway_is_not_left_out(song: Song) -> None:
    song.until(15.75)
    song.take(song.leader.control("next", 1.0, 15.8))
    assert len(song.announced) == 1


def test_a_break_lasts_a_bar_and_the_form_goes_on(song: Song) -> None:
    song.until(5.0)
    song.turn("break")
    assert song.sections[:3] == [(0.0, 8.0, "A"), (8.0, 4.0, BREAK), (12.0, 4.0, "A")]
    assert song.place(9.0).bar == 3 and song.place(13.0).bar == 4
    song.until(35.0)
    song.turn("break", 0.0)
    song.turn("break")
    assert [song.place(beat).section for beat in (33.0, 37.0, 41.0)] == ["B", BREAK, "B"]
    assert [song.place(beat).bar for beat in (33.0, 37.0, 41.0)] == [9, 10, 11]


def test_the_ending_comes_after_this_chorus_and_asked_again_after_this_section(song: Song) -> None:
    song.until(20.0)
    song.turn("ending")
    song.turn("ending", 0.0)
    assert song.sections[-1] == (CHORUS, 4.0, ENDING) and song.plans[-1].chords[-1].symbol == "C"
    assert song.place(CHORUS) == FormPlace("C", "", ENDING, "", 1, 1, 0)
    song.turn("ending")
    assert song.sections[-1] == (32.0, 4.0, ENDING) and song.plans[-1].chords[-1].symbol == "C"
    song.until(60.0)
    assert not [note for note in song.notes if note.onset > 40]


def test_a_song_without_an_ending_ends_after_this_chorus_or_section_all_the_same(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG + "ending: none\n").until(20.0)
    for end in (CHORUS, 32.0):
        song.turn("ending")
        assert song.sections[-1] == (end, 4.0, ENDING) and song.plans[-1].chords[-1].symbol == "N.C."
    count = len(song.announced)
    assert len(song.until(3 * CHORUS).announced) == count, "it is over"


def test_an_ending_that_is_asked_for_has_its_dominant(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG.replace("Dm7 | G7 |", "F | Am |")).until(20.0)
    song.turn("ending")
    song.until(CHORUS)
    assert (song.place(CHORUS).chord, song.place(CHORUS + 4).chord) == ("G7", "C")


def test_the_ending_of_a_section_of_the_second_chorus(song: Song) -> None:
    song.until(CHORUS + 20.0)
    song.turn("ending")
    song.turn("ending", 0.0)
    song.turn("ending")
    assert song.sections[-2:] == [(CHORUS + 16.0, 16.0, "A"), (CHORUS + 32.0, 4.0, ENDING)]
    assert [note.onset for note in song.plans[-1].melody if note.onset > CHORUS + 33] == []


def test_an_ending_that_is_asked_for_in_the_introduction_comes_after_the_first_chorus(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG + "intro: 4\n").until(1.0)
    song.turn("ending")
    song.until(17.0)
    assert song.sections[-1] == (16.0 + CHORUS, 4.0, ENDING) and song.place(17.0).chorus == 1


def test_an_ending_that_has_nearly_begun_stays(song: Song) -> None:
    song.until(20.0)
    song.turn("ending")
    song.turn("ending", 0.0)
    song.until(CHORUS - 0.5)
    sections = song.sections
    song.take(song.leader.control("ending", 1.0, CHORUS - 0.2))
    assert song.until(CHORUS + 30.0).sections[-1] == sections[-1] == (CHORUS, 4.0, ENDING)
    assert not [note for note in song.notes if note.onset > CHORUS + 4.0], "it is over"


def test_what_is_too_late_for_this_chorus_ends_the_next_one(song: Song) -> None:
    song.until(CHORUS - 0.25)
    song.take(song.leader.control("ending", 1.0, CHORUS - 0.2))
    assert song.sections[-1] == (2 * CHORUS, 4.0, ENDING)


def test_a_start_beyond_the_ending_is_silent(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG + "choruses: 2\n")
    song.start(5 * CHORUS + 8)
    song.until(6 * CHORUS)
    assert (song.announced, song.notes) == ([], [])


def test_in_a_tag_nothing_ends_sooner(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG + "choruses: 1\nending: tag\n").until(CHORUS + 4)
    count = len(song.announced)
    song.turn("ending")
    assert song.place(song.now).section == "tag" and len(song.announced) == count


def test_windows_that_are_repeated_strike_nothing_again(song: Song) -> None:
    song.until(6.0)
    song.now = 3.0
    notes, count = [(note.onset, note.pitch) for note in song.until(12.0).notes], len(song.announced)
    assert len(set(notes)) == len(notes) and count == 1


def test_the_seed_is_that_of_the_option_or_of_the_song(tmp_path: Path) -> None:
    text = SONG + "style: foster\nseed: 3\n"
    assert [Song(tmp_path, text, seed=seed).leader._song.seed for seed in (-1, 7)] == [3, 7]


def test_a_trigger_that_is_repeated_after_a_reset_does_nothing(song: Song) -> None:
    song.turn("ending")
    song.until(0.25)
    assert ENDING not in [name for _, _, name in song.sections]


def test_the_feel_changes_on_the_next_beat_and_nothing_else_does(song: Song) -> None:
    song.until(2.0)
    sections, chords = song.sections, [chord for plan in song.plans for chord in plan.chords]
    song.turn("energy", 0.9)
    song.turn("variation", 3.0)
    song.until(3.0)
    feels = [(plan.beat, plan.feel.energy, plan.feel.variation) for plan in song.plans if plan.feel]
    assert feels == [(0.0, 0.5, 0), (3.0, 0.9, 2)]
    assert len(song.until(8.0).announced) == 2, "once"
    known = add_plan(song.plans, song.plans[-1], 3.0)[0]
    assert [(s.onset, s.duration, s.name) for s in known.sections] == sections
    assert known.chords == tuple(chords)


def test_without_a_choice_each_chorus_is_fuller_than_the_one_before(song: Song) -> None:
    song.until(5 * CHORUS)
    assert [plan.feel.variation for _, plan in song.announced if plan.feel] == [0, 1, 2, 3, 3, 3]


def test_a_new_process_goes_on_where_a_person_has_steered(song: Song) -> None:
    song.until(17.0)
    song.turn("next")
    song.until(23.0)
    before, count = song.plans, len(song.announced)
    song.start(25.0, seed=2, recalls=True)
    song.until(25.25)
    assert len(song.announced) == count and song.plans == before, "all is known"
    assert song.place(25.0) == FormPlace("Fm", "C", "B", "A", 10, 16, 1)
    song.until(53.0)
    assert song.place(52.0).chorus == 2


def test_a_new_process_goes_on_in_a_chorus_whose_successor_is_announced(song: Song) -> None:
    song.until(17.0)
    song.turn("next")
    song.until(46.0)  # the chorus ends at 52
    before, count = song.plans, len(song.announced)
    assert len({section.chorus for plan in before for section in plan.sections}) == 2
    song.start(48.0, seed=2, recalls=True)
    song.until(48.25)
    assert len(song.announced) == count and song.plans == before, "all is known"
    assert song.place(48.0).chorus == 1 and song.place(52.0).bar == 1
    song.until(52.0)
    assert {note.pitch for note in song.notes if 48 <= note.onset < 52} == {79}


def test_a_new_process_ends_the_chorus_that_its_predecessor_began(song: Song) -> None:
    song.until(20.0)
    song.start(25.0, recalls=True)
    song.until(25.25)
    song.turn("ending")
    assert song.sections[-1] == (CHORUS, 4.0, ENDING)
    assert [song.place(beat).chord for beat in (29.0, 33.0, 37.0, 49.0)] == ["G7", "F", "Fm", "C"]
    notes = {round(note.onset, 6): note.pitch for note in song.until(CHORUS).notes}
    assert [notes[beat] for beat in (48.0, 52.0, 56.0)] == [72, 69, 74]


def test_a_new_process_of_a_song_with_forbidden_chords_goes_on(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG.replace('r |" }\n', 'r |", chords_at: { 1.1: not Em } }\n')).until(17.0)
    song.turn("next")
    song.until(23.0)
    count = len(song.announced)
    song.start(25.0, recalls=True)
    song.until(25.25)
    assert len(song.announced) == count


def test_a_new_process_after_the_ending_is_silent(tmp_path: Path) -> None:
    song = Song(tmp_path, SONG + "choruses: 1\n").until(CHORUS + 20)
    count, notes = len(song.announced), len(song.notes)
    song.start(CHORUS + 21, recalls=True)
    song.until(CHORUS + 60)
    assert (len(song.announced), len(song.notes)) == (count, notes)


def test_another_version_of_the_song_counts_at_once_at_the_same_place(song: Song) -> None:
    song.until(17.0)
    song.turn("next")
    song.until(23.0)
    song.path.write_text(SONG.replace("| F | Fm |", "| Dm7 | Db7 |"), encoding="utf-8")
    song.start(25.0, recalls=True)
    song.until(25.25)
    assert song.place(25.0) == FormPlace("Db7", "C", "B", "A", 10, 16, 1)


def chord(song: Song, *pitches: int, at: float, lasts: float = 0.0) -> None:
    for pitch in pitches:
        song.take(song.leader.listen(MidiEvent(at, "keys", note_on(1, pitch, 80))))
    for pitch in pitches if lasts else ():
        song.take(song.leader.listen(MidiEvent(at + lasts, "keys", note_off(1, pitch))))


@pytest.mark.parametrize(("at", "counts"), [(4.15, 4.25), (4.19, 4.25), (4.2, 4.5)])
def test_a_chord_that_is_complete_30_ms_before_a_16th_counts_from_there_on(
    tmp_path: Path, at: float, counts: float
) -> None:
    song = Song(tmp_path, chords="keys").until(4.25)
    chord(song, 45, 48, 52, 55, at=at)
    assert song.announced[-1][1].beat == counts
    assert [c.symbol for c in song.announced[-1][1].chords] == ["Am7"]
    song.until(40.0)
    assert song.place(39.0).chord == "Am7" and song.place(39.0).section == "B"
    assert song.notes == [], "the right hand is the melody"
    assert not any(plan.melody for _, plan in song.announced), "nor do listeners follow what is not played"


def test_a_chord_lasts_until_the_next_or_as_long_as_it_is_held(tmp_path: Path) -> None:
    held = Song(tmp_path, chords="keys").until(4.25)
    chord(held, 48, 52, 55, at=4.1, lasts=1.0)
    assert held.place(6.0).chord == "C" and held.place(12.0).chord == "C"
    song = Song(tmp_path, chords="keys", hold=False).until(4.25)
    chord(song, 41, 45, 48, at=4.1, lasts=1.0)
    assert [c.symbol for c in song.announced[-2][1].chords] == ["F"]
    assert song.announced[-1][1].beat == 5.25 and song.place(6.0).chord == "Am7", "the song's chord is back"


def test_the_next_chorus_keeps_the_chord_of_the_left_hand(tmp_path: Path) -> None:
    song = Song(tmp_path, chords="keys").until(4.25)
    chord(song, 48, 52, 55, at=4.1)
    song.until(CHORUS + 1)
    assert song.place(CHORUS).chord == "C"


def test_the_same_calls_give_the_same_plans(tmp_path: Path) -> None:
    def played() -> list[tuple[float, Plan]]:
        song = Song(tmp_path).until(30.0)
        song.turn("break")
        return song.until(3 * CHORUS).announced

    assert played() == played()


def test_the_chords_follow_a_long_note_of_the_melody_until_the_next_chord(tmp_path: Path) -> None:
    song = Song(tmp_path, melody="keys", harmony="follow").until(0.5)
    song.take(song.leader.listen(MidiEvent(0.1, "keys", note_on(1, 72, 80))))
    song.until(2.0)
    song.take(song.leader.listen(MidiEvent(2.0, "keys", note_off(1, 72))))
    assert len(song.announced) == 1, "C fits C"
    song.take(song.leader.listen(MidiEvent(2.0, "keys", note_on(1, 77, 80))))  # F
    song.until(2.75)
    assert song.announced[-1][1].beat == 2.5 and song.place(2.5).chord == "Dm7", "it has F, and the C before"
    assert song.place(4.0).chord == "Am7", "as the song has it"
    song.turn("energy", 0.8)  # all is announced again
    song.until(3.25)
    assert song.place(3.0).chord == "Dm7"
    song.take(song.leader.listen(MidiEvent(3.3, "keys", note_off(1, 77))))
    song.until(8.0)
    song.take(song.leader.listen(MidiEvent(8.0, "keys", note_on(1, 77, 80))))
    count = len(song.announced)
    assert len(song.until(11.0).announced) == count, "F fits Dm7"
    assert song.notes == []


@pytest.mark.parametrize(
    ("melody", "chosen"),
    [("C5 A5 F5", "F"), ("D5 A5 F5", "G7"), ("D5 B4 D5 B4 E5 C5 A5 F5", "F"), ("E5 C5 A5 F5 D5 B4 D5 F5", "G7")],
)
def test_the_chord_that_follows_has_the_last_notes_of_the_melody(melody: str, chosen: str) -> None:
    """A long F over C asks for F or, a chord of the song, for G7; notes of a bar before have no part in that."""
    follower, planned = Follower(("C", "G7", "N.C."), Key(0)), PlannedChord(0.0, 8.0, "C")
    for number, name in enumerate(melody.split()):
        pitch = pitch_named(name)
        assert pitch is not None
        follower.hear(MidiEvent(number / 4, "keys", note_on(1, pitch, 80)))
        if number < len(melody.split()) - 1:
            follower.hear(MidiEvent(number / 4 + 0.2, "keys", note_off(1, pitch)))
    assert not follower.changes(planned, number / 4 + 0.25), "short notes pass"
    assert follower.changes(planned, number / 4 + 0.5)
    at = number / 4 + 0.5
    assert follower.in_place_of(planned) == PlannedChord(at, 8.0 - at, chosen), "until the next chord"
    assert not follower.changes(planned, at + 1.0), "once"


@pytest.mark.parametrize(
    ("chord", "note", "changes"),
    [("C", 69, False), ("C", 78, True), ("C", 77, True), ("Cmaj7", 72, False), ("Dm7", 76, False), ("N.C.", 73, False)],
)
def test_a_chord_stays_under_its_own_notes_and_those_of_its_scale_but_a_semitone_above_them(
    chord: str, note: int, changes: bool
) -> None:
    follower = Follower(("C", "G7"), Key(0))
    follower.hear(MidiEvent(0.0, "keys", note_on(1, note, 80)))
    assert follower.changes(PlannedChord(0.0, 8.0, chord), 1.0) == changes


def test_chords_that_stay(tmp_path: Path) -> None:
    song = Song(tmp_path, melody="keys").until(0.5)
    song.take(song.leader.listen(MidiEvent(0.5, "keys", note_on(1, 77, 80))))
    assert len(song.until(3.0).announced) == 1


def test_only_a_melody_of_a_person_is_followed() -> None:
    for chords, melody in (("sheet", "composed"), ("keys", "keys")):
        (mistake,) = Leader.mistakes(Setup(LeaderOptions(harmony="follow", chords=chords, melody=melody)))
        assert mistake[0] == "harmony"
    assert not list(Leader.mistakes(Setup(LeaderOptions(harmony="follow", melody="keys"))))
