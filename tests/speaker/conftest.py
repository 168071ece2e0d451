"""The process of the tests keeps its memory as it is, whatever the threads of the speaker ask for."""

import pytest

from daemon import realtime


@pytest.fixture(autouse=True)
def _ordinary_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "_lock_memory", lambda library: False)
    monkeypatch.setattr(realtime, "freeze_objects", lambda: None)
