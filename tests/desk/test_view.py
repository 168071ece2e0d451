import asyncio

import pytest

from daemon.commands import Panic, TapBeat
from daemon.desk.terminal import Terminal, View, chord_name, note_name
from daemon.entries import (
    Commanded,
    Entry,
    Heard,
    MelodyPlayed,
    PortLost,
    Reconfigured,
    Sent,
    Started,
    StateSaved,
    Stopped,
    TempoChanged,
)
from daemon.music.events import control_change, note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.spec import StageSpec


def on(voice: str, pitch: int) -> Entry:
    return Sent(0.0, "choir", voice, "choir", note_on(1, pitch, 64))


def off(voice: str, pitch: int) -> Entry:
    return Sent(0.0, "choir", voice, "choir", note_off(1, pitch))


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ([60, 64, 67], "C"),
        ([64, 67, 72], "C"),  # first inversion
        ([57, 60, 64, 69], "Am"),
        ([55, 59, 62, 65], "G7"),
        ([60, 64, 68], "Caug"),
        ([64, 68, 72], "Eaug"),  # the same pitch classes over E
        ([60, 61, 62], ""),
        ([60], ""),
        ([], ""),
    ],
)
def test_chord_names(pitches: list[int], name: str) -> None:
    assert chord_name(pitches) == name


def test_note_names() -> None:
    assert [note_name(pitch) for pitch in (0, 60, 70, 127)] == ["C-1", "C4", "B♭4", "G9"]


def test_the_line_shows_sounding_notes_by_player_and_voice() -> None:
    view = View(None)
    view.follow([Heard(0.0, "keys", 0.0, note_on(1, 72, 64)), on("soprano", 72), on("alto", 67)])
    view.follow([on("tenor", 64), on("bass", 60)])
    assert view.line() == "keys: C5 │ choir: soprano C5  alto G4  tenor E4  bass C4  (C)"
    view.follow([off("soprano", 72), Heard(1.0, "keys", 1.0, note_off(1, 72))])
    assert view.line() == "choir: alto G4  tenor E4  bass C4  (C)"
    view.follow([Commanded(2.0, Panic(), 2.0)])
    assert view.line() == ""


@pytest.mark.parametrize(
    ("entry", "ended"),
    [
        (Started(1.0), True),
        (Stopped(1.0), True),
        (StateSaved(1.0, {}), True),
        (Reconfigured(1.0, StageSpec(TempoMap(((0.0, 96.0),), ((0.0, 4.0),)))), True),
        (Commanded(1.0, Panic(), 1.0), True),
        (Commanded(1.0, TapBeat(), 1.0), False),
        (TempoChanged(1.0, 4.0, 100.0), False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_ends_every_note_empties_the_line(entry: Entry, ended: bool) -> None:
    view = View(None)
    view.follow([on("soprano", 72), entry])
    assert ("choir" not in view.line()) == ended


def test_the_terminal_keeps_one_line() -> None:
    written: list[str] = []

    async def play() -> None:
        view = View(Terminal(written.append, lambda: True))
        view.follow([on("soprano", 72)])
        await asyncio.sleep(0.2)
        view.follow([off("soprano", 72)])
        await asyncio.sleep(0.2)
        view.follow([on("soprano", 60)])
        await asyncio.sleep(0.2)
        view.close()

    asyncio.run(play())
    text = "choir: soprano C5"
    assert "".join(written).split("\r") == [
        "",
        text,
        " " * len(text),
        text.replace("C5", "C4"),
        " " * len(text),
        "",
    ]


def test_a_blocked_terminal_gets_no_further_output() -> None:
    written: list[str] = []
    free = [True]

    async def play() -> None:
        view = View(Terminal(written.append, lambda: free[0]))
        for pitch, is_free in ((60, True), (62, False), (64, False), (65, True)):
            free[0] = is_free
            view.follow([on("soprano", pitch)])
            await asyncio.sleep(0.2)
            view.follow([off("soprano", pitch)])

    asyncio.run(play())
    assert written == ["\rchoir: soprano C4", "\rchoir: soprano F4"]


def test_a_stopped_song_is_shown() -> None:
    view = View(None)
    view.follow([TempoChanged(0.0, 0.0, 96.0), MelodyPlayed(0.0, "tune", note_on(1, 60, 64)), Stopped(1.0)])
    assert view.line() == "stopped (96 bpm)"
    view.follow([Started(2.0, 0.0, 2.3)])
    assert view.line() == ""


def test_notes_end_with_a_channel_mode_message_or_a_lost_port() -> None:
    view = View(None)
    strike = [Heard(0.0, name, 0.0, note_on(1, 72, 64)) for name in ("keys", "pads")]
    view.follow([*strike, Heard(0.5, "keys", 0.5, control_change(1, 123, 0))])
    assert view.line() == "pads: C5"
    view.follow([Heard(0.6, "keys", 0.6, note_on(1, 60, 64)), PortLost(0.7, "pads")])
    assert view.line() == "keys: C4"
