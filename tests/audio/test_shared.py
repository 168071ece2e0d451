"""The ring of frames and the published clock, as another process finds them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.audio.clock import ClockPage, FrameClock
from daemon.audio.ring import Ring

CLOCK = FrameClock(3, 240, 48_000, 48_000.0, 10.0, 1 / 48_000, 0.001, 0.005, 0.004)


def frames(first: int, count: int) -> np.ndarray:
    return np.repeat(np.arange(first, first + count, dtype=np.float32)[:, None], 2, axis=1)


@pytest.fixture
def rings(tmp_path: Path) -> tuple[Ring, Ring]:
    return Ring(tmp_path / "ring", 100, create=True), Ring(tmp_path / "ring", 100)


def test_frames_are_found_under_their_numbers_across_the_end_of_the_memory(rings: tuple[Ring, Ring]) -> None:
    writer, reader = rings
    for first in range(1_030, 1_330, 30):
        writer.write(first, frames(first, 30))
        out = np.zeros((30, 2), np.float32)
        assert reader.read(first, out) and (out == frames(first, 30)).all()
    assert reader.end == 1_330


def test_frames_that_are_not_there_are_not_read(rings: tuple[Ring, Ring]) -> None:
    writer, reader = rings
    out = np.zeros((30, 2), np.float32)
    assert not reader.read(0, out)
    writer.write(1_000, frames(1_000, 80))
    writer.write(1_080, frames(1_080, 40))
    assert reader.read(1_020, out)
    assert not reader.read(1_019, out), "overwritten"
    assert not reader.read(1_091, out), "not written yet"


def test_frames_that_are_overwritten_while_they_are_read_are_not_there(rings: tuple[Ring, Ring]) -> None:
    writer, reader = rings
    writer.write(1_000, frames(1_000, 90))

    class Overtaken(np.ndarray):
        def __setitem__(self, where: Any, values: Any) -> None:
            super().__setitem__(where, values)
            writer.write(writer.end, frames(writer.end, 20))

    assert not reader.read(1_000, np.zeros((30, 2), np.float32).view(Overtaken))


def test_frames_after_a_gap_replace_those_before(rings: tuple[Ring, Ring]) -> None:
    writer, reader = rings
    writer.write(1_000, frames(1_000, 30))
    writer.write(1_050, frames(1_050, 30))
    out = np.zeros((30, 2), np.float32)
    assert not reader.read(1_000, out) and not reader.read(1_030, out)
    assert reader.read(1_050, out) and (out == frames(1_050, 30)).all()


def test_a_clock_is_read_as_it_was_published(tmp_path: Path) -> None:
    writer = ClockPage(tmp_path / "clock", create=True)
    reader = ClockPage(tmp_path / "clock")
    assert reader.read() is None
    writer.write(CLOCK)
    assert reader.read() == CLOCK


def test_a_clock_that_a_dead_process_left_half_written_is_not_read_until_the_next_one(tmp_path: Path) -> None:
    page = ClockPage(tmp_path / "clock", create=True)
    page.write(CLOCK)
    data = bytearray((tmp_path / "clock").read_bytes())
    data[0] += 1
    (tmp_path / "clock").write_bytes(data)
    assert page.read() is None
    assert page.epoch == CLOCK.epoch
    page.write(CLOCK)
    assert page.read() == CLOCK


def test_a_block_is_rendered_in_time_and_heard_after_the_delay_at_the_latest() -> None:
    for now in np.linspace(10.0, 10.02, 97):
        block = CLOCK.first_block(float(now))
        assert (block - CLOCK.frame) % CLOCK.block == 0
        assert CLOCK.mixed_at(block) >= now + 0.004 - 1e-9 > CLOCK.mixed_at(block - CLOCK.block)
        assert CLOCK.frame_heard_at(float(now) + CLOCK.delay) >= block - 1
        assert CLOCK.frame_heard_at(CLOCK.heard_at(block + 7)) == block + 7
