from __future__ import annotations

import re
import signal
import socket
import sqlite3
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from cli import main
from crawler.errors import StoreUnusable
from tests.conftest import Desk, end
from tests.web.conftest import visiting
from tests.web.press import NOW, Press, stamped
from web.plugin import Site
from web.serving import application

CANARY = "KENARI-RAHASIA"


def hide_canaries(press: Press) -> None:
    """Put a canary wherever the public must not see one."""
    _, story = press.article("Kasus", rules=f'["{CANARY}-aturan"]')
    rule = f'{{"rule": "{CANARY}-aturan", "term": "{CANARY}", "text": "netralitas", "start": 1, "end": 4, "field": "body"}}'
    with press.writing() as db:
        db.execute(
            "UPDATE articles SET matches = '[' || ? || ',' || substr(matches, 2), cut = ?, fetched_url = ?, etag = ?",
            (rule, f'["{CANARY}"]', CANARY, CANARY),
        )
        db.execute(
            "INSERT INTO alerts (id, type, channel, story_id, article_id, subject, payload, created_at, error) VALUES (?, 'x', ?, ?, 1, 'x', ?, ?, ?)",
            (CANARY, CANARY, story, CANARY, stamped(NOW), CANARY),
        )
        db.execute("INSERT INTO channels (id, error) VALUES (?, ?)", (CANARY, CANARY))
        db.execute("INSERT INTO marks VALUES (?, ?)", (CANARY, CANARY))
        db.execute("INSERT INTO habits VALUES ('satu', ?, ?)", (CANARY, CANARY))
        db.execute("INSERT OR REPLACE INTO memories VALUES ('satu', ?)", (f'{{"x": "{CANARY}"}}',))


def hide_errors(press: Press) -> None:
    with press.writing() as db:
        db.execute("UPDATE sources SET error = ?, outcome = ?", (CANARY, CANARY))


async def crawl(site: Site, most: int = 200) -> dict[str, str]:
    """Return every page that is linked from the first one, by its path; outlets are not followed."""
    found: dict[str, str] = {}
    waiting = [
        "/",
        "/coverage",
        "/try",
        "/data",
        "/-/databases.json",
        "/-/metadata.json",
        "/-/plugins.json",
        "/data.json?sql=select+*+from+feed",
    ]
    async with visiting(site) as client:
        while waiting and len(found) < most:
            path = waiting.pop(0)
            answer = await client.get(path)
            found[path] = answer.text + str(answer.headers)
            here = path.partition("?")[0]
            for link in re.findall(r'(?:href|src)="([^"]+)"', answer.text):
                link = link.replace("&amp;", "&").partition("#")[0]
                link = here + link if link.startswith("?") else link
                if link.startswith("/") and not link.startswith("//") and link not in found and link not in waiting:
                    waiting.append(link)
    return found


async def test_no_page_of_the_public_copy_holds_a_canary(press: Press, site: Site) -> None:
    hide_canaries(press)
    hide_errors(press)
    pages = await crawl(replace(site, public=True))
    assert len(pages) > 80
    assert {"/story/1", "/stories.csv", "/coverage.json"} <= pages.keys()
    assert [path for path, text in pages.items() if CANARY in text] == []


async def test_datasette_s_own_pages_hold_no_canary_of_the_hidden_tables(press: Press, site: Site) -> None:
    hide_canaries(press)
    with press.writing() as db:  # rules and cuts are columns of what may be read on this machine
        db.execute("UPDATE articles SET rules = '[]', matches = '[]', cut = '[]', fetched_url = url, etag = NULL")
    pages = await crawl(site)
    assert any(path.startswith("/data/feed") for path in pages)
    assert [path for path, text in pages.items() if CANARY in text] == []


@pytest.mark.parametrize(
    "sql",
    [
        "select * from alerts",
        "select payload from main.alerts",
        "select (select id from channels) from feed",
        "with x as (select memory from memories) select * from x",
        "select id from sources union select id from alerts",
        "attach '/etc/passwd' as p",
        "select * from feed where id in (select length(payload) from alerts)",
    ],
)
async def test_sql_that_a_visitor_types_reads_no_hidden_table(press: Press, site: Site, sql: str) -> None:
    hide_canaries(press)
    async with visiting(site) as client:
        answer = await client.get("/data.json", params={"sql": sql, "_shape": "objects"})
        fine = await client.get("/data.json", params={"sql": "select id, title from feed"})
    assert answer.status_code in (400, 403)
    assert CANARY not in answer.text
    assert fine.json()["rows"] == [[1, "Kasus"]]


@pytest.mark.parametrize("table", ["alerts", "channels", "memories", "habits", "marks"])
async def test_a_hidden_table_has_no_page_and_is_listed_nowhere(press: Press, site: Site, table: str) -> None:
    async with visiting(site) as client:
        assert (await client.get(f"/data/{table}")).status_code == 403
        assert f"/data/{table}" not in (await client.get("/data")).text


async def test_the_public_page_has_no_sql_no_tables_and_no_rules(press: Press, site: Site) -> None:
    async with visiting(replace(site, public=True)) as client:
        for path in (
            "/data",
            "/data.json?sql=select+1",
            "/data/feed",
            "/try",
            "/-/settings",
            "/-/databases.json",
            "/data.db",
            "/static/../serving.py",
        ):
            assert (await client.get(path)).status_code == 404, path
        first = (await client.get("/")).text
    assert "/try" not in first
    assert "/data" not in first


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/story/1",
        "/coverage",
        "/try",
        "/data",
        "/data/feed",
        "/nix",
        "/static/pantau.css",
        "/stories.json",
        "/?region=x",
    ],
)
async def test_every_answer_forbids_scripts_of_others(press: Press, site: Site, path: str) -> None:
    press.article()
    async with visiting(site) as client:
        headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8001", "evil.example:127.0.0.1", ""])
async def test_a_page_elsewhere_cannot_have_its_name_point_here(press: Press, site: Site, host: str) -> None:
    async with visiting(site) as client:
        assert (await client.get("/", headers={"host": host})).status_code == 421
        for ours in ("localhost:8001", "127.0.0.1", "[::1]:8001"):
            assert (await client.get("/", headers={"host": ours})).status_code == 200
    async with visiting(replace(site, public=True)) as client:
        assert (await client.get("/", headers={"host": "pantau.example"})).status_code == 200


async def test_nothing_can_be_posted(press: Press, site: Site) -> None:
    async with visiting(site) as client:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert (await client.request(method, "/")).status_code == 405


def test_an_error_of_ours_shows_no_words_of_it(
    press: Press, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import asyncio

    def broken(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("web.pages.coverage", broken)

    async def asked() -> str:
        async with visiting(site) as client:
            answer = await client.get("/coverage")
            assert answer.status_code == 500
            return answer.text

    assert CANARY not in asyncio.run(asked())
    assert CANARY in caplog.text


async def test_a_query_that_takes_too_long_is_stopped(
    press: Press, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(conn: sqlite3.Connection, _: object) -> None:
        conn.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")

    monkeypatch.setattr("web.plugin._LIMIT_MS", 50)
    monkeypatch.setattr("web.pages.coverage", endless)
    async with visiting(site) as client:
        answer = await client.get("/coverage")
    assert answer.status_code == 503
    assert "terlalu lama" in answer.text


def test_without_a_database_it_says_what_other_commands_say(tmp_path: Path, site: Site) -> None:
    with (
        pytest.raises(StoreUnusable, match="does not exist yet"),
        application(replace(site, database=tmp_path / "nichts.db")),
    ):
        pass


# ------------------------------------------------------------------------------------------------ the command


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_serve_answers_until_it_is_told_to_end(desk: Desk, press: Press) -> None:
    press.article("Kasus dari baris perintah", hours_ago=0)
    port = free_port()
    process = desk.start("serve", "--db", str(press.path), "--port", str(port))
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/?period=all", timeout=5) as answer:
                    assert "Kasus dari baris perintah" in answer.read().decode()
                    break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
        assert process.returncode == 0, out
        assert "Traceback" not in out
    finally:
        end(process)


def test_serve_says_plainly_what_is_in_its_way(
    press: Press, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> tuple[int, str]:
        status = main(["serve", "--config", str(tmp_path / "no.yaml"), *arguments])
        return status, capsys.readouterr().err

    status, error = said("--db", str(tmp_path / "nothing.db"), "--port", str(free_port()))
    assert status == 1
    assert "nothing.db does not exist yet: `pantau crawl` or `pantau run` makes it" in error
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, error = said("--db", str(press.path), "--port", str(taken.getsockname()[1]))
    assert status == 2
    assert "cannot be listened on: Address already in use; --port names another" in error
    status, error = said("--db", str(press.path), "--host", "0.0.0.0")
    assert status == 2
    assert "this machine alone" in error
