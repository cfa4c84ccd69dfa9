"""
Who takes events over HTTP in the part `ingest`: each is started on a private Redis, says
where to post, and how many events its store has. And what bounds them all.
"""

import csv
import http.client
import io
import os
import pathlib
import re
import secrets
import shutil
import subprocess

from bench import CpuClock
from belfry_testing import belfry, wait_until
from belfry_testing.child import Child, free_port
from belfry_testing.redis import PrivateRedis

HERE = pathlib.Path(__file__).resolve().parent
FEED = "bench"


class Store:
    """A private Redis with an fsync of its own, which rewrites its file only when told."""

    def __init__(self, bench, fsync):
        self.fsync = fsync
        self.dir = bench.dir / fsync
        self.dir.mkdir()
        self.dir.chmod(0o711)
        self.redis = PrivateRedis(self.dir / "redis", self.dir / "redis.log").start()
        self.redis("CONFIG", "SET", "appendfsync", fsync)
        self.redis("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")

    def empty(self):
        self.redis("FLUSHALL", "SYNC", timeout=60)
        self.redis("BGREWRITEAOF")
        wait_until(lambda: "aof_rewrite_in_progress:0" in self.redis("INFO", "persistence"),
                   "the AOF is rewritten", 60, pause=0.01)

    def clock(self):
        return CpuClock(self.redis.child.pid)

    def stop(self):
        self.redis.stop()


class Server:
    """One of them. BENCH: the run; STORE: where its events go."""

    path, ok = "/events", None

    def __init__(self, bench, store):
        self.bench, self.store = bench, store
        self.dir = store.dir / type(self).__name__
        self.dir.mkdir()
        self.dir.chmod(0o711)
        self.token, self.port, self.child = secrets.token_hex(24), None, None

    def start(self):
        self.port = self.port or free_port()
        self.child = self.launch().start()
        self.child.await_ready(self._takes_one)
        return self

    def spawn(self, argv, env=None):
        return Child(type(self).__name__, argv, self.dir / "log", cwd=self.dir, env={
            "BENCH_PORT": str(self.port), "BENCH_TOKEN": self.token,
            "BENCH_REDIS_PORT": str(self.store.redis.port), **(env or {})})

    def headers(self):
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def post(self, body='{"title":"Hello"}'):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", self.path, body, self.headers())
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _takes_one(self):
        return self.post()[0] == 202

    def prepare(self):
        """Before a run: the store was emptied."""

    def stored(self):
        """Events in the store, or None if it keeps none."""
        raise NotImplementedError

    def stop(self):
        if self.child:
            self.child.stop()


class Belfry(Server):
    ok = ("the event is in the log and in the append-only file (always: on disk); its feed "
          "and token were checked, it has an id and a position")
    path = f"/v1/feeds/{FEED}/events"

    def start(self):
        self.config = belfry.write_config(self.dir / "belfry.ini", {
            "http": {"listen": "127.0.0.1:0", "max_connections": 2048,
                     "max_connections_per_ip": 2048},
            "redis": {"url": self.store.redis.url, "allow_data_loss":
                      None if self.store.fsync == "always" else "true"},
            "log": {"level": "warn"},
        })
        self.child = belfry.Program("serve", self.config, self.dir / "log",
                                    env={"BELFRY_LOG_LEVEL": "info"}).start()
        self.port = self.child.port
        self.prepare()
        return self

    def prepare(self):
        self.token = belfry.create_token(self.config)
        self.child.rest(self.token).put_feed(FEED, title="Benchmark", access="open")

    def stored(self):
        keys = [k for k in self.store.redis("KEYS", f"belfry:*:l:{FEED}")]
        return self.store.redis("XLEN", keys[0]) if keys else 0


class OwnProgram(Server):
    """A program of tests/bench, which prints its port and is told the answer's size."""

    answer_bytes = 0  # of Belfry's
    path = Belfry.path
    program = None

    def start(self):
        self.child = self.spawn(
            [self.bench.program(self.program), self.answer_bytes],
            {"BELFRY_REDIS_URL": self.store.redis.url, "BELFRY_HTTP_LISTEN": "127.0.0.1:0"})
        self.child.start().await_ready(self._listening)
        return self

    def _listening(self):
        found = re.search(r"^port=(\d+)$", self.child.log_text(), re.M)
        self.port = found and int(found.group(1))
        return self.port and self._takes_one()


class Ceiling(OwnProgram):
    program = "http_ceiling"
    ok = "nothing: a 202 of libmicrohttpd on the same loop, with nothing behind it"

    def stored(self):
        return None


class XaddLoop(OwnProgram):
    program = "xadd_loop"
    ok = ("the body is in a stream (always: on disk). Belfry's own HTTP server, loop and "
          "Redis connection; no token, no look at the JSON, no id, no feed")

    def stored(self):
        return self.store.redis("XLEN", "bench")


class Nchan(Server):
    ok = ("nginx and nchan's publisher, `distributed`: the message is in Redis, and Redis "
          "has answered (always: on disk). The token is compared, the JSON not looked at")
    processes = 2

    def launch(self):
        modules = pathlib.Path("/usr/lib/nginx/modules")
        conf = self.dir / "nginx.conf"
        conf.touch(0o600)
        conf.write_text((HERE / "nchan.conf").read_text().format(
            dir=self.dir, modules=modules, port=self.port, token=self.token,
            processes=self.processes, redis_port=self.store.redis.port))
        self.prepare()
        return self.spawn([shutil.which("nginx") or "/usr/sbin/nginx", "-p", self.dir, "-e",
                           self.dir / "error.log", "-c", conf])

    def prepare(self):
        # Its workers remember channels, so each run has one of its own.
        self.channel = secrets.token_hex(4)
        self.path = f"/events/{self.channel}"

    def stored(self):
        return self.store.redis("LLEN", f"{{channel:/{self.channel}}}:messages")


class Fastify(Server):
    kind, processes = None, 1

    def launch(self):
        modules = self.bench.npm() / "node_modules"
        return self.spawn(["node", HERE / "fastify_ingest.js", self.kind, self.processes],
                          {"NODE_PATH": str(modules), "NODE_ENV": "production"})


class FastifyStream(Fastify):
    kind = "stream"
    ok = ("the document is in a stream (always: on disk); it was checked against a schema, "
          "the token compared. XADD with ioredis' automatic pipelining")

    def stored(self):
        return self.store.redis("XLEN", "bench")


class FastifyBullmq(Fastify):
    kind = "bullmq"
    ok = ("a job is in BullMQ's queue (always: on disk); it was checked against a schema, "
          "the token compared")

    def stored(self):
        return self.store.redis("LLEN", "bull:bench:wait")


class SinatraSidekiq(Server):
    ok = "a job is in Sidekiq's queue (always: on disk); JSON parsed, the token compared"
    processes = 2

    def launch(self):
        return self.spawn(["puma", "-e", "production", "-q", "-b",
                           f"tcp://127.0.0.1:{self.port}", "-w", self.processes, "-t", "5:5",
                           "--preload", HERE / "sinatra_sidekiq.ru"])

    def stored(self):
        return self.store.redis("LLEN", "queue:default")


class FlaskRq(Server):
    ok = "a job is in RQ's queue (always: on disk); JSON parsed, the token compared"
    processes = 2

    def launch(self):
        return self.spawn(["gunicorn", "-b", f"127.0.0.1:{self.port}", "-k", "gthread", "-w",
                           self.processes, "--threads", 4, "--keep-alive", 75, "--log-level",
                           "warning", "flask_rq:app"],
                          {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"})

    def stored(self):
        return self.store.redis("LLEN", "rq:queue:default")


class RedisBenchmark:
    """Its own client and Redis, without HTTP; told how many requests, not for how long."""

    ok = "an XADD of as many bytes (always: on disk), from redis-benchmark, without HTTP"

    def __init__(self, store):
        self.store, self.rates = store, {}

    def measure(self, event_bytes, connections, seconds):
        count = max(1000, int(self.rates.get(connections, 10000) * seconds))
        self.store.empty()
        cpu = self.store.clock()
        done = subprocess.run(
            ["redis-benchmark", "-p", str(self.store.redis.port), "-c", str(connections),
             "-n", str(count), "--csv", "XADD", "bench", "*", "doc",
             "x" * event_bytes],
            capture_output=True, text=True, check=True, timeout=120,
            env={**os.environ, "LC_ALL": "C"})
        used = cpu.seconds()
        header, row = list(csv.reader(io.StringIO(done.stdout)))[-2:]
        got = dict(zip(header, row))
        if self.store.redis("XLEN", "bench") != count:
            raise RuntimeError(f"redis-benchmark: not {count} entries are there")
        self.rates[connections] = float(got["rps"])
        return {"req_s": float(got["rps"]), "p50_ms": float(got["p50_latency_ms"]),
                "p99_ms": float(got["p99_latency_ms"]), "redis_us": used / count * 1e6}
