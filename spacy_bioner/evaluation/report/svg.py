"""Plots as inline SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from markupsafe import Markup, escape

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 12, 40
Points = Sequence[tuple[float, float]]


class _Plane:
    """From values to places in the picture."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._x, self._y = x, y

    def x(self, value: float) -> float:
        low, high = self._x
        share = (value - low) / (high - low or 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self._y
        share = (value - low) / (high - low or 1)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def line_plot(lines: Mapping[str, Points], x_title: str, title: str) -> Markup:
    """Scores from 0 to 1 over some number, a line each, named in a legend."""
    xs = [x for points in lines.values() for x, _ in points]
    plane = _Plane((min(xs, default=0), max(xs, default=1)), (0, 1))
    parts = [*_score_axis(plane), *_x_ticks(plane, _few(sorted(set(xs)))), _x_title(x_title)]
    for number, (name, points) in enumerate(lines.items()):
        path = " ".join(f"{plane.x(x)},{plane.y(y)}" for x, y in points)
        parts.append(f'<polyline class="line series{number}" points="{path}"/>')
        for x, y in points:
            tip = escape(f"{name}: {x:g}, {y:.3f}")
            place = f'cx="{plane.x(x)}" cy="{plane.y(y)}"'
            parts.append(
                f'<circle class="dot series{number}" {place} r="3"><title>{tip}</title></circle>'
            )
    return _figure(parts, title) + _legend(list(lines))


def reliability_plot(bins: Sequence[tuple[float, float, int]], title: str) -> Markup:
    """(confidence, precision, entities) of each bin against the diagonal, larger dots for more."""
    plane = _Plane((0, 1), (0, 1))
    most = max((count for _, _, count in bins), default=1)
    parts = [*_score_axis(plane), *_x_ticks(plane, [0, 0.25, 0.5, 0.75, 1])]
    parts.append(_x_title("mean confidence"))
    ends = f'x1="{plane.x(0)}" y1="{plane.y(0)}" x2="{plane.x(1)}" y2="{plane.y(1)}"'
    parts.append(f'<line class="diagonal" {ends}/>')
    path = " ".join(f"{plane.x(p)},{plane.y(q)}" for p, q, _ in bins)
    parts.append(f'<polyline class="line series0" points="{path}"/>')
    for confidence, precision, count in bins:
        radius = round(3 + 7 * (count / most) ** 0.5, 1)
        tip = f"{count:,} entities: confidence {confidence:.3f}, precision {precision:.3f}"
        place = f'cx="{plane.x(confidence)}" cy="{plane.y(precision)}" r="{radius}"'
        parts.append(f'<circle class="dot series0" {place}><title>{tip}</title></circle>')
    return _figure(parts, title)


def interval_bar(value: float, low: float | None = None, high: float | None = None) -> Markup:
    """A bar for a score from 0 to 1, with a line over its interval."""
    parts = [
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="10"/>'
        f'<rect class="fill" width="{100 * value:.1f}" height="10"/>'
    ]
    if low is not None and high is not None:
        width = max(100 * (high - low), 0.5)
        parts.append(
            f'<rect class="range" x="{100 * low:.1f}" y="4" width="{width:.1f}" height="2"/>'
        )
    return Markup("".join([*parts, "</svg>"]))


def difference_bar(value: float, low: float, high: float, reach: float) -> Markup:
    """A bar from the middle for a difference, with its interval; `reach` is at the edges."""
    scale = 50 / (reach or 1)
    start, width = 50 + min(value, 0) * scale, abs(value) * scale
    place = f'x="{50 + low * scale:.1f}" width="{max((high - low) * scale, 0.5):.1f}"'
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="10"/>'
        f'<rect class="{"fill" if value >= 0 else "loss"}" x="{start:.1f}" width="{width:.1f}" '
        'height="10"/>'
        f'<rect class="range" {place} y="4" height="2"/>'
        '<rect class="zero" x="49.8" width="0.4" height="10"/></svg>'
    )


def _score_axis(plane: _Plane) -> list[str]:
    parts = []
    for value in (0, 0.25, 0.5, 0.75, 1):
        y = plane.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{100 * value:g}</text>')
    return parts


def _x_ticks(plane: _Plane, values: Sequence[float]) -> list[str]:
    place = HEIGHT - BOTTOM + 16
    return [
        f'<text x="{plane.x(value)}" y="{place}" text-anchor="middle">{value:g}</text>'
        for value in values
    ]


def _x_title(text: str) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    return f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(text)}</text>'


def _few(values: Sequence[float], most: int = 7) -> list[float]:
    """Some of the values that lie far enough apart to be written side by side."""
    if len(values) <= 1:
        return list(values)
    gap = (values[-1] - values[0]) / most
    kept = [values[0]]
    kept += [value for value in values[1:-1] if value - kept[-1] >= gap]
    while len(kept) > 1 and values[-1] - kept[-1] < gap:
        kept.pop()
    assert all(one < other for one, other in pairwise(kept))
    return [*kept, values[-1]]


def _figure(parts: Sequence[str], title: str) -> Markup:
    head = f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    return Markup(head + f"<title>{escape(title)}</title>" + "".join(parts) + "</svg>")


def _legend(names: Sequence[str]) -> Markup:
    keys = (
        f'<span class="key series{number}">{escape(name)}</span>'
        for number, name in enumerate(names)
    )
    return Markup(f'<p class="legend">{"".join(keys)}</p>')
