"""What the checks examine. The configuration and the machine's answers are fetched once, at the same time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.doctor import probe
from daemon.errors import JamdError
from daemon.futures import in_thread

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.desk.port_list import System
    from daemon.speaker.probe import Look

CONFIG_TIMEOUT = 20.0  # seconds


class Subject:
    """`path`: the configuration's, or None for the default one."""

    def __init__(self, path: Path | None = None) -> None:
        self._config = in_thread(lambda: _load(path), "configuration")
        self._midi = in_thread(lambda: probe.run("midi"), "MIDI")
        self._real_time = in_thread(lambda: probe.run("real-time"), "real time")
        self._sound = in_thread(self._look, "sound")

    def load(self) -> Config:
        """Raises JamdError, TimeoutError, or whatever a broken installation raises."""
        return self._config.result(CONFIG_TIMEOUT)

    @property
    def config(self) -> Config | None:
        """None if it cannot be loaded."""
        try:
            return self.load()
        except Exception:
            return None

    def systems(self) -> list[System]:
        """Every MIDI system, also those that did not answer."""
        from daemon.desk.port_list import System

        values, why = self._midi.result()
        found = [
            System(v["name"], v["problem"], *(tuple(v[key]) for key in ("sources", "destinations", "unconnected")))
            for v in values[1:]
        ]
        names = values[0] if values else ["MIDI"]
        answered = {system.name for system in found}
        return found + [System(name, why) for name in names if why and name not in answered]

    def sound(self) -> Look:
        """The audio devices, and a trial of the configured one."""
        return self._sound.result()

    def _look(self) -> Look:
        from daemon.config.values import Audio
        from daemon.speaker.probe import look

        config = self.config
        audio = Audio() if config is None else config.audio
        return look(audio.device, audio.rate, audio.block)

    def granted(self) -> dict[str, Any]:
        """See realtime.request_real_time. Raises JamdError."""
        values, why = self._real_time.result()
        if not values:
            raise JamdError(why)
        return dict(values[0])


def _load(path: Path | None) -> Config:
    from daemon.config import load

    return load(path)
