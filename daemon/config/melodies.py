"""The section `melodies`."""

from __future__ import annotations

from daemon.config.names import Names
from daemon.config.values import MelodyFile
from daemon.config.yaml_file import Value
from daemon.errors import MelodyError
from daemon.music.melody import load_melody
from daemon.paths import resources
from daemon.spec import MelodySpec


def read_melody(name: str, value: Value, names: Names) -> MelodyFile | None:
    """A melody with its notes; None if its file is wrong. A relative path counts from the configuration's folder, else
    from that of the files that ship with jamd."""
    melody = value.section("file", "loop", "thru", "channel")
    loop, thru = melody["loop"].flag(True), names.outputs_in(melody["thru"])
    channel = melody["channel"].integer(1, 16, 1)
    wanted = melody["file"].text(what="the path of a Standard MIDI File")
    if not wanted or not melody["file"].is_text:
        return None
    try:
        places = [folder / wanted for folder in (value.file.path.parent.absolute(), resources())]
        file = next((place for place in places if place.is_file()), places[0])
        loaded = load_melody(file, name, loop)
    except (MelodyError, OSError, ValueError) as error:
        melody["file"].report(str(error))
        return None
    return MelodyFile(file, MelodySpec(loaded, thru, channel))
