"""A player that plays a song: `clock.source` names it, `--song` gives it another song, its mistakes are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import config
from daemon.config import Config, option_values
from daemon.config.changes import changes
from daemon.errors import ConfigError
from daemon.paths import resources
from tests.song.tiny_style import write_tiny_style

BAND = """
clock: {source: lead%s}
ports: {keys: {direction: in}, band: {direction: out}}
band:
  lead: {engine: leadsheet, listen: [keys], play: {port: band}, options: {song: waltz.yaml}}
"""
WALTZ = "key: F\nmeter: 3/4\ntempo: 140\ncount_in: 2\nchords: '| F | C7 | F | C7 |'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "waltz.yaml").write_text(WALTZ)
    return tmp_path


def load(folder: Path, clock: str = "", **options: object) -> Config:
    (folder / "band.yaml").write_text(BAND % clock)
    return config.load(folder / "band.yaml", given=option_values(**options))  # type: ignore[arg-type]


def problems(folder: Path, clock: str = "", **options: object) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(folder, clock, **options)
    return raised.value.problems


def test_tempo_bars_and_count_in_are_those_of_the_song(folder: Path) -> None:
    loaded = load(folder)
    assert (loaded.clock.bpm, loaded.clock.beats_per_bar, loaded.clock.count_in) == (140.0, 3.0, 2)
    assert loaded.stage.tempo_map.bpm_at(0.0) == 140.0 and loaded.stage.tempo_map.bar_at(4.0) == (3.0, 3.0)
    assert loaded.stage.clock.source == "internal" and loaded.stage.clock.count_in == 2
    assert [player.plans for player in loaded.stage.players] == [True] and loaded.stage.merges_plans


def test_another_tempo_and_count_in_may_be_given(folder: Path) -> None:
    assert load(folder, bpm="90").clock.bpm == 90.0
    loaded = load(folder, ", bpm: 100, count_in: 0")
    assert (loaded.clock.bpm, loaded.clock.count_in) == (100.0, 0)


def test_what_is_printed_is_the_same_configuration(folder: Path) -> None:
    loaded = load(folder)
    (folder / "printed.yaml").write_text(loaded.as_yaml())
    assert config.load(folder / "printed.yaml").as_yaml() == loaded.as_yaml()


def test_other_bars_than_those_of_the_song_are_a_mistake(folder: Path) -> None:
    (problem,) = problems(folder, ", beats_per_bar: 4")
    assert problem.endswith("clock.beats_per_bar: the bars of lead are 3 beats long: delete this line")
    (folder / "band.yaml").write_text((BAND % "").replace("source: lead", "source: midi, port: keys"))
    with pytest.raises(ConfigError, match=r"clock.beats_per_bar: the bars of lead are 3 beats long: write 3"):
        config.load(folder / "band.yaml")


def test_a_metronome_for_the_count_in_may_wait_for_a_song_that_has_one(folder: Path) -> None:
    (folder / "waltz.yaml").write_text(WALTZ.replace("count_in: 2\n", ""))
    metronome = ", metronome: {port: band, when: count-in}"
    assert load(folder, metronome).clock.count_in == 0


def test_only_a_player_with_timing_is_a_clock(folder: Path) -> None:
    (folder / "band.yaml").write_text((BAND % "").replace("source: lead", "source: keys"))
    with pytest.raises(
        ConfigError, match=r"clock.source: 'keys' is not a clock: choose from internal, lead, midi, link"
    ):
        config.load(folder / "band.yaml")


def test_every_mistake_of_the_song_is_one_of_the_configuration(folder: Path) -> None:
    (folder / "waltz.yaml").write_text("key: H\nchords: '| F | Xy |'\n")
    (problem,) = problems(folder)
    assert problem.startswith(f"{folder / 'band.yaml'}:5: band.lead.options.song: {folder / 'waltz.yaml'}:1: key: ")
    assert f"\n{folder / 'waltz.yaml'}:2: chords, bar 2.1: 'Xy' is no chord" in problem


def test_a_song_that_is_missing_is_a_mistake(folder: Path) -> None:
    (folder / "waltz.yaml").unlink()
    (problem,) = problems(folder)
    assert "waltz.yaml: there is no such file" in problem


def test_the_command_line_names_another_song_from_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = folder / "elsewhere"
    other.mkdir()
    (other / "mine.yaml").write_text(WALTZ.replace("140", "77"))
    monkeypatch.chdir(other)
    loaded = load(folder, song=Path("mine.yaml"))
    assert loaded.clock.bpm == 77.0 and loaded.band[0].options.song == str(other / "mine.yaml")
    assert config.load(folder / "band.yaml", given=loaded.options).clock.bpm == 77.0, "after a reload"
    shipped = load(folder, song=Path("songs/blues.yaml"))
    assert shipped.band[0].options.song == str(resources() / "songs" / "blues.yaml")


def test_a_song_without_a_player_for_it_is_a_mistake(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"--song: no player in .* has the engine leadsheet, which plays songs"):
        config.load(Path("config.yaml"), given=option_values(song=Path("songs/blues.yaml")))


def test_the_content_of_a_song_is_part_of_the_configuration(folder: Path) -> None:
    before = load(folder).members
    assert before["lead"]["contents"]["song"]["bpm"] == 140.0
    (folder / "waltz.yaml").write_text(f"# a comment\n{WALTZ}")
    assert load(folder).members == before, "what a person edits is not what the song says"
    (folder / "waltz.yaml").write_text(WALTZ.replace("140", "141"))
    assert load(folder).members != before


def test_a_song_that_cannot_be_composed_is_a_mistake_only_where_everything_is_tried(folder: Path) -> None:
    write_tiny_style(folder)
    impossible = "key: F\nstyle: tiny\nbars: 2\nnotes_at: { 1-2: not C4 or D4 or E4 or F4 or G4 or A4 or Bb4 or B4 }\n"
    (folder / "waltz.yaml").write_text(impossible + "range: C4-B4\n")
    assert load(folder).members["lead"]["contents"]["song"]["title"] == "waltz", "the leader finds out as it starts"
    with pytest.raises(ConfigError) as raised:
        config.load(folder / "band.yaml", whole_models=True)
    (problem,) = raised.value.problems
    assert problem.startswith(f"{folder / 'band.yaml'}:5: band.lead.options.song: {folder / 'waltz.yaml'}: ")


def test_a_song_that_changed_is_named_after_a_reload(folder: Path) -> None:
    before = load(folder)
    (folder / "waltz.yaml").write_text(WALTZ.replace("C7", "G7"))
    assert changes(before, load(folder), ["lead"]) == ["lead: started anew, as its song has changed"]
