"""jamd under systemd: the wheel in /opt/jamd of a booted box, with the shipped unit. Unless a test starts a MIDI
system, the box has none: jamd runs nevertheless, and logs that."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.paths import resources
from tests.tools import systemd_box
from tests.tools.systemd_box import SystemdBox

UNITS = resources() / "systemd"
OWN = "/var/lib/jamd/config.yaml"


@pytest.fixture
def box(installed: Path) -> Iterator[SystemdBox]:
    """With jamd in /opt/jamd, as docs/operations.md puts it there."""
    if not systemd_box.available():
        pytest.skip(f"no box for systemd; to enable: {systemd_box.REMEDY}")
    with SystemdBox({installed: "/opt/jamd"}) as box:
        # the command's first line names the Python of where it was installed
        box.run("sh", "-c", "sed '1s|.*|#!/opt/jamd/bin/python|' /opt/jamd/bin/jamd >/run/jamd-command")
        box.run("chmod", "755", "/run/jamd-command")
        box.run("mount", "--bind", "/run/jamd-command", "/opt/jamd/bin/jamd")
        yield box


@pytest.fixture
def service(box: SystemdBox) -> SystemdBox:
    """With the system unit installed, not started."""
    box.write("/etc/systemd/system/jamd.service", (UNITS / "jamd.service").read_text())
    box.write("/etc/systemd/system/jamd.service.d/system.conf", (UNITS / "system.conf").read_text())
    box.run("systemctl", "daemon-reload")
    box.run("mkdir", "-p", "/var/lib/jamd")
    return box


def processes(box: SystemdBox, module: str = "daemon.") -> list[str]:
    """Process ids of jamd's children that run that module."""
    return box.run("pgrep", "-f", "--", f"-m {module}", check=False).split()


def wait(condition: Callable[[], object], seconds: float, box: SystemdBox) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"not within {seconds:g} s; the journal:\n{journal(box)}")
        time.sleep(0.1)


def journal(box: SystemdBox) -> str:
    return box.run("journalctl", "-b", "-t", "jamd", "-t", "systemd", "--no-pager", "-o", "cat")


def start(box: SystemdBox) -> None:
    box.run("systemctl", "start", "jamd", check=False)
    assert box.show("jamd", "ActiveState") == "active", journal(box)


def test_ready_with_the_players_and_stopped_without_leftovers(service: SystemdBox) -> None:
    start(service)
    assert len(processes(service, "daemon.stage")) == 1
    assert processes(service, "daemon.player.process")
    status = service.show("jamd", "StatusText")
    assert status
    assert "no MIDI" in status or "no MIDI" in journal(service)
    began = time.monotonic()
    service.run("systemctl", "stop", "jamd")
    assert time.monotonic() - began < 5
    assert service.show("jamd", "Result") == "success"
    assert service.show("jamd", "ExecMainStatus") == "0"
    assert processes(service) == []
    assert "jamd-" not in service.run("ls", "/dev/shm")


def test_reload_leaves_the_players_alone_and_a_mistake_changes_nothing(service: SystemdBox) -> None:
    service.run("cp", "/opt/jamd/share/jamd/config.yaml", "/var/lib/jamd/")
    start(service)
    before = service.show("jamd", "MainPID"), processes(service)
    service.run("systemctl", "reload", "jamd")
    wait(lambda: "reloaded: no change" in journal(service), 5, service)
    service.write(OWN, "bnad: {}\n")
    service.run("systemctl", "reload", "jamd")
    wait(lambda: "did you mean" in journal(service), 5, service)
    time.sleep(1)
    assert (service.show("jamd", "MainPID"), processes(service)) == before
    assert service.show("jamd", "ActiveState") == "active"


def test_a_mistake_in_the_configuration_is_not_started_again(service: SystemdBox) -> None:
    service.write(OWN, "bnad: {}\n")
    service.run("systemctl", "start", "jamd", check=False)
    wait(lambda: service.show("jamd", "ActiveState") == "failed", 10, service)
    time.sleep(2)  # RestartSec=1
    assert service.show("jamd", "ExecMainStatus") == "2"
    assert service.show("jamd", "NRestarts") == "0"
    assert "did you mean" in journal(service)


def test_the_watchdog_reaches_the_stage(service: SystemdBox) -> None:
    start(service)
    stage = processes(service, "daemon.stage")
    service.run("kill", "-STOP", *stage)
    wait(lambda: processes(service, "daemon.stage") not in ([], stage), 15, service)
    wait(lambda: service.show("jamd", "ActiveState") == "active", 15, service)
    assert not set(processes(service)) & set(stage)


def test_a_hung_or_killed_desk_is_replaced_with_all_it_started(service: SystemdBox) -> None:
    start(service)
    for restarts, (signal, result) in enumerate([("-STOP", "watchdog"), ("-KILL", "signal")], start=1):
        desk, children = service.show("jamd", "MainPID"), processes(service)
        service.run("kill", signal, desk)
        wait(lambda: service.show("jamd", "NRestarts") == str(restarts), 15, service)  # noqa: B023 (called here only)
        wait(lambda: service.show("jamd", "ActiveState") == "active", 15, service)
        assert f"'{result}'" in journal(service)
        assert not set(processes(service)) & set(children)


def test_stage_speaker_and_instruments_have_real_time_priority(service: SystemdBox) -> None:
    start(service)

    def policies(module: str) -> str:
        return "".join(service.run("chrt", "-a", "-p", number) for number in processes(service, module))

    for module in ("daemon.stage", "daemon.speaker", "daemon.instrument"):
        assert "SCHED_FIFO" in policies(module), module
    assert "SCHED_FIFO" not in policies("daemon.player.process")
    assert "SCHED_FIFO" not in service.run("chrt", "-a", "-p", service.show("jamd", "MainPID"))


class Musician:
    """A user of the box, with a user manager, a JACK server of her own and the user unit."""

    def __init__(self, box: SystemdBox) -> None:
        self.box = box
        box.run("useradd", "--create-home", "musician")
        self._number = box.run("id", "-u", "musician")
        box.run("systemctl", "start", f"user@{self._number}")
        box.write("/etc/systemd/user/jamd.service", (UNITS / "jamd.service").read_text())
        self.run("systemctl", "--user", "daemon-reload")
        self.run("systemd-run", "--user", "jackd", "--no-realtime", "-S", "-d", "dummy", "-p", "64")
        self.run("jack_wait", "-w", "-t", "10")

    def run(self, *command: str, check: bool = True) -> str:
        environment = ["env", f"XDG_RUNTIME_DIR=/run/user/{self._number}"]
        return self.box.run("runuser", "-u", "musician", "--", *environment, *command, check=check)

    def desk(self) -> str:
        return self.run("systemctl", "--user", "show", "jamd", "--value", "-p", "MainPID")

    def listen_to(self, port: str) -> None:
        """Write the messages of a port to a file, from now on."""
        to_file = ["-p", "StandardOutput=truncate:/home/musician/heard"]
        self.run("systemctl", "--user", "stop", "listener", check=False)
        self.run("systemd-run", "--user", "--unit=listener", *to_file, "stdbuf", "-oL", "jack_midi_dump")
        wait(lambda: "midi-monitor:input" in self.run("jack_lsp"), 5, self.box)
        self.run("jack_connect", port, "midi-monitor:input")

    def sounding(self) -> set[tuple[int, int]]:
        """(channel, pitch) of the notes heard that have not been released."""
        notes: set[tuple[int, int]] = set()
        for line in self.box.run("cat", "/home/musician/heard").splitlines():
            if message := re.match(r" *\d+: ([89])(.) (..) (..)", line):
                kind, channel, pitch, velocity = (int(digits, 16) for digits in message.groups())
                (notes.add if kind == 9 and velocity else notes.discard)((channel, pitch))
        return notes


@pytest.fixture
def musician(box: SystemdBox) -> Musician:
    return Musician(box)


def test_user_unit_has_ports_on_the_users_jack(musician: Musician) -> None:
    musician.run("systemctl", "--user", "start", "jamd")
    ports = musician.run("jack_lsp")
    assert "jamd choir:" in ports
    assert "jamd keys:" in ports
    musician.run("systemctl", "--user", "stop", "jamd")
    assert "jamd" not in musician.run("jack_lsp")
    assert processes(musician.box) == []


def test_user_unit_is_heard_on_the_users_jack(musician: Musician) -> None:
    musician.run("systemctl", "--user", "start", "jamd")
    wait(lambda: "jamd speaker:out_0" in musician.run("jack_lsp"), 10, musician.box)
    recorded = "/home/musician/heard.wav"
    musician.run("jack_rec", "-f", recorded, "-d", "4", "-b", "16", "jamd speaker:out_0", "jamd speaker:out_1")
    peak = "import soundfile, sys; print(abs(soundfile.read(sys.argv[1])[0]).max())"
    assert 0.05 < float(musician.run("/opt/jamd/bin/python", "-c", peak, recorded)) < 0.9
    status = musician.run("systemctl", "--user", "show", "jamd", "--value", "-p", "StatusText")
    assert "sound: system, JACK" in status and "ms from note to sound" in status
    musician.run("systemctl", "--user", "stop", "jamd")
    assert "jamd" not in musician.run("jack_lsp")


@pytest.mark.parametrize("signal", ["-KILL", "-STOP"])
def test_a_desk_that_dies_or_hangs_leaves_no_note_sounding(musician: Musician, signal: str) -> None:
    musician.run("systemctl", "--user", "start", "jamd")
    musician.listen_to("jamd choir:midi")
    wait(musician.sounding, 30, musician.box)
    desk = musician.desk()
    musician.box.run("kill", signal, desk)
    wait(lambda: musician.desk() not in ("0", desk), 30, musician.box)  # started again
    assert musician.sounding() == set(), journal(musician.box)
