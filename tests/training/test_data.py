"""The data of training: the sides of the split, tunes in other keys and without pick-up, batches."""

import numpy as np
import pytest
import torch

from daemon.encodings.drums.hits import INSTRUMENTS
from daemon.encodings.melody import jamd
from daemon.encodings.melody.events import FIRST_PITCH, IN_KEY, LOWEST, PITCHES, event_of
from daemon.encodings.melody.registry import ENCODINGS
from daemon.errors import JamdError
from export_tools.common.files import BadFile
from export_tools.common.folder import BadFolder
from export_tools.drums import prepare as prepare_drums
from export_tools.harmoniser import bachbot
from export_tools.harmoniser import prepare as prepare_chorales
from export_tools.melody import prepare, train
from export_tools.melody.tunes import Tune, read_tunes

from . import music, nets

KEY, DEGREE = 2, 3  # features that depend on the key


def some_tune(seed, meter=4.0, position=0.0, steps=150):
    """Repeated phrases, in their key and in others, with rests; narrow enough that every continuation in the same
    intervals is a pitch in range, in all keys."""
    rng = np.random.default_rng(seed)
    phrases = []
    for _ in range(3):
        phrase = np.zeros(int(meter * 4), int)
        onsets = np.flatnonzero(rng.random(len(phrase)) < 0.5)
        phrase[onsets] = [event_of(int(rng.choice([62, 64, 66, 68]))) for _ in onsets]
        phrase[rng.integers(len(phrase))] = 1
        phrases.append(phrase)
    events = []
    while len(events) < steps:
        phrase = phrases[rng.integers(3)]
        events += np.where(phrase >= FIRST_PITCH, phrase + rng.choice([0, 0, 0, 2]), phrase).tolist()
    return Tune(tuple(events[:steps]), meter, position)


def transposed(tune, semitones):
    moved = tuple(event + semitones if event >= FIRST_PITCH else event for event in tune.events)
    return Tune(moved, tune.meter, tune.position)


class Drawn:
    """A random generator that returns the given values."""

    def __init__(self, pick_up_stays, key_changes, semitones):
        self.chances, self.semitones = [float(pick_up_stays), float(key_changes)], semitones

    def random(self):
        return self.chances.pop(0)

    def integers(self, low, high):
        assert low <= self.semitones < high
        return self.semitones


def keys(tune):
    """Whether a single major key fits the notes so far best, before each step."""
    alone, counts = [], np.zeros(12, int)
    for event in tune.events:
        alone.append(bool((counts == counts.max()).sum() == 1 or not counts.any()))
        if event >= FIRST_PITCH:
            counts = counts + IN_KEY[(event - FIRST_PITCH + LOWEST) % 12]
    return np.array(alone)


@pytest.mark.parametrize("semitones", [-6, -1, 2, 5])
@pytest.mark.parametrize(("meter", "position"), [(4.0, 0.0), (3.0, 2.0)])
def test_a_tune_in_another_key_is_encoded_as_if_it_had_been_read_so(semitones, meter, position):
    """Not compared: steps where two keys fit equally well, for either may be chosen."""
    tune = some_tune(1, meter, position)
    anew = train.encoded(transposed(tune, semitones), "jamd")
    given = train.augmented(train.encoded(tune, "jamd"), Drawn(True, True, semitones))
    sure = keys(tune)
    assert 20 < sure.sum() < len(sure), "both happen"
    np.testing.assert_array_equal(given["label"], anew["label"])
    np.testing.assert_array_equal(np.delete(given["clues"], 1, 1), np.delete(anew["clues"], 1, 1))
    others = [number for number in range(len(jamd.FEATURE_SIZES)) if number not in (KEY, DEGREE)]
    np.testing.assert_array_equal(given["features"][:, others], anew["features"][:, others])
    np.testing.assert_array_equal(given["features"][sure], anew["features"][sure])
    np.testing.assert_array_equal(given["clues"][sure], anew["clues"][sure])


def test_a_tune_stays_within_the_pitches_and_keys_are_many():
    tune = train.encoded(some_tune(2), "jamd")
    high = train.encoded(transposed(some_tune(2), 9), "jamd")
    rng, found = np.random.default_rng(1), {"tune": set(), "high": set()}
    for name, one in (("tune", tune), ("high", high)):
        pitched = one["label"] >= FIRST_PITCH
        for _ in range(200):
            label = train.augmented(one, rng)["label"]
            assert (label[~pitched] == one["label"][~pitched]).all()
            (shift,) = set((label - one["label"])[pitched].tolist())
            assert label[pitched].min() >= FIRST_PITCH and label.max() < FIRST_PITCH + PITCHES
            found[name].add(shift)
    room = FIRST_PITCH + PITCHES - 1 - int(high["label"].max())
    assert found == {"tune": set(range(-6, 7)), "high": set(range(-6, room + 1))} and 0 < room < 6


@pytest.mark.parametrize(("meter", "position"), [(4.0, 3.5), (3.0, 2.0), (2.0, 0.25), (4.0, 0.0)])
def test_without_its_pick_up_a_tune_is_encoded_as_if_it_began_with_a_bar(meter, position):
    tune, plain = some_tune(3, meter, position), some_tune(3, meter, 0.0)
    assert tune.events == plain.events
    given, anew = train.encoded(tune, "jamd"), train.encoded(plain, "jamd")
    assert (position == 0.0) == bool((given["features"] == anew["features"]).all())
    np.testing.assert_array_equal(train.without_pick_up(given["features"]), anew["features"])
    np.testing.assert_array_equal(given["clues"], anew["clues"])
    assert train.augmented(given, Drawn(True, False, 0)) is given
    np.testing.assert_array_equal(train.augmented(given, Drawn(False, False, 0))["features"], anew["features"])


def test_near_duplicates_stay_on_one_side(tmp_path):
    """From MIDI files to training data: 30 tunes, each in two keys, in two books."""
    for number in range(30):
        rng = np.random.default_rng(number)
        notes = [(i / 2, 0.5, int(pitch), 80) for i, pitch in enumerate(rng.integers(55, 76, 24))]
        moved = [(onset, length, pitch + 5, 80) for onset, length, pitch, _ in notes]
        music.write(tmp_path / "midi" / "one" / f"{number}.mid", notes)
        music.write(tmp_path / "midi" / "two" / f"variant {number}.mid", moved[:20])
    assert music.run(prepare.main, tmp_path / "midi", tmp_path / "tunes.npz") == 0
    sides, files = train.load(tmp_path / "tunes.npz", "jamd")
    assert (tmp_path / "tunes.valid.txt").read_text().splitlines() == files["valid"]
    numbers = {side: sorted(int(name.split()[-1].split("/")[-1][:-4]) for name in files[side]) for side in files}
    assert {side: len(found) for side, found in numbers.items()} == {"train": 54, "valid": 6}
    assert all(found[::2] == found[1::2] for found in numbers.values()), "both of each"
    for side, names in files.items():
        for name, given in zip(names, sides[side], strict=True):
            (tune,) = read_tunes(tmp_path / "midi" / name)
            expected = train.encoded(tune, "jamd")
            assert all((given[key] == expected[key]).all() for key in expected)


@pytest.mark.parametrize("name", nets.MELODY)
def test_encodings_are_kept_and_cut_again_into_tunes(tmp_path, name):
    """Some encodings have no row for the first 16th of a tune."""
    music.tunes(tmp_path, 12)
    first, again = (train.load(tmp_path / "tunes.npz", name)[0] for _ in range(2))
    number = 0
    for side in ("train", "valid"):
        for one, other in zip(first[side], again[side], strict=True):
            assert all((one[key] == other[key]).all() for key in one)
            number += 1
    assert number == 12
    tunes = [tune for n in range(12) for tune in read_tunes(tmp_path / "tunes" / f"{n}.mid")]
    expected = [train.encoded(tune, name) for tune in tunes]
    everything = [*first["train"], *first["valid"]]
    assert sorted(one["label"].tolist() for one in everything) == sorted(one["label"].tolist() for one in expected)


def test_kept_encodings_of_other_tunes_or_damaged_ones_are_replaced(tmp_path):
    """prepare.py may have written other tunes, of as many 16ths, since."""
    path, cache = tmp_path / "tunes.npz", tmp_path / "tunes.jamd.npz"
    music.tunes(tmp_path, 12)
    train.load(path, "jamd")
    arrays = dict(np.load(path))
    arrays["events"] = np.where(arrays["events"] >= FIRST_PITCH, FIRST_PITCH + 5, arrays["events"]).astype(np.int8)
    np.savez(path, **arrays)
    for content in (cache.read_bytes(), b"damaged"):
        cache.write_bytes(content)
        sides, _ = train.load(path, "jamd")
        labels = np.concatenate([one["label"] for one in (*sides["train"], *sides["valid"])])
        assert set(labels[labels >= FIRST_PITCH]) == {FIRST_PITCH + 5}


def test_too_few_tunes_are_one_line(tmp_path):
    with pytest.raises(BadFile, match=r"tunes.npz: no tunes to train on, or none to validate on: prepare ten"):
        train.load(music.tunes(tmp_path, 4), "basic")
    assert not list(tmp_path.glob("tunes.basic.npz"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("validation,", "test,", "has no split 'validation': choose from test, train, or list files of it in info.csv"),
        ("validation,jazz", "validation,ska", r"info.csv: the style 'ska' is in the split validation only"),
    ],
)
def test_grooves_that_cannot_be_validated_on_are_one_line(tmp_path, old, new, message):
    music.grooves(tmp_path)
    (tmp_path / "drums.npz").unlink()
    table = (tmp_path / "info.csv").read_text().replace("validation,rock", "validation,jazz")
    (tmp_path / "info.csv").write_text(table.replace(old, new))
    with pytest.raises(BadFolder, match=message):
        music.run(prepare_drums.main, tmp_path, tmp_path / "tables.json", tmp_path / "drums.npz")
    assert not (tmp_path / "drums.npz").exists()


@pytest.mark.parametrize("ticks", ["3", "[]", '["a"]', "[1, 2]"])
def test_tables_are_checked_before_grooves_are_read(tmp_path, ticks):
    music.grooves(tmp_path)
    (tmp_path / "tables.json").write_text(f'{{"notes": {list(INSTRUMENTS)}, "ticks": {ticks}}}')
    with pytest.raises(JamdError, match=r"tables.json: `ticks` must be whole numbers in ascending order from 0"):
        music.run(prepare_drums.main, tmp_path, tmp_path / "tables.json", tmp_path / "drums.npz")


def test_chorales_that_cannot_be_used_are_one_line(tmp_path):
    (tmp_path / "bwv1.1.mxl").write_bytes(b"damaged")
    with pytest.raises(BadFile, match=r"bwv1.1.mxl: music21 cannot read it \(.*\): install music21 again"):
        music.run(prepare_chorales.main, tmp_path, tmp_path / "chorales.npz")
    assert not (tmp_path / "chorales.npz").exists()
    np.savez(tmp_path / "chorales.npz")
    with pytest.raises(BadFile, match=r"chorales.npz: holds no chorales: make it again with prepare.py"):
        bachbot.read(tmp_path / "chorales.npz")


@pytest.mark.parametrize("name", nets.MELODY)
def test_padding_does_not_count(name):
    net = nets.melody(name)
    tunes = [train.encoded(some_tune(seed, steps=steps), name) for seed, steps in ((4, 30), (5, 17), (6, 44))]
    with torch.no_grad():
        alone = [train.loss_of(net, train.collate([tune])) for tune in tunes]
        together, count = train.loss_of(net, train.collate(tunes))
    assert [n for _, n in alone] == [29, 16, 43] and count == 88, "all 16ths but the first"
    assert together.item() == pytest.approx(sum(loss.item() * n for loss, n in alone) / count, rel=1e-5)


def test_every_tune_is_shown_as_often_as_the_configuration_says():
    encoding = ENCODINGS["attention"]
    tunes = [train.encoded(some_tune(seed, steps=20 + 7 * seed), "attention") for seed in range(9)]
    rng = np.random.default_rng(1)
    config = train.MelodyConfig(nets.MELODY["attention"], 1, batch=4, dropout=0.0, clip=1, crop=25, shown=3)
    rows = [row for batch in train.epoch_of(tunes, config, rng) for row in batch["label"].tolist()]
    assert len(rows) == 27 and max(map(len, rows)) == 25
    assert all(label < encoding.labels for row in rows for label in row)
    passages = [[label for label in row if label != train.NO_LABEL] for row in rows]
    lengths = sorted(min(25, len(tune["label"])) for tune in tunes for _ in range(3))
    assert sorted(map(len, passages)) == lengths
    whole = [tune["label"].tolist() for tune in tunes]
    for passage in passages:
        assert any(passage == row[i : i + len(passage)] for row in whole for i in range(len(row))), "in one piece"
    assert len({tuple(passage) for passage in passages}) > 15, "from anywhere"
