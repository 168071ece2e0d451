"""What the messages of the stage and of players mean, with children that are no processes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from daemon.commands import TapBeat
from daemon.desk.children import Child
from daemon.desk.player_slots import PlayerSlot
from daemon.desk.process_table import PLAYER, STAGE
from daemon.desk.processes import STOOD_STILL, Listeners, Processes, ProcessSlot
from daemon.desk.restarts import Heartbeat
from daemon.desk.supervise import Supervisor
from daemon.entries import Advanced, Entry, Reconfigured, StageStarted
from daemon.music.tempo import TempoMap
from daemon.spec import PlayerSpec, StageSpec


def listeners(lines: list[tuple[str, str]] | None = None) -> Listeners:
    """Those of a supervisor, whose log goes to `lines`: level, text."""
    log = lines if lines is not None else []
    return Listeners(lambda level, _, text: log.append((level, text)), lambda _: None, lambda: None)


class Recorder(Child):
    """Keeps what is sent to a child that is no process."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []
        self.killed = 0

    @property
    def alive(self) -> bool:
        return not self.killed

    def send(self, message: list[Any]) -> None:
        self.sent.append(message)

    def kill(self) -> None:
        self.killed += 1


def stage_and_player(processes: Processes) -> tuple[ProcessSlot, Recorder, ProcessSlot, Recorder]:
    """The slots of the stage and of a player, each with its child."""
    stage, ann = Recorder(), Recorder()
    stage_slot = processes.slots(STAGE)["stage"] = ProcessSlot(STAGE, "stage", stage)
    player = PlayerSpec("ann", ("keys",), "out", {"high": 1}, True, 0.03, 0.1)
    ann_slot = processes.slots(PLAYER)["ann"] = PlayerSlot(PLAYER, "ann", ann, spec=player, member={}, files=())
    return stage_slot, stage, ann_slot, ann


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("stage", ["ready"]),
        ("stage", ["ready", {}, {}]),
        ("stage", ["journal"]),
        ("stage", ["journal", 3]),
        ("stage", ["pong", 1]),
        ("stage", ["pong", 1, None]),
        ("stage", ["connections"]),
        ("stage", ["turned", []]),
        ("stage", ["player", "ann"]),
        ("stage", ["player", ["ann"], "up"]),
        ("stage", ["port", "keys"]),
        ("stage", ["log", "error", "cause"]),
        ("stage", [["ready"], {}]),
        ("stage", []),
        ("stage", 3),
        ("player", ["log", "text"]),
        ("player", ["crashed"]),
        ("player", None),
    ],
    ids=str,
)
def test_an_invalid_message_is_logged_and_changes_nothing(tmp_path: Path, kind: str, message: Any) -> None:
    lines: list[tuple[str, str]] = []

    async def run() -> None:
        processes = Processes(tmp_path, listeners(lines))
        slot = ProcessSlot({"stage": STAGE, "player": PLAYER}[kind], "ann")
        before = (vars(processes.stage_state).copy(), slot.ready, slot.up, slot.refused)
        slot.unanswered = 2
        processes._hear(slot, cast(Child, None), message)
        await processes.close()
        assert (vars(processes.stage_state), slot.ready, slot.up, slot.refused) == before
        assert slot.unanswered == 2

    asyncio.run(run())
    ((level, text),) = lines
    name = {"stage": "the stage", "player": "ann"}[kind]
    assert level == "error" and text.startswith(f"{name} sent an invalid message, which is ignored (")


def test_a_command_is_posted_with_the_moment_at_which_it_was_given(tmp_path: Path) -> None:
    async def run() -> None:
        supervisor = Supervisor(tmp_path, listeners())
        _, stage, *_ = stage_and_player(supervisor._processes)
        supervisor.post(TapBeat(), 12.5)
        before = time.perf_counter()
        supervisor.post(TapBeat())
        first, (*second, stamp) = stage.sent
        assert first == ["command", ["tap"], 12.5]
        assert second == ["command", ["tap"]] and before <= stamp <= time.perf_counter()
        supervisor._processes.slots(STAGE).clear()
        supervisor._processes.slots(PLAYER).clear()
        await supervisor.stop()

    asyncio.run(run())


def test_whether_the_transport_runs_is_known_from_its_position(tmp_path: Path) -> None:
    async def run() -> None:
        supervisor = Supervisor(tmp_path, listeners())
        processes = supervisor._processes
        stage, child, *_ = stage_and_player(processes)
        for position, running in (([], False), ([8.0, 3.5, 96.0], True), ([9.0], False)):
            processes._hear(stage, child, ["place", *position])
            assert supervisor.running == running
        processes._slots.clear()
        await processes.close()

    asyncio.run(run())


def test_only_a_player_that_takes_part_is_killed_as_hung(tmp_path: Path) -> None:
    """The stage may tell of the previous process; the next one is already loading its model."""
    lines: list[tuple[str, str]] = []

    async def run() -> None:
        processes = Processes(tmp_path, listeners(lines))
        stage, stage_child, player, child = stage_and_player(processes)
        processes._hear(stage, stage_child, ["player", "ann", "hung"])
        assert (child.killed, player.up) == (0, False)
        processes._hear(stage, stage_child, ["player", "ann", "up"])
        assert player.up
        processes._hear(stage, stage_child, ["player", "ann", "hung"])
        assert (child.killed, player.up) == (1, False)
        processes._hear(stage, stage_child, ["player", "nobody", "hung"])
        processes._slots.clear()
        await processes.close()

    asyncio.run(run())
    assert lines == [("error", "ann does not answer; its process is killed")]


def test_the_clock_waits_for_players_that_run_and_continues_at_the_last_position(tmp_path: Path) -> None:
    async def run() -> None:
        processes = Processes(tmp_path, listeners())
        stage, stage_child, player, child = stage_and_player(processes)
        processes._hear(stage, stage_child, ["pong", 1, {"place": [8.0, 3.5, 96.0]}])
        processes._hear(stage, stage_child, ["place"])  # nothing new
        processes._hear(stage, stage_child, ["ready", {}])
        await asyncio.sleep(0.1)
        assert stage_child.sent == []
        processes._hear(stage, stage_child, ["player", "ann", "up"])
        await asyncio.sleep(0.1)
        assert stage_child.sent == [["start", 8.0, 3.5, 96.0]]
        player.up, stage.ready, child.killed = False, False, 1  # ann waits for the restart
        processes._hear(stage, stage_child, ["place", 9.0])
        processes._hear(stage, stage_child, ["ready", {}])
        await asyncio.sleep(0.1)
        assert stage_child.sent[1:] == [["start", 9.0]]
        processes._slots.clear()
        await processes.close()

    asyncio.run(run())


def test_a_stage_is_told_the_connections_the_configuration_and_what_was_turned(tmp_path: Path) -> None:
    async def run() -> None:
        processes = Processes(tmp_path, listeners())
        stage, child, *_ = stage_and_player(processes)
        processes.stage_state.spec = StageSpec(TempoMap(((0.0, 96.0),), ((0.0, 4.0),)))
        processes._hear(stage, child, ["connections", [["a", "b"]], [["a", "c"]]])
        processes._hear(stage, child, ["hello", "stage", 1])
        spec = processes.stage_state.spec
        assert child.sent == [["connections", [["a", "b"]], [["a", "c"]]], ["spec", spec.to_json()]]
        processes._hear(stage, child, ["turned", [], {}, True, 96.0, [["metronome"], ["mute", "ann", True]]])
        child.sent.clear()
        processes._hear(stage, child, ["hello", "stage", 2])
        *_, (*toggle, _), (*mute, _) = child.sent
        assert [toggle, mute] == [["command", ["metronome"]], ["command", ["mute", "ann", True]]]
        plans = {"ann": [{"beat": 4.0}]}
        processes._hear(stage, child, ["plans", plans])
        for place, stood_at in (([9.0], 9.0), ([9.0, 1.0, 96.0], None)):
            processes._hear(stage, child, ["place", *place])
            processes._hear(stage, child, ["hello", "stage", 2])
            assert child.sent[-1] == ["plans", plans, stood_at]
        processes.stage_state.reload(spec)
        child.sent.clear()
        processes._hear(stage, child, ["hello", "stage", 1])
        assert child.sent == [["connections", [["a", "b"], ["a", "c"]], []], ["spec", spec.to_json()]]
        processes._slots.clear()
        await processes.close()

    asyncio.run(run())


def test_a_reload_is_recorded_with_the_configuration_that_the_desk_sent(tmp_path: Path) -> None:
    recorded: list[Entry] = []
    first, second, third = (StageSpec(TempoMap(((0.0, bpm),), ((0.0, 4.0),))) for bpm in (60.0, 70.0, 80.0))

    async def run() -> None:
        processes = Processes(tmp_path, replace(listeners(), entries=recorded.extend))
        stage, child, *_ = stage_and_player(processes)
        state = processes.stage_state
        state.spec = first
        state.reload(second)  # never reaches a stage: the next one is greeted with it
        processes._hear(stage, child, ["hello", "stage", 1])
        state.reload(third)
        state.reload(first)
        processes._hear(stage, child, ["journal", [["configured", 1.0], ["advance", 1.5], ["configured", 2.0]]])
        processes._slots.clear()
        await processes.close()

    asyncio.run(run())
    assert recorded[1:] == [Reconfigured(1.0, third), Advanced(1.5), Reconfigured(2.0, first)]
    assert isinstance(recorded[0], StageStarted) and recorded[0].spec == second


def test_the_players_are_down_when_the_stage_has_ended(tmp_path: Path) -> None:
    async def run() -> None:
        processes = Processes(tmp_path, listeners())
        stage, child, player, _ = stage_and_player(processes)
        processes._hear(stage, child, ["player", "ann", "up"])
        assert player.up
        stage.kind.on_end(processes, stage)
        assert not player.up
        processes._slots.clear()
        await processes.close()

    asyncio.run(run())


@pytest.mark.parametrize(("watchdog", "fewest"), [(None, 2), (0.2, 8)])
def test_pings_come_twice_in_the_time_of_the_watchdog(tmp_path: Path, watchdog: float | None, fewest: int) -> None:
    async def run() -> None:
        processes = Processes(tmp_path, listeners(), watchdog)
        slot, child, *_ = stage_and_player(processes)
        pings = asyncio.create_task(processes._ping(slot, Heartbeat(0.5, 5.0, 5.0, 5.0, step=0.5)))
        await asyncio.sleep(0.9)
        pings.cancel()
        assert fewest <= len(child.sent) <= 9
        assert (len(child.sent) == 2) == (watchdog is None)
        processes._slots.clear()
        await processes.close()

    asyncio.run(run())


@pytest.mark.parametrize(("stands_still", "busy", "killed"), [(False, False, 1), (True, False, 0), (False, True, 0)])
def test_a_stage_that_does_not_answer_is_killed_unless_the_machine_paused_or_a_reload_takes_its_time(
    tmp_path: Path, stands_still: bool, busy: bool, killed: int
) -> None:
    async def run() -> None:
        processes = Processes(tmp_path, listeners())
        slot, child, *_ = stage_and_player(processes)
        slot.ready = True
        heartbeat = Heartbeat(interval=1.0, limit=0.2, limit_at_start=60.0, limit_at_work=60.0, step=0.05)
        pings = asyncio.create_task(processes._ping(slot, heartbeat))
        if busy:
            processes.busy(slot)
        await asyncio.sleep(0.01)
        if stands_still:
            time.sleep(STOOD_STILL + 0.1)  # so does the desk
        await asyncio.sleep(0.4)
        assert child.killed >= killed and bool(child.killed) == bool(killed)
        if busy:
            processes._hear(slot, child, ["ready", {}])
            await asyncio.sleep(0.4)
            assert child.killed
        pings.cancel()
        assert child.sent[0] == ["ping", 1] and child.sent[1:].count(["alive"]) >= 1
        processes._slots.clear()
        await processes.close()

    asyncio.run(run())
