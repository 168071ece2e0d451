"""The audio outputs: MIDI messages for the instruments, each over the connection of its process."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.metrics import STRAY, Cause
from daemon.midi.ledger import Ledger, panic_messages
from daemon.midi.sounds import PendingSounds
from daemon.music.events import channel_of, note_off
from daemon.music.sound import Sound
from daemon.spec import AUDIO, PortSpec
from daemon.stage.connection import Connection
from daemon.wire import PlayMessage, encode_call

NO_ANSWER = 0  # the number of a call that is not answered


class AudioOutput:
    """One instrument's messages, collected until `flush`, so that MIDI ports are served first.

    Without a connection messages are dropped, and nothing sounds. System messages are left out.
    """

    def __init__(self, name: str, ledger: Ledger) -> None:
        self._name, self._ledger = name, ledger
        self._sounds = PendingSounds()
        self._connection: Connection | None = None
        self._collected: list[tuple[float, bytes]] = []  # when it is to be heard (seconds), message

    def connect(self, connection: Connection, now: float) -> None:
        """The instrument has joined: its channels get their sounds. What sounds elsewhere is not struck again."""
        self._connection = connection
        self.repeat_sounds(now)

    def disconnect(self) -> None:
        self._connection = None
        self._collected.clear()
        self._ledger.forget(self._name)

    def set_sounds(self, sounds: Iterable[Sound], now: float) -> None:
        """Send what is new in these sounds: of a silent channel now, else before its next note."""
        if self._sounds.change(sounds):
            self._send_sounds(now)

    def repeat_sounds(self, now: float) -> None:
        if self._sounds.repeat():
            self._send_sounds(now)

    def send(self, message: bytes, at: float, cause: Cause) -> None:
        """Send a message that is to be heard at `at` (seconds)."""
        if self._connection is None or channel_of(message) is None:
            return
        if cause is STRAY and self._ledger.is_held(self._name, message):
            return

        def send(each: bytes) -> None:
            self._collected.extend((at, first) for first in self._sounds.before(each))
            self._collected.append((at, each))

        self._ledger.transmit(self._name, message, send)

    def silence(self, now: float) -> None:
        """Panic: end every sounding note, then send the panic messages."""
        ended = [note_off(*key) for key in self._ledger.sounding(self._name)]
        self._ledger.forget(self._name)
        self._collect(now, [*ended, *panic_messages()])

    def flush(self, now: float) -> None:
        """Send what was collected."""
        if self._collected and self._connection is not None:
            collected, self._collected = self._collected, []
            calls = [[NO_ANSWER, *encode_call(PlayMessage(at, now, message))] for at, message in collected]
            self._connection.send(calls)

    def _send_sounds(self, now: float) -> None:
        if self._connection is not None:
            sounding = {channel for channel, _ in self._ledger.sounding(self._name)}
            self._collect(now, self._sounds.of_silent(sounding))

    def _collect(self, now: float, messages: Iterable[bytes]) -> None:
        if self._connection is not None:
            self._collected.extend((now, message) for message in messages)


class AudioOutputs:
    """All audio outputs, with one ledger, which ends with the stage process: then the instruments end their notes."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._outputs: dict[str, AudioOutput] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._outputs

    def configure(self, specs: Iterable[PortSpec], now: float) -> None:
        """Have the audio outputs of `specs`, and no others; those that stay are left alone."""
        old, self._outputs = self._outputs, {}
        for spec in specs:
            if spec.direction == AUDIO:
                output = old.pop(spec.name, None) or AudioOutput(spec.name, self._ledger)
                output.set_sounds(spec.sounds, now)
                self._outputs[spec.name] = output
        for output in old.values():
            output.disconnect()

    def connect(self, name: str, connection: Connection, now: float) -> None:
        """Player `name`, perhaps an instrument, has joined."""
        if (output := self._outputs.get(name)) is not None:
            output.connect(connection, now)

    def disconnect(self, name: str) -> None:
        """Player `name`, perhaps an instrument, is gone."""
        if (output := self._outputs.get(name)) is not None:
            output.disconnect()

    def send(self, name: str, message: bytes, at: float, cause: Cause) -> None:
        self._outputs[name].send(message, at, cause)

    def silence(self, now: float) -> None:
        """Panic."""
        for output in self._outputs.values():
            output.silence(now)

    def repeat_sounds(self, now: float) -> None:
        for output in self._outputs.values():
            output.repeat_sounds(now)

    def flush(self, now: float) -> None:
        """Send what was collected."""
        for output in self._outputs.values():
            output.flush(now)
