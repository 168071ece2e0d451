"""Model artifacts, NAME.onnx with its sidecar NAME.json: found, checked and loaded. They are data, never code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.errors import ModelError
from daemon.models.parse import read_sidecar
from daemon.models.sidecar import REMEDY, Sidecar, TensorSpec
from daemon.paths import expand, resources

ONNX_TYPES = {"bool": "tensor(bool)", "int64": "tensor(int64)", "float32": "tensor(float)"}  # ONNX Runtime's names


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model that agrees with its sidecar. `session`: an onnxruntime.InferenceSession on one thread."""

    path: Path
    session: Any
    sidecar: Sidecar


def folder() -> Path:
    """The folder of the models that ship with jamd."""
    return resources() / "models"


def find(name_or_path: str | Path, base: Path | None = None) -> Path:
    """The file of a model that ships with jamd ("bachbot"), or of another one (a path to an .onnx, relative to `base`).

    Raises ModelError if there is none.
    """
    try:
        wanted = expand(str(name_or_path))
    except ValueError as error:
        raise ModelError(str(error)) from None
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


def engine_mismatch(path: Path, engine: str) -> str | None:
    """What is wrong if the model is one of another engine. None also if its sidecar cannot be read."""
    try:
        return _mismatch(path, read_sidecar(path), engine)
    except ModelError:
        return None


def _mismatch(path: Path, sidecar: Sidecar, engine: str) -> str | None:
    made_for = sidecar.engine
    return None if made_for == engine else f"{path}: a model for the engine {made_for!r}, not {engine!r}"


def check(path: Path, engine: str | None = None) -> Sidecar:
    """Everything about a model, for `engine` if one is named, that can be checked without loading it.

    Raises ModelError.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such model: correct `model:`, or install jamd again")
    sidecar = read_sidecar(path)
    if engine is not None and (wrong := _mismatch(path, sidecar, engine)) is not None:
        raise ModelError(f"{wrong}: correct `model:`")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): correct its permissions") from None
    if digest != sidecar.sha256:
        raise ModelError(f"{path}: truncated or changed: its sha256 is not the one in {sidecar.file.name}: {REMEDY}")
    return sidecar


def load(path: Path, engine: str | None = None) -> Artifact:
    """Load a model, for `engine` if one is named, after every check that does not run it. Raises ModelError."""
    sidecar = check(path, engine)
    session = _session(path)
    _compare(path, "input", session.get_inputs(), sidecar.inputs)
    _compare(path, "output", session.get_outputs(), sidecar.outputs)
    return Artifact(path, session, sidecar)


def _session(path: Path) -> Any:
    import onnxruntime  # slow and large: the desk reads sidecars without it

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


def _compare(path: Path, what: str, tensors: list[Any], specs: Mapping[str, TensorSpec]) -> None:
    """Raises ModelError unless the graph's tensors are those of the sidecar, by name, type and shape."""
    beside = path.with_suffix(".json").name
    found = {tensor.name: tensor for tensor in tensors}
    if found.keys() != specs.keys():
        odd = ", ".join(sorted(found.keys() ^ specs.keys()))
        raise ModelError(f"{path}: its {what}s are not those in {beside} ({odd}): {REMEDY}")
    for name, spec in specs.items():
        shape, dtype = list(spec.shape), found[name].type
        if shape != list(found[name].shape):
            raise ModelError(
                f"{path}: {what} {name!r} has the shape {found[name].shape}, in {beside} {shape}: {REMEDY}"
            )
        if ONNX_TYPES[spec.dtype] != dtype:
            raise ModelError(f"{path}: {what} {name!r} is a {dtype}, in {beside} {spec.dtype}: {REMEDY}")
