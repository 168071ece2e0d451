"""Model artifacts, NAME.onnx with its sidecar NAME.json: found, checked, loaded, verified and run."""

from daemon.models.artifact import Artifact, check, engine_mismatch, find, folder, load
from daemon.models.golden import verify
from daemon.models.parse import read_sidecar
from daemon.models.sidecar import Sidecar

__all__ = ["Artifact", "Sidecar", "check", "engine_mismatch", "find", "folder", "load", "read_sidecar", "verify"]
