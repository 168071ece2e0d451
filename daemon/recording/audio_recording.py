"""The recording of what is heard: the mix, cut into the sessions of the journal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from daemon.audio.ring import Frames
from daemon.recording.audio_track import AudioTrack, sound_files
from daemon.recording.flac_file import seconds_in
from daemon.recording.mix_reader import BLOCK, MixReader

HELD = 1.0  # seconds of the mix that are held back, because a session may have ended that long ago
LINGER = 8.0  # seconds after the end of a session in which the next one begins where that one ends; else its sound ends


class AudioRecording:
    """Used by one thread. Times are seconds of `clock`."""

    def __init__(
        self, reader: MixReader, say: Callable[[str], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._reader, self._say, self._clock = reader, say, clock
        self._track: AudioTrack | None = None
        self._held: deque[Frames] = deque()
        self._passed = 0  # frames of the reader's timeline that are in tracks
        self._ended: float | None = None  # when the session ended
        self._next: tuple[Path, float] | None = None  # the session to begin: its journal and its first second
        self.complete = True

    def begin(self, journal: Path, start: float) -> None:
        """A session begins; frame 0 of its sound is heard at `start`."""
        self._next, self._ended = (journal, start), None
        self.tick()

    def end(self, seconds: float) -> None:
        """The session ends then."""
        if self._track is not None:
            self._ended = seconds

    def tick(self) -> None:
        """Take what is in the ring; to be called many times in the ring's 11 s."""
        self._start()
        if self._track is None:
            return
        if self._reader.has_other_rate:
            self._change_rate(self._track)
        self._held.extend(self._reader.read())  # all there is: a speaker that starts anew overwrites it
        now = self._clock()
        if self._next is not None:
            self._follow(*self._next)
        elif self._ended is not None and now > self._ended + LINGER:
            self._finish()
        else:
            self._pass_on(self._index(now - HELD if self._ended is None else self._ended))

    def sync(self) -> None:
        """Put on the disk what can be; to be called twice a second."""
        if self._track is not None:
            self._track.tick()

    def close(self) -> bool:
        """End the recording. False: something could not be written."""
        self.tick()
        self._finish()
        return self.complete

    def _start(self) -> None:
        """Begin the next session, if there is none at present, as soon as there is sound."""
        if self._track is not None or self._next is None:
            return
        journal, start = self._next
        recorded = _recorded(journal)
        if self._reader.begin(start + recorded):
            rate = self._reader.rate
            self._track = AudioTrack(journal, rate, self._say, round(recorded * rate))
            self._next, self._passed = None, 0

    def _follow(self, journal: Path, start: float) -> None:
        """Begin the next session, at the frame where the present one ends, if that can be."""
        assert self._track is not None
        cut, end = self._index(start), self._reader.at
        if self._passed <= cut <= end:
            self._pass_on(cut)
            self._close_track(whole=True)
            self._track, self._next = AudioTrack(journal, self._reader.rate, self._say), None
        elif cut < self._passed:  # it begins in the last bar of the present one
            self._finish()
            self._start()

    def _change_rate(self, track: AudioTrack) -> None:
        """Continue the session in another file."""
        reader, old = self._reader, self._reader.rate
        self._pass_on(reader.at)
        self.complete &= track.close()
        if reader.begin(reader.origin + self._passed / old):
            self._passed = 0
            frames = round(track.frames / old * reader.rate)
            self._track = AudioTrack(track.journal, reader.rate, self._say, frames)

    def _finish(self) -> None:
        """End the present session with all that is held."""
        self._pass_on(self._reader.at)
        self._close_track()
        self._ended = None

    def _close_track(self, whole: bool = False) -> None:
        if self._track is not None:
            self.complete &= self._track.close(whole)
            self._track = None

    def _pass_on(self, end: int) -> None:
        """Write the held frames before number `end` of the timeline."""
        while self._held and self._passed < end:
            frames = self._held.popleft()
            count = min(len(frames), end - self._passed, BLOCK)
            if count < len(frames):
                self._held.appendleft(frames[count:])
            if self._track is not None:
                self._track.write(frames[:count])
            self._passed += count

    def _index(self, seconds: float) -> int:
        return round((seconds - self._reader.origin) * self._reader.rate)


def _recorded(journal: Path) -> float:
    """The seconds of a session that a process which was killed has recorded. A file of which nothing is known to be on
    the disk yet is removed: the ring still has what is in there."""
    lengths = {path: seconds_in(path) for path in sound_files(journal)}
    for path in (path for path, seconds in lengths.items() if not seconds):
        path.unlink(missing_ok=True)
    return max(lengths.values(), default=0.0)
