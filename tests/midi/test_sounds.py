"""Programs, volumes and pans: sent to every new receiver, before the first note, and not within a note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from daemon.metrics import GRID, OTHER, Metrics
from daemon.midi.ledger import Ledger, panic_messages
from daemon.midi.output import Output
from daemon.midi.pace import Bursts, Unlimited
from daemon.midi.port_names import ALSA, CORE_MIDI, JACK
from daemon.music.events import note_off, note_on
from daemon.music.sound import Sound
from daemon.spec import PortSpec
from tests.midi.fake_stage import Stage

CHOIR, FLUTE = Sound(1, 53, volume=100, pan=-20), Sound(2, 74, volume=90)
CHOIR_MESSAGES = [b"\xc0\x34", b"\xb0\x07\x64", b"\xb0\x0a\x2c"]
FLUTE_MESSAGES = [b"\xc1\x49", b"\xb1\x07\x5a"]
PORT = PortSpec("choir", "out", sounds=(CHOIR, FLUTE))


@pytest.fixture
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(getattr(request, "param", ALSA), monkeypatch)
    yield stage
    stage.waker.close()


def open_output(sent: list[bytes], ledger: Ledger | None = None) -> Output:
    output = Output("choir", ledger or Ledger(), Metrics())
    output.set_sounds([CHOIR, FLUTE])
    output.open(sent.append, Unlimited(), lambda: True, 0.0)
    return output


def without_panics(messages: list[bytes]) -> list[bytes]:
    return [message for message in messages if message not in panic_messages()]


# An output


def test_each_channels_sound_comes_before_its_first_note(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    output.pump(0.0)
    assert sent == []  # nothing is connected yet
    for message in (note_on(1, 60, 90), note_on(1, 64, 90), note_on(3, 60, 90), note_on(2, 60, 90)):
        output.send(message, 0.0, GRID)
    choir = [*CHOIR_MESSAGES, note_on(1, 60, 90), note_on(1, 64, 90)]
    assert sent == [*choir, note_on(3, 60, 90), *FLUTE_MESSAGES, note_on(2, 60, 90)]


def test_without_sounds_nothing_is_sent(now: list[float]) -> None:
    sent: list[bytes] = []
    output = Output("choir", Ledger(), Metrics())
    output.set_sounds([])
    output.open(sent.append, Unlimited(), lambda: True, 0.0)
    output.repeat_sounds()
    output.send(note_on(1, 60, 90), 0.0, GRID)
    assert sent == [note_on(1, 60, 90)] and output.is_idle


def test_a_new_receiver_gets_the_sounds_of_silent_channels_at_once_and_others_before_their_next_note(
    now: list[float],
) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    sent.clear()
    output.repeat_sounds()
    output.pump(0.0)
    assert sent == FLUTE_MESSAGES
    output.send(b"\xb0\x40\x7f", 0.0, GRID)
    output.send(note_off(1, 60), 0.0, GRID)
    output.send(note_on(1, 62, 90), 0.0, GRID)
    output.send(note_on(1, 64, 90), 0.0, GRID)
    assert sent[2:] == [b"\xb0\x40\x7f", note_off(1, 60), *CHOIR_MESSAGES, note_on(1, 62, 90), note_on(1, 64, 90)]


def test_a_pitch_that_is_struck_again_ends_before_its_sound_changes(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.repeat_sounds()
    output.pump(0.0)
    sent.clear()
    output.send(note_on(1, 60, 80), 0.0, GRID)
    assert sent == [note_off(1, 60), *CHOIR_MESSAGES, note_on(1, 60, 80)]


def test_a_note_that_is_queued_before_the_sounds_comes_after_its_own(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    output.send(note_on(1, 60, 90), 0.1, GRID)
    output.repeat_sounds()
    now[0] = 0.1
    output.pump(0.1)
    assert sent == [*CHOIR_MESSAGES, note_on(1, 60, 90), *FLUTE_MESSAGES]


def test_of_changed_sounds_only_the_difference_is_sent(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    output.repeat_sounds()
    output.pump(0.0)
    sent.clear()
    output.set_sounds([CHOIR, FLUTE])
    assert output.is_idle
    output.set_sounds([replace(CHOIR, volume=80), Sound(3, 1), replace(FLUTE, volume=None)])
    output.pump(0.0)
    assert sent == [b"\xb0\x07\x50", b"\xc2\x00"]


def test_a_change_of_what_was_not_sent_yet_is_sent_whole(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    output.set_sounds([replace(CHOIR, volume=80)])
    output.pump(0.0)
    assert sent == [CHOIR_MESSAGES[0], b"\xb0\x07\x50", CHOIR_MESSAGES[2]]


def test_a_port_that_is_opened_again_sends_what_is_owed_then_the_sounds(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.send(note_on(2, 60, 90), 0.0, GRID)
    output.close()
    output.set_sounds([CHOIR])
    again: list[bytes] = []
    output.open(again.append, Unlimited(), lambda: True, 0.0)
    output.pump(0.0)
    output.send(note_on(1, 62, 90), 0.0, GRID)
    assert again == [note_off(1, 60), note_off(2, 60), *panic_messages(), *CHOIR_MESSAGES, note_on(1, 62, 90)]


def test_on_alsa_a_chord_to_a_new_receiver_fits_into_one_burst(now: list[float]) -> None:
    """Four voices that move at once: their note-offs, sounds and note-ons are 20 messages."""
    sent: list[tuple[float, bytes]] = []
    output = Output("choir", Ledger(), Metrics())
    output.set_sounds([Sound(channel, 53, volume=100, pan=0) for channel in range(1, 5)])
    output.open(lambda message: sent.append((now[0], message)), Bursts(20, 0.004), lambda: True, 0.0)
    for channel in range(1, 5):
        output.send(note_on(channel, 60, 90), 0.0, GRID)
    output.repeat_sounds()
    now[0] = 1.0
    output.pump(1.0)
    sent.clear()
    for message in (note_off, lambda channel, pitch: note_on(channel, pitch + 2, 90)):
        for channel in range(1, 5):
            output.send(message(channel, 60), 1.0, GRID)
    assert len(sent) == 20 and {seconds for seconds, _ in sent} == {1.0}


# All ports


@pytest.mark.parametrize("stage", [ALSA, JACK], indirect=True)
def test_receivers_that_connect_late_get_the_sounds_once_each(stage: Stage) -> None:
    stage.configure(PORT)
    stage.go_on(5.0)
    handle = stage.handle("choir")
    assert handle.got == []
    stage.graph.others = ["synth", "sampler"]
    for other in stage.graph.others:
        stage.graph.connect("jamd choir:midi", other, True)
        stage.go_on(5.0)
        assert handle.got == [*CHOIR_MESSAGES, *FLUTE_MESSAGES]
        handle.got.clear()
    stage.graph.others = ["synth"]  # the other one ends …
    stage.go_on(5.0)
    assert handle.got == []
    stage.graph.others = ["synth", "sampler"]  # … and is back
    stage.go_on(5.0)
    assert without_panics(handle.got) == [*CHOIR_MESSAGES, *FLUTE_MESSAGES]


@pytest.mark.parametrize("stage", [ALSA, JACK], indirect=True)
def test_a_synthesiser_named_by_connect_gets_the_sounds_when_it_is_there_and_when_it_is_back(stage: Stage) -> None:
    stage.graph.others = ["synth"]
    stage.configure(replace(PORT, connect="synth"))
    stage.go_on(5.0)
    assert stage.handle("choir").got == [*CHOIR_MESSAGES, *FLUTE_MESSAGES]
    stage.graph.others = []
    stage.go_on(5.0)
    stage.graph.others = ["synth"]
    stage.go_on(5.0)
    assert len(stage.opened["choir"]) == 2
    assert without_panics(stage.handle("choir").got) == [*CHOIR_MESSAGES, *FLUTE_MESSAGES]


def test_a_reload_sends_what_changed(stage: Stage) -> None:
    stage.graph.others = ["synth"]
    stage.configure(replace(PORT, connect="synth"))
    stage.go_on(5.0)
    handle = stage.handle("choir")
    handle.got.clear()
    stage.configure(replace(PORT, connect="synth", delay=0.1))
    stage.go_on(5.0)
    assert handle.got == []
    stage.configure(replace(PORT, connect="synth", sounds=(CHOIR, replace(FLUTE, program=76))))
    stage.go_on(5.0)
    assert handle.got == [b"\xc1\x4b"]


def test_a_panic_is_followed_by_the_sounds(stage: Stage) -> None:
    stage.graph.others = ["synth"]
    stage.configure(replace(PORT, connect="synth"))
    stage.go_on(5.0)
    handle = stage.handle("choir")
    handle.got.clear()
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.ports.silence()
    stage.ports.repeat_sounds()
    stage.go_on(1.0)
    assert handle.got == [note_on(1, 60, 90), note_off(1, 60), *panic_messages(), *CHOIR_MESSAGES, *FLUTE_MESSAGES]


@pytest.mark.parametrize("stage", [CORE_MIDI], indirect=True)
def test_where_connections_cannot_be_seen_the_sounds_are_sent_at_the_opening_and_at_the_start(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(stage.ports._systems), "graphs", lambda _: {})
    stage.configure(PORT)
    stage.go_on(5.0)
    handle = stage.handle("choir")
    assert handle.got == [*CHOIR_MESSAGES, *FLUTE_MESSAGES]
    handle.got.clear()
    stage.ports.repeat_opening()
    stage.go_on(5.0)
    assert without_panics(handle.got) == [*CHOIR_MESSAGES, *FLUTE_MESSAGES]
