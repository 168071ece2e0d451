import asyncio
import io

import pytest

from daemon.desk.view import View, chord_name, note_name
from daemon.music.events import note_off, note_on


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on(voice: str, pitch: int) -> list[object]:
    return ["sent", 0.0, "choir", voice, "choir", note_on(1, pitch, 64).hex()]


def off(voice: str, pitch: int) -> list[object]:
    return ["sent", 0.0, "choir", voice, "choir", note_off(1, pitch).hex()]


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ([60, 64, 67], "C"),
        ([64, 67, 72], "C"),  # a sixth chord
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


def test_the_line_shows_who_sounds_what() -> None:
    view = View(io.StringIO())
    view.follow([["heard", 0.0, "keys", 0.0, note_on(1, 72, 64).hex()], on("soprano", 72), on("alto", 67)])
    view.follow([on("tenor", 64), on("bass", 60)])
    assert view.line() == "keys: C5 │ choir: soprano C5  alto G4  tenor E4  bass C4  (C)"
    view.follow([off("soprano", 72), ["heard", 1.0, "keys", 1.0, note_off(1, 72).hex()]])
    assert view.line() == "choir: alto G4  tenor E4  bass C4  (C)"
    view.follow([["panic", 2.0]])
    assert view.line() == ""
    assert view.notes == {"keys": 1, "choir": 4}


def test_the_terminal_keeps_one_line() -> None:
    terminal = Terminal()

    async def play() -> None:
        view = View(terminal)
        view.follow([on("soprano", 72)])
        await asyncio.sleep(0.2)
        view.follow([off("soprano", 72)])
        await asyncio.sleep(0.2)
        view.follow([on("soprano", 60)])
        await asyncio.sleep(0.2)
        view.close()

    asyncio.run(play())
    text = "choir: soprano C5"
    assert terminal.getvalue().split("\r") == [
        "",
        text,
        " " * len(text),
        text.replace("C5", "C4"),
        " " * len(text),
        "",
    ]


def test_without_a_terminal_nothing_is_drawn() -> None:
    stream = io.StringIO()
    View(stream).follow([on("soprano", 72)])
    assert stream.getvalue() == ""
