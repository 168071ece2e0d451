"""The speaker over JACK: what an independent client records, and the death of the server in mid-sound."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daemon.audio.ring import Frames
from daemon.speaker.outputs import DEVICE_LOST
from tests.realtime.audio_recorder import record
from tests.speaker.player import RATE, Player, sine
from tests.speaker.speaker_process import SpeakerProcess
from tests.tools.jack import JackServer

DEVICE = "system, JACK"
CLIENT = "jamd speaker"  # as JACK's patch bays show it
PIECE = 256  # frames that are compared at once
ROUNDING = 1e-6


@pytest.fixture
def speaker(jack_server: JackServer, tmp_path: Path) -> Iterator[SpeakerProcess]:
    with SpeakerProcess(tmp_path, jack_server.env) as speaker:
        yield speaker


def right_pieces(audio: Frames) -> float:
    """The share of pieces that are a piece of the sine, to the rounding of its computation."""
    pieces, table = audio[: len(audio) // PIECE * PIECE].reshape(-1, PIECE, 2), sine(0, 1_200 + PIECE)

    def is_right(piece: Frames) -> bool:
        phases = np.flatnonzero(np.abs(table[:1_200, 0] - piece[0, 0]) < ROUNDING)
        return any(np.abs(piece - table[n : n + PIECE]).max() < ROUNDING for n in phases)

    return float(np.mean([is_right(piece) for piece in pieces]))


@pytest.mark.parametrize("block", [256, 480])
def test_an_independent_client_records_every_frame_at_its_time(
    block: int, speaker: SpeakerProcess, tmp_path: Path
) -> None:
    with Player(speaker.ring("sine"), speaker.page, block):
        speaker.play("default", block=block, instruments=["sine"])
        audio, seconds = record(CLIENT, 1.5, tmp_path / "audio.npz")
        clock = speaker.clock
    assert speaker.figures()["device"] == DEVICE
    assert right_pieces(audio) > 0.95, "a busy machine may miss a few"
    errors = []
    for at in range(RATE // 2, len(audio) - PIECE, 1_000):
        frame = clock.frame_heard_at(seconds[at])
        near = range(frame - 300, frame + 300)
        best = min(near, key=lambda n: float(np.abs(audio[at : at + PIECE] - sine(n, PIECE)).max()))
        errors.append((best - frame) / RATE)
    assert abs(np.median(errors)) < 0.001


def test_a_server_that_is_killed_ends_the_process_and_the_next_one_joins_its_successor(
    speaker: SpeakerProcess, jack_server: JackServer, tmp_path: Path
) -> None:
    with Player(speaker.ring("sine"), speaker.page, 256):
        speaker.play("default", instruments=["sine"])
        before = speaker.clock
        jack_server.kill()
        assert DEVICE in speaker.wait_for("log")[3]
        assert speaker.process.wait(10) == DEVICE_LOST
        with SpeakerProcess(tmp_path, jack_server.env) as following:
            following.play("default", instruments=["sine"])
            assert following.figures()["device"] is None
            jack_server.start()
            following.wait_for("device", lambda message: message[1] == DEVICE)
            assert following.clock.epoch > before.epoch
            audio, _ = record(CLIENT, 0.5, tmp_path / "audio.npz")
            assert right_pieces(audio) > 0.9
            following.hang_up()
            assert following.process.wait(10) == 0, "and the client is closed"


def test_a_server_of_another_rate_gets_converted_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with JackServer(256, 44_100) as server, SpeakerProcess(tmp_path, server.env) as speaker:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
        with Player(speaker.ring("sine"), speaker.page, 256):
            speaker.play("jack", instruments=["sine"])
            audio, _ = record(CLIENT, 0.5, tmp_path / "audio.npz")
        clock = speaker.clock
        speaker.hang_up()
        speaker.process.wait(10)
    assert clock.rate == RATE and clock.latency > 0.005
    part = audio[5_000:15_000, 0] * np.hanning(10_000)
    spectrum = np.abs(np.fft.rfft(part, 1 << 17))
    assert spectrum.argmax() * 44_100 / (1 << 17) == pytest.approx(440, abs=0.5)
