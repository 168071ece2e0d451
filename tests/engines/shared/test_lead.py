"""Keys, pedals and who leads."""

from daemon.engines.shared.lead import Lead
from daemon.engines.shared.line import share_out
from daemon.music.events import MidiEvent, control_change
from daemon.music.melody import Note
from tests.engines.harmoniser.fake import melody, off, on


def leading(lead: Lead, beat: float, bar: float = 4.0) -> dict[str, int] | None:
    keys = lead.keys(beat, bar)
    return None if keys is None else {voice: key.pitch for voice, key in keys.leading.items()}


def test_share_out() -> None:
    notes = [Note(0, 1, pitch, 80) for pitch in (60, 72, 64, 67, 76)]

    def pitches(count: int, *given: str) -> list[int]:
        return [note.pitch for note in share_out(notes[:count], given).values()]

    assert pitches(5, "soprano") == [76]
    assert pitches(5, "bass") == [60]
    assert pitches(5, "soprano", "bass") == [76, 60]
    assert pitches(1, "soprano", "bass") == [60]
    assert pitches(5, "soprano", "alto", "bass") == [76, 72, 60]
    assert pitches(2, "soprano", "alto", "bass") == [72, 60]
    assert share_out([], ("soprano",)) == {}


def test_the_order_of_listen_counts() -> None:
    lead = Lead(("keys", "pads"), ("soprano",))
    lead.hear(on(0, 60, source="pads"))
    assert leading(lead, 0) == {"soprano": 60}
    lead.hear(on(1, 72))
    assert leading(lead, 1) == {"soprano": 72}
    lead.hear(off(2, 72))
    assert leading(lead, 5.9) == {}
    assert leading(lead, 6.0) == {"soprano": 60}
    assert leading(lead, 5.0, bar=3.0) == {"soprano": 60}


def test_channels_are_keyboards_of_their_own() -> None:
    lead = Lead(("keys",), ("soprano",))
    lead.hear(on(0, 60, channel=1))
    lead.hear(on(0, 60, channel=2))
    lead.hear(off(1, 60, channel=1))
    assert leading(lead, 1) == {"soprano": 60}
    lead.hear(MidiEvent(2, "keys", control_change(2, 123, 0)))
    assert leading(lead, 2) == {}


def test_odd_pedals() -> None:
    lead = Lead(("keys",), ("soprano",))
    lead.hear(MidiEvent(0, "keys", control_change(1, 64, 127)))
    lead.hear(on(0, 60))
    lead.hear(off(1, 60))
    lead.hear(off(1, 60))
    lead.hear(MidiEvent(2, "keys", control_change(1, 64, 64)))
    assert leading(lead, 100) == {"soprano": 60}
    lead.hear(MidiEvent(100, "keys", control_change(1, 64, 0)))
    assert leading(lead, 100) == {}
    assert leading(lead, 104) is None


def test_the_first_melody_that_has_not_ended_leads() -> None:
    tunes = {"long": melody((0, 8, 60)), "short": melody((0, 2, 72))}
    lead = Lead(("keys", "short", "long"), ("soprano",))
    lead.reset(tunes)
    assert [lead.lines(beat) and lead.lines(beat)["soprano"].notes[0].pitch for beat in (0, 1.9, 2, 8)] == [  # type: ignore[index]
        72, 72, 60, None
    ]  # fmt: skip
    assert not lead.hear(on(0, 60, source="short"))
    assert lead.hear(on(0, 60))
