import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from daemon import config
from daemon.desk.stage_state import StageState
from daemon.desk.status import PATIENCE, DoubledOutputs, UnconnectedOutputs, clock, figures, hints, ports, status_line
from daemon.desk.supervise import Supervisor
from daemon.music.tempo import TempoMap
from daemon.spec import AUDIO, PlayerSpec, PortSpec, StageSpec

METRICS = {
    "lateness_ms": {"count": 40, "p50": 0.08, "p99": 0.31, "max": 1.2345},
    "thru_ms": {"count": 0, "p50": 0.0, "p99": 0.0, "max": 0.0},
    "latency_ms": {"choir": {"count": 3, "p50": 1.1, "p99": 2.2, "max": 3.3}},
    "dropped": 2,
    "malformed": 0,
}


def supervisor(**changes: Any) -> Supervisor:
    players = {"choir": SimpleNamespace(up=True, refused=None), "drums": SimpleNamespace(up=False, refused=None)}
    attributes = {
        "players": players,
        "stage_state": StageState(ports={"keys": "JACK"}),
        "metrics": METRICS,
        "restarts": {"choir": 2, "stage": 1},
        "reload_error": "",
    }
    return cast(Supervisor, SimpleNamespace(**(attributes | changes)))


def test_figures_are_percentiles_of_measured_times() -> None:
    assert figures(METRICS) == ["latency of choir 1.1/2.2/3.3 ms", "lateness 0.08/0.31/1.2 ms", "dropped 2"]
    assert figures({}) == []


def test_the_status_is_one_line() -> None:
    assert status_line(supervisor(metrics={})) == "players: choir, drums (starting); JACK; restarts: choir 2, stage 1"
    assert status_line(supervisor(metrics={}, restarts={})) == "players: choir, drums (starting); JACK"
    assert status_line(supervisor()).endswith(
        "JACK; latency of choir 1.1/2.2/3.3 ms; lateness 0.08/0.31/1.2 ms; dropped 2; restarts: choir 2, stage 1"
    )
    assert "; song: F7, A, bar 1 of 12; " in status_line(supervisor(metrics={"form": "F7, A, bar 1 of 12"}))
    muted = status_line(supervisor(metrics={"silent": ["choir", "drums"]}, restarts={}))
    assert muted == "players: choir (muted), drums (starting); JACK"


def test_the_status_names_ports_that_are_not_open_or_not_connected() -> None:
    tempo_map = TempoMap(((0.0, 96.0),), ((0.0, 4.0),))
    state = StageState(StageSpec(tempo_map, (PortSpec("keys", "in", "Launchkey"), PortSpec("choir", "out", "synth"))))
    state.ports = {"keys": "JACK", "choir": "JACK"}
    assert ports(state) == ["JACK"]
    state.ports = {"keys": None, "choir": "JACK"}
    assert ports(state) == ["JACK", "keys waits for Launchkey"]
    state.ports = {"keys": None, "choir": None}
    assert ports(state) == ["no port is open", "keys waits for Launchkey", "choir waits for synth"]
    state.ports = {"keys": "JACK", "choir": "JACK"}
    state.connections = [[], [["JACK", "jamd choir:midi", "fluidsynth:midi"], ["JACK", "jamd choir:midi", "Synth 2"]]]
    assert ports(state) == ["JACK", "choir was disconnected from synth"]
    state.connections = [[], [["JACK", "jamd keys:midi", "another"]]]
    assert ports(state) == ["JACK"]
    state.spec = StageSpec(tempo_map, (PortSpec("keys", "in"), PortSpec("choir", "out")))
    state.ports = {"keys": None, "choir": "JACK"}
    assert ports(state) == ["JACK", "keys is not open"]
    state.ports = {"keys": None, "choir": None}
    assert ports(state) == ["no port is open"]
    state.spec = StageSpec(tempo_map, (PortSpec("choir", "out"), PortSpec("synth", AUDIO)))
    state.ports = {"choir": "JACK"}
    assert ports(state) == ["JACK"]


def played(*outputs: str, connect: str | None = None) -> StageState:
    """The state of a stage with a player on each of `outputs`."""
    tempo_map = TempoMap(((0.0, 96.0),), ((0.0, 4.0),))
    specs = (*(PortSpec(name, "out", connect) for name in outputs), PortSpec("spare", "out"))
    players = tuple(PlayerSpec(f"player {name}", (), name, {}, False, 0.0, 0.0, {}) for name in outputs)
    return StageState(StageSpec(tempo_map, specs, players=players), ports=dict.fromkeys(outputs, "JACK"))


def test_an_output_without_a_connection_is_named_in_the_status_and_once_in_the_log() -> None:
    now = 0.0
    log, state = UnconnectedOutputs(lambda: now), played("choir", "ann out", "left")
    assert [*log.look(state)] == []  # not known yet
    state.metrics = {"connected": {"choir": False, "ann out": False, "left": True, "spare": False}}
    assert ports(state)[1:] == ["choir is connected to nothing", "ann out is connected to nothing", "spare is not open"]
    assert [*log.look(state)] == []
    now = PATIENCE - 0.1
    assert [*log.look(state)] == []
    state.metrics["connected"]["left"] = False  # cut by hand: the log has said so
    now = PATIENCE
    first, second = log.look(state)
    assert first.startswith("choir is connected to nothing: connect a synthesiser to it, or start jamd with --connect ")
    assert "--connect choir=NAME" in first and "--connect 'ann out'=NAME" in second
    now = 100.0
    assert [*log.look(state)] == []


def test_an_output_that_is_connected_in_time_or_cannot_be_seen_is_not_reported() -> None:
    now = 0.0
    log, state = UnconnectedOutputs(lambda: now), played("choir", "out")
    state.metrics = {"connected": {"choir": False}}
    assert [*log.look(state)] == []
    state.metrics = {"connected": {"choir": True}}
    assert [*log.look(state)] == [] and ports(state)[0] == "JACK"
    state.metrics = {"connected": {"choir": False}}
    now = 100.0
    assert [*log.look(state)] == []
    named = played("choir", connect="synth")  # which the status names as cut or missing
    named.metrics = {"connected": {"choir": False}}
    assert [*UnconnectedOutputs(lambda: now).look(named)] == [] and ports(named) == ["JACK", "spare is not open"]


def test_an_output_that_another_program_plays_too_is_reported_once() -> None:
    log, state = DoubledOutputs(), played("choir")
    assert state.spec is not None
    heard = dataclasses.replace(state.spec.ports[0], audio=("synth",))
    state.spec = dataclasses.replace(state.spec, ports=(heard, *state.spec.ports[1:]))
    state.metrics = {"connected": {"choir": True, "spare": True}}
    assert [*log.look(state)] == [], "without sound nothing is heard twice"
    state.sound.take({"instruments": ["synth"]})
    assert [*log.look(state)] == []
    state.sound.report("USB", 0.02)
    state.metrics["connected"]["choir"] = False
    assert [*log.look(state)] == []
    state.metrics["connected"]["choir"] = True
    (line,) = log.look(state)
    assert (
        line.startswith("choir is heard through the audio device and goes to another program") and "--no-sound" in line
    )
    assert [*log.look(state)] == []


def test_the_status_has_the_clock() -> None:
    assert clock({"place": [1.0, 2.0, 120.0]}) == []
    assert clock({"place": [4.0]}) == ["stopped"]
    followed = {"place": [4.0], "bpm": 119.98, "clock": {"state": "locked"}}
    assert clock(followed) == ["clock locked at 120.0 bpm, stopped"]
    assert "; clock locked at 120.0 bpm, stopped; restarts" in status_line(supervisor(metrics=followed))


def test_what_was_passed_over_in_a_melody_is_a_hint_once(tmp_path: Path) -> None:
    odd = Path(__file__).parents[1] / "data" / "midi" / "unknown-chunk.mid"
    (tmp_path / "c.yaml").write_text(f"melodies: {{a: {{file: {odd}}}, b: {{file: {odd}, loop: false}}}}\n")
    first, second = hints(config.load(tmp_path / "c.yaml"))
    assert first == f"{odd}: passed over or corrected: unknown chunks (at byte 14)"
    assert second.startswith("no player is configured")
