"""The archive of answers, the evidence made of it, and reading it again (pipelines/archive.py, evidence.py, reprocessing.py)."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.errors import StoreUnwritable
from crawler.items import Page, response_of
from newsroom import Article, Newsroom, WebhookReceiver
from pipelines.archive import Archive, page_in
from pipelines.store import Store
from tests.conftest import Desk
from tests.pipelines.conftest import BODY, LATER, NOW, PLAN, SOURCES, article, report
from tests.test_scheduler import TEXT

SOURCE = "koransekanak"


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A crawl of all outlets with the archive on."""
    with Newsroom() as newsroom, WebhookReceiver() as receiver:
        desk = Desk(tmp_path_factory.mktemp("arsip"), newsroom, receiver)
        desk.configure()
        desk.config.write_text(
            desk.config.read_text("utf-8").replace("settings:\n", "settings:\n  archive: true\n", 1), "utf-8"
        )
        newsroom.publish(
            SOURCE, Article.of(SOURCE, "Lurah Dilaporkan karena Tidak Netral di Kampanye", TEXT, on_topic=True)
        )
        desk.crawl()
        yield desk


def records(desk: Desk) -> list[Any]:
    found = []
    for file in sorted((desk.database.parent / "pantau-archive").glob("*.warc.gz")):
        with file.open("rb") as stream:
            found += [
                (record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read())
                for record in ArchiveIterator(stream, check_digests=True)
            ]
    return found


def test_each_kept_article_s_answers_are_in_the_archive_with_their_hashes(archived: Desk) -> None:
    rows = archived.rows("SELECT e.*, a.title FROM evidence e JOIN articles a ON a.id = e.article_id")
    assert {row["article_id"] for row in rows} == {row["id"] for row in archived.rows()}
    written = records(archived)
    assert [kind for kind, *_ in written] == ["warcinfo"] + ["response"] * len(rows)
    assert {hashlib.sha256(body).hexdigest() for kind, _, body in written if kind == "response"} == {
        row["sha256"] for row in rows
    }
    archive = Archive(archived.database)
    for row in rows:
        record = (archive.folder / row["file"]).read_bytes()[row["offset"] :][: row["length"]]
        page = page_in(record)
        assert page.url == row["url"]
        assert row["title"].split()[0].encode() in page.body


def test_an_independent_tool_finds_the_archive_whole(archived: Desk) -> None:
    files = [str(path) for path in (archived.database.parent / "pantau-archive").iterdir()]
    done = subprocess.run(["warcio", "check", *files], capture_output=True, text=True, check=False, env=_path())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def _path() -> dict[str, str]:
    import os
    import sys

    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_evidence_is_one_zip_with_everything_and_hashes_that_hold(archived: Desk, tmp_path: Path) -> None:
    row = next(row for row in archived.rows() if row["title"].startswith("Lurah Dilaporkan"))
    target = tmp_path / "bukti.zip"
    done = archived.pantau("evidence", str(row["id"]), "--output", str(target))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(target) as found:
        files = {name: found.read(name) for name in found.namelist()}
    sums = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "SHA256SUMS"} == sums
    assert json.loads(files["article.json"])["url"] == row["url"]
    assert json.loads(files["explanation.json"])["state"] == "kept"
    assert TEXT[0] in files["article.txt"].decode()
    assert TEXT[0][:40].encode() in files["response-1.html"]
    assert json.loads(files["response-1.json"])["url"].startswith("http://")
    with gzip.open(io.BytesIO(files["responses.warc.gz"])) as stream:
        assert stream.read().startswith(b"WARC/1.1")
    assert archived.pantau("evidence", str(row["id"]), "--output", str(target)).returncode == 2
    assert archived.pantau("evidence", "999999").returncode == 2


def test_evidence_that_was_tampered_with_is_refused(archived: Desk, tmp_path: Path) -> None:
    copy = tmp_path / "pantau.db"
    archived.pantau("backup", str(copy))
    source = next((archived.database.parent / "pantau-archive").iterdir())
    (tmp_path / "pantau-archive").mkdir()
    row = archived.rows("SELECT * FROM evidence ORDER BY offset LIMIT 1")[0]
    data = bytearray(source.read_bytes())
    other = gzip.compress(b"x" * 50)[: row["length"]].ljust(row["length"], b"\0")
    data[row["offset"] : row["offset"] + row["length"]] = other
    (tmp_path / "pantau-archive" / source.name).write_bytes(data)
    done = archived.pantau("evidence", str(row["article_id"]), "--db", str(copy), "--output", str(tmp_path / "z.zip"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "z.zip").exists()


def test_reading_again_changes_nothing_and_mends_what_is_wrong_without_a_revision_or_an_alert(archived: Desk) -> None:
    done = archived.pantau("reprocess", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["looked_at"], record["changed_articles"], record["problems"]) == (len(archived.rows()), 0, [])
    before = {row["id"]: row for row in archived.rows()}
    alerts = archived.rows("SELECT count(*) AS n FROM alerts")
    victim = next(iter(before))
    db = sqlite3.connect(archived.database)
    db.execute("UPDATE articles SET category = 'data', body = 'Salah.', author = 'Orang Lain' WHERE id = ?", (victim,))
    db.commit()
    db.close()
    tried = json.loads(archived.pantau("reprocess", "--dry-run", "--json").stdout)
    assert tried["changed_articles"] == 1
    assert archived.rows("SELECT body FROM feed WHERE id = ?", victim) == [{"body": "Salah."}]
    assert "body: 1" in archived.pantau("reprocess").stdout
    after = {row["id"]: row for row in archived.rows()}
    assert {key: value for key, value in after[victim].items() if key != "seq"} == {
        key: value for key, value in before[victim].items() if key != "seq"
    }
    assert after[victim]["seq"] > before[victim]["seq"]
    assert archived.rows("SELECT * FROM revisions") == []
    assert archived.rows("SELECT count(*) AS n FROM alerts") == alerts


def warc_of(path: Path, pages: dict[str, str]) -> None:
    with path.open("wb") as out:
        writer = WARCWriter(out, gzip=True)
        for url, html in pages.items():
            head = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.0")
            writer.write_record(
                writer.create_warc_record(url, "response", io.BytesIO(html.encode()), http_headers=head)
            )


def test_a_foreign_file_brings_articles_of_configured_outlets_and_no_alerts(desk: Desk, tmp_path: Path) -> None:
    base = next(outlet.base_url for outlet in desk.newsroom.outlets if outlet.id == SOURCE)
    paragraphs = "".join(f"<p>{text}</p>" for text in TEXT)
    page = f"<html><head><title>Camat Lama Dilaporkan Tidak Netral</title></head><body><article><h1>Camat Lama Dilaporkan Tidak Netral</h1>{paragraphs}</article></body></html>"
    rain = (
        "<html><body><h1>Hujan</h1>"
        + "<p>Hujan turun di pasar sejak pagi dan warga berteduh.</p>" * 9
        + "</body></html>"
    )
    warc_of(
        tmp_path / "lama.warc.gz",
        {f"{base}/2019/camat-lama": page, f"{base}/2019/hujan": rain, "https://lain.example/x": page},
    )
    done = desk.pantau("reprocess", "--warc", str(tmp_path / "lama.warc.gz"), "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert [record[name] for name in ("looked_at", "kept", "off_topic", "other_outlets")] == [3, 1, 1, 1]
    assert [row["title"] for row in desk.rows()] == ["Camat Lama Dilaporkan Tidak Netral"]
    assert desk.rows("SELECT * FROM alerts") == []
    (tmp_path / "kosong.warc").write_bytes(b"this is no WARC at all" * 100)
    done = desk.pantau("reprocess", "--warc", str(tmp_path / "kosong.warc"))
    assert done.returncode == 2
    assert "is no WARC file" in done.stderr


# --------------------------------------------------------------------------------------------------------- the writer


def with_answer(path: str, body: str = BODY) -> Any:
    page = Page(f"https://satu.example/{path}", f"<html>{body}</html>".encode(), "text/html", NOW)
    return article(path, body=body, responses=(response_of(page),))


def test_what_a_crash_left_behind_is_never_cut_off_and_never_written_behind(tmp_path: Path) -> None:
    path = tmp_path / "pantau.db"
    with Store(path) as store:
        store.sync_sources(SOURCES)
        store.record(report(with_answer("a")), LATER, PLAN)
        folder = Archive(path).folder
        (file,) = folder.iterdir()
        with file.open("ab") as out:
            out.write(b"half a record")
        before = file.read_bytes()
        store.record(report(with_answer("b", BODY + " Lain.")), LATER, PLAN)
        assert file.read_bytes() == before
        assert sorted(found.name for found in folder.iterdir()) == [
            "pantau-2024-11-2.warc.gz",
            "pantau-2024-11.warc.gz",
        ]
        store.record(report(with_answer("c", BODY + " Lain lagi.")), LATER, PLAN)
        assert len(list(folder.iterdir())) == 2


def test_an_archive_that_cannot_be_written_leaves_nothing_stored(tmp_path: Path) -> None:
    path = tmp_path / "pantau.db"
    with Store(path) as store:
        store.sync_sources(SOURCES)
        Archive(path).folder.write_text("in the way", "utf-8")
        with pytest.raises(StoreUnwritable, match="archive cannot be written"):
            store.record(report(with_answer("a")), LATER, PLAN)
        assert store._conn.execute("SELECT count(*) FROM articles").fetchone() == (0,)
        Archive(path).folder.unlink()
        store.record(report(with_answer("a")), LATER, PLAN)
        edited = with_answer("a", BODY + "\n\nSebuah alinea tambahan tentang pemeriksaan.")
        store.record(report(edited, finished_at=LATER), LATER, PLAN)
        assert store._conn.execute("SELECT revision FROM evidence ORDER BY rowid").fetchall() == [(1,), (2,)]
