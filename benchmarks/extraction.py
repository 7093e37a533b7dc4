"""Quality and CPU of extraction: ours beside trafilatura's modes, readability-lxml and newspaper4k, in one run.

    make bench-extraction CORPUS=DIR        or  python -m benchmarks.extraction DIR [--rounds 3] [--report FILE]

Two kinds of pages. DIR (one or more) is a folder with gold.json ({id: {"articleBody": text, "url": address or null}}) and
html/<id>.html or .html.gz: pages of others, never part of this project. The others are our own golden pages, which also
have authors and minutes. Quality: precision and recall of 4-word shingles, mean over pages, and F1 of the two means;
pages with a related-link line that the gold body has not; pages whose first 90 characters are lost. CPU: process time
of the whole step from text to body, title, author and dates (readability: body and title alone), the best of the
rounds, so that a busy machine disturbs it less. Writes docs/extraction.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipelines.clean import clean_page, decode_page
from tests.outlets.golden import families, read_golden

ROOT = Path(__file__).resolve().parents[1]
RELATED = re.compile(r"^\W*(yuk,?\s*)?(baca|simak|lihat|tonton)\s+(juga|video|selengkapnya)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sample:
    """One page. `author` and `minute` (UTC, "2024-11-13T01:04") are None where the set does not know them."""

    name: str
    url: str
    html: str
    body: str
    author: str | None = None
    minute: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What an extractor says of a page; None where it says nothing."""

    body: str
    author: str | None = None
    minute: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """`leaks`, `lost`: pages. `authors`, `minutes`: how many of those known are right."""

    precision: float
    recall: float
    f1: float
    leaks: int
    lost: int
    authors: int
    minutes: int


Extractor = Callable[[str, str], Found]


def minute(at: datetime | None) -> str | None:
    """Return a moment as UTC to the minute; one without a zone is taken as it stands."""
    if at is None:
        return None
    return (at.astimezone(UTC) if at.tzinfo else at).strftime("%Y-%m-%dT%H:%M")


def ours(html: str, url: str) -> Found:
    page = clean_page(html, url)
    return Found("\n\n".join(page.paragraphs), page.author, minute(page.published_at))


def by_trafilatura(**options: bool) -> Extractor:
    import trafilatura

    # Its default keeps the day alone; this asks for all it can give
    dates = {"original_date": True, "extensive_search": True, "outputformat": "%Y-%m-%dT%H:%M:%S%z"}

    def run(html: str, url: str) -> Found:
        found = trafilatura.bare_extraction(html, url=url, with_metadata=True, date_extraction_params=dates, **options)
        if found is None:
            return Found("")
        try:
            at = datetime.fromisoformat(found.date) if found.date else None
        except ValueError:
            at = None
        return Found(found.text or "", found.author, minute(at))

    return run


def by_readability() -> Extractor:
    from lxml import html as lxml_html
    from readability import Document

    def run(html: str, url: str) -> Found:
        tree = lxml_html.fromstring(Document(html, url=url).summary())
        for element in tree.iter("p", "br", "div", "li", "h1", "h2", "h3", "h4"):
            element.tail = "\n" + (element.tail or "")
        return Found(str(tree.text_content()))

    return run


def by_newspaper() -> Extractor:
    import newspaper

    def run(html: str, url: str) -> Found:
        article = newspaper.Article(url, language="id", fetch_images=False)
        article.download(input_html=html)
        article.parse()
        return Found(str(article.text), ", ".join(article.authors) or None, minute(article.publish_date))

    return run


def extractors() -> dict[str, Extractor]:
    """Return what can be compared on this machine, by name and version."""
    warnings.simplefilter("ignore")
    theirs = f"trafilatura {version('trafilatura')}"
    found: dict[str, Extractor] = {
        "pantau-asn": ours,
        f"{theirs} default": by_trafilatura(),
        f"{theirs} fast": by_trafilatura(fast=True),
        f"{theirs} precision": by_trafilatura(favor_precision=True),
    }
    for name, make in (("readability-lxml", by_readability), ("newspaper4k", by_newspaper)):
        try:
            found[f"{name} {version(name)}"] = make()
        except ImportError:
            print(f"{name} is not installed: pip install 'pantau-asn[bench]'")
    return found


def shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3))) if words else Counter()


def flat(text: str) -> str:
    return re.sub(r"\W+", " ", text).lower().strip()


def read_corpus(corpus: Path) -> list[Sample]:
    """Return every page of a folder with gold bodies."""
    gold = json.loads((corpus / "gold.json").read_text("utf-8"))
    pages = []
    for name, entry in sorted(gold.items()):
        packed, plain = corpus / "html" / f"{name}.html.gz", corpus / "html" / f"{name}.html"
        raw = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
        url = entry.get("url") or "https://news.example/article"
        pages.append(Sample(name, url, decode_page(raw), entry["articleBody"]))
    return pages


def golden_samples() -> list[Sample]:
    """Return our own golden pages."""
    pages = []
    for family in families():
        golden = read_golden(family)
        known = golden.expected
        body = "\n\n".join(known["paragraphs"])
        at = known["published_at"].rstrip("Z")
        pages.append(Sample(family, known["url"], golden.html, body, known["author"], at))
    return pages


def score(samples: list[Sample], found: list[Found]) -> Score:
    """Return how well the pages were read."""
    precision = recall = 0.0
    leaks = lost = authors = minutes = 0
    for sample, got in zip(samples, found, strict=True):
        want, have = shingles(sample.body), shingles(got.body)
        hit = sum((want & have).values())
        precision += hit / sum(have.values()) if have else float(not want)
        recall += hit / sum(want.values()) if want else float(not have)
        gold = flat(sample.body)
        leaks += any(RELATED.match(line) and flat(line) not in gold for line in got.body.splitlines())
        lost += gold[:90] not in flat(got.body)
        authors += sample.minute is not None and flat(sample.author or "") == flat(got.author or "")
        minutes += sample.minute is not None and sample.minute == got.minute
    p, r = precision / len(samples), recall / len(samples)
    return Score(p, r, 2 * p * r / (p + r) if p + r else 0.0, leaks, lost, authors, minutes)


def measure(samples: list[Sample], extract: Extractor, rounds: int) -> tuple[Score, float, list[Found]]:
    """Return the score, the milliseconds of CPU a page (best round), and what was found."""
    best = float("inf")
    found: list[Found] = []
    extract(samples[0].html, samples[0].url)  # imports and rule tables are no page's cost
    for _ in range(rounds):
        started = time.process_time()
        found = [extract(sample.html, sample.url) for sample in samples]
        best = min(best, time.process_time() - started)
    return score(samples, found), 1000 * best / len(samples), found


def shape(samples: list[Sample]) -> str:
    """Return how large a set is, in words."""
    return f"{len(samples)} pages, {sum(len(s.html) for s in samples) // len(samples) // 1024} KB each"


def table(samples: list[Sample], rows: dict[str, tuple[Score, float]]) -> str:
    """Return a Markdown table of one set."""
    known = sum(1 for sample in samples if sample.minute)
    head = ["extractor", "F1", "P", "R", "pages with a leaked link", "leads lost", "CPU ms/page", "of ours"]
    head += [f"authors right (of {known})", f"minutes right (of {known})"] if known else []
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    base = rows["pantau-asn"][1]
    for name, (got, cpu) in rows.items():
        cells = [name, f"{got.f1:.3f}", f"{got.precision:.3f}", f"{got.recall:.3f}", str(got.leaks), str(got.lost)]
        cells += [f"{cpu:.1f}", f"{cpu / base:.1f} ×"]
        silent = name.startswith("readability")
        cells += ["–", "–"] if known and silent else [str(got.authors), str(got.minutes)] if known else []
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


REPORT = """# Extraction, measured

Made by `make bench-extraction CORPUS=DIR` on {day}; do not edit. All in one run and one process, one core, the best of
{rounds} rounds. What the columns mean and how they are counted stands at the top of `benchmarks/extraction.py`.

## Real pages with gold bodies

They belong to their publishers and are not part of this project. Means over pages: differences below .01 mean little.

{corpus}

## Our own golden pages: {families}

`tests/outlets`: written by us in the markup of Indonesian outlets, so ours must be exact here, and is held to it by
`tests/quality/gate.json`. For the others it shows what these layouts do to a general extractor. Authors: the reporter
alone; a brand, a desk or the editor is wrong. Minutes: published, in UTC. trafilatura and newspaper4k are asked for all
the date they can give; readability-lxml gives neither.

{golden}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality and CPU of extraction")
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "extraction.md")
    parser.add_argument("--bodies", type=Path, help="write our bodies here, one JSON object a line")
    options = parser.parse_args()
    sets = [*(read_corpus(corpus) for corpus in options.corpus), golden_samples()]
    tables = []
    for samples in sets:
        rows: dict[str, tuple[Score, float]] = {}
        for name, extract in extractors().items():
            got, cpu, found = measure(samples, extract, options.rounds)
            rows[name] = (got, cpu)
            if name == "pantau-asn" and options.bodies and samples is sets[0]:
                lines = [json.dumps({"id": s.name, "body": f.body}) for s, f in zip(samples, found, strict=True)]
                options.bodies.write_text("\n".join(lines) + "\n", "utf-8")
        tables.append(table(samples, rows))
        print(f"{len(samples)} pages\n{tables[-1]}\n")
    parts = [
        f"### {corpus.name}: {shape(samples)}\n\n{made}"
        for corpus, samples, made in zip(options.corpus, sets, tables, strict=False)
    ]
    report = REPORT.format(
        day=datetime.now(UTC).date().isoformat(),
        rounds=options.rounds,
        corpus="\n\n".join(parts),
        families=shape(sets[-1]),
        golden=tables[-1],
    )
    options.report.write_text(report, "utf-8")


if __name__ == "__main__":
    main()
