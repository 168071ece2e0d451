"""Every rule for engines finds the engines that break it."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.contract import record
from daemon.contract.calls import LISTEN
from daemon.contract.check import Checker
from daemon.contract.rules import RULES, text_of
from daemon.contract.subject import Subject, variants
from daemon.engines.base import Engine, Setup
from tests.contract import faulty

BROKEN: list[tuple[int, type[Engine], str]] = [
    (1, faulty.SlowKeys, "the player counts as hung"),
    (1, faulty.SlowWindows, "`lead` is 0.1 ms"),
    (2, faulty.EarlyAnswer, "the beat of what was heard"),
    (2, faulty.EarlyWindow, "the window's start"),
    (2, faulty.EarlyControl, "the beat of the control"),
    (2, faulty.HighPitch, "give an int from 0 to 127"),
    (2, faulty.NoVelocity, "the velocity is 0: give an int from 1 to 127"),
    (2, faulty.NumpyPitch, "the pitch is np.int64("),
    (2, faulty.FloatPitch, "give an int from 0 to 127"),
    (2, faulty.EndlessOnset, "the onset is inf: give a number of beats"),
    (2, faulty.OtherVoice, "'dubble' is not one of the engine's voices, double, beat"),
    (2, faulty.NoDuration, "the duration is 0.0: give one above 0, or None"),
    (2, faulty.Words, "neither a Play, a Stop nor a Plan"),
    (2, faulty.NoAnswer, "None: yield actions, or return an empty tuple"),
    (2, faulty.BadPlan, "not a plan"),
    (3, faulty.Unseeded, "another time, after another session"),
    (3, faulty.Remembers, "another time, after another session"),
    (3, faulty.AnticipatesTooMuch, "after `anticipate`"),
    (4, faulty.Hangs, "still sounds at beat"),
    (4, faulty.IgnoresPedalUp, "still sounds at beat"),
    (4, faulty.Piles, "still sounds at beat"),
    (5, faulty.FailsOnHighNotes, "IndexError"),
    (5, faulty.FailsOnNoteOffs, "KeyError"),
    (5, faulty.FailsOnPedals, "NotImplementedError"),
    (5, faulty.FailsOnSkippedWindows, "AssertionError"),
    (5, faulty.FailsOnPlans, "IndexError"),
    (5, faulty.FailsOnLargeSeeds, "ValueError"),
    (5, faulty.FailsOnSettings, "ZeroDivisionError"),
    (5, faulty.FailsOnChoice, "KeyError: 'minor' (faulty.py:"),
    (5, faulty.FailsWhenAsked, "in owes at beat"),
    (5, faulty.FailsAhead, "in anticipate"),
    (6, faulty.LateModelError, "ModelError"),
    (6, faulty.Exits, "SystemExit"),
    (6, faulty.FailsToPrepare, "in prepare: ValueError: no weights (faulty.py:"),
    (6, faulty.FailsWithoutModel, "AttributeError"),
]


def checked(engine: type[Engine], model: Path | None = None) -> Checker:
    settings = {setting.name: float(setting.default) for setting in engine.settings}
    checker = Checker()
    for subject in variants(Subject(engine, Setup(engine.Options(), settings, model, LISTEN))):
        if subject.name:
            checker.check_variant(subject)
        else:
            checker.check(subject, seeds=1)
    return checker


@pytest.mark.parametrize(("rule", "engine", "text"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_rule_is_found_with_the_calls_that_show_it(
    rule: int, engine: type[Engine], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine is faulty.SlowKeys:
        monkeypatch.setattr(record, "ANSWER_TIMEOUT", 0.01)
    checker = checked(engine, Path(__file__) if engine.needs_model else None)
    violation = checker.violations.pop(rule)
    assert not checker.violations, "each breaks one rule only"
    assert text in violation.problem
    assert len(violation.calls) <= 4 or rule == 4, violation.calls
    if violation.calls:
        assert violation.calls[0].startswith(("reset(known, 0.0, ", "anticipate("))


@pytest.mark.parametrize("engine", [faulty.Good, faulty.Drone, faulty.Silent])
def test_no_rule_asks_for_more_than_it_says(engine: type[Engine]) -> None:
    """An engine may play no note, draw nothing at random, or play on by itself."""
    checker = checked(engine)
    assert checker.violations == {} and not checker.tally.cut_short


def test_a_machine_that_was_busy_once_breaks_no_rule() -> None:
    faulty.SlowOnce.is_first = True
    checker = checked(faulty.SlowOnce)
    assert checker.violations == {} and checker.tally.cut_short


def test_there_is_a_broken_engine_for_every_rule() -> None:
    assert {rule for rule, *_ in BROKEN} == set(RULES)
    for number in RULES:
        assert text_of(number).count("\n") == 0 and text_of(number).endswith(".")


def test_the_calls_that_show_a_violation_are_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which shows it again."""
    names: dict[str, object] = {}
    exec("from daemon.music.events import *; from daemon.music.plan import *", names)
    engine = faulty.FailsOnPlans(Setup(None, {"shift": 0.0}))
    calls = checked(faulty.FailsOnPlans).violations[5].calls
    assert [call.partition("(")[0] for call in calls] == ["reset", "learn"]
    with pytest.raises(IndexError):
        for call in calls:
            eval(f"engine.{call}", {**names, "engine": engine, "known": {}})
