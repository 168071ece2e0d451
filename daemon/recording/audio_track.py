"""The sound of one session: FLAC files beside its journal."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from daemon.audio.ring import Frames
from daemon.errors import AudioError
from daemon.recording.flac_file import FlacFile

AUDIBLE = 2**-24  # the least that is not 0 in a file of 24 bits


def sound_files(journal: Path) -> list[Path]:
    """The files with the sound of a session, as far as they exist."""
    return list(itertools.takewhile(Path.exists, _paths(journal)))


def _paths(journal: Path) -> Iterator[Path]:
    """The first file, and the following parts, of which there are hardly ever any."""
    return (journal.with_name(f"{journal.stem}{f' part {n}' if n > 1 else ''}.flac") for n in itertools.count(1))


class AudioTrack:
    """Frame 0 is heard when the MIDI file of the session begins.

    The file is made when something is heard. The file of a process that was killed is followed by another one
    ("part 2"), which begins with silence in place of what is in the first; so does the file that takes the place of one
    that was removed. An error of the disk is said once and never raised; what cannot be kept meanwhile becomes silence.
    """

    def __init__(self, journal: Path, rate: int, say: Callable[[str], None], frames: int = 0) -> None:
        """`frames`: how many went before, in another file."""
        self.rate, self.frames = rate, frames
        self.journal, self._say = journal, say
        self._file: FlacFile | None = None
        self._trouble = self._has_failed = False

    def write(self, frames: Frames) -> None:
        if self._file is None and not self._has_failed and abs(frames).max(initial=0.0) >= AUDIBLE:
            self._attempt(self._open)
        if self._file is not None:
            self._file.write(frames)
        self.frames += len(frames)

    def tick(self) -> None:
        """Put on the disk what can be; to be called twice a second."""
        self._has_failed = False
        if self._file is not None and self._file.is_gone:
            with suppress(OSError):
                self._file.close()
            self._file = None
        if self._file is not None:
            self._attempt(self._file.sync)

    def close(self, whole: bool = False) -> bool:
        """End the file; `whole`: with its silent end. False: something is missing."""
        if self._file is not None:
            file, self._file = self._file, None
            self._attempt(lambda: file.close(whole))
        return not self._trouble

    def _open(self) -> None:
        if not self.journal.exists():  # the journal process makes the folder again, and begins another session there
            return
        for path in _paths(self.journal):
            with suppress(FileExistsError):
                self._file = FlacFile(path, self.rate)
                self._file.skip(self.frames)
                return

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, AudioError) as error:
            self._has_failed = True
            if not self._trouble:
                text = str(error)
                if isinstance(error, OSError):
                    place = error.filename or self.journal.with_suffix(".flac")
                    remedy = "free disk space or correct the permissions to resume the recording"
                    text = f"{error.strerror or error} ({place}); {remedy}"
                self._say(f"the recording of the sound is interrupted: {text}")
            self._trouble = True
        else:
            if self._trouble:
                self._say(f"the recording of the sound continues: {self.journal.with_suffix('.flac')}")
            self._trouble = False
