"""A leader, and a listener that learns its plans."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from daemon.engines.base import Setup
from daemon.engines.leadsheet.engine import Leader
from daemon.engines.leadsheet.options import LeaderOptions
from daemon.music.events import Action, Play, Window
from daemon.music.form_place import FormPlace, form_place
from daemon.music.plan import Plan, add_plan

SONG = """
title: Test
key: C
tempo: 120
feel: swing
form: AABA
sections:
  A: { chords: "| C | Am7 | Dm7 | G7 |", melody: "| C5 D5 E5 - | A4 - - - | D5 - F5 - | G5 - - r |" }
  B: { chords: "| F | Fm | C | G7 |", melody: "| r | r | r | r |" }
"""
CHORUS = 64.0  # beats


class Song:
    """A leader, and what a listener knows who learns every plan."""

    def __init__(self, folder: Path, text: str = SONG, **options: object) -> None:
        self.path = folder / "song.yaml"
        self.path.write_text(text, encoding="utf-8")
        self.options = LeaderOptions(song=str(self.path), **options)  # type: ignore[arg-type]
        self.plans: tuple[Plan, ...] = ()
        self.notes: list[Play] = []
        self.announced: list[tuple[float, Plan]] = []  # beat, plan
        self.now = 0.0
        self.start()

    def start(self, beat: float = 0.0, seed: int = 1, recalls: bool = False) -> None:
        """A new process, which is told its own plans or not."""
        self.leader = Leader(Setup(self.options, listen=("keys",)))
        self.leader.prepare()
        self.leader.reset({}, beat, seed)
        for plan in self.plans if recalls else ():
            list(self.leader.learn("lead", plan))
        self.now = beat

    def until(self, beat: float) -> Song:
        while self.now < beat:
            self.take(self.leader.generate(Window(self.now, self.now + 0.25, self.now // 4 * 4, 4.0, 120.0)))
            self.now += 0.25
        return self

    def turn(self, name: str, value: float = 1.0) -> None:
        self.take(self.leader.control(name, value, self.now))

    def take(self, answer: Iterable[Action | Plan]) -> None:
        for item in answer:
            if isinstance(item, Plan):
                self.announced.append((self.now, item))
                self.plans = add_plan(self.plans, item, min(self.now, item.beat))
            elif isinstance(item, Play):
                self.notes.append(item)

    def place(self, beat: float) -> FormPlace:
        place = form_place(self.plans, beat, 4.0)
        assert place is not None
        return place

    @property
    def sections(self) -> list[tuple[float, float, str]]:
        return [(s.onset, s.duration, s.name) for plan in self.plans for s in plan.sections]
