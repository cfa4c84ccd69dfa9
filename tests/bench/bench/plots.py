"""Plots as SVG, from the saved figures."""

import collections
import statistics

from .report import number

Plot = collections.namedtuple("Plot", "name title metric cases log")
Plot.__new__.__defaults__ = (None, False)
Plot.__doc__ = """One metric: a group for each case (CASES: a function of a case's name
that gives its label, or None to leave it out), a bar for each rival, a whisker from the
lowest to the highest round. LOG: a logarithmic axis, and dots, as it has no zero that a
bar could begin at. NAME ends the file's name."""

OURS, OTHERS, INK = "#8c2d19", "#8496a6", "#222222"
ROW, HEADING, REST, WIDTH = 0.21, 0.26, 0.85, 7.2  # inches

Bar = collections.namedtuple("Bar", "at rival values")


def _pyplot():
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({
        "svg.fonttype": "none", "svg.hashsalt": "belfry", "font.family": "sans-serif",
        "font.size": 8.5, "axes.spines.top": False, "axes.spines.right": False,
        "axes.spines.left": False, "axes.axisbelow": True,
        "figure.constrained_layout.use": True})
    from matplotlib import pyplot
    return pyplot


def short(value, _position=None):
    """An axis' label: 1,500,000 is 1.5M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _bars(plot, figures):
    """The bars from the top downwards, and [(where, heading)]; inches."""
    bars, headings, at = [], [], 0.0
    labels = {case: plot.cases(case) if plot.cases else case for case in figures.rows}
    shown = {case: label for case, label in labels.items() if label and any(
        row.get(plot.metric) for row in figures.rows[case].values())}
    for case, label in shown.items():
        if len(shown) > 1:
            headings.append((at + HEADING / 2, " ".join(label.split())))
            at += HEADING
        for rival in figures.rows[case]:
            values = figures.all(case, rival, plot.metric)
            if values:
                bars.append(Bar(at + ROW / 2, rival, values))
                at += ROW
    return bars, headings, at


def _draw_bars(axes, bars, log):
    middle = [statistics.median(b.values) for b in bars]
    ours = [b.rival.lower().startswith("belfry") for b in bars]
    colours = [OURS if one or not any(ours) else OTHERS for one in ours]
    rows = [b.at for b in bars]
    if log:
        axes.set_xscale("log")
        axes.scatter(middle, rows, 26, colours, zorder=3)
    else:
        axes.barh(rows, middle, ROW * 0.74, color=colours)
    for bar in bars:
        if max(bar.values) > min(bar.values):
            axes.plot([min(bar.values), max(bar.values)], [bar.at] * 2, color=INK,
                      linewidth=0.9, zorder=2)
    return middle


def draw(plot, metric, figures, path):
    """False, and no file, where nothing was measured that it could show."""
    bars, headings, height = _bars(plot, figures)
    if not bars:
        return False
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(WIDTH, height + REST))
    middle = _draw_bars(axes, bars, plot.log)
    for bar, value in zip(bars, middle):
        axes.annotate(number(value, metric.digits), (max(bar.values), bar.at), (6, 0),
                      textcoords="offset points", va="center", fontsize=8)
    for at, text in headings:
        axes.annotate(text, (0, at), (2, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", va="center", weight="bold", fontsize=8)
    axes.set_yticks([b.at for b in bars], [b.rival for b in bars])
    axes.set_ylim(height, 0)
    most = max(max(b.values) for b in bars)
    least = min(min(b.values) for b in bars)
    if plot.log:
        axes.set_xlim(least / 1.6, most * (most / least) ** 0.15 * 1.4)
    else:
        axes.set_xlim(0, most * 1.15)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.xaxis.set_major_formatter(short)
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel(metric.label)
    figure.suptitle(plot.title, fontsize=10, x=0.01, ha="left")
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    return True
