"""An engine as a player's process, a rendering and a replay use it: calls go in, actions come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from daemon.engines.base import NoteEngine, Setup, engine_class, owes
from daemon.music.melody import Melodies, melody_from_json
from daemon.wire import Answer, Call, Control, Generate, Learn, Listen, Ping, Reset


class Host:
    """An engine and the melodies it knows, as the calls of a stage or of a journal see them."""

    def __init__(self, engine: NoteEngine, known: Melodies) -> None:
        self._engine, self._known = engine, known

    def owes(self, beat: float) -> bool:
        return owes(self._engine, beat)

    def handle(self, call: Call) -> Iterator[Answer]:
        """The engine's answer, as it comes."""
        match call:
            case Listen(event):
                yield from self._engine.listen(event)
            case Generate(window):
                yield from self._engine.generate(window)
            case Control(name, value, beat):
                yield from self._engine.control(name, value, beat)
            case Reset(beat, seed):
                self._engine.reset(self._known, beat, seed)
            case Learn(source, plan):
                if (learn := getattr(self._engine, "learn", None)) is not None:
                    yield from learn(source, plan)
            case Ping():
                pass


def make_host(member: Mapping[str, Any]) -> Host:
    """The engine that `member` (see `config`) describes, prepared. Raises JamdError."""
    model = member["model"]
    setup = Setup(
        options={k: tuple(v) if isinstance(v, list) else v for k, v in member["options"].items()},
        settings=member["settings"],
        model=Path(model) if model else None,
        listen=tuple(member["listen"]),
    )
    engine = engine_class(member["engine"])(setup)
    engine.prepare()
    melodies = (melody_from_json(data) for data in member["melodies"])
    return Host(engine, {melody.name: melody for melody in melodies})
