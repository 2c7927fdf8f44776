"""How is SVG written? Shapes with classes, and nothing that needs a script or a style of its own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Literal

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]
SMALL = 12.0  # size of text in a picture, in pixels of CSS
LINE = 15.0


class Drawing:
    """An SVG under construction; places are in pixels of CSS from the left and the top."""

    def __init__(self, width: float, height: float) -> None:
        """An empty drawing."""
        self.width, self.height = width, height
        self._shapes: list[str] = []

    def text(self, x: float, y: float, words: str, style: str = "", anchor: Anchor = "start") -> None:
        """A line of text whose baseline is at y."""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._shapes.append(f'<text x="{_n(x)}" y="{_n(y)}"{place}{_class(style)}>{escape(words)}</text>')

    def lines(
        self, x: float, y: float, words: Sequence[str], style: str = "", anchor: Anchor = "start"
    ) -> None:
        """Lines of text below each other, the first one's baseline at y."""
        for number, line in enumerate(words):
            self.text(x, y + number * LINE, line, style, anchor)

    def line(self, start: Point, end: Point, style: str) -> None:
        """A straight line."""
        (x1, y1), (x2, y2) = start, end
        places = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
        self._shapes.append(f"<line {places}{_class(style)}/>")

    def box(self, x: float, y: float, width: float, height: float, style: str) -> None:
        """A rectangle from its upper left corner."""
        places = f'x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0.0))}" height="{_n(max(height, 0.0))}"'
        self._shapes.append(f"<rect {places}{_class(style)}/>")

    def dot(self, x: float, y: float, radius: float, style: str) -> None:
        """A circle."""
        self._shapes.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"{_class(style)}/>')

    def path(self, points: Sequence[Point], style: str, *, closed: bool = False) -> None:
        """A line through these points, or the area within them."""
        if points:
            places = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
            self._shapes.append(f'<path d="M{places}{"Z" if closed else ""}"{_class(style)}/>')

    def band(self, xs: Sequence[float], lower: Sequence[float], upper: Sequence[float], style: str) -> None:
        """The area between two lines."""
        there = list(zip(xs, upper, strict=True))
        back = list(zip(xs, lower, strict=True))[::-1]
        self.path([*there, *back], style, closed=True)

    def svg(self, name: str, title: str, sentence: str, style: str) -> str:
        """The picture as SVG: its title and its sentence are its text alternative."""
        wide, high = _n(self.width), _n(self.height)
        size = f'viewBox="0 0 {wide} {high}" width="{wide}" height="{high}"'
        words = f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(sentence)}</desc>'
        label = f'role="img" aria-labelledby="{name}-t {name}-d"'
        opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size}{_class(style)} {label}>'
        return f"{opening}{words}{''.join(self._shapes)}</svg>"


def _n(value: float) -> str:
    """A place to a tenth of a pixel, without useless digits."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0", 1)
        if abs(value) < 0.05
        else f"{value:.1f}".removesuffix(".0")
    )


def _class(style: str) -> str:
    return f' class="{escape(style)}"' if style else ""
