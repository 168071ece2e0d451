"""Files played to the band on the offline clock."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon import config
from daemon.config import Config
from daemon.errors import MelodyError
from daemon.music import smf
from daemon.music.events import Action, Play, control_change, note_off, note_on
from daemon.render import offline
from daemon.render.offline import render
from daemon.usage import progress
from daemon.wire import Call, Control, Generate, Listen, Reset

TINY = Path(__file__).parents[1] / "data" / "tiny_harmoniser.onnx"
BAND = """
clock: {bpm: 300}
ports: {keys: {direction: in}, pads: {direction: in}, out: {direction: out}}
melodies: {twinkle: {file: melodies/twinkle.mid}}
band:
  dice: {engine: dice, listen: [twinkle, pads, keys], play: {port: out}}
  echo: {engine: dice, listen: [dice], play: {port: out, channels: {low: 5}}, options: {often: 0}}
"""


def load(folder: Path, text: str) -> Config:
    (folder / "band.yaml").write_text(text)
    return config.load(folder / "band.yaml")


@pytest.fixture
def band(dice: None, tmp_path: Path) -> Config:
    return load(tmp_path, BAND)


def write(path: Path, *notes: tuple[int, int, int], **signatures: Any) -> Path:
    """Notes as (start, end, pitch), in ticks."""
    events = [(start, note_on(1, pitch, 80)) for start, _, pitch in notes]
    events += [(end, note_off(1, pitch)) for _, end, pitch in notes]
    events.sort(key=lambda event: event[1][0] & 0xF0)
    tempi, meters = signatures.get("tempi", [(0, 500_000)]), signatures.get("meters", [(0, (4, 4))])
    path.write_bytes(smf.to_bytes([smf.Track("melody", events)], tempi, meters))
    return path


TUNE = ((0, 960, 60), (960, 1920, 62), (1920, 2400, 64), (2400, 3840, 65), (4000, 7000, 67))


def notes(data: bytes) -> dict[str, list[tuple[int, int, int]]]:
    """Of each track: (start, end, pitch)."""
    found = {}
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks[1:]:
        tick, sounding, ended = 0, {}, []
        for message in track:
            tick += message.time
            if message.type == "note_on":
                assert message.note not in sounding
                sounding[message.note] = tick
            elif message.type == "note_off":
                ended.append((sounding.pop(message.note), tick, message.note))
        assert not sounding
        found[track.name] = sorted(ended)
    return found


def test_a_known_melody_is_doubled_to_the_tick_and_every_voice_has_its_track(band: Config, tmp_path: Path) -> None:
    found = notes(render(band, write(tmp_path / "in.mid", *TUNE)).data)
    assert list(found) == ["dice high", "dice low", "echo low"]
    assert set(TUNE) <= set(found["dice high"]) | {(4000, 7000, 67)}
    assert {start for start, *_ in TUNE} <= {start for start, *_ in found["dice high"]}
    assert len(found["echo low"]) > 5


def test_the_voices_of_a_band_of_one_have_their_own_names(band: Config, tmp_path: Path) -> None:
    alone = replace(band, band=band.band[:1])
    assert list(notes(render(alone, write(tmp_path / "in.mid", *TUNE)).data)) == ["high", "low"]


def test_the_same_is_the_same_and_another_seed_is_something_else(band: Config, tmp_path: Path) -> None:
    path = write(tmp_path / "in.mid", *TUNE)
    for live in (False, True):
        first = render(band, path, live)
        assert first.data == render(band, path, live).data
        assert first.data != render(replace(band, seed=1), path, live).data
        assert first.notes == sum(map(len, notes(first.data).values())) > 10


def test_tempo_and_signatures_are_the_inputs(band: Config, tmp_path: Path) -> None:
    tempi, meters = [(0, 512_345), (1500, 400_000), (4000, 700_001)], [(0, (6, 8)), (5760, (7, 8))]
    path = write(tmp_path / "in.mid", *TUNE, tempi=tempi, meters=meters)
    rendered = render(band, path).data
    events: list[tuple[int, Any]] = []
    tick = 0
    for message in mido.MidiFile(file=io.BytesIO(rendered)).tracks[0]:
        tick += message.time
        events.append((tick, message))
    assert [(tick, m.tempo) for tick, m in events if m.type == "set_tempo"] == tempi
    assert [(t, (m.numerator, m.denominator)) for t, m in events if m.type == "time_signature"] == meters
    starts = {start for start, *_ in notes(rendered)["dice high"]}
    assert {start for start, *_ in TUNE} <= starts


@pytest.mark.parametrize("division", [24, 96, 384, 480, 10080])
def test_whatever_the_inputs_ticks_the_output_has_960(band: Config, tmp_path: Path, division: int) -> None:
    file = mido.MidiFile(ticks_per_beat=division)
    on, off = mido.Message("note_on", note=60, time=division), mido.Message("note_off", note=60, time=division // 2)
    file.tracks.append(mido.MidiTrack([on, off]))
    file.save(tmp_path / "in.mid")
    assert (960, 1440, 60) in notes(render(band, tmp_path / "in.mid").data)["dice high"]


class Spy:
    """A host that notes what it is asked, and plays on for ever."""

    def __init__(self, member: dict[str, Any]) -> None:
        self.member, self.calls = member, list[Call]()

    def owes(self, beat: float) -> bool:
        return False

    def handle(self, call: Call) -> Iterator[Action]:
        self.calls.append(call)
        if isinstance(call, Generate):
            yield Play(call.window.start, 40, 80, "low")


@pytest.fixture
def spies(monkeypatch: pytest.MonkeyPatch) -> list[Spy]:
    made: list[Spy] = []

    def make(member: dict[str, Any]) -> Spy:
        made.append(Spy(member))
        return made[-1]

    monkeypatch.setattr(offline, "make_host", make)
    return made


def test_the_input_takes_the_place_of_all_sources_and_its_future_is_known(
    band: Config, tmp_path: Path, spies: list[Spy]
) -> None:
    render(band, write(tmp_path / "in.mid", *TUNE))
    dice, echo = spies
    assert dice.member["listen"] == ["input"]
    (melody,) = dice.member["melodies"]
    assert [note["pitch"] for note in melody["notes"]] == [60, 62, 64, 65, 67]
    assert not melody["loop"]
    assert (echo.member["listen"], echo.member["melodies"]) == (["dice"], [])
    assert {call.event.source for call in dice.calls if isinstance(call, Listen)} == {"input"}
    assert {call.event.source for call in echo.calls if isinstance(call, Listen)} == {"dice"}


def test_live_it_is_played_as_keys_whose_future_nobody_knows(band: Config, tmp_path: Path, spies: list[Spy]) -> None:
    render(band, write(tmp_path / "in.mid", *TUNE), live=True)
    dice, echo = spies
    assert (dice.member["listen"], dice.member["melodies"]) == (["pads"], [])
    heard = [call.event for call in dice.calls if isinstance(call, Listen)]
    assert {event.source for event in heard} == {"pads"}
    assert [(round(e.beat * 960), e.message[1]) for e in heard if e.message[0] == 0x90] == [(s, p) for s, _, p in TUNE]
    assert echo.member["listen"] == ["dice"]


PEDAL = """
controls:
  knobs: {cc 1: dice.often}
  keys: {cc 64: sustain, cc 120: panic, cc 20: clock.bpm, note 24: stop, note 25: panic}
"""


def test_live_pedal_and_controls_are_obeyed_and_the_clock_is_the_files(
    dice: None, tmp_path: Path, spies: list[Spy]
) -> None:
    text = BAND.replace("[twinkle, pads, keys]", "[keys]").replace("pads:", "knobs:") + PEDAL
    path = write(tmp_path / "in.mid", (0, 960, 60), (960, 1440, 24), (1920, 2880, 62))
    file = mido.MidiFile(path)
    controls = [(0, 7, 100), (480, 1, 127), (960, 64, 127), (1440, 20, 127), (1920, 64, 0), (2400, 120, 127)]
    track, before = file.add_track(), 0
    for tick, number, value in controls:
        track.append(mido.Message("control_change", channel=5, control=number, value=value, time=tick - before))
        before = tick
    file.save(path)
    rendering = render(load(tmp_path, text), path, live=True)
    heard = [
        (round(call.event.beat * 960), call.event.message.hex())
        for call in spies[0].calls
        if isinstance(call, Listen) and call.event.beat < 2.5
    ]
    assert heard == [
        (0, note_on(1, 60, 80).hex()),
        (960, "b0407f"),
        (960, note_off(1, 60).hex()),
        (1920, "b04000"),
        (1920, note_on(1, 62, 80).hex()),
    ]
    turned = [call.value for call in spies[0].calls if isinstance(call, Control)]
    assert turned[:2] == [pytest.approx(0.3), 1.0]
    assert len([call for call in spies[0].calls if isinstance(call, Reset)]) == 2  # the start, and panic
    ends = [end for _, end, _ in notes(rendering.data)["dice low"]]
    assert 2400 in ends


def test_live_a_split_holds_on_the_one_channel_of_the_file(dice: None, tmp_path: Path, spies: list[Spy]) -> None:
    dice_part = "[twinkle, keys: {from: D4, channel: 3}, pads: {to: C4}]"
    text = BAND.replace("[twinkle, pads, keys]", dice_part).replace("[dice]", "[dice: {channel: 2}, keys: {to: C#4}]")
    path = write(tmp_path / "in.mid", *TUNE)
    render(load(tmp_path, text), path, live=True)
    heard = [
        [(call.event.source, call.event.message[1]) for call in spy.calls if isinstance(call, Listen)] for spy in spies
    ]
    assert heard[0] == [("keys", pitch) for _, _, pitch in TUNE[1:] for _ in range(2)]
    assert [pitch for source, pitch in heard[1] if source == "keys"] == [60, 60]
    assert any(source == "dice" for source, _ in heard[1])
    spies.clear()
    render(load(tmp_path, text), path)
    heard = [
        [(call.event.source, call.event.message[1]) for call in spy.calls if isinstance(call, Listen)] for spy in spies
    ]
    assert heard[0] == [("input", pitch) for _, _, pitch in TUNE for _ in range(2)]


MUTE = """
controls:
  keys: {note 24: {mute: dice}, cc 20: {solo: echo, while: held}}
"""


def test_live_a_mute_counts(dice: None, tmp_path: Path) -> None:
    text = BAND.replace("[twinkle, pads, keys]", "[keys]") + "controls: {keys: {note 24: {mute: dice}}}\n"
    played = [(n * 960, n * 960 + 900, 60) for n in range(16)]
    path = write(tmp_path / "in.mid", *played, (3800, 3810, 24), (7600, 7610, 24))
    found = notes(render(load(tmp_path, text), path, live=True).data)
    starts = [start for voice in ("dice high", "dice low") for start, *_ in found[voice]]
    assert min(starts) < 3800 and max(starts) >= 7600
    assert not any(3800 <= start < 7600 for start in starts)
    assert all(end <= 3800 or start >= 7600 for start, end, _ in found["dice high"])


def test_delays_of_ports_are_no_part_of_what_is_written(dice: None, tmp_path: Path) -> None:
    path = write(tmp_path / "in.mid", *TUNE)
    late = load(tmp_path, BAND.replace("out: {direction: out}", "out: {direction: out, delay_ms: 50}"))
    assert render(late, path).data == render(load(tmp_path, BAND), path).data


def test_live_without_any_input_there_is_one_all_the_same(dice: None, tmp_path: Path, spies: list[Spy]) -> None:
    alone = load(
        tmp_path, BAND.replace("keys: {direction: in}, pads: {direction: in}, ", "").replace(", pads, keys", "")
    )
    render(alone, write(tmp_path / "in.mid", *TUNE), live=True)
    assert {call.event.source for call in spies[0].calls if isinstance(call, Listen)} == {"input"}


def test_who_listens_to_nobody_hears_nothing(dice: None, tmp_path: Path, spies: list[Spy]) -> None:
    alone = load(tmp_path, BAND.replace("[twinkle, pads, keys]", "[]"))
    render(alone, write(tmp_path / "in.mid", *TUNE))
    assert not [call for call in spies[0].calls if isinstance(call, Listen)]
    assert spies[0].member["melodies"] == []


def test_it_ends_with_the_bar_in_which_the_input_does_even_if_a_player_never_would(
    band: Config, tmp_path: Path, spies: list[Spy]
) -> None:
    found = notes(render(band, write(tmp_path / "in.mid", (0, 960, 60))).data)
    assert max(start for start, *_ in found["dice low"]) == 4 * 960 - 240
    assert max(end for _, end, _ in found["dice low"]) <= (1 + offline.RELEASE_BARS) * 4 * 960
    assert [call.beat for call in spies[0].calls if isinstance(call, Reset)] == [0.0]


def test_what_is_no_melody_is_said(band: Config, tmp_path: Path) -> None:
    with pytest.raises(MelodyError, match="no such file"):
        render(band, tmp_path / "none.mid")
    (tmp_path / "x.mid").write_bytes(b"x")
    with pytest.raises(MelodyError, match=r"x\.mid: "):
        render(band, tmp_path / "x.mid")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 8000), st.integers(1, 3000), st.integers(0, 127)).map(
            lambda n: (n[0], n[0] + n[1], n[2])
        ),
        min_size=1,
        max_size=12,
    ),
    st.dictionaries(st.integers(0, 8000), st.integers(150_000, 3_000_000), max_size=4),
    st.booleans(),
)
def test_whatever_is_played_every_note_ends(
    band: Config, tmp_path: Path, played: list[tuple[int, int, int]], tempi: dict[int, int], live: bool
) -> None:
    path = write(tmp_path / "in.mid", *played, tempi=sorted({0: 500_000, **tempi}.items()))
    for track in mido.MidiFile(file=io.BytesIO(render(band, path, live).data)).tracks:
        sounding: Counter[int] = Counter()
        for message in track:
            if message.type == "note_on":
                sounding[message.note] += 1
            elif message.type == "note_off":
                sounding[message.note] -= 1
        assert not +sounding


def test_the_harmoniser_sings_four_parts_to_a_soprano(tmp_path: Path) -> None:
    choir = load(
        tmp_path,
        f"ports: {{out: {{direction: out}}}}\nmelodies: {{t: {{file: melodies/twinkle.mid}}}}\n"
        f"band: {{choir: {{engine: harmoniser, model: {TINY}, listen: [t], play: {{port: out}}}}}}",
    )
    path = write(tmp_path / "in.mid", *TUNE)
    found = notes(render(choir, path).data)
    assert list(found) == ["soprano", "alto", "tenor", "bass"]
    assert found["soprano"] == [(start, end, pitch) for start, end, pitch in TUNE]
    assert all(found.values())
    live = notes(render(choir, path, live=True).data)
    assert list(live) == list(found)
    assert all(live.values())


SOLOIST = f"""
ports: {{keys: {{direction: in}}, out: {{direction: out}}}}
band:
  dice: {{engine: dice, listen: [keys], play: {{port: out}}, options: {{often: 1}}}}
  soloist:
    engine: melody
    model: {TINY.with_name("tiny_melody.onnx")}
    listen: [keys]
    play: {{port: out, channels: {{melody: 9}}}}
"""


@pytest.mark.parametrize(
    ("live", "options", "start", "end"),
    [
        (True, "{rest: 2}", 10, 18),
        (False, "{rest: 2}", 8, 16),  # the rest is known, and the phrase begins on a bar line
        (True, "{loop: 1}", 9, 17),  # once: a loop has no end
        (False, "{loop: 1}", 8, 16),
        *(
            (live, *case)
            for live in (False, True)
            for case in (
                ("{phrase: bars, bars: 3}", 12, 24),
                ("{phrase: control}", None, 8),  # nobody asks
                ("{duet: 1}", None, 8),
            )
        ),
    ],
)
def test_the_answer_to_the_last_phrase_is_rendered_and_the_band_goes_on_with_it(
    dice: None, tmp_path: Path, live: bool, options: str, start: int | None, end: int
) -> None:
    """Two bars of input; in beats."""
    soloist = load(tmp_path, SOLOIST + f"    options: {options}")
    found = notes(render(soloist, write(tmp_path / "in.mid", *scale(8)), live).data)
    answer, others = found["soloist melody"], found["dice low"]
    late = [note for note in answer if note[0] >= 8 * smf.FILE_TICKS]
    assert (late[0][0] / smf.FILE_TICKS if late else None) == start
    assert all(stop <= end * smf.FILE_TICKS for _, stop, _ in late)
    assert end - 1 <= max(onset for onset, *_ in others) / smf.FILE_TICKS < end


def test_a_pedal_that_is_down_at_the_end_holds_up_nobody(dice: None, tmp_path: Path) -> None:
    path = write(tmp_path / "in.mid", *scale(4))
    file = mido.MidiFile(path)
    file.tracks[-1].insert(0, mido.Message("control_change", control=64, value=127))
    file.save(path)
    for controls in ("", "controls: {keys: {cc 64: sustain}}\n"):
        found = notes(render(load(tmp_path, controls + SOLOIST), path, live=True).data)
        beats = [tick / smf.FILE_TICKS for tick in (found["soloist melody"][0][0], found["soloist melody"][-1][1])]
        assert beats == [5, 9]


@pytest.mark.parametrize("live", [False, True])
def test_who_plays_alone_is_not_played_on_with_by_who_answers_him(dice: None, tmp_path: Path, live: bool) -> None:
    text = SOLOIST.replace("listen: [keys]\n    play", "listen: [keys, dice]\n    play")
    found = notes(render(load(tmp_path, text), write(tmp_path / "in.mid", *scale(8)), live).data)
    assert max(onset for onset, *_ in found["dice low"]) < 8 * smf.FILE_TICKS
    assert 8 * smf.FILE_TICKS < found["soloist melody"][-1][1] <= 20 * smf.FILE_TICKS


def scale(count: int) -> list[tuple[int, int, int]]:
    return [(smf.FILE_TICKS * number, smf.FILE_TICKS * (number + 1), 60 + 2 * number) for number in range(count)]


def test_an_answer_is_waited_for_but_not_for_ever(dice: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(offline, "ANSWER_BARS", 3)
    endless = load(tmp_path, SOLOIST + "    options: {phrase: bars, bars: 8}")
    found = notes(render(endless, write(tmp_path / "in.mid", *scale(4))).data)
    assert found["soloist melody"] == []
    assert 15 < max(onset for onset, *_ in found["dice low"]) / smf.FILE_TICKS < 16


def test_progress_is_reported_at_every_beat_and_ends_at_one(band: Config, tmp_path: Path) -> None:
    shares: list[float] = []
    render(band, write(tmp_path / "in.mid", *scale(40)), report=shares.append)
    assert len(shares) >= 39
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1 and shares[-1] == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for error, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", error)
        with progress("rendering") as report:
            report(0.5)
        assert ("rendering" in error.getvalue() and "50%" in error.getvalue()) == shown
        assert shown or not error.getvalue()


def test_drums_of_a_file_are_neither_sung_nor_heard_nor_is_their_pedal(
    dice: None, tmp_path: Path, spies: list[Spy]
) -> None:
    text = BAND.replace("[twinkle, pads, keys]", "[keys]") + "controls: {keys: {cc 64: sustain}}\n"
    drums = smf.Track("drums", [(0, note_on(10, 36, 80)), (0, control_change(10, 64, 127)), (960, note_off(10, 36))])
    tune = smf.Track("tune", [(0, note_on(1, 60, 80)), (960, note_off(1, 60))])
    (tmp_path / "in.mid").write_bytes(smf.to_bytes([drums, tune], [], []))
    for live in (False, True):
        spies.clear()
        render(load(tmp_path, text), tmp_path / "in.mid", live)
        heard = [call.event.message for call in spies[0].calls if isinstance(call, Listen)]
        assert heard[:2] == [note_on(1, 60, 80), note_off(1, 60)]
        assert not [message for message in heard if message[:2] == b"\xb0\x40" and message[2]]


def test_live_reset_all_controllers_lifts_the_pedal(tmp_path: Path) -> None:
    """A key of one beat under a pedal that nothing but CC 121 lifts, at beat 2; another key at beat 8."""
    choir = load(
        tmp_path,
        "ports: {keys: {direction: in}, out: {direction: out}}\ncontrols: {keys: {cc 64: sustain}}\n"
        f"band: {{choir: {{engine: harmoniser, model: {TINY}, listen: [keys], play: {{port: out}}}}}}\n",
    )
    found = notes(render(choir, TINY.parent / "midi" / "cc121-under-pedal.mid", live=True).data)
    let_go = 0.02 * 120 / 60  # beats for which the choir sounds on
    spans = [(start / smf.FILE_TICKS, stop / smf.FILE_TICKS - let_go) for start, stop, _ in found["soprano"]]
    assert [pytest.approx(span, abs=2 / smf.FILE_TICKS) for span in spans] == [(0.0, 2.0), (8.0, 9.0)]
