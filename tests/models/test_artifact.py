"""Model artifacts: which are refused, and the messages."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon import models
from daemon.errors import ModelError
from daemon.models import artifact

TINY = Path(__file__).parents[1] / "data" / "tiny_harmoniser.onnx"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    for suffix in (".onnx", ".json"):
        shutil.copy(TINY.with_suffix(suffix), tmp_path)
    return tmp_path / TINY.name


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    sidecar = json.loads(path.with_suffix(".json").read_text())
    change(sidecar)
    path.with_suffix(".json").write_text(json.dumps(sidecar))


def rehash(path: Path) -> None:
    edit(path, lambda s: s.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))


def refused(path: Path, engine: str = "harmoniser") -> str:
    with pytest.raises(ModelError) as caught:
        models.load(path, engine)
    message = str(caught.value)
    assert path.stem in message, "it names the file"
    assert "correct" in message or "again" in message, "it names a remedy"
    assert "\n" not in message
    return message


def test_a_whole_model_is_loaded_and_verified(tiny: Path) -> None:
    artifact = models.load(tiny, "harmoniser")
    assert {tensor.name for tensor in artifact.session.get_inputs()} == set(artifact.sidecar.inputs)
    assert models.verify(tiny).path == tiny


def test_a_session_waits_without_spinning_on_one_thread(tiny: Path) -> None:
    options = models.load(tiny).session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    for threads in ("intra", "inter"):
        assert options.get_session_config_entry(f"session.{threads}_op.allow_spinning") == "0"


def test_missing(tiny: Path) -> None:
    tiny.unlink()
    assert "no such model" in refused(tiny)


def test_truncated(tiny: Path) -> None:
    tiny.write_bytes(tiny.read_bytes()[:-1000])
    assert "truncated or changed" in refused(tiny)


def test_wrong_hash(tiny: Path) -> None:
    edit(tiny, lambda s: s.update(sha256="0" * 64))
    assert "sha256" in refused(tiny)


def test_not_a_model(tiny: Path) -> None:
    tiny.write_bytes(b"MThd nothing of the kind")
    rehash(tiny)
    assert "not a model that ONNX Runtime" in refused(tiny)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"format": 99}', '{"format": 2}', "[" * 100_000, "null"])
def test_sidecar_broken_or_of_another_format(tiny: Path, text: str) -> None:
    tiny.with_suffix(".json").write_text(text)
    refused(tiny)


def test_sidecar_missing(tiny: Path) -> None:
    tiny.with_suffix(".json").unlink()
    assert "sidecar" in refused(tiny)


def test_sidecar_not_text(tiny: Path) -> None:
    tiny.with_suffix(".json").write_bytes(b"\xff\xfe\x00")
    refused(tiny)


def test_another_engine(tiny: Path) -> None:
    assert "'harmoniser', not 'drummer'" in refused(tiny, "drummer")


@pytest.mark.parametrize("which", ["inputs", "outputs"])
def test_other_names_shapes_or_types(tiny: Path, which: str) -> None:
    original = tiny.with_suffix(".json").read_text()
    name = next(iter(json.loads(original)[which]))
    for change, said in (
        (lambda s: s[which].pop(name), name),
        (lambda s: s[which].update(surplus=s[which][name]), "surplus"),
        (lambda s: s[which][name].update(shape=["batch", 5, 5]), "shape"),
        (lambda s: s[which][name].update(dtype="float16"), "float16"),
        (lambda s: s[which].update({name: None}), name),
    ):
        tiny.with_suffix(".json").write_text(original)
        edit(tiny, change)
        assert said in refused(tiny)


def test_verify_finds_another_golden_output(tiny: Path) -> None:
    edit(tiny, lambda s: s["golden"]["outputs"]["logits"][1].__setitem__(3, 9.9))
    with pytest.raises(ModelError, match=r"tiny_harmoniser.onnx: its output 'logits' is not the golden one"):
        models.verify(tiny)


@pytest.mark.parametrize(
    "golden", [None, {}, {"seed": 1}, {"seed": "x", "outputs": {}, "tolerance": 0}, {"outputs": 3}]
)
def test_verify_says_what_is_missing(tiny: Path, golden: object) -> None:
    edit(tiny, lambda s: s.update(golden=golden))
    with pytest.raises(ModelError, match="golden"):
        models.verify(tiny)


def test_find(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "folder", lambda: tiny.parent)
    assert models.find("tiny_harmoniser") == tiny
    assert models.find(str(tiny)) == tiny
    assert models.find(tiny.name, tiny.parent) == tiny
    with pytest.raises(
        ModelError, match=r"tiny_harmonizer.onnx: there is no such model.*installed are: tiny_harmoniser"
    ):
        models.find("tiny_harmonizer")
    with pytest.raises(ModelError, match="no such model"):
        models.find("elsewhere/tiny_harmoniser.onnx")


def test_no_damage_gets_through_or_raises_anything_else(tiny: Path) -> None:
    """One byte of either file changed, 60 times: refused with a ModelError, or, in the sidecar, of no consequence."""
    random = np.random.default_rng(1)
    beside = tiny.with_suffix(".json")
    graph, text = tiny.read_bytes(), beside.read_bytes()
    refused_graphs = 0
    for _ in range(60):
        for path, original in ((tiny, graph), (beside, text)):
            damaged = bytearray(original)
            damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
            path.write_bytes(damaged)
            try:
                models.verify(tiny)
            except ModelError:
                refused_graphs += path == tiny
            path.write_bytes(original)
    assert refused_graphs == 60
