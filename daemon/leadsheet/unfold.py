"""The order in which the measures of a sheet are played: repeats, endings, da capo, dal segno, fine, coda."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.leadsheet.measures import Measure

MAX_PLAYED = 5000  # bars


def unfolded(measures: list[Measure]) -> list[int]:
    """Indices of measures, in the order of playing. Raises ValueError, which names the bar."""
    return _Walk(measures).order()


class _Walk:
    def __init__(self, measures: list[Measure]) -> None:
        self._measures = measures
        self._endings = _groups(measures)
        self._from, self._pass = 0, 1  # where the repeated part begins, how often it has been begun
        self._until: str | None = None  # after a jump: "fine", "coda" or ""

    def order(self) -> list[int]:
        played: list[int] = []
        at: int | None = 0
        while at is not None and at < len(self._measures):
            if len(played) > MAX_PLAYED:
                raise ValueError(f"with all repeats more than {MAX_PLAYED:,} bars: split the file")
            if self._measures[at].begins_repeat and at != self._from:
                self._from, self._pass = at, 1
            if self._is_skipped(at):
                at += 1
                continue
            played.append(at)
            at = self._next(at)
        return played

    def _is_skipped(self, at: int) -> bool:
        """Whether the measure belongs to another ending. After a jump only the last one is played, or the one that has
        the fine."""
        endings = self._measures[at].endings
        if self._until is None:
            return bool(endings) and self._pass not in endings
        fine = self._endings[at].with_fine if self._until == "fine" else None
        return bool(endings) and (fine or self._endings[at].last) not in endings

    def _next(self, at: int) -> int | None:
        measure = self._measures[at]
        if self._until is not None:
            if measure.is_fine and self._until != "coda":
                return None
            if measure.leaves_to_coda and self._until != "fine":
                return self._coda(at)
            return at + 1
        is_end = bool(measure.repeats) or (bool(measure.endings) and not self._continues(at))
        # of an ending without a repeat sign, the next one says that it is played again
        times = self._endings[at].last or measure.repeats
        if is_end and self._pass < times:
            self._pass += 1
            return self._from
        if is_end:
            self._from, self._pass = at + 1, 1
        if measure.jump:
            self._until = measure.until
            return 0 if measure.jump == "start" else self._segno(at)
        return at + 1

    def _continues(self, at: int) -> bool:
        """Whether the measure after `at` is one of the same ending."""
        following = self._measures[at + 1 : at + 2]
        return bool(following) and following[0].endings == self._measures[at].endings

    def _segno(self, at: int) -> int:
        for index, measure in enumerate(self._measures):
            if measure.has_segno:
                return index
        raise ValueError(f"bar {self._measures[at].number}: a dal segno (D.S.), but there is no segno: write one")

    def _coda(self, at: int) -> int:
        for index, measure in enumerate(self._measures):
            if index > at and measure.has_coda:
                return index
        raise ValueError(
            f"bar {self._measures[at].number}: it leads to the coda, but there is none: write the coda sign"
        )


@dataclass(slots=True)
class _Endings:
    """Numbers of the endings that stand side by side: of the last one, and of the one with the fine; 0 if there is
    none."""

    last: int = 0
    with_fine: int = 0


def _groups(measures: list[Measure]) -> list[_Endings]:
    """For each measure the endings that it is one of."""
    found: list[_Endings] = []
    for before, measure in zip([Measure(""), *measures], measures, strict=False):
        is_another = measure.endings != before.endings and (not before.endings or 1 in measure.endings)
        if not measure.endings or is_another:
            found.append(_Endings())
        else:
            found.append(found[-1])
        if measure.endings:
            found[-1].last = max(found[-1].last, *measure.endings)
            found[-1].with_fine = max(measure.endings) if measure.is_fine else found[-1].with_fine
    return found
