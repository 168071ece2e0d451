"""A song that is recorded over several sessions, with kills and a panic, is the same in a replay of each session."""

from __future__ import annotations

import json
import math
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from daemon import config
from daemon.commands import (
    ChangeSetting,
    Command,
    MutePlayer,
    Panic,
    RotateSession,
    TapBeat,
    decode_command,
)
from daemon.entries import (
    Commanded,
    Entry,
    Followed,
    Located,
    MembersChanged,
    PlansKept,
    PlayerDown,
    PlayerUp,
    Reconfigured,
    Sent,
    StageStarted,
    Started,
    Stopped,
)
from daemon.errors import JamdError
from daemon.performance.performance import Performance
from daemon.performance.sink import SilentSink
from daemon.player.host import Host, make_host
from daemon.recording.process import open_journal
from daemon.recording.replay import replay
from daemon.wire import Call
from tests.song.tiny_style import write_tiny_style

BAND = """
clock: {source: lead}
ports: {keys: {direction: in}, band: {direction: out}}
band:
  lead: {engine: leadsheet, listen: [keys], play: {port: band}, options: {song: song.yaml}}
  piano: {engine: comping, listen: [lead], play: {port: band, channels: {chords: 2}}}
  bass: {engine: bass, listen: [lead], play: {port: band, channels: {bass: 3}}}
"""
SONG = """
key: C
tempo: 120
form: AB
sections:
  A: { chords: "| C | Am7 |", melody: "| C5 D5 E5 - | A4 - - - |" }
  B: { chords: "| Dm7 | G7 |", melody: "| D5 - F5 - | G5 - - r |" }
"""
STYLED = """
key: C
tempo: 150
style: tiny
max_order: none
form: A A'
sections:
  A: { bars: 2 }
  A': { bars: 2, variation_of: A }
"""


class Live(SilentSink):
    """Real engines that answer at once, and a journal."""

    def __init__(self, folder: Path, song: str = SONG, keeps: bool = True, band: str = BAND) -> None:
        self.folder, self.now = folder, 0.0
        self.entries: list[Entry] = []
        (folder / "band.yaml").write_text(band)
        loaded = self.load(song)
        self.members: dict[str, Any] = loaded.members
        if not keeps:  # as older versions
            del self.members["lead"]["contents"]
        header = {"jamd": "0", "members": loaded.members, "spec": loaded.stage.to_json()}
        self.journal = open_journal(folder / "sessions", header, clock=lambda: self.now)
        self.hosts: dict[str, Host] = {}
        self.calls: deque[tuple[str, int, Call]] = deque()
        self.performance = Performance(loaded.stage, self)

    def load(self, song: str) -> config.Config:
        (self.folder / "song.yaml").write_text(song)
        return config.load(self.folder / "band.yaml")

    def edit(self, song: str) -> None:
        """A reload with another song, as the supervisor carries it out."""
        loaded = self.load(song)
        self.members = loaded.members
        self.journal.write([MembersChanged(self.now, loaded.members)])
        self.take(Reconfigured(self.now, loaded.stage))
        self.kill("lead")

    def call(self, player: str, number: int, call: Call) -> None:
        self.calls.append((player, number, call))

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.journal.write([entry])

    def take(self, entry: Entry) -> None:
        self.performance.take(entry)
        self.answer()

    def answer(self) -> None:
        while self.calls:
            player, number, call = self.calls.popleft()
            if player in self.hosts:
                self.performance.answer(self.now, player, number, self.hosts[player].handle(call), True)

    def up(self, *names: str) -> None:
        for name in names:
            self.hosts[name] = make_host(self.members[name])
            self.take(PlayerUp(self.now, name))

    def kill(self, name: str) -> None:
        del self.hosts[name]
        self.take(PlayerDown(self.now, name))
        self.up(name)

    def kill_stage(self) -> None:
        """Another stage process, which is told what the desk knows."""
        performance, spec = self.performance, self.performance.spec
        commands = list(map(decode_command, performance.turned()[-1]))
        plans, tempo, position = performance.plans.to_json()["plans"], performance.tempo, performance.position
        stood_at = None if performance.running else position
        self.journal.write([StageStarted(self.now, spec)])
        self.performance, self.calls = Performance(spec, self), deque()
        for command in commands:
            self.command(command)
        self.take(PlansKept(self.now, json.loads(json.dumps(plans)), stood_at))
        for name in self.hosts:
            self.take(PlayerUp(self.now, name))
        if stood_at is None:
            self.now += 0.5
            beat = math.ceil(tempo.beat_at(self.now) * 4) / 4
            self.take(Followed.make(self.now, tempo))
            self.take(Started(self.now, beat, tempo.seconds_at(beat)))
        else:
            self.take(Stopped(self.now))
            self.take(Located(self.now, position))

    def command(self, command: Command) -> None:
        self.take(Commanded(self.now, command, self.now))

    def until(self, seconds: float) -> None:
        while self.performance.next_deadline() <= seconds:
            self.now = self.performance.next_deadline()
            self.performance.advance(self.now)
            self.answer()
        self.now = seconds


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(tmp_path)


def test_each_session_of_a_song_is_replayed(live: Live, tmp_path: Path) -> None:
    live.up("lead", "piano", "bass")
    live.take(Started(0.0))
    live.until(3.0)
    live.command(ChangeSetting("lead", "next", 1.0))
    live.until(5.0)
    before = live.performance.form_place(live.now)
    live.command(RotateSession())
    assert live.performance.form_place(live.now) == before and before is not None
    live.until(9.0)
    live.kill("lead")
    live.kill("piano")
    live.until(12.0)
    live.command(Panic())
    live.until(20.0)
    place = live.performance.form_place(live.now)
    live.take(Stopped(live.now))
    live.until(21.0)
    live.command(RotateSession())
    live.take(Started(21.5, live.performance.position, 21.6))
    live.until(22.0)
    after = live.performance.form_place(21.6)
    assert place is not None and after is not None and (after.section, after.bar) == (place.section, place.bar)
    live.command(ChangeSetting("lead", "ending", 1.0))
    live.until(40.0)
    live.journal.close()
    replays = [replay(path) for path in sorted((tmp_path / "sessions").glob("*.journal"))]
    assert len(replays) == 3 and [each.difference for each in replays] == [""] * 3
    assert not any(each.ends_early for each in replays) and all(each.notes > 10 for each in replays)


def test_a_tempo_that_is_tapped_in_a_ritardando_is_replayed_after_a_rotation(tmp_path: Path) -> None:
    live = Live(tmp_path, SONG + "choruses: 1\nritardando: 2\n")
    live.up("lead", "piano", "bass")
    live.take(Started(0.0))
    for seconds in (5.0, 5.5, 6.0):
        live.until(seconds)
        live.command(TapBeat())
    live.until(6.3)
    live.command(RotateSession())
    live.until(6.45)
    live.command(TapBeat())
    assert live.performance.turned()[3] > live.performance.bpm, "in the ritardando"
    live.until(20.0)
    live.journal.close()
    replays = [replay(path) for path in sorted((tmp_path / "sessions").glob("*.journal"))]
    assert [each.difference for each in replays] == ["", ""]


def test_a_song_that_is_edited_within_a_session_is_replayed_as_it_was(tmp_path: Path) -> None:
    write_tiny_style(tmp_path)
    live = Live(tmp_path, SONG)
    live.up("lead", "piano", "bass")
    live.take(Started(0.0))
    live.until(3.0)
    live.edit(STYLED)
    live.until(12.0)
    live.kill("lead")
    live.until(20.0)
    live.journal.close()
    (tmp_path / "song.yaml").write_text("key: H")
    for path in tmp_path.glob("tiny.*"):
        path.unlink()
    (path,) = (tmp_path / "sessions").glob("*.journal")
    replayed = replay(path)
    assert (replayed.difference, replayed.ends_early, replayed.warnings) == ("", "", [])
    assert replayed.notes > 40


def test_a_session_without_the_song_says_so_and_reads_its_file(tmp_path: Path) -> None:
    live = Live(tmp_path, SONG, keeps=False)
    live.up("lead", "piano", "bass")
    live.take(Started(0.0))
    live.until(6.0)
    live.journal.close()
    (path,) = (tmp_path / "sessions").glob("*.journal")
    replayed = replay(path)
    assert (replayed.difference, replayed.ends_early) == ("", "")
    (warning,) = replayed.warnings
    assert warning == (
        "lead: the session holds no song, because an older jamd recorded it: "
        f"{tmp_path / 'song.yaml'} is read as it is today"
    )
    (tmp_path / "song.yaml").unlink()
    with pytest.raises(JamdError, match=r"song.yaml: there is no such file"):
        replay(path)


def test_what_a_person_steered_outlives_the_stage(live: Live, tmp_path: Path) -> None:
    live.up("lead", "piano", "bass")
    live.take(Started(0.0))
    live.until(1.0)
    live.command(ChangeSetting("lead", "next", 1.0))  # from the second bar on, B
    live.command(ChangeSetting("lead", "energy", 1.0))
    live.command(MutePlayer("piano", True))
    live.until(5.0)
    live.kill_stage()
    place = live.performance.form_place(live.now)
    live.until(6.0)
    assert place is not None and (place.section, place.bar) == ("B", 4), "a bar earlier than unsteered"
    assert live.performance.turned()[1]["lead"]["energy"] == 1.0
    assert live.performance.silent() == ["piano"]
    live.until(8.0)
    live.command(ChangeSetting("lead", "ending", 1.0))
    live.until(8.5)
    live.kill_stage()
    begun = live.now
    live.until(30.0)
    live.journal.close()
    played = [(each.player, each.seconds) for each in live.entries if isinstance(each, Sent) and each.seconds > begun]
    assert {name for name, _ in played} == {"lead", "bass"} and max(at for _, at in played) < 20
    (path,) = (tmp_path / "sessions").glob("*.journal")
    replayed = replay(path)
    assert (replayed.difference, replayed.ends_early, replayed.warnings) == ("", "", [])
