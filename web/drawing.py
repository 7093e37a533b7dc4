"""Map and timeline as shapes that a template writes as SVG: no script, no library. Pure but for the map data, read once.

The data and their licences: web/data/MAPS.md. Tests: tests/web/test_drawing.py.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from pipelines.wilayah import contains, regions
from web.words import CATEGORIES

_WIDTH = 1000  # units of a map's width; a unit is half a pixel and less on most screens
_POINT = 7  # radius of a kota that has no shape
STEPS = 5  # shades of the map


@dataclass(frozen=True, slots=True)
class Shape:
    """A region: `path` is SVG path data; `point` stands for it where there is no shape."""

    code: str
    name: str
    path: str
    point: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Map:
    width: int
    height: int
    shapes: tuple[Shape, ...]
    radius: int = _POINT


@dataclass(frozen=True, slots=True)
class Bar:
    """One span of the timeline: `parts` are (category, y, height), `counts` the stories by category."""

    first: date
    last: date
    x: float
    width: float
    parts: tuple[tuple[str, float, float], ...]
    counts: dict[str, int]


@cache
def country() -> Map:
    """Return the provinces of Indonesia."""
    return _map("provinces.topo.json", None)


@cache
def province(code: str) -> Map:
    """Return the kabupaten and kota of a province."""
    return _map("kabkota.topo.json", code)


def _map(name: str, inside: str | None) -> Map:
    outlines, arcs = _outlines(name)
    if inside:
        outlines = {code: rings for code, rings in outlines.items() if contains(inside, code)}
    points = {code: at for code, at in _points().items() if "." in code and inside == code[:2] and code not in outlines}
    lines = {code: [_joined(ring, arcs) for ring in rings] for code, rings in outlines.items()}
    every = [at for rings in lines.values() for ring in rings for at in ring] + list(points.values())
    west, east = min(x for x, _ in every), max(x for x, _ in every)
    south, north = min(y for _, y in every), max(y for _, y in every)
    # As tall as wide at most: a province that stretches from north to south would fill the screen else.
    scale = min(_WIDTH / (east - west), _WIDTH * 0.8 / (north - south))
    shapes = [
        Shape(code, regions()[code].official_name, "".join(_path(ring, west, north, scale) for ring in rings))
        for code, rings in sorted(lines.items())
    ]
    for code, (x, y) in points.items():
        at = (round((x - west) * scale), round((north - y) * scale))
        shapes.append(Shape(code, regions()[code].official_name, "", at))
    return Map(math.ceil((east - west) * scale), math.ceil((north - south) * scale), tuple(shapes))


@cache
def _outlines(name: str) -> tuple[dict[str, list[list[int]]], list[list[tuple[float, float]]]]:
    """Return the rings of each region as numbers of arcs, and the arcs as longitude and latitude."""
    topology = json.loads(_data("web", name))
    (collection,) = topology["objects"].values()
    rings = {
        shape["properties"]["code"]: [ring for rings in _polygons(shape) for ring in rings]
        for shape in collection["geometries"]
    }
    return rings, _arcs(topology)


def _arcs(topology: dict[str, Any]) -> list[list[tuple[float, float]]]:
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * sx + tx, y * sy + ty))
        found.append(line)
    return found


def _polygons(shape: dict[str, Any]) -> list[list[list[int]]]:
    return [shape["arcs"]] if shape["type"] == "Polygon" else list(shape["arcs"])


def _joined(ring: list[int], arcs: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    line: list[tuple[float, float]] = []
    for number in ring:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        line += arc[1:] if line else arc
    return line


def _path(ring: Sequence[tuple[float, float]], west: float, north: float, scale: float) -> str:
    at = [(round((x - west) * scale), round((north - y) * scale)) for x, y in ring]
    moves = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(at) if a != b]
    if len(moves) < 3:  # an island of under a unit still shows as a dot
        return f"M{at[0][0]},{at[0][1]}h1v1h-1z"
    return f"M{at[0][0]},{at[0][1]}l" + " ".join(f"{x},{y}" for x, y in moves) + "z"


@cache
def _points() -> dict[str, tuple[float, float]]:
    rows = csv.DictReader(_data("pipelines", "regions.csv").splitlines())
    return {row["code"]: (float(row["lon"]), float(row["lat"])) for row in rows}


def _data(package: str, name: str) -> str:
    return files(package).joinpath("data", name).read_text("utf-8")


def shades(counts: Iterable[int]) -> list[int]:
    """Return the largest count of each shade, the lightest first: at most STEPS, spaced by ratio, so that one large count hides none."""
    most = max(counts, default=0)
    return sorted({math.ceil(most ** (step / STEPS)) for step in range(1, STEPS + 1)}) if most else []


def shade_of(count: int, bounds: Sequence[int]) -> int:
    """Return 0 for none, else the number of its shade; the darkest is always STEPS, whatever their number."""
    if not count:
        return 0
    place = next(number for number, bound in enumerate(bounds, 1) if count <= bound)
    return place + STEPS - len(bounds)


def bars(rows: Sequence[Mapping[str, Any]], bucket: str, width: float, height: float) -> tuple[list[Bar], int]:
    """Return the bars of the timeline, stacked by category with the heaviest at the bottom, and the tallest's count."""
    counts: dict[date, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(date.fromisoformat(row["day"]), {})[row["category"] or "lain"] = row["n"]
    if not counts:
        return [], 0
    starts = _starts(min(counts), max(counts), bucket)
    most = max(sum(found.values()) for found in counts.values())
    step = width / max(len(starts), 12)  # a few days do not become walls
    drawn = []
    for place, start in enumerate(starts):
        if start not in counts:
            continue
        parts, top = [], height
        for category in CATEGORIES:
            if found := counts[start].get(category):
                tall = found / most * height
                top -= tall
                parts.append((category, round(top, 1), round(tall, 1)))
        end = _next(start, bucket) - timedelta(days=1)
        drawn.append(Bar(start, end, round(place * step, 1), round(step * 0.86, 1), tuple(parts), counts[start]))
    return drawn, most


def _starts(first: date, last: date, bucket: str) -> list[date]:
    found = [first]
    while found[-1] < last:
        found.append(_next(found[-1], bucket))
    return found


def _next(day: date, bucket: str) -> date:
    if bucket == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if bucket == "week" else 1)
