"""An alert to five people every 20 ms while three crowds are being told something."""

import http.client
import json
import threading
import time

from bench import Metric, Plot, Target
from bench.sink import EVENT, Sink, Station, verify
from belfry_testing.ejabberd import Ejabberd
from belfry_testing.prosody import Prosody
from belfry_testing.waiting import wait_until

TITLE = "Fairness"
PACKAGES = []
METRICS = [
    Metric("p50", "p50, ms", 1),
    Metric("p99", "p99, ms", 1),
    Metric("most", "most, ms", 1),
    Metric("crowd", "to the crowds, stanzas/s"),
]
BELFRY, FIFO = "belfry work", "the same with a FIFO queue"
PACED = "sink paced at 50,000 stanzas/s, 3 × 300,000"
SERVERS = {"Prosody, 3 × 8,000": Prosody, "ejabberd, 3 × 8,000": Ejabberd}
EVERY_S, PEOPLE, PACE = 0.02, 5, 50_000


def judge(figures):
    p99 = figures.median(PACED, BELFRY, "p99")
    return p99 and (f"{p99:.1f} ms", p99 < 20)


TARGETS = [Target("p99 of an alert under 20 ms into the paced sink", judge)]
PLOTS = [Plot("p99", "An alert beside three crowds, p99", "p99",
              lambda case: case.split(", ")[0], True)]


class Alerts(threading.Thread):
    """One every 20 ms until end(): {item: when it was due, in monotonic us}."""

    def __init__(self, rest):
        super().__init__(daemon=True)
        self.rest, self.due, self.error = rest, {}, None
        self._end = threading.Event()

    def run(self):
        try:
            self._post_all()
        except (OSError, http.client.HTTPException, RuntimeError, ValueError) as e:
            self.error = e

    def _post_all(self):
        rest = self.rest
        connection = http.client.HTTPConnection(rest.host, rest.port, timeout=20)
        headers = {"Authorization": f"Bearer {rest.token}",
                   "Content-Type": "application/json"}
        due = time.monotonic()
        while not self._end.is_set():
            due += EVERY_S
            time.sleep(max(0, due - time.monotonic()))
            connection.request("POST", "/v1/feeds/alert/events", json.dumps(EVENT), headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 202:
                raise RuntimeError(f"{answer.status}: {body[:200]!r}")
            # Late or not: it counts from when it was due.
            self.due[json.loads(body)["item"]] = due * 1e6
        connection.close()

    def end(self):
        self._end.set()
        self.join()
        if self.error:
            raise self.error


def rank(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Place:
    def __init__(self, bench, sink, server=None, name="station", domain="example.org"):
        self.bench, self.sink = bench, sink
        self.station = Station(bench, sink, server, name)
        self.belfry = self.station.work.argv
        self.fifo = [bench.program("fifo_work")]
        self.domain = domain

    def fill(self, crowd):
        self.crowd = crowd
        self.station.populate(*(f"crowd{i}:{crowd}" for i in range(3)),
                              f"alert:{PEOPLE}", domain=self.domain)

    def measure(self, argv, pace=0, seconds=30.0, hurry=False):
        """HURRY: once there are no more alerts, the rest comes unpaced."""
        station, sink = self.station, self.sink
        station.work.argv = [str(a) for a in argv]
        station.start_work()
        sink("pace", pace)
        sink("reset")
        posted = [(f"crowd{i}", station.rest.publish(f"crowd{i}", EVENT)["id"])
                  for i in range(3)]
        began = time.monotonic()
        alerts = Alerts(station.rest)
        alerts.start()
        wait_until(lambda: self._crowds(sink("report")) >= 3 * self.crowd
                   or time.monotonic() - began >= seconds, "the alerts' time", 120)
        alerts.end()
        if hurry:
            sink("pace", 0)
        report = self._await_all(alerts.due)
        station.settled(*posted)
        station.work.stop()
        sink("pace", 0)
        figures = self._figures(report, alerts.due)
        if pace:
            del figures["crowd"]  # it says how the sink is paced
        return figures

    def _crowds(self, report):
        return sum(e["count"] for e in report["events"] if e["key"].startswith("crowd"))

    def _await_all(self, due):
        report = self.sink.await_messages(3 * self.crowd + PEOPLE * len(due))
        verify(report, lambda e: self.crowd if e["key"].startswith("crowd") else PEOPLE)
        return report

    def _figures(self, report, due):
        crowds = [e for e in report["events"] if e["key"].startswith("crowd")]
        began, ended = min(e["first_us"] for e in crowds), max(e["last_us"] for e in crowds)
        # Those that were due while the crowds were being told; to the last of the five.
        took = [(e["last_us"] - due[e["item"]]) / 1000 for e in report["events"]
                if e["item"] in due and began <= due[e["item"]] <= ended]
        if not took:
            raise RuntimeError("no alert beside the crowds: make them larger")
        return {"p50": rank(took, 0.5), "p99": rank(took, 0.99), "most": max(took),
                "crowd": 3 * self.crowd / ((ended - began) / 1e6)}

    def rounds(self, case, belfry=None, fifo=None):
        """Keywords of measure() for each."""
        self.bench.rounds(case, {
            BELFRY: lambda: self.measure(self.belfry, **belfry or {}),
            FIFO: lambda: self.measure(self.fifo, **fifo or {})})


def into_a_sink(bench):
    place = Place(bench, Sink(bench).start())
    place.fill(bench.scale(300_000, 6_000))
    seconds = bench.scale(8.0, 0.25)
    place.rounds(PACED, {"pace": PACE, "seconds": seconds, "hurry": True},
                 {"pace": PACE, "seconds": seconds})
    place.station.stop()
    place.sink.stop()


def into_a_server(bench, case, kind):
    name = kind.kind
    server = kind(bench.dir / name, bench.dir / f"{name}.log").start()
    sink = Sink(bench, (server.component_port, server.crowd_domain, server.crowd_secret),
                f"{name}-sink").start()
    place = Place(bench, sink, (server.component_port, server.component_secret,
                                server.component_domain), f"{name}-station",
                  server.crowd_domain)
    place.fill(bench.scale(8_000, 600))
    place.rounds(case)
    for part in (place.station, sink, server):
        part.stop()


def run(bench):
    into_a_sink(bench)
    servers = list(SERVERS.items())
    for case, kind in bench.scale(servers, servers[:1]):
        into_a_server(bench, case, kind)
    bench.ok_means(BELFRY, "an alert's time runs from when its POST was due, every 20 ms, "
                   "to the last of its five in the sink, for the alerts that were due while "
                   "the crowds were being told; all that was posted arrived, once each")
    bench.ok_means(FIFO, "the worker's code, but for the queue: events in the order of "
                   "their commits, each whole before the next")
