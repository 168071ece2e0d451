"""The command line, in processes of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
import yaml

from daemon import __main__ as command_line
from daemon import __version__, config
from daemon.bench.run import ALL_MEASURES
from daemon.entries import Entry, Gap, SessionBegan, Started
from daemon.music import smf
from daemon.music.events import note_off, note_on
from daemon.paths import resources
from daemon.recording.journal import Journal
from daemon.recording.journal_file import MAGIC, JournalReader, frame
from daemon.recording.replay import replay
from tests.recording.test_replay import Live

BAND = """\
ports: {keys: {direction: in}, out: {direction: out}}
melodies: {twinkle: {file: melodies/twinkle.mid}}
band:
  dice: {engine: dice, listen: [keys, twinkle], play: {port: out}}
"""
TWINKLE = str(resources() / "melodies" / "twinkle.mid")

Jamd = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def jamd(dice: None, tmp_path: Path) -> Jamd:
    """Runs jamd in a folder with a configuration; whatever happens, nobody sees a traceback."""
    (tmp_path / "config.yaml").write_text(BAND)

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "daemon", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=os.environ | environment
        )
        assert "Traceback" not in done.stderr
        return done

    return run


def test_help_names_every_command_and_comes_at_once(jamd: Jamd) -> None:
    jamd("--help")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = jamd("--help")
        times.append(time.perf_counter() - start)
    assert done.returncode == 0
    for command in ("run", "check", "ports", "models", "style", "check-engine", "render", "sheet", "replay", "bench"):
        assert f" {command} " in done.stdout
        assert jamd(command, "--help").returncode == 0
    assert min(times) < 1.0


def test_the_help_of_bench_names_every_measure() -> None:
    assert command_line.MEASURES.partition(";")[0].split(", ") == list(ALL_MEASURES)


def test_nothing_heavy_is_imported_before_it_is_needed(jamd: Jamd) -> None:
    program = "import daemon.__main__, sys; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.split())
    assert not loaded & {"numpy", "onnxruntime", "mido", "rtmidi", "yaml", "asyncio", "jack"}
    assert "daemon.errors" in loaded


def test_a_measure_that_there_is_not_is_told_with_those_that_there_are(jamd: Jamd) -> None:
    done = jamd("bench", "latency", "nonsense")
    assert done.returncode == 2
    assert "no measure 'nonsense'" in done.stderr and "latency, flood" in done.stderr


def test_version(jamd: Jamd) -> None:
    assert jamd("--version").stdout == f"jamd {__version__}\n"


def test_a_word_that_is_no_command(jamd: Jamd) -> None:
    done = jamd("paly")
    assert (done.returncode, done.stdout) == (2, "")
    assert "paly" in done.stderr


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")], ids=repr)
def test_a_system_without_memory_or_threads_is_told_in_a_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_check_looks_into_the_models(jamd: Jamd, tmp_path: Path) -> None:
    whole = resources() / "models" / "bachbot.onnx"
    (tmp_path / "half.onnx").write_bytes(whole.read_bytes()[:100_000])
    (tmp_path / "half.json").write_bytes(whole.with_suffix(".json").read_bytes())
    band = BAND.replace("dice: {engine: dice,", "choir: {engine: harmoniser, model: half.onnx,")
    (tmp_path / "config.yaml").write_text(band)
    done = jamd("check")
    assert done.returncode == 2
    assert "band.choir.model" in done.stderr and "truncated" in done.stderr


def test_check_prints_a_configuration_that_is_one(jamd: Jamd, tmp_path: Path) -> None:
    done = jamd("check")
    assert done.returncode == 0
    assert yaml.safe_load(done.stdout)["band"]["dice"]["options"]["often"] == 0.3
    (tmp_path / "again.yaml").write_text(done.stdout)
    again = jamd("check", "-c", "again.yaml")
    assert again.stdout.partition("\n")[2] == done.stdout.partition("\n")[2]


@pytest.mark.parametrize(
    "command", [("check",), ("run",), ("ports",), ("render", TWINKLE, "-o", "out.mid")], ids=lambda command: command[0]
)
def test_every_command_tells_all_mistakes_and_ends_with_2(jamd: Jamd, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "bad.yaml").write_text(BAND.replace("engine: dice", "engin: dice") + "sead: 1\n")
    done = jamd(*command, "-c", "bad.yaml")
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines == [
        "jamd: bad.yaml:4: band.dice.engin: unknown key: did you mean 'engine'?",
        "jamd: bad.yaml:5: sead: unknown key: did you mean 'seed'?",
    ]
    assert not (tmp_path / "out.mid").exists()


def test_a_configuration_that_is_not_there(jamd: Jamd) -> None:
    done = jamd("check", "-c", "none.yaml")
    assert done.returncode == 2
    assert done.stderr == "jamd: none.yaml: there is no such file: name a file with -c FILE\n"


def test_a_missing_model_ends_with_2(jamd: Jamd, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(BAND.replace("engine: dice,", "engine: harmoniser, model: bachbat,"))
    done = jamd("run", "--for", "1")
    assert done.returncode == 2
    assert "bachbat.onnx: there is no such model: correct `model:`" in done.stderr


def test_render_is_the_same_in_every_process_and_another_with_another_seed(jamd: Jamd, tmp_path: Path) -> None:
    def rendered(*options: str, **environment: str) -> bytes:
        done = jamd("render", TWINKLE, "-o", "out.mid", *options, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("out.mid: ")
        return (tmp_path / "out.mid").read_bytes()

    first = rendered(PYTHONHASHSEED="1")
    assert first == rendered(PYTHONHASHSEED="2")
    assert first != rendered("--seed", "9")
    assert rendered("--seed", "9") == rendered("--seed", "9", "--picture", "out.svg")
    assert first != rendered("--live")
    assert [track.name for track in mido.MidiFile(tmp_path / "out.mid").tracks] == ["tempo", "high", "low"]
    assert (tmp_path / "out.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("content", [None, b"", b"no midi", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0"])
def test_render_of_what_is_no_melody(jamd: Jamd, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "in.mid").write_bytes(content)
    done = jamd("render", "in.mid", "-o", "out.mid")
    assert done.returncode == 2
    assert done.stderr.startswith("jamd: in.mid: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.mid").exists()


def test_files_that_ship_are_found_from_any_folder(jamd: Jamd, tmp_path: Path) -> None:
    assert jamd("render", "melodies/twinkle.mid", "-o", "out.mid").returncode == 0
    assert jamd("check", "-c", "bands/quartet.yaml").returncode == 0
    done = jamd("render", "melodies/twinkel.mid", "-o", "none.mid")
    told = "jamd: melodies/twinkel.mid: there is no such file: did you mean 'melodies/twinkle.mid'?\n"
    assert (done.returncode, done.stderr) == (2, told)
    done = jamd("ports", "-c", "quartet.yaml")
    assert (done.returncode, done.stderr.endswith("did you mean 'bands/quartet.yaml'?\n")) == (2, True)


def test_a_random_seed_is_told_and_repeats_the_music(jamd: Jamd, tmp_path: Path) -> None:
    done = jamd("render", TWINKLE, "-o", "out.mid", "--seed", "random")
    found = re.fullmatch(r"out.mid: \d+ notes, seed (\d+)\n", done.stdout)
    assert found is not None
    assert jamd("render", TWINKLE, "-o", "again.mid", "--seed", found[1]).returncode == 0
    assert (tmp_path / "out.mid").read_bytes() == (tmp_path / "again.mid").read_bytes()
    assert jamd("render", TWINKLE, "-o", "out.mid", "--seed", "random").stdout != done.stdout


def test_check_prints_the_values_of_options(jamd: Jamd, tmp_path: Path) -> None:
    done = jamd("check", "--bpm", "120", "--seed", "random", "--connect", "out=fluid", "--connect", "keys=Launchkey")
    values = yaml.safe_load(done.stdout)
    assert (values["clock"]["bpm"], values["seed"]) == (120, "random")
    assert [port["connect"] for port in values["ports"].values()] == ["Launchkey", "fluid"]
    done = jamd("check", "--bpm", "1200", "-c", "config.yaml")
    assert (done.returncode, done.stderr) == (2, "jamd: --bpm: 1200 is out of range: give a number from 20 to 400\n")


def test_what_is_passed_over_in_a_file_is_told_once(jamd: Jamd, tmp_path: Path) -> None:
    """By render in one line; by check in one line for two melodies of one file."""
    odd = Path(__file__).parent / "data" / "midi" / "unknown-chunk.mid"
    told = f"jamd: warning: {odd}: passed over or corrected: unknown chunks (at byte 14)\n"
    done = jamd("render", str(odd), "-o", "out.mid")
    assert (done.returncode, done.stderr) == (0, told)
    twice = f"melodies: {{twinkle: {{file: {odd}}}, again: {{file: {odd}, loop: false}}}}"
    (tmp_path / "config.yaml").write_text(BAND.replace("melodies: {twinkle: {file: melodies/twinkle.mid}}", twice))
    done = jamd("check")
    assert (done.returncode, done.stderr) == (0, told)


def test_an_engine_that_fails_in_render_is_a_message(echo_engine: Path, tmp_path: Path) -> None:
    """With JAMD_TRACEBACK the author of the engine gets the traceback, too."""
    band = "ports: {o: {direction: out}}\nband: {shadow: {engine: echo, play: {port: o}, options: {trouble: crash}}}\n"
    (tmp_path / "config.yaml").write_text(band)
    command = [sys.executable, "-m", "daemon", "render", TWINKLE, "-o", "out.mid"]
    for environment, lines in ((os.environ, 1), (os.environ | {"JAMD_TRACEBACK": "1"}, 2)):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith(
            "jamd: shadow: the engine Echo failed in prepare: RuntimeError: failed on demand (engines.py:"
        )
        assert (len(done.stderr.splitlines()) == 1) == (lines == 1)
        assert ("Traceback (most recent call last)" in done.stderr) == (lines == 2)
    assert not (tmp_path / "out.mid").exists()


def test_an_interrupted_rendering_leaves_nothing_and_ends_with_130(jamd: Jamd, tmp_path: Path) -> None:
    """90,000 beats; SIGINT comes while the band plays them."""
    long = smf.to_bytes([smf.Track("m", [(0, note_on(1, 60, 80)), (90_000 * smf.FILE_TICKS, note_off(1, 60))])], [], [])
    (tmp_path / "long.mid").write_bytes(long)
    command = [sys.executable, "-m", "daemon", "render", "long.mid", "-o", "out.mid"]
    (tmp_path / "out.mid").write_bytes(b"old")
    before = sorted(tmp_path.iterdir())
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        used = Path(f"/proc/{process.pid}/stat")
        while int(used.read_text().rpartition(")")[2].split()[11]) < 150:  # 1.5 s of work: far beyond the start
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None and process.stderr.read() == "jamd: interrupted\n"
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "out.mid").read_bytes() == b"old"


def test_a_circle_of_links_is_no_input(jamd: Jamd, tmp_path: Path) -> None:
    (tmp_path / "in.mid").symlink_to("in.mid")
    done = jamd("render", "in.mid", "-o", "out.mid")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("jamd: in.mid: cannot be read (Too many levels of symbolic links): ")


@pytest.mark.parametrize(
    "options, told", [(("-o", "in.mid"), "the input"), (("-o", "o.mid", "--picture", "a.png"), "SVG")]
)
def test_render_overwrites_no_input_and_draws_svg_only(
    jamd: Jamd, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    content = Path(TWINKLE).read_bytes()
    (tmp_path / "in.mid").write_bytes(content)
    done = jamd("render", "in.mid", *options)
    assert done.returncode == 1 and told in done.stderr
    assert (tmp_path / "in.mid").read_bytes() == content and not (tmp_path / "o.mid").exists()


def test_render_to_where_nothing_can_be_written(jamd: Jamd) -> None:
    done = jamd("render", TWINKLE, "-o", "no/such/folder/out.mid")
    assert done.returncode == 1
    assert done.stderr.startswith("jamd: no/such/folder/out.mid: cannot be written (No such file or directory): ")


def test_a_suffix_of_another_format_is_told_before_anything_is_rendered(jamd: Jamd, tmp_path: Path) -> None:
    done = jamd("render", TWINKLE, "-o", "out.mp3")
    assert (done.returncode, done.stdout) == (1, "")
    suffixes = ".mid or .midi or .smf or .wav or .wave or .flac"
    assert done.stderr == f"jamd: out.mp3: MIDI, WAV or FLAC is written: name a file that ends in {suffixes} with -o\n"
    assert not (tmp_path / "out.mp3").exists()


def test_render_overwrites_neither_the_configuration_nor_its_own_picture(jamd: Jamd, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("config.yaml")
    for options in (("-o", "link"), ("-o", "same", "--picture", "same")):
        done = jamd("render", TWINKLE, *options)
        assert done.returncode == 1 and "would be overwritten" in done.stderr
    assert (tmp_path / "config.yaml").read_text() == BAND


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipe")
def test_a_pipe_gets_the_file_and_nothing_else(jamd: Jamd, tmp_path: Path) -> None:
    jamd("render", TWINKLE, "-o", "out.mid")
    command = [sys.executable, "-m", "daemon", "render", TWINKLE, "-o", "/dev/stdout"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
    assert done.stdout == (tmp_path / "out.mid").read_bytes()
    assert done.stderr.startswith(b"/dev/stdout: ") and done.stderr.count(b"\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [("check",), ("ports",), ("models",), ("--help",), ("--version",), ("render", TWINKLE, "-o", "out.mid")],
    ids=lambda command: command[0],
)
def test_a_standard_output_that_takes_nothing(
    jamd: Jamd, tmp_path: Path, command: tuple[str, ...], unbuffered: str
) -> None:
    """A full device gives one line, a pipe whose reader has ended (`| head`) none, as usual."""
    read, write = os.pipe()
    os.close(read)
    for output, line in (
        (os.open("/dev/full", os.O_WRONLY), "jamd: standard output: cannot be written (No"),
        (write, ""),
    ):
        with open(output, "wb") as stdout:
            done = subprocess.run(
                [sys.executable, "-m", "daemon", *command],
                cwd=tmp_path,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            )
        assert (done.returncode, done.stderr.count("\n")) == (1, int(line != ""))
        assert done.stderr.startswith(line)
    assert "-o" not in command or (tmp_path / "out.mid").exists()


@pytest.fixture
def session(jamd: Jamd, tmp_path: Path) -> Path:
    """A recording, as a desk makes it."""
    live = Live(config.load(tmp_path / "config.yaml"), tmp_path / "sessions")
    live.up("dice")
    live.performance.take(Started(live.now))
    for number in range(100):
        live.step("wait", 1, 0.3)
        live.step("answer all", 0, 0.0)
        live.step("press" if number % 2 else "release", number // 2, 0.0)
    live.journal.close()
    (path,) = (tmp_path / "sessions").glob("*.mid")
    return path


def test_a_replay_is_identical(jamd: Jamd, tmp_path: Path, session: Path) -> None:
    for path in (session, session.with_suffix(".journal"), session.with_suffix(".flac")):
        done = jamd("replay", str(path), "-o", "again.mid")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{path}: ")
        assert done.stdout.endswith(" notes, identical\n")
        assert int(done.stdout.removeprefix(f"{path}: ").split()[0]) > 50
        assert (tmp_path / "again.mid").read_bytes() == session.read_bytes()


def edit(journal: Path, change: Callable[[Entry], None]) -> None:
    entries = list(JournalReader(journal))
    for entry in entries:
        change(entry)
    journal.write_bytes(MAGIC + b"".join(map(frame, entries)))


def test_a_replay_tells_the_first_difference(jamd: Jamd, session: Path) -> None:
    def other_setting(entry: Entry) -> None:
        if isinstance(entry, SessionBegan):
            entry.header["spec"]["players"][0]["settings"]["often"] = 1.0

    edit(session.with_suffix(".journal"), other_setting)
    done = jamd("replay", str(session))
    assert done.returncode == 1
    assert "notes, first difference at 100" in done.stdout


def test_a_replay_ends_at_a_gap(jamd: Jamd, session: Path) -> None:
    journal = session.with_suffix(".journal")
    entries = list(JournalReader(journal))
    entries.insert(len(entries) // 2, Gap(entries[len(entries) // 2].seconds))
    journal.write_bytes(MAGIC + b"".join(map(frame, entries)))
    done = jamd("replay", str(session))
    assert done.returncode == 3
    assert "notes, no difference, but the journal has a gap, where the disk was full, at byte " in done.stdout


def test_a_replay_tells_that_the_file_is_another(jamd: Jamd, session: Path) -> None:
    session.write_bytes(session.read_bytes()[:-1])
    done = jamd("replay", str(session))
    assert done.returncode == 1
    assert "was changed, or made by another program" in done.stdout


def test_a_replay_tells_that_the_file_beside_the_journal_is_none(session: Path) -> None:
    session.unlink()
    os.mkfifo(session)
    assert replay(session).difference == f"but {session} cannot be read (a pipe, not a file)"
    session.unlink()
    assert not replay(session).difference


def test_a_replay_warns_of_other_versions(jamd: Jamd, session: Path) -> None:
    def older(entry: Entry) -> None:
        if isinstance(entry, SessionBegan):
            entry.header["versions"]["onnxruntime"] = "1.2.3"

    edit(session.with_suffix(".journal"), older)
    done = jamd("replay", str(session))
    assert done.stderr.startswith("jamd: warning: recorded with onnxruntime 1.2.3, replayed with ")
    assert (done.returncode, done.stdout.endswith("identical\n")) == (0, True)


def test_a_replay_overwrites_no_file_of_its_session(jamd: Jamd, tmp_path: Path, session: Path) -> None:
    journal = session.with_suffix(".journal")
    (tmp_path / "link.mid").symlink_to(journal)
    (tmp_path / "hard.mid").hardlink_to(journal)
    before = {path: path.read_bytes() for path in (session, journal)}
    for output in (session, journal, "link.mid", "hard.mid"):
        for given in (session, journal):
            done = jamd("replay", str(given), "-o", str(output))
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("content", [None, b"", b"junk", b"jamd journal 1\njunk"])
def test_a_replay_of_what_is_no_session(jamd: Jamd, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x.journal").write_bytes(content)
    done = jamd("replay", "x.mid")
    assert done.returncode == 1
    assert done.stderr.startswith("jamd: x.journal: ")
    assert "name a" in done.stderr


def test_what_a_replay_needs_is_told(jamd: Jamd, tmp_path: Path, session: Path) -> None:
    (tmp_path / "song.mid").write_bytes(session.read_bytes())
    for name, told in (
        ("song.mid", "song.mid: song.journal, its journal, is not beside it: only a session that `jamd run` wrote can"),
        ("sessions", "sessions: a folder: name a session in it"),
        (f"sessions/{session.stem[:-1]}.mid", f"did you mean 'sessions/{session.stem}.journal'?"),
    ):
        done = jamd("replay", name)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1) and told in done.stderr


def test_a_configuration_without_anything_is_told(jamd: Jamd, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("# to be filled\n")
    told = f"config.yaml: nothing is configured: add ports: and band:, as in {resources() / 'config.yaml'}"
    for command in (("check",), ("render", TWINKLE, "-o", "out.mid")):
        done = jamd(*command)
        assert (done.returncode, done.stderr) == (0, f"jamd: warning: {told}\n")
    (tmp_path / "config.yaml").write_text("ports: {keys: {direction: in}}\n")
    told = "no player is configured: add one under band: in config.yaml"
    assert jamd("check").stderr == f"jamd: warning: {told}\n"


def test_a_cut_session_replays_as_far_as_it_goes(jamd: Jamd, tmp_path: Path, session: Path) -> None:
    journal = session.with_suffix(".journal")
    data = journal.read_bytes()
    for part in (0.5, 0.7, 0.9):
        cut = tmp_path / "cut.journal"
        cut.write_bytes(data[: int(len(data) * part)])
        cut.with_suffix(".mid").unlink(missing_ok=True)
        Journal(tmp_path, {"spec": config.load(tmp_path / "config.yaml").stage.to_json()})  # the next start
        done = jamd("replay", str(cut.with_suffix(".mid")))
        assert (done.returncode, done.stderr) == (3, "")
        assert " notes, no difference, but the journal ends early, " in done.stdout
        assert "damaged" not in done.stdout and done.stdout.count("\n") == 1


def test_a_damaged_session_is_told_with_its_place_and_what_can_be_read_is_written(
    jamd: Jamd, tmp_path: Path, session: Path
) -> None:
    journal = session.with_suffix(".journal")
    data = bytearray(journal.read_bytes())
    at = len(data) // 2
    data[at] ^= 1
    journal.write_bytes(data)
    done = jamd("replay", str(session), "-o", "again.mid")
    assert (done.returncode, done.stderr) == (3, "")
    found = re.fullmatch(
        r".*: (\d+) notes, no difference, but the journal is damaged \(bytes that are no entry\) at byte (\d+), "
        r"[\d.]+ s after the beginning: the last (\d+) bytes \([\d.]+%\) are not replayed; "
        r"their (\d+) notes are kept as they were recorded\n",
        done.stdout,
    )
    assert found is not None
    replayed, place, left, kept = map(int, found.groups())
    assert at - 500 < place <= at and place + left == len(data)
    assert min(replayed, kept) > 20
    whole = [message.note for message in mido.MidiFile(session) if message.type == "note_on"]
    read = [message.note for message in mido.MidiFile(tmp_path / "again.mid") if message.type == "note_on"]
    assert len(whole) - 2 <= len(read) <= len(whole)


def test_a_live_session_is_recorded_survives_the_desk_and_replays_to_the_same_bytes(jamd: Jamd, tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "daemon", "run"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    with first:
        assert first.stderr is not None
        assert any("READY" in line for line in first.stderr)
        time.sleep(2)
        first.kill()
    assert not list(tmp_path.glob("sessions/*.mid"))
    assert jamd("run", "--for", "2").returncode == 0
    files = list(tmp_path.glob("sessions/*.mid"))
    assert len(files) == 2
    for path, killed in zip(sorted(files), (True, False), strict=True):
        done = jamd("replay", str(path))
        assert " notes, no difference, but the journal ends early" in done.stdout or not killed
        assert done.stdout.endswith(" notes, identical\n") or killed
        assert int(done.stdout.removeprefix(f"{path}: ").split()[0]) > 3
        assert [track.name for track in mido.MidiFile(path).tracks] == ["tempo", "twinkle", "dice"]


def test_ports_says_what_there_is_and_what_would_be_opened(jamd: Jamd) -> None:
    done = jamd("ports", COLUMNS="160")
    assert done.returncode == 0
    assert "JACK: no server is running" in done.stdout or sys.platform != "linux"
    assert "jamd keys" in done.stdout
    assert "jamd out" in done.stdout


def test_ports_of_others_are_listed(jamd: Jamd, jack_server: object) -> None:
    done = jamd("ports", COLUMNS="160")
    assert "JACK: ports of other programs and devices" in done.stdout
    assert "JACK, a virtual port" in done.stdout


def test_models_are_verified(jamd: Jamd) -> None:
    done = jamd("models")
    assert done.returncode == 0
    files = [path for path in (resources() / "models").iterdir() if path.suffix in (".onnx", ".npz")]
    assert done.stdout.count("verified") == len(files) > 7
    assert "\nfolk (style, " in done.stdout
    assert done.stdout.startswith("bachbot (harmoniser, 16.6 MB): verified\n    chorales by Bach: four parts to ")
    for path in (resources() / "models").glob("*.json"):
        told = done.stdout.replace("\n   ", "")
        training = json.loads(path.read_text())["training"]
        assert all(training[key] in told for key in ("music", "data", "licence"))


def test_another_package_of_the_same_name_is_recognised(tmp_path: Path) -> None:
    package = tmp_path / "daemon"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_bytes((resources() / "daemon" / "__main__.py").read_bytes())
    done = subprocess.run([sys.executable, "-m", "daemon", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("jamd: another package has overwritten jamd's `daemon`: ")


def test_a_session_is_json_and_bytes_that_others_can_read(session: Path) -> None:
    """As docs describe it: magic, then length, CRC-32, JSON."""
    data = session.with_suffix(".journal").read_bytes().removeprefix(b"jamd journal 1\n")
    kinds = []
    while data:
        length, checksum = (int.from_bytes(data[n : n + 4], "little") for n in (0, 4))
        assert zlib.crc32(data[8 : 8 + length]) == checksum
        kinds.append(json.loads(data[8 : 8 + length])[0])
        data = data[8 + length :]
    assert (kinds[0], kinds[-1]) == ("session", "end")
    assert {"heard", "melody", "sent", "answer", "up", "start"} <= set(kinds)


def test_a_wrong_song_is_named_as_it_was_given(jamd: Jamd, tmp_path: Path) -> None:
    done = jamd("sheet", "nothing.yaml", "-o", "out")
    assert done.returncode == 2
    assert (
        done.stderr == f"jamd: {tmp_path / 'nothing.yaml'}: there is no such file: name a song, as songs/blues.yaml\n"
    )
    assert not (tmp_path / "out").exists()
