"""Figures of a part: one list per case, rival and metric, with a value of each round."""

import collections
import json
import pathlib
import statistics

Metric = collections.namedtuple("Metric", "key label digits", defaults=(0,))
Metric.__doc__ = """KEY in the data; LABEL as a column's heading, with its unit; DIGITS
behind the point."""

Target = collections.namedtuple("Target", "text judge")
Target.__doc__ = """TEXT says it; JUDGE(figures) gives (what was measured, as text, and
whether it is met), or None where the run had not what it takes to judge."""


def median(values):
    return statistics.median(values)


class Figures:
    """
    rows: {case: {rival: {metric: [a value of each round]}}}, in order of appearance.
    oks: {rival: what its OK means}. left_out: {rival: why}. about: the machine.
    """

    def __init__(self, part, about=None):
        self.part, self.about = part, about or {}
        self.rows, self.oks, self.left_out, self.notes = {}, {}, {}, []

    def add(self, case, rival, values):
        row = self.rows.setdefault(case, {}).setdefault(rival, {})
        for key, value in values.items():
            row.setdefault(key, []).append(value)

    def all(self, case, rival, key):
        """Values of the rounds; an empty list if there are none."""
        return self.rows.get(case, {}).get(rival, {}).get(key, [])

    def median(self, case, rival, key):
        """None if it was not measured."""
        values = self.all(case, rival, key)
        return statistics.median(values) if values else None

    def ratio(self, case, rival, other, key):
        """
        The median over the rounds of RIVAL's value divided by OTHER's of the same round:
        what slows a round down slows both. None if either was not measured.
        """
        pairs = list(zip(self.all(case, rival, key), self.all(case, other, key)))
        pairs = [(a, b) for a, b in pairs if b]
        return statistics.median(a / b for a, b in pairs) if pairs else None

    def save(self, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.part}.json"
        path.write_text(json.dumps(vars(self), indent=1, ensure_ascii=False) + "\n")
        return path

    @classmethod
    def load(cls, path):
        figures = cls(None)
        vars(figures).update(json.loads(pathlib.Path(path).read_text()))
        return figures
