"""bands/combo.yaml on a private JACK server: it plays a song, also after kills of the leader and of the piano; the left
hand drives it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from daemon.music.events import control_change, is_note_on, note_off, note_on
from daemon.paths import resources
from tests.desk.jamd import Jamd
from tests.desk.test_run_jack import Peer
from tests.tools.jack import JackServer

DATA = Path(__file__).parents[1] / "data"
PIANO, BASS = 1, 2  # channels from 0
SONG = "key: F\ntempo: 240\nfeel: blues\nchords: '| F7 | Bb7 | Gm7 | C7 |'\n"  # four seconds
BACK = 5.0  # seconds until a killed player plays again


def combo(**options: str) -> str:
    """The band with a model of a few weights, without sound, with these options of the leader."""
    band = yaml.safe_load((resources() / "bands" / "combo.yaml").read_text(encoding="utf-8"))
    band["band"]["drums"]["model"] = str(DATA / "tiny_drums.onnx")
    band["band"]["soloist"]["model"] = str(DATA / "tiny_melody.onnx")
    band["band"]["lead"]["options"] |= {"song": "song.yaml", **options}
    return yaml.safe_dump(band | {"audio": {"device": None}})


Play = Callable[..., tuple[Jamd, Peer]]


@pytest.fixture
def play(tmp_path: Path, jack_server: JackServer) -> Iterator[Play]:
    """Starts the band with these options of the leader, with a listener, and waits for the bass."""
    (tmp_path / "song.yaml").write_text(SONG)
    with ExitStack() as ended:

        def started(**options: str) -> tuple[Jamd, Peer]:
            jamd = Jamd(tmp_path, combo(**options))
            ended.callback(jamd.__exit__, None, None, None)
            jamd.ready()
            peer = Peer()
            ended.callback(peer.close)
            peer.connect_keys()
            peer.listen("band")
            jamd.wait(lambda: notes(peer, BASS), 5, "the bass")
            return jamd, peer

        yield started


def notes(peer: Peer, channel: int, after: float = 0.0) -> list[tuple[float, int]]:
    """(seconds, pitch) of the note-ons."""
    heard = list(peer.heard)
    return [(at, m[1]) for at, _, m in heard if at > after and is_note_on(m) and m[0] & 15 == channel]


def test_the_leader_and_the_piano_are_killed_and_the_song_goes_on(play: Play) -> None:
    jamd, peer = play()
    jamd.wait(lambda: notes(peer, PIANO), 5, "the piano")
    before = jamd.children()
    lost = time.perf_counter()
    for name in ("lead", "piano"):
        os.kill(before[name], signal.SIGKILL)
    jamd.wait(lambda: not {c for c, _ in peer.sounding("band")} & {PIANO}, 1, "the end of the piano's notes")
    for name in ("lead", "piano"):
        jamd.replaced(name, before[name], BACK)
    jamd.wait(lambda: notes(peer, PIANO, lost + 0.3), BACK, "the piano again")
    jamd.wait(lambda: any(at > time.perf_counter() - 0.5 for at, _ in notes(peer, BASS)), 2, "the bass all the while")
    time.sleep(4.0)  # the next chorus, which the new leader announced
    assert notes(peer, PIANO, time.perf_counter() - 2) and notes(peer, BASS, time.perf_counter() - 2)
    jamd.process.send_signal(signal.SIGTERM)
    jamd.wait(lambda: not peer.sounding("band"), 3, "silence at the end")
    assert jamd.wait_for_end() == 0
    assert "of 4, chorus" in jamd.log, jamd.log[-1500:]


def test_the_left_hand_drives_piano_and_bass(play: Play) -> None:
    jamd, peer = play(chords="keys")
    for pitch in (40, 44, 47, 50):  # E7, which is in no chord of the song
        struck = peer.play(note_on(1, pitch, 80))
    jamd.wait(lambda: any(pitch % 12 == 4 for _, pitch in notes(peer, BASS, struck)), 3, "E in the bass")
    jamd.wait(lambda: any(pitch % 12 == 8 for _, pitch in notes(peer, PIANO, struck)), 5, "G sharp in the piano")
    for pitch in (40, 44, 47, 50):
        peer.play(note_off(1, pitch))


def test_a_song_that_was_edited_counts_after_a_reload_and_the_song_goes_on(tmp_path: Path, play: Play) -> None:
    jamd, peer = play()
    before = jamd.children()
    (tmp_path / "song.yaml").write_text(f"# the same song\n{SONG}")
    jamd.reload()
    assert "reloaded: no change" in jamd.log and jamd.children() == before, "the leader goes on"
    (tmp_path / "song.yaml").write_text(SONG.replace("| F7 | Bb7 | Gm7 | C7 |", "| Abm7 | Abm7 | Abm7 | Abm7 |"))
    jamd.reload()
    assert "lead: started anew, as its song has changed" in jamd.log
    here = time.perf_counter()
    jamd.wait(lambda: any(pitch % 12 == 8 for _, pitch in notes(peer, BASS, here)), 3, "A flat in the bass")
    assert {name for name, pid in jamd.children().items() if before[name] != pid} == {"lead"}


def test_a_leader_that_is_killed_after_a_refused_reload_plays_the_song_of_before(tmp_path: Path, play: Play) -> None:
    jamd, peer = play()
    (tmp_path / "song.yaml").write_text("key: H\n")
    jamd.reload()
    assert "'H' is no key" in jamd.log and "nothing was changed" in jamd.log
    before = jamd.children()["lead"]
    os.kill(before, signal.SIGKILL)
    jamd.replaced("lead", before, BACK)
    time.sleep(5.0)  # the new leader is ready, and what the old one had announced is over
    assert notes(peer, BASS, time.perf_counter() - 1) and "silent until the next reload" not in jamd.log


def test_a_song_that_cannot_be_composed_ends_the_start_before_the_stage(
    tmp_path: Path, jack_server: JackServer
) -> None:
    (tmp_path / "song.yaml").write_text(
        "key: F\nstyle: foster\nbars: 2\nrange: C4-B4\n"
        "notes_at: { 1: C4, 2: not C or C# or D or Eb or E or F or F# or G or Ab or A or Bb or B }\n"
    )
    with Jamd(tmp_path, combo()) as jamd:
        assert jamd.wait_for_end(30) == 2
    assert f"{tmp_path / 'song.yaml'}: " in jamd.log and "READY" not in jamd.log and "Traceback" not in jamd.log
    assert not (tmp_path / "sessions").exists()


def test_an_ending_that_was_asked_for_comes_although_the_stage_is_killed(play: Play) -> None:
    jamd, peer = play()
    peer.play(control_change(1, 66, 127))
    time.sleep(0.5)
    before = jamd.children()["stage"]
    os.kill(before, signal.SIGKILL)
    jamd.replaced("stage", before, BACK)
    lost = time.perf_counter()
    jamd.wait(lambda: notes(peer, BASS, lost), BACK, "the bass again")
    jamd.wait(lambda: time.perf_counter() > notes(peer, BASS)[-1][0] + 4.0, 15, "the end: a chorus has no rests")
    assert not peer.sounding("band")
