"""A newsroom on loopback: replica outlets with our own articles in real markup, for the demo, the tests and the
benchmarks.

Eight outlets of eight CMS families, each on its own port of 127.0.0.1 and each found another way (RSS, news sitemap
with an index and a .gz, listing pages, Blogger's feed, WordPress REST, Atom): about seventy articles on and off the
subject, near misses, copies of a press release, an event in three tellings, twins, multi-page articles, dead and
soft-dead links. Outlets and people are invented; places are real. Standard library only; imports nothing else of this
project.

By hand: `python -m newsroom` serves it and prints a sources.yaml for it, until Ctrl-C.

    with Newsroom() as newsroom:
        config = newsroom.sources_yaml(database="pantau.db")
        ...
        kept = [t for t in newsroom.truths() if t.on_topic]

`newsroom.receiver` is the other end of webhooks, `newsroom.scale` makes thousands of synthetic pages. Tests:
tests/newsroom.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from newsroom.child import Remote
from newsroom.engine import Engine
from newsroom.model import Article, Block, Outlet, Truth
from newsroom.receiver import Delivery, WebhookReceiver
from newsroom.sources import TOPIC, sources_yaml

__all__ = ["TOPIC", "Article", "Block", "Delivery", "Newsroom", "Outlet", "Truth", "WebhookReceiver"]


class Newsroom:
    """All outlets, serving from `__enter__` to `__exit__`: in a thread of this process, or in another with
    process=True.

    `now` (default: the current minute) is what the articles' ages are counted from. `latency_s` delays every answer,
    `port` is the first of eight in a row (default: free ones), `articles` replaces the bundled ones ([] for an empty
    newsroom).
    """

    def __init__(
        self,
        now: datetime | None = None,
        *,
        process: bool = False,
        latency_s: float = 0.0,
        port: int = 0,
        articles: Sequence[Article] | None = None,
    ) -> None:
        arguments: dict[str, Any] = {"now": now, "latency_s": latency_s, "port": port, "articles": articles}
        self._engine: Engine | Remote = (
            Remote("newsroom.engine:Engine", **arguments) if process else Engine(**arguments)
        )

    def __enter__(self) -> Newsroom:
        self._engine.__enter__()
        self.outlets: list[Outlet] = self._call("outlets")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.__exit__(kind, error, trace)

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self._engine, Remote):
            return self._engine.call(name, *args, **kwargs)
        return getattr(self._engine, name)(*args, **kwargs)

    def outlet(self, outlet_id: str) -> Outlet:
        """Return one outlet. Raises: KeyError."""
        for outlet in self.outlets:
            if outlet.id == outlet_id:
                return outlet
        raise KeyError(outlet_id)

    def truths(self) -> list[Truth]:
        """Return what a crawl must find, newest first: one truth an article, taken-down ones left out."""
        found: list[Truth] = self._call("truths")
        return found

    def sources_yaml(self, **settings: Any) -> str:
        """Return a complete sources.yaml for all outlets, or those in `only` (ids).

        `rules`, `channels`, `topic` and `extra` are YAML text, `every` goes to each source, the rest into `settings`.
        """
        only = settings.pop("only", None)
        return sources_yaml((o for o in self.outlets if only is None or o.id in only), **settings)

    @property
    def requests(self) -> list[tuple[str, str, str, int]]:
        """(outlet id, method, path with query, status) of every answer so far; status 0 is a dropped connection."""
        found: list[tuple[str, str, str, int]] = self._call("requests")
        return found

    def clear(self) -> None:
        """Forget the requests seen so far."""
        self._call("clear")

    def publish(self, outlet_id: str, article: Article) -> Truth:
        """Add an article (`Article.of(outlet, title, paragraphs, …)`) while the outlet runs; return its truth."""
        found: Truth = self._call("publish", outlet_id, article)
        return found

    def edit(
        self,
        url: str,
        *,
        title: str | None = None,
        paragraphs: Sequence[str] | None = None,
        modified_at: datetime | None = None,
    ) -> Truth:
        """Change an article's headline or text; modified_at is the current minute without one. Raises: KeyError."""
        found: Truth = self._call("edit", url, title=title, paragraphs=paragraphs, modified_at=modified_at)
        return found

    def take_down(self, url: str, status: int = 410) -> None:
        """Answer the article with 410 (or 404) from now on, and list it no more. Raises: KeyError."""
        self._call("take_down", url, status)

    def broken(
        self, outlet_id: str, status: int | None = 503, *, retry_after: str | int | None = None, drop: bool = False
    ) -> None:
        """Let every request to an outlet fail with status and Retry-After, or by a closed connection; None mends it."""
        self._call("broken", outlet_id, status, retry_after=retry_after, drop=drop)

    def advertise(self, outlet_id: str, hub: str) -> None:
        """Let an outlet's RSS feed name a hub (WebSub), or with "" none. The hub is told by whoever publishes."""
        self._call("advertise", outlet_id, hub)

    def slow(self, outlet_id: str, latency_s: float) -> None:
        """Let an outlet wait before every answer."""
        self._call("slow", outlet_id, latency_s)
