"""What holds for every audio engine that is registered."""

import pytest

from daemon.contract.audio.check import AudioChecker
from daemon.contract.calls import LISTEN
from daemon.contract.subject import Subject
from daemon.engines.audio import AudioEngine
from daemon.engines.base import Setup, engine_class, engine_names


@pytest.mark.parametrize("name", [name for name in engine_names() if issubclass(engine_class(name), AudioEngine)])
def test_it_keeps_every_rule(name: str) -> None:
    engine, checker = engine_class(name), AudioChecker()
    settings = {setting.name: float(setting.default) for setting in engine.settings}
    checker.check(Subject(engine, Setup(engine.Options(), settings, None, LISTEN)))
    assert checker.violations == {} and not checker.cut_short
