"""When a source is polled because a hub told of it. Pure but for the clock it is given. Tests: tests/websub/test_pushes.py.

At once; but two polls that hubs cause begin at least LIMITS.push_gap_s apart, and what is told while a poll runs leads to another one.
A poll that finds nothing new is followed by LIMITS.push_looks more, for outlets' caches are often older than what they tell hubs,
and doubles the source's gap (10 s, 20 s, 40 s … LIMITS.max_push_gap_s): so the looks come 10 and 30 s after the first poll, and a hub
that tells of changes that there are not is heard less and less. A poll that finds something ends that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawler.settings import LIMITS


@dataclass(slots=True)
class _Told:
    """A source of which a hub told something. `at_s`: when it is to be polled, None when it is not."""

    at_s: float | None = None
    begun_s: float | None = None
    caused: bool = False  # the poll that runs, or ran last, was wanted by a hub
    empty: int = 0  # polls in a row that hubs caused and that found nothing
    looks: int = 0  # further ones that the last notice is worth

    @property
    def gap_s(self) -> float:
        return float(min(LIMITS.push_gap_s * 2.0 ** min(self.empty, 16), LIMITS.max_push_gap_s))

    @property
    def earliest_s(self) -> float:
        return float("-inf") if self.begun_s is None else self.begun_s + self.gap_s


class Pushes:
    """The sources that hubs told something of. `steady_s` returns a time that never jumps."""

    def __init__(self, steady_s: Callable[[], float]) -> None:
        self._steady_s = steady_s
        self._told: dict[str, _Told] = {}

    def tell(self, source: str) -> bool:
        """Note that a hub told of a change; return whether that makes a poll due now that was not."""
        now_s = self._steady_s()
        told = self._told.setdefault(source, _Told())
        told.looks = int(LIMITS.push_looks)
        had_s = told.at_s
        told.at_s = max(now_s, told.earliest_s) if had_s is None else min(had_s, max(now_s, told.earliest_s))
        return told.at_s <= now_s and (had_s is None or had_s > now_s)

    def due(self) -> list[str]:
        """Return the sources to be polled now, the longest due first; forget those that nothing is known of any more."""
        now_s = self._steady_s()
        for source, told in list(self._told.items()):
            if told.at_s is None and told.earliest_s < now_s - LIMITS.max_push_gap_s:
                del self._told[source]
        wanted = [(told.at_s, source) for source, told in self._told.items() if told.at_s is not None]
        return [source for at_s, source in sorted(wanted) if at_s <= now_s]

    def begun(self, source: str) -> None:
        """Note that a poll of the source begins, for whatever reason: it sees what was told until now."""
        told = self._told.get(source)
        if told is not None:
            told.caused, told.at_s, told.begun_s = told.at_s is not None, None, self._steady_s()

    def ended(self, source: str, *, brought: bool) -> None:
        """Note that the poll has ended, and whether it brought an entry that is new or changed."""
        told = self._told.get(source)
        if told is None or not told.caused:
            return
        told.caused = False
        if brought:
            told.empty = 0
            told.looks = told.looks if told.at_s is not None else 0
            return
        if told.looks and told.at_s is None:
            told.looks -= 1
            told.at_s = told.earliest_s
        told.empty += 1

    def leave(self, source: str) -> None:
        """Let the source be polled by its rhythm alone, until it is told of again.

        Counts as a poll: looking whether it may be polled is a query, and a hub could ask for thousands a second.
        """
        told = self._told.get(source)
        if told is not None:
            told.at_s, told.looks, told.begun_s = None, 0, self._steady_s()
