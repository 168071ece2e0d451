"""`jamd render`: a rendering as files, MIDI and sound."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from daemon.audio.ring import Frames
from daemon.audio.sound_file import SoundFile, TooLong, quantised
from daemon.config import Config
from daemon.errors import JamdError
from daemon.output_files import FLAC, MIDI, WAV, OutputFile
from daemon.render.offline import Rendering, render
from daemon.render.progress import progress
from daemon.usage import warn

OUTPUT = MIDI + WAV + FLAC
T = TypeVar("T")


def render_to(outputs: Sequence[OutputFile], config: Config, path: Path, live: bool) -> tuple[Rendering, list[str]]:
    """Render the file at `path` to all outputs, and say of each what it holds. A name without a suffix is one of a
    MIDI file. Raises JamdError; then no file is changed."""
    formats = [_format(output) for output in outputs]
    with ExitStack() as files:
        sounds = [
            _Sound(output, format, files, config.audio.rate)
            for output, format in zip(outputs, formats, strict=True)
            if format != "MIDI"
        ]
        with progress("rendering") as report:
            rendering = render(config, path, live, report, _all(sounds))
        for sound in sounds:
            sound.close()
        warn(config.silence, rendering.warning, *rendering.notices)
        for output, format in zip(outputs, formats, strict=True):
            if format == "MIDI":
                output.write(rendering.data)
    return rendering, [_result(rendering, format) for format in formats]


def _format(output: OutputFile) -> str:
    suffix = output.path.suffix.lower()
    return "WAV" if suffix in WAV else "FLAC" if suffix in FLAC else "MIDI"


def _result(rendering: Rendering, format: str) -> str:
    if format == "MIDI":
        return f"{rendering.notes} notes"
    minutes, seconds = divmod(round(rendering.seconds), 60)
    peak = f"peak {20 * math.log10(rendering.peak):.1f} dBFS" if rendering.peak else "silent"
    return f"{minutes}:{seconds:02}, {peak}"


class _Sound:
    """A sound file that is written while the band plays."""

    def __init__(self, output: OutputFile, format: str, files: ExitStack, rate: int) -> None:
        self._output = output
        opened = files.enter_context(output.opened())
        self._file = self._attempt(lambda: SoundFile(opened, format, rate))

    def write(self, frames: Frames) -> None:
        self._attempt(lambda: self._file.write(quantised(frames)))

    def close(self) -> None:
        self._attempt(self._file.close)

    def _attempt(self, work: Callable[[], T]) -> T:
        """The error is one of this file, not of another one that is open, too."""
        try:
            return work()
        except OSError as error:
            raise self._output.failure(error) from None
        except TooLong:
            raise JamdError(
                f"{self._output.path}: the music is longer than a WAV file can be (4 GB): name a .flac with -o"
            ) from None


def _all(sounds: Sequence[_Sound]) -> Callable[[Frames], None] | None:
    """Writes frames to all files."""

    def write(frames: Frames) -> None:
        for sound in sounds:
            sound.write(frames)

    return write if sounds else None
