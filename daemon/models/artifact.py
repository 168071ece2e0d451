"""Model artifacts: NAME.onnx and its sidecar NAME.json. Found, loaded, checked; a sidecar is data, never code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from daemon.encodings import chorale
from daemon.encodings.drums import hits
from daemon.encodings.melody import registry
from daemon.errors import ModelError
from daemon.paths import resources

FORMAT = 1
REMEDY = "install jamd again, or export the model again with export_tools"
DTYPES = {"bool": "tensor(bool)", "int64": "tensor(int64)", "float32": "tensor(float)"}
GOLDEN_INPUT = {  # by engine
    "harmoniser": chorale.golden_feeds,
    "melody": registry.golden_feeds,
    "drums": hits.golden_feeds,
}

Sidecar = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model that agrees with its sidecar: an onnxruntime.InferenceSession on one thread, and the sidecar's JSON."""

    path: Path
    session: Any
    sidecar: Sidecar


def folder() -> Path:
    """Where the models lie that ship with jamd."""
    return resources() / "models"


def find(name_or_path: str | Path, base: Path | None = None) -> Path:
    """The file of a model that ships with jamd ("bachbot"), or of any other (a path to an .onnx, relative to `base`).

    Raises ModelError if there is none.
    """
    wanted = Path(name_or_path).expanduser()
    if wanted.suffix == ".onnx" or len(wanted.parts) > 1:
        path = wanted if wanted.is_absolute() else (base or Path()) / wanted
        remedy = "correct the path under `model:`"
    else:
        path = folder() / f"{wanted}.onnx"
        names = ", ".join(sorted(found.stem for found in folder().glob("*.onnx"))) or "none"
        remedy = f"correct `model:`; installed are: {names}"
    if not path.is_file():
        raise ModelError(f"{path}: there is no such model: {remedy}")
    return path


def read_sidecar(path: Path) -> Sidecar:
    """The JSON beside the model at `path`. Raises ModelError if it is missing, no JSON or of another format."""
    beside = path.with_suffix(".json")
    try:
        sidecar = json.loads(beside.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{beside}: the sidecar of {path.name} is missing: {REMEDY}") from None
    except OSError as error:
        raise ModelError(f"{beside}: cannot be read ({error.strerror}): correct its permissions") from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{beside}: not valid JSON ({error}): {REMEDY}") from None
    if not isinstance(sidecar, dict) or sidecar.get("format") != FORMAT:
        has = sidecar.get("format") if isinstance(sidecar, dict) else None
        raise ModelError(f"{beside}: `format` is {has!r}, this version of jamd reads {FORMAT}: {REMEDY}")
    for key, kind in {"engine": str, "inputs": dict, "outputs": dict, "states": list, "sha256": str}.items():
        if not isinstance(sidecar.get(key), kind):
            raise ModelError(f"{beside}: `{key}` is missing or not a {kind.__name__}: {REMEDY}")
    return sidecar


def another_engines(path: Path, engine: str) -> str | None:
    """What is wrong if the model is one of another engine. None also where nobody can tell."""
    try:
        made_for = read_sidecar(path)["engine"]
    except ModelError:
        return None
    return None if made_for == engine else f"{path}: it is a model of the engine {made_for!r}, not {engine!r}"


def check(path: Path, engine: str) -> Sidecar:
    """Everything about a model for `engine` that can be checked without loading it. Raises ModelError."""
    if not path.is_file():
        raise ModelError(f"{path}: there is no such model: correct `model:`, or install jamd again")
    sidecar = read_sidecar(path)
    if (wrong := another_engines(path, engine)) is not None:
        raise ModelError(f"{wrong}: correct `model:`")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): correct its permissions") from None
    if digest != sidecar["sha256"]:
        raise ModelError(
            f"{path}: truncated or changed: its sha256 is not the one in {path.with_suffix('.json').name}: {REMEDY}"
        )
    return sidecar


def load(path: Path, engine: str) -> Artifact:
    """Load a model for `engine`, after every check that does not run it. Raises ModelError."""
    sidecar = check(path, engine)
    session = _session(path)
    _compare(path, "input", session.get_inputs(), sidecar["inputs"])
    _compare(path, "output", session.get_outputs(), sidecar["outputs"])
    return Artifact(path, session, sidecar)


def _session(path: Path) -> Any:
    import onnxruntime  # slow and large: the desk reads the engines' tables without it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common base but this one
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{path}: not a model that ONNX Runtime {onnxruntime.__version__} runs ({first}): {REMEDY}"
        ) from None


def _compare(path: Path, what: str, has: list[Any], wanted: Mapping[str, Any]) -> None:
    """Whether the graph's tensors are those of the sidecar, by name, type and shape."""
    beside = path.with_suffix(".json").name
    found = {tensor.name: tensor for tensor in has}
    if found.keys() != wanted.keys():
        odd = ", ".join(sorted(found.keys() ^ wanted.keys()))
        raise ModelError(f"{path}: its {what}s are not those in {beside} ({odd}): {REMEDY}")
    for name, spec in wanted.items():
        tensor = found[name]
        shape = list(spec.get("shape", ())) if isinstance(spec, dict) else None
        if shape != list(tensor.shape):
            raise ModelError(f"{path}: {what} {name!r} has the shape {tensor.shape}, in {beside} {shape}: {REMEDY}")
        if DTYPES.get(spec.get("dtype")) != tensor.type:
            raise ModelError(f"{path}: {what} {name!r} is a {tensor.type}, in {beside} {spec.get('dtype')}: {REMEDY}")


def verify(path: Path) -> Artifact:
    """Load a model, run its golden input and compare its golden output. Raises ModelError."""
    sidecar = read_sidecar(path)
    artifact = load(path, sidecar["engine"])
    golden: Any = sidecar.get("golden")
    try:
        feeds = GOLDEN_INPUT[sidecar["engine"]](sidecar)
        names = list(golden["outputs"])
        wanted = [np.asarray(golden["outputs"][name], dtype=np.float64) for name in names]
        tolerance = float(golden["tolerance"])
    except (TypeError, KeyError, ValueError) as error:
        raise ModelError(f"{path.with_suffix('.json')}: `golden` is incomplete ({error}): {REMEDY}") from None
    try:
        results = artifact.session.run(names, feeds)
    except Exception as error:  # as above
        raise ModelError(f"{path}: it does not run ({str(error).splitlines()[0]}): {REMEDY}") from None
    for name, result, expected in zip(names, results, wanted, strict=True):
        if result.shape != expected.shape or not np.allclose(result, expected, rtol=0, atol=tolerance):
            raise ModelError(
                f"{path}: its output {name!r} is not the golden one (within {tolerance}): "
                f"this machine's ONNX Runtime computes something else, or the model is damaged: {REMEDY}"
            )
    return artifact
