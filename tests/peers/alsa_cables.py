"""What test_alsa.py runs beside ALSA's sequencer: cables that `aconnect` cuts and connects again while notes sound."""

from __future__ import annotations

import time

from daemon.music.events import note_off, note_on
from daemon.music.sound import Sound
from daemon.spec import PortSpec, StageSpec
from tests.peers.alsa_stage import CLOCK, PORTS, Monitor, Plugged, aconnect, connected
from tests.stage import fakes
from tests.stage.fakes import Desk, until

PIANO, CHOIR, SYNTH = ("piano:0", "jamd keys:0"), ("jamd choir:0", "synth:0"), ("jamd organ:0", "module:0")


def cut(ends: tuple[str, str]) -> None:
    aconnect("-d", *ends)


def main() -> None:
    with Desk() as desk:
        desk.start_stage(StageSpec(CLOCK, PORTS))
        synth, recorder = Monitor("jamd choir:0", "synth"), Monitor("jamd choir:0", "recorder")
        piano = Plugged("piano")
        aconnect(*PIANO)
        until(lambda: len(desk.connections()) == 3, "the connections to be known")
        time.sleep(4)  # until then what is owed is repeated anyway

        for number, seconds in enumerate((0, 0, 0.3, 1.5)):
            piano.play(note_on(1, 60 + number, 90))
            synth.stamp(note_on(1, 60 + number, 90))
            cut(CHOIR)
            piano.play(note_off(1, 60 + number))
            recorder.stamp(note_off(1, 60 + number))
            time.sleep(seconds)
            assert note_off(1, 60 + number) not in [m for _, m in synth.heard]
            aconnect(*CHOIR)
            synth.stamp(note_off(1, 60 + number))
        print("an output is cut")

        for seconds in (0, 0, 1.5):
            piano.play(note_on(1, 70, 90))
            synth.stamp(note_on(1, 70, 90))
            cut(PIANO)
            time.sleep(seconds)
            aconnect(*PIANO)
            synth.stamp(note_off(1, 70))  # without one from the piano
            time.sleep(0.3)
            synth.heard.clear()
        print("an input is cut")

        module = Monitor("jamd choir:0", "module")
        cut(("jamd choir:0", "module:0"))
        before = len(desk.received)
        spec = StageSpec(CLOCK, (PortSpec("keys", "in", thru=("organ",)), PortSpec("organ", "out", connect="module")))
        desk.send(["spec", spec.to_json()])
        assert desk.expect(lambda m: m[0] == "ready", "the ports", before)[1] == {"keys": "ALSA", "organ": "ALSA"}
        for number in range(2):
            piano.play(note_on(1, 80, 90))
            module.stamp(note_on(1, 80, 90))
            time.sleep(1)
            cut(SYNTH)
            piano.play(note_off(1, 80))
            desk.expect(lambda m: m[0] == "log" and "organ" in m[3] and "was cut" in m[3], "a line of the log")
            time.sleep(1)
            assert "jamd organ > module" not in connected()
            assert note_off(1, 80) not in [m for _, m in module.heard], module.heard
            if number:
                desk.kill_stage()
                desk.start_stage(spec)
                time.sleep(1)
                assert "jamd organ > module" not in connected()
                assert note_off(1, 80) not in [m for _, m in module.heard], module.heard
                desk.send(["spec", spec.to_json()])
            else:
                aconnect(*SYNTH)
            module.stamp(note_off(1, 80))
            until(lambda: "jamd organ > module" in connected(), "the connection")
        print("the connection to a configured port is cut")

        sound = Sound(3, 53, (0, 1), volume=100, pan=-20)
        organ = PortSpec("organ", "out", connect="module", sounds=(sound,))
        desk.send(["spec", StageSpec(CLOCK, (PortSpec("keys", "in", thru=("organ",)), organ)).to_json()])
        for message in sound.messages():
            module.stamp(message)
        late = Monitor("jamd organ:0", "late")
        until(lambda: [m for _, m in late.heard if m in sound.messages()] == sound.messages(), "the sounds")
        print("a receiver that connects late hears the sounds")


if __name__ == "__main__":
    fakes.PATIENCE = 60  # an emulated processor
    main()
    print("all cables well")
