"""A plan as a chart: chords from beginning to end, breaks and endings."""

from __future__ import annotations

from daemon.engines.shared.chart import Chart
from daemon.music.plan import BREAK, ENDING, Plan, PlannedChord, Section
from tests.engines.following import LEADER, chart


def learnt(*plans: Plan) -> Chart:
    made = Chart((LEADER,))
    for plan in plans:
        made.learn(LEADER, plan)
    return made


def spans(made: Chart, start: float = 0.0, end: float = 100.0) -> list[tuple[float, float, str]]:
    return [(span.start, span.end, span.chord.symbol) for span in made.spans(start, end)]


def test_a_chord_that_is_written_for_each_bar_is_one() -> None:
    made = learnt(Plan(0.0, chart("| C | % | C7 | N.C. | C7 | ? | F |")))
    assert spans(made) == [(0.0, 8.0, "C"), (8.0, 12.0, "C7"), (16.0, 20.0, "C7"), (24.0, 28.0, "F")]
    assert made.span(12.0) is None and made.span(21.0) is None


def test_a_chord_ends_where_the_next_one_begins() -> None:
    made = learnt(Plan(0.0, (PlannedChord(0.0, 1e6, "C"), PlannedChord(4.0, 4.0, "F"))))
    assert spans(made) == [(0.0, 4.0, "C"), (4.0, 8.0, "F")]


def test_a_later_plan_replaces_what_comes_from_its_beat_on() -> None:
    made = learnt(Plan(0.0, chart("| C | F | G | C |")), Plan(6.0, (PlannedChord(6.0, 1e6, "Ab7"),)))
    assert spans(made) == [(0.0, 4.0, "C"), (4.0, 6.0, "F"), (6.0, 6.0 + 1e6, "Ab7")]
    again = learnt(Plan(0.0, chart("| C | F | G | C |")), Plan(6.0, chart("| F | G | C |", start=4.0)))
    assert spans(again) == spans(learnt(Plan(0.0, chart("| C | F | G | C |"))))


def test_the_chords_of_a_time() -> None:
    made = learnt(Plan(0.0, chart("| C | F | G | C |")))
    assert spans(made, 4.0, 8.0) == [(4.0, 8.0, "F")]
    assert spans(made, 5.0, 5.0) == [(4.0, 8.0, "F")]
    following = made.next_span(4.0)
    assert following is not None and following.chord.symbol == "G" and made.next_span(12.0) is None


def test_a_scale_fits_the_chords_around() -> None:
    made = learnt(Plan(0.0, chart("| C | Em7 | Am7 | Dm7 | G7 | C |")))
    (minor,) = made.spans(4.0, 8.0)
    assert 5 in made.scale(minor) and 6 not in made.scale(minor), "F, not F#, over Em7 in C"


def test_breaks_and_endings() -> None:
    sections = (Section(0.0, 8.0, "A"), Section(8.0, 4.0, BREAK), Section(12.0, 8.0, ENDING))
    made = learnt(Plan(0.0, chart("| C | F | G | G7 | C |"), sections))
    assert made.break_from(7.9) is None and made.break_from(11.0) == 8.0
    assert made.final_span(8.0) is None
    final = made.final_span(13.0)
    assert final is not None and (final.start, final.end, final.chord.symbol) == (16.0, 20.0, "C")
