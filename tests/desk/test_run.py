"""`jamd run` with real processes and no MIDI system."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import mido
import pytest

from daemon.config import Config, load
from daemon.desk import run, runtime
from daemon.entries import Entry, Reconfigured, SessionBegan
from daemon.paths import resources
from daemon.recording.journal_file import JournalReader
from daemon.recording.replay import replay
from daemon.sockets import connect
from daemon.spec import StageSpec
from daemon.wire import pack
from tests.desk.jamd import Jamd, band

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
Start = Callable[..., Jamd]


@pytest.fixture
def start(tmp_path: Path, echo_engine: Path, request: pytest.FixtureRequest) -> Start:
    """Starts a jamd that ends with the test; no process and no runtime folder may be left."""

    def start(config: str, *arguments: str, **environment: str) -> Jamd:
        jamd = Jamd(tmp_path, config, *arguments, **environment)

        def finish() -> None:
            jamd.__exit__(None, None, None)
            jamd.wait(lambda: not jamd.left_behind(), 5, "the end of its children")
            jamd.wait(lambda: not os.listdir(tmp_path / "runtime"), 5, "an empty runtime folder")

        request.addfinalizer(finish)
        return jamd

    return start


def sessions(jamd: Jamd) -> list[mido.MidiFile]:
    return [mido.MidiFile(path) for path in sorted((jamd.folder / "sessions").glob("*.mid"))]


def assert_complete(jamd: Jamd, *names: str) -> None:
    """The only recording has notes of every one of `names`, and a note-off for each note."""
    (session,) = sessions(jamd)
    recorded = {}
    for track in session.tracks:
        ons = [(m.channel, m.note) for m in track if m.type == "note_on" and m.velocity]
        offs = [(m.channel, m.note) for m in track if m.type == "note_off" or (m.type == "note_on" and not m.velocity)]
        assert sorted(ons) == sorted(offs)
        recorded[track.name] = len(ons)
    assert {name for name in names if not recorded.get(name)} == set(), recorded


def test_run_for_some_seconds(start: Start) -> None:
    jamd = start(band("ann", "bob"), "--for", "2").ready()
    assert jamd.children().keys() == {"stage", "ann", "bob"}
    assert jamd.wait_for_end() == 0
    assert "Traceback" not in jamd.log
    assert jamd.log.count("no MIDI system") == 1  # with its remedy
    assert re.search("no MIDI system.*(ALSA.*modprobe snd-seq|JACK)", jamd.log)
    assert "READY: players: ann, bob; no port is open\n" in jamd.log
    assert "listens to no source" not in jamd.log
    assert '"restarts": {}' in jamd.log
    assert_complete(jamd, "tune", "ann", "bob")
    (metrics,) = re.findall(r"metrics (\{.*\})", jamd.log)
    explained = (resources() / "docs" / "operations.md").read_text()
    assert [name for name in json.loads(metrics) if f"`{name}`" not in explained] == []


def test_expected_silence_is_logged(start: Start) -> None:
    alone = start(band("ann").replace("listen: [keys, tune], ", "")).ready()
    assert "ann listens to no source" in alone.log
    assert alone.end() == 0
    empty = start("ports: {keys: {direction: in}}\nmelodies: {}\nband: {}\ncontrols: {}\n").ready()
    assert "no player is configured" in empty.log


def test_options_and_a_drawn_seed_outlive_a_reload(start: Start) -> None:
    jamd = start(band("ann"), "--bpm", "300", "--seed", "random", "--connect", "keys=No such keyboard").ready()
    (seed,) = re.findall(r"seed (\d+), drawn at random: `--seed \1` repeats the music", jamd.log)
    jamd.wait(lambda: list(jamd.folder.glob("sessions/*.journal")), 10, "a note")
    jamd.configure(band("ann", "bob", bpm=60))
    jamd.reload()
    assert "; new player bob\n" in jamd.log
    told = f"from the command line, not from {jamd.folder / 'config.yaml'}: --bpm 300, --seed random, --connect keys=No"
    assert told in jamd.log

    def entries() -> list[Entry]:
        return list(JournalReader(*jamd.folder.glob("sessions/*.journal")))

    # A journal ends with the last note: with the reload in it, there were notes after the reload.
    jamd.wait(lambda: any(isinstance(entry, Reconfigured) for entry in entries()), 10, "a note after the reload")
    assert jamd.end() == 0
    specs = [StageSpec.from_json(entry.header["spec"]) for entry in entries() if isinstance(entry, SessionBegan)]
    specs += [entry.spec for entry in entries() if isinstance(entry, Reconfigured)]
    assert (len(specs[0].players), len(specs[-1].players)) == (1, 2)
    for spec in specs:
        assert (spec.tempo_map.tempi, spec.seed, spec.ports[0].connect) == (
            ((0.0, 300.0),),
            int(seed),
            "No such keyboard",
        )


def test_a_reload_from_another_file_is_known_to_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a config.yaml that was made in jamd's folder after the start."""
    before, after = tmp_path / "before.yaml", tmp_path / "config.yaml"
    for path in (before, after):
        path.write_text("ports: {keys: {direction: in}}\n")

    async def load_again(*_: object) -> Config:
        return load(after)

    monkeypatch.setattr(run, "load_config_again", load_again)
    supervisor = Mock(folder=tmp_path, reload=AsyncMock(return_value=[]))
    runtime.describe(tmp_path, before)
    assert asyncio.run(run._reload(supervisor, load(before))).path == after
    assert json.loads((tmp_path / runtime.DESCRIPTION_FILE).read_text()) == [os.getpid(), str(after)]


def test_a_wrong_option_ends_the_start_with_2(start: Start) -> None:
    jamd = start(band("ann"), "--bpm", "3000", "--connect", "kees=x")
    assert jamd.wait_for_end() == 2
    assert jamd.log.splitlines() == [
        "jamd: --bpm: 3000 is out of range: give a number from 20 to 400",
        f"jamd: --connect kees: 'kees' is not a port in {jamd.folder / 'config.yaml'}: did you mean 'keys'?",
    ]


def test_environment_of_children(start: Start, tmp_path: Path) -> None:
    for name in ("mido.py", "random.py", "daemon.py"):  # files in the working directory
        (tmp_path / name).write_text("raise SystemExit('not meant')")
    jamd = start(band("ann"), NOTIFY_SOCKET="/nowhere", WATCHDOG_USEC="5000000", SOMETHING="else").ready()
    assert "not meant" not in jamd.log
    for pid in jamd.children().values():
        environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
        assert {"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "SOMETHING=else"} <= set(environment)
        assert not [line for line in environment if line.startswith(("NOTIFY_SOCKET", "WATCHDOG"))]
        assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    assert os.sched_getscheduler(jamd.children()["ann"]) == os.SCHED_OTHER


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGTERM], [signal.SIGINT], [signal.SIGTERM] * 2, [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]],
    ids=lambda signals: "+".join(number.name for number in signals),
)
def test_stopped_by_signals(start: Start, signals: list[signal.Signals]) -> None:
    jamd = start(band("ann")).ready()
    time.sleep(1)
    assert jamd.end(*signals) == 0
    assert "Traceback" not in jamd.log
    assert not jamd.left_behind()
    assert_complete(jamd, "tune", "ann")


def test_stopped_while_it_starts(start: Start) -> None:
    jamd = start(band("ann", trouble={"ann": "slow"}))
    jamd.wait(lambda: len(jamd.children()) == 2, 10, "its children")
    assert jamd.end() == 0
    assert "READY" not in jamd.log


def test_a_killed_player_is_replaced(start: Start) -> None:
    jamd = start(band("ann", "bob")).ready()
    before = jamd.children()
    os.kill(before["ann"], signal.SIGKILL)
    jamd.replaced("ann", before["ann"], 3)
    time.sleep(0.5)
    second = jamd.children()["ann"]
    os.kill(second, signal.SIGKILL)  # the second replacement is delayed by half a second
    jamd.replaced("ann", second, 3)
    jamd.wait_for_log(r"ann ended \(SIGKILL\)")
    assert {**jamd.children(), "ann": 0} == {**before, "ann": 0}
    assert jamd.end() == 0
    assert '"restarts": {"ann": 2}' in jamd.log


def test_a_hung_player_is_replaced(start: Start) -> None:
    jamd = start(band("ann", "bob")).ready()
    before = jamd.children()
    os.kill(before["ann"], signal.SIGSTOP)
    jamd.replaced("ann", before["ann"], 5)
    jamd.wait_for_log("ann does not answer")
    assert {**jamd.children(), "ann": 0} == {**before, "ann": 0}


def test_a_killed_stage_is_replaced_and_the_players_reconnect(start: Start) -> None:
    jamd = start(band("ann", "bob")).ready()
    before = jamd.children()
    os.kill(before["stage"], signal.SIGKILL)
    jamd.replaced("stage", before["stage"], 3)
    jamd.wait_for_log(r"the stage ended \(SIGKILL\)")
    time.sleep(2)
    assert {**jamd.children(), "stage": 0} == {**before, "stage": 0}
    assert jamd.end() == 0
    assert '"restarts": {"stage": 1}' in jamd.log
    assert '"sounding": {"ann"' in jamd.log  # the figures of the new stage
    assert_complete(jamd, "tune", "ann", "bob")


@pytest.mark.parametrize("name", ["ann", "stage"])
def test_without_its_runtime_folder_jamd_ends_as_soon_as_a_process_would_have_to_be_replaced(
    start: Start, name: str
) -> None:
    jamd = start(band("ann", "bob")).ready()
    before = jamd.children()
    jamd.wait(lambda: list(jamd.folder.glob("sessions/*.journal")), 10, "a journal")
    (folder,) = (jamd.folder / "runtime").iterdir()
    shutil.rmtree(folder)
    jamd.configure(band("ann", "bob", "cid"))
    jamd.reload()
    assert jamd.children() == before
    os.kill(before[name], signal.SIGKILL)
    jamd.wait_for_end()
    assert jamd.process.returncode == 1
    assert re.search(rf"^jamd: {folder}: .* was removed .*: start jamd again \(.*\)$", jamd.log, re.MULTILINE)
    assert_complete(jamd, "tune")


def test_a_hung_stage_is_replaced(start: Start) -> None:
    jamd = start(band("ann")).ready()
    stage = jamd.children()["stage"]
    os.kill(stage, signal.SIGSTOP)
    jamd.replaced("stage", stage, 10)
    jamd.wait_for_log("the stage does not answer")


def test_no_process_outlives_the_desk(start: Start) -> None:
    jamd = start(band("ann", "bob")).ready()
    os.kill(jamd.children()["bob"], signal.SIGSTOP)
    jamd.process.kill()
    jamd.wait_for_end()
    jamd.wait(lambda: not jamd.left_behind(), 3, "the end of its children")


def test_the_next_start_removes_abandoned_runtime_folders_and_no_others(start: Start) -> None:
    neighbour = start(band("ann")).ready()
    (living,) = os.listdir(neighbour.folder / "runtime")
    killed = start(band("ann")).ready()
    stage = killed.children()["stage"]
    killed.process.send_signal(signal.SIGSTOP)  # so that the desk does not replace the stage
    os.kill(stage, signal.SIGKILL)  # so that the stage does not remove the folder
    killed.process.kill()
    killed.wait_for_end()
    (abandoned,) = set(os.listdir(killed.folder / "runtime")) - {living}
    third = start(band("ann")).ready()
    found = os.listdir(third.folder / "runtime")
    assert living in found
    assert abandoned not in found
    assert len(found) == 2
    assert third.end() == neighbour.end() == 0
    assert '"restarts": {}' in neighbour.log


def test_reload_replaces_only_changed_players(start: Start) -> None:
    jamd = start(band("ann", "bob", "cid")).ready()
    time.sleep(1)  # every player has played
    before = jamd.children()
    changed = band("ann", "bob", "dan").replace("ann out, channels: {echo: 1", "ann out, channels: {echo: 5")
    jamd.configure(changed)
    jamd.reload()
    after = jamd.children()
    assert after.keys() == {"stage", "ann", "bob", "dan"}
    assert (after["stage"], after["bob"]) == (before["stage"], before["bob"])
    assert after["ann"] != before["ann"]
    assert "; ann: play.channels.echo 1 → 5; player cid removed; new player dan\n" in jamd.log
    jamd.reload()
    assert jamd.children() == after
    assert "reloaded: no change" in jamd.log
    time.sleep(1)
    assert jamd.end() == 0
    assert '"restarts": {}' in jamd.log
    assert_complete(jamd, "tune", "ann", "bob", "cid", "dan")


def test_a_mistake_in_the_new_configuration_changes_nothing(start: Start) -> None:
    jamd = start(band("ann", "bob")).ready()
    before = jamd.children()
    for mistake, message in [
        (band("ann").replace("band:", "bnad:"), "did you mean"),
        ("{", "config.yaml"),
        ("", "the file is empty"),
        (band("ann", "bob", "cid", trouble={"cid": "refuse"}), "refused on demand"),
        (band("ann", "bob", trouble={"bob": "crash"}), "failed on demand"),
    ]:
        jamd.configure(mistake)
        jamd.reload()
        assert message in jamd.log
        assert jamd.children() == before
    time.sleep(1)
    assert jamd.end() == 0
    assert '"restarts": {}' in jamd.log
    assert_complete(jamd, "tune", "ann", "bob")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("bnad: {}\n", "did you mean"),
        (band("ann", "bob", trouble={"bob": "refuse"}), "refused on demand"),
        (band("ann").replace("engine: echo", "engine: ecco"), "ecco"),
        (band("ann").replace("tune.mid", "none.mid"), "none.mid"),
    ],
)
def test_a_mistake_at_the_start_ends_jamd(start: Start, config: str, message: str) -> None:
    jamd = start(config)
    assert jamd.wait_for_end() == 2
    assert message in jamd.log
    assert "READY" not in jamd.log
    assert "Traceback" not in jamd.log


def test_a_model_upon_which_native_code_crashes_is_refused(start: Start, tmp_path: Path) -> None:
    model = tmp_path / "frail.onnx"
    model.write_text("crash")
    config = band("ann", "bob").replace("engine: echo", "engine: fragile, model: ./frail.onnx", 1)
    reason = f"{model}: ends the process that loads the model (SIGSEGV): choose another model"
    jamd = start(config)
    assert jamd.wait_for_end() == 2
    assert reason in jamd.log
    model.write_text("good")
    jamd = start(config).ready()
    model.write_text("crash")
    jamd.reload()
    assert reason in jamd.log and "nothing was changed" in jamd.log
    os.kill(jamd.children()["ann"], signal.SIGKILL)
    jamd.wait_for_log("ann stays silent until the next reload")
    assert jamd.log.count(reason) == 2
    model.write_text("good")
    jamd.reload()
    assert "reloaded: ann: started anew" in jamd.log
    assert jamd.end() == 0


def test_a_player_that_fails_at_once_delays_no_other(start: Start) -> None:
    jamd = start(band("ann", "bob", trouble={"bob": "crash"}))
    jamd.wait_for_log("READY.*ann.*bob", 10)
    assert "failed on demand" in jamd.log
    assert jamd.log.count("bob ended") == 1  # once a minute
    assert jamd.log.count("bob: the engine Echo failed in prepare: RuntimeError: failed on demand (engines.py:") == 1
    time.sleep(1)
    assert jamd.end() == 0
    assert_complete(jamd, "tune", "ann")


def test_a_slow_player_does_not_keep_the_others_from_playing(start: Start) -> None:
    jamd = start(band("ann", "bob", trouble={"bob": "slow"})).ready()  # meanwhile the stage is pinged
    assert "stopped" not in jamd.log
    folder = jamd.folder / "sessions"
    jamd.wait(lambda: list(folder.glob("*.journal")), 10, "notes")
    stage = jamd.children()["stage"]
    os.kill(stage, signal.SIGKILL)  # the next stage also waits for bob before the song continues
    jamd.replaced("stage", stage, 10)
    (journal,) = folder.glob("*.journal")

    def new_stage_plays() -> bool:
        kinds = [entry.kind for entry in JournalReader(journal)]
        return kinds.count("stage") == 2 and "sent" in kinds[len(kinds) - kinds[::-1].index("stage") :]

    jamd.wait(new_stage_plays, 15, "notes of the new stage")
    assert jamd.end() == 0
    assert_complete(jamd, "tune", "ann")


def test_notifications_to_systemd(start: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))

        def until(text: str, seconds: float = 20) -> list[str]:
            """The notifications up to the next one that begins with `text`, which comes last."""
            end, received = time.monotonic() + seconds, [""]
            while not received[-1].startswith(text):
                systemd.settimeout(max(end - time.monotonic(), 0.001))
                try:
                    received.append(systemd.recv(1 << 16).decode())
                except TimeoutError:
                    pytest.fail(f"no {text} in {seconds} s: {received}")
            return received

        jamd = start(band("ann"), NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="500000")
        assert any(line.startswith("STATUS=") and "ann" in line for line in until("READY=1"))
        until("WATCHDOG=1")
        end = time.monotonic() + 10 * 0.4
        for _ in range(10):  # twice in systemd's half second, on average and with some allowance for a busy machine
            until("WATCHDOG=1", end - time.monotonic())
        jamd.process.send_signal(signal.SIGHUP)
        until("RELOADING=1")
        until("READY=1")
        stage = jamd.children()["stage"]
        os.kill(stage, signal.SIGSTOP)
        time.sleep(0.1)
        drain(systemd)  # what was sent before the stage stopped
        until("WATCHDOG=1")
        assert jamd.children().get("stage") not in (None, stage)  # not before there is another stage
        jamd.configure("bnad: {}\n")
        jamd.process.send_signal(signal.SIGHUP)
        until("STATUS=reload failed")
        until("READY=1")
        until("STATUS=reload failed")  # still in the status
        jamd.configure(band("ann"))
        jamd.process.send_signal(signal.SIGHUP)
        until("STATUS=players: ann")
        jamd.process.send_signal(signal.SIGTERM)
        until("STOPPING=1")
        assert jamd.wait_for_end() == 0


def drain(receiver: socket.socket) -> None:
    """Read all that has arrived."""
    receiver.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while receiver.recv(1 << 16):
            pass


def test_panic_is_recorded_and_the_music_continues(start: Start) -> None:
    jamd = start(band("ann")).ready()
    before = jamd.children()
    jamd.process.send_signal(signal.SIGUSR1)
    time.sleep(1)
    assert jamd.children() == before
    assert jamd.end() == 0
    assert_complete(jamd, "tune", "ann")


def test_no_other_program_takes_a_players_or_the_stages_place(start: Start) -> None:
    jamd = start(band("ann")).ready()
    children = jamd.children()
    jamd.wait(lambda: list(jamd.folder.glob("sessions/*.journal")), 10, "a journal")
    (folder,) = (jamd.folder / "runtime").iterdir()
    strangers = []
    for number in range(200):  # also more than wait at once, and with garbage
        for name, hello in (("stage", ["ann", children["ann"]]), ("desk", ["stage", children["stage"]])):
            stranger = connect(folder / f"{name}.sock")
            strangers.append(stranger)
            with contextlib.suppress(OSError):
                stranger.sendall((pack([["hello", "guessed", *hello]]), b"x" * 9000, b"", b"[1,\n")[number % 4])
    jamd.wait_for_log("connected to its socket stage.sock")
    jamd.wait_for_log("connected to its socket desk.sock")
    before = jamd.log
    jamd.process.send_signal(signal.SIGHUP)
    jamd.wait(lambda: "reloaded" in jamd.log[len(before) :], 10, "a reload beside the strangers")
    assert jamd.children() == children
    for stranger in strangers:
        stranger.close()
    assert jamd.end() == 0
    assert jamd.log.count("is not part of this jamd") == 2, "logged once each"
    assert "ann ended" not in jamd.log and "does not answer" not in jamd.log and "Traceback" not in jamd.log


def recording_process(jamd: Jamd) -> int:
    children = Path(f"/proc/{jamd.process.pid}/task/{jamd.process.pid}/children").read_text().split()
    (pid,) = [int(pid) for pid in children if b"daemon.recording.process" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return pid


def test_a_sessions_folder_that_is_removed_while_playing_is_made_again(start: Start) -> None:
    jamd = start(band("ann")).ready()
    folder = jamd.folder / "sessions"
    jamd.wait(lambda: list(folder.glob("*.journal")), 10, "notes")
    folder.rename(jamd.folder / "taken")
    jamd.wait_for_log("was removed or renamed; a new session begins in sessions")
    jamd.wait(lambda: list(folder.glob("*.journal")), 10, "a new session")
    time.sleep(1)
    assert jamd.end() == 0
    assert jamd.log.count("was removed or renamed") == 1
    for session in (next(folder.glob("*.mid")), next((jamd.folder / "taken").glob("*.journal"))):
        replayed = replay(session)
        assert replayed.notes and not replayed.difference


def test_a_disk_that_hangs_keeps_neither_music_nor_the_end(start: Start) -> None:
    """A stopped recording process is as one that waits for its disk."""
    jamd = start(band("ann")).ready()
    folder = jamd.folder / "sessions"
    jamd.wait(lambda: list(folder.glob("*.journal")), 10, "notes")
    recording = recording_process(jamd)
    os.kill(recording, signal.SIGSTOP)
    try:
        jamd.wait_for_log("recording is interrupted, the music continues: sessions does not answer")
        assert jamd.end() == 1
        assert "the recording in sessions may lack its end: its disk does not answer" in jamd.log
        assert "restarts" in jamd.log
    finally:
        os.kill(recording, signal.SIGCONT)  # the disk answers: the process writes what it got, and ends
    jamd.wait(lambda: list(folder.glob("*.mid")), 10, "the rest of the recording")
    assert_complete(jamd, "tune", "ann")
