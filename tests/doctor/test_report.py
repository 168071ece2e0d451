"""The page of `jamd doctor`: on this machine, on a broken one, under JACK."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon import config
from daemon.doctor import report
from daemon.doctor.finding import PROBLEM, attention, ok
from daemon.doctor.report import CHECKS, examine, page, private


def doctor(folder: Path, *arguments: str, **environment: str) -> tuple[int, dict[str, tuple[str, str]], str]:
    """The exit code, each check's state and text, and the page."""
    command = [sys.executable, "-m", "daemon", "doctor", *arguments]
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=100, env=os.environ | environment
    )
    assert done.stderr == ""
    joined = re.sub(r"\n {13}", " ", done.stdout)
    found = re.findall(r"^(ok|attention|problem) +([\w ]+): (.*(?:\n {11}.*)*)", joined, re.MULTILINE)
    return done.returncode, {name: (state, text) for state, name, text in found}, done.stdout


def test_every_check_is_on_the_page_and_each_that_is_not_ok_has_a_remedy(tmp_path: Path) -> None:
    home = tmp_path / "home" / "ann"
    home.mkdir(parents=True)
    (home / "config.yaml").write_bytes((config.default_path()).read_bytes())
    code, found, text = doctor(home, HOME=str(home), LOGNAME="ann", XDG_RUNTIME_DIR=str(home))
    assert list(found) == [name for name, _ in CHECKS]
    assert all(state == "ok" or "remedy: " in told for state, told in found.values())
    assert code == int(any(state == "problem" for state, _ in found.values()))
    assert found["models"] == ("ok", "bachbot: verified")
    assert found["recordings"][1].startswith("~/sessions: can be written")
    assert "/ann" not in text and os.uname().nodename not in text


def test_a_machine_on_which_half_is_broken(tmp_path: Path) -> None:
    """No rtmidi, no onnxruntime, no yaml; files that ship are left."""
    broken = tmp_path / "site"
    broken.mkdir()
    for name in ("rtmidi", "onnxruntime", "yaml"):
        (broken / f"{name}.py").write_text(f"raise ImportError('{name} is broken')")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "config.yaml").write_text("band: [")
    path = os.pathsep.join([str(broken), str(Path(__file__).parents[2])])
    code, found, _ = doctor(tmp_path / "work", PYTHONPATH=path)
    assert code == 1 and list(found) == [name for name, _ in CHECKS]
    assert found["configuration"][0] == "problem" and "yaml is broken" in found["configuration"][1]
    assert found["MIDI"][0] == "problem" and "rtmidi is broken" in found["MIDI"][1]
    assert found["models"][0] == "problem" and "onnxruntime is broken" in found["models"][1]


def test_mistakes_of_the_configuration_are_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("bnad: {}\n")
    code, found, _ = doctor(tmp_path)
    assert code == 1
    assert found["configuration"][1].startswith("config.yaml:1: bnad: unknown key: did you mean 'band'?")
    assert found["ports"] == ("attention", found["ports"][1]) and "correct the configuration first" in found["ports"][1]


def test_under_jack(tmp_path: Path, jack_server: object) -> None:
    """With a foreign port to connect to, and a jamd that runs, whose output is connected to nothing."""
    jack = pytest.importorskip("jack")
    client = jack.Client("Launchkey")
    client.midi_outports.register("out")
    client.activate()
    (tmp_path / "config.yaml").write_text(
        "ports: {keys: {direction: in, connect: launchkey}, out: {direction: out}}\n"
        "band: {choir: {engine: harmoniser, model: bachbot, listen: [keys], play: {port: out}}}\n"
    )
    running = subprocess.Popen([sys.executable, "-m", "daemon", "run"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stderr is not None
        assert any("READY" in line for line in running.stderr)
        assert any("out is connected to nothing: connect a synthesiser to it" in line for line in running.stderr)
        code, found, _ = doctor(tmp_path)
        client.connect("jamd out:midi", client.midi_inports.register("in"))
        connected = doctor(tmp_path)[1]
        running.terminate()
        running.communicate(timeout=15)
    finally:
        running.kill()
        client.deactivate()
        client.close()
    assert code == 0
    assert found["MIDI"][0] == "ok" and "JACK answers; sources of others: Launchkey:out;" in found["MIDI"][1]
    assert found["ports"][0] == "attention" and connected["ports"][0] == "ok"
    assert "jamd out (out): JACK, a virtual port, connected to nothing" in found["ports"][1]
    assert "jamd keys (in): JACK, connected to Launchkey:out" in found["ports"][1]
    assert found["other jamds"][0] == "attention"
    assert f"PID {running.pid}, {tmp_path / 'config.yaml'}" in found["other jamds"][1]


def test_a_check_that_hangs_or_fails_is_a_finding() -> None:
    end = threading.Event()

    def hang(subject: object) -> object:
        end.wait(30)
        return ok("late")

    def fail(subject: object) -> object:
        raise ZeroDivisionError("by zero")

    def leave(subject: object) -> object:
        raise SystemExit(3)

    checks = (("hangs", hang), ("fails", fail), ("leaves", leave), ("works", lambda subject: ok("fine")))
    found = examine(None, checks, 0.3)  # type: ignore[arg-type]
    end.set()
    assert [finding.state for finding in found.values()] == [PROBLEM] * 3 + ["ok"]
    assert found["hangs"].text == "no answer within 0.3 s" and "by zero" in found["fails"].text
    assert found["works"].text == "fine"


def test_all_checks_have_one_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, limits = [100.0], list[float]()

    def wait(limit: float) -> None:
        limits.append(limit)
        clock[0] += 40
        raise TimeoutError

    monkeypatch.setattr(report, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(report, "Subject", lambda path: None)
    monkeypatch.setattr(report, "in_thread", lambda work, name: SimpleNamespace(result=wait))
    examine(None, [(name, lambda subject: ok("")) for name in "abc"], 60)
    assert limits == [60, 20, 0]


def test_the_page_is_aligned_and_wrapped() -> None:
    text = page({"MIDI": attention("ALSA: answers\nJACK: " + "word " * 30, "restart"), "memory": ok("locked\x1b[31m")})
    lines = text.split("\n")
    assert lines[0] == "attention  MIDI: ALSA: answers"
    assert lines[1].startswith("           JACK: word") and lines[2].startswith("             word")
    assert lines[-2:] == ["           remedy: restart", "ok         memory: locked\\x1b[31m"]
    assert max(map(len, lines)) <= report.WIDTH


def test_no_private_name_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr(report.getpass, "getuser", lambda: "ann")
    assert private("/home/ann/x, /home/annabel/x, /media/ann/disk, /srv/anna") == (
        "~/x, /home/annabel/x, /media/USER/disk, /srv/anna"
    )

    def unknown() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr(report.getpass, "getuser", unknown)
    assert private("in /home/ann") == "in ~"
    monkeypatch.setenv("HOME", "/")
    assert private("/dev/shm / and /") == "/dev/shm / and /"
