"""Bass patterns by feel and variation, a character for each eighth of a bar."""

from __future__ import annotations

from daemon.music.feel import Feel

# R: the chord's bass, 5: its fifth, 8: its bass an octave away, w: walking, p: pickup, n: the next chord's bass ahead
# of time, -: the note goes on, . silence. Where a chord begins, its bass is played whatever is written.
AHEAD, SILENCE = "n", "."
ROOTS = (("R-------",),)
TWO_FEEL = (
    ("R---5---", "R---w---"),
    ("R---5---", "R---w---", "R---5-w-"),
    ("R---5-w-", "R---w--p", "R---w-w-"),
    ("R--pw-w-", "R---w-wp", "R--pw-w-"),
)
WALKING = (
    ("w-w-w-w-",),
    ("w-w-w-w-",),
    ("w-w-w-w-", "w-w-w-w-", "w-w-wpw-"),
    ("w-wpw-w-", "w-w-w-w-", "wpw-w-w-", "w-w-wpw-"),
)
IN_THREE = (
    ("R-----", "R-----", "R---5-"),
    ("R---w-", "R---5-", "R-----"),
    ("w-w-w-", "R---w-", "w-w-w-"),
    ("w-w-w-", "w-wpw-", "w-w-w-"),
)
COMPOUND = (  # any feel in beats of three eighths
    ("R--5--", "R--5--", "R--R--"),
    ("R--5--", "R--5-w", "R--5--"),
    ("R--5-w", "R-w5--", "R--5-w"),
    ("R-w5-w", "R-5R-w", "w-ww-w"),
)
BALLAD = (
    ("R-------", "R---5---"),
    ("R---5---", "R-----w-", "R---w---"),
    ("R---w-w-", "R---5--p", "R-----w-"),
    ("R--pw-w-", "R---w-wp", "R---5-w-"),
)
BOSSA = (
    ("R---5---", "R--.5--."),
    ("R--55--n", "R--55--n", "R--55---"),
    ("R--5R--n", "R--55--n", "R--58--n"),
    ("R--58-5n", "R-55R--n", "R--5R-5n"),
)
ROCK = (
    ("R-------", "R---R---", "R--.R---"),
    ("R-R-R-R-", "R--RR---", "R--RR-R-"),
    ("RRRRRRRR", "RRRRRRRw", "R-RRR-Rw"),
    ("RR8RRR8w", "RRRRRR5w", "R-8RRR8w", "RRRR8Rww"),
)
FOLK = (
    ("R---5---", "R---5---", "R---R---"),
    ("R---5---", "R---5-w-"),
    ("R---5-w-", "R-w-5-w-"),
    ("R-w-5-w-", "R-5-R-w-", "R-w-w-w-"),
)
FEELS = {
    "swing": (TWO_FEEL[0], *WALKING[1:]),
    "blues": (TWO_FEEL[1], *WALKING[1:]),
    "ballad": BALLAD,
    "bossa": BOSSA,
    "waltz": IN_THREE,
    "rock": ROCK,
    "folk": FOLK,
}
LINES = {"roots": ROOTS * 4, "two-feel": TWO_FEEL, "walking": WALKING}  # by name of the option `line`
WALKING_FROM = 0.65  # energy from which a bass in swing and blues walks, whatever the variation


def patterns_for(feel: Feel, eighths: int, line: str) -> tuple[str, ...]:
    """The patterns for bars of so many `eighths`. `line`: the option's value."""
    name = feel.name
    table = LINES.get(line) or FEELS.get(name, FEELS["swing"])
    if feel.is_compound and line != "roots":
        table = COMPOUND if line != "walking" else (COMPOUND[3][2:],) * 4
    elif eighths % 8 and eighths % 6 == 0 and line != "roots" and name not in ("rock", "folk", "bossa"):
        table = IN_THREE if line != "walking" else (IN_THREE[2],) * 4
    elif name == "waltz" and eighths % 6 and line not in LINES:
        table = FEELS["swing"]
    tier = min(max(feel.variation, 0), len(table) - 1)
    if table in (FEELS["swing"], FEELS["blues"]) and feel.energy >= WALKING_FROM:
        tier = max(tier, 1)
    return tuple((pattern * (eighths // len(pattern) + 1))[:eighths] for pattern in table[tier])
