"""What engines are asked to play that follow a plan: bars counted in sections, windows across bar lines, jumps."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.engines.base import NoOptions, Setup
from daemon.engines.shared.chart import Chart, Span
from daemon.engines.shared.plan_player import Bar, PlanPlayer
from daemon.music.chords import chord_of
from daemon.music.events import Action, Window
from daemon.music.plan import ENDING, Plan, Section
from tests.engines.shared.charts import plan_of


class Probe(PlanPlayer):
    def begin(self) -> None:
        super().begin()
        self.asked: list[tuple[int, float, float]] = []

    def plan_has_changed(self) -> None:
        pass

    def play(self, bar: Bar, start: float, end: float, tempo: float) -> Iterator[Action]:
        self.asked.append((bar.number, start, end))
        return iter(())

    def window(self, start: float, end: float, meter: float = 4.0) -> None:
        list(self.generate(Window(start, end, start // meter * meter, meter, 120.0)))


def probe(*sections: Section) -> Probe:
    player = Probe(Setup(NoOptions(), listen=("lead",)))
    list(player.learn("lead", Plan(0.0, plan_of("C C C C").chords, sections)))
    return player


def test_bars_are_counted_in_their_section() -> None:
    player = probe(Section(0.0, 8.0, "A"), Section(8.0, 8.0, "B"))
    for start in range(16):
        player.window(start, start + 1.0)
    assert [number for number, start, _ in player.asked if start % 4 == 0][-2:] == [0, 1]


def test_a_window_ends_at_the_bar_line() -> None:
    player = probe()
    player.window(3.25, 3.75, 3.5)
    assert player.asked == [(0, 3.25, 3.5), (1, 3.5, 3.75)]


def test_a_jump_forgets_what_was_played() -> None:
    player = probe()
    player.window(0.0, 0.25)
    player.window(0.25, 0.5)
    assert len(player.asked) == 2
    player.window(9.0, 9.25)
    assert player.asked == [(2, 9.0, 9.25)]


def test_the_last_chord_begins_with_the_ending_though_it_sounded_before() -> None:
    chart = Chart(["lead"])
    chart.learn("lead", Plan(0.0, plan_of("G7 C C").chords, (Section(0.0, 8.0, "A"), Section(8.0, 4.0, ENDING))))
    assert chart.final_span(9.0) == Span(8.0, 12.0, chord_of("C"))
