"""What holds for every engine that is registered, whoever wrote it."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.engines.base import Engine, Setup, engine_class, engine_names
from daemon.engines.options import TEXTS, make_options, options_of, options_to_json
from daemon.errors import ModelError
from daemon.music.events import SUSTAIN, Action, MidiEvent, Play, Stop, Window, control_change, note_off, note_on
from daemon.music.melody import Melodies, Melody, Note
from daemon.music.tempo import TempoMap

DATA = Path(__file__).parents[1] / "data"
TINY = {  # a model of each engine that needs one
    "drums": DATA / "tiny_drums.onnx",
    "harmoniser": DATA / "tiny_harmoniser.onnx",
    "melody": DATA / "tiny_melody.onnx",
}
NAMES = engine_names()
TUNE = Melody(
    "tune",
    tuple(Note(beat * 0.75, 0.7, 40 + beat * 7 % 50, 80, beat % 2) for beat in range(20)),
    16.0,
    True,
    TempoMap(((0, 96),), ((0, 4),), 16.0),
)


def make(name: str, **values: Any) -> Engine:
    """With these options and settings."""
    engine_type = engine_class(name)
    settings = {setting.name: values.pop(setting.name) for setting in engine_type.settings if setting.name in values}
    options = make_options(engine_type.Options, values)
    engine = engine_type(Setup(options, settings, TINY.get(name), ("keys", "pads", "tune")))
    engine.prepare()
    return engine


def variants(name: str) -> Iterator[dict[str, Any]]:
    """The defaults, and every choice of every option; of settings, those that make another player of it."""
    yield {}
    if name == "melody":
        yield {"duet": 1.0}
    for option in options_of(engine_class(name).Options):
        for choice in option.choices:
            yield {option.name: (choice,) if option.type == TEXTS else choice}


CASES = [(name, options) for name in NAMES for options in variants(name)]


def plays_on(name: str, options: Mapping[str, object]) -> bool:
    """Whether it plays without keys, as long as the clock runs."""
    return name == "drums" or (name == "harmoniser" and options.get("given") == ("none",))


def answers(name: str, options: Mapping[str, object]) -> bool:
    """Whether it plays after the last key, for as long as was played before."""
    return name == "melody" and "duet" not in options


def noise(random: np.random.Generator, beat: float) -> MidiEvent:
    """Anything that a channel can send."""
    source = ("keys", "pads", "tune", "stranger")[random.choice(4, p=[0.7, 0.1, 0.1, 0.1])]
    kind, number = int(random.integers(8)), int(random.integers(128))
    channel, value = int(random.integers(1, 17)), int(random.integers(128))
    if kind < 4:
        return MidiEvent(beat, source, note_on(channel, number, value))
    if kind < 6:
        return MidiEvent(beat, source, note_off(channel, number))
    if kind == 6:
        return MidiEvent(beat, source, control_change(channel, int(random.choice([1, SUSTAIN, 120, 123])), value))
    return MidiEvent(beat, source, [b"", b"\x90", b"\xf8", b"\xc0\x05", b"\xf0\x7e\xf7", b"\xe0\x00\x40"][number % 6])


def silence(beat: float) -> Iterator[MidiEvent]:
    for source in ("keys", "pads", "tune"):
        for channel in range(1, 17):
            for control in (SUSTAIN, 123):
                yield MidiEvent(beat, source, control_change(channel, control, 0))


def session(engine: Engine, known: Melodies, seed: int, windows: int = 48) -> list[Action]:
    """Random keys over windows of which some are missed, repeated or of odd length, at odd tempi and meters. Now and
    then everything is let go for a while."""
    random = np.random.default_rng(seed)
    engine.reset(known, 0.0, seed)
    start, out = 0.0, []
    for number in range(windows):
        if random.random() < 0.1:
            start += float(random.choice([0.25, 1.0, 7.0, -0.25, -20.0, 0.1]))
        length = 0.25 if random.random() < 0.9 else float(random.choice([0.0, 0.01, 0.1, 0.5, 1.3]))
        meter = float(random.choice([4.0, 3.0, 1.5, 7.0, 0.25])) if random.random() < 0.1 else 4.0
        tempo = float(random.choice([5, 60, 96, 2000]))
        window = Window(start, start + length, start // meter * meter, meter, tempo)
        for action in engine.generate(window):
            assert action.onset >= window.start - 1e-9
            out.append(action)
        if random.random() < 0.1:
            setting = engine.settings[int(random.integers(len(engine.settings)))]
            value = float(random.uniform(setting.low, setting.high))
            for action in engine.control(setting.name, value, start):
                assert action.onset >= start - 1e-9
                out.append(action)
        events = [
            noise(random, start + float(random.uniform(-0.05, length + 1e-3)))
            for _ in range(int(random.choice([0, 1, 2, 5])))
        ]
        if number % 16 >= 10:
            events = [] if number % 16 > 10 else [*silence(start)]
        for event in events:
            for action in engine.listen(event):
                assert action.onset >= event.beat - 1e-9
                out.append(action)
        start += length
    return out


def test_there_are_engines() -> None:
    assert {"harmoniser", "melody"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_its_tables_are_sound(name: str) -> None:
    engine = engine_class(name)
    options = options_of(engine.Options)
    assert engine.voices and len(set(engine.voices)) == len(engine.voices)
    assert 0 <= engine.lead <= 1 and 0 <= engine.tolerance <= 1
    assert engine.channel is None or 1 <= engine.channel <= 16
    names = [*(option.name for option in options), *(setting.name for setting in engine.settings)]
    assert len(set(names)) == len(names), "they share one mapping in config.yaml"
    for setting in engine.settings:
        assert setting.low <= setting.default <= setting.high and setting.help
    for option in options:
        assert option.help
        converted = option.convert(option.default)  # raises where it is no choice
        assert converted == option.default and type(converted) is type(option.default)


@pytest.mark.parametrize("name", [name for name in NAMES if engine_class(name).needs_model])
def test_a_missing_model_is_an_error_that_names_the_engine_and_the_remedy(name: str) -> None:
    engine = engine_class(name)
    with pytest.raises(ModelError, match=f"the engine {name} has no model: name one under `model:`"):
        engine(Setup(engine.Options())).prepare()


@pytest.mark.parametrize("name", NAMES)
def test_its_options_are_values_that_travel_as_json(name: str) -> None:
    declaration = engine_class(name).Options
    options = declaration()
    assert make_options(declaration, json.loads(json.dumps(options_to_json(options)))) == options
    assert hash(options) == hash(declaration())
    for option in options_of(declaration):
        with pytest.raises(FrozenInstanceError):
            setattr(options, option.name, option.default)


@pytest.mark.parametrize("name", NAMES)
def test_settings_begin_at_their_defaults_and_are_kept(name: str) -> None:
    engine = make(name)
    assert engine.values == {setting.name: setting.default for setting in engine.settings}
    engine.reset({}, 0.0, 1)
    for setting in engine.settings:
        list(engine.control(setting.name, setting.high, 0.0))
        assert engine.values[setting.name] == setting.high
    list(engine.control("no such setting", 1.0, 0.0))
    assert set(engine.values) == {setting.name for setting in engine.settings}


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
@pytest.mark.parametrize("known", [{}, {"tune": TUNE}], ids=["keys", "melody"])
def test_whatever_it_hears_it_plays_in_its_voices_and_never_raises(
    name: str, options: dict[str, Any], known: Melodies
) -> None:
    engine = make(name, **options)
    for seed in range(3):
        for action in session(engine, known, seed):
            assert action.voice in engine.voices
            if isinstance(action, Play):
                assert 0 <= action.pitch <= 127 and 1 <= action.velocity <= 127
                assert isinstance(action.pitch, int) and isinstance(action.velocity, int)
                assert action.duration is None or action.duration > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_notes_and_another_gives_others(name: str) -> None:
    engine, other = make(name), make(name)
    first = session(engine, {"tune": TUNE}, 1, 144)
    assert first
    session(engine, {}, 2)  # a reset forgets all of it
    for setting in engine.settings:
        list(engine.control(setting.name, setting.default, 0.0))
    assert session(engine, {"tune": TUNE}, 1, 144) == first == session(other, {"tune": TUNE}, 1, 144)

    def heard(seed: int) -> list[Action]:
        """The known tune, which is also heard as it sounds, and half its length after it."""
        engine.reset({"tune": TUNE}, 0.0, seed)
        actions: list[Action] = []
        for frame in range(96):
            beat = frame / 4
            actions += engine.generate(Window(beat, beat + 0.25, beat // 4 * 4, 4, 96))
            for note in TUNE.notes:
                if beat <= note.onset < beat + 0.25:
                    actions += engine.listen(MidiEvent(note.onset, "tune", note_on(1, note.pitch, 80)))
                if beat <= note.onset + 0.25 < beat + 0.25:
                    actions += engine.listen(MidiEvent(note.onset + 0.25, "tune", note_off(1, note.pitch)))
        return actions

    assert heard(1) == heard(1) != heard(2)


@pytest.mark.parametrize("name", NAMES)
def test_a_handful_of_notes_at_once(name: str) -> None:
    engine = make(name)
    engine.reset({}, 0.0, 1)
    list(engine.generate(Window(0, 0.25, 0, 4, 96)))
    for pitch in (*range(128), *reversed(range(128))):
        list(engine.listen(MidiEvent(0.1, "keys", note_on(1, pitch, 90))))
    for pitch in range(128):
        list(engine.listen(MidiEvent(0.2, "keys", note_off(1, pitch))))


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_it_is_silent_a_bar_after_the_last_key_or_its_answer(name: str, options: dict[str, Any]) -> None:
    if plays_on(name, options):
        return
    engine = make(name, **options)
    actions: list[Action] = []
    engine.reset({}, 0.0, 3)
    for frame in range(96):
        beat = frame / 4
        actions += engine.generate(Window(beat, beat + 0.25, beat // 4 * 4, 4, 96))
        if frame == 28 and any(setting.name == "answer" for setting in engine.settings):
            actions += engine.control("answer", 1.0, beat)
        if frame < 20:
            actions += engine.listen(MidiEvent(beat + 0.1, "keys", note_on(1, 60 + frame % 12, 90)))
        if 8 <= frame < 28:
            actions += engine.listen(MidiEvent(beat + 0.2, "keys", note_off(1, 60 + (frame - 8) % 12)))
    last = 27 / 4 + 0.2 + 4
    if answers(name, options):
        last += 8
    assert any(isinstance(action, Play) for action in actions)
    assert not [action for action in actions if isinstance(action, Play) and action.onset > last]
    sounding: dict[str, list[float]] = defaultdict(list)
    for action in actions:
        if engine.monophonic or isinstance(action, Stop):
            sounding[action.voice] = []
        if isinstance(action, Play):
            sounding[action.voice].append(float("inf") if action.duration is None else action.onset + action.duration)
    assert all(end <= last for ends in sounding.values() for end in ends), sounding
