import os
from pathlib import Path

import pytest

from daemon.desk.player_slots import make_slot
from daemon.desk.process_table import PLAYER
from daemon.spec import PlayerSpec

SPEC = PlayerSpec("ann", ("keys",), "out", {"echo": 1}, True, 0.03, 0.1)


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_newly_exported_model_changes_the_slot(tmp_path: Path, suffix: str) -> None:
    for name in ("m.onnx", "m.json"):
        (tmp_path / name).write_text("one")
    member = {"model": str(tmp_path / "m.onnx")}
    before = make_slot(PLAYER, SPEC, member)
    assert make_slot(PLAYER, SPEC, dict(member)).same(before)
    (tmp_path / "m").with_suffix(suffix).write_text("another")
    assert not make_slot(PLAYER, SPEC, member).same(before)
    (tmp_path / "m").with_suffix(suffix).write_text("two")  # as long as before
    os.utime((tmp_path / "m").with_suffix(suffix), (1, 1))
    assert not make_slot(PLAYER, SPEC, member).same(before)
