"""Fixed melodies: sent to outputs, heard by players, dropped when late."""

from __future__ import annotations

from daemon.commands import Panic, RotateSession
from daemon.entries import Commanded, MelodyPlayed, Started, StateSaved
from daemon.music.events import note_off, note_on
from daemon.spec import MelodySpec, PlayerSpec
from daemon.wire import Listen
from tests.performance.offline import MIDI, TUNE, TWINKLE, make_performance, run_until


def test_a_looped_melody_is_sent_to_its_outputs_and_its_listeners() -> None:
    listener = PlayerSpec("choir", ("twinkle",), "choir", {"alto": 2}, True, 0.03, 0.05)
    performance, sink = make_performance(players=(listener,), melodies=(MelodySpec(TWINKLE, ("choir",), 7),))
    run_until(performance, 2.9)
    on, off = (lambda p: note_on(7, p, 80)), (lambda p: note_off(7, p))
    expected = [
        (0.0, on(60)),
        (0.5, off(60)),
        (0.5, on(60)),
        (1.0, off(60)),
        (1.5, on(67)),
        (2.0, off(67)),
        (2.0, on(60)),
    ]
    assert [(t, m) for t, _, m in sink.sent] == [*expected, (2.5, off(60)), (2.5, on(60))]
    assert [c[2].event.message for c in sink.calls if isinstance(c[2], Listen)] == [m for _, _, m in sink.sent]


def test_a_melody_note_that_sounds_at_the_start_position_is_played_from_there() -> None:
    performance, sink = make_performance(False, clock=MIDI, melodies=(MelodySpec(TUNE, ("choir",)),))
    performance.take(Started(5.0, 0.25, 5.0))
    run_until(performance, 5.2)
    assert sink.sent == [
        (5.0, "choir", note_on(1, 60, 80)),
        (5.125, "choir", note_off(1, 60)),
        (5.125, "choir", note_on(1, 61, 80)),
    ]


def test_late_melody_notes_are_dropped_with_their_note_offs() -> None:
    performance, sink = make_performance(melodies=(MelodySpec(TUNE, ("choir",)),), players=())
    run_until(performance, 0.1)
    performance.advance(1.3)  # after a pause
    sent = [(t, m) for t, _, m in sink.sent]
    assert sent == [(0.0, note_on(1, 60, 80)), (0.25, note_off(1, 60)), (1.25, note_on(1, 65, 80))]
    assert performance.counts["dropped"] == 4


def test_a_panic_ends_melody_notes_in_the_recording_too() -> None:
    performance, sink = make_performance(melodies=(MelodySpec(TUNE, ("choir",), 3),), players=())
    run_until(performance, 0.6)
    performance.take(Commanded(0.6, Panic(), 0.6))
    run_until(performance, 0.7)
    recorded = [(entry.seconds, entry.message) for entry in sink.entries if isinstance(entry, MelodyPlayed)]
    assert recorded[-1] == (0.6, note_off(3, 62)) and sink.sent[-1] == (0.6, "choir", note_off(3, 62))


def test_a_performance_that_began_years_ago_is_restored_at_once() -> None:
    """Every session of a service begins with the state; the transport may have started with the machine."""
    heard = []
    for began in (-2.0, -50_000_000.0):
        performance, sink = make_performance(melodies=(MelodySpec(TUNE, ("choir",)),), players=())
        performance.take(Commanded(1.0, RotateSession(), 1.0))
        (state,) = [entry.state for entry in sink.entries if isinstance(entry, StateSaved)]
        restored, sink = make_performance(melodies=(MelodySpec(TUNE, ("choir",)),), players=())
        sink.sent.clear()
        restored.restore(1.0, {**state, "began": began})
        run_until(restored, 3.0)
        heard.append(sink.sent)
    assert heard[0] == heard[1] and heard[0]
