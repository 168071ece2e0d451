"""A folder of MIDI files → tunes for train.py, split so that all variants of a tune are on one side.

    python -m export_tools.melody.prepare DIR_OF_MIDI_FILES tunes.npz [--held-out BOOK]

Writes tunes.npz, tunes.valid.txt (the files of the validation split, relative to the folder) and tunes.refused.txt (the
files that cannot be used, with reasons). Two files are variants of one tune if they share a title that few other files
have, or at least a fifth of the shorter tune's passages of eight notes, as intervals, in any key and rhythm. Families
of variants stay together. One in ten files goes to the validation split; with --held-out BOOK, a folder in DIR, the
files of that book of which no other book has a variant.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from daemon.errors import JamdError
from daemon.music.midi_file import read_midi_file
from export_tools.common import command
from export_tools.common.files import write, write_arrays
from export_tools.common.folder import BadFolder, midi_files, nothing_usable, refusal

from .tunes import Tune, notes_of, read_tunes

PASSAGE = 8  # notes
MAX_FILES_OF_PASSAGE = 40  # a passage in more files does not show that two files are variants
VARIANT_SHARE = 0.2  # of the passages of the shorter tune, from which on two files are variants
MAX_FILES_OF_TITLE = 6  # a title of more files ("Jig") does not show that two files are variants
VALID_SHARE = 0.1  # of all files, at most


def passages(tunes: Iterable[Tune]) -> set[tuple[int, ...]]:
    """All passages of eight notes, as intervals."""
    found = set()
    for tune in tunes:
        intervals = np.diff([event for _, event in notes_of(tune.events)]).tolist()
        found |= {tuple(intervals[i : i + PASSAGE - 1]) for i in range(len(intervals) - PASSAGE + 2)}
    return found


def title(path: Path) -> str:
    """The first track name with letters or digits, reduced to them in lower case; "" if there is none."""
    names = [track.name.lower() for track in read_midi_file(path).tracks]
    plain = [re.sub(r"[^a-z0-9]+", "", re.sub(r"^the |, the$|\[.*?\]", "", name)) for name in names]
    return next((name for name in plain if name), "")


def variants_by_passages(contents: list[set[tuple[int, ...]]]) -> Iterator[tuple[int, int]]:
    """Pairs of files that share VARIANT_SHARE of the passages of the shorter one."""
    files_of = defaultdict(list)
    for number, found in enumerate(contents):
        for passage in found:
            files_of[passage].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in files_of.values():
        if len(numbers) <= MAX_FILES_OF_PASSAGE:
            shared.update((a, b) for i, a in enumerate(numbers) for b in numbers[i + 1 :])
    for (a, b), count in shared.items():
        if count >= VARIANT_SHARE * min(len(contents[a]), len(contents[b])):
            yield a, b


def variants_by_title(titles: list[str]) -> Iterator[tuple[int, int]]:
    """Pairs of files that share a title which at most MAX_FILES_OF_TITLE files have."""
    files_of = defaultdict(list)
    for number, name in enumerate(titles):
        files_of[name].append(number)
    for name, numbers in files_of.items():
        if name and len(numbers) <= MAX_FILES_OF_TITLE:
            yield from ((number, numbers[0]) for number in numbers[1:])


def families(contents: list[set[tuple[int, ...]]], titles: list[str]) -> list[int]:
    """The number of its family for each file: variants, and variants of variants, are one family."""
    parent = list(range(len(contents)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for a, b in chain(variants_by_passages(contents), variants_by_title(titles)):
        parent[root(a)] = root(b)
    return [root(number) for number in range(len(contents))]


def choose_sides(books: list[str], family: list[int], seed: int, held_out: str | None) -> list[str]:
    """The side of each file: "train", "valid", or "left out" (in a held-out book, variants of tunes of other books)."""
    if held_out is not None:
        known = {f for f, book in zip(family, books, strict=True) if book != held_out}
        sides = ["left out" if f in known else "valid" for f in family]
        return ["train" if book != held_out else side for book, side in zip(books, sides, strict=True)]
    numbers = np.random.default_rng(seed).permutation(sorted(set(family))).tolist()
    sizes, valid, count = Counter(family), set(), 0
    for number in numbers:
        if count + sizes[number] <= VALID_SHARE * len(family):
            valid.add(number)
            count += sizes[number]
    return ["valid" if f in valid else "train" for f in family]


def read_folder(folder: Path) -> tuple[dict[str, tuple[list[Tune], str]], list[dict[str, str]]]:
    """The tunes and the title of each usable file, by its path relative to the folder; the refused files."""
    from tqdm import tqdm  # not at the top: the tests use the rest of this module without the packages of training

    files, refused = {}, []
    for path in tqdm(midi_files(folder), unit="file"):
        try:
            files[path.relative_to(folder).as_posix()] = read_tunes(path), title(path)
        except JamdError as error:
            refused.append(refusal(path, folder, error))
    return files, refused


def save(out: Path, tunes: dict[str, list[Tune]], family: list[int], sides: list[str]) -> None:
    """Write the .npz of all tunes, with the number of the family and the side of each file, in the order of `tunes`."""
    flat = [(tune, number) for number, of_file in enumerate(tunes.values()) for tune in of_file]
    arrays = {
        "files": np.array(list(tunes)),
        "family": np.array(family),
        "side": np.array(sides),
        "source": np.array([number for _, number in flat]),
        "length": np.array([len(tune.events) for tune, _ in flat]),
        "meter": np.array([tune.meter for tune, _ in flat]),
        "position": np.array([tune.position for tune, _ in flat]),
        "events": np.concatenate([tune.events for tune, _ in flat]).astype(np.int8),
    }
    write_arrays(out, arrays, compressed=True)


def prepare(args: argparse.Namespace) -> int:
    """Read, split and write. Raises BadFolder."""
    files, refused = read_folder(args.folder)
    if not files:
        raise BadFolder(nothing_usable(args.folder, refused))
    tunes = {name: of_file for name, (of_file, _) in files.items()}
    books = [name.split("/")[0] for name in files]
    if args.held_out is not None and args.held_out not in books:
        raise BadFolder(f"--held-out {args.held_out}: no such folder in {args.folder}: name a folder in it")
    family = families([passages(of_file) for of_file in tunes.values()], [name for _, name in files.values()])
    sides = choose_sides(books, family, args.seed, args.held_out)
    save(args.out, tunes, family, sides)
    valid = [name for name, side in zip(files, sides, strict=True) if side == "valid"]
    write(args.out.with_suffix(".valid.txt"), "".join(f"{name}\n" for name in valid).encode())
    lines = [f"{entry['file']}: {entry['reason']}\n" for entry in refused]
    write(args.out.with_suffix(".refused.txt"), "".join(lines).encode(errors="backslashreplace"))
    print(
        f"{len(files)} files, {len(refused)} refused, {len(set(family))} families (the largest of "
        f"{max(Counter(family).values())}); {dict(Counter(sides))}; "
        f"{sum(len(tune.events) for of_file in tunes.values() for tune in of_file)} 16ths"
    )
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR_OF_MIDI_FILES")
    parser.add_argument("out", type=Path, metavar="tunes.npz")
    parser.add_argument("--held-out", metavar="BOOK", help="validate on this folder in DIR")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: prepare(args))


if __name__ == "__main__":
    sys.exit(main())
