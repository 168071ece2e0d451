"""A player in a process of its own, to be killed and stopped: `python -m tests.stage.player_process FOLDER NAME`.

Doubles every held key an octave lower, and plays a short C on every 16th.
"""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from daemon.music.events import Action, Play, Stop, is_note_on
from daemon.wire import Call, Generate, Listen
from tests.stage.fakes import Player


def octave_and_grid(call: Call) -> Iterator[Action]:
    match call:
        case Listen(event) if is_note_on(event.message):
            yield Play(event.beat, event.message[1] - 12, 80, "low")
        case Listen(event):
            yield Stop(event.beat, "low")
        case Generate(window):
            yield Play(window.start, 36, 50, "grid", 0.1)


if __name__ == "__main__":
    player = Player(Path(sys.argv[1]), sys.argv[2], octave_and_grid)
    threading.Event().wait()
