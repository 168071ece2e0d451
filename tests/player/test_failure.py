"""What is told when an engine fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon import config
from daemon.engines.base import Engine, Setting, Setup
from daemon.errors import ModelError
from daemon.music import smf
from daemon.music.events import SUSTAIN, MidiEvent, Play, Stop, Window, control_change, note_off, note_on
from daemon.music.plan import Plan
from daemon.music.tempo import TempoMap
from daemon.player import host
from daemon.player.failure import TRACE_LINES, EngineFailure, answer_problem, trace_of
from daemon.player.host import Host, make_host
from daemon.render.offline import render
from daemon.wire import Anticipate, Call, Control, Generate, Learn, Listen, Reset, decode_answer, encode_answer
from tests.desk.engines import CRASH

WALTZ = TempoMap(((0.0, 90.0),), ((0.0, 3.0),))
WINDOW = Window(7.25, 7.5, 6.0, 3.0, 90.0)


class Fails(Engine):
    """In every call."""

    def _fail(self, *_: Any) -> Any:
        raise LookupError("no such\nchord")

    listen = generate = control = learn = reset = anticipate = owes = _fail
    settings = (Setting("density", 0, 1, 0.5, "how dense"),)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (Listen(MidiEvent(7.0, "keys", note_on(1, 60, 80))), "listen(note-on 60 from 'keys') at bar 3, beat 2"),
        (Listen(MidiEvent(-0.5, "keys", note_off(1, 60))), "listen(note-off 60 from 'keys') at bar 0, beat 3.5"),
        (
            Listen(MidiEvent(0.0, "choir", control_change(1, SUSTAIN, 127))),
            "listen(sustain pedal 127 from 'choir') at bar 1, beat 1",
        ),
        (Generate(WINDOW), "generate at bar 3, beat 2.25"),
        (Control("density", 1.0, 6.0), "control('density', 1) at bar 3, beat 1"),
        (Reset(0.0, 7), "reset at bar 1, beat 1"),
        (Learn("choir", Plan(4.0)), "learn(a plan of 'choir')"),
        (Anticipate(Reset(7.25, 7), WINDOW), "anticipate at bar 3, beat 2.25"),
    ],
)
def test_the_call_is_named_with_bar_and_beat_and_the_place_in_the_engines_code(call: Call, told: str) -> None:
    with pytest.raises(EngineFailure) as raised:
        list(Host(Fails(Setup(None)), {}).handle(call))
    text = str(raised.value.of("shadow", WALTZ))
    assert text.startswith(f"shadow: the engine Fails failed in {told}: LookupError: no such chord (test_failure.py:")
    assert text.endswith(': raise LookupError("no such\\nchord"))')
    assert isinstance(raised.value.__cause__, LookupError)


def test_without_a_tempo_map_the_beat_is_told() -> None:
    with pytest.raises(EngineFailure, match=r"^the engine Fails failed in generate at beat 7.25: LookupError"):
        list(Host(Fails(Setup(None)), {}).handle(Generate(WINDOW)))
    with pytest.raises(EngineFailure, match=r"^the engine Fails failed in owes at beat 2: LookupError"):
        Host(Fails(Setup(None)), {}).owes(2.0)


def test_a_failure_in_init_prepare_or_the_first_reset_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    member = {"engine": "x", "model": None, "options": {}, "settings": {}, "listen": [], "melodies": []}
    for method, where in (("__init__", "__init__"), ("prepare", "prepare"), ("reset", "reset at beat 0")):
        engine = type("Odd", (Engine,), {method: fail})
        monkeypatch.setattr(host, "engine_class", lambda name, engine=engine: engine)
        with pytest.raises(EngineFailure, match=f"the engine Odd failed in {where}: ZeroDivisionError"):
            make_host(member)


def test_a_model_error_keeps_its_text() -> None:
    class Picky(Engine):
        def prepare(self) -> None:
            raise ModelError("x.onnx: too large")

    with pytest.raises(ModelError, match=r"^x\.onnx: too large$"):
        host.prepare(Picky(Setup(None)))


VALID = [Play(0.5, 0, 1, "a"), Play(0, 127, 127, "a", 1), Play(np.float64(1.5), 60, 60, "a"), Stop(1.0, "a"), Plan(0.0)]
INVALID: list[Any] = [
    Play(0.0, 128, 60, "a"),
    Play(0.0, -1, 60, "a"),
    Play(0.0, 60, 0, "a"),
    Play(0.0, 60, 128, "a"),
    Play(0.0, np.int64(60), 60, "a"),  # type: ignore[arg-type]
    Play(0.0, 60.0, 60, "a"),  # type: ignore[arg-type]
    Play(float("nan"), 60, 60, "a"),
    Play(0.0, 60, 60, "a", float("inf")),
    Play(0.0, 60, 60, None),  # type: ignore[arg-type]
    Stop(None, "a"),  # type: ignore[arg-type]
    Plan(float("inf")),
]


def test_an_answer_is_valid_if_the_stage_takes_it() -> None:
    for item in VALID:
        assert answer_problem(item) is None
        assert decode_answer(encode_answer(item)) == item
    for item in INVALID:
        assert answer_problem(item) is not None
        with pytest.raises(ValueError, match=r"^not a"):
            decode_answer(encode_answer(item))
    assert answer_problem("C4") == "neither a Play, a Stop nor a Plan: yield one of them"


@pytest.fixture
def echo_band(echo_engine: Path, tmp_path: Path) -> Callable[[str], config.Config]:
    def load(options: str) -> config.Config:
        (tmp_path / "band.yaml").write_text(
            "ports: {keys: {direction: in}, out: {direction: out}}\n"
            f"band: {{shadow: {{engine: echo, listen: [keys], play: {{port: out}}, options: {{{options}}}}}}}\n"
        )
        return config.load(tmp_path / "band.yaml")

    return load


def test_render_tells_the_player_the_call_and_the_place(
    echo_band: Callable[[str], config.Config], tmp_path: Path
) -> None:
    events = [(tick, message) for tick, message in ((5000, note_on(1, CRASH, 80)), (5480, note_off(1, CRASH)))]
    (tmp_path / "in.mid").write_bytes(smf.to_bytes([smf.Track("m", events)], [], []))
    with pytest.raises(EngineFailure) as raised:
        render(echo_band(""), tmp_path / "in.mid", live=True)
    assert str(raised.value).startswith(
        "shadow: the engine Echo failed in listen(note-on 1 from 'keys') at bar 2, beat 2.208: "
        "ValueError: a note that the engine fails on (engines.py:"
    )
    assert raised.value.exit_code == 1
    with pytest.raises(EngineFailure, match=r"^shadow: the engine Echo failed in prepare: RuntimeError: failed on dem"):
        render(echo_band("trouble: crash"), tmp_path / "in.mid")


def test_the_traceback_begins_where_the_engine_does() -> None:
    with pytest.raises(EngineFailure) as raised:
        list(Host(Fails(Setup(None)), {}).handle(Generate(WINDOW)))
    first, second, *_, last = trace_of(raised.value).splitlines()
    assert first == "Traceback (most recent call last):"
    assert "test_failure.py" in second and second.endswith("in _fail")
    assert last == "chord"
    assert trace_of(None) == ""


def test_an_answer_that_is_none_has_no_traceback_of_the_engine() -> None:
    class Forgot(Engine):
        def generate(self, window: Window) -> Any:
            pass

    with pytest.raises(EngineFailure, match=r"in generate at beat 7.25: it yielded None: yield actions, or") as raised:
        list(Host(Forgot(Setup(None)), {}).handle(Generate(WINDOW)))
    assert trace_of(raised.value) == ""


def test_the_innermost_lines_of_a_deep_traceback_are_kept() -> None:
    class Recurses(Engine):
        def generate(self, window: Window, depth: int = 0) -> Any:
            if depth < 2 * TRACE_LINES:
                return self.generate(window, depth + 1)
            raise ValueError("too deep")

    with pytest.raises(EngineFailure) as raised:
        list(Host(Recurses(Setup(None)), {}).handle(Generate(WINDOW)))
    trace = trace_of(raised.value)
    assert trace.count("  File ") <= TRACE_LINES and 'raise ValueError("too deep")' in trace
