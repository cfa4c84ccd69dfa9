"""A row of the fault table."""

import dataclasses
import typing

# What a worker has in flight: four windows on their way and 16 that Redis has not confirmed.
# At the table's rates each event makes a window of its own.
WINDOWS = 20

ROWS = {}


@dataclasses.dataclass
class Row:
    """
    INJECT(scene) breaks something and mends it again. TITLE says what; PROMISE, what is
    promised about it. DISORDER: the reason for what is out of order, where it is known.
    TIMES: how often it is run on each of SERVERS. SITE: which set-up it
    needs (sites.py). WORKERS: the first sends, others stand by. MANY, PEOPLE: followers of
    each feed. REPEATS: how many are allowed a run, by default what is in flight. WHY: the
    reason for a miss that is known. PATIENCE: seconds that all may take to arrive. RATE:
    events a second. LOOK: whether each accepted event is looked for in the store at the end.
    RECEIPTS: whether the people confirm what they get.
    """
    name: str
    title: str
    inject: typing.Callable
    promise: str = "at least once, in order"
    times: int = 5
    servers: tuple = ("prosody", "ejabberd")
    site: str = "plain"
    workers: int = 1
    many: int = 50
    people: int = 3
    repeats: int = None
    why: str = ""
    disorder: str = ""
    patience: float = 30
    rate: float = 60
    look: bool = False
    receipts: bool = False

    def __post_init__(self):
        if self.repeats is None:
            self.repeats = WINDOWS * (self.many + self.people)


def row(name, title, **more):
    def add(inject):
        ROWS[name] = Row(name, title, inject, **more)
        return inject
    return add


def verdict(row, run):
    """What RUN (as saved) missed, in words; empty where it met its target."""
    if "error" in run:
        return [run["error"]]
    missed = []
    if run["lost"]:
        missed.append(f"{run['lost']:,} lost")
    if run.get("gone"):
        missed.append(f"{run['gone']:,} no longer in the store")
    if run["out_of_order"]:
        stored = f", {run['stored']:,} of them out of the server's store"
        missed.append(f"{run['out_of_order']:,} out of order{stored if run['stored'] else ''}")
    if run["repeated"] > row.repeats:
        missed.append(f"{run['repeated']:,} repeated, {row.repeats:,} allowed")
    if run["flowing_s"] is None:
        missed.append("not flowing again")
    return missed
