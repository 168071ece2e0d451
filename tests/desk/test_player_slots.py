import asyncio
import os
from pathlib import Path

import pytest

from daemon.desk.player_slots import PlayerSlot, make_slots
from daemon.desk.process_table import PLAYER
from daemon.music.tempo import TempoMap
from daemon.spec import PlayerSpec, StageSpec

ANN = PlayerSpec("ann", ("keys",), "out", {"echo": 1}, True, 0.03, 0.1)
SPEC = StageSpec(TempoMap(((0.0, 120.0),), ((0.0, 4.0),)), players=(ANN,))


def test_a_song_that_is_saved_again_changes_the_slot_of_its_player(tmp_path: Path) -> None:
    async def slot() -> PlayerSlot:
        return (await make_slots(PLAYER, SPEC, {"ann": {"model": None, "options": {"song": str(song), "n": 1}}}))["ann"]

    async def check() -> None:
        before = await slot()
        assert (await slot()).same(before)
        song.write_text("key: F major")
        assert not (await slot()).same(before)

    song = tmp_path / "song.yaml"
    song.write_text("key: F")
    asyncio.run(check())


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_newly_exported_model_changes_the_slot(tmp_path: Path, suffix: str) -> None:
    async def check() -> None:
        async def slot() -> PlayerSlot:
            return (await make_slots(PLAYER, SPEC, {"ann": dict(member)}))["ann"]

        before = await slot()
        assert (await slot()).same(before)
        (tmp_path / "m").with_suffix(suffix).write_text("another")
        assert not (await slot()).same(before)
        (tmp_path / "m").with_suffix(suffix).write_text("two")  # as long as before
        os.utime((tmp_path / "m").with_suffix(suffix), (1, 1))
        assert not (await slot()).same(before)

    for name in ("m.onnx", "m.json"):
        (tmp_path / name).write_text("one")
    member = {"model": str(tmp_path / "m.onnx")}
    asyncio.run(check())


def test_a_file_whose_content_is_part_of_the_description_is_not_looked_at(tmp_path: Path) -> None:
    async def slot(bpm: float) -> PlayerSlot:
        member = {"model": None, "options": {"song": str(song)}, "contents": {"song": {"bpm": bpm}}}
        return (await make_slots(PLAYER, SPEC, {"ann": member}))["ann"]

    async def check() -> None:
        before = await slot(120.0)
        song.write_text("another")
        assert (await slot(120.0)).same(before)
        assert not (await slot(121.0)).same(before)

    song = tmp_path / "song.yaml"
    asyncio.run(check())
