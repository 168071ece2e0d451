"""The class of a drum model, chosen by the encoding in the sidecar.

model = drums_model(models.load(path, "drums"))
state = model.start(bar=1920, position=0, tempo=96.0)
hit = model.draw(state, rng, DrawRequest(temperature=0.9))
state = model.advance(state, hit, tempo=96.0)
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.engines.drums.interface import DrumsModel
from daemon.engines.drums.metric_model import MetricModel
from daemon.engines.drums.rnn_drummer import RnnDrummer
from daemon.models import Artifact

ENCODINGS: Mapping[str, type[DrumsModel]] = {"rnn-drummer": RnnDrummer, "metric": MetricModel}


def drums_model(artifact: Artifact) -> DrumsModel:
    """Raises ModelError if the sidecar names no encoding of drums, or lacks what that encoding needs."""
    return artifact.sidecar.select(ENCODINGS)(artifact)
