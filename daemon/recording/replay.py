"""Replays a session from its journal: every input at its time, with fresh engines that give the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
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
)
from daemon.errors import JamdError
from daemon.input_files import read_input
from daemon.music.events import NOTE_ON
from daemon.performance.performance import Performance
from daemon.performance.sink import SilentSink
from daemon.player.failure import EngineFailure, named
from daemon.player.host import Host, make_host
from daemon.recording.difference import difference
from daemon.recording.journal_checks import check_jump, check_shape
from daemon.recording.journal_file import MAX_JOURNAL_BYTES, Damage, JournalReader, NoSession
from daemon.recording.origin import other_jamd, other_versions, read_now
from daemon.recording.replayed_answers import ReplayedAnswers
from daemon.recording.session_name import journal_of, unreadable
from daemon.recording.to_midi import midi_file
from daemon.spec import StageSpec
from daemon.wire import Answer, Call, Reset


@dataclass(slots=True)
class Replay:
    """The result: a MIDI file, the number of replayed notes, and the first difference from the journal, if any.

    `ends_early`: where and why the replay or the journal ends before the session's end, or nothing. The file then holds
    `unchecked` more notes, which are the recorded ones.
    """

    data: bytes = b""
    notes: int = 0
    unchecked: int = 0
    difference: str = ""
    ends_early: str = ""
    warnings: list[str] = field(default_factory=list)


def replay(session: Path) -> Replay:
    """Replay the journal of `session`, which may be named by its MIDI file. Raises JamdError."""
    journal = journal_of(session)
    entries, result = JournalReader(journal), Replay()
    try:
        result.data = midi_file(_counted(_Player(entries, result).again(), result))
    except OSError as error:
        raise JamdError(unreadable(session, journal, error)) from None
    except NoSession as error:
        raise JamdError(f"{journal}: {error}") from None
    is_replayed = not result.ends_early
    if is_replayed and not entries.complete:
        result.ends_early = (
            f"the journal ends early, {entries.elapsed:.1f} s after its beginning, as after a kill or a power cut, or "
            f"while jamd records ({entries.unread} bytes of an unfinished entry are left out)"
        )
    if result.unchecked:
        result.ends_early += f"; their {result.unchecked} notes are kept as they were recorded"
    if is_replayed and not result.difference:
        result.difference = _difference(journal.with_suffix(".mid"), result.data)
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
    return f"{recorded} was changed, or made by another program or an older jamd: its journal gives a different file"


def _counted(entries: Iterable[Entry], result: Replay) -> Iterator[Entry]:
    for entry in entries:
        if isinstance(entry, Sent) and entry.message[0] & 0xF0 == NOTE_ON:
            if result.ends_early:
                result.unchecked += 1
            else:
                result.notes += 1
        yield entry


class _Stop(Exception):
    """The replay ends here. `entry`, the latest, belongs to what is not replayed."""

    def __init__(self, problem: str, entry: Entry) -> None:
        super().__init__(problem)
        self.entry = entry


class _Player(SilentSink):
    """A performance whose players are `Host`s: asked at once, they answer at the moments that the journal has."""

    def __init__(self, entries: JournalReader, result: Replay) -> None:
        self._entries, self._result = entries, result
        self._hosts: dict[str, Host] = {}
        self._answers = ReplayedAnswers(lambda seconds, left: self._differs(seconds, None, left))
        self._made: deque[Entry] = deque()
        self._members: Mapping[str, Any] = {}
        self._other_jamd = ""

    def again(self) -> Iterator[Entry]:
        """The entries that the journal would hold had this been the session; from where it cannot be replayed on, those
        that it holds. Raises OSError, NoSession."""
        try:
            header = next(self._entries, None)
            yield self._begin(header)
            yield from self._replayed()
        except _Stop as stop:
            entries, result = self._entries, self._result
            left = entries.size - entries.at
            result.ends_early = (
                f"{stop} at byte {entries.at}, {entries.elapsed:.1f} s after the beginning: the last {left} bytes "
                f"({left / entries.size:.1%}) are not replayed"
            )
            yield stop.entry
            yield from self._entries

    def _begin(self, header: Entry | None) -> SessionBegan:
        if isinstance(header, Damage):
            raise _Stop(_problem_of(header), header)
        if not isinstance(header, SessionBegan):
            raise NoSession
        try:
            check_shape(header)
        except ValueError as error:
            raise _Stop(f"the header is not of a session of this version of jamd ({error})", header) from None
        self._members, self._seconds = header.header["members"], header.seconds
        self._performance = Performance(StageSpec.from_json(header.header["spec"]), self)
        self._other_jamd = other_jamd(header.header)
        self._result.warnings += [*other_versions(header.header), *read_now(self._members)]
        return header

    def _replayed(self) -> Iterator[Entry]:
        seconds = 0.0
        for entry in self._entries:
            seconds = entry.seconds
            match entry:
                case Damage():
                    raise _Stop(_problem_of(entry), entry)
                case Gap():
                    raise _Stop("the journal has a gap, where the disk was full,", entry)
                case MembersChanged():
                    self._try(entry)
                    yield entry
                    continue
                case SessionEnded():
                    yield entry
                    continue
            if not isinstance(entry, _OUTPUTS):
                if self._made:
                    self._differs(seconds, entry, self._made[0])
                    yield from self._take_all()
                self._try(entry)
            made = self._made.popleft() if self._made else None
            if made is None and (isinstance(entry, Advanced) or (isinstance(entry, Answered) and not entry.actions)):
                made = entry  # due was only a note of a melody that is gone; older journals have every end of an answer
            if made != entry:
                self._differs(seconds, entry, made)
            if made is not None:
                yield made
        extra = next((made for made in self._made if isinstance(made, Audible)), None)
        if self._entries.complete and extra is not None:  # a journal leaves out inaudible entries at its end
            self._differs(seconds, None, extra)
        if self._result.difference:
            yield from self._take_all()

    def _take_all(self) -> Iterator[Entry]:
        while self._made:
            yield self._made.popleft()

    def _differs(self, seconds: float, was: Any, now: Any) -> None:
        if not self._result.difference:
            self._result.difference = difference(seconds, was, now) + self._other_jamd

    def _try(self, entry: Entry) -> None:
        """Apply an input. What the performance of the session took, this one takes, unless the journal is wrong."""
        try:
            check_shape(entry)
            check_jump(entry, self._performance, self._seconds)
            self._seconds = entry.seconds
            self._apply(entry)
        except JamdError:
            raise
        except Exception as error:
            self._made.clear()
            problem = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            raise _Stop(f"an entry does not fit those before it ({problem})", entry) from error

    def _apply(self, entry: Entry) -> None:
        performance = self._performance
        match entry:
            case Heard(now, source, stamp, message):
                performance.hear(now, source, stamp, message)
            case Answered(now, name, number, actions, last):
                performance.answer(now, name, number, self._answers.take(name, number, actions, last), last)
            case Planned(now, name, number, plan):
                performance.answer(now, name, number, self._answers.take(name, number, (plan,), False), False)
            case Advanced(now):
                performance.advance(now)
            case MembersChanged(members=members):
                self._members = members
            case StageStarted(_, spec):
                self._performance = Performance(spec, self)
                self._answers.begin()
                self._made.append(entry)
            case StateSaved(now, state):
                self._answers.begin(state["number"])
                for name in state["up"]:
                    self._fresh(name)
                performance.restore(now, state)
                self._made.append(entry)
            case SessionBegan():
                raise ValueError("the journal contains two sessions")
            case _:
                if isinstance(entry, PlayerUp):
                    self._fresh(entry.player)
                performance.take(entry)

    def _fresh(self, name: str) -> None:
        """Make a player's engine anew, as after the start of its process."""
        if self._performance.spec.is_instrument(name):
            return
        if name not in self._members:
            raise ValueError(f"there is no player {name!r}")
        self._answers.begin_player(name)
        with named(name):
            self._hosts[name] = make_host(self._members[name])

    # What the performance asks for

    def call(self, player: str, number: int, call: Call) -> None:
        if self._performance.spec.is_instrument(player):
            return
        if isinstance(call, Reset):
            self._answers.reset(player, number)
        items: list[Answer] = []
        try:
            items.extend(self._hosts[player].handle(call))
        except EngineFailure as error:  # then it crashed in the session, too
            self._result.warnings.append(str(error.of(player, self._performance.spec.tempo_map)))
        self._answers.add(player, number, self._seconds, items)

    def record(self, entry: Entry) -> None:
        if not isinstance(entry, StateSaved):  # the next session begins with it
            self._made.append(entry)


def _problem_of(damage: Damage) -> str:
    if damage.is_hole:
        return f"the journal is damaged ({damage.problem})"
    return f"the journal has an entry that cannot be used ({damage.problem})"


_OUTPUTS = (Sent, Dropped, MelodyPlayed, TempoChanged)
