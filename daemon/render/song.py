"""A song without an input file: the band plays the song of its leader, from the first beat to the ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from daemon.audio.ring import Frames
from daemon.config import Config
from daemon.config.values import Member
from daemon.entries import Entry, Planned, TempoChanged
from daemon.errors import JamdError
from daemon.music import smf
from daemon.music.plan import ENDING, Plan
from daemon.paths import find_file
from daemon.render.instruments import for_rendering
from daemon.render.offline import RELEASE_BARS, OfflineSink, Piece, Rendering, perform
from daemon.song.reader import read_song
from daemon.spec import ClockSpec
from daemon.usage import Report

LEADER = "leadsheet"  # the engine
CHORUSES = 3  # of a song that goes on until the ending is asked for
LONGEST = 100_000.0  # beats


class SongSink(OfflineSink):
    """The end is that of the ending, as soon as the leader has planned it. `choruses`: how many there will be."""

    def __init__(self, choruses: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._choruses, self._expected = choruses, LONGEST

    @property
    def expected(self) -> float:
        return min(self._expected, self.end)

    @property
    def tempi(self) -> list[tuple[int, int]]:
        """Later changes of the tempo."""
        changes = (entry for entry in self.entries if isinstance(entry, TempoChanged) and entry.beat > 0)
        return [(round(each.beat * smf.FILE_TICKS), round(60e6 / each.bpm)) for each in changes]

    def record(self, entry: Entry) -> None:
        super().record(entry)
        if not isinstance(entry, Planned):
            return
        for section in entry.plan.sections:
            if section.name == ENDING:
                self.end = self._input_end = section.onset + section.duration
            elif section.chorus:
                self._expected = _expected_end(entry.plan, section.onset - section.place, self._choruses)


def render_song(
    config: Config, report: Report = lambda share: None, write: Callable[[Frames], None] | None = None
) -> Rendering:
    """Let the band play the song. A song that goes on for ever ends after CHORUSES.

    `report` and `write` as in `render`. Raises JamdError if no player of the band leads through a song, ModelError,
    EngineFailure.
    """
    leader = leader_of(config)
    choruses = leader.options.choruses or read_song(find_file(leader.options.song)).choruses or CHORUSES
    members = tuple(
        replace(each, options=replace(each.options, choruses=choruses)) if each is leader else each
        for each in config.band
    )
    config = replace(config, band=members)
    config = for_rendering(config, write is not None)
    stage = config.stage
    ports = tuple(replace(port, delay=0.0) for port in stage.ports)
    spec = replace(stage, ports=ports, controls=(), clock=ClockSpec())
    names = {player.name for player in spec.players if not player.is_instrument}
    hosts = {name: member for name, member in config.members.items() if name in names}
    (_, bpm), (_, bar) = spec.tempo_map.tempi[0], spec.tempo_map.meters[0]
    piece = Piece(
        spec, hosts, LONGEST, LONGEST, RELEASE_BARS * bar, [(0, round(60e6 / bpm))], [(0, smf.time_signature(bar))]
    )
    return perform(config, piece, partial(SongSink, choruses), report=report, write=write)


def leader_of(config: Config) -> Member:
    """The player that brings the song. Raises JamdError if there is none."""
    for member in config.players:
        if member.engine == LEADER:
            return member
    raise JamdError(f"{config.path}: no player of the band has the engine leadsheet, which plays songs: add one, or "
                    "name another configuration with -c, such as bands/combo.yaml")  # fmt: skip


def _expected_end(plan: Plan, begin: float, choruses: int) -> float:
    first = plan.sections[0]
    return begin + (choruses - max(first.chorus, 1) + 1) * (plan.end - begin)
