"""Replays a session from its journal: every input at its time, with fresh engines that give the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.entries import (
    Advanced,
    Answered,
    Audible,
    Dropped,
    Entry,
    Gap,
    Heard,
    MelodyPlayed,
    MembersChanged,
    Planned,
    PlayerUp,
    Sent,
    SessionBegan,
    SessionEnded,
    StageStarted,
    StateSaved,
    TempoChanged,
    encode_entry,
)
from daemon.errors import JamdError
from daemon.input_files import read_input
from daemon.music.events import NOTE_ON
from daemon.performance.performance import Performance
from daemon.performance.sink import SilentSink
from daemon.player.host import Host, make_host
from daemon.recording.journal import MAX_JOURNAL_BYTES, hashes, read, versions
from daemon.recording.to_midi import midi_file
from daemon.spec import StageSpec
from daemon.wire import Answer, Call


@dataclass(slots=True)
class Replay:
    """The result: a MIDI file, the number of notes, and the first difference from the journal, if any."""

    data: bytes = b""
    notes: int = 0
    difference: str = ""
    warnings: list[str] = field(default_factory=list)


def replay(session: Path) -> Replay:
    """Replay the journal of `session`, which may be named by its MIDI file. Raises JamdError."""
    try:
        journal = session.with_suffix(".journal")
    except ValueError:  # "." and "/" have no name
        raise JamdError(f"{session}: a folder: name a session that `jamd run` wrote") from None
    try:
        return _replay(journal, session.with_suffix(".mid"))
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise JamdError(
            f"{journal}: cannot be replayed ({error!r}): it is damaged, or another version of jamd wrote it"
        ) from error


def _replay(journal: Path, recorded: Path) -> Replay:
    try:
        entries = read(journal)
        header = next(entries, None)
    except OSError as error:
        raise JamdError(f"{journal}: cannot be read ({error.strerror}): name a session that `jamd run` wrote") from None
    if not isinstance(header, SessionBegan):
        raise JamdError(f"{journal}: not the journal of a session: name a file that `jamd run` wrote")
    result = Replay(warnings=list(other_versions(header.header)))
    played = _Player(result)
    result.data = midi_file(_counted(played.again(header, entries), result))
    if not result.difference:
        result.difference = _difference(recorded, result.data)
    return result


def _difference(recorded: Path, replayed: bytes) -> str:
    """How the MIDI file of the session, if there is one, differs from its replay."""
    try:
        if read_input(recorded, MAX_JOURNAL_BYTES) == replayed:
            return ""
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"but {recorded} cannot be read ({error.strerror})"
    return f"{recorded} was changed or made by another program: its journal gives a different file"


def _counted(entries: Iterable[Entry], result: Replay) -> Iterator[Entry]:
    for entry in entries:
        if isinstance(entry, Sent) and entry.message[0] & 0xF0 == NOTE_ON:
            result.notes += 1
        yield entry


def other_versions(header: Mapping[str, Any]) -> Iterator[str]:
    here = versions()
    for name, version in header.get("versions", {}).items():
        if here.get(name) != version:
            yield f"recorded with {name} {version}, replayed with {here.get(name)}: the notes may differ"
    now = hashes(header["members"])
    for path, checksum in header.get("models", {}).items():
        if path in now and now[path] != checksum:
            yield f"{path} is not the model of the recording: the notes may differ"


class _Player(SilentSink):
    """A performance whose players are `Host`s: asked at once, they answer at the moments that the journal has."""

    def __init__(self, result: Replay) -> None:
        self._result = result
        self._hosts: dict[str, Host] = {}
        self._answers: dict[tuple[str, int], deque[Answer]] = {}
        self._made: deque[Entry] = deque()
        self._members: Mapping[str, Any] = {}

    def again(self, header: SessionBegan, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries that the journal would hold had this been the session."""
        self._members = header.header["members"]
        self._performance = Performance(StageSpec.from_json(header.header["spec"]), self)
        yield header
        whole = False
        for entry in entries:
            seconds, whole = entry.seconds, isinstance(entry, SessionEnded)
            match entry:
                case Gap():
                    self._end_at_gap(seconds)
                    return
                case MembersChanged():
                    self._members = entry.members
                    yield entry
                    continue
                case SessionEnded():
                    yield entry
                    continue
            if not isinstance(entry, _OUTPUTS):
                if self._made:
                    self._differs(seconds, entry, self._made[0])
                    yield from self._take_all()
                self._apply(entry)
            made = self._made.popleft() if self._made else None
            if made is None and isinstance(entry, Advanced):  # due was only a note of a melody that is gone
                made = entry
            if made != entry:
                self._differs(seconds, entry, made)
            if made is not None:
                yield made
        extra = next((made for made in self._made if isinstance(made, Audible)), None)
        if whole and extra is not None:  # a journal leaves out inaudible entries at its end
            self._differs(seconds, None, extra)
        if self._result.difference:
            yield from self._take_all()

    def _take_all(self) -> Iterator[Entry]:
        while self._made:
            yield self._made.popleft()

    def _differs(self, seconds: float, was: Any, now: Any) -> None:
        if not self._result.difference:
            shown = [encode_entry(value) if isinstance(value, Entry) else value for value in (was, now)]
            self._result.difference = f"first difference at {seconds:.3f} s: recorded {shown[0]}, replayed {shown[1]}"

    def _end_at_gap(self, seconds: float) -> None:
        if not self._result.difference:
            self._result.difference = (
                f"replayed only up to a gap in the journal, which ends at {seconds:.3f} s: the disk was full"
            )

    def _apply(self, entry: Entry) -> None:
        performance = self._performance
        match entry:
            case Heard(now, source, stamp, message):
                performance.hear(now, source, stamp, message)
            case Answered(now, name, number, actions, last):
                performance.answer(now, name, number, self._answer(name, number, actions, last), last)
            case Planned(now, name, number, plan):
                performance.answer(now, name, number, self._answer(name, number, (plan,), False), False)
            case Advanced(now):
                performance.advance(now)
            case StageStarted(_, spec):
                self._performance = Performance(spec, self)
                self._made.append(entry)
            case StateSaved(now, state):
                for name in state["up"]:
                    self._fresh(name)
                performance.restore(now, state)
                self._made.append(entry)
            case SessionBegan():
                raise JamdError("the journal contains two sessions: name a file that `jamd run` wrote")
            case _:
                if isinstance(entry, PlayerUp):
                    self._fresh(entry.player)
                performance.take(entry)

    def _fresh(self, name: str) -> None:
        """Make a player's engine anew, as after the start of its process."""
        self._answers = {key: actions for key, actions in self._answers.items() if key[0] != name}
        self._hosts[name] = make_host(self._members[name])

    def _answer(self, name: str, number: int, was: Sequence[Answer], last: bool) -> Sequence[Answer]:
        """As many items of the replay's own answer as the session had at that moment."""
        rest = self._answers.get((name, number))
        if rest is None:  # to a call before this session
            return was
        items = [rest.popleft() for _ in range(len(rest) if last else min(len(was), len(rest)))]
        if last:
            del self._answers[name, number]
        return items

    # What the performance asks for

    def call(self, player: str, number: int, call: Call) -> None:
        answer = self._answers[player, number] = deque()
        try:
            answer.extend(self._hosts[player].handle(call))
        except Exception as error:  # then it crashed in the session, too
            self._result.warnings.append(f"{player}: {error!r}")

    def record(self, entry: Entry) -> None:
        if not isinstance(entry, StateSaved):  # the next session begins with it
            self._made.append(entry)


_OUTPUTS = (Sent, Dropped, MelodyPlayed, TempoChanged)
