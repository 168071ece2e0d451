"""The sidecar: parsed into types, or refused with the file, the key and the remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon import models
from daemon.errors import ModelError
from daemon.models.sidecar import Constant, Integers, OnesFrom, TensorSpec, Uniform
from tests.models import third_party

INVALID: list[tuple[str, object, str]] = [  # key, value, named in the message
    ("format", 1, "`format` is 1, this version of jamd reads 2: .*export the model again"),
    ("format", None, "`format` is None"),
    ("engine", 3, "`engine` is missing or not a str"),
    ("interface", None, "`interface` is missing"),
    ("interface", "phrase", "`interface` is 'phrase', not one of step, frame with hints, hit, block, audio"),
    ("encoding", None, "`encoding`"),
    ("steps_per_beat", 2.5, "`steps_per_beat`"),
    ("inputs", [], "`inputs` is missing or not a dict"),
    ("inputs.note", None, "`inputs.note` is not an object"),
    ("inputs.note.dtype", "float16", "`inputs.note.dtype` is 'float16', not one of bool, int64, float32"),
    ("inputs.note.shape", ["batch", -1], "`inputs.note.shape`"),
    ("inputs.note.shape", [None], "`inputs.note.shape`"),
    ("inputs.note.shape", [True], "`inputs.note.shape`"),
    ("inputs.note.values", 0, "`inputs.note.values`"),
    ("inputs.note.values", True, "`inputs.note.values`"),
    ("inputs.note.range", [0, 1], "`inputs.note` must have one of values, range, constant, ones_from"),
    ("inputs.pair.values", [2], "`inputs.pair.values`"),
    ("inputs.pair.values", [2, [1, 0]], "`inputs.pair.values`"),
    ("inputs.pair.values", [2, [1, 2, 3]], "`inputs.pair.values`"),
    ("inputs.pair.values", "2", "`inputs.pair.values`"),
    ("inputs.note.values", 2**64, "`inputs.note.values`"),
    ("inputs.pair.values", [2, 2**64], "`inputs.pair.values`"),
    ("inputs.pair.values", [2, [2**64, 1]], "`inputs.pair.values`"),
    ("inputs.pair.values", [2, [-(2**64), 1]], "`inputs.pair.values`"),
    ("inputs.level.range", [1, 0], "`inputs.level.range`"),
    ("inputs.level.range", [0, 1e300], "`inputs.level.range`"),
    ("inputs.level.range", 1, "`inputs.level.range`"),
    ("inputs.gate.ones_from", 1.5, "`inputs.gate.ones_from`"),
    ("inputs.gate.ones_from", True, "`inputs.gate.ones_from`"),
    ("inputs.gate.shape", ["batch"], "`inputs.gate.ones_from`"),
    ("inputs.offset.constant", "x", "`inputs.offset.constant`"),
    ("outputs.total.shape", 3, "`outputs.total.shape`"),
    ("states", ["level", "note"], "`states` names 'note'"),
    ("states", [3], "`states` names 3"),
    ("states", "level", "`states`"),
    ("states", ["level", "level"], "`states` is .*, which names one twice"),
    ("states", [], "`states` does not name 'level', although there is an output 'level_next'"),
    ("outputs.level_next.shape", ["batch", 4], "`states` names 'level'"),
    ("outputs.level_next.dtype", "int64", "`states` names 'level'"),
    ("options", [], "`options`"),
    ("training", "much", "`training`"),
    ("sha256", None, "`sha256`"),
    ("golden", None, "`golden`"),
    ("golden.seed", -1, "`golden`.*`seed`"),
    ("golden.seed", "x", "`golden.seed`"),
    ("golden.rows", 0, "`golden`.*`rows`"),
    ("golden.rows", 10**9, "`golden`.*`rows`"),
    ("golden.tolerance", None, "`golden.tolerance`"),
    ("golden.tolerance", -0.1, "`golden`.*`tolerance`"),
    ("golden.outputs", {}, "`golden.outputs` is empty"),
    ("golden.outputs", {"loudness": [0.0]}, "`golden.outputs.loudness` is not one of `outputs`"),
    ("golden.outputs.total", [[1.0], 2.0], "`golden.outputs.total` is not an array"),
    ("golden.outputs.total", "loud", "`golden.outputs.total` is not an array"),
    ("golden.outputs.total", [[10**400]], "`golden.outputs.total` is not an array"),
]


def edited(folder: Path, key: str, value: object) -> Path:
    """The third party's model with another value in its sidecar, or without the key if that is None."""
    path = third_party.write(folder)
    sidecar = json.loads(path.with_suffix(".json").read_text())
    inner: Any = sidecar
    *parents, last = key.split(".")
    for name in parents:
        inner = inner[name]
    if value is None and not parents:
        inner.pop(last, None)
    else:
        inner[last] = value
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    return path


@pytest.mark.parametrize(("key", "value", "said"), INVALID)
def test_what_is_invalid_is_named_with_file_and_remedy(tmp_path: Path, key: str, value: object, said: str) -> None:
    path = edited(tmp_path, key, value)
    with pytest.raises(ModelError, match=said) as caught:
        models.read_sidecar(path)
    assert str(caught.value).startswith(f"{path.with_suffix('.json')}: `")
    assert str(caught.value).endswith("install jamd again, or export the model again with export_tools")


def test_a_sidecar_has_types(tmp_path: Path) -> None:
    path = edited(tmp_path, "options", {"ticks": [0, 10], "styles": ["rock"], "broken": [1, "x"]})
    sidecar = models.read_sidecar(path)
    assert (sidecar.engine, sidecar.interface, sidecar.states) == ("theremin", "step", ("level",))
    assert (sidecar.steps_per_beat, sidecar.training, sidecar.metrics) == (None, {}, {})
    assert sidecar.inputs == {
        "note": TensorSpec("int64", ("batch",), Integers(4)),
        "pair": TensorSpec("int64", ("batch", 2), Integers((2, 5), (1, -3))),
        "level": TensorSpec("float32", ("batch", 3), Uniform(0.5, 2)),
        "gate": TensorSpec("float32", ("batch", 3), OnesFrom(1)),
        "offset": TensorSpec("float32", (), Constant(0.25)),
    }
    assert sidecar.inputs["pair"].sized(5) == (5, 2)
    assert sidecar.outputs["total"] == TensorSpec("float32", ("batch", 3))
    assert (sidecar.integers("ticks"), sidecar.names("styles"), sidecar.names("missing")) == ((0, 10), ("rock",), ())


def test_options_of_another_type_are_refused(tmp_path: Path) -> None:
    path = edited(tmp_path, "options", {"ticks": [1, "x"], "styles": "rock", "empty": [], "flags": [True]})
    sidecar = models.read_sidecar(path)
    for option in ("ticks", "styles", "empty", "flags", "missing"):
        with pytest.raises(ModelError, match=rf"theremin.json: `options.{option}` .*: export the model again"):
            sidecar.integers(option)
    for option in ("ticks", "styles"):
        with pytest.raises(ModelError, match=rf"theremin.json: `options.{option}` is not a list of names: export"):
            sidecar.names(option)


@pytest.mark.parametrize("interface", ["step", "frame with hints", "hit", "block", "audio"])
def test_interfaces(tmp_path: Path, interface: str) -> None:
    path = edited(tmp_path, "interface", interface)
    assert models.verify(path).sidecar.interface == interface
    models.read_sidecar(path).require_interface(interface)
    with pytest.raises(ModelError, match=rf"theremin.json: `interface` is '{interface}', .*'other': choose another"):
        models.read_sidecar(path).require_interface("other")
