"""Model artifacts: NAME.onnx and its sidecar NAME.json, found, checked and loaded."""

from daemon.models.artifact import (
    FORMAT,
    Artifact,
    another_engines,
    check,
    find,
    folder,
    load,
    read_sidecar,
    verify,
)

__all__ = [
    "FORMAT",
    "Artifact",
    "another_engines",
    "check",
    "find",
    "folder",
    "load",
    "read_sidecar",
    "verify",
]
