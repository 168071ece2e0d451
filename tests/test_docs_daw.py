"""docs/daw.md names only ports, options and commands that there are; its pieces of config.yaml fit."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.__main__ import app
from daemon.clocks import ableton_link
from daemon.config import Config, load
from daemon.midi.systems import EOX_PORT
from daemon.music.general_midi import DRUM_KITS, PROGRAMS
from daemon.paths import resources

PAGE = (Path(__file__).parents[1] / "docs" / "daw.md").read_text(encoding="utf-8")
SHIPPED = (resources() / "config.yaml").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CODE = [a or b for a, b in re.findall(r"`([^`\n]+)`|^    (\S.*)$", re.sub(r"(?s)```.*?```", "", PAGE), re.MULTILINE)]


def merged(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}


def with_piece(piece: str, folder: Path) -> Config:
    """What somebody has who put it in place of the same lines."""
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(merged(yaml.safe_load(SHIPPED), yaml.safe_load(piece))), encoding="utf-8")
    return load(file)


_WOODWINDS = ("flute", "oboe", "clarinet", "bassoon")


@pytest.fixture(autouse=True)
def _link_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ableton_link, "MODULE", "yaml")


@pytest.mark.parametrize("piece", PIECES)
def test_pieces_fit_in_the_shipped_configuration(piece: str, tmp_path: Path) -> None:
    with_piece(piece, tmp_path)


def test_the_pieces_say_what_the_text_around_them_says(tmp_path: Path) -> None:
    configs = [with_piece(piece, tmp_path) for piece in PIECES]
    follows, leads, link, by_hand = configs[:4]
    assert (follows.clock.source, follows.clock.port) == ("midi", "keys")
    assert (leads.clock.source, leads.clock.send) == ("internal", ("sync",))
    assert (link.clock.source, link.clock.start) == ("link", "by hand")
    assert (by_hand.clock.count_in, by_hand.clock.metronome) == (1, ("choir", 10, "count-in"))
    assert {control.action for control in by_hand.controls} >= {"start", "stop", "continue", "tap", "tempo"}
    (orchestra,) = (config for config, piece in zip(configs, PIECES, strict=True) if "program: {" in piece)
    sounds = {sound.channel: sound for port in orchestra.ports for sound in port.sounds}
    assert [sounds[channel].program for channel in (1, 2, 3, 4)] == [PROGRAMS[name] for name in _WOODWINDS]
    assert (sounds[1].volume, sounds[1].pan) == (100, -24)
    assert [port.delay for port in configs[-1].ports if port.name == "choir"] == [-0.012]


def test_ports_and_commands_that_it_names_exist(tmp_path: Path) -> None:
    ports = {port.name for piece in PIECES for port in with_piece(piece, tmp_path).ports}
    ports |= {port.name for band in (resources() / "bands").glob("*.yaml") for port in load(band).ports}
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    named = {match[1] for code in CODE for match in re.finditer(r"\bjamd ([a-z]+)", code)}
    assert {"keys", "choir", "sync", "band"} <= named
    assert EOX_PORT in CODE
    assert not named - ports - commands - {EOX_PORT.split()[1]}


def test_a_song_follows_the_daw_as_the_page_says(tmp_path: Path) -> None:
    assert "`clock: { source: midi, port: keys }`" in PAGE
    assert "`takeover: pick-up` in the line of `cc 14`" in PAGE
    text = (resources() / "bands" / "combo.yaml").read_text(encoding="utf-8")
    text, changes = re.subn(r"(cc 14: .*), takeover: pick-up", r"\1", text)
    assert changes == 1
    own = tmp_path / "combo.yaml"
    own.write_text(
        re.sub(r"(?ms)^clock:\n.*?^$", "clock: { source: midi, port: keys }\n", text, count=1), encoding="utf-8"
    )
    assert load(own).clock.source == "midi"


def test_options_that_it_names_exist() -> None:
    known = set(re.findall(r"^\s*#?\s*([a-z_]+):", SHIPPED, re.MULTILINE)) | set(
        re.findall(r"\b(when|channel|takeover|mute|solo|while):", SHIPPED)
    )
    named = {match[1] for code in CODE for match in re.finditer(r"(?<![\w ])([a-z_]+):(?= |$)", code)}
    named |= {code for code in CODE if re.fullmatch(r"[a-z]+_[a-z_]+", code)} - {"jack_midi_clock", "jack_mclk_dump"}
    assert {"metronome", "connect", "delay_ms", "beats_per_bar", "count_in"} <= named
    assert not named - known, named - known


def test_it_lists_the_names_of_all_programs_and_drum_kits() -> None:
    rows = re.findall(r"^\| (\d+)–(\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    listed = {name: n for first, _, names in rows for n, name in enumerate(names.split(", "), int(first))}
    assert listed == PROGRAMS
    assert all(f"{name} ({program})" in " ".join(PAGE.split()) for name, program in DRUM_KITS.items())
