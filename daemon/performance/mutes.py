"""Which players are muted and which are soloed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


class Mutes:
    """While any player is soloed, those that are not are silent, too."""

    def __init__(self) -> None:
        self.muted: set[str] = set()
        self.soloed: set[str] = set()

    def keep(self, players: Collection[str]) -> None:
        """Forget all other players."""
        self.muted.intersection_update(players)
        self.soloed.intersection_update(players)

    def mute(self, player: str, muted: bool | None) -> None:
        """None: the opposite of now."""
        _put(self.muted, player, muted)

    def solo(self, player: str, soloed: bool | None) -> None:
        """None: the opposite of now."""
        _put(self.soloed, player, soloed)

    def silences(self, player: str) -> bool:
        return player in self.muted or bool(self.soloed and player not in self.soloed)

    def to_json(self) -> dict[str, Any]:
        return {"muted": sorted(self.muted), "soloed": sorted(self.soloed)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.muted, self.soloed = set(state.get("muted", ())), set(state.get("soloed", ()))  # older journals have none


def _put(names: set[str], name: str, inside: bool | None) -> None:
    (names.add if (name not in names if inside is None else inside) else names.discard)(name)
