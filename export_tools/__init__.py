"""One package per model: data preparation, training, export, evaluation. Not installed with jamd."""

import daemon  # noqa: F401 - before any import of onnxruntime: turns its telemetry off
