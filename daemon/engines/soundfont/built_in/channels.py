"""The state of a MIDI channel: program, controllers, pedals, bend."""

from __future__ import annotations

from dataclasses import dataclass

_PEDAL = 64  # from this value on a pedal is down


@dataclass
class Channel:
    program: int = 0
    volume: int = 100
    expression: int = 127
    pan: int = 64
    modulation: int = 0
    reverb: int = 40
    bend: float = 0.0  # −1 … 1
    bend_semitones: int = 2
    bend_cents: int = 0
    has_sustain: bool = False
    has_sostenuto: bool = False
    is_soft: bool = False
    _parameter: tuple[int, int] = (127, 127)  # the RPN that is selected; 127, 127: none

    @property
    def gain(self) -> float:
        return (self.volume * self.expression / 127**2) ** 2

    @property
    def pitch(self) -> float:
        """The ratio by which the bend changes the pitch."""
        return float(2 ** (self.bend * (self.bend_semitones + self.bend_cents / 100) / 12))

    def control(self, controller: int, value: int) -> None:
        match controller:
            case 1:
                self.modulation = value
            case 6 if self._parameter == (0, 0):
                self.bend_semitones = min(value, 24)
            case 38 if self._parameter == (0, 0):
                self.bend_cents = min(value, 99)
            case 7:
                self.volume = value
            case 10:
                self.pan = value
            case 11:
                self.expression = value
            case 64:
                self.has_sustain = value >= _PEDAL
            case 66:
                self.has_sostenuto = value >= _PEDAL
            case 67:
                self.is_soft = value >= _PEDAL
            case 91:
                self.reverb = value
            case 98 | 99:
                self._parameter = (127, 127)
            case 100:
                self._parameter = (self._parameter[0], value)
            case 101:
                self._parameter = (value, self._parameter[1])
            case 121:  # reset of all controllers, but volume, pan and the reverb (RP-015)
                self.expression, self.modulation, self.bend = 127, 0, 0.0
                self.has_sustain = self.has_sostenuto = self.is_soft = False
                self._parameter = (127, 127)
