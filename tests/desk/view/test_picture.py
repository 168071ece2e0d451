"""What the terminal shows of the journal's entries and of jamd's state."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.commands import Panic, TapBeat
from daemon.desk.stage_state import StageState
from daemon.desk.view.picture import NOTICE_SHOWN, Painter, Picture, Row
from daemon.desk.view.sounding import HIT_SHOWN, Sounding
from daemon.entries import (
    Commanded,
    Entry,
    Heard,
    MelodyPlayed,
    Planned,
    PortLost,
    Reconfigured,
    Sent,
    StageStarted,
    Started,
    StateSaved,
    Stopped,
    TempoChanged,
)
from daemon.music.events import control_change, note_off, note_on
from daemon.music.melody import Melody
from daemon.music.plan import Plan, PlannedChord, Section
from daemon.music.tempo import TempoMap
from daemon.spec import ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec

TEMPO_MAP = TempoMap(((0.0, 60.0),), ((0.0, 4.0),))
SATB = {"soprano": 1, "alto": 2, "tenor": 3, "bass": 4}
SPEC = StageSpec(
    TEMPO_MAP,
    (PortSpec("keys", "in"), PortSpec("sync", "in"), PortSpec("band", "out")),
    (MelodySpec(Melody("tune", (), 4.0, True, TEMPO_MAP)),),
    (
        PlayerSpec("choir", ("keys", "tune"), "band", SATB, True, 0.0, 0.0, {"temperature": 0.5}),
        PlayerSpec("drums", ("keys",), "band", {"kick": 10, "hihat": 10}, False, 0.0, 0.0),
    ),
)


CONTROLLED = dataclasses.replace(
    SPEC,
    controls=(
        ControlSpec("keys", 64, "sustain"),
        ControlSpec("keys", 67, "setting", "choir", "temperature"),
        ControlSpec("keys", 40, "panic", event="note"),
    ),
)


class Desk:
    """The state of a desk; beat 0 falls at second 0, 60 beats a minute."""

    def __init__(self, **clock: Any) -> None:
        self.spec = StageSpec(SPEC.tempo_map, SPEC.ports, SPEC.melodies, SPEC.players, clock=ClockSpec(**clock))
        self.state = StageState(self.spec)
        self.players = {name: SimpleNamespace(up=True, refused=None) for name in ("choir", "drums")}
        self.sounding = Sounding()
        self.painter = Painter(self.sounding, self.state, self.players)

    def turn(
        self, bpm: float = 60.0, silent: tuple[str, ...] = (), temperature: float = 0.5, metronome: bool = False
    ) -> None:
        self.state.settings = {"choir": {"temperature": temperature}, "drums": {}}
        self.state.silent, self.state.bpm, self.state.metronome = list(silent), bpm, metronome

    def run(self) -> None:
        self.state.position = [0.0, 0.0, 60.0]
        self.sounding.follow([Started(0.0), TempoChanged(0.0, 0.0, 60.0)])
        self.turn()

    def picture(self, now: float, *entries: Entry) -> Picture:
        self.sounding.follow(entries)
        picture = self.painter.picture(now)
        assert picture is not None
        return picture

    def row(self, name: str, now: float, *entries: Entry) -> Row:
        (row,) = (row for row in self.picture(now, *entries).rows if row.name == name)
        return row


def on(voice: str, pitch: int, channel: int = 1, player: str = "choir", now: float = 0.0) -> Entry:
    return Sent(now, player, voice, "band", note_on(channel, pitch, 64))


def key(pitch: int, now: float = 0.0) -> Entry:
    return Heard(now, "keys", now, note_on(1, pitch, 64))


def release(pitch: int, now: float) -> Entry:
    return Heard(now, "keys", now, note_off(1, pitch))


def turned(controller: int, value: int, now: float) -> Entry:
    return Heard(now, "keys", now, control_change(1, controller, value))


def test_a_song_that_runs_has_a_place_by_the_clock_alone() -> None:
    desk = Desk()
    desk.run()
    assert [desk.picture(now).place for now in (0.0, 0.99, 3.5, 4.0, 41.2)] == ["1.1", "1.1", "1.4", "2.1", "11.2"]
    assert (desk.picture(1.0).bpm, desk.picture(1.0).state) == ("60 bpm", "plays")
    assert desk.picture(-2.5).place == "-3" and desk.picture(-2.5).state == "counts in"


def test_a_plan_shows_chord_now_and_next_and_the_place_in_the_form_until_it_is_another() -> None:
    desk = Desk()
    desk.run()
    chords = (PlannedChord(0.0, 4.0, "F7"), PlannedChord(4.0, 12.0, "Bb7"))
    plan = Plan(0.0, chords, (Section(0.0, 8.0, "A", 1, 0.0), Section(8.0, 8.0, "B", 1, 8.0)))
    assert desk.picture(0.0).form == ""
    assert desk.picture(0.5, Planned(0.5, "choir", 1, plan)).form == "F7 → B♭7, A, bar 1 of 4, chorus 1, then B"
    assert desk.picture(3.9999).form.startswith("B♭7, A, bar 2 of 4"), "drawn just before the beat"
    ending = Plan(8.0, (PlannedChord(8.0, 4.0, "F"),), (Section(8.0, 4.0, "ending"),))
    assert desk.picture(5.0, Planned(5.0, "choir", 2, ending)).form == "B♭7 → F, A, bar 2 of 2, chorus 1, then ending"
    assert desk.picture(13.0).form == ""
    desk.state.position = [5.0]
    assert desk.picture(14.0).form == "", "the transport stands"


def test_the_section_that_follows_is_shown_unless_all_are_the_same() -> None:
    desk = Desk()
    desk.run()
    names = ("A", "A", "B", "A", "A", "A", "B", "A")
    sections = tuple(Section(4.0 * n, 4.0, name, 1 + n // 4, 4.0 * (n % 4)) for n, name in enumerate(names))
    desk.picture(0.5, Planned(0.5, "choir", 1, Plan(0.0, (PlannedChord(0.0, 32.0, "F7"),), sections)))
    shown = [desk.picture(4.0 * n + 1).form.rpartition(", ")[2] for n in range(8)]
    assert shown == ["then A", "then B", "then A", "then A", "then A", "then B", "then A", "chorus 2"]
    alike = (Section(0.0, 4.0, "A", 1), Section(4.0, 4.0, "A", 2))
    desk = Desk()
    desk.run()
    desk.picture(0.5, Planned(0.5, "choir", 1, Plan(0.0, (PlannedChord(0.0, 8.0, "F7"),), alike)))
    assert desk.picture(1.0).form == "F7, A, bar 1 of 1, chorus 1"


def test_a_song_waits_for_no_keys_in_a_break() -> None:
    desk = Desk()
    desk.run()
    desk.state.spec = dataclasses.replace(desk.spec, melodies=())
    assert desk.picture(20.0).state == "waits for keys", "nothing else goes on"
    plan = Plan(0.0, (PlannedChord(0.0, 40.0, "F7"),), (Section(0.0, 40.0, "break", 1, 0.0),))
    assert desk.picture(20.1, Planned(20.1, "choir", 1, plan)).state == "plays"


@pytest.mark.parametrize(
    ("clock", "status", "position", "state"),
    [
        ({}, None, [], "starts"),
        ({"by_hand": True}, None, [0.0], "waits: s or a bar of taps starts"),
        ({"source": "midi", "port": "sync"}, "waiting", [0.0], "waits for MIDI clock"),
        ({"source": "midi", "port": "sync"}, "locked", [0.0], "waits for Start of MIDI clock"),
        ({"source": "midi", "port": "sync"}, "locked", [0.0, 0.0, 60.0], "follows MIDI clock"),
        ({"source": "midi", "port": "sync"}, "free-wheeling", [0.0, 0.0, 60.0], "MIDI clock is gone, plays on"),
        ({"source": "link"}, "alone", [0.0], "waits for Link"),
        ({"source": "link"}, "linked", [0.0, 0.0, 60.0], "follows Link"),
    ],
)
def test_what_the_song_waits_for(clock: dict[str, Any], status: str | None, position: list[float], state: str) -> None:
    desk = Desk(**clock)
    desk.state.position = position
    if status is not None:
        desk.state.metrics = {"clock": {"state": status}}
    assert desk.picture(1.0).state == state


def test_a_song_that_was_stopped() -> None:
    desk = Desk()
    desk.run()
    desk.picture(5.0)
    desk.state.position = [6.0]
    picture = desk.picture(6.0, Stopped(6.0))
    assert (picture.place, picture.state) == ("2.3", "stopped: s starts, c continues")
    assert picture.notice == "the song stops"


def test_notes_by_voice_and_their_chord() -> None:
    desk = Desk()
    desk.run()
    entries = [on("soprano", 72), on("alto", 67), on("tenor", 64), on("bass", 60)]
    row = desk.row("choir", 1.0, *entries)
    assert row.state == "C"
    assert row.voices == (("soprano", "C5"), ("alto", "G4"), ("tenor", "E4"), ("bass", "C4"))
    row = desk.row("choir", 1.0, Sent(1.0, "choir", "soprano", "band", note_off(1, 72)))
    assert row.voices[0] == ("soprano", "")
    row = Desk().row("choir", 1.0, on("soprano", 68), on("alto", 63, 2), on("tenor", 60, 3))
    assert row.state == "A♭" and row.voices[0] == ("soprano", "A♭4")


@pytest.mark.parametrize(
    ("entry", "ended"),
    [
        (Started(1.0), True),
        (Stopped(1.0), True),
        (StateSaved(1.0, {}), True),
        (Reconfigured(1.0, SPEC), True),
        (Commanded(1.0, Panic(), 1.0), True),
        (Commanded(1.0, TapBeat(), 1.0), False),
        (TempoChanged(1.0, 4.0, 100.0), False),
        (PortLost(1.0, "keys"), False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_ends_every_note(entry: Entry, ended: bool) -> None:
    desk = Desk()
    assert (desk.row("choir", 1.0, on("soprano", 72), entry).state == "silent") == ended


def test_keys_lead_while_held_and_for_a_bar_and_the_melody_waits() -> None:
    desk = Desk()
    desk.run()
    tune = MelodyPlayed(0.0, "tune", note_on(1, 64, 64))
    assert desk.row("tune", 0.5, tune) == Row("tune", "leads", (("", "E4"),))
    assert desk.row("keys", 0.5).state == ""
    assert desk.row("keys", 1.0, key(60, 1.0)) == Row("keys", "leads", (("", "C4"),))
    assert desk.row("tune", 1.0) == Row("tune", "waits", (("", ""),), dim=True)
    assert desk.row("tune", 5.9, release(60, 2.0)).state == "waits"
    assert desk.row("tune", 6.1).state == "leads"
    assert desk.row("keys", 6.1).state == ""


def test_after_a_restart_the_melody_leads_at_once() -> None:
    desk = Desk()
    desk.run()
    assert desk.row("tune", 18.5, key(60, 17.0), release(60, 18.0)).state == "waits"
    assert desk.row("tune", 23.0).state == "leads"
    assert desk.row("tune", 24.5, TempoChanged(24.0, -0.3, 60.0)).state == "leads"
    desk.sounding.follow([key(60, 25.0), release(60, 25.5), Commanded(26.0, Panic(), 26.0)])
    assert desk.row("tune", 26.1).state == "leads"


def test_only_keys_lead_and_a_pedal_holds_them() -> None:
    desk = Desk()
    desk.run()
    desk.sounding.follow([StageStarted(0.0, CONTROLLED)])
    assert desk.row("keys", 5.0, turned(1, 99, 5.0)) == Row("keys", "", (("", ""),), dim=True)  # a wheel is no key
    assert desk.row("keys", 5.0, key(40, 5.0)).state == ""  # a key that is a control
    desk.sounding.follow([turned(64, 127, 5.5), key(60, 6.0)])
    assert desk.row("keys", 6.5) == Row("keys", "leads", (("", "C4 pedal"),))
    assert desk.row("keys", 20.0, release(60, 7.0)) == Row("keys", "leads", (("", "pedal"),))
    assert desk.row("keys", 24.0, turned(64, 0, 20.5)) == Row("keys", "leads", (("", ""),))
    assert desk.row("keys", 24.6).state == ""


def test_a_pedal_that_is_pressed_for_a_moment_is_told() -> None:
    desk = Desk()
    desk.run()
    desk.picture(1.0, StageStarted(0.0, CONTROLLED))
    assert desk.picture(2.2, turned(67, 127, 2.0), turned(67, 0, 2.1)).notice == "choir.temperature → 1.00"
    desk.turn(temperature=1.0)
    assert desk.picture(2.4).notice == "choir.temperature 0.50 → 1.00"
    desk.turn(temperature=0.5)
    assert desk.picture(2.6).notice == "choir.temperature 0.50 → 1.00"


def test_jamd_waits_for_keys_where_no_melody_leads() -> None:
    desk = Desk()
    desk.run()
    assert desk.picture(2.0).state == "plays"
    (tune,) = SPEC.melodies
    ended = MelodySpec(dataclasses.replace(tune.melody, loop=False))
    for melodies in ((), (ended,)):
        desk = Desk()
        desk.run()
        desk.state.spec = dataclasses.replace(desk.spec, melodies=melodies)
        assert desk.picture(5.0).state == "waits for keys"
        assert desk.picture(5.5, key(60, 5.2)).state == "plays"
        assert desk.picture(8.0, release(60, 6.0), on("soprano", 72)).state == "plays"
    assert desk.row("tune", 11.0).state == "ended"


def test_a_song_that_continues_and_one_that_starts() -> None:
    desk = Desk()
    desk.run()
    for beat, notice in ((6.0, "the song continues"), (0.0, "the song starts")):
        desk.picture(9.0)
        desk.state.position = [6.0]
        assert desk.picture(10.0).notice == "the song stops"
        desk.state.position = [beat, 11.3, 60.0]
        assert desk.picture(11.5, TempoChanged(11.0, beat - 0.3, 60.0)).notice == notice


def test_inputs_that_no_player_hears_are_not_shown() -> None:
    assert [row.name for row in Desk().picture(0.0).rows] == ["keys", "tune", "choir", "drums"]


def test_keys_end_with_a_channel_mode_message_or_a_lost_port() -> None:
    desk = Desk()
    assert desk.row("keys", 0.5, key(72), Heard(0.5, "keys", 0.5, control_change(1, 123, 0))).voices[0][1] == ""
    assert desk.row("keys", 0.5, key(72), PortLost(0.6, "keys")).voices[0][1] == ""


def test_drums_have_names_and_are_shown_long_enough_to_be_seen() -> None:
    desk = Desk()
    desk.run()
    hit = on("kick", 36, 10, "drums", 1.0)
    end = Sent(1.05, "drums", "kick", "band", note_off(10, 36))
    row = desk.row("drums", 1.1, hit, end, on("hihat", 42, 10, "drums", 1.0))
    assert row.voices == (("kick", "kick"), ("hihat", "closed hat")) and row.state == "" and row.is_drums
    assert desk.sounding.has_hits(1.1)
    assert desk.row("drums", 1.1 + HIT_SHOWN).state == "silent"


def test_players_that_do_not_play() -> None:
    desk = Desk()
    desk.run()
    assert desk.row("choir", 1.0).state == "silent"
    desk.turn(silent=("choir",))
    row = desk.row("choir", 1.0, on("soprano", 72))
    assert row.state == "muted" and row.voices[0] == ("soprano", "")
    desk.players["choir"].up = False
    assert desk.row("choir", 1.0).state == "starts"
    desk.players["choir"].refused = "no model:\nand more"
    assert desk.row("choir", 1.0).state == "failed: no model:"


def test_notices_of_what_a_person_does() -> None:
    desk = Desk()
    desk.run()
    desk.picture(1.0)
    assert desk.picture(2.0, Commanded(2.0, Panic(), 2.0)).notice == "panic: everything is silenced"
    for temperature in (0.52, 0.6, 0.72):
        desk.turn(temperature=temperature)
        notice = desk.picture(2.0 + temperature).notice
    assert notice == "choir.temperature 0.50 → 0.72"
    desk.turn(temperature=0.8)
    assert desk.picture(9.0).notice == "choir.temperature 0.72 → 0.80"
    desk.turn(temperature=0.8, silent=("drums",))
    assert desk.picture(10.0).notice == "drums is muted"
    desk.turn(temperature=0.8)
    assert desk.picture(11.0).notice == "drums is heard again"
    desk.turn(temperature=0.8, metronome=True)
    assert desk.picture(12.0).notice == "metronome on"
    assert desk.picture(12.1 + NOTICE_SHOWN).notice == ""
    desk.turn(temperature=0.8, metronome=True, bpm=72.0)
    assert desk.picture(21.0, Commanded(20.9, TapBeat(), 20.9)).notice == "tapped: 60 → 72 bpm"
    desk.turn(temperature=0.8, metronome=True, bpm=73.5)
    assert desk.picture(22.0).notice == "tapped: 60 → 73.5 bpm"
    desk.turn(temperature=0.8, metronome=True, bpm=80)
    assert desk.picture(40.0).notice == "73.5 → 80 bpm"


def test_the_key_that_sets_the_beat_is_told() -> None:
    desk = Desk()
    desk.run()
    desk.picture(1.0)
    assert "key" not in desk.picture(9.5, key(60, 9.4)).notice
    assert desk.picture(9.5, key(62, 9.45), TempoChanged(9.45, 12.0, 60.0)).notice == "your key sets the beat"


def test_nothing_is_shown_before_there_is_a_configuration() -> None:
    assert Painter(Sounding(), StageState(), {}).picture(0.0) is None


def test_the_row_of_an_instrument_has_the_state_of_the_sound() -> None:
    desk = Desk()
    synths = [PlayerSpec(name, (), "", {}, False, 0.0, 0.0, is_instrument=True) for name in ("synth", "organ")]
    desk.state.spec = dataclasses.replace(desk.spec, players=(*desk.spec.players, *synths))
    assert [row.state for row in desk.picture(0.5).rows[-2:]] == ["starts", "starts"]
    desk.players |= {name: SimpleNamespace(up=True, refused=None) for name in ("synth", "organ")}
    desk.state.sound.settings = {"instruments": ["synth", "organ"]}
    desk.state.sound.report("USB", 0.023)
    desk.state.silent = ["organ"]
    assert [*desk.picture(0.5).rows[-2:]] == [
        Row("synth", "", (("", "USB, 23 ms from note to sound"),), is_player=True, dim=True),
        Row("organ", "muted", (("", ""),), is_player=True, dim=True),
    ]
    desk.state.sound.report("HDA Intel PCH: ALC257 Analog (hw:0,0), ALSA", 0.023)
    assert desk.picture(0.5).rows[-2].voices == (("", "HDA Intel PCH: ALC257 A…, 23 ms from note to sound"),)
    desk.state.sound.report("USB", 0.023)
    desk.players["synth"] = SimpleNamespace(up=False, refused="no soundfont\nwhatever")
    assert desk.picture(0.5).rows[-2] == Row(
        "synth", "failed: no soundfont", (("", "USB, 23 ms from note to sound"),), True
    )
