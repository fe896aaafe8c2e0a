# SPDX-License-Identifier: GPL-2.0
"""
Figures of a benchmark run: measured values, references and targets.

Runs alternate between configurations: each round measures each of them once. A ratio is the
median of the ratios within the rounds, so a machine that slows down during the run affects all
configurations alike.
"""

import json
import statistics
from dataclasses import dataclass, field
from typing import Optional, Union

from background import BackgroundLoad


@dataclass(frozen=True)
class Target:
    """
    The limit of a figure. `sign` is ">=" or "<=". `kind` selects what is compared with the limit:
    the "ratio" to the reference, the "difference" from the reference, the "value" itself, or the
    values of "all" rounds. `against` names the reference if it is not the default one.
    """
    sign: str
    limit: float
    kind: str = "ratio"
    against: Optional[str] = None

    def met(self, value: float) -> bool:
        """Returns whether a value meets the target."""
        return value >= self.limit if self.sign == ">=" else value <= self.limit

    def text(self, unit: str) -> str:
        """Returns the target as text."""
        what = {"ratio": f"{self.limit:.3g} x", "difference": f"+{self.limit:g} {unit}",
                "value": f"{self.limit:g} {unit}", "all": f"{self.limit:g} {unit}"}
        return f"{self.sign} {what[self.kind]}".rstrip()


@dataclass
class Figure:
    """One quantity of one configuration, with a value for each round."""
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

    def _median_of(self, function) -> float:
        """Returns the median of function(value, value of the reference) over the rounds."""
        return statistics.median(map(function, self.runs, self.against.runs))

    @property
    def ratio(self) -> Optional[float]:
        """The ratio to the reference. None without a reference, and if a value of it is 0."""
        if self.against is None or not all(self.against.runs):
            return None
        return self._median_of(lambda value, reference: value / reference)

    @property
    def met(self) -> Optional[bool]:
        """Whether the target is met. None without a target."""
        if self.target is None:
            return None
        if self.target.kind == "all":
            return all(map(self.target.met, self.runs))
        if self.target.kind == "value":
            return self.target.met(self.median)
        if self.target.kind == "difference":
            return self.target.met(self._median_of(lambda value, reference: value - reference))
        return self.ratio is not None and self.target.met(self.ratio)

    def as_json(self) -> dict:
        """Returns the object for results.json."""
        ratio = self.ratio
        return {"id": self.id, "unit": self.unit, "median": _rounded(self.median),
                "min": _rounded(min(self.runs)), "max": _rounded(max(self.runs)),
                "against": self.against.id if self.against else None,
                "ratio": None if ratio is None else _rounded(ratio),
                "target": self.target.text(self.unit) if self.target else None,
                "met": self.met, "rounds": len(self.runs), "accelerator": self.accelerator}


def _rounded(value: float) -> float:
    """Returns a value with four significant digits. No figure is more precise than that."""
    return float(f"{value:.4g}")


@dataclass(frozen=True)
class Measure:
    """
    A quantity. `get` measures it for one configuration. It is None if `get` of another measure
    returns this quantity, too. `target` is the target of the first configuration, or a dictionary
    of configurations and targets.
    """
    name: str
    unit: str
    get: object
    target: Union[Target, dict, None] = None

    def target_of(self, name: str, first: str) -> Optional[Target]:
        """Returns the target of a configuration."""
        if isinstance(self.target, dict):
            return self.target.get(name)
        return self.target if name == first else None


class Report:
    """All figures of a run. Logs its progress."""

    def __init__(self, rounds: int, quick: bool = False, log=print, only=None):
        self.rounds, self.quick = rounds, quick
        self.log, self._only = log, only
        self.figures: list = []
        self._load = BackgroundLoad()
        self._busy = Figure("machine.used-by-others", "%", "host")

    def seconds(self, usual: float) -> float:
        """Returns the duration of a stream."""
        return usual / 2 if self.quick else usual

    def compare(self, group: str, accelerator: str, configurations: dict, measures, prepare=None,
                with_reference: bool = True, order=None, compared=None):
        """
        Measures configurations (name -> object), alternating between them. The second one is the
        reference. The first one, or those that `compared` names, are compared with it. Without
        `with_reference` there is no reference, and each configuration has the targets.

        `prepare(object)` runs before each measurement. `measure.get(object)` returns a value, or a
        dictionary of names and values for several measures. `order` is the order of the
        configurations within a round.
        """
        names = [*configurations]
        if self._only:
            measures = [m for m in measures if m.name in self._only or m.get is None]
        figures = {(m.name, n): Figure(f"{group}.{m.name}.{n}", m.unit, accelerator)
                   for m in measures for n in names}
        for number in range(self.rounds):
            for measure in measures:
                if measure.get is None:
                    continue
                for name in order or names:
                    if prepare:
                        prepare(configurations[name])
                    value = measure.get(configurations[name])
                    values = value if isinstance(value, dict) else {measure.name: value}
                    for key, one in values.items():
                        figures[key, name].runs.append(one)
                last = ", ".join(f"{n} {figures[measure.name, n].runs[-1]:.4g}" for n in names)
                self._busy.runs.append(self._load.percent())
                self.log(f"  {group} {number + 1}/{self.rounds} {measure.name}: {last} "
                         f"{measure.unit} (other processes: {self._busy.runs[-1]:.0f}%)")
        figures = {key: figure for key, figure in figures.items() if figure.runs}
        for measure in measures:
            if (measure.name, names[0]) not in figures:
                continue
            if not with_reference:
                for name in names:
                    figures[measure.name, name].target = measure.target
                continue
            for name in compared or names[:1]:
                figure = figures[measure.name, name]
                target = figure.target = measure.target_of(name, names[0])
                if len(names) > 1:
                    reference = target and target.against or names[1]
                    figure.against = figures[measure.name, reference]
        self.figures += figures.values()

    def objects(self) -> list:
        """Returns the figures as objects of results.json."""
        busy = [self._busy] if self._busy.runs else []
        return [figure.as_json() for figure in self.figures + busy]


def write(figures: list, path):
    """Writes results.json, with one object in each line."""
    lines = ",\n".join(map(json.dumps, figures))
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
