"""Names of pitch classes on the line of fifths: … B♭ F C G D A E B F♯ …, where C is 0, each sharp is 7 more."""

from __future__ import annotations

from daemon.music.leadsheet import Key

_LETTERS = "FCGDAEB"
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FLATTEST, _SHARPEST = -7, 10  # C♭ and A♯: names beyond are written as their enharmonic equivalents
# Fifths of each interval of a chord: what is three semitones above the root is a minor third, and so on.
_FIFTHS_OF_INTERVAL = {
    0: 0, 1: -5, 2: 2, 3: -3, 4: 4, 5: -1, 6: -6, 7: 1, 8: 8, 9: 3, 10: -2, 11: 5,
    13: -5, 14: 2, 15: 9, 17: -1, 18: 6, 20: -4, 21: 3,
}  # fmt: skip
_LOWEST, _LOWEST_DIMINISHED = -5, -3  # ♭II, and ♭III of diminished chords: fifths from the tonic to the flattest name


def fifths_of(name: str) -> int:
    """Of a name such as C, F# or Bbb."""
    return _LETTERS.index(name[0]) - 1 + 7 * (name.count("#") - name.count("b", 1))


def name_at(fifths: int) -> str:
    """The name of a place on the line of fifths; between C♭ and A♯."""
    while fifths > _SHARPEST:
        fifths -= 12
    while fifths < _FLATTEST:
        fifths += 12
    signs, letter = divmod(fifths + 1, 7)
    return _LETTERS[letter] + ("#" * signs if signs > 0 else "b" * -signs)


def pitch_class_of(name: str) -> int:
    return fifths_of(name) * 7 % 12


def name_in_key(pitch_class: int, key: Key, diminished: bool = False) -> str:
    """The name that a lead sheet in `key` gives a root, or a note outside its chord: from ♭II to ♯IV, or from ♭III to
    ♯V for the root of a diminished chord, which mostly leads upwards."""
    return name_at(_nearest(pitch_class, _tonic(key) + (_LOWEST_DIMINISHED if diminished else _LOWEST)))


def spelled(pitch: int, key: Key, root: str = "", intervals: tuple[int, ...] = ()) -> tuple[str, int, int]:
    """Letter, alteration in semitones and octave of a pitch: as a note of the chord on `root`, if `pitch` is one that
    has a simple name, else as a note of the key."""
    name = name_in_key(pitch % 12, key)
    if root:
        above = (pitch - pitch_class_of(root)) % 12
        found = next((interval for interval in intervals if interval % 12 == above), None)
        if found is not None and _is_simple(fifths := fifths_of(root) + _FIFTHS_OF_INTERVAL[found], key):
            name = name_at(fifths)
    alter = name.count("#") - name.count("b", 1)
    return name[0], alter, (pitch - alter - _STEPS[name[0]]) // 12 - 1


def _is_simple(fifths: int, key: Key) -> bool:
    """Whether a name is near enough to the key's notes to be read at sight."""
    return -6 <= fifths - key.fifths <= 10 and _FLATTEST <= fifths <= _SHARPEST


def _tonic(key: Key) -> int:
    return key.fifths + (3 if key.mode == "minor" else 0)


def _nearest(pitch_class: int, lowest: int) -> int:
    """The place of `pitch_class` among the twelve from `lowest` on."""
    return lowest + (pitch_class * 7 - lowest) % 12
