"""One article as a file that can be kept and shown: what is stored, every wording, the responses behind them, hashes.

Reads the database and the archive, writes one zip. Tests: tests/test_reprocessing.py.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawler.errors import StoreUnusable, UsageError
from pipelines.archive import Archive, Place, page_in
from pipelines.explaining import explain
from pipelines.reader import Reader, Row
from pipelines.render import feed_record

_ABOUT = """\
Article {id}: {title}
{url}

Collected by pantau-asn on {now} from the database of the watch. All times are UTC.

article.json        everything stored of the article
article.txt         title and text as stored; SHA-256 of the text alone: {content_sha256}
explanation.json    why it was kept: what matched in which sentence, its category and place with the evidence
revision-N.txt      earlier wordings
response-N.html     the body of an answer of the outlet's server, decompressed, otherwise as it came
response-N.json     address, time, headers, SHA-256 of that body, and where it stands in the archive
responses.warc.gz   the same answers as WARC records (ISO 28500), as they were written when they were fetched
SHA256SUMS          SHA-256 of every other file: sha256sum -c SHA256SUMS

{responses}
"""
_WITHOUT = "There are no responses: `archive` was off in sources.yaml when the article was fetched."
_WITH = "The hashes show that a file was not changed since it was collected. They do not show by themselves when or by whom it was."


def gather(database: Path, article_id: int, target: Path, now: datetime) -> list[str]:
    """Write the zip; return the names of its files. Raises UsageError for an article or target that cannot be, StoreError."""
    if target.exists():
        raise UsageError(f"{target} exists; evidence overwrites nothing")
    with Reader(database) as reader:
        row = reader.whole_article(article_id)
        if row is None:
            raise UsageError(f"no article {article_id}; `pantau articles --json` shows ids")
        files = _files(reader, row, Archive(database), now)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    files["SHA256SUMS"] = sums.encode()
    part = target.with_name(f"{target.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as out:
            for name, data in files.items():
                out.writestr(zipfile.ZipInfo(name, now.astimezone(UTC).timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
        part.rename(target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return list(files)


def _files(reader: Reader, row: Row, archive: Archive, now: datetime) -> dict[str, bytes]:
    article = reader.article_at(row["url"])
    assert article is not None
    files = {
        "article.json": _json(feed_record(article)),
        "article.txt": f"{row['title']}\n\n{row['body']}\n".encode(),
        "explanation.json": _json(explain(reader, row["url"])),
    }
    for old in reader.revisions_of(row["id"]):
        text = f"{old['title']}\n\n{old['body']}\n\nReplaced: seen {old['seen_at']}. SHA-256 of the text: {old['content_sha256']}\n"
        files[f"revision-{old['revision']}.txt"] = text.encode()
    records = []
    for number, found in enumerate(reader.evidence_of(row["id"]), 1):
        record = _record(archive, found)
        page = page_in(record).body
        if hashlib.sha256(page).hexdigest() != found["sha256"]:
            raise StoreUnusable(
                f"{archive.folder / found['file']} was changed: the body at {found['offset']} has another hash"
            )
        records.append(record)
        files[f"response-{number}.html"] = page
        files[f"response-{number}.json"] = _json(dict(found))
    if records:
        files["responses.warc.gz"] = b"".join(records)
    about = _ABOUT.format(**{**row, "now": f"{now:%Y-%m-%dT%H:%M:%SZ}", "responses": _WITH if records else _WITHOUT})
    return {"README.txt": about.encode(), **files}


def _record(archive: Archive, found: Row) -> bytes:
    try:
        return archive.read(Place(found["file"], found["offset"], found["length"], found["sha256"]))
    except (OSError, ValueError) as error:
        raise StoreUnusable(f"the archive cannot be read: {error}") from error


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n").encode()
