"""What the benchmarks' report is made of: medians, ratios, numbers, tables, targets."""

import pathlib
import sys
import types

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

from bench import Figures, Metric, Plot, Target, report  # noqa: E402
from bench.plots import short  # noqa: E402
from bench.session import Bench  # noqa: E402

ABOUT = {"rounds": 3, "date": "2026-01-02", "system": "Debian", "kernel": "6.1",
         "cores": 2, "cpu": "a CPU", "versions": {"redis-server": "7.0"}}


@pytest.fixture
def figures():
    made = Figures("part", {**ABOUT})
    for ours, theirs in ((30, 10), (40, 20), (80, 10)):
        made.add("case", "ours", {"rate": ours})
        made.add("case", "theirs", {"rate": theirs, "cpu": 0.5})
    return made


def part(**more):
    return types.SimpleNamespace(**{
        "METRICS": [Metric("rate", "a second"), Metric("cpu", "µs", 1)], "TARGETS": [],
        "PLOTS": [Plot("rate", "Rates", "rate")], **more})


def test_a_ratio_is_of_the_same_round(figures):
    assert figures.median("case", "ours", "rate") == 40
    assert figures.median("case", "theirs", "rate") == 10
    # 3, 2 and 8; not 40 / 10.
    assert figures.ratio("case", "ours", "theirs", "rate") == 3


def test_what_was_not_measured_is_none(figures):
    assert figures.median("case", "ours", "cpu") is None
    assert figures.median("other", "ours", "rate") is None
    assert figures.ratio("case", "ours", "theirs", "cpu") is None


def test_figures_come_back_from_their_file(figures, tmp_path):
    figures.oks["ours"] = "it is on disk"
    again = Figures.load(figures.save(tmp_path))
    assert vars(again) == vars(figures)


@pytest.mark.parametrize("value, digits, text", [
    (0, 0, "0"), (0, 2, "0.00"), (304.4, 0, "304"), (9999, 0, "9,999"),
    (1234567, 0, "1,230,000"), (1234567.8, 2, "1,230,000"), (450, 2, "450"),
    (45.678, 2, "45.7"), (4.5678, 2, "4.57"), (0.5, 1, "0.5"), (0.00421, 2, "0.0042"),
    (0.3, 0, "0.30"), (-12.34, 2, "-12.3"),
])
def test_numbers_say_no_more_than_they_mean(value, digits, text):
    assert report.number(value, digits) == text


def test_axes_are_short():
    assert [short(v) for v in (0, 5, 0.1, 1000, 1500000)] == ["0", "5", "0.1", "1k", "1.5M"]


def test_a_table_has_median_and_spread(figures):
    assert report.spread([1.001, 1.002], 1) == "1.0"
    assert report.case_table(part(), figures, "case") == [
        "| case | a second | µs |", "|---|---:|---:|",
        "| ours | 40 (30–80) |  |", "| theirs | 10 (10–20) | 0.5 |"]


def test_targets_are_judged(figures):
    targets = [
        Target("twice theirs", lambda f: ("3.0", f.ratio("case", "ours", "theirs",
                                                         "rate") >= 2)),
        Target("all of it", lambda _f: ("half", False)), Target("later", lambda _f: None)]
    assert report.target_table(part(TARGETS=targets), figures)[2:] == [
        "| twice theirs | 3.0 | yes |", "| all of it | half | **no** |",
        "| later | not measured in this run |  |"]


def test_a_block_is_put_between_its_marks():
    text = "a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb\n"
    assert report.put(text, "x", "new\n") == text.replace("old", "new")
    assert report.put(report.put(text, "x", ""), "x", "old\n") == text
    with pytest.raises(SystemExit):
        report.put(text, "y", "new\n")


def test_one_machine_is_said_once(figures):
    other = {**ABOUT, "versions": {"prosody": "0.12"}}
    shared = report.shared_machine([ABOUT, other])
    assert shared["versions"] == {"redis-server": "7.0", "prosody": "0.12"}
    assert ABOUT["versions"] == {"redis-server": "7.0"}
    assert "a CPU" not in report.section(part(), figures, [], shared)
    for different in ({"cpu": "another"}, {"versions": {"redis-server": "7.2"}}):
        assert report.shared_machine([ABOUT, {**ABOUT, **different}]) is None
    assert "a CPU" in report.section(part(), figures, [], None)


def test_rounds_take_turns(tmp_path):
    bench = Bench("part", 3, False, True, tmp_path)
    turns = []

    def contestant(name):
        return lambda: turns.append(name) or {"rate": len(turns)}
    try:
        bench.rounds("case", {name: contestant(name) for name in "abc"})
        bench.count = 1
        bench.rounds("case", {"d": contestant("d")})
    finally:
        bench.close()
    assert "".join(turns) == "abcbcacabd"
    assert list(bench.figures.rows["case"]) == ["a", "b", "c", "d"]
    assert bench.figures.all("case", "a", "rate") == [1, 6, 8]
