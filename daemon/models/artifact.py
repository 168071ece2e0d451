"""Model artifacts, NAME.onnx with its sidecar NAME.json: found, checked and loaded. They are data, never code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.errors import ModelError
from daemon.input_files import open_input
from daemon.models.external_data import has_external_data
from daemon.models.limits import memory_error
from daemon.models.parse import read_sidecar
from daemon.models.sidecar import REMEDY, Sidecar, TensorSpec
from daemon.paths import expand, find_file, resources
from daemon.suggestions import nearest

MOST_BYTES = (1 << 31) - 1  # of an ONNX file: the limit of protocol buffers
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
        path = find_file(str(name_or_path), base or Path())
        remedy = "correct the path under `model:`"
    else:
        path = folder() / f"{wanted}.onnx"
        names = sorted(found.stem for found in folder().glob("*.onnx"))
        near = nearest(str(wanted), names)
        meant = f" (did you mean {near!r}?)" if near else ""
        remedy = f"correct `model:`{meant}; installed are: {', '.join(names) or 'none'}"
    _check_is_file(path, remedy)
    return path


def _check_is_file(path: Path, remedy: str) -> None:
    """Raises ModelError, also for a folder, a pipe or a device."""
    try:
        open_input(path, MOST_BYTES).close()
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"{path}: there is no such model: {remedy}") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {remedy}") from None


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
    return _checked(path, engine)[0]


def _checked(path: Path, engine: str | None) -> tuple[Sidecar, bytes]:
    """The sidecar and the content of the file, which is the one that the sidecar describes, and is all of the model."""
    _check_is_file(path, "correct `model:`, or install jamd again")
    sidecar = read_sidecar(path)
    if engine is not None and (wrong := _mismatch(path, sidecar, engine)) is not None:
        raise ModelError(f"{wrong}: correct `model:`")
    try:
        with open_input(path, MOST_BYTES) as file:
            data = file.read()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {REMEDY}") from None
    if hashlib.sha256(data).hexdigest() != sidecar.sha256:
        raise ModelError(f"{path}: truncated or changed: its sha256 is not the one in {sidecar.file.name}: {REMEDY}")
    try:
        is_external = has_external_data(data)
    except ValueError as error:
        raise ModelError(f"{path}: not a model that ONNX Runtime runs (not an ONNX file: {error}): {REMEDY}") from None
    if is_external:
        raise ModelError(
            f"{path}: has tensors in other files, which the sha256 in {sidecar.file.name} does not cover: "
            "export the model again, without external data"
        )
    return sidecar, data


def load(path: Path, engine: str | None = None) -> Artifact:
    """Load a model, for `engine` if one is named, after every check that does not run it. Raises ModelError."""
    sidecar, data = _checked(path, engine)
    session = _session(path, data)
    _compare(path, "input", session.get_inputs(), sidecar.inputs)
    _compare(path, "output", session.get_outputs(), sidecar.outputs)
    return Artifact(path, session, sidecar)


def _session(path: Path, data: bytes) -> Any:
    import onnxruntime  # slow and large: the desk reads sidecars without it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common base but this one
        raise ModelError(
            memory_error(path, error)
            or f"{path}: not a model that ONNX Runtime {onnxruntime.__version__} runs ({first_line(error)}): {REMEDY}"
        ) from None


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its type."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


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
