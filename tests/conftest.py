"""Fixtures for the whole suite. Nothing here touches the JACK server or the sessions of whoever runs it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings

from daemon.paths import resources
from tests.dice import register
from tests.tools import alsa_vm, jack, sine
from tests.tools import systemd_box as systemd_box_tool

settings.register_profile("jamd", deadline=None)  # a busy machine is no failure
settings.load_profile("jamd")


TRIES = 4  # of a test during which the JACK server stood still
_again: list[str] = []  # those that were run again


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A test that fails while the JACK server stands still (XRun) is run again: what a server loses, repeats or delays
    then is none of our doing. Where the server is content, once is all. Where it never is, counts must still be right
    at the last try, but times say nothing (`Observer.excused`)."""
    if "jack_server" not in getattr(item, "fixturenames", ()):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for left in reversed(range(TRIES)):
        item.stash[jack.STOOD_STILL], item.stash[jack.LAST_TRY] = False, not left
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if not (left and item.stash[jack.STOOD_STILL] and any(report.failed for report in reports)):
            break
        _again.append(item.nodeid)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for test in dict.fromkeys(_again):
        terminalreporter.line(f"JACK stood still, run again {_again.count(test)} times: {test}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped_in_ci(report)
    return report


def _fail_if_skipped_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    """CI has everything installed, so there a skipped test (or one that is expected to fail) has failed."""
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


@pytest.fixture(scope="session", autouse=True)
def _no_foreign_jack() -> Iterator[None]:
    """A test that asks for no server finds none, and starts none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", f"jamd-none-{os.getpid()}")
        patch.setenv("JACK_NO_START_SERVER", "1")
        yield


@pytest.fixture(scope="session")
def _jack_server() -> Iterator[jack.JackServer]:
    if not jack.available():
        pytest.skip("no jackd on this machine; to enable: apt-get install jackd2")
    with jack.JackServer(period=128) as server:
        yield server


@pytest.fixture
def jack_server(
    _jack_server: jack.JackServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[jack.JackServer]:
    """The session's private server at 128 frames, running; the environment names it, for this process and its children.
    A test may kill and restart it: the next one finds it running."""
    for name, value in _jack_server.env.items():
        monkeypatch.setenv(name, value)
    _jack_server.start()
    before = _jack_server.xruns()
    yield _jack_server
    request.node.stash[jack.STOOD_STILL] |= _jack_server.xruns() > before


@pytest.fixture(scope="session")
def run_in_alsa_vm() -> Callable[[str], tuple[int, str]]:
    """Runs a bash script beside ALSA's sequencer, in about 20 s; returns its exit status and output."""
    if not alsa_vm.available():
        pytest.skip(f"no virtual machine with ALSA; to enable: {alsa_vm.REMEDY}")
    return alsa_vm.run_in_alsa_vm


@pytest.fixture
def systemd_box() -> Iterator[systemd_box_tool.SystemdBox]:
    """A booted throw-away copy of this system, fresh for each test."""
    if not systemd_box_tool.available():
        pytest.skip(f"no box for systemd; to enable: {systemd_box_tool.REMEDY}")
    with systemd_box_tool.SystemdBox() as box:
        yield box


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t", "sdist", "-t", "wheel"]
    subprocess.run(build, cwd=resources(), check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def wheel(_built: Path) -> Path:
    return next(_built.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist(_built: Path) -> Path:
    return next(_built.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment into which the wheel went, with what it depends on and nothing else. Its Python is the
    system's where that has the version of this one: a service with ProtectHome= cannot see one in somebody's home."""
    system = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    environment = tmp_path_factory.mktemp("installed")
    environment.chmod(0o755)  # for a service with a user of its own
    subprocess.run(
        [system if system.exists() else sys.executable, "-m", "venv", "--without-pip", environment], check=True
    )
    if sys.version_info >= (3, 13):  # no wheel: the one that the Makefile built or took from the system
        import rtmidi

        for path in Path(rtmidi.__file__).parents[1].glob("*rtmidi*"):
            shutil.copytree(path, next(environment.glob("lib/*/site-packages")) / path.name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", f"{environment}/bin/python"]
    subprocess.run([*pip, "install", "--quiet", str(wheel)], check=True)
    return environment


@pytest.fixture
def echo_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Registers the engines of tests.desk.engines, here and in child processes, as another package would."""
    folder = tmp_path / "site"
    metadata = folder / "jamd_test_engines-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: jamd-test-engines\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[jamd.engines]\necho = tests.desk.engines:Echo\nfragile = tests.desk.engines:Fragile\n"
        "tone = tests.desk.engines:Tone\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(Path(__file__).parents[1])]))
    return folder


@pytest.fixture
def dice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers tests.dice.Dice as `dice`, here and in child processes."""
    register(tmp_path / "site-dice")
    monkeypatch.syspath_prepend(tmp_path / "site-dice")
    paths = [str(tmp_path / "site-dice"), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


@pytest.fixture
def sine_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the engines of tests.tools.sine, as `sine` and so on, here and in child processes."""
    sine.register(tmp_path / "site-sine")
    monkeypatch.syspath_prepend(tmp_path / "site-sine")
    paths = [str(tmp_path / "site-sine"), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
