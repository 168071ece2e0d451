"""Random fault sequences over JACK, for hours: `python -m tests.soak 1-1000` (or `7`, or `3,5,8-10`).

Says at once which one failed and how to see it again, goes on, and ends with a status: 0 if none failed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.soak.live import perform
from tests.soak.rig import Rig, available


def seeds(text: str) -> list[int]:
    """Numbers and ranges, with commas between them."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def main(text: str) -> int:
    if not available():
        print(
            "soak: there is no jackd, or no jack_midi_dump, on this machine: apt-get install jackd2 jack-example-tools",
            file=sys.stderr,
        )
        return 1
    wanted, failed, began = seeds(text), list[int](), time.monotonic()
    again = failed_attempts = 0  # sequences whose first attempt failed; attempts that did
    stories = Path(tempfile.mkdtemp(prefix="jamd-soak-"))
    with Rig() as rig:
        for done, seed in enumerate(wanted, 1):
            with tempfile.TemporaryDirectory(prefix="jamd-soak-") as folder:
                for attempt, outcome in enumerate(perform(seed, rig, Path(folder)), 1):
                    if outcome.faults:
                        again += attempt == 1
                        failed_attempts += 1
                        story = stories / f"{seed}-{attempt}.txt"
                        story.write_text(outcome.story)
                        print(f"{outcome}\n  what happened, and what was heard: {story}", flush=True)
            if outcome.faults:
                failed.append(seed)
            if done % 20 == 0 or done == len(wanted):
                minutes = (time.monotonic() - began) / 60
                print(
                    f"{done} of {len(wanted)} sequences in {minutes:.0f} min, {len(failed)} failed;"
                    f" {again} failed at the first attempt, {failed_attempts} attempts in all",
                    flush=True,
                )
    if failed:
        print(f"again: make soak SEEDS={','.join(map(str, failed))}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
