"""Draws panels of lines over two logarithmic axes, as one SVG for light and dark pages.

By hand, so that it needs nothing installed and the same figures give the same bytes. In every panel
a dashed line shows what would grow as fast as N: a line that is flatter than it scales.
"""

import dataclasses
import math
from collections.abc import Callable

_PANEL_WIDTH = 420
_PANEL_HEIGHT = 236
_COLUMNS = 2
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 18, 50, 42
# Between the frame and the first and last point, so that neither lies on it.
_INSET = 14
# Above this, marks at powers of ten are enough; below, each point gets its own.
_DECADES_FOR_POWERS = 2.5

# The background is drawn too: then the text is legible on it even where a page is dark and the
# reader's system is light, or the other way round.
_STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #424a53 }
.back { fill: #ffffff } .title { font-weight: 600; fill: #1f2328 }
.value { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 3px }
path { fill: none } .frame { stroke: #afb8c1 } .grid { stroke: #d8dee4 }
.minor { stroke: #eff2f5 } .guide { stroke: #8c959f; stroke-dasharray: 4 4 }
.line { stroke-width: 2; stroke-linejoin: round } .dots { stroke-width: 6; stroke-linecap: round }
path.a { stroke: #0969da } path.b { stroke: #bc4c00 }
text.a { fill: #0969da } text.b { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
text { fill: #b1bac4 } .back { fill: #0d1117 } .title { fill: #f0f6fc }
.value { stroke: #0d1117 } .frame { stroke: #484f58 } .grid { stroke: #30363d }
.minor { stroke: #1b2129 } .guide { stroke: #6e7681 }
path.a { stroke: #58a6ff } path.b { stroke: #f0883e }
text.a { fill: #58a6ff } text.b { fill: #f0883e }
}
"""
_CLASSES = "ab"


@dataclasses.dataclass(frozen=True)
class Line:
    """`points` are (N, value), by rising N."""

    name: str
    points: tuple[tuple[int, float], ...]


@dataclasses.dataclass(frozen=True)
class Panel:
    """At most two lines; `text` writes a value of theirs with its unit."""

    title: str
    x_name: str
    text: Callable[[float], str]
    lines: tuple[Line, ...]

    def __post_init__(self):
        assert 0 < len(self.lines) <= len(_CLASSES) and all(line.points for line in self.lines)


@dataclasses.dataclass(frozen=True)
class Scale:
    """From a value to a place on the page, by its logarithm."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)


def whole_decades(values):
    """The powers of ten around `values`, two decades at least: a flat line is to look flat."""
    low = math.floor(math.log10(min(values)))
    return low, max(low + 2, math.ceil(math.log10(max(values))))


def x_marks(sizes):
    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    if high - low < _DECADES_FOR_POWERS:
        return sorted(sizes)
    return [10**power for power in range(math.ceil(low), math.floor(high) + 1)]


def size_text(size):
    return f"{size // 1_000_000} M" if size >= 1_000_000 else f"{size:,}"


def place(number):
    return f"{number:.1f}".removesuffix(".0")


def text_at(x, y, text, style="", anchor=""):
    style = f' class="{style}"' if style else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{place(x)}" y="{place(y)}"{style}{anchor}>{text}</text>'


def path(style, data):
    return f'<path class="{style}" d="{data}"/>'


class _Drawing:
    """One panel with its left upper corner at 0, 0."""

    def __init__(self, panel):
        self._panel = panel
        self._sizes = {size for line in panel.lines for size, _ in line.points}
        values = [value for line in panel.lines for _, value in line.points]
        self._powers = whole_decades(values)
        self._left, self._right = _LEFT, _PANEL_WIDTH - _RIGHT
        self._top, self._bottom = _TOP, _PANEL_HEIGHT - _BOTTOM
        self._x = Scale(
            min(self._sizes), max(self._sizes), self._left + _INSET, self._right - _INSET
        )
        self._y = Scale(10.0 ** self._powers[0], 10.0 ** self._powers[1], self._bottom, self._top)

    def parts(self):
        yield from self._grid()
        yield from self._guide()
        for style, line in zip(_CLASSES, self._panel.lines):
            yield from self._line(style, line)
        yield from self._heading()
        for style, line in zip(_CLASSES, self._panel.lines):
            yield from self._end_values(style, line)

    def _across(self, values):
        return "".join(f"M{self._left} {place(self._y(value))}H{self._right}" for value in values)

    def _grid(self):
        low, high = self._powers
        decades = [10.0**power for power in range(low, high + 1)]
        minor = [step * decade for decade in decades[:-1] for step in range(2, 10)]
        marks = x_marks(self._sizes)
        yield path("minor", self._across(minor))
        upright = "".join(f"M{place(self._x(size))} {self._top}V{self._bottom}" for size in marks)
        yield path("grid", self._across(decades[1:-1]) + upright)
        across, down = self._right - self._left, self._bottom - self._top
        yield path("frame", f"M{self._left} {self._top}h{across}v{down}h-{across}z")
        for decade in decades:
            y = self._y(decade) + 4
            yield text_at(self._left - 6, y, self._panel.text(decade), anchor="end")
        for size in marks:
            yield text_at(self._x(size), self._bottom + 16, size_text(size), anchor="middle")
        middle = (self._left + self._right) / 2
        yield text_at(middle, self._bottom + 33, self._panel.x_name, anchor="middle")

    def _guide(self):
        """From the lowest beginning, as steep as N, to where it leaves the panel."""
        size, value = min((line.points[0] for line in self._panel.lines), key=lambda at: at[1])
        factor = min(self._y.high / value, self._x.high / size)
        x, y = self._x(size), self._y(value)
        right, up = self._x(size * factor) - x, self._y(value * factor) - y
        yield path("guide", f"M{place(x)} {place(y)}l{place(right)} {place(up)}")
        # Above it, where no line of something that scales comes; not at its end, in the corner.
        yield text_at(x + 0.75 * right - 6, y + 0.75 * up - 3, "as N", "value", "end")

    def _line(self, style, line):
        places = [f"{place(self._x(size))} {place(self._y(value))}" for size, value in line.points]
        yield path(f"line {style}", "M" + "L".join(places))
        yield path(f"dots {style}", "".join(f"M{at}h0" for at in places))

    def _heading(self):
        yield text_at(self._left, 20, self._panel.title, "title")
        x = self._left
        for style, line in zip(_CLASSES, self._panel.lines):
            yield path(f"line {style}", f"M{place(x)} 36h14")
            yield text_at(x + 19, 40, line.name, style)
            x += 19 + 6.6 * len(line.name) + 18

    def _end_values(self, style, line):
        """Above the higher line and below the lower, at either end."""
        for end, anchor, shift in ((0, "start", -6), (-1, "end", 6)):
            size, value = line.points[end]
            others = [other.points[end][1] for other in self._panel.lines if other is not line]
            is_lower = any(value < other for other in others)
            y = self._y(value) + (17 if is_lower else -9)
            yield text_at(
                self._x(size) + shift, y, self._panel.text(value), f"value {style}", anchor
            )


def svg(title, panels):
    rows = math.ceil(len(panels) / _COLUMNS)
    width, height = _COLUMNS * _PANEL_WIDTH, rows * _PANEL_HEIGHT + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{width}" height="{height}" rx="6"/>',
    ]
    for number, panel in enumerate(panels):
        x, y = number % _COLUMNS * _PANEL_WIDTH, number // _COLUMNS * _PANEL_HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *_Drawing(panel).parts(), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"
