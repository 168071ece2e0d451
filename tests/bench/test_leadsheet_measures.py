"""`jamd bench leadsheet` on a small style; where the peer is missing, the comparison is left out with the reason."""

import json
from pathlib import Path

import pytest

from daemon.bench import leadsheet_measures as measures


@pytest.fixture
def small(monkeypatch):
    """A few bars, samples and tracks, so that the measure takes no time."""
    values = {"BARS": 4, "SAMPLES": 3, "LENGTHS": (4, 8), "TRACKS": 2, "KEYS": 2, "PEER_SAMPLES": 2, "CHORUSES": 2}
    for name, value in (values | {"SONGS": "waltz.yaml", "shipped_styles": lambda: ["foster"]}).items():
        monkeypatch.setattr(measures, name, value)


def test_each_figure_has_a_value_beside_its_target(small, monkeypatch):
    monkeypatch.setattr(measures, "_in_all_keys", lambda environment: [])
    monkeypatch.setattr(measures, "_in_long_songs", lambda environment: [])
    figures = measures.leadsheet(Path(), {})
    assert len(figures) == 10
    assert all(figure.value >= 0 and figure.target > 0 for figure in figures)
    assert len({figure.what for figure in figures}) == 10


def test_time_and_memory_of_the_first_sample(small, capsys):
    measures.first_sample()
    seconds, memory = json.loads(capsys.readouterr().out)
    assert 0 < seconds < 60
    assert memory > 10


def test_time_and_memory_of_a_long_song(small, monkeypatch, capsys):
    monkeypatch.setattr(measures, "MAX_BARS", 8)
    measures.long_song()
    seconds, memory = json.loads(capsys.readouterr().out)
    assert 0 < seconds < 60
    assert memory > 10


def test_a_missing_peer_is_named_with_its_remedy(small, monkeypatch, capsys):
    monkeypatch.setattr(measures, "find_spec", lambda name: None)
    assert measures._beside_peer(measures._styles()[0]) == []
    assert "not installed: pip install markovconstraints==0.1" in capsys.readouterr().err
