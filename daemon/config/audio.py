"""The section `audio`."""

from __future__ import annotations

from daemon.config.values import Audio
from daemon.yaml_file import Value

RATES = 8_000, 192_000  # frames per second
BLOCKS = 16, 8192  # frames
_NO_DEVICE = ("off", "none", "no", "false")  # what a person writes to turn the sound off
_ANY_DEVICE = ("on", "yes", "true")


def read_audio(value: Value) -> Audio:
    audio, default = value.section("device", "rate", "block", "delay_ms"), Audio()
    device = (
        None if audio["device"].node is not None and not audio["device"].given else audio["device"].text(default.device)
    )
    if device is not None and device.lower() in _NO_DEVICE:
        audio["device"].report(f"{device!r} is not a device: `null` turns the sound off")
    elif device is not None and (device.lower() in _ANY_DEVICE or not device.strip()):
        audio["device"].report(f"{device!r} is not a device: write `default`, or a part of a name in `jamd ports`")
    return Audio(
        device,
        audio["rate"].integer(*RATES, default.rate),
        audio["block"].integer(*BLOCKS, default.block),
        audio["delay_ms"].number(-1000, 1000, 0.0) / 1000,
    )
