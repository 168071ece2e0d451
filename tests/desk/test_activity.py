from pathlib import Path

import pytest

from daemon.desk.activity import Activity
from daemon.entries import Entry, Heard, MelodyPlayed, Sent
from daemon.music.events import note_off, note_on


def heard(source: str) -> list[Entry]:
    return [Heard(0.0, source, 0.0, note_on(1, 60, 64)), Heard(0.0, source, 0.0, note_off(1, 60))]


def played(player: str) -> list[Entry]:
    return [Sent(0.0, player, "alto", "out", note_on(1, 60, 64)), Sent(0.0, player, "alto", "out", note_off(1, 60))]


def test_once_a_minute_new_notes_are_counted() -> None:
    now = [0.0]
    activity = Activity(lambda: now[0])
    activity.follow([MelodyPlayed(0.0, "tune", note_on(1, 60, 64))] * 3)
    assert activity.minute() == ""
    now[0] = 60.0
    assert activity.minute() == "notes in the last minute: tune 3"
    now[0] = 120.0
    assert activity.minute() == ""
    activity.follow(heard("keys") + played("choir"))
    now[0] = 180.0
    assert activity.minute() == "notes in the last minute: choir 1, keys 1"


@pytest.mark.parametrize(
    ("entries", "seconds", "files", "text"),
    [
        ([], 0.2, [], "jamd ran for 0 s: no notes heard and no notes played; nothing to record"),
        (heard("keys"), 60, ["s/a.mid"], "jamd ran for 1 min: 1 note heard and no notes played; recorded in s/a.mid"),
        (
            [*heard("keys") * 12, *played("choir") * 1200, *played("drums") * 34],
            3 * 3600 + 125.4,
            ["s/a.mid", "s/b.mid"],
            "jamd ran for 3 h 2 min 5 s: 12 notes heard and 1,234 notes played (choir 1,200, drums 34); "
            "recorded in s/b.mid and 1 earlier file there",
        ),
    ],
    ids=["nothing", "a key", "a band"],
)
def test_the_summary_is_a_sentence(entries: list[Entry], seconds: float, files: list[str], text: str) -> None:
    now = [0.0]
    activity = Activity(lambda: now[0])
    now[0] = 1000.0
    activity.start()
    activity.follow(entries)
    now[0] += seconds
    assert activity.summary(Path("s"), [Path(file) for file in files], True) == text


def test_the_summary_says_when_nothing_was_recorded() -> None:
    activity = Activity()
    assert activity.summary(None, [], True).endswith("; recording is off")
    assert activity.summary(Path("s"), [], False).endswith("; the recording is not complete")
