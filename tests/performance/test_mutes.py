"""Mute and solo by controls and commands: what sounds, and that nothing is left sounding."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from daemon.commands import Command, MutePlayer, RotateSession, SoloPlayer, ToggleMute, ToggleSolo
from daemon.entries import Commanded, PlayerDown, PlayerUp, PortLost, Reconfigured, StateSaved
from daemon.music.events import Play, control_change, is_note_on, note_off, note_on
from daemon.performance.performance import Performance
from daemon.spec import ControlSpec, PlayerSpec
from daemon.wire import Listen
from tests.performance.offline import CHOIR, KEYS, OUT, Recorder, make_performance, run_until

DRUMS = PlayerSpec("drums", ("choir",), "choir", {"kick": 10}, monophonic=False, lead=0.03, tolerance=0.05)
BASS = PlayerSpec("bass", (), "choir", {"bass": 4}, monophonic=True, lead=0.03, tolerance=0.05)
BAND = (CHOIR, DRUMS, BASS)
MUTE_KEY = ControlSpec("keys", 36, "mute", "drums", event="note")
MUTE = ControlSpec("keys", 20, "mute", "drums")
SOLO = ControlSpec("keys", 21, "solo", "choir")
SOLO_BASS = ControlSpec("keys", 22, "solo", "bass")
HELD = ControlSpec("keys", 67, "mute", "drums", held=True)
HELD_KEY = ControlSpec("keys", 37, "solo", "bass", event="note", held=True)
CONTROLS = (MUTE_KEY, MUTE, SOLO, SOLO_BASS, HELD, HELD_KEY)


def make() -> tuple[Performance, Recorder]:
    return make_performance(players=BAND, controls=CONTROLS)


def press(performance: Performance, now: float, *values: int, number: int = 20, channel: int = 1) -> None:
    for value in values:
        performance.hear(now, "keys", now, control_change(channel, number, value))


def play(performance: Performance, sink: Recorder, now: float, name: str, *plays: Play) -> None:
    number = [n for player, n, _ in sink.calls if player == name][-1]
    performance.answer(now, name, number, plays, True)


def command(performance: Performance, now: float, *commands: Command) -> None:
    for each in commands:
        performance.take(Commanded(now, each, now))


def test_a_button_mutes_at_once_and_at_its_next_press_the_player_sounds_again() -> None:
    performance, sink = make()
    play(performance, sink, 0.0, "drums", *(Play(0.0, pitch, 90, "kick", 8.0) for pitch in (36, 42)))
    run_until(performance, 0.4)
    press(performance, 0.5, 127, 0)
    assert sink.sent[2:] == [(0.5, "choir", note_off(10, 36)), (0.5, "choir", note_off(10, 42))]
    assert performance.silent() == ["drums"]
    play(performance, sink, 0.6, "drums", Play(1.5, 38, 90, "kick", 0.5), Play(2.5, 38, 90, "kick", 0.5))
    run_until(performance, 0.9)
    press(performance, 1.0, 127, 0)
    run_until(performance, 2.0)
    assert sink.sent[4:] == [(1.25, "choir", note_on(10, 38, 90)), (1.5, "choir", note_off(10, 38))]
    assert performance.silent() == []


def test_a_key_that_mutes_is_not_heard_as_a_note() -> None:
    performance, sink = make()
    sink.calls.clear()
    for now in (0.5, 1.0, 1.5):
        performance.hear(now, "keys", now, note_on(1, 36, 1))
        assert performance.silent() == (["drums"] if now != 1.0 else [])
        performance.hear(now + 0.1, "keys", now + 0.1, note_off(1, 36))
    assert not [call for _, _, call in sink.calls if isinstance(call, Listen)]


@pytest.mark.parametrize(
    ("values", "silent"),
    [
        ((127,), True),
        ((127, 127), False),  # a button that never sends 0
        ((127, 0, 127, 0), False),
        ((63, 0, 40), False),
        ((64, 70, 90, 127, 90, 64), True),  # a fader
        ((64, 127, 60, 90), False),
    ],
)
def test_a_press_is_a_rise_above_the_middle_or_the_same_value_again(values: tuple[int, ...], silent: bool) -> None:
    performance, _ = make()
    for number, value in enumerate(values):
        press(performance, number * 0.3, value)
    assert performance.silent() == (["drums"] if silent else [])


def test_a_button_that_bounces_or_sends_on_several_channels_is_pressed_once() -> None:
    performance, _ = make()
    for channel in range(1, 17):
        press(performance, 0.5, 127, 0, channel=channel)
    assert performance.silent() == ["drums"]
    press(performance, 0.7, 127, 0)
    assert performance.silent() == ["drums"]
    press(performance, 1.0, 127)
    assert performance.silent() == []


def test_a_held_control_mutes_for_as_long_as_it_is_up() -> None:
    performance, _ = make()
    for seconds, value in enumerate((64, 127, 90, 63, 0, 127)):
        press(performance, seconds / 100, value, number=67)
        assert performance.silent() == (["drums"] if value >= 64 else [])


def test_what_a_held_control_holds_ends_with_its_input() -> None:
    performance, _ = make()
    press(performance, 0.1, 127, number=67)
    performance.hear(0.1, "keys", 0.1, note_on(1, 37, 90))
    assert performance.silent() == ["choir", "drums"]
    performance.take(PortLost(0.2, "pads"))
    assert performance.silent() == ["choir", "drums"]
    performance.take(PortLost(0.3, "keys"))
    assert performance.silent() == []
    performance.hear(0.4, "keys", 0.4, note_off(1, 37))
    press(performance, 0.5, 127, number=20)  # a press that toggles stays
    performance.take(PortLost(0.6, "keys"))
    assert performance.silent() == ["drums"]


def test_what_a_held_control_holds_ends_with_a_reload_that_binds_it_to_something_else() -> None:
    performance, _ = make()
    press(performance, 0.1, 127, number=67)
    other = replace(performance.spec, controls=(HELD, MUTE))
    performance.take(Reconfigured(0.2, other))
    assert performance.silent() == ["drums"]
    performance.take(Reconfigured(0.3, replace(other, controls=(replace(HELD, player="bass"),))))
    assert performance.silent() == []


def test_solos_add_up_and_a_mute_has_precedence() -> None:
    performance, sink = make()
    for name, voice in (("choir", "alto"), ("drums", "kick"), ("bass", "bass")):
        play(performance, sink, 0.0, name, Play(0.0, 50, 90, voice, 16.0))
    run_until(performance, 0.4)
    press(performance, 0.5, 127, number=21)
    assert sink.sent[3:] == [(0.5, "choir", note_off(10, 50)), (0.5, "choir", note_off(4, 50))]
    press(performance, 0.6, 127, number=22)
    assert performance.silent() == ["drums"]
    command(performance, 0.7, MutePlayer("bass", True))
    assert performance.silent() == ["drums", "bass"]
    command(performance, 0.8, SoloPlayer("choir", False))
    assert performance.silent() == ["choir", "drums", "bass"] and performance.sounding()["choir"] == 0
    command(performance, 0.9, SoloPlayer("bass", False))
    assert performance.silent() == ["bass"]


def test_commands_toggle_too_and_unknown_players_are_ignored() -> None:
    performance, _ = make()
    command(performance, 0.1, ToggleMute("nobody"), ToggleSolo("nobody"), SoloPlayer("nobody", True))
    assert performance.silent() == []
    command(performance, 0.1, ToggleMute("bass"), ToggleSolo("choir"))
    assert performance.silent() == ["drums", "bass"]
    command(performance, 0.2, ToggleMute("bass"))  # too soon
    command(performance, 0.5, ToggleMute("bass"), ToggleSolo("choir"))
    assert performance.silent() == []


def test_a_muted_player_is_not_heard_by_its_listeners() -> None:
    performance, sink = make()
    play(performance, sink, 0.0, "choir", Play(0.0, 60, 90, "alto", 8.0))
    run_until(performance, 0.3)
    command(performance, 0.4, SoloPlayer("bass", True))
    heard = [call.event.message for name, _, call in sink.calls if name == "drums" and isinstance(call, Listen)]
    assert heard == [note_on(2, 60, 90), note_off(2, 60)]


def test_mute_and_solo_survive_restarts_and_reloads_and_end_with_their_player() -> None:
    performance, _ = make()
    command(performance, 0.1, MutePlayer("drums", True), SoloPlayer("choir", True))
    performance.take(PlayerDown(0.2, "drums"))
    performance.take(PlayerUp(0.3, "drums"))
    spec = performance.spec
    louder = replace(spec, seed=3, players=(replace(CHOIR, settings={"x": 1.0}), DRUMS, BASS))
    performance.take(Reconfigured(0.4, louder))
    assert performance.silent() == ["drums", "bass"]
    horn = replace(BASS, name="horn")
    performance.take(Reconfigured(0.5, replace(spec, players=(*BAND, horn))))
    assert performance.silent() == ["drums", "bass", "horn"]  # a newcomer is not soloed
    performance.take(Reconfigured(0.6, replace(spec, players=(DRUMS, BASS))))
    assert performance.silent() == ["drums"]
    performance.take(Reconfigured(0.7, replace(spec, players=(CHOIR, BASS))))
    performance.take(Reconfigured(0.8, spec))
    assert performance.silent() == []


def test_a_rotation_saves_mutes_solos_and_the_controls_that_are_held() -> None:
    performance, sink = make()
    press(performance, 0.1, 127, number=67)
    command(performance, 0.2, SoloPlayer("drums", True), RotateSession())
    state = next(entry.state for entry in sink.entries if isinstance(entry, StateSaved))
    assert (state["muted"], state["soloed"]) == (["drums"], ["drums"])
    again, _ = make()
    again.restore(0.2, state)
    assert again.silent() == performance.silent() == ["choir", "drums", "bass"]
    again.take(PortLost(0.3, "keys"))
    assert again.silent() == ["choir", "bass"]
    again.restore(0.4, {key: value for key, value in state.items() if key not in ("muted", "soloed", "controls")})
    assert again.silent() == []


def test_whatever_is_pressed_no_note_is_left_sounding() -> None:
    """Nor is a note-off sent for a note that did not sound, nor does a silent player strike one."""
    keys = (36, 37, 60)
    for seed in range(200):
        rng = random.Random(seed)
        performance, sink = make_performance(players=BAND, controls=CONTROLS, ports=(KEYS, OUT))
        now, read = 0.0, 0
        sounding: Counter[tuple[int, int]] = Counter()
        channels = {"choir": (1, 2), "drums": (10,), "bass": (4,)}
        for _ in range(60):
            now += rng.choice((0.0, 0.01, 0.1, 0.4))
            run_until(performance, now)
            match rng.randrange(8):
                case 0 | 1 | 2:
                    name, voice = rng.choice((("choir", "alto"), ("drums", "kick"), ("bass", "bass")))
                    onset = performance.beat_at(now) + rng.choice((0.0, 0.1, 1.0))
                    play(
                        performance,
                        sink,
                        now,
                        name,
                        Play(onset, rng.randrange(50, 53), 90, voice, rng.choice((0.3, 2.0))),
                    )
                case 3 | 4:
                    press(performance, now, rng.choice((0, 127)), number=rng.choice((20, 21, 22, 67)))
                case 5:
                    message = rng.choice((note_on(1, rng.choice(keys), 90), note_off(1, rng.choice(keys))))
                    performance.hear(now, "keys", now, message)
                case 6:
                    performance.take(PortLost(now, "keys"))
                case 7:
                    players = tuple(player for player in BAND if rng.random() < 0.8)
                    before = {player.name for player in performance.spec.players}
                    performance.take(Reconfigured(now, replace(performance.spec, players=players)))
                    for player in players:
                        if player.name not in before:
                            performance.take(PlayerUp(now, player.name))
                    for name in {player.name for player in BAND} - {player.name for player in players}:
                        channels_gone = channels[name]
                        assert not any(on in channels_gone for on, _ in sounding_after(sink, read, sounding)), seed
            sounding = sounding_after(sink, read, sounding)
            read = len(sink.sent)
            loud = {channel for channel, _ in sounding}
            assert not any(channel in loud for name in performance.silent() for channel in channels[name]), seed
        run_until(performance, now + 5.0)
        assert not sounding_after(sink, read, sounding), seed


def sounding_after(sink: Recorder, start: int, before: Counter[tuple[int, int]]) -> Counter[tuple[int, int]]:
    """(channel, pitch) → how many notes sound after the messages from `start` on."""
    sounding = before.copy()
    for _, _, message in sink.sent[start:]:
        key = (message[0] & 15) + 1, message[1]
        sounding[key] += 1 if is_note_on(message) else -1
        assert sounding[key] >= 0
    return +sounding
