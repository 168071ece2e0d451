"""The process table: one row for each kind of child process, and what the messages of that kind mean.

A new kind of process is one more row with its handlers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.desk.children import Child
from daemon.desk.player_slots import PlayerSlot
from daemon.desk.processes import Processes, ProcessKind, ProcessSlot
from daemon.desk.restarts import Heartbeat, RestartPolicy
from daemon.desk.sound_state import ATTEMPTS
from daemon.entries import Entry, Reconfigured, StageStarted, decode_entry
from daemon.errors import JamdError, ModelError, PortError
from daemon.models.limits import ends_process, is_native_crash
from daemon.subprocesses import end_reason

CLOCK_START_TIMEOUT = 5.0  # seconds that the clock's start waits for the players
HUNG = 1.0  # seconds without an answer after which the stage counts as hung: its notes end within 2 seconds
HUNG_AT_WORK = 5.0  # … at a reload, or after a suspend
HUNG_AT_START = 45.0  # … while its ports open, which takes as long as a JACK server waits for clients that died
SPEAKER_HUNG = 2.0  # seconds without an answer after which the speaker counts as hung
SPEAKER_HUNG_AT_START = 30.0  # … while the audio device opens: some systems take seconds to list their devices


# Players


def _greet_player(_processes: Processes, player: PlayerSlot) -> Iterator[list[Any]]:
    yield ["member", player.member]


def _player_ready(_processes: Processes, player: PlayerSlot) -> None:
    if player.admitted:
        player.send(["play"])


def _engine_crashed(processes: Processes, player: PlayerSlot, values: list[Any]) -> None:
    (text,) = values
    processes.tell.say("error", f"{player.name} crashed", f"{player.name}: {text}")


def _model_crash(player: PlayerSlot) -> str | None:
    """A model upon which native code crashes is refused as other bad models are."""
    model, status = player.member["model"], player.child.status if player.child is not None else None
    if not model or status is None or not is_native_crash(status):
        return None
    return ends_process(Path(model), end_reason(status))


def _player_log(processes: Processes, player: PlayerSlot, values: list[Any]) -> None:
    level, cause, text = values
    processes.tell.say(level, f"{player.name} {cause}", f"{player.name}: {text}")


def _instrument_figures(processes: Processes, player: PlayerSlot, values: list[Any]) -> None:
    (figures,) = values
    processes.stage_state.sound.instruments[player.name] = dict(figures)


PLAYER: ProcessKind[PlayerSlot] = ProcessKind(
    name="player",
    module="daemon.player.process",
    per_player=True,
    greeting=_greet_player,
    on_ready=_player_ready,
    crashed=_model_crash,
    handlers={"crashed": _engine_crashed, "log": _player_log, "figures": _instrument_figures},
    heartbeat=None,
    restart=RestartPolicy(ended="{name} ended ({reason}); restarting {when}", after_refusal=False),
    refusal=ModelError,
    late="{name} is not ready yet and joins in as soon as it is",
)


# The speaker


def _greet_speaker(processes: Processes, _speaker: ProcessSlot) -> Iterator[list[Any]]:
    yield ["audio", processes.stage_state.sound.greeting]


def _device(processes: Processes, _speaker: ProcessSlot, values: list[Any]) -> None:
    """The speaker has opened an audio device, or there is none: then the speaker logs the reason."""
    name, delay = values
    sound = processes.stage_state.sound
    is_news, is_other_delay = sound.report(name, delay)
    if is_news and name is not None:
        text = f"sound: {name}, {sound.delay * 1000:.0f} ms from a note to its sound"
        processes.tell.say("info", "sound", text, is_change=True)
    if is_other_delay and processes.stage_state.spec is not None:
        for stage in processes.slots(STAGE).values():
            stage.send(processes.stage_state.change_latency())


def _speaker_pong(processes: Processes, _speaker: ProcessSlot, values: list[Any]) -> None:
    _, figures = values
    processes.stage_state.sound.figures = dict(figures)


def _speaker_ended(processes: Processes, _speaker: ProcessSlot) -> None:
    sound = processes.stage_state.sound
    sound.ended()
    if sound.failures == ATTEMPTS:
        problem = f"the speaker ended {ATTEMPTS} times while it opened the audio device"
        text = f"no sound: {problem}; jamd plays on without until the next reload (`jamd doctor` tries the device)"
        processes.tell.say("error", "sound given up", text)


def _log(processes: Processes, _slot: ProcessSlot, values: list[Any]) -> None:
    level, cause, text, is_change = values
    processes.tell.say(level, cause, text, is_change)


SPEAKER: ProcessKind[ProcessSlot] = ProcessKind(
    name="speaker",
    module="daemon.speaker.process",
    per_player=False,
    log_name="the speaker",
    greeting=_greet_speaker,
    on_end=_speaker_ended,
    handlers={"device": _device, "pong": _speaker_pong, "log": _log},
    heartbeat=Heartbeat(
        interval=1.0,
        limit=SPEAKER_HUNG,
        limit_at_start=SPEAKER_HUNG_AT_START,
        limit_at_work=SPEAKER_HUNG_AT_START,
        step=SPEAKER_HUNG / 4,
    ),
    restart=RestartPolicy(ended="{name} ended ({reason}); restarting {when}, and MIDI plays on", after_refusal=True),
    refusal=None,
    late="the audio device does not answer yet; jamd is heard as soon as it does",
)


# The stage


def _greet_stage(processes: Processes, _stage: ProcessSlot) -> Iterator[list[Any]]:
    state = processes.stage_state
    state.unconfirmed.clear()
    now = time.perf_counter()
    spec = state.told()
    processes.tell.entries([StageStarted(now, spec)])  # not earlier: a reload may come before the hello
    yield ["connections", *state.connections]
    yield ["spec", spec.to_json()]
    for command in state.commands:
        yield ["command", command, now]
    if state.plans:
        yield ["plans", state.plans, state.position[0] if len(state.position) == 1 else None]


def _stage_first_ready(processes: Processes, stage: ProcessSlot) -> None:
    if stage.child is not None:
        processes.task(_start_clock(processes, stage.child))


async def _start_clock(processes: Processes, stage: Child) -> None:
    """Start the song once every running player, and the speaker, is up. One that waits for its restart joins later."""

    def awaited(slot: ProcessSlot) -> bool:
        return not slot.settled and slot.alive

    def are_ready() -> bool:
        return not any(map(awaited, [*processes.slots(PLAYER).values(), *processes.slots(SPEAKER).values()]))

    await processes.until(are_ready, CLOCK_START_TIMEOUT)
    stage.send(["start", *processes.stage_state.position])


def _stage_ready(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    """The stage sends `ready` again after every reload."""
    (processes.stage_state.ports,) = values


def _stage_ended(processes: Processes, _stage: ProcessSlot) -> None:
    for player in processes.slots(PLAYER).values():
        player.up = False


def _journal(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    (batch,) = values
    entries: list[Entry] = []
    for data in batch:
        try:
            match data:
                case ["configured", float() | int() as seconds] if processes.stage_state.unconfirmed:
                    entries.append(Reconfigured(seconds, processes.stage_state.unconfirmed.popleft()))
                case _:
                    entries.append(decode_entry(data))
        except JamdError as error:  # must not end the connection, and the stage with it
            processes.tell.say("error", "journal", f"not recorded: {error}")
    processes.tell.entries(entries)


def _position(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    if values:
        processes.stage_state.position = values


def _turned(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    state = processes.stage_state
    state.silent, state.settings, state.metronome, state.bpm, state.commands = values


def _plans(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    (processes.stage_state.plans,) = values


def _pong(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    _, metrics = values
    state = processes.stage_state
    state.position = metrics.get("place") or state.position
    state.ports = metrics.get("ports", state.ports)
    state.metrics = metrics
    processes.tell.pong()


def _connections(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    remembered, cut = values
    processes.stage_state.connections = [remembered, cut]


def _player_state(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    """`up`: a player has joined the stage; `down`: it has left; `hung`: it does not answer the stage."""
    name, state = values
    if (player := processes.slots(PLAYER).get(name)) is not None:
        if state == "hung" and player.up:
            processes.replace_hung(player)
        player.up = state == "up"


def _port_state(processes: Processes, _stage: ProcessSlot, values: list[Any]) -> None:
    """`back` or `lost`; of a loss the stage logs the reason itself."""
    name, state = values
    if state == "back":
        processes.tell.say("info", f"port {name}", f"port {name} is back", is_change=True)


STAGE: ProcessKind[ProcessSlot] = ProcessKind(
    name="stage",
    module="daemon.stage.process",
    per_player=False,
    log_name="the stage",
    greeting=_greet_stage,
    on_ready=_stage_first_ready,
    on_end=_stage_ended,
    handlers={
        "journal": _journal,
        "place": _position,
        "turned": _turned,
        "plans": _plans,
        "pong": _pong,
        "connections": _connections,
        "ready": _stage_ready,
        "player": _player_state,
        "port": _port_state,
        "log": _log,
    },
    heartbeat=Heartbeat(
        interval=1.0, limit=HUNG, limit_at_start=HUNG_AT_START, limit_at_work=HUNG_AT_WORK, step=HUNG / 5
    ),
    restart=RestartPolicy(
        ended="{name} ended ({reason}); restarting {when}, and the song continues", after_refusal=True
    ),
    refusal=PortError,
    late="the MIDI system (a JACK server?) does not answer yet; jamd plays as soon as it does",
    closing=(["ping", 0], ["stop"]),  # the answer to the ping brings the last metrics
)

# Processes end in this order and start in the reverse: the stage last, because the others take longer to get ready.
PROCESS_TABLE: tuple[ProcessKind[Any], ...] = (STAGE, PLAYER, SPEAKER)
