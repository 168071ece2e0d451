"""The section `melodies`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from daemon.config.names import Names, Section
from daemon.config.sounds import SOUND_KEYS, SoundReader
from daemon.config.values import MelodyFile
from daemon.errors import MelodyError
from daemon.music.melody import Melody, melody_of
from daemon.music.midi_file import read_midi_file
from daemon.paths import find_file
from daemon.spec import MelodySpec
from daemon.yaml_file import Value

MELODY_KEYS = ("file", "loop", "thru", "channel", *SOUND_KEYS)
MAX_NOTES = 200_000  # of all melodies together: stage, players and journal have copies of them


def read_melodies(section: Value, melodies: Section, names: Names, sounds: SoundReader) -> tuple[MelodyFile, ...]:
    """The `melodies` of the section whose files are right."""
    reader = _Reader(names, sounds)
    read = [reader.melody(name, value) for name, value in melodies.items()]
    found = tuple(melody for melody in read if melody is not None)
    notes = sum(len(melody.spec.melody.notes) for melody in found)
    if notes > MAX_NOTES:
        section.report(f"{notes:,} notes in all: {MAX_NOTES:,} at most can be played: leave some melodies out")
    return found


class _Reader:
    """Reads each file once."""

    def __init__(self, names: Names, sounds: SoundReader) -> None:
        self._names, self._sounds = names, sounds
        self._read: dict[tuple[Path, bool], tuple[Melody, str]] = {}  # file, loop → melody, warning

    def melody(self, name: str, value: Value) -> MelodyFile | None:
        """A melody with its notes; None if its file is wrong. A relative path counts from the configuration's folder,
        else from that of the files that ship with jamd."""
        melody = value.section(*MELODY_KEYS)
        loop, thru = melody["loop"].flag(True), self._names.outputs_in(melody["thru"])
        channel = melody["channel"].integer(1, 16, 1)
        unknown = [""] if melody["channel"].is_wrong else []
        sound = self._sounds.read(melody, name, thru, {"": channel}, unknown).get("")
        for key in SOUND_KEYS if not (thru or self._sounds.routes.instruments(name, thru)) else ():
            if melody[key].given:
                melody[key].report("no output plays this melody: name one in `thru`, or delete this line")
        wanted = melody["file"].text(what="the path of a Standard MIDI File")
        if not wanted or not melody["file"].is_text:
            return None
        try:
            file = find_file(wanted, value.file.path.parent.absolute())
            if (file, loop) not in self._read:
                content = read_midi_file(file)
                self._read[file, loop] = melody_of(content, name, loop), content.warning
        except (MelodyError, OSError, ValueError) as error:
            melody["file"].report(str(error))
            return None
        loaded, warning = self._read[file, loop]
        return MelodyFile(file, MelodySpec(replace(loaded, name=name), thru, channel), warning, sound)
