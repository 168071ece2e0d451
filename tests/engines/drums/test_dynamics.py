"""The drummer follows dynamics and density apart, keeps the backbeat and is on time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from daemon import models
from daemon.encodings.drums.hits import INSTRUMENTS, TICKS
from daemon.engines.base import Setup
from daemon.engines.drums.drummer import backbeat_of
from daemon.engines.drums.dynamics import Intensity
from daemon.engines.drums.engine import Drums
from daemon.engines.drums.primer import Note, find_groove, shipped_grooves
from daemon.engines.options import make_options
from daemon.music.events import Play, Window
from daemon.paths import resources
from export_tools.drums.response import backbeat, loudest, mean_velocity, played

KICK, STICK, SNARE, CLOSED, OPEN = (INSTRUMENTS.index(note) for note in (36, 37, 38, 42, 46))


def test_velocities_keep_their_order_and_reach_no_limit() -> None:
    for loudness in (0.0, 0.15, 0.5, 0.85, 1.0):
        heard = [Intensity(loudness, 0.5).velocity(velocity) for velocity in range(1, 128)]
        assert heard == sorted(heard) and heard[0] >= 1 and heard[-1] < 127
    whisper, shout = (Intensity(loudness, 0.5).velocity for loudness in (0.15, 0.85))
    assert whisper(73) < 45 and shout(73) > 95
    assert shout(11) < 40, "ghost notes stay ghost notes"


def test_quiet_is_fewer_hits_on_softer_pieces_and_kick_and_snare_stay_on_the_quarters() -> None:
    quiet = Intensity(0.1, 0.1)
    assert quiet.instrument(Note(480, SNARE, 100)) == STICK and quiet.instrument(Note(480, SNARE, 20)) == SNARE
    assert quiet.instrument(Note(240, OPEN, 80)) == CLOSED
    assert quiet.omission(Note(120, CLOSED, 60)) == quiet.omission(Note(240, CLOSED, 60)) == 1
    assert quiet.omission(Note(0, KICK, 60)) == quiet.omission(Note(480, SNARE, 60)) == 0
    half = Intensity(0.5, 0.35)
    chances = [half.omission(Note(tick, CLOSED, 60)) for tick in (120, 240, 480)]
    assert all(sooner > later for sooner, later in pairwise(chances))
    assert all(Intensity(0.5, 0.5).omission(Note(tick, CLOSED, 60)) == 0 for tick in range(0, TICKS, 60))


def test_the_second_beat_of_six_eight_stays_in_quiet_playing() -> None:
    quiet, beat = Intensity(0.1, 0.1), shipped_grooves()["six_eight"].beat
    assert beat == 720
    assert quiet.omission(Note(720, SNARE, 60), beat) == quiet.omission(Note(0, KICK, 60), beat) == 0
    assert quiet.omission(Note(480, SNARE, 60), beat) == 1, "an eighth"
    assert 0 < quiet.omission(Note(720, CLOSED, 60), beat) < 1
    assert set(backbeat_of(shipped_grooves()["six_eight"])) == {720}
    assert shipped_grooves()["six_eight"].fit(1920).beat == TICKS, "its beats do not divide bars of four quarters"


def test_a_groove_of_the_user_keeps_its_time(tmp_path: Path) -> None:
    """Also one that is laid back as a whole."""
    file = next((resources() / "grooves").glob("five.mid"))
    own = tmp_path / "mine.mid"
    own.write_bytes(file.read_bytes())
    read, shipped = find_groove(str(own)), shipped_grooves()["five"]
    assert read is not None and read.notes != shipped.notes
    assert [note.instrument for note in read.notes] and len(read.notes) == len(shipped.notes)


@pytest.mark.parametrize("tempo", [60.0, 100.0, 260.0])
@pytest.mark.parametrize("order", [(CLOSED, OPEN), (OPEN, CLOSED), (OPEN, OPEN)])
def test_strokes_on_a_piece_in_place_of_another_keep_apart(tempo: float, order: tuple[int, int]) -> None:
    """In soft playing an open hi-hat is closed: not a moment before or after a closed one."""
    engine = Drums(Setup(make_options(Drums.Options, {"groove": "rock"}), {}, models.find("drums")))
    engine.prepare()
    engine.reset({}, 0.0, 0)
    window = Window(8.0, 8.25, 8.0, 4.0, tempo)
    list(engine.generate(Window(0.0, 0.25, 0.0, 4.0, tempo)))
    engine._intensity = Intensity(0.1, 0.9)
    for seconds, sounds in ((0.04, 1), (0.07, 2)):
        engine._struck.clear()
        onsets = (8.0, 8.0 + seconds * tempo / 60)
        plays = [
            action
            for onset, instrument in zip(onsets, order, strict=True)
            for action in engine._sound(Note(round(onset * TICKS), instrument, 80), onset, window)
            if isinstance(action, Play)
        ]
        assert len(plays) == sounds


def test_grooves_have_a_backbeat_where_their_snare_has_and_are_on_time() -> None:
    grooves = shipped_grooves()
    assert set(backbeat_of(grooves["rock"])) == {480, 1440} == set(backbeat_of(grooves["reggae"]))
    assert not backbeat_of(grooves["swing"]) and not backbeat_of(grooves["bossa"])
    for groove in grooves.values():
        away = [(note.tick + 240) % 480 - 240 for note in groove.notes]
        assert abs(np.median([ticks for ticks in away if abs(ticks) <= 60])) < 14


@pytest.mark.parametrize("groove", ["rock", "funk"])
def test_the_player_moves_loudness_and_density(groove: str) -> None:
    model = models.find("drums")
    soft, loud = (played(groove, model, 1, (2, velocity)) for velocity in (20, 120))
    assert mean_velocity(loud) - mean_velocity(soft) >= 60
    sparse, dense = (played(groove, model, 1, (density, 70)) for density in (0.5, 8))
    assert len(dense) >= 3 * len(sparse)
    hard = played(groove, model, 1, intensity=0.9, fill_every=0.0)
    assert backbeat(hard) > 0.95 and loudest(hard) < 0.02
    assert hard == played(groove, model, 1, intensity=0.9, fill_every=0.0), "the same seed, the same hits"
