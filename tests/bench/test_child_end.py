"""A measurement that is ended or killed leaves no process behind."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with their parent")
PROGRAM = """
import subprocess, sys, time
from daemon.bench.child_end import END_WITH_PARENT, orderly_end
with orderly_end():
    try:
        child = [sys.executable, "-c", "import time; print('began', flush=True); time.sleep(5); print('lived')"]
        subprocess.run(child, preexec_fn=END_WITH_PARENT)
    finally:
        print("ended in order", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_what_a_measurement_started_ends_with_it(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "began\n"
        process.send_signal(number)
        rest = process.stdout.read()  # until the child has ended, too
    assert rest == ("" if number == signal.SIGKILL else "ended in order\n")
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)


def test_what_is_ended_in_order_is_not_interrupted_by_another_signal() -> None:
    program = """
from daemon.bench.child_end import orderly_end
with orderly_end():
    try:
        print("began", flush=True)
        input()
    finally:
        print("ending", flush=True)
        input()
        print("ended in order")
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "began\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "ending\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGHUP)
        process.stdin.write("\n")
        process.stdin.close()
        assert process.stdout.read() == "ended in order\n"
    assert process.returncode == 128 + signal.SIGTERM
