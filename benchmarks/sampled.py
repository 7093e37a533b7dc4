"""Where the time of a process goes: reads what a sampling profiler (py-spy, raw form) wrote, one process a file, idle time left out.

    python -m benchmarks.sampled FILE… [--lines 40]

Three tables a file: each sample given to the innermost function of ours, which adds up to the whole; functions of ours with all that
they call; and the functions that were running, whosever they are.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

_FRAME = re.compile(r"^(.*) \((.*):\d+\)$")
_OURS = re.compile(r"\((crawler|pipelines|scheduler|watch|operation)\b")


def read(path: Path) -> list[tuple[list[str], int]]:
    """Return the stacks, outermost first, each with its number of samples. Line numbers are left out."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_FRAME.sub(r"\1 (\2)", frame).replace(".<locals>", "") for frame in stack.split(";")]
        found.append((frames, int(count)))
    return found


def table(path: Path, lines: int) -> list[str]:
    """Return the tables of one file, what took most first."""
    own: Counter[str] = Counter()
    innermost: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    below: dict[str, Counter[str]] = {}
    stacks = read(path)
    total = sum(count for _, count in stacks) or 1
    for frames, count in stacks:
        own[frames[-1]] += count
        innermost[next((frame for frame in reversed(frames) if _OURS.search(frame)), "none of ours")] += count
        for frame in {frame for frame in frames if _OURS.search(frame)}:
            whole[frame] += count
        for caller, callee in {pair for pair in pairwise(frames) if pair[0] != pair[1] and _OURS.search(pair[0])}:
            below.setdefault(caller, Counter())[callee] += count
    rows = [f"{path.name}: {total} samples", "innermost of ours"]
    rows += [f"{count / total:>8.1%}  {name}" for name, count in innermost.most_common(lines)]
    rows.append("ours, with what it calls")
    for name, count in whole.most_common(lines):
        rows.append(f"{count / total:>8.1%}  {name}")
        calls = below.get(name, Counter()).most_common(4)
        rows += [f"{'':>8}{part / total:>8.1%} {callee}" for callee, part in calls if part / total >= 0.01]
    rows.append("running")
    return [*rows, *(f"{count / total:>8.1%}  {name}" for name, count in own.most_common(lines))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--lines", type=int, default=25)
    options = parser.parse_args()
    for path in options.files:
        print("\n".join(table(path, options.lines)), end="\n\n")


if __name__ == "__main__":
    main()
