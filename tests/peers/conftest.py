"""The fixtures of the tests on JACK."""

from tests.realtime.conftest import desk, observer, peer

__all__ = ["desk", "observer", "peer"]
