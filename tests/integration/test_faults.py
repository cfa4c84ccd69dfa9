"""
The rows of the fault table that take seconds, with fewer events; and the counting of them
all, which must see what is lost, repeated or out of order.
"""

import os
import pathlib
import random
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "faults"), str(TESTS / "bench")]

import rows  # noqa: E402
from faults import count, table  # noqa: E402
from faults.followers import Notes, heard_in  # noqa: E402
from faults.row import ROWS, Row, verdict  # noqa: E402
from faults.scene import Scene  # noqa: E402

QUICK = ("kill-serve", "kill-work", "stop-work-standby", "rolling", "kill-redis", "no-scripts",
         "redis-full", "poison")
SEED = os.environ.get("SEED") or random.randrange(10 ** 6)


@pytest.mark.parametrize("name", QUICK)
def test_fault(site, name):
    row = ROWS[name]
    assert row.site == "plain" and rows.MODULES
    run = Scene(site, row, f"{SEED}.{name}.{site.kind}.0", rate=30, many=20).run()
    print(table.brief(run))
    assert not verdict(row, run), f"SEED={SEED}: {table.brief(run)}"
    assert run["accepted"] > 30 and run["deliveries"] > run["accepted"]


# ---- the counting ----


def heard(*events, source=1):
    """(number, n) each, one a second."""
    return [count.Heard(source, number, (7, n), float(at))
            for at, (number, n) in enumerate(events)]


def accepted(numbers, source=1):
    return {"f": {(source, number): 0.0 for number in numbers}}


def test_all_is_well():
    follower = heard((0, 1), (1, 2), (2, 3))
    assert count.count(accepted(range(3)), {("a", "f"): follower}) == (3, 0, 0, 0, 0)


def test_each_follower_that_missed_an_event_counts():
    whole, part = heard((0, 1), (1, 2), (2, 3)), heard((0, 1), (2, 3))
    followers = {("a", "f"): whole, ("b", "f"): part, ("c", "f"): part}
    assert count.count(accepted(range(3)), followers) == (3, 2, 0, 0, 0)
    assert set(count.missing(accepted(range(3)), followers)) == {
        (("b", "f"), (1, 1)), (("c", "f"), (1, 1))}


def test_what_was_not_accepted_is_owed_to_nobody():
    """It may have been stored all the same, and come."""
    followers = {("a", "f"): heard((0, 1), (1, 2)), ("b", "f"): heard((0, 1))}
    assert count.count(accepted([0]), followers) == (1, 0, 0, 0, 0)


def test_copies_are_repeats_and_only_the_first_has_a_place():
    follower = heard((0, 1), (1, 2), (0, 1), (1, 2), (2, 3))
    assert count.count(accepted(range(3)), {("a", "f"): follower}) == (3, 0, 2, 0, 0)


@pytest.mark.parametrize("events", [
    [(1, 2), (0, 1), (2, 3)],  # both orders say so
    [(1, 1), (0, 2), (2, 3)],  # the connection posted 0 before 1
    [(0, 2), (1, 1), (2, 3)],  # the log has 1 before 0
])
def test_two_that_are_swapped(events):
    assert count.count(accepted(range(3)), {("a", "f"): heard(*events)}) == (3, 0, 0, 1, 0)


def test_what_comes_late_out_of_the_servers_store_is_told_apart():
    follower = heard((1, 2), (0, 1), (2, 3))
    follower[1] = follower[1]._replace(stored=True)
    assert count.count(accepted(range(3)), {("a", "f"): follower}) == (3, 0, 0, 1, 1)


def test_connections_have_numbers_of_their_own():
    follower = heard((5, 1)) + heard((0, 2), source=2)
    assert not count.out_of_order(follower)


def test_an_epoch_goes_before_a_number():
    first, second = count.Heard(1, 0, (7, 9), 0), count.Heard(1, 1, (8, 1), 1)
    assert not count.out_of_order([first, second])
    assert count.out_of_order([first._replace(place=(8, 2)), second]) == [second]


def test_the_longest_silence():
    follower = heard((0, 1), (1, 2)) + [count.Heard(1, 2, (7, 3), 9.0)]
    assert count.silence(follower, 0.5) == 8.0
    assert count.silence(follower, 8.0) == 1.0
    assert count.silence(follower, 9.5) is None
    assert count.flowing_after({("a", "f"): follower, ("b", "f"): []}, 0.5) is None


def test_deliveries_are_told_from_other_messages():
    assert heard_in("f~7-3~abc", "bell 4-5.bell 4-5.", 1.0) == (
        "f", count.Heard(4, 5, (7, 3), 1.0))
    assert heard_in("m1", "bell 4-5.", 1.0) is None
    assert heard_in("f~7-3~abc", "poison", 1.0) is None
    notes = Notes()
    notes.add("a", "f")
    notes.hear("a", "f~7-3~abc", "bell 4-5.", 1.0)
    notes.hear("b", "f~7-3~abc", "bell 4-5.", 1.0)
    assert list(notes.copy()) == [("a", "f")] and len(notes.copy()["a", "f"]) == 1


# ---- the table ----


RUN = {"seed": "1.x.prosody.0", "accepted": 10, "lost": 0, "unseen": 0, "repeated": 0,
       "out_of_order": 0, "stored": 0, "deliveries": 20, "flowing_s": 1.0, "lasted_s": 1.0,
       "refused": {}, "notes": []}
ABOUT = {"date": "2026-01-02", "system": "Debian", "kernel": "6.1", "cores": 2, "cpu": "a CPU",
         "versions": {"redis-server": "7.0"}}


@pytest.mark.parametrize("bad", [
    {"lost": 1}, {"gone": 1}, {"out_of_order": 2, "stored": 1},
    {"out_of_order": 1, "stored": 1}, {"out_of_order": 1}, {"repeated": 6},
    {"flowing_s": None}, {"error": "it did not start"}])
def test_a_miss_is_shown(monkeypatch, bad):
    row = Row("x", "something breaks", None, repeats=5, why="so it is", disorder="so it comes")
    monkeypatch.setitem(ROWS, "x", row)
    runs = [RUN, {**RUN, **bad}]
    assert not verdict(row, {**RUN, "repeated": 5}) and verdict(row, runs[1])
    page = table.markdown({"x": {"prosody": {"about": ABOUT, "runs": runs}}})
    assert "**1 of 2**" in page and "1.x.prosody.0" in page
    assert ("So it is." in page) == ("lost" in bad)
    assert ("So it comes." in page) == (bad.get("out_of_order", 0) > bad.get("stored", 0))
    assert ("behind newer events" in page) == ("stored" in bad)
    page = table.markdown({"x": {"prosody": {"about": ABOUT, "runs": [RUN, RUN]}}})
    assert "| yes |" in page and "Every run met its target." in page


def test_only_the_table_is_replaced():
    text = "a\n<!-- faults -->\nold\n<!-- /faults -->\nb\n"
    assert table.put(text, "new\n") == "a\n<!-- faults -->\nnew\n<!-- /faults -->\nb\n"
