"""The figures of steadiness, for strikes at known times, and of a band with a tiny model."""

from pathlib import Path

import pytest

from daemon.music.events import is_note_on, note_off, note_on
from daemon.music.melody import Note
from export_tools.harmoniser.steadiness import Count, Playing, main, pressed

ROOT = Path(__file__).parents[2]


def test_changes_with_a_note_and_strikes() -> None:
    count = Count()
    strikes = [
        *((0.01, voice, pitch) for voice, pitch in (("alto", 60), ("tenor", 55), ("bass", 48))),
        (0.30, "alto", 62),  # a change without a note
        (0.53, "bass", 48),  # the same pitch again
        (1.02, "tenor", 57),
    ]
    count.add([0.0, 0.5, 1.0], strikes, 2.0)
    assert (count.with_note, count.changes, count.strikes, count.restrikes, count.beats) == (2, 3, 6, 1, 2.0)


def test_a_tune_is_pressed_in_legato_and_repeated_keys_are_released_before() -> None:
    notes = [Note(4.0, 1.0, 60, 80), Note(5.0, 1.0, 60, 80), Note(6.0, 1.0, 62, 80), Note(8.0, 0.5, 64, 80)]
    assert [(round(at, 3), message) for at, message in pressed(notes, Playing(0.0, 0.03, 0.0), 10.0, 120.0)] == [
        (10.0, note_on(1, 60, 80)),
        (10.48, note_off(1, 60)),
        (10.5, note_on(1, 60, 80)),
        (11.0, note_on(1, 62, 80)),
        (11.03, note_off(1, 60)),
        (11.5, note_off(1, 62)),
        (12.0, note_on(1, 64, 80)),
        (12.25, note_off(1, 64)),
    ]
    late = pressed(notes, Playing(0.0, 0.03, 0.02), 10.0, 120.0)
    assert [at for at, message in late if is_note_on(message)] != [10.0, 10.5, 11.0, 12.0]


def test_wherever_the_tune_begins_the_first_key_sets_the_beat(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    model = ROOT / "tests/data/tiny_harmoniser.onnx"
    config = tmp_path / "config.yaml"
    config.write_text(text.replace("model: bachbot", f"model: {model}"), encoding="utf-8")
    arguments = [str(ROOT / "melodies/twinkle.mid"), "--config", str(config), "--beats-off"]
    assert main([*arguments, "0.25", "0.5", "0.75"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert len({row[11:] for row in rows}) == 1
    config.write_text(config.read_text().replace("first_key: sets the beat", "first_key: plays along"))
    assert main([*arguments, "0.25", "0.5", "0.75"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert len({row[11:] for row in rows}) > 1


def test_without_an_input_there_is_nothing_to_play_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("ports: {out: {direction: out}}\n")
    assert main([str(ROOT / "melodies/twinkle.mid"), "--config", str(tmp_path / "config.yaml")]) == 2
    assert "there is no input" in capsys.readouterr().err
