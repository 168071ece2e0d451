"""The band that `jamd bench chords` measures is the one that ships."""

from pathlib import Path

from daemon.bench.chord_measures import SONG, _shipped_band
from daemon.config import load


def test_the_shipped_band_takes_its_chords_from_the_keys_and_has_its_bass_where_the_measure_listens(
    tmp_path: Path,
) -> None:
    song = tmp_path / "chords.yaml"
    song.write_text(SONG)
    own = tmp_path / "config.yaml"
    own.write_text(_shipped_band(song))
    band = load(own)
    lead, bass = ({member.name: member for member in band.band}[name] for name in ("lead", "bass"))
    assert lead.options.chords == "keys"
    assert (bass.port, dict(bass.channels)) == ("band", {"bass": 3})
