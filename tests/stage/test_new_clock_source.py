"""A new clock source is one file (here the class BeatClock) and one line in CLOCK_SOURCES (here the fixture)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from daemon import config
from daemon.clocks.source import Change, ClockSource, ClockWarning, SourceSetup, TransportChange
from daemon.clocks.table import CLOCK_SOURCES
from daemon.commands import Command, SetTempo, StopTransport
from daemon.entries import Commanded, Followed, Located, PortLost, Started, Stopped
from daemon.errors import ConfigError
from daemon.music.tempo import Tempo
from daemon.performance.performance import Performance
from daemon.spec import StageSpec
from daemon.stage.clock_driver import ClockDriver
from tests.performance.offline import Recorder

LOOK = 5.0
BEAT, REWIND = b"\xf6", b"\xff"  # messages of this clock: one on each beat, and one to return to beat 0


class BeatClock(ClockSource):
    """Follows one message a beat; stops when a beat is missing."""

    needs_port: ClassVar[bool] = True
    always_waits: ClassVar[bool] = True

    def __init__(self, bpm: float) -> None:
        self.bpm, self.beat, self.last = bpm, 0, 0.0
        self.running = False

    @classmethod
    def create(cls, setup: SourceSetup) -> BeatClock:
        return cls(setup.bpm)

    def accepts(self, message: bytes) -> bool:
        return message in (BEAT, REWIND)

    def hear(self, message: bytes, stamp: float) -> list[Change]:
        if message == REWIND:
            self.beat = 0
            return [ClockWarning("rewind", "Rewound to the beginning.")]
        if self.running:
            self.beat += 1
            self.bpm = 60 / (stamp - self.last)
        tempo = Tempo(self.beat, stamp, self.bpm)
        self.last, self.next_look = stamp, stamp + LOOK
        was_running, self.running = self.running, True
        return [tempo] if was_running else [TransportChange("start", tempo)]

    def advance(self, now: float) -> list[Change]:
        self.running = False
        self.next_look = now + LOOK
        return [TransportChange("stop", Tempo(self.beat, now, self.bpm))]

    def propose(self, now: float, command: Command, stamp: float) -> None:
        if isinstance(command, StopTransport):
            self.next_look = 0.0

    def port_lost(self, now: float) -> list[Change]:
        return [ClockWarning("cable", "No cable.")]

    def status(self) -> dict[str, Any]:
        return {"state": "beating" if self.running else "waiting", "bpm": self.bpm}


@pytest.fixture(autouse=True)
def _line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLOCK_SOURCES, "beats", BeatClock)


def load(folder: Path, clock: str) -> StageSpec:
    path = folder / "config.yaml"
    path.write_text(f"clock: {{source: beats, bpm: 90, {clock}}}\nports: {{sync: {{direction: in}}}}\n")
    return config.load(path).stage


class Proposing(Recorder):
    """Passes proposals to the clock driver, as the stage does."""

    driver: ClockDriver

    def propose(self, command: Command, stamp: float) -> None:
        self.driver.propose(3.0, command, stamp)


def test_the_configuration_accepts_a_new_source(tmp_path: Path) -> None:
    clock = load(tmp_path, "port: sync").clock
    assert (clock.source, clock.port, clock.is_external) == ("beats", "sync", True)
    assert StageSpec.from_json(load(tmp_path, "port: sync").to_json()).clock == clock
    with pytest.raises(ConfigError) as error:
        load(tmp_path, "count_in: 1, start: by hand")
    problems = "\n".join(error.value.problems)
    assert "clock.port" in problems
    assert "clock.count_in: with the source `beats` there is no count-in" in problems
    assert "clock.start: with the source `beats`, jamd always waits for that clock" in problems


def test_a_new_source_drives_a_performance(tmp_path: Path) -> None:
    sink = Proposing()
    performance = Performance(load(tmp_path, "port: sync"), sink)
    log: list[tuple[str, str, str]] = []
    sink.driver = driver = ClockDriver(performance, lambda *words: log.append(words))
    assert driver.figures() == {"clock": {"state": "waiting", "bpm": 90.0}}
    driver.begin(1.0)
    assert not performance.running and performance.ready
    assert driver.hear(2.0, "sync", BEAT, 2.0) and not driver.hear(2.0, "other", BEAT, 2.0)
    assert not driver.hear(2.0, "sync", b"\x90\x3c\x40", 2.0)
    assert performance.running and performance.bpm == 90.0
    driver.hear(2.5, "sync", BEAT, 2.5)
    assert performance.bpm == 120.0 and performance.beat_at(3.0) == 2.0
    driver.look(2.6)
    assert driver.look_at == 2.5 + LOOK and performance.running
    performance.take(Commanded(3.0, SetTempo(50.0), 3.0))
    performance.take(Commanded(3.0, StopTransport(), 3.0))
    assert performance.bpm == 120.0 and performance.running  # only proposed, so far
    driver.look(3.0)
    assert not performance.running and driver.figures()["clock"]["state"] == "waiting"
    performance.take(PortLost(4.0, "sync"))
    driver.port_lost(4.0, "sync")
    driver.hear(4.0, "sync", REWIND, 4.0)
    assert log == [
        ("warning", "clock cable", "clock: No cable."),
        ("warning", "clock rewind", "clock: Rewound to the beginning."),
    ]
    changes = [entry for entry in sink.entries if isinstance(entry, Started | Stopped | Located | Followed)]
    assert changes == [
        Stopped(1.0),
        Located(1.0, 0.0),
        Followed(2.0, 0.0, 2.0, 90.0),
        Started(2.0, 0.0, 2.0),
        Followed(2.5, 1.0, 2.5, 120.0),
        Stopped(3.0),
    ]


def test_the_next_stage_process_resumes_at_the_beat(tmp_path: Path) -> None:
    performance = Performance(load(tmp_path, "port: sync"), Recorder())
    driver = ClockDriver(performance, lambda *_: None)
    driver.begin(1.0)
    driver.hear(2.0, "sync", BEAT, 2.0)
    sink = Recorder()
    later = Performance(load(tmp_path, "port: sync"), sink)
    ClockDriver(later, lambda *_: None).begin(4.0, driver.place())
    assert later.running and later.beat_at(10.0) == pytest.approx(performance.beat_at(10.0))
    assert sink.entries[0] == Followed(4.0, 0.0, 2.0, 90.0)
