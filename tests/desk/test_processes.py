"""The life cycle of child processes: a further kind of process is one row, without a line in the supervisor."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from daemon import config
from daemon.desk import children, process_table
from daemon.desk.process_table import PLAYER, PROCESS_TABLE
from daemon.desk.processes import Listeners, Processes, ProcessKind, ProcessSlot
from daemon.desk.restarts import Heartbeat, RestartPolicy
from daemon.desk.runtime import runtime_folder
from daemon.desk.supervise import START_TIMEOUT, Supervisor
from daemon.entries import Advanced, Entry
from daemon.errors import PortError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="finds children by their process ids")

# Says hello, gets ready once it was greeted, and answers pings until it is told to fall silent.
PROGRAM = """
import os, sys
from pathlib import Path
from daemon.sockets import connect, read_secret
from daemon.wire import Unpacker, pack

with connect(Path(sys.argv[1]) / "desk.sock") as desk:
    unpacker, silent = Unpacker(), False
    send = lambda *message: desk.sendall(pack([message]))
    send("hello", read_secret(), "light", os.getpid())
    while data := desk.recv(1 << 16):
        for kind, *values in unpacker.feed(data):
            match kind:
                case "greeting":
                    send("log", *values)
                    send({behaviour})
                case "ping" if not silent:
                    send("pong", *values)
                case "silence":
                    silent = True
                case "stop":
                    send("bye")
                    sys.exit()
"""


@dataclass
class Heard:
    """The supervisor's log, and the messages that the row's handlers got."""

    lines: list[tuple[str, str]] = field(default_factory=list)  # level, text
    pids: list[int] = field(default_factory=list)  # of the processes that got ready
    messages: list[list[Any]] = field(default_factory=list)
    ended: int = 0

    def listeners(self) -> Listeners:
        return Listeners(lambda level, _, text: self.lines.append((level, text)), lambda _: None, lambda: None)


def row(heard: Heard) -> ProcessKind[ProcessSlot]:
    """The third row of the process table: a light that shows jamd's state."""

    def on_ready(_processes: Processes, slot: ProcessSlot) -> None:
        assert slot.child is not None
        heard.pids.append(slot.child.pid)

    def on_end(_processes: Processes, _slot: ProcessSlot) -> None:
        heard.ended += 1

    def handler(kind: str) -> Callable[[Processes, ProcessSlot, list[Any]], None]:
        return lambda _processes, _slot, values: heard.messages.append([kind, *values])

    return ProcessKind(
        name="light",
        module="light",
        per_player=False,
        log_name="the light",
        greeting=lambda _processes, _slot: [["greeting", "bright"]],
        handlers={"log": handler("log"), "bye": handler("bye")},
        heartbeat=Heartbeat(interval=0.05, limit=0.5, limit_at_start=1.5, limit_at_work=1.0, step=0.05),
        restart=RestartPolicy(ended="{name} ended ({reason}), on again {when}", after_refusal=False, pauses=(0.1,)),
        refusal=PortError,
        late="{name} is late",
        on_ready=on_ready,
        on_end=on_end,
        closing=(["stop"],),
    )


def supervise(
    folder: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard, behaviour: str, work: Callable[[Supervisor], Any]
) -> None:
    """Run `work` beside a supervisor of a stage and the light, which answers its greeting with `behaviour`."""
    (folder / "light.py").write_text(PROGRAM.replace("{behaviour}", behaviour))
    (folder / "config.yaml").write_text("ports: {keys: {direction: in}}\nmelodies: {}\nband: {}\ncontrols: {}\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    band = config.load(folder / "config.yaml")

    async def run() -> None:
        with runtime_folder() as runtime:
            supervisor = Supervisor(runtime, heard.listeners(), table=(*PROCESS_TABLE, row(heard)))
            try:
                await supervisor.start(band.stage, band.members)
                await work(supervisor)
            finally:
                await supervisor.stop()

    asyncio.run(run())


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_third_kind_of_process_is_a_row_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()

    async def work(supervisor: Supervisor) -> None:
        assert len(heard.pids) == 1, "start returns once the process is ready"
        assert heard.messages == [["log", "bright"]]
        await asyncio.sleep(1.0)  # twice the limit: its pongs count
        assert "light" not in str(heard.lines)
        slot = supervisor._processes.all_slots[-1]
        slot.send(["silence"])
        began = time.monotonic()
        await until(lambda: len(heard.pids) == 2)
        assert time.monotonic() - began > 0.5
        assert supervisor.restarts == {"light": 1}
        await until(lambda: slot.up)

    supervise(tmp_path, monkeypatch, heard, '"ready"', work)
    lights = [line for line in heard.lines if "light" in line[1]]
    assert lights == [
        ("error", "the light does not answer; its process is killed"),
        ("error", "the light ended (SIGKILL), on again in 0.1 s"),
    ]
    assert heard.pids[0] != heard.pids[1]
    assert heard.ended == 1
    assert heard.messages == [["log", "bright"]] * 2 + [["bye"]], "closing asks the process to end"


def test_a_process_that_does_not_get_ready_is_late_then_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()

    async def work(supervisor: Supervisor) -> None:
        assert ("warning", "the light is late") in heard.lines
        supervisor._processes.all_slots[-1].send(["silence"])
        began = time.monotonic()
        await until(lambda: supervisor.restarts["light"])
        assert time.monotonic() - began > 1.0, "the limit while it starts is the longer one"

    supervise(tmp_path, monkeypatch, heard, '"thinking"', work)
    assert heard.pids == []


def test_questions_from_before_a_process_was_ready_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start takes longer than the limit that holds from then on."""
    heard = Heard()

    async def work(supervisor: Supervisor) -> None:
        await asyncio.sleep(0.3)
        assert "light" not in str(heard.lines)

    behaviour = '"log", 0), __import__("time").sleep(0.9), send("ready"), __import__("time").sleep(0.1'
    supervise(tmp_path, monkeypatch, heard, behaviour, work)
    assert len(heard.pids) == 1


def test_a_process_that_refuses_ends_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()

    async def work(supervisor: Supervisor) -> None:
        raise AssertionError("it started")

    with pytest.raises(PortError, match="no lamp"):
        supervise(tmp_path, monkeypatch, heard, '"failed", "no lamp"', work)


def test_a_process_that_refuses_ends_the_start_at_once(
    tmp_path: Path, dice: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a stage the players never take part; jamd does not wait for them in vain."""
    heard = Heard()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "light.py").write_text(PROGRAM.replace("{behaviour}", '"failed", "no lamp"'))
    (tmp_path / "config.yaml").write_text(TWO_PLAYERS)
    band = config.load(tmp_path / "config.yaml")

    async def run() -> None:
        with runtime_folder() as runtime:
            supervisor = Supervisor(runtime, heard.listeners(), table=(row(heard), PLAYER))
            began = time.monotonic()
            try:
                with pytest.raises(PortError, match="no lamp"):
                    await supervisor.start(band.stage, band.members)
                assert time.monotonic() - began < START_TIMEOUT - 1
            finally:
                await supervisor.stop()

    asyncio.run(run())


@pytest.mark.parametrize(("after_refusal", "restarts"), [(False, 0), (True, 1)])
def test_a_process_that_refuses_later_is_retried_if_its_row_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_refusal: bool, restarts: int
) -> None:
    heard = Heard()
    program = PROGRAM.replace("{behaviour}", '*(["failed", "no lamp"] if os.path.exists("again") else ["ready"])')
    (tmp_path / "light.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    kind = row(heard)
    kind = replace(kind, restart=replace(kind.restart, after_refusal=after_refusal))

    async def run() -> None:
        processes = Processes(tmp_path, heard.listeners())
        slot = processes.slots(kind)["light"] = ProcessSlot(kind, "light")
        processes.start(slot)
        processes.keep(slot)
        await until(lambda: slot.up)
        processes.started = True
        (tmp_path / "again").touch()
        assert slot.child is not None
        slot.child.kill()
        await until(lambda: processes.restarts["light"] and slot.refused)
        (tmp_path / "again").unlink()
        slot.child.kill()
        await until(lambda: slot.up if after_refusal else len(heard.lines) == 2)
        await processes.close()

    asyncio.run(run())
    texts = [text for _, text in heard.lines]
    assert texts[0] == "the light ended (SIGKILL), on again in 0.1 s"
    assert texts[1] == (
        "the light ended (no lamp), on again in 0.1 s"
        if after_refusal
        else "no lamp\nthe light stays silent until the next reload"
    )
    assert len(heard.pids) == 1 + restarts


def test_an_entry_that_cannot_be_read_costs_neither_the_others_nor_the_stage() -> None:
    lines: list[tuple[str, str]] = []
    recorded: list[Entry] = []
    listeners = Listeners(lambda level, _, text: lines.append((level, text)), recorded.extend, lambda: None)
    batch = [["advance", 1.0], ["dance", 1.5], ["advance", 2.0]]
    process_table.STAGE.handlers["journal"](
        cast(Processes, SimpleNamespace(tell=listeners)), ProcessSlot(process_table.STAGE, "stage"), [batch]
    )
    assert recorded == [Advanced(1.0), Advanced(2.0)]
    ((level, text),) = lines
    assert level == "error" and "'dance'" in text


def test_players_start_before_the_stage(tmp_path: Path, dice: None, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, started = Heard(), list[list[str]]()
    spawn = children._spawn

    def record(command: list[str], secret: str) -> Any:
        assert secret not in " ".join(command), "others can read a command line"
        started.append(command[3:4] + command[5:])
        return spawn(command, secret)

    monkeypatch.setattr(children, "_spawn", record)

    async def run() -> None:
        with runtime_folder() as runtime:
            supervisor = Supervisor(runtime, heard.listeners())
            try:
                await supervisor.start(band.stage, band.members)
            finally:
                await supervisor.stop()

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "config.yaml").write_text(TWO_PLAYERS)
    band = config.load(tmp_path / "config.yaml")
    asyncio.run(run())
    assert started == [["daemon.player.process", "ann"], ["daemon.player.process", "bob"], ["daemon.stage.process"]]


TWO_PLAYERS = """
ports: {keys: {direction: in}, out: {direction: out}}
melodies: {}
band:
  ann: {engine: dice, listen: [keys], play: {port: out}}
  bob: {engine: dice, listen: [keys], play: {port: out}}
controls: {}
"""


def test_a_process_that_sends_an_invalid_message_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()

    def strict(_processes: Processes, _slot: ProcessSlot, values: list[Any]) -> None:
        (value,) = values
        heard.messages.append(value)

    async def work(supervisor: Supervisor) -> None:
        slot = supervisor._processes.all_slots[-1]
        assert slot.up and slot.alive and not supervisor.restarts

    light = row(heard)
    monkeypatch.setattr(sys.modules[__name__], "row", lambda _: replace(light, handlers={"log": strict}))
    supervise(tmp_path, monkeypatch, heard, '"ready"), send("log", 1, 2), send("log", 1', work)
    assert heard.messages == ["bright", 1]
    assert len([text for _, text in heard.lines if text.startswith("the light sent an invalid message")]) == 1


def test_a_stage_that_refuses_during_a_reload_does_not_end_the_new_players(
    tmp_path: Path, dice: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage that refuses while jamd runs is retried; new players get ready all the same."""
    heard = Heard()
    monkeypatch.setattr("daemon.desk.supervise.START_TIMEOUT", 1.0)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "light.py").write_text(PROGRAM.replace("{behaviour}", '"ready"'))
    (tmp_path / "config.yaml").write_text(TWO_PLAYERS.partition("band:")[0])
    before = config.load(tmp_path / "config.yaml")
    (tmp_path / "config.yaml").write_text(TWO_PLAYERS)
    after = config.load(tmp_path / "config.yaml")

    async def run() -> None:
        with runtime_folder() as runtime:
            supervisor = Supervisor(runtime, heard.listeners(), table=(row(heard), PLAYER))
            try:
                await supervisor.start(before.stage, before.members)
                (light,) = supervisor._processes.all_slots
                light.refused = "no lamp"
                assert await supervisor.reload(after.stage, after.members) == ["ann", "bob"]
                assert all(player.ready and player.alive for player in supervisor.players.values())
                supervisor.players["ann"].refused = "no model"  # a reload tries again, for another model may be there
                assert await supervisor.reload(after.stage, after.members) == ["ann"]
            finally:
                await supervisor.stop()

    asyncio.run(run())
