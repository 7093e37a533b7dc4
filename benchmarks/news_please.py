"""news-please, in two ways. Run by benchmarks.throughput in an environment that has it.

    python -m benchmarks.news_please crawler FOLDER FEED…     its program as it comes: Scrapy processes, its pipelines, a JSON file an article
    python -m benchmarks.news_please library FOLDER FEED…     its library: threads fetch, a process for each core extracts; our SQLite

Both are spared the search for feeds and articles: they are handed the articles' addresses. Its program knows no topic and keeps all.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import newsplease
from lxml import etree

from benchmarks.topic import TABLE, TOPIC

BATCH = 200  # addresses handed to the library at a time: it keeps all of their pages in memory


def addresses(feed: str) -> list[str]:
    with urllib.request.urlopen(feed) as answer:
        root = etree.fromstring(answer.read())
    return [link.strip() for link in root.xpath("//item/link/text()")]


def crawler(folder: Path, feeds: list[str]) -> None:
    """Let its program download every outlet's articles, by its own settings but for where the files go and what it logs."""
    settings = (Path(newsplease.__file__).parent / "config" / "config.cfg").read_text("utf-8")
    settings = settings.replace("~/news-please-repo/", f"{folder}/kept/").replace(
        "LOG_LEVEL = INFO", "LOG_LEVEL = ERROR"
    )
    (folder / "config.cfg").write_text(settings, "utf-8")
    sites = {"base_urls": [{"crawler": "Download", "url": addresses(feed)} for feed in feeds]}
    (folder / "sitelist.hjson").write_text(json.dumps(sites), "utf-8")
    subprocess.run([sys.executable, "-m", "newsplease", "-c", str(folder)], check=True)


def library(folder: Path, feeds: list[str]) -> None:
    """Let its library fetch and extract, and keep what is on topic."""
    db = sqlite3.connect(folder / "kept.db")
    db.execute(TABLE)
    urls = [url for feed in feeds for url in addresses(feed)]
    for place in range(0, len(urls), BATCH):
        batch = urls[place : place + BATCH]
        found = newsplease.NewsPlease.from_urls(batch, request_args={"timeout": 30}, fetch_images=False)
        for url, article in found.items():
            text = f"{article.title}\n{article.maintext}" if article else ""
            if all(part.search(text) for part in TOPIC):
                row = (url, article.title, ", ".join(article.authors), str(article.date_publish), article.maintext)
                with db:
                    db.execute("INSERT OR IGNORE INTO articles VALUES (?, ?, ?, ?, ?)", row)
    db.close()


if __name__ == "__main__":
    {"crawler": crawler, "library": library}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
