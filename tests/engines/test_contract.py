"""What holds for every engine that is registered and decides what is played, whoever wrote it."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from random import Random
from typing import Any

import pytest

from daemon.contract.calls import LISTEN, planned, song
from daemon.contract.check import Checker
from daemon.contract.record import play
from daemon.contract.subject import Subject, variants
from daemon.engines.audio import AudioEngine
from daemon.engines.base import Engine, Setup, engine_class, engine_names
from daemon.engines.options import TEXTS, make_options, options_of, options_to_json
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Play, Stop, Window, control_change, note_off, note_on

DATA = Path(__file__).parents[1] / "data"
TINY = {  # a model of each engine that needs one
    "drums": DATA / "tiny_drums.onnx",
    "harmoniser": DATA / "tiny_harmoniser.onnx",
    "melody": DATA / "tiny_melody.onnx",
}
NAMES = [name for name in engine_names() if not issubclass(engine_class(name), AudioEngine)]


def subject(name: str, variant: str = "", **settings: float) -> Subject:
    engine = engine_class(name)
    all_settings = {setting.name: float(setting.default) for setting in engine.settings} | settings
    return Subject(engine, Setup(engine.Options(), all_settings, TINY.get(name), LISTEN), variant)


def make(name: str, **values: Any) -> Engine:
    """With these options and settings."""
    engine_type = engine_class(name)
    settings = {setting.name: values.pop(setting.name) for setting in engine_type.settings if setting.name in values}
    options = make_options(engine_type.Options, values)
    engine = engine_type(Setup(options, settings, TINY.get(name), ("keys", "pads", "tune")))
    engine.prepare()
    return engine


def choices(name: str) -> Iterator[dict[str, Any]]:
    """The defaults, and every choice of every option; of settings, those that make another player of it."""
    yield {}
    if name == "melody":
        yield {"duet": 1.0}
    for option in options_of(engine_class(name).Options):
        for choice in option.choices:
            yield {option.name: (choice,) if option.type == TEXTS else choice}


CASES = [(name, options) for name in NAMES for options in choices(name)]


def plays_on(name: str, options: Mapping[str, object]) -> bool:
    """Whether it plays without keys, as long as the clock runs."""
    return name in ("drums", "leadsheet") or (name == "harmoniser" and options.get("given") == ("none",))


def follows(name: str) -> bool:
    """Whether it plays what another player plans, and nothing else."""
    return name in ("bass", "comping")


def answers(name: str, options: Mapping[str, object]) -> bool:
    """Whether it plays after the last key, for as long as was played before."""
    return name == "melody" and "duet" not in options


def filtered_out(random: Random, beat: float) -> MidiEvent:
    """Anything that the stage does not pass on: of a stranger, of other kinds, or no MIDI."""
    channel, number, value = random.randint(1, 16), random.randrange(128), random.randrange(128)
    strange = MidiEvent(beat, "stranger", note_on(channel, number, value))
    controller = control_change(channel, random.choice([1, 120, 123]), value)
    others = [controller, b"", b"\x90", b"\xf8", b"\xc0\x05", b"\xf0\x7e\xf7", b"\xe0\x00\x40"]
    return random.choice([strange, *(MidiEvent(beat, "keys", message) for message in others)])


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


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_every_rule(name: str) -> None:
    """docs/engines.md; daemon/contract."""
    checker = Checker()
    checker.check(subject(name))
    assert checker.violations == {} and not checker.tally.cut_short
    assert checker.tally.actions


VARIANTS = [(name, variant) for name in NAMES for variant in list(variants(subject(name)))[1:]]
VARIANTS.append(("melody", subject("melody", "duet", duet=1.0)))


@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=lambda value: getattr(value, "name", value))
def test_it_keeps_every_rule_with_other_options_and_settings(name: str, variant: Subject) -> None:
    checker = Checker()
    checker.check_variant(variant, seeds=3)
    assert checker.violations == {} and not checker.tally.cut_short


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_what_the_stage_filters_out_is_no_error_either(name: str, options: dict[str, Any]) -> None:
    engine, random = make(name, **options), Random(1)
    engine.reset({}, 0.0, 1)
    for frame in range(48):
        start = frame / 4
        list(engine.generate(Window(start, start + 0.25, start // 4 * 4, 4, 96)))
        list(engine.listen(MidiEvent(start + 0.05, "keys", note_on(1, 60 + frame % 12, 90))))
        for _ in range(random.choice([0, 1, 2, 5])):
            event = filtered_out(random, start + random.uniform(-0.05, 0.25))
            assert all(action.onset >= event.beat - 1e-9 for action in engine.listen(event))


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_gives_other_notes(name: str) -> None:
    """The engines that ship with jamd draw their notes at random."""
    engine = make(name, **({"song": "songs/jazz_blues.yaml"} if name == "leadsheet" else {}))  # with a melody

    def played(seed: int) -> list[Any]:
        sessions = [made(subject(name).settings, seed) for made in (song, planned)]
        return [step.answer for each in sessions for step in play(engine, each.melodies, each.calls).steps]

    assert played(1) == played(1) != played(2)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_it_is_silent_a_bar_after_the_last_key_or_its_answer(name: str, options: dict[str, Any]) -> None:
    if plays_on(name, options) or follows(name):
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
