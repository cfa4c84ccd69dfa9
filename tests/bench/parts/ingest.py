"""Durable events over HTTP, one request at a time on each of many connections."""

import json
import shutil
import subprocess

from bench import CpuClock, Metric, Plot, Target
from rivals import ingest_servers as servers

TITLE = "Ingest: durable POSTs"
ROUNDS = 3
METRICS = [
    Metric("req_s", "requests/s"),
    Metric("cpu_us", "CPU us a request", 1),
    Metric("redis_us", "Redis CPU us a request", 1),
    Metric("all_us", "both", 1),
    Metric("p50_ms", "p50 ms", 2),
    Metric("p99_ms", "p99 ms", 2),
    Metric("p999_ms", "p99.9 ms", 2),
]
PACKAGES = ["nginx", "libnginx-mod-nchan", "ruby-sinatra", "ruby-sidekiq", "puma",
            "python3-flask", "python3-rq", "gunicorn"]
if not shutil.which("npm"):
    PACKAGES += ["nodejs", "npm"]
# The last that run on Debian 12's Node.js, too; ioredis is the one that BullMQ takes.
NPM = {"fastify": "4.29.1", "ioredis": "5.11.1", "bullmq": "5.81.5"}

BELFRY = "belfry serve"
XADD = "the same loop with nothing but the XADD"
CEILING = "HTTP alone (libmicrohttpd, 202)"
REDIS = "redis-benchmark XADD"
BULLMQ = "fastify + BullMQ"
SIDEKIQ = "Sinatra + Sidekiq"
OWN = {BELFRY: servers.Belfry, XADD: servers.XaddLoop, CEILING: servers.Ceiling}
RIVALS = {
    "nginx + nchan": servers.Nchan,
    "fastify + ioredis": servers.FastifyStream,
    BULLMQ: servers.FastifyBullmq,
    SIDEKIQ: servers.SinatraSidekiq,
    "Flask + RQ": servers.FlaskRq,
}
SIZES = {"512 B": 512, "4 KiB": 4096}


def case_name(size, connections, fsync):
    return f"{size}, {connections} connection{'s' * (connections > 1)}, {fsync}"


JUDGED = case_name("512 B", 64, "always")
# Size, connections, and whether the rivals take part there.
CASES = {
    "always": [("512 B", 64, True), ("512 B", 1, True), ("512 B", 512, True),
               ("4 KiB", 64, True), ("4 KiB", 1, False), ("4 KiB", 512, False)],
    "everysec": [("512 B", 64, True), ("512 B", 1, False), ("512 B", 512, False),
                 ("4 KiB", 64, True), ("4 KiB", 1, False), ("4 KiB", 512, False)],
}
QUICK_CASES = {"always": [("512 B", 64, True)], "everysec": [("4 KiB", 64, True)]}


# ---- judging ------------------------------------------------------------------------

def first(metric, sign):
    """Is Belfry ahead of every rival? SIGN 1: more is better."""
    def judge(figures):
        ratios = {r: figures.ratio(JUDGED, BELFRY, r, metric) for r in RIVALS}
        ratios = {r: v ** sign for r, v in ratios.items() if v}
        if not ratios:
            return None
        rival, least = min(ratios.items(), key=lambda item: item[1])
        return f"{least:.2f} times as good as {rival}", least > 1
    return judge


def times(rival, wanted):
    def judge(figures):
        ratio = figures.ratio(JUDGED, BELFRY, rival, "req_s")
        return ratio and (f"{ratio:.1f}", ratio >= wanted)
    return judge


def share_of_loop(figures):
    ratio = figures.ratio(JUDGED, BELFRY, XADD, "req_s")
    return ratio and (f"{ratio * 100:.0f} %", ratio >= 0.7)


TARGETS = [
    Target("first in requests/s among those with a durable OK", first("req_s", 1)),
    Target("first in CPU a request among them, Redis included", first("all_us", -1)),
    Target("first in CPU a request, the server alone", first("cpu_us", -1)),
    Target("3 times BullMQ's requests/s", times(BULLMQ, 3)),
    Target("10 times Sidekiq's requests/s", times(SIDEKIQ, 10)),
    Target("70 % of the requests/s of the same loop with nothing but the XADD",
           share_of_loop),
]


def plotted(case):
    size, connections, fsync = case.split(", ")
    return f"{size}\n{fsync}" if connections == "64 connections" else None


PLOTS = [
    Plot("rate", "Events a second, 64 connections", "req_s", plotted, True),
    Plot("cpu", "Server's CPU for one event, 64 connections", "cpu_us", plotted, True),
]


# ---- measuring ----------------------------------------------------------------------

def event(size):
    """A JSON document of SIZE bytes, as an application might post it."""
    document = {
        "title": "Deployed web 1.2.3 to production",
        "url": "https://example.org/deploys/123",
        "author": "Alice", "tags": ["deploy", "production"],
        "data": {"service": "web", "version": "1.2.3", "seconds": 41.7, "ok": True,
                 "hosts": ["web-1", "web-2", "web-3"]},
        "body": "",
    }
    words = "Everything went well, said the log; nothing had to be rolled back. "
    room = size - len(json.dumps(document))
    document["body"] = (words * (room // len(words) + 1))[:room]
    text = json.dumps(document)
    assert len(text) == size
    return text


def load(bench, server, body, connections, seconds):
    """What http_load says of one run."""
    headers = bench.dir / "headers"
    headers.touch(0o600)
    headers.write_text("".join(f"{k}: {v}\n" for k, v in server.headers().items()))
    done = subprocess.run(
        [bench.program("http_load"), "--port", str(server.port), "--path", server.path,
         "--connections", str(connections), "--headers", headers, "--body", body,
         "--warm-up", str(seconds / 8), "--seconds", str(seconds)],
        capture_output=True, text=True, timeout=seconds * 2 + 60)
    if done.returncode != 0:
        raise RuntimeError(f"http_load: {done.stderr}\n{server.child.tail()}")
    return json.loads(done.stdout)


def measure(bench, server, body, connections, seconds):
    server.store.empty()
    server.prepare()
    cpu, redis_cpu = CpuClock(server.child.pid), server.store.clock()
    got = load(bench, server, body, connections, seconds)
    used, redis_used = cpu.seconds(), redis_cpu.seconds()
    stored = server.stored()
    if stored is not None and stored != got["accepted"]:
        raise RuntimeError(f"{type(server).__name__} accepted {got['accepted']} events, "
                           f"and {stored} are there")
    values = {"req_s": got["req_s"], "cpu_us": used / got["accepted"] * 1e6}
    if stored is not None:
        values["redis_us"] = redis_used / got["accepted"] * 1e6
        values["all_us"] = values["cpu_us"] + values["redis_us"]
    return {**values, **{f"{q}_ms": got[f"{q}_us"] / 1000 for q in ("p50", "p99", "p999")}}


def contestants(bench, started, redis, body, connections, seconds):
    def of(server):
        return lambda: measure(bench, server, body, connections, seconds)
    found = {name: of(server) for name, server in started.items()}
    found[REDIS] = lambda: redis.measure(body.stat().st_size, connections, seconds)
    return found


def start(bench, store, kinds):
    started = {}
    for name, kind in kinds.items():
        bench.say(f"starting {name}, {store.fsync}")
        started[name] = kind(bench, store).start()
        if kind is servers.Belfry:
            servers.OwnProgram.answer_bytes = len(started[name].post()[1])
        bench.ok_means(name, kind.ok)
    return started


def run_fsync(bench, fsync, cases, seconds, bodies):
    store = servers.Store(bench, fsync)
    own = start(bench, store, OWN)
    rivals = start(bench, store, RIVALS) if bench.rivals else {}
    redis = servers.RedisBenchmark(store)
    bench.ok_means(REDIS, redis.ok)
    for server in {**own, **rivals}.values():  # compiled, connected, cached
        measure(bench, server, bodies["512 B"], 64, seconds)
    for size, connections, with_rivals in cases:
        here = {**own, **(rivals if with_rivals else {})}
        bench.rounds(case_name(size, connections, fsync),
                     contestants(bench, here, redis, bodies[size], connections, seconds))
    for server in {**own, **rivals}.values():
        server.stop()
    store.stop()


def run(bench):
    seconds = bench.scale(1.5, 0.2)
    bodies = {}
    for name, size in SIZES.items():
        bodies[name] = bench.dir / f"event-{size}.json"
        bodies[name].write_text(event(size))
    for fsync, cases in bench.scale(CASES, QUICK_CASES).items():
        run_fsync(bench, fsync, cases, seconds, bodies)
    bench.note("Judged with 512 B, 64 connections and `always`. The rivals from packages "
               "take part with 64 connections, and with 1 and 512 where it is 512 B and "
               "`always`.")
    if not bench.rivals:
        for rival in RIVALS:
            bench.leave_out(rival, "RIVALS=none")
