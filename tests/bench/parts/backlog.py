"""A million deliveries wait; then the worker starts."""

import time

from bench import CpuClock, Metric, Plot, Target
from bench.machine import memory_kib
from bench.sink import EVENT, Sink, Station, span_s, verify

TITLE = "Backlog"
PACKAGES = []
METRICS = [
    Metric("rate", "deliveries/s"),
    Metric("cpu", "CPU a delivery, µs", 2),
    Metric("start_ms", "start of the worker to the first, ms"),
    Metric("memory", "memory at its peak, MiB", 1),
]
CASE = "1,000,000 deliveries: 5 events to 200,000 subscribers"
WAITING, RUNNING = "they waited for the worker", "posted while it runs"


def judge(figures):
    ratio = figures.ratio(CASE, WAITING, RUNNING, "rate")
    return ratio and (f"{ratio:.2f} of it", ratio >= 0.9)


TARGETS = [Target("drained at the speed of fan-out (90 % of it)", judge)]
PLOTS = [Plot("rate", "Deliveries a second", "rate", lambda case: "1,000,000")]


class Place:
    def __init__(self, bench):
        self.subscribers, self.events = bench.scale((200_000, 5), (4_000, 5))
        self.sink = Sink(bench).start()
        self.station = Station(bench, self.sink)
        self.station.populate(f"feed:{self.subscribers}")

    def post(self):
        return [("feed", self.station.rest.publish("feed", EVENT)["id"])
                for _ in range(self.events)]

    def measure(self, began, posted, work):
        report = self.sink.await_messages(self.subscribers * self.events)
        self.station.settled(*posted)
        seconds = work.seconds()
        report = self.sink("report")
        if len(report["events"]) != self.events:
            raise RuntimeError(f"{len(report['events'])} events, not {self.events}")
        verify(report, self.subscribers)
        total = self.subscribers * self.events
        values = {"rate": total / span_s(report), "cpu": seconds / total * 1e6,
                  "memory": memory_kib(self.station.work.pid, "VmHWM") / 1024}
        if began:
            first = min(e["first_us"] for e in report["events"]) / 1e6
            values["start_ms"] = (first - began) * 1000
        self.station.work.stop()
        return values

    def waiting(self):
        self.sink("reset")
        posted = self.post()
        began = time.monotonic()
        self.station.start_work(wait=False)
        return self.measure(began, posted, CpuClock(self.station.work.pid))

    def running(self):
        self.sink("reset")
        self.station.start_work()
        work = CpuClock(self.station.work.pid)
        return self.measure(None, self.post(), work)


def run(bench):
    place = Place(bench)
    bench.rounds(CASE, {WAITING: place.waiting, RUNNING: place.running})
    for rival in (WAITING, RUNNING):
        bench.ok_means(rival, "timed from the first delivery in the sink to the last; all "
                       "of them are there, once each, and noted as done")
