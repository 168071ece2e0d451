"""The golden run: driven by the sidecar alone, for every engine and every encoding."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from daemon import models
from daemon.__main__ import app
from daemon.engines.base import engine_class
from daemon.engines.melody.model import MelodyModel
from daemon.errors import ConfigError, ModelError
from daemon.models.golden import golden_feeds
from daemon.models.sidecar import Integers, TensorSpec
from tests.models import third_party

DATA = Path(__file__).parents[1] / "data"


def test_a_model_of_an_engine_that_is_not_installed_is_verified(tmp_path: Path) -> None:
    path = third_party.write(tmp_path)
    sidecar = models.verify(path).sidecar
    assert (sidecar.engine, sidecar.encoding) == ("theremin", "hands in the air")


def test_jamd_models_lists_the_model_of_a_third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = third_party.write(tmp_path)
    monkeypatch.setattr(models, "folder", lambda: tmp_path)
    done = CliRunner().invoke(app, ["models"])
    assert (done.exit_code, done.stdout) == (0, "theremin (theremin, 1 kB): verified\n")
    sidecar = json.loads(path.with_suffix(".json").read_text())
    sidecar["golden"]["outputs"]["total"][0][0] += 0.01
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    done = CliRunner().invoke(app, ["models"])
    assert done.exit_code == 1 and "theremin.onnx: its output 'total' is not the golden one" in done.output


def test_no_player_takes_the_model_of_a_third_party(tmp_path: Path) -> None:
    path = third_party.write(tmp_path)
    with pytest.raises(ModelError, match=r"theremin.onnx: a model for the engine 'theremin', not 'melody': correct"):
        models.load(path, "melody")
    with pytest.raises(ModelError, match=r"theremin.json: `encoding` is 'hands in the air', the engine theremin knows"):
        MelodyModel(models.load(path))
    with pytest.raises(ConfigError, match="there is no engine 'theremin': choose from bass, comping, drums"):
        engine_class("theremin")


def test_what_the_model_cannot_read_is_said(tmp_path: Path) -> None:
    path = third_party.write(tmp_path)
    sidecar = json.loads(path.with_suffix(".json").read_text())
    sidecar["inputs"]["note"]["values"] = 400  # rows of a table of four
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    with pytest.raises(ModelError, match=r"theremin.onnx: ONNX Runtime cannot run it .*: install jamd again"):
        models.verify(path)


def test_an_output_of_another_shape_is_not_the_golden_one(tmp_path: Path) -> None:
    path = third_party.write(tmp_path)
    sidecar = json.loads(path.with_suffix(".json").read_text())
    sidecar["golden"]["outputs"]["total"] = [sidecar["golden"]["outputs"]["total"]]  # numpy would compare the two
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    with pytest.raises(ModelError, match=r"theremin.onnx: its output 'total' is not the golden one"):
        models.verify(path)


@pytest.mark.parametrize("dtype", ["bool", "int64", "float32"])
def test_a_scalar_is_drawn_as_an_array(dtype: str) -> None:
    drawn = [golden_feeds({"x": TensorSpec(dtype, (), Integers(2))}, seed, rows=2)["x"] for seed in range(20)]
    assert {(type(x), x.dtype, x.shape) for x in drawn} == {(np.ndarray, np.dtype(dtype), ())}
    assert {x.item() for x in drawn} == {0, 1}


@pytest.mark.parametrize("path", sorted((*DATA.glob("*.onnx"), *models.folder().glob("*.onnx"))), ids=lambda p: p.stem)
def test_golden_input_is_within_its_values_and_drawn_again(path: Path) -> None:
    sidecar = models.read_sidecar(path)
    seed, rows = sidecar.golden.seed, sidecar.golden.rows
    feeds, again, other = (golden_feeds(sidecar.inputs, s, rows) for s in (seed, seed, seed + 1))
    assert list(feeds) == list(sidecar.inputs)
    for name, feed in feeds.items():
        spec = sidecar.inputs[name]
        assert (feed.dtype, feed.shape) == (spec.dtype, spec.sized(rows))
        assert np.array_equal(feed, again[name])
    assert any(not np.array_equal(feed, other[name]) for name, feed in feeds.items())
    models.verify(path)
