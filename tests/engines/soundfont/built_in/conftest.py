from collections.abc import Callable, Iterator

import numpy as np
import pytest

from daemon.engines.soundfont.built_in.synth import BuiltInSynth
from tests.engines.soundfont.detector import Samples

RATE = 48_000
Render = Callable[..., Samples]


@pytest.fixture(scope="session")
def prepared() -> BuiltInSynth:
    synth = BuiltInSynth(RATE)
    synth.prepare()
    return synth


@pytest.fixture
def synth(prepared: BuiltInSynth) -> Iterator[BuiltInSynth]:
    """Without reverb, as if just prepared."""
    prepared.set_reverb(0.0)
    yield prepared
    for channel in range(16):
        for controller, value in (
            (120, 0),
            (121, 0),
            (7, 100),
            (10, 64),
            (91, 40),
            (101, 0),
            (100, 0),
            (6, 2),
            (38, 0),
        ):
            prepared.play(bytes([0xB0 | channel, controller, value]))
        prepared.play(bytes([0xC0 | channel, 0]))
    prepared.render(np.empty((RATE // 10, 2), np.float32))


@pytest.fixture
def render(synth: BuiltInSynth) -> Render:
    """Plays messages, and renders what follows, in blocks."""

    def play(seconds: float, *messages: list[int], block: int = 256) -> Samples:
        for message in messages:
            synth.play(bytes(message))
        out = np.full((round(seconds * RATE), 2), np.nan, np.float32)
        for first in range(0, len(out), block):
            synth.render(out[first : first + block])
        return out

    return play
