from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from daemon import config
from daemon.desk.stage_state import StageState
from daemon.desk.status import clock, figures, hints, ports, status_line
from daemon.desk.supervise import Supervisor
from daemon.music.tempo import TempoMap
from daemon.spec import PortSpec, StageSpec

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
