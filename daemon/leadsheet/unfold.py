"""The order in which the measures of a sheet are played: repeats, endings, da capo, dal segno, fine, coda."""

from __future__ import annotations

from daemon.leadsheet.measures import Measure

MAX_PLAYED = 5000  # bars


def unfolded(measures: list[Measure]) -> list[int]:
    """Indices of measures, in the order of playing. Raises ValueError, which names the bar."""
    return _Walk(measures).order()


class _Walk:
    def __init__(self, measures: list[Measure]) -> None:
        self._measures = measures
        self._last_endings = _last_endings(measures)
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
        """Whether the measure belongs to another ending. After a jump only the last ending is played."""
        endings = self._measures[at].endings
        if self._until is not None:
            return bool(endings) and self._last_endings[at] not in endings
        return bool(endings) and self._pass not in endings

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
        times = self._last_endings[at] or measure.repeats
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


def _last_endings(measures: list[Measure]) -> list[int]:
    """For each measure the highest number of the endings that stand side by side there; 0 without any."""
    found, group = [0] * len(measures), list[int]()
    for index, measure in enumerate([*measures, Measure("")]):
        if not measure.endings or (group and measure.endings != measures[index - 1].endings and 1 in measure.endings):
            for member in group:
                found[member] = max(max(measures[each].endings) for each in group)
            group = []
        if measure.endings:
            group.append(index)
    return found
