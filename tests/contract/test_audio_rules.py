"""The rules for audio engines find every engine that breaks one, and ask for no more than they say."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from daemon.contract.audio import record
from daemon.contract.audio.check import AudioChecker
from daemon.contract.audio.rules import RULES
from daemon.contract.audio.sessions import extremes, noise
from daemon.contract.calls import LISTEN
from daemon.contract.rules import text_of
from daemon.contract.subject import Subject
from daemon.engines.base import Setup
from daemon.music.events import is_well_formed
from tests.contract import faulty_audio as faulty
from tests.tools.sine import Sine, SineAt44100

BROKEN: list[tuple[int, type[Sine], str]] = [
    (1, faulty.SlowSound, "256 frames of a chord take "),
    (1, faulty.HangingSound, "the instrument counts as hung after"),
    (1, faulty.Recorder, "bytes are gathered: keep nothing that grows"),
    (2, faulty.LeavesOut, "40 of 1000 frames are no finite numbers: fill every frame of `out`"),
    (2, faulty.DividesByZero, "1 of "),
    (2, faulty.Shouts, "a chord reaches "),
    (2, faulty.Hums, "there is sound before the first message, of 0.01: begin with silence"),
    (3, faulty.Draws, "the same calls gave "),
    (4, faulty.IgnoresVelocityZero, "1 s after every note was ended there is still sound, of "),
    (4, faulty.IgnoresNoteOffs, "there is still sound"),
    (4, faulty.IgnoresSoundOff, "there is still sound"),
    (4, faulty.IgnoresNotesOff, "there is still sound"),
    (5, faulty.FailsOnBend, "ValueError: what is a bend?"),
    (5, faulty.FailsOnSystemMessages, "IndexError"),
    (5, faulty.FailsOnOneFrame, "IndexError"),
    (5, faulty.FailsOnSetting, "failed in control('bite', 1, 0.0): ValueError: ouch"),
    (5, faulty.FailsAtTheOtherRate, "ValueError: a rate of 44100"),
    (6, faulty.NeedsNoModelButAsks, "ModelError: a sample is missing"),
    (6, faulty.Exits, "the engine ends the process (SystemExit)"),
]


def checked(engine: type[Sine]) -> AudioChecker:
    settings = {setting.name: float(setting.default) for setting in engine.settings}
    checker = AudioChecker()
    checker.check(Subject(engine, Setup(engine.Options(), settings, None, LISTEN)))
    return checker


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of silence is enough for engines whose notes end at once. A busy machine breaks no rule."""
    monkeypatch.setattr(record, "ANSWER_TIMEOUT", 60.0)
    monkeypatch.setattr("daemon.contract.violations.SHORTEN_SECONDS", 0.3)
    monkeypatch.setattr("daemon.contract.audio.sessions.TAIL", 1.0)
    monkeypatch.setattr("daemon.contract.audio.rules.TAIL", 1.0)


@pytest.mark.parametrize(("rule", "engine", "text"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_rule_is_found_and_no_other(
    rule: int, engine: type[Sine], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine is faulty.HangingSound:
        monkeypatch.setattr(record, "ANSWER_TIMEOUT", 0.2)
    checker = checked(engine)
    violation = checker.violations.pop(rule)
    assert not checker.violations, "each breaks one rule only"
    assert text in violation.problem


@pytest.mark.parametrize("engine", [Sine, SineAt44100, faulty.GoodSound])
def test_no_rule_asks_for_more_than_it_says(engine: type[Sine]) -> None:
    checker = checked(engine)
    assert checker.violations == {} and not checker.cut_short


def test_there_is_a_broken_engine_for_every_rule() -> None:
    assert {rule for rule, *_ in BROKEN} == set(RULES)
    for number in RULES:
        assert text_of(number, RULES).count("\n") == 0 and text_of(number, RULES).endswith(".")


def test_the_calls_that_show_a_violation_are_few_and_python() -> None:
    """They show it again."""
    violation = checked(faulty.FailsOnBend).violations[5]
    assert len(violation.calls) <= 2
    names: dict[str, Any] = {"out": np.empty((8192, 2), np.float32)}
    names["engine"] = faulty.FailsOnBend(Setup(None, {}, rate=48_000))
    with pytest.raises(ValueError, match="what is a bend"):
        for call in violation.calls:
            eval(f"engine.{call}", names)


def test_calls_that_end_no_note_show_nothing_about_the_end() -> None:
    """They would show what every engine does."""
    violation = checked(faulty.IgnoresVelocityZero).violations[4]
    assert any(re.search(r'"9\w \w\w 00"', call) for call in violation.calls)


def test_the_sessions_have_messages_of_every_kind_and_all_are_well_formed() -> None:
    steps = [step for number in (1, 2) for step in noise([], number, 48_000).steps] + list(extremes([], 48_000).steps)
    messages = [step for step in steps if isinstance(step, bytes)]
    assert all(map(is_well_formed, messages))
    kinds = {message[0] & 0xF0 if message[0] < 0xF0 else message[0] for message in messages}
    assert {0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0, 0xF8, 0xFF} <= kinds
    sizes = {step for step in steps if isinstance(step, int)}
    assert {1, 64, 255, 256, 8191, 8192} <= sizes | {255} and min(sizes) == 1
