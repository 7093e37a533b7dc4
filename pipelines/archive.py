"""The responses behind kept articles, as WARC files beside the database: one a month, appended to by the one writer.

A record is written and synced before the transaction that names it commits. Nothing that was written is ever cut off: where a
file goes on behind its last known record (a crash, an older database put back), another one is begun. Tests:
tests/pipelines/test_archive.py.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import BufferWARCWriter

from crawler.items import Page, Response

# What is said of the bytes as they were sent, and no longer true of the body as it is kept.
_OF_TRANSPORT = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"})
_SOFTWARE = {"software": "pantau-asn", "format": "WARC File Format 1.1"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: its file's name, and its bytes in it. `sha256` is of the response's body."""

    file: str
    offset: int
    length: int
    sha256: str


class Archive:
    """The folder `archive` beside a database."""

    def __init__(self, database: Path) -> None:
        self.folder = database.parent / f"{database.stem}-archive"

    def append(self, response: Response, known_end: Callable[[str], int], now: datetime) -> Place:
        """Write a response to this month's file and sync it; return where it stands.

        `known_end`: where the last record that is known of a file ends, 0 where none is. Raises OSError; then nothing of it stays.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._file(known_end, now)
        body = response.content()
        with (self.folder / file).open("ab") as out:
            begin = out.tell()
            try:
                if begin == 0:
                    out.write(_info(file))
                offset = out.tell()
                record = _record(response, body)
                out.write(record)
                out.flush()
                os.fsync(out.fileno())
            except OSError:
                os.ftruncate(out.fileno(), begin)
                raise
        return Place(file, offset, len(record), hashlib.sha256(body).hexdigest())

    def _file(self, known_end: Callable[[str], int], now: datetime) -> str:
        for number in itertools.count(1):
            file = f"pantau-{now.astimezone(UTC):%Y-%m}{f'-{number}' if number > 1 else ''}.warc.gz"
            path = self.folder / file
            if (path.stat().st_size if path.exists() else 0) == known_end(file):
                return file
        raise AssertionError("unreachable: some number is free")

    def read(self, place: Place) -> bytes:
        """Return a record's bytes, a gzip member of its own. Raises OSError, ValueError where the file is shorter."""
        with (self.folder / place.file).open("rb") as source:
            source.seek(place.offset)
            found = source.read(place.length)
        if len(found) != place.length:
            raise ValueError(f"{place.file} ends before the record at {place.offset}")
        return found


def page_in(record: bytes) -> Page:
    """Return the answer in one WARC record of ours. Raises ValueError where there is none."""
    for found in ArchiveIterator(io.BytesIO(record)):
        return _page(found)
    raise ValueError("no WARC record where one should be")


def pages_in(stream: io.BufferedIOBase | io.BytesIO) -> Iterator[Page]:
    """Yield the HTML answers with status 200 of a WARC file, ours or anybody's. Raises ArchiveLoadFailed for something else."""
    for record in ArchiveIterator(stream):
        if (
            record.rec_type != "response"
            or record.http_headers is None
            or record.http_headers.get_statuscode() != "200"
        ):
            continue
        if "html" in (record.http_headers.get_header("Content-Type") or "").lower():
            yield _page(record)


def check_warc(stream: io.BufferedReader) -> None:
    """Raise ArchiveLoadFailed, EOFError or BadGzipFile where a file does not begin as a WARC file does; else leave it at its start."""
    begins = stream.read(5)
    stream.seek(0)
    if begins[:2] == b"\x1f\x8b":
        with gzip.open(stream) as unpacked:
            begins = unpacked.read(5)
        stream.seek(0)
    if begins != b"WARC/":
        raise ArchiveLoadFailed("it does not begin with WARC/")


def _page(record: ArcWarcRecord) -> Page:
    at = datetime.fromisoformat(record.rec_headers.get_header("WARC-Date").replace("Z", "+00:00"))
    kind = record.http_headers.get_header("Content-Type") or ""
    return Page(record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read(), kind, at)


def _record(response: Response, body: bytes) -> bytes:
    writer = BufferWARCWriter(gzip=True, warc_version="WARC/1.1")
    kept = [(name, value) for name, value in response.headers.items() if name.lower() not in _OF_TRANSPORT]
    head = StatusAndHeaders(str(response.status), [*kept, ("content-length", str(len(body)))], protocol="HTTP/1.1")
    stamp = response.fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    record = writer.create_warc_record(
        response.url, "response", io.BytesIO(body), http_headers=head, warc_headers_dict={"WARC-Date": stamp}
    )
    writer.write_record(record)
    found: bytes = writer.get_contents()
    return found


def _info(file: str) -> bytes:
    writer = BufferWARCWriter(gzip=True, warc_version="WARC/1.1")
    writer.write_record(writer.create_warcinfo_record(file, _SOFTWARE))
    found: bytes = writer.get_contents()
    return found
