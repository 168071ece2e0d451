"""The line that tells a person how a replay differs."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from daemon.entries import Answered, Planned, Sent, TempoChanged
from daemon.music.events import Play
from daemon.music.melody import Note
from daemon.music.plan import Plan, PlannedChord, Section
from daemon.recording.difference import LONGEST, difference
from daemon.recording.origin import other_jamd

CHORDS = tuple(PlannedChord(4.0 * bar, 4.0, "C") for bar in range(32))
SECTIONS = (Section(0.0, 128.0, "A", 1),)
MELODY = tuple(Note(float(beat), 1.0, 60, 80) for beat in range(128))
PLAN = Plan(0.0, CHORDS, SECTIONS, MELODY)


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (Plan(0.0, (*CHORDS[:31], PlannedChord(124.0, 4.0, "G7")), SECTIONS, MELODY),
         "chord of lead: recorded C at beat 124, replayed G7 at beat 124"),
        (Plan(0.0, CHORDS, SECTIONS, MELODY[:-1]), "note of lead: recorded pitch 60 at beat 127, replayed none"),
        (Plan(0.0, CHORDS, (Section(0.0, 128.0, "B", 1),)),
         "section of lead: recorded A at beat 0, replayed B at beat 0"),
        (Plan(0.0, CHORDS, SECTIONS, (Note(0.0, 0.5, 60, 80), *MELODY[1:])),
         "plan of lead: recorded one, replayed another (feel, durations or velocities)"),
        (PLAN, "plan of lead: recorded at another moment, replayed at this one"),
    ],
)  # fmt: skip
def test_of_two_plans_the_first_part_that_differs_is_named(other: Plan, line: str) -> None:
    found = difference(2.5, Planned(2.5, "lead", 7, PLAN), Planned(2.5, "lead", 7, other))
    assert found == f"first difference at 2.500 s: {line}"


def test_every_difference_is_a_short_line() -> None:
    answer = Answered(1.0, "bass", 3, (Play(0.0, 40, 80, "bass"),) * 200, True)
    plan, sent = Planned(1.0, "lead", 7, PLAN), Sent(1.0, "bass", "bass", "band", bytes([0x90, 40, 80]))
    left = ["answer", 1.0, "bass", 3, [["play", 0.0, 40, 80, "bass"]] * 200]
    for was in (None, answer, plan, sent, left, TempoChanged(1.0, 0.0, 120.0)):
        for now in (None, answer, plan, sent, left):
            found = difference(1.0, was, now)
            assert len(found) < 100 + 2 * LONGEST and "\n" not in found
    assert difference(1.0, None, plan).endswith("recorded nothing, replayed a plan of lead from beat 0 on")
    assert "recorded 90 28 50 of bass (bass) to band, replayed" in difference(1.0, sent, answer)


def test_a_journal_of_another_version_says_so() -> None:
    assert other_jamd({"versions": {"jamd": version("jamd")}}) == other_jamd({}) == ""
    assert "jamd 0.0.1 made this music" in other_jamd({"versions": {"jamd": "0.0.1"}})
