"""`jamd bench` prints what was measured, also when a measure fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from daemon.bench import run as bench
from daemon.bench.figure import Figure
from daemon.errors import JamdError


class NoServer:
    def __init__(self, period: int) -> None:
        self.env: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def xruns(self) -> int:
        return 3


def breaks(folder: Path, environment: dict[str, str]) -> Iterator[Figure]:
    yield Figure("before the fault", 1.5, 2, "ms")
    raise JamdError("JACK stood still")


def holds(folder: Path, environment: dict[str, str]) -> list[Figure]:
    return [Figure("after the fault", 2.5, 3, "ms")]


@pytest.fixture(autouse=True)
def measures(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced: dict[str, Any] = {
        "ALL_MEASURES": {"breaks": breaks, "holds": holds},
        "JackServer": NoServer,
        "available": lambda: True,
        "find_spec": lambda name: name,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(bench, name, value)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_measure_that_fails_takes_no_other_figure_with_it(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(JamdError, match="the measure breaks failed: JACK stood still"):
        bench.run([], as_json)
    printed = capsys.readouterr().out
    assert "before the fault" in printed and "after the fault" in printed


def test_all_targets_are_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run(["holds"], False) == 0
