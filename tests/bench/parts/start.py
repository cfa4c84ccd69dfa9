"""
How long until it is ready, and until a stand-by has taken over.

Cold start: from the fork to the first /readyz that says so, asked every millisecond, on a
Redis that has feeds with followers; a worker is ready when its link is up. Take-over: two
workers, a follower who is online; the owner is killed, told to stop, or stopped in its
tracks (SIGSTOP), at any time of its lease. An event is posted in that moment.
"""

import pathlib
import random
import shutil
import signal
import subprocess
import time

from bench import Metric, Plot, Target
from belfry_testing import Site, belfry, wait_until
from belfry_testing.child import Child, free_port
from belfry_testing.client import is_event

TITLE = "Start"
METRICS = [Metric("ready_ms", "ready after, ms"),
           Metric("link_ms", "holds the link after, ms"),
           Metric("event_ms", "event received after, ms"), Metric("kib", "KiB")]
PACKAGES = []
COLD = "cold start"
ENDS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGSTOP": signal.SIGSTOP}
KINDS = {"prosody": "Prosody", "ejabberd": "ejabberd"}
LEASE_S = 2.0
SEED = 20

PLOTS = [Plot("takeover", "Until an event reaches a follower again", "event_ms",
              lambda case: case.removeprefix("the owner ends, on ")
              if case.startswith("the owner") else None)]


def takeover_case(kind):
    return f"the owner ends, on {KINDS[kind]}"


def _longest(figures, cases, key):
    """(median of the slowest rival, the slowest of all rounds); None without figures."""
    rows = [v[key] for c, row in figures.rows.items() if c in cases
            for v in row.values() if v.get(key)]
    return (max(sorted(r)[len(r) // 2] for r in rows), max(map(max, rows))) if rows else None


def _judge(cases, keys, limit_ms):
    def judge(figures):
        found = [_longest(figures, cases, key) for key in keys]
        if None in found:
            return None
        middle, most = max(f[0] for f in found), max(f[1] for f in found)
        return (f"{middle / 1000:.2f} s (the median of the slowest case), "
                f"{most / 1000:.2f} s at most", middle < limit_ms)
    return judge


TARGETS = [
    Target("ready in less than 0.3 s", _judge([COLD], ["ready_ms"], 300)),
    Target("a stand-by has taken over in less than 3 s",
           _judge([takeover_case(k) for k in KINDS],
                  ["link_ms", "event_ms"], 3000)),
]


def fill(bench, site):
    for number in range(bench.scale(100, 5)):
        site.rest.put_feed(f"feed{number}", access="open")
        site.rest.follow_many(f"feed{number}", [
            f"user{i}@{site.server.crowd_domain}" for i in range(bench.scale(50, 5))])


def cold_start(site, command):
    """Milliseconds from the fork until it is ready."""
    port = free_port()
    section = {"serve": "http", "work": "work"}[command]
    config = site.write_config("cold.ini", **{section: {"listen": f"127.0.0.1:{port}"}})
    program = belfry.Program(command, config, site.logs / "cold.log")
    program.port = port
    ready = program.ready if command == "serve" else program.holds_link
    began = time.monotonic()
    Child.start(program)
    wait_until(ready, program.tail, pause=0.001)
    took = time.monotonic() - began
    if program.stop() != 0:
        raise RuntimeError(f"belfry {command} did not stop as it should:\n{program.tail()}")
    return {"ready_ms": took * 1000}


class TakeOver:
    """Two workers of a site, of whom one is ended again and again."""

    def __init__(self, site, lease_s, chance):
        self.site, self.lease_s, self.chance = site, lease_s, chance
        self.owner, self.standby = site.add_work(), site.add_work()
        self.feed = "takeover"
        site.rest.put_feed(self.feed, access="open")
        self.alice = site.client("alice")
        site.rest.follow(self.feed, self.alice.jid)

    def arrival(self, event):
        return self.alice.wait_for(is_event(self.feed, event["item"]), 30).at

    def publish(self):
        return self.site.rest.publish(self.feed, title="Still here")

    def settle(self):
        """Both are well, and what is posted arrives."""
        wait_until(self.owner.holds_link, self.owner.tail, 30)
        wait_until(self.standby.ready, self.standby.tail, 30)
        self.arrival(self.publish())

    def end_owner(self, number):
        self.settle()
        # The owner's beat and the stand-by's look have a rhythm.
        time.sleep(self.chance.random() * self.lease_s / 2)
        began = time.monotonic()
        self.owner.send_signal(number)
        event = self.publish()
        wait_until(self.standby.holds_link, self.standby.tail, 30, pause=0.005)
        linked = time.monotonic()
        arrived = self.arrival(event)
        self.restart_owner(number)
        return {"link_ms": (linked - began) * 1000, "event_ms": (arrived - began) * 1000}

    def restart_owner(self, number):
        old, self.owner = self.owner, self.standby
        if number == signal.SIGSTOP:
            old.thaw()
        else:
            old.wait(10)
            old.start(ready=False)
        self.standby = old
        wait_until(lambda: old.ready() and not old.holds_link(), old.tail, 30)


def measure_site(bench, kind):
    lease_s = bench.scale(LEASE_S, 0.5)
    chance = random.Random(SEED)
    site = Site(kind, settings={"work": {"lease_ms": int(lease_s * 1000)}}, say=bench.say)
    try:
        site.start(workers=0)
        fill(bench, site)
        cold = {f"work, {KINDS[kind]}": lambda: cold_start(site, "work")}
        if COLD not in bench.figures.rows:
            cold = {"serve": lambda: cold_start(site, "serve"), **cold}
        bench.rounds(COLD, cold, times=bench.scale(4, 1))
        over = TakeOver(site, lease_s, chance)
        bench.rounds(takeover_case(kind),
                     {name: lambda n=number: over.end_owner(n)
                      for name, number in ENDS.items()}, times=bench.scale(2, 1))
    finally:
        site.stop()


def measure_size(bench):
    built = belfry.binary()
    stripped = pathlib.Path(bench.dir) / "belfry"
    shutil.copy(built, stripped)
    subprocess.run(["strip", stripped], check=True)
    for name, file in (("as built, with debugging information", built),
                       ("stripped", stripped)):
        bench.record("the program", name, {"kib": file.stat().st_size / 1024})


def run(bench):
    for kind in ["prosody"] if bench.quick else KINDS:
        measure_site(bench, kind)
    measure_size(bench)
    if not bench.quick:
        bench.note(f"Each start was measured {bench.count * 4} times, each take-over "
                   f"{bench.count * 2} times. work.lease_ms is {LEASE_S * 1000:.0f}, as "
                   "it is by default.")
