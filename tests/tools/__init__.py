"""The real parts that the tests run against: a JACK server, a machine with ALSA's sequencer, a running systemd."""

import os

import pytest


def missing(reason: str, remedy: str) -> None:
    """Skip, saying how to enable the test; in CI, where nothing is skipped, fail."""
    message = f"{reason}; to enable: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
