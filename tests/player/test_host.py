"""The host of an engine."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.engines.base import Engine
from daemon.music.melody import Melodies, Melody, Note, melody_to_json
from daemon.music.tempo import TempoMap
from daemon.player import host

TUNE = Melody("tune", (Note(0.0, 1.0, 60, 80),), 4.0, True, TempoMap(((0.0, 96.0),), ((0.0, 4.0),), 4.0))


def test_an_engine_sees_its_melodies_before_the_player_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []

    class Slow(Engine):
        def prepare(self) -> None:
            done.append("prepared")

        def reset(self, known: Melodies, beat: float, seed: int) -> None:
            done.append(known)

    monkeypatch.setattr(host, "engine_class", lambda name: Slow)
    member = {"engine": "slow", "model": None, "options": {}, "settings": {}, "listen": ["tune"]}
    host.make_host({**member, "melodies": [melody_to_json(TUNE)]})
    assert done == ["prepared", {"tune": TUNE}]
