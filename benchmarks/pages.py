"""newsroom.scale's outlets with off-topic pages as they are in a campaign: most name the subject in side lists at most.

Every page of the newsroom is a hard one: the subject's words stand in its side lists, inline links, readers' comments and widget data,
so that hardly anything but cleaning can tell that its article is off topic. Of 29 real pages three were like that. Here `HARD` are, as
many as make up half with them name it in their side lists alone, and the others nowhere.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from newsroom.child import Remote
from newsroom.families.base import Family
from newsroom.page import Link, Page
from newsroom.scale import ScaleEngine, ScaleSite

HARD, NAMED = 0.1, 0.5
_SUBJECT = re.compile(
    r"netral|\b(asn|pns|pppk|bawaslu|aparatur|pegawai|birokrasi|camat|lurah|sekda|paslon|kampanye)\b", re.I
)


class _Calm(Page):
    """A page whose inline links, widget data and comments are about something else."""

    def related(self, count: int) -> list[Link]:
        return [link for link in super().related(count * 4) if not _SUBJECT.search(link[0])][:count]

    def comments(self, count: int) -> list[tuple[str, str]]:
        return [pair for pair in super().comments(count) if not _SUBJECT.search(pair[1])]


class _Silent(_Calm):
    """A page that says nothing of the subject."""

    def side(self, count: int, offset: int = 0) -> list[Link]:
        return [link for link in super().side(count * 3, offset) if not _SUBJECT.search(link[0])][:count]


class MixedEngine(ScaleEngine):
    """A ScaleEngine whose pages are hard only as often as `hard` says."""

    def __init__(self, hard: float = HARD, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._kinds = [_mixed(kind, hard) for kind in self._kinds]


def _mixed(family: Family, hard: float) -> Family:
    kind: Any = type(family)

    class Mixed(kind):  # type: ignore[misc]
        def page(self, page: Page) -> str:
            drawn = page.article.number % 1000 / 1000
            if not page.article.on_topic and drawn >= hard:
                page.__class__ = _Calm if drawn < NAMED else _Silent
            return str(super().page(page))

    return Mixed()


class MixedSite(ScaleSite):
    """A ScaleSite of MixedEngine, in a process of its own."""

    def __init__(
        self,
        articles: int,
        on_topic: float,
        outlets: int,
        *,
        hard: float = HARD,
        seed: int = 1,
        now: datetime | None = None,
    ) -> None:
        arguments = {"articles": articles, "on_topic": on_topic, "outlets": outlets, "seed": seed, "now": now}
        self._engine = Remote("benchmarks.pages:MixedEngine", hard=hard, **arguments)

    def __enter__(self) -> MixedSite:
        super().__enter__()
        return self
