"""Ardour without its windows (`ardour7-lua`), on the test's JACK server: transport, loop, recording."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from daemon.bench.child_end import END_WITH_PARENT

PROGRAM = "ardour7-lua"
RATE = 48_000
CLOCK_PORT = "ardour:MIDI Clock out"
SCRIPT = Path(__file__).with_suffix(".lua")
UI = "ARDOUR.TransportRequestSource.TRS_UI"
COUNT = 'ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)'
CONFIGURATION = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <Config>
    <Option name="send-midi-clock" value="1"/>
  </Config>
</Ardour>
"""


def available() -> bool:
    return shutil.which(PROGRAM) is not None


class Ardour:
    """A session in `folder` at 120 bpm, with a MIDI track `Choir` and a loop of `loop` (start and end, in beats)."""

    def __init__(self, folder: Path, loop: tuple[float, float]) -> None:
        configuration = folder / "home" / "ardour7"
        configuration.mkdir(parents=True)
        (configuration / "config").write_text(CONFIGURATION)
        self._session = folder / "session"
        self._process = subprocess.Popen(
            [PROGRAM, str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"HOME": str(folder / "home"), "XDG_CONFIG_HOME": str(folder / "home")},
            preexec_fn=END_WITH_PARENT,
        )
        self.run('AudioEngine:set_backend("JACK", "ardour", "")')
        self.run(f'create_session("{self._session}", "session", {RATE})')
        start, end = (f"Temporal.timepos_t({samples(beat)})" for beat in loop)
        self.run(f"Session:locations():add_range({start}, {end})")
        self.save()
        self.run("close_session()")
        file = self._session / "session.ardour"
        file.write_text(file.read_text().replace('flags="IsRangeMarker"', 'flags="IsAutoLoop"'))
        self.run(f'load_session("{self._session}", "session")')
        rest = '1, "Choir", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false'
        self.run(f"Session:new_midi_track({COUNT}, {COUNT}, false, ARDOUR.PluginInfo(), nil, nil, {rest})")
        self.run('choir = Session:route_by_name("Choir"):to_track()')

    def run(self, chunk: str) -> str:
        """Run a chunk of Lua; what it returns, as text."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(chunk + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("= "):
                return line[2:].strip()
            assert not line.startswith("! "), line
        raise AssertionError(f"Ardour ended (status {self._process.wait()}) at: {chunk}")

    def record(self, port: str) -> None:
        """Arm the track, which receives from `port`, and the session."""
        self.run(f'choir:input():nth(0):connect("{port}")')
        self.run("choir:rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)")
        self.run("Session:maybe_enable_record(false)")

    def roll(self) -> None:
        self.run(f"Session:request_roll({UI})")

    def stop(self) -> None:
        self.run("Session:request_play_loop(false, false)")
        self.run(f"Session:request_stop(false, false, {UI})")

    def locate_and_roll(self, beat: float) -> None:
        must_roll = "ARDOUR.LocateTransportDisposition.MustRoll"
        self.run(f"Session:request_locate({samples(beat)}, false, {must_roll}, {UI})")

    def loop(self) -> None:
        self.run("Session:request_play_loop(true, true)")

    def save(self) -> None:
        self.run('Session:save_state("")')

    def recordings(self) -> list[Path]:
        return sorted(self._session.glob("interchange/*/midifiles/*.mid"))

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def samples(beat: float) -> int:
    """Where `beat` falls at 120 bpm."""
    return round(beat * RATE / 2)
