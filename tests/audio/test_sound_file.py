"""Sound files where their library is missing."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from daemon.audio.sound_file import SoundFile
from daemon.errors import AudioError
from daemon.recording.audio_track import AudioTrack
from daemon.recording.recorded_sound import Source

MISSING = "sound files need libsndfile, which cannot be loaded"


@pytest.fixture(autouse=True)
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)


def test_the_missing_library_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=f"^{MISSING} .*: install "):
        SoundFile(BytesIO(), "WAV", 48_000)
    (tmp_path / "a.flac").touch()
    with pytest.raises(AudioError, match=MISSING):
        Source(tmp_path / "a.flac", 48_000)


def test_a_recording_says_so_once_and_leaves_no_file(tmp_path: Path) -> None:
    said: list[str] = []
    (journal := tmp_path / "a.journal").touch()
    track = AudioTrack(journal, 48_000, said.append)
    for _ in range(3):
        track.write(np.ones((100, 2), np.float32))
        track.tick()
    assert not track.close()
    assert len(said) == 1 and MISSING in said[0]
    assert [*tmp_path.iterdir()] == [journal]
