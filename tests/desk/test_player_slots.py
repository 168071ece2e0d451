from pathlib import Path

import pytest

from daemon.desk.player_slots import Restarts, make_slot
from daemon.spec import PlayerSpec

SPEC = PlayerSpec("ann", ("keys",), "out", {"echo": 1}, True, 0.03, 0.1)


def test_who_fails_at_once_waits_longer_and_longer() -> None:
    now = [0.0]
    restarts = Restarts(lambda: now[0])
    pauses = []
    for life in [100.0, *[0.1] * 9, 60.0, 0.1]:
        restarts.start()
        now[0] += life
        pauses.append(restarts.pause())
    assert pauses == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0, 0.5]


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_model_that_was_exported_anew_is_a_change(tmp_path: Path, suffix: str) -> None:
    for name in ("m.onnx", "m.json"):
        (tmp_path / name).write_text("one")
    member = {"model": str(tmp_path / "m.onnx")}
    before = make_slot(SPEC, member)
    assert make_slot(SPEC, dict(member)).same(before)
    (tmp_path / "m").with_suffix(suffix).write_text("another")
    assert not make_slot(SPEC, member).same(before)
