"""How fast the matcher is against one plain `re` alternation of the same 200 terms, on the same text, in one run.

    python benchmarks/matching.py [megabytes]

The text is generated: common Indonesian words in sentences of news length, one word in forty from the terms. Prints
MB/s (UTF-8 bytes a second of CPU) for text with few hits and for text in which every article matches.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable

from pipelines.matching import Matcher

SYLLABLES = [consonant + vowel for consonant in ("", *"bdgjklmnprst") for vowel in "aiu"]
COMMON = [
    "yang",
    "dan",
    "di",
    "ke",
    "dari",
    "untuk",
    "dengan",
    "pada",
    "dalam",
    "tidak",
    "akan",
    "ini",
    "oleh",
    "telah",
]


def make_words(count: int, rng: random.Random) -> list[str]:
    return ["".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 5))) for _ in range(count)]


def make_articles(megabytes: float, terms: list[str], share: float, rng: random.Random) -> list[str]:
    vocabulary = COMMON * 20 + make_words(4000, rng)
    articles, size = [], 0
    while size < megabytes * 1e6:
        sentences = []
        for _ in range(rng.randint(12, 30)):
            words = [rng.choice(terms) if rng.random() < share else rng.choice(vocabulary) for _ in range(18)]
            words[8] += ","
            sentences.append(" ".join(words).capitalize() + ".")
        body = "\n\n".join(" ".join(sentences[i : i + 3]) for i in range(0, len(sentences), 3))
        body = body.replace(", ", ", “", 1).replace(". ", ".” ", 1)
        articles.append(body)
        size += len(body.encode())
    return articles


def rate(articles: list[str], job: Callable[[str], object]) -> float:
    job(articles[0])
    start = time.process_time()
    for article in articles:
        job(article)
    return sum(len(article.encode()) for article in articles) / 1e6 / (time.process_time() - start)


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    rng = random.Random(7)
    words = make_words(170, rng)
    terms = words + [f"{a} {b}" for a, b in zip(words[:30], words[30:60], strict=True)]
    rare = Matcher({"topic": {"all": [{"any": terms[:190]}, {"any": terms[190:]}]}})
    every = Matcher({f"rule-{i}": {"any": terms[i::10]} for i in range(10)})
    shipped = Matcher({"topic": {"preset": "netralitas-asn"}})
    plain = re.compile(
        r"\b(?:" + "|".join(sorted(map(re.escape, terms), key=len, reverse=True)) + r")\b", re.IGNORECASE
    )
    print(f"{len(terms)} terms, {megabytes:g} MB of text")
    for label, share in (("few hits (1 word in 400)", 1 / 400), ("many hits (1 word in 40)", 1 / 40)):
        articles = make_articles(megabytes, terms, share, rng)
        print(f"{label}:")
        print(f"  matcher, topic of two halves   {rate(articles, lambda body: rare.find('', body)):7.1f} MB/s")
        print(f"  matcher, ten rules, all evidence {rate(articles, lambda body: every.find('', body)):5.1f} MB/s")
        print(f"  shipped preset                 {rate(articles, lambda body: shipped.find('', body)):7.1f} MB/s")
        print(f"  plain re alternation           {rate(articles, lambda body: list(plain.finditer(body))):7.1f} MB/s")


if __name__ == "__main__":
    main()
