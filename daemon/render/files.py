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
from daemon.music.midi_file import find_midi_file
from daemon.output_files import FLAC, MIDI, PICTURE, WAV, OutputFile
from daemon.render.offline import Rendering, render
from daemon.render.song import render_song
from daemon.usage import progress, warn

OUTPUT = MIDI + WAV + FLAC
T = TypeVar("T")


def render_files(
    config: Config, file: Path | None, outputs: Sequence[str], live: bool, picture: str | None
) -> list[tuple[str, bool]]:
    """Render `file`, a MIDI file, or without one the song of the band's leader, to all outputs. A name without a suffix
    is one of a MIDI file. Returns a line about each output, and whether that is a stream. Raises JamdError; then no
    output is changed."""
    file = None if file is None else find_midi_file(file)
    others = [config.path] if file is None else [file, config.path]
    made = []
    for name in outputs:
        made.append(OutputFile(name, "-o", OUTPUT, others))
        others.append(made[-1].path)
    drawn = OutputFile(picture, "--picture", PICTURE, others) if picture is not None else None
    rendering = _render(made, config, file, live)
    if drawn is not None:
        from daemon.render.piano_roll import picture_of

        drawn.write(picture_of(rendering.data).encode())
    seed = f", seed {config.seed}" if config.seed_is_drawn else ""
    return [
        (f"{name}: {_result(rendering, _format(output))}{seed}", output.is_stream)
        for name, output in zip(outputs, made, strict=True)
    ]


def _render(outputs: Sequence[OutputFile], config: Config, file: Path | None, live: bool) -> Rendering:
    formats = [_format(output) for output in outputs]
    with ExitStack() as files:
        sounds = [
            _Sound(output, format, files, config.audio.rate)
            for output, format in zip(outputs, formats, strict=True)
            if format != "MIDI"
        ]
        with progress("rendering") as report:
            if file is None:
                rendering = render_song(config, report, _all(sounds))
            else:
                rendering = render(config, file, live, report, _all(sounds))
        for sound in sounds:
            sound.close()
        warn(config.silence, rendering.warning, *rendering.notices)
        for output, format in zip(outputs, formats, strict=True):
            if format == "MIDI":
                output.write(rendering.data)
    return rendering


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
