"""Channel mode messages at a source that leads."""

import pytest

from daemon.engines.shared.lead import LeadSelector
from daemon.music.events import MidiEvent, control_change
from tests.engines.harmoniser.fake import off, on


@pytest.mark.parametrize("number", [120, 121, 122, 123, 124, 125, 126, 127])
@pytest.mark.parametrize("pedal", [False, True])
@pytest.mark.parametrize("key", [False, True])
def test_keys_and_pedals_of_a_channel_end(number: int, pedal: bool, key: bool) -> None:
    lead = LeadSelector(("keys",), ("soprano",))
    if pedal:
        lead.hear(MidiEvent(0, "keys", control_change(1, 64, 127)))
    lead.hear(on(0, 60))
    if not key:
        lead.hear(off(1, 60))
    lead.hear(MidiEvent(2, "keys", control_change(2, number, 0)))  # another channel
    source = lead.live_source(1.5, 4.0)
    assert source is not None and bool(source.leading) == (pedal or key)
    lead.hear(MidiEvent(2, "keys", control_change(1, number, 0)))
    held = key and number in (121, 122)
    sustained = pedal and number not in (120, 121)
    assert bool(source.leading) == (held or sustained)
