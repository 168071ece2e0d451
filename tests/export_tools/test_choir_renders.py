"""Renders of the choir beside real settings: MIDI files with the pieces' own notes, piano rolls, sound and a page."""

import json
from pathlib import Path

import numpy as np
import pytest

from export_tools.harmoniser.renders import main
from export_tools.harmoniser.tunes import read

TINY = Path(__file__).parents[1] / "data" / "tiny_harmoniser.onnx"
FRAMES = np.array([[72, 67, 60, 48]] * 4 + [[74, 67, 59, 43]] * 4 + [[72, 67, 60, 48]] * 8)


@pytest.mark.parametrize("sound", [False, True])
def test_renders_of_each_setting(tmp_path: Path, sound: bool) -> None:
    pieces, output = tmp_path / "pieces.json", tmp_path / "out"
    pieces.write_text(json.dumps([FRAMES.tolist(), FRAMES.tolist()]))
    options = ["--model", str(TINY), "--output", str(output), "--count", "1", *([] if sound else ["--no-sound"])]
    assert main([str(pieces), *options]) == 0
    suffixes = (".mid", ".svg", ".flac") if sound else (".mid", ".svg")
    names = {f"01-{name}{suffix}" for name in ("own", "ahead", "live") for suffix in suffixes}
    assert {path.name for path in output.iterdir()} == {*names, "index.html", "band.yaml"}
    page = (output / "index.html").read_text()
    assert all(name in page for name in names if not name.endswith(".mid"))
    for path in output.glob("*-live.mid"):
        path.unlink()
    ahead, own = read(output, None)  # in the order of their names
    assert own.frames.tolist() == read(pieces, None)[0].frames.tolist()
    assert (ahead.frames[:, 0] == own.frames[:, 0]).all(), "the soprano sounds as given"


def test_an_empty_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--model", str(TINY), "--output", str(tmp_path / "out")]) == 2
    assert "holds no piece of four parts" in capsys.readouterr().err
