"""Audio outputs: they get the notes of a MIDI port, with a delay of their own. And instruments, which are players that
get settings only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.commands import ChangeSetting, MutePlayer, Panic, RotateSession, SoloPlayer, ToggleMetronome
from daemon.entries import (
    Advanced,
    Commanded,
    Dropped,
    PlayerDown,
    PlayerUp,
    Reconfigured,
    Sent,
    Started,
    StateSaved,
    Stopped,
)
from daemon.music.events import Play, Stop, is_note_on, note_off, note_on
from daemon.music.melody import Melody, Note
from daemon.performance.performance import Performance
from daemon.spec import AUDIO, ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec
from daemon.wire import Call, Control, Generate, Listen, Ping, Reset
from tests.performance.offline import CHOIR, KEYS, OUT, STEADY, TUNE, Recorder, answer, make_performance, run_until

SYNTH = PortSpec("synth", AUDIO, latency=0.03)
HEARD = replace(CHOIR, audio=("synth",))
INSTRUMENT = PlayerSpec("synth", (), "", {}, False, 0.0, 0.0, {"gain": -6.0}, is_instrument=True)
DRUMS = PlayerSpec("drums", (), "choir", {"kick": 10}, False, 0.03, 0.05)


def make(synth: PortSpec = SYNTH, midi: float = 0.0, **changes: object) -> tuple[Performance, Recorder]:
    """`midi`: the delay of the MIDI port (seconds)."""
    ports = (KEYS, replace(OUT, delay=midi, audio=("synth",)), synth)
    return make_performance(**{"ports": ports, "players": (HEARD,), **changes})


def on(sink: Recorder, port: str) -> list[tuple[float, bytes]]:
    return [(seconds, message) for seconds, to, message in sink.sent if to == port]


def play(performance: Performance, sink: Recorder, now: float, *plays: Play | Stop) -> None:
    """The answer to the latest window."""
    number = [number for _, number, call in sink.calls if isinstance(call, Generate)][-1]
    performance.answer(now, "choir", number, plays, True)


@pytest.mark.parametrize(("delay", "latency"), [(0.0, 0.03), (-0.02, 0.03), (0.04, 0.03), (0.04, 0.0), (0.0, 0.0)])
def test_notes_in_time_are_sent_earlier_by_the_latency_to_be_heard_at_their_beats(delay: float, latency: float) -> None:
    """Or as much later or earlier as the output's delay says."""
    performance, sink = make(replace(SYNTH, delay=delay, latency=latency))
    run_until(performance, 0.6)
    play(performance, sink, 0.6, Play(2.0, 60, 90, "alto", 0.5))
    moments = []
    while performance.next_deadline() < 1.5:
        before = len(sink.sent)
        performance.advance(now := performance.next_deadline())
        moments += [(round(now, 6), port, message) for _, port, message in sink.sent[before:]]
    sent = delay - latency
    assert sorted(moments) == sorted(
        [
            *((1.0, "choir", note_on(2, 60, 90)), (1.25, "choir", note_off(2, 60))),
            *((1.0 + sent, "synth", note_on(2, 60, 90)), (1.25 + sent, "synth", note_off(2, 60))),
        ]
    )
    assert on(sink, "choir") == [(1.0, note_on(2, 60, 90)), (1.25, note_off(2, 60))]
    assert on(sink, "synth") == [(1.0 + delay, note_on(2, 60, 90)), (1.25 + delay, note_off(2, 60))]


def test_at_equal_deadlines_the_midi_port_comes_first() -> None:
    performance, sink = make(replace(SYNTH, latency=0.0))
    run_until(performance, 0.6)
    play(performance, sink, 0.6, Play(2.0, 60, 90, "alto", 0.25), Play(2.25, 64, 90, "alto", 0.25))
    run_until(performance, 2.0)
    assert [(port, message[1]) for _, port, message in sink.sent[2:6]] == [
        ("choir", 60), ("choir", 64), ("synth", 60), ("synth", 64),
    ]  # fmt: skip


def test_an_answer_to_a_key_goes_at_once_to_both() -> None:
    performance, sink = make()
    run_until(performance, 0.6)
    performance.hear(0.7, "keys", 0.7, note_on(1, 72, 90))
    answer(performance, sink, 0.701, Play(sink.last(Listen)[2].event.beat, 72, 90, "soprano"))
    performance.hear(0.8, "keys", 0.8, note_off(1, 72))
    answer(performance, sink, 0.801, Stop(sink.last(Listen)[2].event.beat, "soprano"))
    assert sink.sent == [
        (0.7, "choir", note_on(1, 72, 90)), (0.7, "synth", note_on(1, 72, 90)),
        (0.8, "choir", note_off(1, 72)), (0.8, "synth", note_off(1, 72)),
    ]  # fmt: skip


def test_an_answer_that_ends_a_note_in_time_ends_the_note_at_once_on_both() -> None:
    performance, sink = make()
    run_until(performance, 0.6)
    play(performance, sink, 0.6, Play(1.6, 60, 90, "alto", 4.0))
    run_until(performance, 0.85)
    performance.hear(0.9, "keys", 0.9, note_on(1, 72, 90))
    answer(performance, sink, 0.901, Stop(sink.last(Listen)[2].event.beat, "alto"))
    assert on(sink, "choir") == on(sink, "synth") == [(0.8, note_on(2, 60, 90)), (0.9, note_off(2, 60))]


def test_midi_and_what_others_hear_of_it_are_as_without_audio_but_for_the_lead() -> None:
    """Also the counts, the measurements' causes, and the journal except for when something was due."""

    def session(*players: PlayerSpec) -> Recorder:
        ports = (KEYS, OUT, replace(SYNTH, latency=0.0))
        listener = replace(DRUMS, listen=("choir",))
        performance, sink = make_performance(ports=ports, players=(*players, listener))
        run_until(performance, 0.6)
        play(performance, sink, 0.6, *(Play(1.2 + n / 8, 60 + n, 90, "alto", 0.3) for n in range(12)))
        performance.hear(0.7, "keys", 0.7, note_on(1, 72, 90))
        number = [number for name, number, call in sink.calls if isinstance(call, Listen) and name == "choir"][-1]
        performance.answer(0.701, "choir", number, [Play(0.7 * 2, 72, 90, "soprano"), Play(1.4, 70, 90, "alto")], True)
        run_until(performance, 1.1)
        performance.take(Stopped(1.11))
        return sink

    without, beside = session(CHOIR), session(HEARD)
    assert on(beside, "choir") == on(without, "choir") and on(beside, "synth") == on(beside, "choir")
    assert on(without, "synth") == []
    assert beside.calls == without.calls
    assert [e for e in beside.entries if not isinstance(e, Advanced)] == [
        e for e in without.entries if not isinstance(e, Advanced)
    ]
    assert len([e for e in beside.entries if isinstance(e, Sent | Dropped)]) == len(on(without, "choir"))


def test_windows_are_requested_earlier_by_the_largest_negative_delay() -> None:
    performance, _ = make(replace(SYNTH, latency=0.05), -0.02)
    moments = []
    while performance.next_deadline() < 0.3:
        moments.append(round(performance.next_deadline(), 6))
        performance.advance(performance.next_deadline())
    assert moments == [0.045, 0.17, 0.295]


def test_a_start_leaves_time_for_the_earliest_audio_output() -> None:
    performance, sink = make(replace(SYNTH, latency=0.5))
    assert performance.seconds_at(0.0) == pytest.approx(0.35)  # the pre-roll's half, and the delay, after the start
    play(performance, sink, -0.2, Play(0.0, 60, 90, "alto", 0.5))
    run_until(performance, -0.1)
    assert on(sink, "synth") == [(0.35, note_on(2, 60, 90))] and on(sink, "choir") == []


@pytest.mark.parametrize("end", ["stop", "down", "mute", "reload", "panic"])
def test_what_ends_the_notes_of_a_player_ends_them_on_its_audio_outputs(end: str) -> None:
    """Also the one that was sent ahead, which the MIDI port never plays."""
    performance, sink = make()
    run_until(performance, 0.6)
    play(performance, sink, 0.6, Play(1.6, 60, 90, "alto"), Play(2.0, 64, 90, "soprano"))
    run_until(performance, 0.98)
    assert [message for _, message in on(sink, "synth")] == [note_on(2, 60, 90), note_on(1, 64, 90)]
    match end:
        case "stop":
            performance.take(Stopped(0.98))
        case "down":
            performance.take(PlayerDown(0.98, "choir"))
        case "mute":
            performance.take(Commanded(0.98, MutePlayer("choir", True), 0.98))
        case "reload":
            performance.take(Reconfigured(0.98, replace(performance.spec, players=())))
        case "panic":
            performance.take(Commanded(0.98, Panic(), 0.98))
    run_until(performance, 3.0)
    assert sorted(on(sink, "synth")[2:]) == [(0.98, note_off(1, 64)), (0.98, note_off(2, 60))]
    assert on(sink, "choir") == [(0.8, note_on(2, 60, 90)), (0.98, note_off(2, 60))]


def test_a_note_that_is_late_is_dropped_on_both_or_on_none() -> None:
    performance, sink = make(replace(SYNTH, latency=0.1))
    run_until(performance, 0.6)
    play(performance, sink, 0.64, Play(1.2, 60, 90, "alto", 0.2))  # 0.04 s late, 0.14 s for the audio output
    play(performance, sink, 0.7, Play(1.2, 62, 90, "soprano", 0.2))  # 0.1 s late
    run_until(performance, 2.0)
    assert [m[1] for _, m in on(sink, "choir")] == [m[1] for _, m in on(sink, "synth")] == [60, 60]
    assert performance.counts["dropped"] == 1


def test_a_changed_delay_loses_and_repeats_no_note_and_leaves_midi_alone() -> None:
    performance, sink = make()
    run_until(performance, 0.6)
    play(performance, sink, 0.6, Play(1.6, 60, 90, "alto", 4.0), Play(2.0, 64, 90, "soprano", 0.5))
    run_until(performance, 0.9)
    ports = (KEYS, OUT, replace(SYNTH, latency=0.15))
    calls = len(sink.calls)
    performance.take(Reconfigured(0.9, replace(performance.spec, ports=ports)))
    assert len(sink.sent) == 2 and len(sink.calls) == calls
    run_until(performance, 2.0)
    play(performance, sink, 2.0, Play(4.5, 65, 90, "soprano", 0.5))
    run_until(performance, 4.0)
    assert sorted(on(sink, "synth")) == sorted(on(sink, "choir"))
    assert len(on(sink, "choir")) == 6


def test_an_audio_output_more_or_less_leaves_the_player_alone() -> None:
    performance, sink = make()
    run_until(performance, 0.6)
    play(performance, sink, 0.6, Play(1.6, 60, 90, "alto", 4.0), Play(3.0, 64, 90, "soprano", 0.5))
    run_until(performance, 0.9)
    performance.take(Reconfigured(0.9, replace(performance.spec, players=(CHOIR,))))
    assert on(sink, "synth")[1:] == [(0.9, note_off(2, 60))] and len(on(sink, "choir")) == 1
    performance.take(Reconfigured(1.0, replace(performance.spec, players=(HEARD,))))
    assert len([call for _, _, call in sink.calls if isinstance(call, Reset)]) == 1
    run_until(performance, 1.3)
    play(performance, sink, 1.3, Play(3.2, 65, 90, "soprano", 0.5))
    run_until(performance, 4.0)
    assert [m[1] for _, m in on(sink, "choir")] == [60, 64, 64, 65, 65, 60]
    assert [m[1] for _, m in on(sink, "synth")] == [60, 60, 65, 65]


def test_a_new_audio_output_of_a_muted_player_is_silent_too() -> None:
    performance, sink = make(players=(CHOIR,))
    run_until(performance, 0.6)
    performance.take(Commanded(0.6, MutePlayer("choir", True), 0.6))
    performance.take(Reconfigured(0.6, replace(performance.spec, players=(HEARD,))))
    play(performance, sink, 0.6, Play(2.0, 60, 90, "alto", 0.5))
    run_until(performance, 2.0)
    assert sink.sent == []


# Melodies, the metronome


class Notes(tuple[Note, ...]):
    """May not be looked at as a whole."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("the notes are compared")

    def __hash__(self) -> int:
        raise AssertionError("the notes are hashed")


def test_a_changed_delay_takes_no_longer_where_melodies_are_long() -> None:
    tune = replace(TUNE, notes=Notes(TUNE.notes))
    melodies = (MelodySpec(tune, ("choir", "synth")), MelodySpec(replace(tune, name="other"), ("choir", "synth")))
    performance, sink = make(melodies=melodies)
    performance.take(Reconfigured(0.9, performance.spec.with_latency(0.1)))
    run_until(performance, 1.5)
    assert on(sink, "synth") and performance.spec.ports[2] == replace(SYNTH, latency=0.1)


LONG = Melody("long", (Note(0.0, 6.0, 50, 80), Note(0.0, 0.5, 60, 80), Note(1.0, 0.5, 61, 80)), 8.0, True, STEADY)


def test_a_melody_is_heard_on_audio_outputs_at_its_beats_and_once_by_players() -> None:
    listener = replace(CHOIR, listen=("tune",))
    melodies = (MelodySpec(TUNE, ("choir", "synth"), 3),)
    performance, sink = make(melodies=melodies, players=(listener,))
    run_until(performance, 1.9)
    performance.take(Stopped(1.91))
    assert on(sink, "synth") == on(sink, "choir") and len(on(sink, "choir")) > 10
    heard = [call.event.message for _, _, call in sink.calls if isinstance(call, Listen)]
    assert heard == [message for _, message in on(sink, "choir")]


@pytest.mark.parametrize(("late", "is_heard"), [(0.09, True), (0.11, False)])
def test_a_note_of_a_melody_is_late_when_its_beat_is(late: float, is_heard: bool) -> None:
    """However long before its beat the note should have been sent."""
    melodies = (MelodySpec(TUNE, ("choir", "synth")),)
    performance, sink = make(replace(SYNTH, latency=0.3), melodies=melodies, players=())
    due = round(performance.seconds_at(1.0), 6)
    run_until(performance, due - 0.31)
    performance.advance(due + late)
    for port in ("choir", "synth"):
        assert ((due, note_on(1, 62, 80)) in on(sink, port)) is is_heard


def test_a_melody_that_stops_is_ended_where_it_was_sent_ahead() -> None:
    performance, sink = make(melodies=(MelodySpec(TUNE, ("choir", "synth"), 3),), players=())
    run_until(performance, 0.98)
    performance.take(Stopped(0.98))
    assert on(sink, "choir")[-2:] == [(0.75, note_on(3, 63, 80)), (0.98, note_off(3, 63))]
    assert on(sink, "synth")[-3:] == [(1.0, note_off(3, 63)), (1.0, note_on(3, 64, 80)), (0.98, note_off(3, 64))]


@pytest.mark.parametrize("moment", [0.3, 0.44, 0.46, 0.48, 0.499, 0.501, 0.95])
@pytest.mark.parametrize("latency", [0.0, 0.02, 0.1, 0.3])
def test_a_changed_delay_neither_loses_nor_repeats_notes_of_melody_and_metronome(moment: float, latency: float) -> None:
    """Whatever is being sent at that moment."""
    clock = ClockSpec(metronome=("choir", 10))
    melodies = (MelodySpec(LONG, ("choir", "synth")),)
    performance, sink = make(replace(SYNTH, latency=0.05), melodies=melodies, clock=clock)
    run_until(performance, moment)
    ports = (*performance.spec.ports[:2], replace(SYNTH, latency=latency))
    performance.take(Reconfigured(moment, replace(performance.spec, ports=ports)))
    run_until(performance, 3.2)
    still, other = make(melodies=melodies, clock=clock)
    run_until(still, 3.2)
    assert on(sink, "choir") == on(other, "choir")
    assert sorted(on(sink, "synth"))[: len(on(sink, "choir"))] == sorted(on(sink, "choir"))
    assert len([m for _, m in on(sink, "synth") if m == note_on(1, 50, 80)]) == 1


def test_melody_and_metronome_are_sent_earlier_by_a_latency_that_has_grown() -> None:
    clock = ClockSpec(metronome=("choir", 10))
    performance, sink = make(melodies=(MelodySpec(TUNE, ("choir", "synth")),), clock=clock)
    run_until(performance, 0.6)
    performance.take(Reconfigured(0.6, performance.spec.with_latency(0.2)))
    moments: dict[int, set[float]] = {}
    while performance.next_deadline() < 3.0:
        before = len(sink.sent)
        performance.advance(now := performance.next_deadline())
        for due, port, message in sink.sent[before:]:
            if port == "synth" and is_note_on(message) and due > 0.8:
                moments.setdefault(message[0] & 0x0F, set()).add(round(due - now, 6))
    assert moments == {0: {0.2}, 9: {0.2}}


def test_the_metronome_clicks_on_the_audio_outputs_of_its_port_too() -> None:
    performance, sink = make(clock=ClockSpec(metronome=("choir", 10)))
    run_until(performance, 1.2)
    assert on(sink, "synth") == on(sink, "choir") and len(on(sink, "synth")) == 6
    performance.take(Stopped(1.49))
    assert on(sink, "synth") == on(sink, "choir")
    performance.take(Started(1.6, 0.0, 1.7))
    run_until(performance, 1.68)
    performance.take(Stopped(1.68))
    assert on(sink, "synth")[6:] == [(1.7, note_on(10, 76, 120)), (1.68, note_off(10, 76))]


def test_without_a_configured_place_the_metronome_clicks_with_the_band_or_on_an_instrument() -> None:
    performance, sink = make(players=(INSTRUMENT, HEARD))
    performance.take(Commanded(0.7, ToggleMetronome(), 0.7))
    run_until(performance, 1.0)
    assert on(sink, "choir") == on(sink, "synth") == [(1.0, note_on(10, 77, 90))]
    performance, sink = make_performance(ports=(KEYS, SYNTH), players=(INSTRUMENT,))
    performance.take(Commanded(0.7, ToggleMetronome(), 0.7))
    run_until(performance, 1.0)
    assert on(sink, "synth") == [(1.0, note_on(10, 77, 90))]


def test_midi_clock_never_goes_to_audio_outputs() -> None:
    performance, sink = make(clock=ClockSpec(send=("choir",)))
    run_until(performance, 1.0)
    assert on(sink, "synth") == [] and len(on(sink, "choir")) > 40


# Instruments


def band(**changes: object) -> tuple[Performance, Recorder]:
    second = replace(INSTRUMENT, name="piano", settings={})
    ports = (KEYS, OUT, SYNTH, PortSpec("piano", AUDIO))
    return make_performance(ports=ports, players=(INSTRUMENT, HEARD, DRUMS, second), **changes)


def calls(sink: Recorder, name: str = "synth", since: int = 0) -> list[Call]:
    return [call for player, _, call in sink.calls[since:] if player == name]


def controls(sink: Recorder, name: str = "synth") -> list[tuple[str, float]]:
    return [(call.name, call.value) for call in calls(sink, name) if isinstance(call, Control)]


def command(performance: Performance, now: float, *given: object) -> None:
    for each in given:
        performance.take(Commanded(now, each, now))  # type: ignore[arg-type]


def test_an_instrument_gets_its_settings_when_it_joins_and_nothing_else() -> None:
    turn = ControlSpec("keys", 7, "setting", "synth", "gain", low=-60.0, high=6.0)
    performance, sink = band(controls=(turn,))
    assert controls(sink) == [("gain", -6.0), ("mute", 0.0)]
    run_until(performance, 1.0)
    performance.hear(1.0, "keys", 1.0, note_on(1, 60, 90))
    performance.hear(1.1, "keys", 1.1, bytes((0xB0, 7, 127)))
    command(performance, 1.2, RotateSession())
    performance.take(Stopped(1.3))
    performance.answer(1.3, "synth", sink.calls[-1][1], (), True)
    performance.check_players(2.0)
    assert {type(call) for call in calls(sink)} == {Control, Ping}
    assert controls(sink)[2:] == [("gain", 6.0)]
    performance.take(PlayerDown(2.5, "synth"))
    performance.take(PlayerUp(3.0, "synth"))
    assert controls(sink)[3:] == [("gain", 6.0), ("mute", 0.0)]
    assert ChangeSetting("synth", "gain", 6.0) in performance._players.standing()


def test_an_instrument_that_does_not_answer_is_found_hung() -> None:
    performance, sink = band()
    for name in ("synth", "piano", "choir", "drums"):
        performance.answer(0.4, name, sink.calls[-1][1], (), True)
    performance.check_players(0.5)
    for name in ("piano", "choir", "drums"):
        performance.answer(0.6, name, sink.calls[-1][1], (), True)
    assert performance.check_players(1.3) == ["synth"]


def test_muting_an_instrument_is_told_to_it_and_ends_no_note() -> None:
    performance, sink = band()
    run_until(performance, 0.6)
    play(performance, sink, 0.6, Play(1.6, 60, 90, "alto", 4.0))
    run_until(performance, 1.0)
    sent = len(sink.sent)
    command(performance, 1.0, MutePlayer("synth", True), MutePlayer("synth", True))
    assert controls(sink)[2:] == [("mute", 1.0)] and len(sink.sent) == sent and performance.silent() == ["synth"]
    performance.take(Reconfigured(1.1, replace(performance.spec, ports=(KEYS, OUT, replace(SYNTH, latency=0.1)))))
    assert controls(sink)[3:] == []
    performance.take(PlayerDown(1.2, "synth"))
    performance.take(PlayerUp(1.3, "synth"))
    assert controls(sink)[3:] == [("gain", -6.0), ("mute", 1.0)]
    command(performance, 1.4, MutePlayer("synth", False))
    assert controls(sink)[5:] == [("mute", 0.0)] and performance.silent() == []


def test_a_solo_silences_the_players_of_its_kind() -> None:
    performance, sink = band()
    command(performance, 1.0, SoloPlayer("synth", True))
    assert performance.silent() == ["piano"] and controls(sink, "piano")[-1] == ("mute", 1.0)
    command(performance, 1.1, SoloPlayer("choir", True))
    assert performance.silent() == ["drums", "piano"]
    command(performance, 1.2, SoloPlayer("synth", False))
    assert performance.silent() == ["drums"] and controls(sink, "piano")[-1] == ("mute", 0.0)


def test_an_instrument_does_not_keep_a_first_key_from_setting_the_beat() -> None:
    choir = replace(HEARD, gives_way=True)
    ports = (KEYS, OUT, SYNTH)
    clock = ClockSpec(first_key_sets_beat=True)
    performance, sink = make_performance(ports=ports, players=(choir, INSTRUMENT), clock=clock)
    run_until(performance, 5.0)
    performance.hear(5.3, "keys", 5.3, note_on(1, 60, 90))
    assert performance.beat_at(5.3) == pytest.approx(12.0)
    assert not [call for call in calls(sink) if not isinstance(call, Control)]


def test_a_rotation_and_its_replay_give_the_same_numbers_and_seeds_with_a_muted_instrument() -> None:
    performance, sink = band()
    command(performance, 1.0, MutePlayer("synth", True), ChangeSetting("synth", "gain", 3.0), RotateSession())
    state = next(entry for entry in sink.entries if isinstance(entry, StateSaved))
    after = [entry for entry in sink.calls if entry[1] > state.state["number"]]
    again = Recorder()
    other = Performance(performance.spec, again)
    other.restore(1.0, state.state)
    assert again.calls == after and after
    assert other.silent() == performance.silent() == ["synth"]
    command(other, 1.1, MutePlayer("synth", False))
    command(performance, 1.1, MutePlayer("synth", False))
    assert again.calls[-1] == sink.calls[-1] and isinstance(again.calls[-1][2], Control)


def test_notes_are_the_same_on_both_whatever_happens() -> None:
    performance, sink = make()
    run_until(performance, 0.6)
    play(
        performance, sink, 0.6, *(Play(1.25 + n / 4, 60 + n % 3, 90, "alto", None if n % 2 else 0.2) for n in range(9))
    )
    run_until(performance, 5.0)
    performance.take(Stopped(5.0))
    assert sorted(on(sink, "synth")) == sorted(on(sink, "choir"))
    assert len([message for _, message in on(sink, "synth") if is_note_on(message)]) == 9
