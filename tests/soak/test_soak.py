"""Random fault sequences over JACK; and what plays, and judges, them. `make soak` plays a thousand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.config import load
from daemon.music.events import control_change, note_off, note_on
from tests.desk.jamd import write_tune
from tests.soak import __main__ as command
from tests.soak import bands, conftest
from tests.soak.__main__ import seeds
from tests.soak.live import Outcome, perform
from tests.soak.observer import OutputMonitor
from tests.soak.rig import Rig, available
from tests.soak.sequence import PLUGGABLE, WEIGHTS, Sequence

SEEDS = range(1, 31)


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    if not available():
        pytest.skip(
            "no jackd, or no jack_midi_dump, on this machine; to enable: apt-get install jackd2 jack-example-tools"
        )
    with Rig() as rig:
        yield rig


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_left_sounding(
    seed: int, rig: Rig, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    *failed_attempts, outcome = perform(seed, rig, tmp_path)
    record_property(conftest.FAILED_ATTEMPTS, len(failed_attempts) + bool(outcome.faults))
    assert not outcome.faults, f"{outcome}\n{outcome.story}"


def test_a_sequence_is_its_seed() -> None:
    assert Sequence(7, 50).steps == Sequence(7, 50).steps
    assert Sequence(7, 50).steps != Sequence(8, 50).steps
    steps = [step for seed in SEEDS for step in Sequence(seed, 24).steps]
    assert {step.kind for step in steps} == WEIGHTS.keys()
    assert {step.target for step in steps if step.kind == "unplug"} == set(PLUGGABLE)


def test_every_band_can_play(dice: None, tmp_path: Path) -> None:
    write_tune(tmp_path / "tune.mid")
    for number in range(bands.COUNT):
        (tmp_path / "config.yaml").write_text(bands.band(number))
        assert load(tmp_path / "config.yaml").stage.players
    (tmp_path / "config.yaml").write_text(bands.SILENT)
    assert not load(tmp_path / "config.yaml").stage.players


def test_an_observer_counts() -> None:
    monitor = OutputMonitor("choir")
    monitor.receive(note_on(1, 60, 80))
    monitor.receive(note_on(2, 60, 80))
    monitor.receive(note_off(1, 60))
    monitor.receive(note_off(1, 60))  # of a silent note: harmless
    assert monitor.left_sounding() == ["choir: channel 2, pitch 60 is left sounding"]
    monitor.receive(control_change(2, 123, 0))  # no excuse: the note-off itself is owed
    assert len(monitor.left_sounding()) == 1 and not monitor.faults
    monitor.receive(note_on(2, 60, 80))
    assert len(monitor.faults) == 1


def test_an_observer_that_was_unplugged_does_not_know() -> None:
    monitor = OutputMonitor("choir")
    for pitch in (60, 61, 62):
        monitor.receive(note_on(1, pitch, 80))
    monitor.disconnect()
    assert len(monitor.left_sounding()) == 3
    monitor.receive(note_off(1, 61))
    monitor.receive(note_on(1, 62, 80))
    monitor.receive(control_change(1, 120, 0))
    assert monitor.left_sounding() == ["choir: channel 1, pitch 62 is left sounding"]
    assert not monitor.faults


def test_seeds_are_numbers_and_ranges() -> None:
    assert seeds("3,5,8-10") == [3, 5, 8, 9, 10]


def test_failed_attempts_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Seed 1 fails twice and then does not; 2 never, 3 for good."""
    faults = {1: [["late"], ["late"], []], 2: [[]], 3: [["wrong"]]}
    monkeypatch.setattr(command, "available", lambda: True)
    monkeypatch.setattr(command, "Rig", contextlib.nullcontext)
    monkeypatch.setattr(
        command, "perform", lambda seed, *_: (Outcome(seed, found, [], "", {}, 1) for found in faults[seed])
    )
    assert command.main("1-3") == 1
    assert "1 failed; 2 failed at the first attempt, 3 attempts in all" in capsys.readouterr().out
