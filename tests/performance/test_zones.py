"""Players that hear a part of a source: a zone of the keyboard, or channels."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from daemon.commands import RotateSession
from daemon.entries import Commanded, PlayerDown, PlayerUp, PortLost, Reconfigured, StateSaved
from daemon.music.events import Play, control_change, is_note_off, is_note_on, note_off, note_on
from daemon.performance.performance import Performance
from daemon.performance.zones import Zones
from daemon.spec import ControlSpec, PlayerSpec, ZoneSpec
from daemon.wire import Listen
from tests.performance.offline import CHOIR, KEYS, OUT, Recorder, make_performance, run_until

LEFT = PlayerSpec("left", ("keys",), "choir", {"voice": 3}, monophonic=True, lead=0.03, tolerance=0.05)
RIGHT = replace(LEFT, name="right", channels={"voice": 4})
WHOLE = replace(LEFT, name="whole", channels={"voice": 5})
BAND = (LEFT, RIGHT, WHOLE)
PEDAL = ControlSpec("keys", 64, "sustain")


def split(at: int) -> tuple[ZoneSpec, ...]:
    return ZoneSpec("left", "keys", high=at - 1), ZoneSpec("right", "keys", low=at)


def make(*zones: ZoneSpec) -> tuple[Performance, Recorder]:
    return make_performance(players=BAND, controls=(PEDAL,), ports=(KEYS, OUT), zones=zones)


def hear(performance: Performance, sink: Recorder, message: bytes, now: float = 0.1) -> list[str]:
    """The players that hear `message`."""
    before = len(sink.calls)
    performance.hear(now, "keys", now, message)
    found = [(name, call.event) for name, _, call in sink.calls[before:] if isinstance(call, Listen)]
    assert all(event.message == message and event.source == "keys" for _, event in found)
    return [name for name, _ in found]


def move(performance: Performance, *zones: ZoneSpec, now: float = 0.2) -> None:
    performance.take(Reconfigured(now, replace(performance.spec, zones=zones)))


@pytest.mark.parametrize("channel", [1, 16])
def test_a_split_divides_the_keyboard(channel: int) -> None:
    performance, sink = make(*split(60))
    for pitch in (0, 59):
        assert hear(performance, sink, note_on(channel, pitch, 9)) == ["left", "whole"]
        assert hear(performance, sink, note_off(channel, pitch)) == ["left", "whole"]
    for pitch in (60, 127):
        assert hear(performance, sink, note_on(channel, pitch, 9)) == ["right", "whole"]
        assert hear(performance, sink, bytes((0x90 + channel - 1, pitch, 0))) == ["right", "whole"]


def test_channels_divide_an_input() -> None:
    performance, sink = make(ZoneSpec("left", "keys", channels=(2,)), ZoneSpec("right", "keys", 60, channels=(3, 4)))
    assert hear(performance, sink, note_on(2, 60, 9)) == ["left", "whole"]
    assert hear(performance, sink, note_on(4, 60, 9)) == ["right", "whole"]
    assert hear(performance, sink, note_on(4, 59, 9)) == ["whole"]
    assert hear(performance, sink, note_on(1, 60, 9)) == ["whole"]


def test_a_pedal_goes_to_every_listener_of_its_channel() -> None:
    performance, sink = make(*split(60))
    for value in (127, 64, 63, 0, 0):
        assert hear(performance, sink, control_change(1, 64, value)) == ["left", "right", "whole"]
    move(performance, ZoneSpec("left", "keys", channels=(2,)), ZoneSpec("right", "keys", 60, channels=(3,)))
    for value in (127, 64, 63, 0, 0):
        assert hear(performance, sink, control_change(2, 64, value)) == ["left", "whole"]


def test_a_key_is_released_where_it_was_pressed_also_if_a_reload_moves_the_split() -> None:
    performance, sink = make(*split(60))
    assert hear(performance, sink, note_on(1, 62, 9)) == ["right", "whole"]
    resets = len(sink.calls)
    move(performance, *split(65))
    assert len(sink.calls) == resets  # nobody starts anew
    assert hear(performance, sink, note_on(1, 62, 9)) == ["left", "whole"]  # again, without a release
    assert hear(performance, sink, note_off(1, 62)) == ["left", "right", "whole"]
    assert hear(performance, sink, note_off(1, 62)) == ["whole"]


def test_a_key_and_a_pedal_are_released_where_they_were_pressed_also_if_a_reload_makes_a_zone() -> None:
    performance, sink = make()
    assert hear(performance, sink, note_on(1, 62, 9)) == ["left", "right", "whole"]
    assert hear(performance, sink, control_change(1, 64, 127)) == ["left", "right", "whole"]
    move(performance, ZoneSpec("left", "keys", channels=(2,)), ZoneSpec("right", "keys", 60, channels=(1,)))
    assert hear(performance, sink, control_change(1, 64, 0)) == ["left", "right", "whole"]
    assert hear(performance, sink, note_off(1, 62)) == ["left", "right", "whole"]
    assert hear(performance, sink, control_change(1, 64, 0)) == ["right", "whole"]


def test_what_a_lost_input_held_is_released_in_its_zone() -> None:
    performance, sink = make(*split(60))
    hear(performance, sink, note_on(1, 62, 9))
    before = len(sink.calls)
    performance.take(PortLost(0.3, "keys"))
    found = [(name, call.event.message) for name, _, call in sink.calls[before:] if isinstance(call, Listen)]
    assert found == [("right", note_off(1, 62)), ("whole", note_off(1, 62))]


def test_a_player_that_starts_anew_after_a_reload_remembers_no_key() -> None:
    performance, sink = make(*split(60))
    hear(performance, sink, note_on(1, 62, 9))
    players = (LEFT, replace(RIGHT, channels={"voice": 9}), WHOLE)
    performance.take(Reconfigured(0.2, replace(performance.spec, players=players)))
    performance.take(PlayerUp(0.2, "right"))
    assert hear(performance, sink, note_off(1, 62)) == ["whole"]


def test_a_player_may_hear_a_part_of_another_one() -> None:
    bass = PlayerSpec("bass", ("choir",), "choir", {"voice": 9}, True, 0.03, 0.05)
    performance, sink = make_performance(players=(CHOIR, bass), zones=(ZoneSpec("bass", "choir", channels=(2,)),))
    number = [n for player, n, _ in sink.calls if player == "choir"][-1]
    plays = [Play(0.0, 60, 90, voice, 0.5) for voice in ("soprano", "alto")]
    performance.answer(0.0, "choir", number, plays, True)
    run_until(performance, 1.0)
    heard = [call.event.message for name, _, call in sink.calls if name == "bass" and isinstance(call, Listen)]
    assert heard == [note_on(2, 60, 90), note_off(2, 60)]


def test_a_rotation_saves_where_keys_were_pressed() -> None:
    performance, sink = make(*split(60))
    hear(performance, sink, note_on(1, 62, 9))
    performance.take(Commanded(0.1, RotateSession(), 0.1))
    state = next(entry.state for entry in sink.entries if isinstance(entry, StateSaved))
    again, heard = make(*split(60))
    again.restore(0.1, state)
    move(again, *split(65))
    assert hear(again, heard, note_off(1, 62)) == ["right", "whole"]
    again.restore(0.1, {key: value for key, value in state.items() if key != "heard"})
    assert hear(again, heard, note_off(1, 62)) == ["whole"]


def test_whatever_is_reloaded_every_key_and_pedal_that_a_player_hears_is_released() -> None:
    """A player hears a release exactly where it heard the beginning."""
    for seed in range(200):
        rng = random.Random(seed)
        performance, sink = make(*split(60))
        down: dict[str, set[tuple[int, int]]] = {player.name: set() for player in BAND}
        read = 0
        held: set[tuple[int, int]] = set()
        for step in range(80):
            now = step / 10
            channel, pitch = rng.choice((1, 2)), rng.randrange(57, 64)
            match rng.randrange(10):
                case 0 | 1 | 2 | 3:
                    performance.hear(now, "keys", now, note_on(channel, pitch, 9))
                    held.add((channel, pitch))
                case 4 | 5 if held:
                    key = rng.choice(sorted(held))
                    held.remove(key)
                    performance.hear(now, "keys", now, note_off(*key))
                case 6:
                    performance.hear(now, "keys", now, control_change(channel, 64, rng.choice((0, 127))))
                case 7:
                    zones = []
                    for name in rng.sample(("left", "right"), rng.randrange(3)):
                        low, channels = rng.randrange(57, 64), rng.choice(((), (1,), (2,)))
                        zones.append(ZoneSpec(name, "keys", low, low + rng.randrange(5), channels))
                    move(performance, *zones, now=now)
                case 8 if rng.random() < 0.2:
                    performance.take(PortLost(now, "keys"))
                    held.clear()
                case 9:
                    performance.take(Commanded(now, RotateSession(), now))
            follow(down, sink, read)
            read = len(sink.calls)
        for key in sorted(held):
            performance.hear(9.0, "keys", 9.0, note_off(*key))
        for channel in (1, 2):
            performance.hear(9.0, "keys", 9.0, control_change(channel, 64, 0))
        follow(down, sink, read)
        assert not any(down.values()), seed


def follow(down: dict[str, set[tuple[int, int]]], sink: Recorder, start: int) -> None:
    """Keeps the keys and pedals (pitch 128) that each player hears held; players with a zone hear no other releases."""
    for name, _, call in sink.calls[start:]:
        if not isinstance(call, Listen):
            continue
        message = call.event.message
        channel, is_note = (message[0] & 15) + 1, is_note_on(message) or is_note_off(message)
        key = channel, message[1] if is_note else 128
        if is_note_on(message) or (not is_note and message[2] >= 64):
            down[name].add(key)
        else:
            down[name].discard(key)


def test_the_players_restart_keeps_the_zone() -> None:
    performance, sink = make(*split(60))
    performance.take(PlayerDown(0.1, "left"))
    performance.take(PlayerUp(0.2, "left"))
    assert hear(performance, sink, note_on(1, 62, 9)) == ["right", "whole"]


def test_zones_of_other_players_are_not_mixed_up() -> None:
    zones = Zones()
    zones.take(split(60), ("left", "right"))
    for message in (note_on(1, 40, 1), note_off(1, 40)):
        assert not zones.lets_pass("right", "keys", message) and zones.lets_pass("left", "keys", message)
    assert zones.lets_pass("right", "pads", note_on(1, 40, 1))
