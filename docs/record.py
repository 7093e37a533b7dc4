"""The recording of README.md and the site: `python -m docs.record` runs `pantau demo` in a terminal and writes docs/images/demo.svg.

What is shown is what was printed. Waiting is shortened, and lines come no faster than they can be followed. One SVG with two
animations, without a script and with nothing from elsewhere; where motion is not wanted it shows the end. Needs the extra `docs`.
"""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from fcntl import ioctl
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import pyte  # type: ignore[import-not-found, import-untyped, unused-ignore]

TARGET = Path(__file__).parent / "images" / "demo.svg"
COMMANDS = (
    "pantau demo",
    "pantau stories --db pantau-demo/pantau.db --category sanksi --limit 4",
)
COLUMNS, ROWS, LONGEST = 110, 26, 500  # of the terminal; of the picture; of what one command may print
FASTEST_S, PARAGRAPH_S, SLOWEST_S, PROMPT_S, END_S = 0.22, 0.9, 1.5, 1.2, 6.0
WIDTH_PX, HEIGHT_PX, MARGIN_PX = 8, 18, 14  # of a character, of a line
COLOURS = {
    "green": "#8fd18f",
    "red": "#f08a8a",
    "brown": "#e2c07a",
    "blue": "#8ab4f8",
    "cyan": "#7fd1d1",
    "magenta": "#d7a6e8",
}
Line = tuple[float, str]  # how long after the one before it comes, in seconds; its SVG


def printed(command: str, folder: Path) -> Iterator[Line]:
    """Run a command in a terminal and yield what it printed, line by line."""
    screen = pyte.Screen(COLUMNS, LONGEST)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    words = [str(Path(sys.executable).parent / "pantau"), *command.split()[1:]]
    process = subprocess.Popen(words, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)  # noqa: S603  COMMANDS
    os.close(theirs)
    came = [time.monotonic()] * (LONGEST + 1)
    done = 0
    while chunk := _read(ours):
        stream.feed(chunk)
        came[done + 1 : screen.cursor.y + 1] = [time.monotonic()] * (screen.cursor.y - done)
        done = max(done, screen.cursor.y)
    os.close(ours)
    if process.wait():
        raise SystemExit(f"{command} ended with {process.returncode}")
    for number in range(done):
        text = _spans([screen.buffer[number][x] for x in range(COLUMNS)])
        waited = came[number + 1] - came[number]
        yield min(max(waited, FASTEST_S if text else PARAGRAPH_S), SLOWEST_S), text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


def _spans(characters: Sequence[Any]) -> str:
    """Return a line of the screen as SVG, its colours and bold parts marked."""
    text = ""
    for (colour, bold), group in groupby(characters, key=lambda one: (COLOURS.get(one.fg), one.bold)):
        words = escape("".join(one.data for one in group), quote=False)
        style = (f' fill="{colour}"' if colour else "") + (' font-weight="bold"' if bold else "")
        text += f"<tspan{style}>{words}</tspan>" if style else words
    return text.rstrip()


def drawn(lines: Sequence[Line]) -> str:
    """Return the SVG: the lines, a curtain that falls off them one by one, and the whole moving up when the picture is full."""
    at, moments = 0.0, []
    for pause, _ in lines:
        at += pause
        moments.append(at)
    whole = at + END_S
    curtain, scroll = [], []
    for number, moment in enumerate([0.0, *moments]):
        percent = f"{100 * moment / whole:.2f}%"
        curtain.append(f"{percent}{{transform:translateY({number * HEIGHT_PX}px)}}")
        scroll.append(f"{percent}{{transform:translateY({-max(number - ROWS, 0) * HEIGHT_PX}px)}}")
    width, height = COLUMNS * WIDTH_PX + 2 * MARGIN_PX, ROWS * HEIGHT_PX + 2 * MARGIN_PX
    texts = "".join(
        f'<text y="{number * HEIGHT_PX + 13}">{text}</text>\n' for number, (_, text) in enumerate(lines) if text
    )
    tall = (len(lines) + ROWS) * HEIGHT_PX
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{escape(" · ".join(COMMANDS))}</title>
<style>
text{{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d5dde5;white-space:pre}}
.p{{fill:#8fd18f}}
.s{{transform:translateY({-max(len(lines) - ROWS, 0) * HEIGHT_PX}px);animation:s {whole:.1f}s step-end infinite}}
.c{{transform:translateY({len(lines) * HEIGHT_PX}px);animation:c {whole:.1f}s step-end infinite}}
@media (prefers-reduced-motion:reduce){{.s,.c{{animation:none}}}}
@keyframes s{{{"".join(scroll)}}}
@keyframes c{{{"".join(curtain)}}}
</style>
<rect width="100%" height="100%" rx="8" fill="#17202b"/>
<svg x="{MARGIN_PX}" y="{MARGIN_PX}" width="{COLUMNS * WIDTH_PX}" height="{ROWS * HEIGHT_PX}" overflow="hidden">
<g class="s">
{texts}<rect class="c" width="{COLUMNS * WIDTH_PX}" height="{tall}" fill="#17202b"/>
</g>
</svg>
</svg>
"""


def main() -> None:
    """Run the commands in a new folder and write the recording."""
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            lines += [(PROMPT_S, f'<tspan class="p">$ </tspan>{escape(command)}')]
            lines += printed(command, Path(folder))
            lines += [(FASTEST_S, "")]
    TARGET.write_text(drawn(lines), "utf-8")
    print(f"{TARGET}: {len(lines)} lines, {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
