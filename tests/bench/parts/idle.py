"""Many feeds, many subscribers, and nothing happens."""

import time

from bench import CpuClock, Metric, Target
from bench.machine import memory_kib, switches
from bench.sink import Sink, Station
from belfry_testing.waiting import wait_until

TITLE = "Idle"
PACKAGES = []
METRICS = [
    Metric("cpu", "% of a core", 3),
    Metric("wakeups", "wake-ups a second", 1),
    Metric("memory", "memory, MiB", 1),
]
CASE = "10,000 feeds of 100 subscribers"
SERVE, WORK = "belfry serve", "belfry work"
REDIS, ALONE = "Redis", "Redis without Belfry"


def judge(figures):
    serve, work = (figures.median(CASE, name, "cpu") for name in (SERVE, WORK))
    return serve is not None and work is not None and (
        f"serve {serve:.2f} %, work {work:.2f} %", serve < 0.5 and work < 0.5) or None


TARGETS = [Target("serve and work under 0.5 % of a core each", judge)]
PLOTS = []


class Watch:
    """What processes do while nothing is asked of them."""

    def __init__(self, bench, pids, seconds):
        before = {name: (CpuClock(pid), switches(pid)) for name, pid in pids.items()}
        began = time.monotonic()
        time.sleep(seconds)
        for name, (clock, woken) in before.items():
            pid, took = pids[name], time.monotonic() - began
            bench.record(CASE, name, {
                "cpu": clock.seconds() / took * 100,
                "wakeups": (switches(pid) - woken) / took,
                "memory": memory_kib(pid) / 1024})


def come_to_rest(*pids):
    """What follows a start is over: in half a second nobody is woken often."""
    def quiet():
        before = [switches(pid) for pid in pids]
        time.sleep(0.5)
        return all(switches(pid) - was < 20 for pid, was in zip(pids, before))
    wait_until(quiet, "nothing is going on", 60)


def run(bench):
    sink = Sink(bench).start()
    station = Station(bench, sink)
    feeds, seconds = bench.scale((10_000, 20), (100, 2))
    before = station.redis_bytes()
    station.populate(f"feed*{feeds}:100")
    bench.note(f"Redis' data: {(station.redis_bytes() - before) / 2**20:,.0f} MiB in all.")
    redis = station.redis.child.pid
    station.serve.stop()
    come_to_rest(redis)
    for _ in range(bench.count):
        Watch(bench, {ALONE: redis}, seconds / 2)
    station.serve.start()
    station.start_work()
    pids = {SERVE: station.serve.pid, WORK: station.work.pid, REDIS: redis}
    come_to_rest(*pids.values())
    for _ in range(bench.count):
        Watch(bench, pids, seconds)
    bench.note(f"Each round watches them for {seconds} s, Redis alone before for half of "
               "it. Memory is what is resident; Redis' own is mostly its data.")
