"""Quality and CPU of body extraction: ours beside trafilatura's modes (and others, where installed), in one run.

    python benchmarks/extraction.py CORPUS [--rounds 3] [--bodies OUT.jsonl]

CORPUS is a folder with gold.json ({id: {"articleBody": text, "url": address or null}}) and html/<id>.html or .html.gz.
Quality: precision and recall of 4-word shingles, mean over pages, and F1 of the two means; pages with a related-link
line that the gold body has not; pages whose first 90 characters are lost. CPU: process time of the whole step from text
to body and metadata, the best of the rounds, so that a busy machine disturbs it less.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipelines.clean import clean_page, decode_page

RELATED = re.compile(r"^\W*(yuk,?\s*)?(baca|simak|lihat|tonton)\s+(juga|video|selengkapnya)\b", re.IGNORECASE)
Extractor = Callable[[str, str], str]


def extractors() -> dict[str, Extractor]:
    """Return what can be compared on this machine, by name."""
    import trafilatura

    def ours(html: str, url: str) -> str:
        return "\n\n".join(clean_page(html, url).paragraphs)

    def by_trafilatura(**options: bool) -> Extractor:
        def run(html: str, url: str) -> str:
            found = trafilatura.bare_extraction(html, url=url, with_metadata=True, **options)
            return (found.text or "") if found else ""

        return run

    found: dict[str, Extractor] = {
        "ours": ours,
        "trafilatura default": by_trafilatura(),
        "trafilatura fast": by_trafilatura(fast=True),
        "trafilatura precision": by_trafilatura(favor_precision=True),
    }
    try:
        from lxml import html as lxml_html
        from readability import Document

        def readability(html: str, url: str) -> str:
            tree = lxml_html.fromstring(Document(html).summary())
            for element in tree.iter("p", "br", "div", "li", "h1", "h2", "h3", "h4"):
                element.tail = "\n" + (element.tail or "")
            return str(tree.text_content())

        found["readability-lxml"] = readability
    except ImportError:
        pass
    try:
        import newspaper

        def newspaper4k(html: str, url: str) -> str:
            article = newspaper.Article(url, language="id", fetch_images=False)
            article.download(input_html=html)
            article.parse()
            return str(article.text)

        found["newspaper4k"] = newspaper4k
    except ImportError:
        pass
    return found


def shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3))) if words else Counter()


def flat(text: str) -> str:
    return re.sub(r"\W+", " ", text).lower().strip()


def read_pages(corpus: Path) -> list[tuple[str, str, str, str]]:
    """Return (id, address, gold body, text of the page) of every page of the corpus."""
    gold = json.loads((corpus / "gold.json").read_text("utf-8"))
    pages = []
    for name, entry in sorted(gold.items()):
        packed, plain = corpus / "html" / f"{name}.html.gz", corpus / "html" / f"{name}.html"
        raw = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
        pages.append((name, entry.get("url") or "https://news.example/article", entry["articleBody"], decode_page(raw)))
    return pages


def score(pages: list[tuple[str, str, str, str]], bodies: list[str]) -> tuple[float, float, float, int, int]:
    """Return precision, recall, F1, pages with leaked related links, pages with the lead lost."""
    precision = recall = 0.0
    leaked = lost = 0
    for (_, _, gold, _), body in zip(pages, bodies, strict=True):
        want, got = shingles(gold), shingles(body)
        hit = sum((want & got).values())
        precision += hit / sum(got.values()) if got else float(not want)
        recall += hit / sum(want.values()) if want else float(not got)
        lines = body.splitlines()
        leaked += any(RELATED.match(line) and flat(line) not in flat(gold) for line in lines)
        lost += flat(gold)[:90] not in flat(body)
    p, r = precision / len(pages), recall / len(pages)
    return p, r, 2 * p * r / (p + r) if p + r else 0.0, leaked, lost


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality and CPU of body extraction")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bodies", type=Path, help="write our bodies here, one JSON object a line")
    options = parser.parse_args()
    pages = read_pages(options.corpus)
    print(f"{len(pages)} pages, {sum(len(p[3]) for p in pages) // len(pages) // 1024} KB each")
    print(f"{'':24s} {'F1':>6s} {'P':>6s} {'R':>6s} {'leaks':>6s} {'leads lost':>10s} {'CPU ms/page':>12s}")
    for name, extract in extractors().items():
        best = float("inf")
        bodies: list[str] = []
        extract(pages[0][3], pages[0][1])  # imports and rule tables are no page's cost
        for _ in range(options.rounds):
            started = time.process_time()
            bodies = [extract(html, url) for _, url, _, html in pages]
            best = min(best, time.process_time() - started)
        p, r, f1, leaked, lost = score(pages, bodies)
        print(f"{name:24s} {f1:6.3f} {p:6.3f} {r:6.3f} {leaked:6d} {lost:10d} {1000 * best / len(pages):12.1f}")
        if name == "ours" and options.bodies:
            rows = [json.dumps({"id": page[0], "body": body}) for page, body in zip(pages, bodies, strict=True)]
            options.bodies.write_text("\n".join(rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()
