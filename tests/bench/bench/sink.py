"""The counting sink (xmpp_sink.c), and Belfry in front of it."""

import json
import re
import socket
import subprocess
import time

from belfry_testing import belfry
from belfry_testing.child import Child
from belfry_testing.redis import PrivateRedis
from belfry_testing.waiting import wait_until

DOMAIN = "feeds.example.org"

EVENT = {"title": "Deployed shop 2.14.3 to production",
         "body": "All checks are green; 3 migrations ran.",
         "url": "https://ci.example.org/d/81723", "tags": ["deploy", "shop"],
         "data": {"commit": "8c1f0e2"}}


class Sink(Child):
    """
    Plays an XMPP server; or, with SERVER=(port, domain, secret), a component of one.
    Times of its report are time.monotonic_ns() // 1000.
    """

    def __init__(self, bench, server=None, name="sink"):
        arguments = [str(a) for a in server or ()]
        super().__init__(name, [bench.program("xmpp_sink"), *arguments],
                         bench.dir / f"{name}.log")
        self._control = self.port = None

    def start(self):
        begin = self.log_size()
        super().start()
        self.await_ready(lambda: "component=" in self.log_text(begin))
        found = re.search(r"control=(\d+) component=(\d+)", self.log_text(begin))
        self.port = int(found.group(2))
        control = socket.create_connection(("127.0.0.1", int(found.group(1))), 10)
        self._control = control.makefile("rwb")
        return self

    def __call__(self, *command):
        self._control.write((" ".join(str(c) for c in command) + "\n").encode())
        self._control.flush()
        answer = self._control.readline()
        if not answer:
            raise RuntimeError(f"the sink is gone:\n{self.tail()}")
        return json.loads(answer) if answer != b"\n" else None

    def await_messages(self, count, timeout=120):
        """The report, once COUNT are there."""
        def complete():
            last = self("report")
            return last["messages"] >= count and last
        return wait_until(complete, lambda: f"{count} messages: {self.brief()}", timeout)

    def brief(self):
        report = self("report")
        return {**report, "events": report["events"][:5]}


def verify(report, receivers):
    """
    Every event went to users 0 to RECEIVERS - 1, once each. RECEIVERS: a number, or a
    function of an event of the report.
    """
    for event in report["events"]:
        n = receivers(event) if callable(receivers) else receivers
        if (event["count"], event["distinct"], event["sum"]) != (n, n, n * (n - 1) // 2):
            raise RuntimeError(f"not each of {n} receivers got it once: {event}")
    if report["strange"]:
        raise RuntimeError(f"{report['strange']} messages of nobody knows what")


def span_s(report):
    """From the first message to the last."""
    events = report["events"]
    return (max(e["last_us"] for e in events) - min(e["first_us"] for e in events)) / 1e6


class Station:
    """
    Redis, belfry serve and, when asked for, belfry work, whose XMPP server is SERVER: an
    (port, secret, component's domain), by default those of a sink.
    """

    def __init__(self, bench, sink=None, server=None, name="station"):
        self.bench, self.sink = bench, sink
        self.dir = bench.dir / name
        self.dir.mkdir()
        self.redis = PrivateRedis(self.dir / "redis", self.dir / "redis.log").start()
        port, secret, self.domain = server or (sink.port, "secret", DOMAIN)
        self.config = belfry.write_config(self.dir / "belfry.ini", {
            "http": {"listen": "127.0.0.1:0"},
            "redis": {"url": self.redis.url},
            "xmpp": {"domain": self.domain, "server": f"127.0.0.1:{port}",
                     "secret": secret},
            "work": {"listen": "127.0.0.1:0"}})
        self.serve = belfry.Program("serve", self.config, self.dir / "serve.log").start()
        self.rest = self.serve.rest(belfry.create_token(self.config))
        self.work = belfry.Program("work", self.config, self.dir / "work.log")

    def populate(self, *sets, domain="example.org"):
        """By the store: "NAME:SUBSCRIBERS" or "NAME*FEEDS:SUBSCRIBERS"; seconds."""
        begin = time.monotonic()
        # What is measured later is not this: durable again below.
        self.redis("CONFIG", "SET", "appendfsync", "everysec")
        done = subprocess.run(
            [self.bench.program("populate"), *sets], text=True, capture_output=True,
            env={**belfry.clean_env(), "BELFRY_REDIS_URL": self.redis.url,
                 "BENCH_DOMAIN": domain}, timeout=600)
        self.redis("CONFIG", "SET", "appendfsync", "always")
        if done.returncode != 0:
            raise RuntimeError(f"populate: {done.stdout}{done.stderr}")
        self.bench.say(f"{', '.join(sets)}: joined in {time.monotonic() - begin:.1f} s")
        return time.monotonic() - begin

    def redis_bytes(self):
        """Of its data: what its clients' buffers take is not in it."""
        info = self.redis("INFO", "memory")
        return int(re.search(r"used_memory_dataset:(\d+)", info).group(1))

    def start_work(self, wait=True):
        self.work.start(ready=wait)
        if wait:
            wait_until(self.work.holds_link, lambda: f"the link:\n{self.work.tail()}", 30)

    def settled(self, *events, timeout=60):
        """Every delivery of the events (feed, id) is done."""
        for feed, id in events:
            wait_until(lambda: self.rest.event(feed, id)["status"] == "done",
                       lambda: f"{self.rest.event(feed, id)}", timeout)

    def stop(self):
        for part in (self.work, self.serve, self.redis):
            part.stop()
