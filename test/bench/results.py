"""The figures of a run, and the files that keep them.

One JSON object: "machine" says where and when, "lane" which transport stood for a job's default, "rounds" how many there
were, "units" the unit of each row's figure, "values" each figure round by round (null where it was not measured),
"failures" what did not run.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
import stats
from rows import RATES, Row

Values = list[float | None]


@dataclass
class Results:
    machine: dict[str, Any]
    lane: str
    rounds: int = 0
    values: dict[str, Values] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add_round(self, figures: dict[str, float]) -> None:
        for key in figures:
            self.values.setdefault(key, [None] * self.rounds)
        self.rounds += 1
        for key, values in self.values.items():
            values.append(figures.get(key))

    def seen(self, key: str) -> list[float]:
        return [value for value in self.values.get(key, ()) if value is not None]

    def estimate(self, key: str) -> stats.Estimate | None:
        seen = self.seen(key)
        return stats.estimate(seen) if seen else None

    def ratio(self, row: Row) -> stats.Estimate | None:
        if row.key not in self.values or row.floor not in self.values:
            return None
        found = stats.ratios(self.values[row.key], self.values[row.floor], row.rate)
        return stats.estimate(found) if found else None

    def factors(self) -> dict[str, stats.Estimate]:
        """Of the machine, by kind."""
        figures = [
            {key: value for key, values in self.values.items() if (value := values[number]) is not None}
            for number in range(self.rounds)
        ]
        return {kind: stats.estimate(found) for kind, found in machine.factors(figures).items()}

    def rate(self, key: str) -> bool:
        return self.units.get(key) in RATES

    def as_json(self) -> str:
        head = {
            "machine": self.machine,
            "lane": self.lane,
            "rounds": self.rounds,
            "failures": self.failures,
            "units": self.units,
        }
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        values = [
            f"  {json.dumps(key)}: [{', '.join('null' if value is None else f'{value:.4g}' for value in seen)}]"
            for key, seen in self.values.items()
        ]
        lines.append('"values": {\n' + ",\n".join(values) + "\n}")
        return "{" + ",\n".join(lines) + "}\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        data = json.loads(text)
        return cls(**{name: data[name] for name in ("machine", "lane", "rounds", "values", "units", "failures")})


def figures_of(said: str) -> dict[str, float]:
    """Of a program's lines "key value": the median of each key's. ValueError, with the line, for any other."""
    seen: dict[str, list[float]] = {}
    for line in said.splitlines():
        key, _, number = line.partition(" ")
        try:
            seen.setdefault(key, []).append(float(number))
        except ValueError:
            raise ValueError(line[:80]) from None
    return {key: statistics.median(values) for key, values in seen.items()}


def latest(folders: Sequence[Path]) -> list[Path]:
    """The files of results, oldest first, by the time in their names; one that is kept too is one."""
    found = {path.name: path for folder in folders for path in folder.glob("2*.json")}
    return [path for _, path in sorted(found.items())]
