"""The audio device, and what its instruments need."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.doctor import probe
from daemon.doctor.finding import Finding, attention, ok
from daemon.doctor.midi import MANY
from daemon.doctor.subject import Subject
from daemon.engines.audio import DEFAULT_ENGINE
from daemon.errors import printable_name
from daemon.suggestions import listed

if TYPE_CHECKING:
    from daemon.speaker.devices import AudioDevice
    from daemon.speaker.probe import Trial

INSTALL = "install FluidSynth and a soundfont (Debian, Ubuntu: sudo apt-get install libfluidsynth3 timgm6mb-soundfont)"
OFF = "audio.device: null turns sound off"
OTHERS = "choose another device with audio.device (`jamd ports` lists them)"
UNKNOWN = "the program that has it for itself"
GROUP = "as root: usermod -aG audio NAME; then log in again"
STANDS = "restart its audio server (PipeWire: systemctl --user restart wireplumber pipewire)"


def device(subject: Subject) -> Finding:
    """Whether the configured one opens and takes sound."""
    if (config := subject.config) is not None and config.audio.device is None:
        return ok("turned off (audio.device)")
    found = subject.sound()
    if found.chosen is None or found.trial is None:
        text = "\n".join(filter(None, [found.problem, _others(found.devices, None)]))
        return attention(text, _remedy(bool(found.devices), found.is_busy))
    text = f"{_described(found.chosen)}: opens{_rates(found.trial, found.chosen, subject)}"
    others = _others(found.devices, found.chosen)
    if not found.trial.took:
        return attention(f"{text}, but takes no sound\n{others}".rstrip(), f"{STANDS}, or {OTHERS}")
    return ok(f"{text}\n{others}".rstrip())


def instruments(subject: Subject) -> Finding:
    """Whether the engine `soundfont` has its library and a soundfont."""
    config = subject.config
    if config is not None and not any(member.engine == DEFAULT_ENGINE for member in config.instruments):
        return ok(f"none of the engine {DEFAULT_ENGINE}")
    values, why = probe.run("soundfonts")
    if not values:
        return attention(f"FluidSynth cannot be examined: {why}", INSTALL)
    problem, *found = values
    if problem or not found:
        return attention(f"{problem or 'no soundfont was found'}: the built-in instruments play", INSTALL)
    first, *others = dict.fromkeys(found)
    text = f"FluidSynth; the soundfont `default` is {first}"
    return ok(f"{text}; others of General MIDI: {listed(others, MANY)}" if others else text)


def _described(device: AudioDevice) -> str:
    channels = f"{device.channels} {'channel' if device.channels == 1 else 'channels'}"
    return f"{device} ({channels}, {device.rate:g} Hz{', the default' if device.is_default else ''})"


def _rates(trial: Trial, device: AudioDevice, subject: Subject) -> str:
    config = subject.config
    if config is None or trial.rate == config.audio.rate:
        return f" at {trial.rate} Hz"
    return f" at {trial.rate} Hz, to which audio.rate ({config.audio.rate}) is converted"


def _others(devices: tuple[AudioDevice, ...], chosen: AudioDevice | None) -> str:
    names = [str(each) for each in devices if each != chosen]
    return f"other devices: {listed(names, MANY)}" if names else ""


def _remedy(has_devices: bool, is_busy: bool) -> str:
    """ALSA does not list a card that another program has for itself."""
    if _is_refused(Path("/dev/snd")):
        return f"{GROUP}; {OFF}"
    holders = _holders(Path("/proc"))
    if holders or is_busy:
        end = f"end what has a sound card for itself ({listed(holders, MANY)})" if holders else f"end {UNKNOWN}"
        return f"{end}, or choose a device that programs share: default, pipewire, pulse or jack; {OFF}"
    if has_devices:
        return f"{OTHERS}; {OFF}"
    return f"install or start what the message names; jamd plays without sound; {OFF}"


def _is_refused(folder: Path) -> bool:
    """Whether there are sound cards, and this user may use none of them."""
    cards = list(folder.glob("controlC*"))
    return bool(cards) and not any(os.access(card, os.R_OK | os.W_OK) for card in cards)


def _holders(proc: Path) -> list[str]:
    """The programs that play on a sound card of ALSA's, by name and number."""
    found = []
    for status in sorted(proc.glob("asound/card*/pcm*p/sub*/status")):
        with contextlib.suppress(OSError, ValueError):
            for line in status.read_text().splitlines():
                if line.startswith("owner_pid"):
                    number = int(line.partition(":")[2])
                    found.append(f"{_program(proc / str(number))}, PID {number}")
    return list(dict.fromkeys(found))


def _program(process: Path) -> str:
    with contextlib.suppress(OSError):
        if b"daemon.speaker" in (process / "cmdline").read_bytes():
            return "a jamd that runs"
        return printable_name((process / "comm").read_text().strip())
    return "unknown"
