"""The sound of a recorded session, from its beginning: as it was recorded, or from its journal, block after block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from daemon.audio.ring import CHANNELS, Frames
from daemon.audio.sound_file import sound_library
from daemon.commands import Panic
from daemon.config.instruments import Routes, with_instruments
from daemon.engines.audio import DEFAULT_ENGINE
from daemon.entries import Commanded, Entry, Gap, Heard, MelodyPlayed, Reconfigured, Sent, SessionBegan, StageStarted
from daemon.errors import JamdError
from daemon.instrument.mixdown import Mixdown
from daemon.music.sound import Sound
from daemon.recording.audio_track import sound_files
from daemon.recording.journal_file import Damage, JournalReader, NoSession
from daemon.recording.session_name import journal_of, unreadable
from daemon.spec import AUDIO, PlayerSpec, StageSpec

BLOCK = 1024  # frames
LATE = 0.1  # seconds by which an entry may come after a later one

Write = Callable[[Frames], None]


class Source:
    """The sound of `session`, which may be named by any of its files. Raises JamdError.

    `rate`: frames per second; `seconds`: its length, 0 if that is not known.
    """

    def __init__(self, session: Path, rate: int) -> None:
        """`rate`: for a session whose sound was not recorded."""
        self._session = session
        self._journal = journal_of(session)
        self._files = sound_files(self._journal)
        self.rate, self.seconds = rate, 0.0
        if self._files:
            self.rate, self.seconds = _format(self._files)
            return
        try:
            self._journal.stat()
        except OSError as error:
            raise JamdError(unreadable(session, self._journal, error)) from None

    def play(self, write: Write) -> None:
        """Pass on all frames; `write` may wait."""
        if self._files:
            _play_files(self._files, self.rate, write)
            return
        entries = JournalReader(self._journal)
        try:
            _play_entries(entries, self.rate, write)
        except OSError as error:
            raise JamdError(unreadable(self._session, self._journal, error)) from None
        except NoSession as error:
            raise JamdError(f"{self._journal}: {error}") from None


def _format(files: Iterable[Path]) -> tuple[int, float]:
    soundfile = sound_library()
    rates, lengths = [], []
    for path in files:
        try:
            info = soundfile.info(path)
        except soundfile.SoundFileError as error:
            raise JamdError(f"{path}: cannot be read ({_reason(error)}): move the file to hear the journal") from None
        rates.append(info.samplerate)
        lengths.append(info.duration)
    return rates[0], max(lengths)


def _play_files(files: Iterable[Path], rate: int, write: Write) -> None:
    """Files that continue each other begin with silence, so their sum is the session."""
    sources = [_frames_of(path, rate) for path in files]
    rests: list[Frames] = [np.zeros((0, CHANNELS), np.float32) for _ in sources]
    while True:
        for at, source in enumerate(sources):
            while len(rests[at]) < BLOCK and (frames := next(source, None)) is not None:
                rests[at] = np.concatenate((rests[at], frames))
        count = min(BLOCK, max(map(len, rests)))
        if not count:
            return
        mix = np.zeros((count, CHANNELS), np.float32)
        for at, rest in enumerate(rests):
            mix[: len(rest[:count])] += rest[:count]
            rests[at] = rest[count:]
        write(mix)


def _frames_of(path: Path, rate: int) -> Iterator[Frames]:
    """At this rate, block after block."""
    import soxr

    soundfile = sound_library()

    try:
        with soundfile.SoundFile(path) as file:
            own_rate, is_end = file.samplerate, False
            stream = None if own_rate == rate else soxr.ResampleStream(own_rate, rate, CHANNELS, dtype="float32")
            while not is_end:
                frames: Frames = file.read(BLOCK, "float32", always_2d=True)[:, [0, -1]]  # also of one channel
                is_end = not len(frames)
                yield frames if stream is None else stream.resample_chunk(frames, last=is_end)
    except soundfile.SoundFileError as error:
        raise JamdError(f"{path}: damaged ({_reason(error)}): move the file to hear the journal") from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).rstrip(".")


def _play_entries(entries: Iterable[Entry], rate: int, write: Write) -> None:
    """What instruments were sent, played by the instruments of the session."""
    spec: StageSpec | None = None
    mixdown: Mixdown | None = None
    start: float | None = None
    for entry in entries:
        match entry:
            case SessionBegan(header=header):
                spec, members = _with_instruments(StageSpec.from_json(header["spec"]), header["members"], rate)
                sounds = {port.name: port.sounds for port in spec.ports if port.direction == AUDIO}
                mixdown = Mixdown(members, sounds, rate, write)
            case Reconfigured() | StageStarted() if mixdown is not None:
                spec, _ = _with_instruments(entry.spec, {}, rate)
        if spec is None or mixdown is None:
            raise NoSession
        if start is None and isinstance(entry, Heard | MelodyPlayed | Sent):
            start = entry.stamp if isinstance(entry, Heard) else entry.seconds
        if start is None:
            continue
        match entry:
            case Sent() | MelodyPlayed() | Heard():
                mixdown.advance(entry.seconds - start - LATE)
                seconds = entry.stamp if isinstance(entry, Heard) else entry.seconds
                for name in _instruments(spec, entry):
                    if name in mixdown.names:
                        mixdown.play(name, entry.message, seconds - start)
            case Gap() | Damage(is_hole=True) | StageStarted() | Commanded(command=Panic()):
                mixdown.panic(entry.seconds - start)
    if mixdown is None:
        raise NoSession
    mixdown.finish()


def _instruments(spec: StageSpec, entry: Sent | MelodyPlayed | Heard) -> tuple[str, ...]:
    """Those that are sent a message of this entry."""
    match entry:
        case Sent(player=name):
            return next((player.audio for player in spec.players if player.name == name), ())
        case MelodyPlayed(source=name):
            return next((melody.thru for melody in spec.melodies if melody.melody.name == name), ())
        case Heard(source=name):
            return next((port.thru for port in spec.ports if port.name == name), ())


def _with_instruments(
    spec: StageSpec, members: Mapping[str, Any], rate: int
) -> tuple[StageSpec, dict[str, dict[str, Any]]]:
    """A session's configuration and its instruments; one that plays all outputs where there is none."""
    names = [player.name for player in spec.players if player.is_instrument]
    if names:
        return spec, {name: {**members[name], "rate": rate} for name in names if name in members}
    outputs = [port.name for port in spec.ports if port.direction == "out"]
    sounds: dict[int, Sound] = {sound.channel: sound for port in spec.ports for sound in port.sounds}
    name = DEFAULT_ENGINE
    player = PlayerSpec(name, (), "", {}, False, 0.0, 0.0, is_instrument=True)
    bare = replace(spec, players=tuple(replace(each, audio=()) for each in spec.players))
    heard = with_instruments(bare, Routes({name: ()}, outputs), [player], {name: tuple(sounds.values())}, 0.0)
    member: dict[str, Any] = {"engine": DEFAULT_ENGINE, "model": None, "options": {}, "settings": {}, "listen": []}
    return heard, {name: {**member, "melodies": [], "rate": rate}}
