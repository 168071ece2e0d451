"""Random kills, stops, reloads and panics: jamd keeps running, every note ends, no process or file is left."""

import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import mido
import pytest

from tests.desk.jamd import Jamd, band

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

BANDS = [
    band("ann", "bob"),
    band("ann", "bob", "cid"),
    band("ann", "bob", bpm=180),
    band("ann", "cid"),
    "bnad: {}\n",
    band("ann", "bob", trouble={"bob": "refuse"}),
    band("ann", "bob", instruments=["synth"]),
    band("ann", "bob", instruments=["organ", "synth"]),
    band("ann", "bob", instruments=["synth"], trouble={"synth": "refuse"}),
]
LAST = band("ann", "bob", "cid", instruments=["synth"])
ALL = {"stage", "speaker", "ann", "bob", "cid", "synth"}


def test_random_faults(tmp_path: Path, echo_engine: Path) -> None:
    rng = random.Random(1)  # `make soak` has more seeds, over JACK
    with Jamd(tmp_path, BANDS[0]) as jamd:
        jamd.ready()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            time.sleep(rng.expovariate(2.0))
            children = sorted(jamd.children().items())
            match rng.choice(["kill", "kill", "stop", "reload", "reload", "panic"]):
                case "kill" if children:
                    os.kill(rng.choice(children)[1], signal.SIGKILL)
                case "stop" if children:
                    os.kill(rng.choice(children)[1], signal.SIGSTOP)
                case "reload":
                    jamd.configure(rng.choice(BANDS))
                    jamd.process.send_signal(signal.SIGHUP)
                case "panic":
                    jamd.process.send_signal(signal.SIGUSR1)
        jamd.configure(LAST)
        jamd.reload()
        jamd.wait(lambda: jamd.children().keys() == ALL, 40, "every process")
        time.sleep(12)  # a reload that came too early is retried; the last stopped processes are replaced
        assert jamd.children().keys() == ALL
        assert jamd.end() == 0
        assert not jamd.left_behind()
    assert "never retrieved" not in jamd.log
    assert not re.search(r"daemon/(desk|stage)/", jamd.log), jamd.log  # no traceback of desk or stage
    assert os.listdir(tmp_path / "runtime") == []
    for path in (tmp_path / "sessions").glob("*.mid"):
        for track in mido.MidiFile(path).tracks:
            ons = [(m.channel, m.note) for m in track if m.type == "note_on" and m.velocity]
            offs = [(m.channel, m.note) for m in track if m.type == "note_off"]
            assert sorted(ons) == sorted(offs), (path, track.name)
