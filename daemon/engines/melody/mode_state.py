"""What both modes, answering (respond.py) and second voice (duet.py), keep."""

from __future__ import annotations

from daemon.engines.melody.event_sampler import EventSampler
from daemon.engines.melody.line_memory import LineMemory
from daemon.engines.melody.top_line import TopLine
from daemon.engines.shared.sounding_voices import SoundingVoices

VOICE = "melody"


class ModeState:
    """The line that is heard, the model's memory, the sampler of events, and the note that sounds."""

    def __init__(self, memory: LineMemory, line: TopLine, sampler: EventSampler) -> None:
        self.memory, self.line, self.sampler, self.sounding = memory, line, sampler, SoundingVoices()

    def reset(self, seed: int) -> None:
        self.memory.forget()
        self.line.reset()
        self.sampler.reset(seed)
        self.sounding.clear()
