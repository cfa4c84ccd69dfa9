"""One event to 1,000, 100,000 and 1,000,000 subscribers, into a sink that counts."""

import os
import pathlib
import subprocess
import time

from bench import CpuClock, Metric, Plot, Target, median
from bench.machine import memory_kib
from bench.sink import EVENT, Sink, Station, verify

TITLE = "Fan-out into a sink"
PACKAGES = []
METRICS = [
    Metric("rate", "stanzas/s"),
    Metric("cpu", "CPU a stanza, µs", 2),
    Metric("redis_cpu", "Redis' CPU a stanza, µs", 2),
    Metric("last_ms", "POST to the last, ms", 1),
    Metric("peak", "memory at its peak, MiB", 1),
    Metric("row", "Redis, bytes a subscriber", 1),
]
BELFRY, WRITE = "belfry work", "write(2), 64 KiB at a time"
RAW, TREE = "libstrophe, xmpp_send_raw each", "libstrophe, a tree each"
SIZES = {1_000: "1,000 subscribers", 100_000: "100,000 subscribers",
         1_000_000: "1,000,000 subscribers"}
FIRST, *_, LAST = SIZES.values()
TREES_MAX = 200_000


def judge_rate(figures):
    rate = figures.median(LAST, BELFRY, "rate")
    share = figures.ratio(LAST, BELFRY, WRITE, "rate")
    return rate and (f"{rate / 1e6:.2f}M, {share:.2f} of write(2)", rate >= 800_000)


def judge_cpu(figures):
    cpu = figures.median(LAST, BELFRY, "cpu")
    return cpu and (f"{cpu:.2f} µs", cpu < 1)


def judge_row(figures):
    row = figures.median(LAST, BELFRY, "row")
    return row and (f"{row:.1f} bytes", row <= 50)


def judge_peak(figures):
    few, many = (figures.median(size, BELFRY, "peak") for size in (FIRST, LAST))
    return few and (f"{few:.1f} MiB with 1,000, {many:.1f} MiB with 1,000,000",
                    many - few <= max(1, few / 5))


TARGETS = [
    Target("0.8M stanzas/s to 1,000,000 subscribers", judge_rate),
    Target("under 1 µs of the worker's CPU a stanza", judge_cpu),
    Target("50 bytes of Redis a subscriber", judge_row),
    Target("the worker's memory does not grow with the subscribers (1 MiB or 20 %)",
           judge_peak),
]
PLOTS = [Plot("rate", "Stanzas a second into a sink", "rate", None, True),
         Plot("cpu", "CPU a stanza", "cpu", None, True)]


class Place:
    def __init__(self, bench):
        self.bench = bench
        self.sink = Sink(bench).start()
        self.station = Station(bench, self.sink)
        self.sample = bench.dir / "stanza"
        # What Redis sets up once for its clients is nobody's subscription.
        self.station.populate("warm:200")

    def feed(self, number, case):
        """Makes it and fills it."""
        before = self.station.redis_bytes()
        self.station.populate(f"feed{number}:{number}")
        if number > 1000:  # else it is more about the feed
            self.bench.record(case, BELFRY, {
                "row": (self.station.redis_bytes() - before) / number})

    def belfry(self, number):
        """A small feed's event is over too soon to be timed once."""
        times = 1 if number > 1000 else 10
        measured = [self._belfry(number) for _ in range(times)]
        return {key: median([m[key] for m in measured]) for key in measured[0]}

    def _belfry(self, number):
        station, feed = self.station, f"feed{number}"
        self.sink("reset")
        # The peak from now on.
        pathlib.Path(f"/proc/{station.work.pid}/clear_refs").write_text("5")
        work, redis = CpuClock(station.work.pid), CpuClock(station.redis.child.pid)
        began_us = time.monotonic_ns() / 1000
        event = station.rest.publish(feed, EVENT)["id"]
        self.sink.await_messages(number)
        station.settled((feed, event))
        work_s, redis_s = work.seconds(), redis.seconds()
        report = self.sink("report")
        verify(report, number)
        self.sink("sample", self.sample)
        last_us = report["events"][0]["last_us"] - began_us
        return {"rate": number / last_us * 1e6, "cpu": work_s / number * 1e6,
                "redis_cpu": redis_s / number * 1e6, "last_ms": last_us / 1000,
                "peak": memory_kib(station.work.pid, "VmHWM") / 1024}

    def bare(self, way, number):
        self.sink("reset")
        proc = subprocess.Popen([self.bench.program("fanout_bare"), way,
                                 str(self.sink.port), str(self.sample), str(number)],
                                stdout=subprocess.PIPE, text=True)
        out, _ = proc.communicate(timeout=120)
        if proc.returncode != 0:
            raise RuntimeError(f"fanout_bare {way} ended with {proc.returncode}")
        report = self.sink.await_messages(number)
        verify(report, number)
        began_us, cpu_s = out.split()
        last_us = report["events"][0]["last_us"] - int(began_us)
        return {"rate": number / last_us * 1e6, "cpu": float(cpu_s) / number * 1e6}


def run(bench):
    sizes = dict(zip(bench.scale(list(SIZES), [1000, 5000, 20000]), SIZES.values()))
    os.sync()  # what others left to be written is not ours to wait for
    place = Place(bench)
    for number, case in sizes.items():
        place.feed(number, case)
    place.station.start_work()
    place.belfry(min(sizes))  # the first one finds it cold
    for number, case in sizes.items():
        bench.rounds(case, {
            BELFRY: lambda n=number: place.belfry(n),
            WRITE: lambda n=number: place.bare("write", n),
            RAW: lambda n=number: place.bare("raw", n),
            TREE: lambda n=number: place.bare("tree", min(n, TREES_MAX))})
    rows = bench.figures.rows
    bench.figures.rows = {case: rows[case] for case in sizes.values()}
    bench.ok_means(BELFRY, "timed from the POST to the last stanza in the sink; each is "
                   "behind a barrier, and the cursors and counters are in Redis' file "
                   "(`appendfsync always`) before the CPU is read")
    bench.ok_means(WRITE, "the same bytes, ready in memory, only the receivers' numbers "
                   "made new; timed from the first write to the last stanza in the sink")
    for rival in (RAW, TREE):
        bench.ok_means(rival, "from memory, without any acknowledgement or record; timed "
                       "from the first call to the last stanza in the sink")
    bench.note(f"The trees are sent to {TREES_MAX:,} at most: each costs the same.")
