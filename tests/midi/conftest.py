"""A clock that a test sets."""

from __future__ import annotations

import time

import pytest


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """`time.perf_counter()` returns now[0], which the test sets."""
    moment = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: moment[0])
    return moment
