"""`pantau demo`, as a stranger runs it."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Desk


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        Desk.command("demo", *arguments), cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_demo_tells_what_happened_and_leaves_a_database(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT AS IT SHOULD BE" not in done.stdout
    for part in (
        "Sources polled",
        "kept, and why not",
        "Bodies",
        "The same again, joined",
        "Alerts",
        "second crawl",
        "one story in 3 articles",
    ):
        assert part in done.stdout
    database = tmp_path / "pantau-demo" / "pantau.db"
    assert str(database.relative_to(tmp_path)) in done.stdout
    db = sqlite3.connect(database)
    assert db.execute("SELECT count(*) FROM feed").fetchone()[0] > 30
    db.close()
    for line in done.stdout.splitlines():
        if line.startswith("  pantau "):
            shown = subprocess.run(
                ["sh", "-c", line.replace("pantau ", f"{' '.join(Desk.command())} ", 1)],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (shown.returncode, bool(shown.stdout or shown.stderr)) == (0, True), line


@pytest.mark.slow
def test_the_demo_can_be_run_again_and_never_empties_a_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "berkas").mkdir()
    (tmp_path / "berkas" / "penting.txt").write_text("jangan dihapus")
    refused = demo(tmp_path, "--keep", "berkas")
    assert refused.returncode == 2
    assert (tmp_path / "berkas" / "penting.txt").exists()
    assert demo(tmp_path, "--keep", "lagi").returncode == 0
    assert demo(tmp_path, "--keep", "lagi").returncode == 0
