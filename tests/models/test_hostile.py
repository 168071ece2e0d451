"""Models from elsewhere are data: none reads other files, fills the memory, runs for ever or ends jamd."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from daemon import models
from daemon.__main__ import app
from daemon.engines.base import Setup
from daemon.engines.melody.engine import MelodyPlayer
from daemon.errors import ModelError
from daemon.models import limits
from daemon.models.external_data import has_external_data
from daemon.models.limits import limited
from daemon.player.host import prepare
from daemon.player.trial import trial
from export_tools.drums.onnx_bytes import field
from tests.models import hostile
from tests.models.hostile import EXTERNAL, TENSOR, UNFOLD, graph, model, node

DATA = Path(__file__).parents[1] / "data"
ADD = node("Add", ["x", "x"], ["y"])
SUBGRAPH = field(1, "then_branch") + field(20, 5)  # an attribute of the type GRAPH
PADDED = b"\x6a" + bytes([len(field(1, "location") + field(2, "e")) | 0x80, 0]) + field(1, "location") + field(2, "e")

HIDDEN = {  # places where a file may name another one
    "initializer": model(graph(ADD, field(5, TENSOR + EXTERNAL))),
    "data_location only": model(graph(ADD, field(5, TENSOR + field(14, 1)))),
    "external_data only": model(graph(ADD, field(5, TENSOR + field(13, field(1, "location") + field(2, "e"))))),
    "a length of two bytes": model(graph(ADD, field(5, TENSOR + PADDED))),
    "constant": model(graph(node("Constant", [], ["y"], field(1, "value") + field(5, TENSOR + EXTERNAL)))),
    "list of tensors": model(graph(node("Odd", [], ["y"], field(1, "value") + field(10, TENSOR + EXTERNAL)))),
    "sparse": model(graph(ADD, field(15, field(1, TENSOR + EXTERNAL)))),
    "sparse indices": model(graph(ADD, field(15, field(2, TENSOR + EXTERNAL)))),
    "sparse constant": model(graph(node("Constant", [], ["y"], field(22, field(1, TENSOR + EXTERNAL))))),
    "subgraph": model(graph(node("If", ["x"], ["y"], SUBGRAPH + field(6, field(5, TENSOR + EXTERNAL))))),
    "list of subgraphs": model(graph(node("Odd", ["x"], ["y"], SUBGRAPH + field(11, field(5, TENSOR + EXTERNAL))))),
    "subgraph of a subgraph": model(
        graph(node("If", [], ["y"], field(6, node("If", [], ["z"], field(6, field(5, TENSOR + EXTERNAL))))))
    ),
    "function": model(graph(ADD), field(25, field(7, field(4, "Constant") + field(5, field(5, TENSOR + EXTERNAL))))),
    "training": model(graph(ADD), field(20, field(1, field(5, TENSOR + EXTERNAL)))),
    "second graph": model(graph(ADD), field(7, field(5, TENSOR + EXTERNAL))),
    "group": model(b"\x0b" + field(5, TENSOR + EXTERNAL) + b"\x0c" + graph(ADD)),
    "large node": model(graph(node("If", ["x" * 5000], ["y"], SUBGRAPH + field(6, field(5, TENSOR + EXTERNAL))))),
}


@pytest.mark.parametrize("place", HIDDEN)
def test_external_data_is_refused_wherever_a_file_names_it(tmp_path: Path, place: str) -> None:
    path = hostile.write(tmp_path, HIDDEN[place])
    with pytest.raises(ModelError, match=r"hostile.onnx: has tensors in other files, .* hostile.json .*: export the"):
        models.load(path)
    with pytest.raises(ModelError, match="has tensors in other files"):
        models.check(path)


@pytest.mark.parametrize("path", sorted((*DATA.glob("*.onnx"), *models.folder().glob("*.onnx"))), ids=lambda p: p.stem)
def test_the_shipped_models_are_whole(path: Path) -> None:
    assert has_external_data(path.read_bytes()) is False


def test_the_word_location_alone_is_no_external_data() -> None:
    named = model(graph(node("Add", ["location", "external_data"], ["y"]), field(10, "location")))
    assert has_external_data(named) is False


def test_what_is_no_onnx_file_is_refused_and_not_searched_in_part(tmp_path: Path) -> None:
    whole = model(graph(ADD))
    for data in (whole + b"\x3a", whole + b"\x3a\xff", whole + b"\x07", b"\xff" * 20, whole + b"\x39\x00"):
        with pytest.raises(ModelError, match=r"hostile.onnx: not a model that ONNX Runtime"):
            models.load(hostile.write(tmp_path, data))


def test_a_file_in_the_format_of_onnx_runtime_is_refused(tmp_path: Path) -> None:
    """In that format there may be external data too."""
    with pytest.raises(ModelError, match="not a model that ONNX Runtime"):
        models.load(hostile.write(tmp_path, b"\x08\x00\x00\x00ORTM" + bytes(100)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
@pytest.mark.parametrize("how", UNFOLD)
def test_a_graph_that_unfolds_to_gigabytes_is_refused(tmp_path: Path, how: str) -> None:
    path = hostile.write(tmp_path, hostile.unfolding(how))
    with limited(path), pytest.raises(ModelError, match=r"hostile.onnx: .*(llocat|memory).*: install jamd again"):
        models.verify(path)
    assert np.zeros(1 << 28, np.float64).nbytes == 1 << 31, "the limit holds for the model only"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_a_golden_input_of_gigabytes_is_refused(tmp_path: Path) -> None:
    shape = [1 << 29, 2]
    data = model(graph(node("Identity", ["x"], ["y"])).replace(field(1, field(1, 1)), b""))
    path = hostile.write(tmp_path, data, inputs={"x": {"dtype": "float32", "shape": shape, "range": [0, 1]}})
    wrong = trial(path)
    assert wrong is not None and "hostile.onnx" in wrong


def test_a_graph_that_never_ends_ends_the_process_in_time(tmp_path: Path) -> None:
    path = hostile.write(tmp_path, hostile.endless())
    code = (
        "import sys; from pathlib import Path; from daemon import models; from daemon.models import limits\n"
        "with limits.limited(Path(sys.argv[1]), seconds=0.3): models.verify(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    said = rf"jamd: {re.escape(str(path))}: the model is not ready after 0.3 s \(does its graph end\?\): choose another"
    assert re.fullmatch(rf"{said} model\n", done.stderr)


def test_only_signals_of_native_code_are_crashes_of_the_model() -> None:
    crashes = [status for status in (0, 1, 2, -1, -2, -6, -9, -11, -15, 0xC0000005) if limits.is_native_crash(status)]
    assert crashes == [-6, -11, 0xC0000005]


def test_an_engine_says_which_model_it_cannot_play(tmp_path: Path) -> None:
    path = hostile.write(tmp_path, model(graph(ADD)), "melody")
    engine = MelodyPlayer(Setup(MelodyPlayer.Options(), model=path))
    with pytest.raises(ModelError, match=r"hostile.onnx: the engine cannot play this model .*: choose another"):
        prepare(engine)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("Exception during loading: std::bad_alloc")], ids=repr)
def test_where_a_limit_leaves_too_little_memory_the_message_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    import resource

    def fail(*_: object, **__: object) -> None:
        raise error

    path = hostile.write(tmp_path, model(graph(ADD)), "melody")
    monkeypatch.setattr(MelodyPlayer, "prepare", fail)
    monkeypatch.setattr("onnxruntime.InferenceSession", fail)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256 << 20 if kind == resource.RLIMIT_AS else -1, -1))
    said = r"hostile.onnx: not enough memory within the limit of 256 MiB: raise `ulimit -v`, or choose another model"
    with pytest.raises(ModelError, match=said):
        prepare(MelodyPlayer(Setup(MelodyPlayer.Options(), model=path)))
    with pytest.raises(ModelError, match=said):
        models.load(path)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (-1, -1))
    with pytest.raises(ModelError, match="the engine cannot play this model"):
        prepare(MelodyPlayer(Setup(MelodyPlayer.Options(), model=path)))


def test_jamd_models_tries_every_model_whatever_the_others_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile.write(tmp_path, hostile.unfolding("tile"))
    for suffix in (".onnx", ".json"):
        (tmp_path / f"tiny_melody{suffix}").write_bytes((DATA / f"tiny_melody{suffix}").read_bytes())
    monkeypatch.setattr(models, "folder", lambda: tmp_path)
    done = CliRunner().invoke(app, ["models"])
    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["tiny_melody (melody, 54 kB): verified", "    none: random weights"]
    (line,) = done.stderr.splitlines()
    assert line.startswith("hostile: ") and line.endswith("export the model again with export_tools")


def test_jamd_check_tries_the_models_of_the_band(tmp_path: Path) -> None:
    hostile.write(tmp_path, hostile.unfolding("expand"), "melody")
    config = tmp_path / "config.yaml"
    config.write_text(
        "ports: {keys: {direction: in}, out: {direction: out}}\nmelodies: {}\nband:\n"
        "  ann: {engine: melody, model: hostile.onnx, listen: [keys], play: {port: out}}\n"
        "  bob: {engine: melody, model: hostile.onnx, listen: [keys], play: {port: out}}\ncontrols: {}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "check", "-c", str(config)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 2 and done.stderr.count("hostile.onnx") >= 2, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_model_or_sidecar_that_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    path = hostile.write(tmp_path, model(graph(ADD)))
    beside = path.with_suffix(".json")
    text = beside.read_text()
    beside.unlink()
    os.mkfifo(beside)
    with pytest.raises(ModelError, match=r"hostile.json: cannot be read \(a pipe, not a file\)"):
        models.read_sidecar(path)
    beside.unlink()
    with beside.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ModelError, match=r"hostile.json: cannot be read \(larger than 16 MiB\)"):
        models.read_sidecar(path)
    beside.write_text(text)
    path.unlink()
    for make, kind in (
        (path.mkdir, "a folder"),
        (lambda: (path.rmdir(), os.mkfifo(path)), "a pipe"),
        (lambda: (path.unlink(), path.symlink_to("/dev/zero")), "a device"),
    ):
        make()
        for look in (models.find, models.check):
            with pytest.raises(ModelError, match=rf"hostile.onnx: cannot be read \({kind}, not a file\): correct"):
                look(path)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(ModelError, match=r"hostile.onnx: cannot be read \(larger than 2047 MiB\)"):
        models.load(path)
