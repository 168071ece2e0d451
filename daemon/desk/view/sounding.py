"""What sounds, who leads, and in which key: followed in the journal's entries."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.commands import ChangeSetting, Panic, TapBeat
from daemon.desk.view.names import Key, drum
from daemon.entries import (
    Commanded,
    Entry,
    Heard,
    MelodyPlayed,
    Planned,
    PortLost,
    Reconfigured,
    Sent,
    StageStarted,
    Started,
    StateSaved,
    Stopped,
    TempoChanged,
)
from daemon.music.events import channel_of, ends_notes, is_note_off, is_note_on, lifts_pedals
from daemon.music.form_place import FormPlace, form_place
from daemon.music.general_midi import DRUM_CHANNEL
from daemon.music.plan import Plan, add_plan
from daemon.music.tempo import SIXTEENTH, Tempo
from daemon.performance.controls import PRESSED, Controls, command_of, value_of
from daemon.spec import JUMP, ControlSpec

HIT_SHOWN = 0.25  # seconds that a drum is shown at least
SAME_BEAT = 0.01  # beats by which the clock may seem to jump, by rounding
TAPPED = 2.0  # seconds after a tap in which a new tempo is the tapped one


class Sounding:
    """Notes by source or player and voice; `notice` is the last thing a person did, with its time in seconds."""

    def __init__(self) -> None:
        self.key = Key()
        self.tempo = Tempo(0.0, 0.0, 0.0)
        self.notice, self.noticed_at = "", 0.0
        self.tapped_at = -TAPPED
        self._notes: dict[tuple[str, str], list[int]] = {}  # (source or player, voice) → pitches
        self._hits: dict[tuple[str, str], dict[int, float]] = {}  # the same of channel 10 → pitch: seconds it is shown
        self._struck_at = -TAPPED  # when the last key was
        self.began = 0.0  # the beat to which the song jumped last: by a start, or by a key that sets the beat
        self._controls = Controls()
        self._values: dict[tuple[str, int], int] = {}  # (input, control) → its last value
        self._pedals: set[tuple[str, int | None]] = set()  # (input, channel) of sustain pedals that are held
        self._plans: dict[str, tuple[Plan, ...]] = {}  # by player
        self._leading: set[str] = set()  # inputs with keys that are held, by hand or by pedal
        self._released: dict[str, float] = {}  # input → seconds of the last release of all keys and pedals

    def follow(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            match entry:
                case Sent():
                    self._hear(entry.player, entry.voice, entry.message, entry.seconds)
                case Heard():
                    self._hear_input(entry)
                case MelodyPlayed():
                    self._hear(entry.source, "", entry.message, entry.seconds)
                case Planned(now, player, _, plan):
                    self._plans[player] = add_plan(self._plans.get(player, ()), plan, self.tempo.beat_at(now))
                case PortLost():
                    self._notes.pop((entry.port, ""), None)
                    self._pedals = {pedal for pedal in self._pedals if pedal[0] != entry.port}
                    self._update_leading(entry.port, entry.seconds)
                case TempoChanged():
                    moved = abs(self.tempo.beat_at(entry.seconds) - entry.beat)
                    if moved > SAME_BEAT and self.tempo.bpm == entry.bpm and entry.seconds == self._struck_at:
                        self.tell("your key sets the beat", entry.seconds)
                    if moved > SIXTEENTH / 2:  # more than a clock source corrects: a start, by which players begin anew
                        self.began = entry.beat
                        self._released.clear()
                    self.tempo = Tempo(entry.beat, entry.seconds, entry.bpm)
                case Commanded(command=TapBeat()):
                    self.tapped_at = entry.seconds
                case (
                    Started() | Stopped() | StateSaved() | Reconfigured() | StageStarted() | Commanded(command=Panic())
                ):
                    self._notes.clear()
                    self._pedals.clear()
                    if isinstance(entry, StageStarted):
                        self._plans.clear()
                    self._leading.clear()
                    self._released.clear()
                    if isinstance(entry, StageStarted | Reconfigured):
                        self._controls.take(entry.spec.controls)
                    if isinstance(entry, Commanded):
                        self.tell("panic: everything is silenced", entry.seconds)

    def tell(self, notice: str, seconds: float) -> None:
        self.notice, self.noticed_at = notice, seconds

    def pitches(self, owner: str) -> list[int]:
        """The sounding pitches of a source or player, drums left out."""
        return [pitch for (name, _), pitches in self._notes.items() if name == owner for pitch in pitches]

    def text(self, owner: str, voice: str, now: float) -> str:
        """The notes or drums of a voice; of an input, also a held pedal."""
        hits = [drum(pitch) for pitch, until in self._hits.get((owner, voice), {}).items() if until > now]
        spelling = self.key.spelling(self.pitches(owner))
        notes = [self.key.note(pitch, spelling) for pitch in sorted(set(self._notes.get((owner, voice), ())))]
        pedal = ["pedal"] if self._has_pedal(owner) else []
        return ", ".join(dict.fromkeys(hits)) or " ".join([*notes, *pedal])

    def form_place(self, player: str, beat: float, bar: float) -> FormPlace | None:
        """Where `beat` lies in the form that `player` has planned; `bar`: the length of a bar in beats."""
        return form_place(self._plans.get(player, ()), beat, bar)

    def has_hits(self, now: float) -> bool:
        """Whether drums are shown that will disappear by themselves."""
        return any(until > now for hits in self._hits.values() for until in hits.values())

    def leads(self, source: str, now: float, bar: float) -> bool:
        """Whether keys of input `source` are held, by hand or by pedal, or were less than a `bar` (seconds) ago."""
        return source in self._leading or now < self._released.get(source, -bar) + bar

    def _hear_input(self, entry: Heard) -> None:
        source, message, now = entry.source, entry.message, entry.seconds
        control, channel = self._controls.find(source, message), channel_of(message)
        if lifts_pedals(message):
            self._pedals.discard((source, channel))
        if control is not None:
            self._turn(control, message, now)
        if control is None or control.event == "cc":  # a key that is a control makes no music
            self._struck_at = now if is_note_on(message) else self._struck_at
            self._hear(source, "", message, now)
        self._update_leading(source, now)

    def _turn(self, control: ControlSpec, message: bytes, now: float) -> None:
        value, place = value_of(control, message), (control.source, control.number)
        before, self._values[place] = self._values.get(place, 0), value
        if control.action == "sustain":
            (self._pedals.add if value >= PRESSED else self._pedals.discard)((control.source, channel_of(message)))
        command = command_of(control, value)
        if isinstance(command, ChangeSetting) and control.takeover == JUMP and value - before >= PRESSED:
            # A pedal or a button, which may be released before the stage reports the setting.
            self.tell(f"{command.player}.{command.setting} → {command.value:.2f}", now)

    def _has_pedal(self, source: str) -> bool:
        return any(name == source for name, _ in self._pedals)

    def _update_leading(self, source: str, now: float) -> None:
        if self.pitches(source):
            self._leading.add(source)
        elif source in self._leading and not self._has_pedal(source):
            self._leading.remove(source)
            self._released[source] = now

    def _hear(self, owner: str, voice: str, message: bytes, now: float) -> None:
        pitches = self._notes.setdefault((owner, voice), [])
        if is_note_on(message) and channel_of(message) == DRUM_CHANNEL:
            self._hits.setdefault((owner, voice), {})[message[1]] = now + HIT_SHOWN
        elif is_note_on(message):
            pitches.append(message[1])
            self.key.hear(message[1])
        elif is_note_off(message) and message[1] in pitches:
            pitches.remove(message[1])
        elif ends_notes(message):
            pitches.clear()
