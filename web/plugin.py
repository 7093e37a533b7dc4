"""What Datasette calls: our routes, what a connection may read, and what an error looks like.

Datasettes that we did not make are left as they are. Tests: tests/web/test_serving.py, tests/web/test_pages.py.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from datasette import Response, hookimpl
from datasette.utils import sqlite_timelimit

from web import pages, trying
from web.filters import BadFilter, Filters, read_filters
from web.formats import FORMATS, write
from web.words import WORDS

T = TypeVar("T")
logger = logging.getLogger(__name__)
DATABASE = "data"  # its name in Datasette's own addresses, whatever the file is called
# What Datasette's own pages and SQL may read. All else in the file, such as whom we tell and what we send, is closed to them, and
# so is a table that a later version adds.
READABLE = frozenset(("feed", "stories", "revisions", "sources", "regions", "articles", "articles_fts", "duplicates"))
_LIMIT_MS = 2000
_PATHS = {
    "stories": r"/(?:stories\.(?P<form>atom|csv|json))?$",
    "story": r"/story/(?P<id>\d{1,15})(?:\.(?P<form>atom|csv|json))?$",
    "coverage": r"/coverage(?:\.(?P<form>atom|csv|json))?$",
}
_TRY = r"/try$"
_STATIC = r"/static/[a-z.]+$"


@dataclass(frozen=True, slots=True)
class Site:
    """What the page serves, and how. `now` is the clock."""

    database: Path
    zone: ZoneInfo
    language: Literal["id", "en"] = "id"
    public: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    hidden: frozenset[str] = frozenset()  # tables of the file that are not READABLE


SITES: WeakKeyDictionary[Any, Site] = WeakKeyDictionary()


def is_ours(path: str) -> bool:
    """Say whether a path is one of the public pages or their files."""
    return any(re.match("^" + pattern, path) for pattern in (*_PATHS.values(), _STATIC))


@hookimpl  # type: ignore[untyped-decorator]
def register_routes(datasette: Any) -> list[tuple[str, Any]]:
    """Return our pages; they go before Datasette's own."""
    site = SITES.get(datasette)
    if site is None:
        return []
    routes = [("^" + pattern, _page(name)) for name, pattern in _PATHS.items()]
    return routes if site.public else [*routes, ("^" + _TRY, _try)]


@hookimpl  # type: ignore[untyped-decorator]
def prepare_connection(conn: sqlite3.Connection, database: str, datasette: Any) -> None:
    """Let no SQL that anybody types into Datasette read the hidden tables, or another file."""
    site = SITES.get(datasette)
    if site is None or database != DATABASE:
        return

    def authorize(action: int, first: str | None, column: str | None, *_: object) -> int:
        # Without a column it is a count(*), which Datasette makes of every table.
        reads = action == sqlite3.SQLITE_READ and first in site.hidden and bool(column)
        refused = reads or action == sqlite3.SQLITE_ATTACH
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    conn.set_authorizer(authorize)


@hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
def permission_allowed(datasette: Any, action: str, resource: Any) -> bool | None:
    """Refuse Datasette's page of a hidden table, and list it nowhere."""
    site = SITES.get(datasette)
    hidden = site is not None and action == "view-table" and resource[0] == DATABASE and resource[1] in site.hidden
    return False if hidden else None


@hookimpl(hookwrapper=True)  # type: ignore[untyped-decorator]
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Iterator[None]:
    """Answer with our page alone. What nobody foresaw keeps its words to the log: they may name files.

    A wrapper, because Datasette asks every plugin and would print a traceback, with all variables, even for a page that is not there.
    """
    outcome: Any = yield
    site = SITES.get(datasette)
    if site is None:
        return
    status: int = getattr(exception, "status", 500)  # Datasette's own errors have one
    if status == 500:
        shown = exception if os.environ.get("PANTAU_DEBUG") else None
        logger.error(
            "page failed: path=%r error=%s: %s", request.path[:200], type(exception).__name__, exception, exc_info=shown
        )
    word = {404: "not_found", 403: "forbidden"}.get(status, "failed")
    outcome.force_result([lambda: _problem(datasette, request, site, word, status)])


def _page(name: str) -> Any:
    async def view(datasette: Any, request: Any) -> Any:
        site, form = SITES[datasette], request.url_vars.get("form")

        def asked(filters: Filters) -> Callable[[sqlite3.Connection], dict[str, Any] | None]:
            desk = pages.Desk(
                site.now(), site.zone, filters.lang or site.language, site.public, filters, export=bool(form)
            )
            if name == "story":
                return lambda conn: pages.story(conn, desk, int(request.url_vars["id"]))
            return lambda conn: {"stories": pages.stories, "coverage": pages.coverage}[name](conn, desk)

        return await _answered(datasette, request, site, f"pantau_{name}.html", form, asked)

    return view


async def _answered(datasette: Any, request: Any, site: Site, template: str, form: str | None, asked: Any) -> Any:
    """Return the page or the document, or a page that says what is wrong with the address."""
    try:
        filters = read_filters(request.args)
        context = await _read(datasette, asked(filters))
    except BadFilter as error:
        return await _problem(datasette, request, site, "bad_filter", 400, name=error.name, value=error.value[:100])
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
            raise
        return await _problem(datasette, request, site, "too_slow", 503)
    if context is None:
        return await _problem(datasette, request, site, "not_found", 404)
    if form:
        body = await asyncio.to_thread(write, form, context["heading"], context["records"])
        headers = {"content-disposition": f'inline; filename="pantau.{form}"', "cache-control": "no-cache"}
        return Response(body, headers=headers, content_type=FORMATS[form])
    return await _html(datasette, request, template, context)


async def _read(datasette: Any, asked: Callable[[sqlite3.Connection], T]) -> T:
    """Return what a page reads, in one transaction: its figures are of one moment."""

    def reading(conn: sqlite3.Connection) -> T:
        with sqlite_timelimit(conn, _LIMIT_MS):
            conn.execute("BEGIN")
            try:
                return asked(conn)
            finally:
                conn.execute("ROLLBACK")

    found: T = await datasette.get_database(DATABASE).execute_fn(reading)
    return found


async def _try(datasette: Any, request: Any) -> Any:
    site = SITES[datasette]
    try:
        filters = read_filters({"category": "all", **{name: request.args[name] for name in request.args}})
        desk = pages.Desk(site.now(), site.zone, filters.lang or site.language, site.public, filters)
        context = await asyncio.to_thread(pages.trial, site.database, desk, request.args.get("rule", ""))
    except BadFilter as error:
        return await _problem(datasette, request, site, "bad_filter", 400, name=error.name, value=error.value[:100])
    except trying.Busy:
        return await _problem(datasette, request, site, "busy", 503)
    return await _html(datasette, request, "pantau_try.html", context)


async def _html(datasette: Any, request: Any, template: str, context: dict[str, Any], status: int = 200) -> Any:
    text = await datasette.render_template(template, context, request=request)
    return Response.html(text, status=status, headers={"cache-control": "no-cache"})


async def _problem(datasette: Any, request: Any, site: Site, word: str, status: int, **values: str) -> Any:
    asked = request.args.get("lang", "")
    language = asked if asked in WORDS else site.language
    desk = pages.Desk(site.now(), site.zone, language, site.public, Filters(lang=asked if asked in WORDS else None))
    context = {**desk.frame("problem"), "message": WORDS[language][word].format(**values)}
    return await _html(datasette, request, "pantau_problem.html", context, status)
