"""
What the parts of `make bench` share: rounds, figures, CPU clocks, report and plots.

A part is a module of tests/bench/parts:

    TITLE       its heading in the report
    METRICS     [Metric(...)], in the order of the columns
    TARGETS     [Target(...)]: what it ought to reach, judged from the figures
    PACKAGES    Debian packages its rivals need, beyond those of scripts/setup
    NPM         (optional) packages of the npm registry, {name: version}
    PLOTS       [Plot(...)]
    ROUNDS      (optional) how many, if ROUNDS does not say; 5
    run(bench)  measures: bench.rounds(...), bench.say(...), bench.leave_out(...)
"""

from .figures import Figures, Metric, Target, median
from .machine import CpuClock
from .plots import Plot
from .session import Bench

__all__ = ["Bench", "CpuClock", "Figures", "Metric", "Plot", "Target", "median"]
