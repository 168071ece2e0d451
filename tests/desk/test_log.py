import logging
import re

import pytest

from daemon.desk.log import LOG, MAX_CHANGES, Reporter, set_up


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def reporter(now: list[float], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Reporter:
    monkeypatch.setattr(LOG, "propagate", True)
    caplog.set_level(logging.INFO, "jamd")
    return Reporter(lambda: now[0])


def test_causes_are_logged_once_a_minute(
    reporter: Reporter, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(500):
        reporter.say("warning", "port", "the port is lost")
        reporter.say("error", "player", "the player ended")
        now[0] += 0.1
    assert caplog.messages == ["the port is lost", "the player ended"]
    now[0] += 20
    reporter.say("warning", "port", "the port is lost")
    assert caplog.messages[2:] == ["the port is lost (repeated 499 times since last logged)"]
    assert caplog.records[2].levelname == "WARNING"
    now[0] += 100
    reporter.say("warning", "port", "the port is lost")
    assert caplog.messages[3:] == ["the port is lost"]


def test_changes_are_logged_at_once(reporter: Reporter, now: list[float], caplog: pytest.LogCaptureFixture) -> None:
    for change in ("lost", "back", "lost", "back"):
        reporter.say("info", "port", f"the port is {change}", is_change=True)
        reporter.say("info", "cable", f"the cable is {change}", is_change=True)
        now[0] += 1
    expected = [f"the {what} is {change}" for change in ("lost", "back") for what in ("port", "cable")]
    assert caplog.messages == expected * 2


def test_a_loose_plug_cannot_flood_the_log_whose_last_line_is_true(
    reporter: Reporter, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    def change(text: str) -> None:
        reporter.say("info", "port", text, is_change=True)
        now[0] += 0.5
        reporter.settle()

    for _ in range(10 * 60):  # ten minutes
        change("lost")
        change("back")
    assert MAX_CHANGES < len(caplog.messages) <= 10 * MAX_CHANGES
    for _ in range(70):
        now[0] += 1
        reporter.settle()
    lines = caplog.messages[:]
    assert re.fullmatch(r"back \(repeated \d+ times since last logged\)", lines[-1])
    now[0] += 60
    change("lost")
    assert caplog.messages[len(lines) :] == ["lost"]


def test_without_a_cause_every_text_is_logged(reporter: Reporter, caplog: pytest.LogCaptureFixture) -> None:
    reporter.say("info", "", "one")
    reporter.say("info", "", "one")
    assert caplog.messages == ["one", "one"]


def test_journald_gets_a_priority_on_every_line_and_others_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(LOG, "handlers", [])
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    set_up(written.append)
    LOG.error("one\ntwo")
    monkeypatch.delenv("JOURNAL_STREAM")
    set_up(written.append)
    LOG.warning("three\nfour")
    assert written[0] == "<3>one\n<3>two\n"
    assert re.fullmatch(r"\d\d:\d\d:\d\d three\n {9}four\n", written[1])


@pytest.mark.parametrize("journald", [False, True])
def test_no_text_forges_a_line_or_controls_the_terminal(monkeypatch: pytest.MonkeyPatch, journald: bool) -> None:
    written: list[str] = []
    if journald:
        monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    else:
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    set_up(written.append)
    LOG.warning("synth\x1b[2J\x07\r00:00:00 READY\x0b\x85\u2028\u202e\udcff is gone\nsecond line\t\u00fc")
    (text,) = written
    first, second, end = text.split("\n")
    assert first.endswith(r"synth\x1b[2J\x07\r00:00:00 READY\x0b\x85\u2028\u202e\udcff is gone")
    assert second.endswith("second line\t\u00fc") and not end
    assert all(char.isprintable() or char in "\n\t" for char in text)


def test_lines_are_wrapped_at_words_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    text = "notes in the last minute: drummer 120, soloist-two 31; a/path/that/is/longer/than/a/line"
    set_up(written.append, lambda: 40)
    LOG.info(text)
    set_up(written.append, lambda: None)
    LOG.info(text)
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    set_up(written.append, lambda: 40)
    LOG.info(text)
    assert [line[9:] for line in written[0].splitlines()] == [
        "notes in the last minute:",
        "drummer 120, soloist-two 31;",
        "a/path/that/is/longer/than/a/line",
    ]
    assert written[1][9:] == f"{text}\n" and written[2] == f"<6>{text}\n"
