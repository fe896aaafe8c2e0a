# SPDX-License-Identifier: GPL-2.0
"""
Figures: what was measured how often, against what, and whether that is enough.

Contenders take turns: every round measures each of them once, and a ratio is
the median of the ratios within the rounds, so that a machine that becomes
slower meanwhile does so for all of them.
"""

import json
import statistics
from dataclasses import dataclass, field
from typing import Optional, Union

from background import Others


@dataclass(frozen=True)
class Target:
    """
    What a figure should be: `sign` is ">=" or "<="; `kind` says of what: "ratio"
    to the reference, "more" than the reference, or the "value" itself. `against`
    is the reference, where it is not the one that the others have.
    """
    sign: str
    limit: float
    kind: str = "ratio"
    against: Optional[str] = None

    def met(self, value: float) -> bool:
        """Whether that is enough."""
        return value >= self.limit if self.sign == ">=" else value <= self.limit

    def text(self, unit: str) -> str:
        """As people write it."""
        what = {"ratio": f"{self.limit:.3g} x", "more": f"+{self.limit:g} {unit}",
                "value": f"{self.limit:g} {unit}"}
        return f"{self.sign} {what[self.kind]}"


@dataclass
class Figure:
    """One quantity of one contender, a value for each round."""
    id: str
    unit: str
    accelerator: str
    runs: list = field(default_factory=list)
    against: Optional["Figure"] = None
    target: Optional[Target] = None

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.runs)

    def _within(self, function) -> float:
        """The median of what the function makes of each round and its reference."""
        return statistics.median(map(function, self.runs, self.against.runs))

    @property
    def ratio(self) -> Optional[float]:
        """To the reference."""
        if self.against is None or not all(self.against.runs):
            return None
        return self._within(lambda ours, theirs: ours / theirs)

    @property
    def met(self) -> Optional[bool]:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        if self.target.kind == "value":
            return self.target.met(self.median)
        if self.target.kind == "more":
            return self.target.met(self._within(lambda ours, theirs: ours - theirs))
        return self.ratio is not None and self.target.met(self.ratio)

    def as_json(self) -> dict:
        """The object in results.json."""
        ratio = self.ratio
        return {"id": self.id, "unit": self.unit, "median": _short(self.median),
                "min": _short(min(self.runs)), "max": _short(max(self.runs)),
                "against": self.against.id if self.against else None,
                "ratio": None if ratio is None else _short(ratio),
                "target": self.target.text(self.unit) if self.target else None,
                "met": self.met, "rounds": len(self.runs), "accelerator": self.accelerator}


def _short(value: float) -> float:
    """Four digits are more than any of this is good for."""
    return float(f"{value:.4g}")


@dataclass(frozen=True)
class Measure:
    """
    A quantity: how it is got from a contender, and what it should be: for the
    first contender, or a dictionary of targets by contenders.
    """
    name: str
    unit: str
    get: object
    target: Union[Target, dict, None] = None

    def target_of(self, name: str, first: str) -> Optional[Target]:
        """The target of a contender."""
        if isinstance(self.target, dict):
            return self.target.get(name)
        return self.target if name == first else None


class Report:
    """All figures of a run, and the lines that tell of its progress."""

    def __init__(self, rounds: int, quick: bool = False, say=print, only=None):
        self.rounds, self.quick = rounds, quick
        self.say, self._only = say, only
        self.figures: list = []
        self._others = Others()
        self._busy = Figure("machine.used-by-others", "%", "host")

    def seconds(self, usual: float) -> float:
        """How long a stream runs."""
        return usual / 2 if self.quick else usual

    def compare(self, group: str, accelerator: str, contenders: dict, measures, prepare=None,
                against: bool = True, order=None, ours=None):
        """
        Measures contenders (name -> object) in turns. The first is ours (or those
        named by `ours` are), the second the reference. `prepare(object)` comes
        before each measurement; `measure.get(object)` returns a value, or values
        for several measures as a dictionary of names and values. Without
        `against` nobody is a reference, and the targets are those of each.
        `order` is who comes when in a round.
        """
        names = [*contenders]
        if self._only:
            measures = [m for m in measures if m.name in self._only or m.get is None]
        found = {(m.name, n): Figure(f"{group}.{m.name}.{n}", m.unit, accelerator)
                 for m in measures for n in names}
        for number in range(self.rounds):
            for measure in measures:
                if measure.get is None:
                    continue
                for name in order or names:
                    if prepare:
                        prepare(contenders[name])
                    value = measure.get(contenders[name])
                    values = value if isinstance(value, dict) else {measure.name: value}
                    for key, one in values.items():
                        found[key, name].runs.append(one)
                last = ", ".join(f"{n} {found[measure.name, n].runs[-1]:.4g}" for n in names)
                self._busy.runs.append(self._others.percent())
                self.say(f"  {group} {number + 1}/{self.rounds} {measure.name}: {last} "
                         f"{measure.unit} (others: {self._busy.runs[-1]:.0f}%)")
        found = {key: figure for key, figure in found.items() if figure.runs}
        for measure in measures:
            if (measure.name, names[0]) not in found:
                continue
            if not against:
                for name in names:
                    found[measure.name, name].target = measure.target
                continue
            for name in ours or names[:1]:
                figure = found[measure.name, name]
                target = figure.target = measure.target_of(name, names[0])
                if len(names) > 1:
                    reference = target and target.against or names[1]
                    figure.against = found[measure.name, reference]
        self.figures += found.values()

    def objects(self) -> list:
        """The figures as they are in results.json."""
        busy = [self._busy] if self._busy.runs else []
        return [figure.as_json() for figure in self.figures + busy]


def write(figures: list, path):
    """Writes results.json: an object a line."""
    lines = ",\n".join(map(json.dumps, figures))
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
