"""A song is rendered from the first beat to the ending, without an input file."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import mido
import pytest

from daemon import config, output_files, replacement
from daemon.config import Config, option_values
from daemon.errors import JamdError
from daemon.render.files import render_files
from daemon.render.song import CHORUSES, render_song

BAND = """
clock: {source: lead}
ports: {band: {direction: out, delay_ms: 50}}
band:
  lead: {engine: leadsheet, play: {port: band, channels: {melody: 4}}, options: {song: song.yaml}}
"""
SONG = "key: C\ntempo: 90\nmeter: 3/4\nchords: '| C | G7 |'\nmelody: '| E5 - D5 | B4 - - |'\n"


def load(folder: Path, song: str = SONG, **options: object) -> Config:
    (folder / "band.yaml").write_text(BAND)
    (folder / "song.yaml").write_text(song)
    return config.load(folder / "band.yaml", given=option_values(**options))  # type: ignore[arg-type]


def notes(data: bytes) -> tuple[mido.MidiFile, list[tuple[float, int]]]:
    """(beat, pitch) of the note-ons."""
    file, found = mido.MidiFile(file=io.BytesIO(data)), []
    for track in file.tracks:
        beat = 0.0
        for message in track:
            beat += message.time / file.ticks_per_beat
            if message.type == "note_on" and message.velocity:
                found.append((round(beat, 2), message.note))
    return file, found


def test_an_endless_song_has_some_choruses_and_an_ending(tmp_path: Path) -> None:
    file, found = notes(render_song(load(tmp_path)).data)
    assert [pitch for _, pitch in found] == [76, 74, 71] * CHORUSES + [72], "the last note is the tonic"
    assert found[3][0] == 6.0 and found[-1][0] == 6.0 * CHORUSES
    tempo, *slower, again = [m for m in file.tracks[0] if m.type == "set_tempo"]
    assert len(slower) == 6 * 4, "two bars in sixteenths"
    assert mido.tempo2bpm(slower[-1].tempo) == pytest.approx(90 * (1 - 6 / 20), abs=0.01)
    assert mido.tempo2bpm(again.tempo) == pytest.approx(90, abs=0.01)
    (meter,) = [m for m in file.tracks[0] if m.type == "time_signature"]
    assert (mido.tempo2bpm(tempo.tempo), meter.numerator) == (pytest.approx(90, abs=0.01), 3)


def test_as_many_choruses_as_the_song_says(tmp_path: Path) -> None:
    _, found = notes(render_song(load(tmp_path, SONG + "choruses: 2\nintro: 1\n")).data)
    assert found[0][0] == 3.0 and len(found) == 7


def test_a_song_without_an_ending_ends(tmp_path: Path) -> None:
    _, found = notes(render_song(load(tmp_path, SONG + "ending: none\nchoruses: 2\n")).data)
    assert [pitch for _, pitch in found] == [76, 74, 71] * 2


def test_the_tempo_of_the_command_line(tmp_path: Path) -> None:
    file, _ = notes(render_song(load(tmp_path, bpm="120")).data)
    tempi = [m.tempo for m in file.tracks[0] if m.type == "set_tempo"]
    assert tempi[0] == tempi[-1] == 500_000 and max(tempi) == pytest.approx(500_000 / 0.7, abs=1)


def test_a_band_without_a_leader_plays_no_song(tmp_path: Path) -> None:
    (tmp_path / "band.yaml").write_text("ports: {band: {direction: out}}\n")
    with pytest.raises(JamdError, match="no player of the band has the engine leadsheet"):
        render_song(config.load(tmp_path / "band.yaml"))


def test_files_of_a_song(tmp_path: Path) -> None:
    outputs = [str(tmp_path / "song.mid"), str(tmp_path / "song.wav")]
    lines = render_files(load(tmp_path, SONG + "choruses: 1\n"), None, outputs, False, str(tmp_path / "roll.svg"))
    assert "4 notes" in lines[0][0] and "peak" in lines[1][0]
    assert all((tmp_path / name).stat().st_size for name in ("song.mid", "song.wav", "roll.svg"))


def test_progress_counts_all_choruses(tmp_path: Path) -> None:
    shares: list[float] = []
    render_song(load(tmp_path, SONG + "choruses: 8\n"), shares.append)
    assert sum(share < 0.95 for share in shares) > 0.8 * len(shares), "not done long before the end"


def test_on_a_full_disk_no_output_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, picture = [str(tmp_path / "song.mid"), str(tmp_path / "song.wav")], tmp_path / "roll.svg"
    Path(outputs[0]).write_text("old")
    loaded = load(tmp_path, SONG + "choruses: 1\n")
    before = sorted(tmp_path.iterdir())

    class NoRoom(replacement.FileDraft):
        def close(self) -> None:
            if self._path == picture:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().close()

    monkeypatch.setattr(output_files, "FileDraft", NoRoom)
    with pytest.raises(JamdError, match=r"roll.svg: cannot be written \(No space left on device\): .* with --picture$"):
        render_files(loaded, None, outputs, False, str(picture))
    assert sorted(tmp_path.iterdir()) == before and Path(outputs[0]).read_text() == "old"
