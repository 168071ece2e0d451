"""The sound of a MIDI channel, and the one place where the sound becomes messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from daemon.json_decoding import Limits
from daemon.music.events import BANK_LSB, BANK_MSB, PAN, VOLUME, Channel, control_change, program_change

Data = Annotated[int, Limits(0, 127)]
Program = Annotated[int, Limits(1, 128)]


@dataclass(frozen=True, slots=True)
class Sound:
    """What `channel` (1–16) of an output plays with. Nothing is sent of what is None, or of an empty bank.

    `program`: 1–128, as lists of General MIDI count; `bank`: its MSB, or MSB and LSB; `volume`: 0–127 (CC 7);
    `pan`: −64 (left) to 63 (right), 0 in the middle (CC 10).
    """

    channel: Channel
    program: Program | None = None
    bank: tuple[Data, ...] = ()
    volume: Data | None = None
    pan: Annotated[int, Limits(-64, 63)] | None = None

    def messages(self, before: Sound | None = None) -> list[bytes]:
        """In the order in which they are sent; with the sound `before`, only those of what differs from it."""
        found = []
        if before is None or (self.program, self.bank) != (before.program, before.bank):
            numbers = zip((BANK_MSB, BANK_LSB), self.bank, strict=False)
            found += [control_change(self.channel, number, value) for number, value in numbers]
            found += [program_change(self.channel, self.program)] if self.program is not None else []
        if self.volume is not None and (before is None or self.volume != before.volume):
            found.append(control_change(self.channel, VOLUME, self.volume))
        if self.pan is not None and (before is None or self.pan != before.pan):
            found.append(control_change(self.channel, PAN, self.pan + 64))
        return found

    def or_else(self, other: Sound) -> Sound:
        """With the values of `other` where this one has none."""
        program, bank = (other.program, other.bank) if self.program is None else (self.program, self.bank)
        volume = other.volume if self.volume is None else self.volume
        return Sound(self.channel, program, bank, volume, other.pan if self.pan is None else self.pan)


def of_channels(sounds: Iterable[Sound], channels: Iterable[int]) -> dict[int, Sound]:
    """The sounds of these channels, by channel."""
    wanted = set(channels)
    return {sound.channel: sound for sound in sounds if sound.channel in wanted}
