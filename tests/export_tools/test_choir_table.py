"""The rows of the choir's table, for pieces whose figures are known, and for an engine with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from daemon.music.events import Play, Stop
from export_tools.harmoniser.compare import main
from export_tools.harmoniser.table import Rows, count, fifths_between, longest_repeat
from export_tools.harmoniser.tunes import frames_of, from_symbols, keys_of

TINY = Path(__file__).parents[1] / "data" / "tiny_harmoniser.onnx"
HOME, IV, V, VI = (72, 67, 64, 48), (77, 69, 65, 53), (74, 67, 59, 43), (76, 69, 60, 45)  # in C major


def piece(*chords: tuple[tuple[int, ...], int]) -> np.ndarray:
    """Chords, each of some 16ths."""
    return np.array([chord for chord, length in chords for _ in range(length)])


def rows_of(frames: np.ndarray, own: np.ndarray | None = None) -> Rows:
    rows = Rows()
    count(rows, frames, frames if own is None else own)
    return rows


CADENCE = piece((HOME, 4), (IV, 4), (V, 4), (HOME, 12), (VI, 4), (IV, 4), (V, 4), (HOME, 12))


def test_a_cadence_comes_home() -> None:
    rows = rows_of(CADENCE)
    for row in (
        "last chord is home", "last chord is home, in root position", "chord before the last is V, vii or IV",
        "phrase ends on I or V", "V-I, both in root position, at long notes",
    ):  # fmt: skip
        assert rows.share(row) == 100, row
    for row in ("dissonant on beats", "no third on beats", "two-bar windows more than a fifth from home"):
        assert rows.share(row) == 0, row
    assert rows.endings == {"VI IV V I": 1}


def test_home_is_that_of_the_own_setting() -> None:
    away = rows_of(CADENCE + 5, CADENCE)
    assert away.share("last chord is home") == 0
    assert away.share("phrase ends on I or V") == 0


def test_dissonances_bare_chords_and_parallels() -> None:
    bare, clash = (72, 67, 60, 48), (72, 71, 65, 50)
    rows = rows_of(piece((bare, 4), (clash, 4), (HOME, 8)))
    assert rows.share("dissonant on beats") == 25 and rows.share("no third on beats") == 25
    rows = rows_of(piece((HOME, 4), ((74, 69, 66, 50), 4)))
    assert rows.counts["guard: parallel fifths, in 100 16ths"] == 1, "alto and bass"
    assert rows.counts["guard: parallel octaves, in 100 16ths"] == 1, "soprano and bass"


def test_voices_out_of_order_range_and_reach() -> None:
    rows = rows_of(piece(((72, 76, 50, 30), 4)))
    assert rows.share("guard: soprano below alto") == 100 and rows.share("guard: alto below tenor") == 0
    assert rows.share("guard: upper voices more than an octave apart") == 100
    assert rows.share("guard: out of range") == pytest.approx(200 / 3), "alto and bass"


def test_keys_and_repetition() -> None:
    assert (fifths_between(0, 9 + 12), fifths_between(0, 7), fifths_between(0, 6)) == (0, 1, 6)
    assert longest_repeat([0, 5, 7, 0, 5, 7, 9]) == 3


def test_a_play_or_stop_cancels_what_was_queued() -> None:
    actions = [
        Play(0.0, 60, 80, "alto"), Play(0.5, 62, 80, "alto"), Play(0.25, 64, 80, "alto"), Stop(0.75, "alto"),
        Play(0.75, 67, 80, "bass", 0.25),
    ]  # fmt: skip
    frames = frames_of(actions, 5)
    assert frames[:, 1].tolist() == [60, 64, 64, -1, -1]
    assert frames[:, 3].tolist() == [-1, -1, -1, 67, -1]


def test_keys_overlap_but_for_repeated_notes() -> None:
    tune = from_symbols("tune", np.array([[36, 30, 20, 10]] * 4 + [[38, 30, 20, 10]] * 4)).soprano
    assert [round(event.beat, 3) for event in keys_of(tune)] == [0.0, 1.0, 1.048, 2.0]


def test_the_table_of_an_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pieces = tmp_path / "pieces.json"
    pieces.write_text(json.dumps([CADENCE.tolist(), CADENCE.tolist()]))
    assert main([str(pieces), "--model", str(TINY), "--count", "1", "--save", str(tmp_path / "made")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 pieces, 48 16ths") and lines[1].split() == ["own", "ahead", "live"]
    assert {path.name for path in (tmp_path / "made").iterdir()} == {"own.json", "ahead.json", "live.json"}
    ahead = np.array(json.loads((tmp_path / "made" / "ahead.json").read_text())[0])
    assert (ahead[:, 0] == CADENCE[:, 0]).all(), "the soprano sounds as given"
