# SPDX-License-Identifier: GPL-2.0
"""The chart of a run, as SVG: ratios to the reference on a logarithmic scale."""

import math
from html import escape

ROW, LABEL, WIDTH, MARGIN = 18, 300, 460, 70
# The range of the x axis. Longer bars are cut off.
MIN_RATIO, MAX_RATIO = 1 / 32, 32
COLOURS = {True: "#2a7f4f", False: "#b8453a", None: "#5b6f8a"}


def x_of(ratio: float) -> float:
    """Returns the x coordinate of a ratio."""
    cut = min(max(ratio, MIN_RATIO), MAX_RATIO)
    return LABEL + WIDTH * math.log(cut / MIN_RATIO) / math.log(MAX_RATIO / MIN_RATIO)


def target_ratio(figure: dict):
    """Returns the target of a figure if it is a ratio to the reference, else None."""
    words = (figure["target"] or "").split()
    return float(words[1]) if words[2:] == ["x"] else None


def grid(height: int) -> list:
    """Returns the lines of the scale, with their labels."""
    lines = []
    for power in range(-5, 6):
        x = x_of(2.0 ** power)
        text = f"{2 ** power}" if power >= 0 else f"1/{2 ** -power}"
        colour = "#333" if power == 0 else "#ddd"
        lines += [f'<line x1="{x:.0f}" y1="30" x2="{x:.0f}" y2="{height - 24}" '
                  f'stroke="{colour}"/>',
                  f'<text x="{x:.0f}" y="{height - 8}" text-anchor="middle">{text}</text>']
    return lines


def row(figure: dict, y: int) -> list:
    """Returns a bar from 1 to the ratio, the ratio as a number, and a tick at the target."""
    one, end = x_of(1), x_of(figure["ratio"])
    lines = [f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(figure["id"])}</text>',
             f'<rect x="{min(one, end):.1f}" y="{y + 2}" width="{max(1, abs(end - one)):.1f}" '
             f'height="{ROW - 5}" fill="{COLOURS[figure["met"]]}"/>',
             f'<text x="{LABEL + WIDTH + MARGIN - 6}" y="{y + 12}" '
             f'text-anchor="end">{figure["ratio"]:.3g}</text>']
    target = target_ratio(figure)
    if target is not None:
        x = x_of(target)
        lines.append(f'<line x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{y + ROW - 1}" '
                     'stroke="#000" stroke-width="2"/>')
    return lines


def chart(figures: list) -> str:
    """Returns the chart of all figures (objects of results.json) that have a reference."""
    shown = [figure for figure in figures if figure["ratio"]]
    height = 34 + ROW * len(shown) + 28
    lines = ['<?xml version="1.0" encoding="UTF-8"?>',
             "<!-- SPDX-License-Identifier: GPL-2.0 -->",
             f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + MARGIN}" '
             f'height="{height}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="#fff"/>',
             '<text x="10" y="18" font-size="14">times the reference of each figure: '
             "green: target met, red: not met, blue: no target; black tick: target</text>",
             *grid(height)]
    for number, figure in enumerate(shown):
        lines.append("".join(row(figure, 34 + number * ROW)))
    return "\n".join([*lines, "</svg>", ""])
