from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from daemon import config
from daemon.desk.status import ActivityLog, clock, figures, hints, status_line
from daemon.desk.supervise import Supervisor
from daemon.desk.terminal import View
from daemon.entries import MelodyPlayed, Sent
from daemon.music.events import note_on

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
        "ports": {"keys": "JACK"},
        "metrics": METRICS,
        "restarts": {"choir": 2, "stage": 1},
        "reload_error": "",
    }
    return cast(Supervisor, SimpleNamespace(**(attributes | changes)))


def test_figures_are_percentiles_of_measured_times() -> None:
    assert figures(METRICS) == ["latency of choir 1.1/2.2/3.3 ms", "lateness 0.08/0.31/1.2 ms", "dropped 2"]
    assert figures({}) == []


def test_the_status_is_one_line() -> None:
    assert status_line(supervisor(metrics={})) == "players: choir, drums (starting); JACK; restarts 3"
    assert status_line(supervisor()).endswith(
        "JACK; latency of choir 1.1/2.2/3.3 ms; lateness 0.08/0.31/1.2 ms; dropped 2; restarts 3"
    )
    muted = status_line(supervisor(metrics={"silent": ["choir", "drums"]}))
    assert muted == "players: choir (muted), drums (starting); JACK; restarts 3"
    assert "; no port is open; " in status_line(supervisor(ports={"keys": None}))


def test_the_status_has_the_clock() -> None:
    assert clock({"place": [1.0, 2.0, 120.0]}) == []
    assert clock({"place": [4.0]}) == ["stopped"]
    followed = {"place": [4.0], "bpm": 119.98, "clock": {"state": "locked"}}
    assert clock(followed) == ["clock locked at 120.0 bpm, stopped"]
    assert "; clock locked at 120.0 bpm, stopped; restarts" in status_line(supervisor(metrics=followed))


def test_the_activity_log_counts_notes_once_a_minute() -> None:
    now = [0.0]
    view = View(None)
    activity_log = ActivityLog(view, lambda: now[0])
    view.follow([MelodyPlayed(0.0, "tune", note_on(1, 60, 64))] * 3)
    assert activity_log.line(supervisor()) is None
    now[0] = 60.0
    assert activity_log.line(supervisor(metrics={})) == "notes in the last minute: tune 3"
    now[0] = 120.0
    assert activity_log.line(supervisor()) is None
    view.follow([Sent(0.0, "choir", "alto", "choir", note_on(1, 60, 64))])
    now[0] = 180.0
    assert activity_log.line(supervisor(metrics={})) == "notes in the last minute: choir 1"


def test_what_was_passed_over_in_a_melody_is_a_hint_once(tmp_path: Path) -> None:
    odd = Path(__file__).parents[1] / "data" / "midi" / "unknown-chunk.mid"
    (tmp_path / "c.yaml").write_text(f"melodies: {{a: {{file: {odd}}}, b: {{file: {odd}, loop: false}}}}\n")
    first, second = hints(config.load(tmp_path / "c.yaml"))
    assert first == f"{odd}: passed over or corrected: unknown chunks (at byte 14)"
    assert second.startswith("no player is configured")
