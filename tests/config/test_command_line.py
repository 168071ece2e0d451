"""Options of the command line in place of values of the file; the seed that is drawn."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import yaml

from daemon import config
from daemon.config import option_values, reader
from daemon.errors import ConfigError
from daemon.paths import resources
from daemon.player import trial

BAND = """\
clock: {bpm: 100}
ports: {keys: {direction: in, connect: Launchkey}, out: {direction: out}}
melodies: {twinkle: {file: melodies/twinkle.mid}}
band:
  dice: {engine: dice, listen: [keys, twinkle], play: {port: out}}
seed: 7
"""
MELODY_CLOCK = BAND.replace("bpm: 100", "source: twinkle")


@pytest.fixture
def file(dice: None, tmp_path: Path) -> Path:
    path = tmp_path / "band.yaml"
    path.write_text(BAND)
    return path


def problems(file: Path, bpm: str | None = None, seed: str | None = None, *connect: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(file, given=option_values(bpm, seed, connect))
    return caught.value.problems


def test_options_are_values_of_the_configuration(file: Path) -> None:
    loaded = config.load(file, given=option_values("120.5", "9", ["out=fluid=synth", "keys="]))
    assert (loaded.clock.bpm, loaded.stage.tempo_map.tempi, loaded.stage.seed) == (120.5, ((0.0, 120.5),), 9)
    assert [(port.name, port.connect) for port in loaded.ports] == [("keys", None), ("out", "fluid=synth")]
    shown = yaml.safe_load(loaded.as_yaml())
    assert (shown["clock"]["bpm"], shown["seed"], shown["ports"]["out"]["connect"]) == (120.5, 9, "fluid=synth")
    assert " ".join(map(str, loaded.options)) == "--bpm 120.5 --seed 9 --connect out=fluid=synth --connect keys="


def test_options_need_no_section_in_the_file_and_replace_a_wrong_value(file: Path) -> None:
    file.write_text(BAND.replace("clock: {bpm: 100}\n", "").replace("seed: 7", "seed: x"))
    loaded = config.load(file, given=option_values("50", "3"))
    assert (loaded.clock.bpm, loaded.seed) == (50.0, 3)


def test_a_wrong_option_is_named(file: Path) -> None:
    assert problems(file, "500") == ["--bpm: 500 is out of range: give a number from 20 to 400"]
    assert problems(file, "fast") == ["--bpm: is not a number: give one from 20 to 400"]
    assert problems(file, None, "-1") == ["--seed: -1 is out of range: give a number from 0 to 2147483648"]
    assert problems(file, None, "rndom") == [
        "--seed: 'rndom' is no seed: write a whole number from 0 to 2147483648, or random"
    ]
    assert problems(file, None, None, "key=x") == [
        f"--connect key: 'key' is not a port in {file}: did you mean 'keys'?"
    ]
    assert problems(file, None, None, "synth") == [
        "--connect synth: write PORT=NAME: a port (keys, out), and a part of the name of the port to connect to"
    ]
    assert problems(file, None, None, "out=a", "out=b") == ["--connect out: is given twice: delete one of the two"]
    assert problems(file, None, None, "out=jamd choir")[0].startswith("--connect out: jamd does not connect to ports")


def test_mistakes_of_options_and_file_are_reported_together(file: Path) -> None:
    file.write_text(BAND + "sead: 1\n")
    assert problems(file, "5", "x") == [
        "--bpm: 5 is out of range: give a number from 20 to 400",
        "--seed: 'x' is no seed: write a whole number from 0 to 2147483648, or random",
        f"{file}:7: sead: unknown key: did you mean 'seed'?",
    ]


def test_a_tempo_that_would_have_no_effect_is_a_mistake(file: Path) -> None:
    file.write_text(MELODY_CLOCK)
    assert config.load(file).stage.tempo_map.tempi != ((0.0, 120.0),)
    (problem,) = problems(file, "120")
    assert problem.startswith("--bpm: the clock's source is the melody 'twinkle', which has its own tempo")


def test_a_random_seed_is_drawn_once_by_a_process(file: Path) -> None:
    file.write_text(BAND.replace("seed: 7", "seed: random"))
    reader._drawn_seed.cache_clear()
    first, again = config.load(file), config.load(file)
    assert first.stage.seed == again.stage.seed and first.seed_is_drawn
    assert yaml.safe_load(first.as_yaml())["seed"] == "random"
    seeds = {first.seed}
    for _ in range(3):
        reader._drawn_seed.cache_clear()
        seeds.add(config.load(file, given=option_values(seed="random")).seed)
    assert len(seeds) > 1
    assert not config.load(file, given=option_values(seed="5")).seed_is_drawn


@pytest.mark.parametrize("seed", ["[1]", "1.5", "{a: b}", "'7'", "no", "Random"])
def test_what_is_no_seed(file: Path, seed: str) -> None:
    file.write_text(BAND.replace("seed: 7", f"seed: {seed}"))
    (problem,) = problems(file)
    assert problem.startswith(f"{file}:6: seed: ")


def test_the_models_of_a_band_are_tried_at_once(dice: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both trials wait for each other; each model is tried once, and reported where a player names the model."""
    both = threading.Barrier(2)
    tried = []

    def try_model(path: Path, engine: str, seconds: float) -> str | None:
        both.wait(10)
        tried.append((path.stem, engine))
        return f"{path.name} is odd" if engine == "drums" else None

    monkeypatch.setattr(trial, "trial", try_model)
    monkeypatch.setattr(trial.os, "cpu_count", lambda: 2)
    players = "".join(
        f"  p{number}: {{engine: {engine}, model: {model}, play: {{port: out}}}}\n"
        for number, (engine, model) in enumerate([("melody", "melody"), ("drums", "drums"), ("drums", "drums")])
    )
    path = tmp_path / "band.yaml"
    path.write_text(f"ports: {{out: {{direction: out}}}}\nband:\n{players}")
    with pytest.raises(ConfigError) as caught:
        config.load(path, whole_models=True)
    assert sorted(tried) == [("drums", "drums"), ("melody", "melody")]
    assert caught.value.problems == [f"{path}:{line}: band.p{line - 3}.model: drums.onnx is odd" for line in (4, 5)]


def test_a_model_of_a_similar_name_is_suggested(tmp_path: Path) -> None:
    path = tmp_path / "band.yaml"
    path.write_text(
        "ports: {out: {direction: out}}\nband: {choir: {engine: harmoniser, model: bachbat, play: {port: out}}}\n"
    )
    with pytest.raises(ConfigError, match=r"correct `model:` \(did you mean 'bachbot'\?\); installed are: bachbot, "):
        config.load(path)


def test_files_that_ship_with_jamd_are_found_from_a_configuration_elsewhere(dice: None, tmp_path: Path) -> None:
    """A groove and a model by path, as a melody; the configuration's own folder comes first."""
    path = tmp_path / "band.yaml"
    path.write_text(
        "ports: {out: {direction: out}}\nband:\n  d: {engine: drums, model: models/drums.onnx, play: {port: out},"
        " options: {groove: grooves/rock.mid}}\n"
    )
    (member,) = config.load(path).band
    assert member.model == resources() / "models" / "drums.onnx"
    assert member.options.groove == str(resources() / "grooves" / "rock.mid")
    (tmp_path / "grooves").mkdir()
    (tmp_path / "grooves" / "rock.mid").write_bytes((resources() / "grooves" / "rock.mid").read_bytes())
    assert config.load(path).band[0].options.groove == str(tmp_path / "grooves" / "rock.mid")


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("melodies: {t: {file: melodies/twinkel.mid}}", "did you mean 'melodies/twinkle.mid'?"),
        ("melodies: {t: {file: twinkle.mid}}", "did you mean 'melodies/twinkle.mid'?"),
        ("options: {groove: shufle}", "(did you mean 'shuffle'?)"),
        ("options: {style: raggae}", "did you mean 'reggae'?"),
        ("options: {swing_of: eights}", "did you mean 'eighths'?"),
        ("options: {kik: 36}", "did you mean 'kick'?"),
    ],
)
def test_near_names_are_suggested(tmp_path: Path, wrong: str, near: str) -> None:
    options = wrong if wrong.startswith("options") else "options: {}"
    player = f"  d: {{engine: drums, model: drums, play: {{port: out}}, {options}}}\n"
    path = tmp_path / "band.yaml"
    path.write_text(f"ports: {{out: {{direction: out}}}}\nband:\n{player}" + ("" if options is wrong else wrong + "\n"))
    (problem,) = problems(path)
    assert near in problem
