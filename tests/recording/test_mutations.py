"""Journals with wrong values, names and order: replay and conversion raise nothing but JamdError."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from random import Random
from typing import Any

import mido
import pytest

from daemon.entries import Started, decode_entry
from daemon.errors import JamdError
from daemon.recording.replay import Replay, replay
from daemon.recording.to_midi import write_recording
from daemon.spec import StageSpec
from daemon.wire import decode_answer, decode_call
from tests.recording.mutations import JUNK, journal, mutated, records
from tests.recording.test_replay import Live, write_band


def sessions(folder: Path, seed: int, steps: int) -> list[list[Any]]:
    """The entries of sessions with reloads, rotations, kills and commands."""
    rng = Random(seed)
    kinds = ["wait", "answer all", "press", "release"] * 4
    kinds += ["turn", "up", "down", "lost", "panic", "rotate", "reload", "new stage", "stop", "hand", "follow", "start"]
    live = Live(write_band(folder), folder / "sessions")
    live.up("dice")
    live.performance.take(Started(live.now))
    live.up("echo")
    for _ in range(steps):
        live.step(rng.choice(kinds), rng.randrange(1001), rng.choice((0.0, 0.125, 0.3, 0.9)))
    live.journal.close()
    return [records(path) for path in sorted((folder / "sessions").glob("*.journal"))]


def judge(entries: list[Any], path: Path) -> Replay | None:
    """Replays and converts; raises nothing but JamdError. None: it is no session."""
    path.write_bytes(journal(entries))
    path.with_suffix(".mid").unlink(missing_ok=True)
    replayed = None
    try:
        replayed = replay(path)
        replayed.difference.encode(), replayed.ends_early.encode()
        if replayed.data:
            mido.MidiFile(file=io.BytesIO(replayed.data), charset="utf-8")
    except JamdError as error:
        assert "\n" not in str(error) and str(error).encode()
    try:
        write_recording(path, path.with_suffix(".mid"))
    except JamdError:
        assert replayed is None or not replayed.data
    return replayed


@pytest.mark.parametrize(("seed", "number"), [(1, 150), pytest.param(2, 2000, marks=pytest.mark.slow)])
def test_mutated_journals_raise_nothing_unexpected(dice: None, tmp_path: Path, seed: int, number: int) -> None:
    whole = sessions(tmp_path, seed, 60)
    rng = Random(seed)
    results = [judge(mutated(rng.choice(whole), rng), tmp_path / "x.journal") for _ in range(number)]
    assert sum(result is not None and result.ends_early != "" for result in results) > number / 4


@pytest.mark.parametrize("decode", [decode_entry, decode_call, decode_answer, StageSpec.from_json])
def test_decoders_raise_nothing_unexpected(decode: Any) -> None:
    calls: list[Any] = [["listen", 1, "x", "903c5a"], ["generate", 0, 1, 0, 4, 120], ["control", "x", 1, 0]]
    calls += [["reset", 0, 1], ["learn", "x", {}], ["alto", 1, 60, 90, None], ["heard", 1, "x", 1, "903c5a"]]
    for junk in JUNK:
        for data in [junk, *([*call[:at], junk, *call[at + 1 :]] for call in calls for at in range(len(call)))]:
            with contextlib.suppress(JamdError, ValueError):
                decode(json.loads(json.dumps(data)))
