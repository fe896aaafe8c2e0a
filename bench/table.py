# SPDX-License-Identifier: GPL-2.0
"""The table of a run, as text for the terminal."""

HEAD = ("figure", "unit", "median", "min", "max", "ratio", "target", "met")


def number(value) -> str:
    """Returns a number as text, with three digits if it is below 100."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def row(figure: dict) -> tuple:
    """Returns the cells of a figure (an object of results.json)."""
    met = {True: "yes", False: "NO", None: ""}[figure["met"]]
    return (figure["id"], figure["unit"], *(number(figure[key]) for key in
            ("median", "min", "max", "ratio")), figure["target"] or "", met)


def table(figures: list) -> str:
    """Returns the figures as aligned text."""
    rows = [HEAD, *map(row, figures)]
    widths = [max(len(cells[n]) for cells in rows) for n in range(len(HEAD))]
    left = {0, 1, 6, 7}
    lines = ["  ".join(cell.ljust(width) if n in left else cell.rjust(width)
                       for n, (cell, width) in enumerate(zip(cells, widths))).rstrip()
             for cells in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
