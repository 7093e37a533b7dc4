"""The golden pages: one folder a family of outlets, page.html.gz and what must be read from it, expected.json.

To add one: write the page in the family's own markup with sentences and people of your own, never a publisher's;
`python -m tests.outlets.golden` then renews the digest that tests/quality/gate.json pins.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
GATE = FOLDER.parent / "quality" / "gate.json"


@dataclass(frozen=True, slots=True)
class Golden:
    """One family. `expected`: url, zone, fetched_at, and what CleanPage must say; further pages by their address."""

    family: str
    html: str
    expected: dict[str, Any]
    more: dict[str, str]

    @property
    def fetched_at(self) -> datetime:
        return datetime.fromisoformat(self.expected["fetched_at"])

    @property
    def whole(self) -> list[str]:
        """The paragraphs of all its pages."""
        return list(self.expected.get("whole", self.expected["paragraphs"]))


def families() -> list[str]:
    """Return the names of all families that have a golden page."""
    return sorted(path.parent.name for path in FOLDER.glob("*/expected.json"))


def read_golden(family: str) -> Golden:
    """Return one family's page and what must be read from it."""
    folder = FOLDER / family
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    more = {url: _text(folder / name) for name, url in expected.get("more_pages", {}).items()}
    return Golden(family, _text(folder / "page.html.gz"), expected, more)


def digest() -> str:
    """Return one digest of every golden page and expectation, the same however the pages are compressed."""
    total = hashlib.sha256()
    for path in sorted(FOLDER.glob("*/*")):
        if path.suffix in (".gz", ".json"):
            total.update(f"{path.parent.name}/{path.name}\n".encode())
            total.update(_text(path).encode() if path.suffix == ".gz" else path.read_bytes())
    return total.hexdigest()


def _text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode("utf-8")


if __name__ == "__main__":
    gate = json.loads(GATE.read_text("utf-8"))
    gate["golden"] |= {"families": len(families()), "digest": digest()}
    GATE.write_text(json.dumps(gate, indent=2) + "\n", "utf-8")
