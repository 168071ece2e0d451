"""Keys, pedals, and which source leads."""

from daemon.engines.shared.lead import LeadSelector
from daemon.engines.shared.line import assign_voices
from daemon.music.events import MidiEvent, control_change
from daemon.music.melody import Note
from tests.engines.harmoniser.fake import melody, off, on


def leading(lead: LeadSelector, beat: float, bar: float = 4.0) -> dict[str, int] | None:
    source = lead.live_source(beat, bar)
    return None if source is None else {voice: key.pitch for voice, key in source.leading.items()}


def test_the_highest_notes_lead_the_given_voices_and_the_lowest_the_bass() -> None:
    notes = [Note(0, 1, pitch, 80) for pitch in (60, 72, 64, 67, 76)]

    def pitches(count: int, *given: str) -> list[int]:
        return [note.pitch for note in assign_voices(notes[:count], given).values()]

    assert pitches(5, "soprano") == [76]
    assert pitches(5, "bass") == [60]
    assert pitches(5, "soprano", "bass") == [76, 60]
    assert pitches(1, "soprano", "bass") == [60]
    assert pitches(5, "soprano", "alto", "bass") == [76, 72, 60]
    assert pitches(2, "soprano", "alto", "bass") == [72, 60]
    assert assign_voices([], ("soprano",)) == {}


def test_the_first_source_under_listen_leads_until_a_bar_after_its_last_key() -> None:
    lead = LeadSelector(("keys", "pads"), ("soprano",))
    lead.hear(on(0, 60, source="pads"))
    assert leading(lead, 0) == {"soprano": 60}
    lead.hear(on(1, 72))
    assert leading(lead, 1) == {"soprano": 72}
    lead.hear(off(2, 72))
    assert leading(lead, 5.9) == {}
    assert leading(lead, 6.0) == {"soprano": 60}
    assert leading(lead, 5.0, bar=3.0) == {"soprano": 60}


def test_keys_are_held_by_channel() -> None:
    lead = LeadSelector(("keys",), ("soprano",))
    lead.hear(on(0, 60, channel=1))
    lead.hear(on(0, 60, channel=2))
    lead.hear(off(1, 60, channel=1))
    assert leading(lead, 1) == {"soprano": 60}
    lead.hear(MidiEvent(2, "keys", control_change(2, 123, 0)))
    assert leading(lead, 2) == {}


def test_the_pedal_holds_until_a_value_below_64() -> None:
    lead = LeadSelector(("keys",), ("soprano",))
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
    def first_pitch(beat: float) -> int | None:
        lines = lead.melody_lines(beat)
        return lines["soprano"].notes[0].pitch if lines else None

    tunes = {"long": melody((0, 8, 60)), "short": melody((0, 2, 72))}
    lead = LeadSelector(("keys", "short", "long"), ("soprano",))
    lead.reset(tunes)
    assert [first_pitch(beat) for beat in (0, 1.9, 2, 8)] == [72, 72, 60, None]
    assert not lead.hear(on(0, 60, source="short"))
    assert lead.hear(on(0, 60))


def test_the_lines_of_a_melody_are_made_once() -> None:
    """Those of 100,000 notes take seconds, in which the player would count as hung at every reset."""
    lead, tune = LeadSelector(("tune",), ("soprano",)), melody((0, 1, 60), (1, 1, 62))
    lead.reset({"tune": tune})
    lines = lead.melody_lines(0.0)
    lead.reset({"tune": tune})
    assert lines is not None and lead.melody_lines(0.0) is lines
    lead.reset({})
    assert lead.melody_lines(0.0) is None
    lead.reset({"tune": melody((0, 1, 72))})
    other = lead.melody_lines(0.0)
    assert other is not None and [note.pitch for note in other["soprano"].notes] == [72]
