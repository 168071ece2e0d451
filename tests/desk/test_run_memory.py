"""The desk's heap: large blocks go back to the system when they are freed."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

MAPPED_BLOCKS = """
import ctypes, sys
from daemon.desk.run import return_large_blocks

class Info(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

library = ctypes.CDLL(None)
library.mallinfo2.restype = Info
if sys.argv[1] == "on":
    return_large_blocks()
for _ in range(3):
    bytes(1 << 20)  # glibc raises its limit when this is freed
before = library.mallinfo2().hblks
blocks = [bytes(100_000) for _ in range(40)]  # more than is free at the end of the heap
print(library.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="needs glibc 2.33 or later, as Debian 12 has",
)
@pytest.mark.parametrize(("on", "mapped"), [("on", True), ("off", False)])
def test_large_blocks_are_mapped_on_their_own(on: str, mapped: bool) -> None:
    found = subprocess.run([sys.executable, "-c", MAPPED_BLOCKS, on], capture_output=True, text=True, check=True)
    assert (int(found.stdout) > 20) == mapped
