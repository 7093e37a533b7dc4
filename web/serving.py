"""A Datasette with our plugin in it, the guard in front, and the socket it listens on.

`listen` first, so that a port that is taken is known before anything is read. Tests: tests/web/test_serving.py.
"""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from datasette.app import Datasette
from datasette.database import Database
from datasette.plugins import pm

from pipelines.reader import Reader
from web import plugin, queries
from web.plugin import DATABASE, READABLE, Site
from web.publishing import publish

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
_OUR_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises OSError where the port is taken or the address is not this machine's."""
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


@contextlib.contextmanager
def application(site: Site) -> Iterator[App]:
    """Yield the page as an ASGI application; `site.public`: over a copy that is made now and removed afterwards.

    Raises StoreUnusable where there is no database of ours.
    """
    with Reader(site.database):
        pass
    with contextlib.ExitStack() as stack:
        served = site.database
        if site.public:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pantau-public-"))
            served = Path(folder) / "pantau.db"
            publish(site.database, served)
        datasette = _datasette(site, served)
        stack.callback(datasette.get_database(DATABASE).close)
        yield guarded(datasette.app(), public=site.public)


def serve(site: Site, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` is called before the first answer. Raises StoreUnusable."""
    with application(site) as app, contextlib.suppress(KeyboardInterrupt):
        on_ready()
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listening])


def _datasette(site: Site, served: Path) -> Any:
    if not pm.is_registered(plugin):
        pm.register(plugin, name="pantau")
    here = Path(__file__).parent
    with contextlib.closing(sqlite3.connect(f"{served.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        hidden = queries.tables(conn) - READABLE
    datasette = Datasette(
        files=[],
        metadata={"title": "pantau"},
        template_dir=str(here / "templates"),
        static_mounts=[("static", str(here / "static"))],
        settings={"allow_download": False, "max_returned_rows": 1000, "sql_time_limit_ms": 2000},
    )
    datasette.remove_database("_memory")  # it would let anybody attach a file of this machine
    datasette.add_database(Database(datasette, path=str(served), is_mutable=not site.public), name=DATABASE)
    plugin.SITES[datasette] = replace(site, hidden=hidden)
    return datasette


def guarded(app: App, *, public: bool) -> App:
    """Return the application behind what every request and every answer goes through.

    On this machine only its own names are answered: a page elsewhere that has its name point to 127.0.0.1 could read ours else (DNS
    rebinding). The public page answers our own paths alone; Datasette's would tell of the machine.
    """

    async def guard(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _refuse(send, 405, "GET")
        elif not public and _host(scope) not in _OUR_HOSTS:
            await _refuse(send, 421, "http://127.0.0.1")
        elif public and not plugin.is_ours(scope["path"]):
            await _refuse(send, 404, "404")
        else:
            await app(scope, receive, _with_headers(send))

    return guard


def _host(scope: Scope) -> str:
    host: str = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _with_headers(send: Any) -> Any:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name.lower().decode() not in _HEADERS]
            ours = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
            message = {**message, "headers": kept + ours}
        await send(message)

    return sending


async def _refuse(send: Any, status: int, text: str) -> None:
    sending = _with_headers(send)
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await sending({"type": "http.response.start", "status": status, "headers": headers})
    await sending({"type": "http.response.body", "body": text.encode()})
