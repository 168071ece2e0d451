"""`jamd render`: a rendering as files, MIDI and sound."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from daemon.audio.ring import Frames
from daemon.audio.sound_file import SoundFile, TooLong, quantised
from daemon.config import Config
from daemon.errors import JamdError
from daemon.music.midi_file import find_midi_file
from daemon.output_files import FLAC, MIDI, PICTURE, WAV, OutputFile, OutputFiles
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
    with OutputFiles() as files:
        rendering = rendered(files, config, made, drawn, file, live)
    return list(zip(results(config, rendering, made), (output.is_stream for output in made), strict=True))


def rendered(
    files: OutputFiles,
    config: Config,
    outputs: Sequence[OutputFile],
    picture: OutputFile | None,
    file: Path | None = None,
    live: bool = False,
) -> Rendering:
    """As `render_files`, into outputs that are checked. Raises JamdError."""
    sounds = [
        _Sound(output, format, files, config.audio.rate) for output in outputs if (format := _format(output)) != "MIDI"
    ]
    with progress("rendering") as report:
        if file is None:
            rendering = render_song(config, report, _all(sounds))
        else:
            rendering = render(config, file, live, report, _all(sounds))
    for sound in sounds:
        sound.close()
    for output in outputs:
        if _format(output) == "MIDI":
            files.write(output, rendering.data)
    if picture is not None:
        from daemon.render.piano_roll import picture_of

        files.write(picture, picture_of(rendering.data).encode())
    warn(config.silence, rendering.warning, *rendering.notices)
    return rendering


def results(config: Config, rendering: Rendering, outputs: Sequence[OutputFile]) -> list[str]:
    """A line about each output."""
    seed = f", seed {config.seed}" if config.seed_is_drawn else ""
    return [f"{output.path}: {_result(rendering, _format(output))}{seed}" for output in outputs]


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

    def __init__(self, output: OutputFile, format: str, files: OutputFiles, rate: int) -> None:
        self._output = output
        opened = files.open(output)
        self._file = self._attempt(lambda: SoundFile(opened, format, rate))

    def write(self, frames: Frames) -> None:
        self._attempt(lambda: self._file.write(quantised(frames)))

    def close(self) -> None:
        self._attempt(self._file.close)

    def _attempt(self, work: Callable[[], T]) -> T:
        try:
            with self._output.reporting():
                return work()
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
