"""A session again, from its journal: every happening at its time, with fresh engines giving the answers."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.errors import JamdError
from daemon.metrics import Cause
from daemon.music.tempo import Tempo
from daemon.performance.performance import Performance
from daemon.player.host import Host, make_host
from daemon.recording.journal import Entry, hashes, read, versions
from daemon.recording.rotation import HEARD
from daemon.recording.to_midi import midi_file
from daemon.spec import StageSpec
from daemon.wire import Call, encode_action


@dataclass(slots=True)
class Replay:
    """What came of it: the MIDI file, its notes, and the first difference from the journal, if any."""

    data: bytes = b""
    notes: int = 0
    difference: str = ""
    warnings: list[str] = field(default_factory=list)


def replay(session: Path) -> Replay:
    """Replay the journal of `session`, which may be named by its MIDI file. Raises JamdError."""
    journal = session.with_suffix(".journal")
    try:
        entries = read(journal)
        header: Entry = next(entries, [None])
    except OSError as error:
        raise JamdError(f"{journal}: cannot be read ({error.strerror}): name a session that `jamd run` wrote") from None
    if header[0] != "session":
        raise JamdError(f"{journal}: not the journal of a session: name a file that `jamd run` wrote")
    result = Replay(warnings=list(other_versions(header[2])))
    played = _Player(result)
    result.data = midi_file(_counted(played.again(header, entries), result))
    recorded = session.with_suffix(".mid")
    if not result.difference and recorded.exists() and recorded.read_bytes() != result.data:
        result.difference = f"{recorded} was made or changed by something else: its journal gives other bytes"
    return result


def _counted(entries: Iterable[Entry], result: Replay) -> Iterator[Entry]:
    for entry in entries:
        if entry[0] == "sent" and entry[-1].startswith("9"):
            result.notes += 1
        yield entry


def other_versions(header: dict[str, Any]) -> Iterator[str]:
    here = versions()
    for name, version in header.get("versions", {}).items():
        if here.get(name) != version:
            yield f"recorded with {name} {version}, replayed with {here.get(name)}: the notes may differ"
    now = hashes(header["members"])
    for path, checksum in header.get("models", {}).items():
        if path in now and now[path] != checksum:
            yield f"{path} is not the model that was recorded: the notes may differ"


class _Player:
    """A performance whose players are `Host`s, which are asked at once and answer when the journal says so."""

    def __init__(self, result: Replay) -> None:
        self._result = result
        self._hosts: dict[str, Host] = {}
        self._answers: dict[tuple[str, int], deque[list[Any]]] = {}
        self._made: deque[Entry] = deque()
        self._members: dict[str, Any] = {}

    def again(self, header: Entry, entries: Iterable[Entry]) -> Iterator[Entry]:
        """What the journal would hold had this been the session."""
        self._members = header[2]["members"]
        self._performance = Performance(StageSpec.from_json(header[2]["spec"]), self)
        yield header
        seconds, whole = header[1], False
        for entry in entries:
            seconds, whole = entry[1], entry[0] == "end"
            if entry[0] == "gap":
                self._differs(seconds, "the journal has a gap here: the disk was full", "")
                return
            if entry[0] in ("members", "end"):
                self._members = entry[2] if entry[0] == "members" else self._members
                yield entry
                continue
            if entry[0] not in _OUTPUTS:
                if self._made:
                    self._differs(seconds, entry, self._made[0])
                    yield from self._take_all()
                self._apply(entry)
            made = self._made.popleft() if self._made else None
            if made is None and entry[0] == "advance":  # what was due did nothing: it belonged to a melody that is gone
                made = entry
            if made != entry:
                self._differs(seconds, entry, made)
            if made is not None:
                yield made
        extra = next((made for made in self._made if made[0] in HEARD), None)
        if whole and extra is not None:  # what nobody hears is not kept at the end, and a cut keeps nothing
            self._differs(seconds, None, extra)
        if self._result.difference:
            yield from self._take_all()

    def _take_all(self) -> Iterator[Entry]:
        while self._made:
            yield self._made.popleft()

    def _differs(self, seconds: float, was: Any, now: Any) -> None:
        if not self._result.difference:
            self._result.difference = f"first difference at {seconds:.3f} s: was {was}, is {now}"

    def _apply(self, entry: Entry) -> None:
        performance = self._performance
        match entry:
            case ["heard", now, source, stamp, message]:
                performance.heard(now, source, stamp, bytes.fromhex(message))
            case ["answer", now, name, number, actions, last]:
                performance.answer(now, name, number, self._answer(now, name, number, actions, last), last)
            case ["advance", now]:
                performance.advance(now)
            case ["start", now, beat, at]:
                performance.start(now, beat, at)
            case ["stop", now]:
                performance.stop(now)
            case ["locate", now, beat]:
                performance.locate(now, beat)
            case ["follow", now, *line]:
                performance.follow(now, Tempo(*line))
            case ["hand", now, action, stamp]:
                performance.by_hand(now, action, stamp)
            case ["up", now, name]:
                self._fresh(name)
                performance.player_up(now, name)
            case ["down", now, name]:
                performance.player_down(now, name)
            case ["hung", now, name]:
                performance.player_hung(now, name)
            case ["lost", now, name]:
                performance.port_lost(now, name)
            case ["panic", now]:
                performance.panic(now)
            case ["rotate", now]:
                performance.rotate(now)
            case ["spec", now, spec]:
                performance.reconfigure(now, StageSpec.from_json(spec))
            case ["stage", _, spec]:
                self._performance = Performance(StageSpec.from_json(spec), self)
                self._made.append(entry)
            case ["state", now, state]:
                for name in state["up"]:
                    self._fresh(name)
                performance.restore(now, state)
                self._made.append(entry)
            case _:
                raise JamdError(f"the journal has an entry that this version of jamd does not know: {entry}")

    def _fresh(self, name: str) -> None:
        """A player as it is after its start."""
        self._answers = {key: actions for key, actions in self._answers.items() if key[0] != name}
        self._hosts[name] = make_host(self._members[name])

    def _answer(self, now: float, name: str, number: int, was: list[Any], last: bool) -> list[Any]:
        """As much of an answer as was given at that moment, as our own engine gives it."""
        rest = self._answers.get((name, number))
        if rest is None:  # to something that was asked before this session
            return was
        actions = [rest.popleft() for _ in range(len(rest) if last else min(len(was), len(rest)))]
        if last:
            del self._answers[name, number]
        return actions

    # What the performance asks for

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        pass

    def panic(self) -> None:
        pass

    def propose(self, action: str, value: float) -> None:
        pass

    def call(self, player: str, number: int, call: Call) -> None:
        answer = self._answers[player, number] = deque()
        try:
            answer.extend(encode_action(action) for action in self._hosts[player].handle(call))
        except Exception as error:  # then it crashed in the session, too
            self._result.warnings.append(f"{player}: {error!r}")

    def record(self, entry: Entry) -> None:
        if entry[0] != "state":  # the next session begins with it
            self._made.append(json.loads(json.dumps(entry)) if entry[0] == "spec" else entry)  # tuples as lists


_OUTPUTS = ("sent", "dropped", "melody", "tempo")
