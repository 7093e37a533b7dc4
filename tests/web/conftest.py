"""A press to fill, the page as a client sees it, and a real browser where there is one."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import uvicorn

from tests.web.press import NOW, Press
from web.plugin import Site
from web.serving import application, listen

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
ZONE = ZoneInfo("Asia/Jakarta")


@pytest.fixture
def press(tmp_path: Path) -> Press:
    return Press(tmp_path / "pantau.db")


@pytest.fixture
def site(press: Press) -> Site:
    return Site(press.path, ZONE, now=lambda: NOW)


@contextlib.asynccontextmanager
async def visiting(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the page, without a socket."""
    with application(site) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8001") as client:
            yield client


@contextlib.contextmanager
def running(site: Site) -> Iterator[str]:
    """Serve the page on loopback; yield its address."""
    listening: socket.socket = listen("127.0.0.1", 0)
    with listening, application(site) as app:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < deadline, "the page was not served in time"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


# One a module: while it runs, no test of the module can be async.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a page of its own; whatever it says on the console or asks of another host fails the test."""
    wrong: list[str] = []
    contexts = []

    def said(message: Any) -> bool:
        # A page that answers 400 on purpose is no error of the page's.
        return message.type in ("error", "warning") and "status of 400" not in message.text

    def opened(url: str, **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said(message) and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append("a dialog opened"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: None if request.url.startswith("http://127.0.0.1:") else wrong.append(request.url),
        )
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
