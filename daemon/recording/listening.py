"""`jamd replay --listen`: a session through the audio device."""

from __future__ import annotations

import atexit
import sys
import time
from pathlib import Path

from daemon.audio.ring import Frames
from daemon.errors import AudioError, printable_name
from daemon.recording.recorded_sound import BLOCK, Source
from daemon.speaker.converter import Converter
from daemon.speaker.devices import portaudio, silence_libraries
from daemon.speaker.stream import Stream, open_stream

AHEAD = 0.3  # seconds of sound that wait for the device
STEP = 0.02  # seconds between two looks at the device
FADE = 0.05  # seconds until a device that is stopped has faded out
SHOWN_EVERY = 0.25  # seconds between two positions


class Listening:
    """Plays frames on a device as they come. Raises AudioError."""

    def __init__(self, stream: Stream, rate: int, position: Position) -> None:
        self._stream, self._playback, self._rate, self._position = stream, stream.playback, rate, position
        self._converter = Converter(rate, BLOCK, self._playback.rate, self._playback.channels)
        self._ahead = round(AHEAD * self._playback.rate)
        self._first = self._end = self._playback.taken + self._ahead // 2
        self._playback.begin(self._first)

    def write(self, frames: Frames) -> None:
        """Wait until there is room, then add frames."""
        self._wait(self._end - self._ahead)
        converted = self._converter.convert(frames)
        late = self._playback.taken - self._end
        if late > 0:  # this process was too slow: go on later
            self._end += late + self._ahead // 2
            self._first += late + self._ahead // 2
        self._playback.write(self._end, converted)
        self._end += len(converted)

    def finish(self) -> None:
        """Wait until everything is heard."""
        self._wait(self._end)

    def stop(self) -> None:
        self._playback.end()
        time.sleep(FADE)

    def _wait(self, until: int) -> None:
        """Until the device has taken so many frames."""
        while self._playback.taken < until:
            if not self._stream.active:
                atexit.unregister(portaudio()._exit_handler)  # PortAudio hangs at its end when the server is gone
                raise AudioError("the audio device, or its server, is gone: start it again, then listen again")
            self._position.show((self._playback.taken - self._first) / self._playback.rate)
            time.sleep(STEP)


class Position:
    """The place in the session, on a terminal."""

    def __init__(self, length: float) -> None:
        self._length = f" / {_clock(length)}" if length else ""
        self._is_shown = sys.stderr is not None and sys.stderr.isatty()
        self._shown_at = 0.0

    def show(self, seconds: float) -> None:
        now = time.monotonic()
        if self._is_shown and now > self._shown_at + SHOWN_EVERY:
            self._shown_at = now
            sys.stderr.write(f"\r{_clock(max(seconds, 0.0))}{self._length}\x1b[K")
            sys.stderr.flush()

    def remove(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def listen(session: Path, device: str, rate: int, block: int) -> None:
    """Play the session in real time. `rate`: of a session whose sound was not recorded. Raises JamdError."""
    source = Source(session, rate)
    silence_libraries()
    stream = open_stream(device, source.rate, block)
    print(f"{printable_name(session.name)} is heard through {stream.name}", file=sys.stderr)
    position = Position(source.seconds)
    listening = Listening(stream, source.rate, position)
    try:
        source.play(listening.write)
        listening.finish()
    except KeyboardInterrupt:
        listening.stop()
        raise
    finally:
        position.remove()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
