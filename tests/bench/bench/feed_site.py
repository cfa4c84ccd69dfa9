"""nginx with an Atom feed of twenty entries, and readers that poll it."""

import os
import pathlib
import random
import subprocess
import time

from belfry_testing.certificate import make_certificate
from belfry_testing.child import Child, free_port
from belfry_testing.waiting import wait_until

from .machine import CpuClock
from .relay import Relay

ENTRIES = 20
SEED = 17
WORDS = ("deploy shop checkout payment search queue worker database migration cache image "
         "build release branch review green red slow fast retry rollback staging canary "
         "alert disk memory latency customer order invoice refund mail login session "
         "token timeout backup restore index replica").split()

# As a package would have it: compressed beforehand, ETag and Last-Modified by nginx. The
# second location forgets both.
CONFIG = """\
daemon off;
worker_processes auto;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 1024; }}
http {{
	types {{ application/atom+xml atom; }}
	charset_types application/atom+xml;
	charset utf-8;
	sendfile on;
	tcp_nopush on;
	gzip_static on;
	log_format poll '$status';
	access_log {dir}/access.log poll;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	ssl_certificate {cert};
	ssl_certificate_key {key};
	server {{
		listen 127.0.0.1:{port};
		listen 127.0.0.1:{tls_port} ssl;
		root {dir}/www;
		location /always/ {{
			alias {dir}/www/;
			etag off;
			if_modified_since off;
		}}
	}}
}}
"""


def entry(number):
    """What Belfry would push for such an event, as Atom; no two are alike."""
    chance = random.Random(SEED + number)
    title = " ".join(chance.choices(WORDS, k=5)).capitalize()
    body = " ".join(chance.choices(WORDS, k=20)).capitalize() + "."
    unique = f"01a202d8-9c8a-7000-8000-{chance.getrandbits(48):012x}"
    at = f"2026-01-02T{number // 60 % 24:02}:{number % 60:02}:05.678Z"
    return (f"<entry><id>urn:uuid:{unique}</id><title>{title}</title>"
            f"<updated>{at}</updated><published>{at}</published>"
            "<author><name>deploys</name></author>"
            f"<link rel='alternate' href='https://ci.example.org/d/{81000 + number}'/>"
            "<category term='deploy'/><category term='shop'/>"
            f"<content type='text'>{body}</content></entry>\n")


def feed(newest):
    entries = "".join(entry(n) for n in range(newest, newest - ENTRIES, -1))
    return ("<?xml version='1.0' encoding='utf-8'?>\n"
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>deploys</title>"
            "<id>https://ci.example.org/deploys</id>"
            "<link rel='self' href='https://ci.example.org/deploys.atom'/>\n"
            f"{entries}</feed>\n")


class FeedSite:
    """Started by `with`. Its file changes by publish()."""

    def __init__(self, bench):
        self.dir = pathlib.Path(bench.dir) / "nginx"
        self.www = self.dir / "www"
        self.www.mkdir(parents=True)
        self.dir.chmod(0o755)
        self.port, self.tls_port = free_port(), free_port()
        cert, key = make_certificate(self.dir, "localhost")
        conf = self.dir / "nginx.conf"
        conf.write_text(CONFIG.format(dir=self.dir, port=self.port, cert=cert, key=key,
                                      tls_port=self.tls_port))
        self.child = Child("nginx", ["/usr/sbin/nginx", "-c", conf, "-p", self.dir, "-e",
                                     self.dir / "error.log"], self.dir / "nginx.log")
        self.newest, self.began = ENTRIES, int(time.time()) - 1_000_000
        self.relays = {"http": Relay(self.port), "https": Relay(self.tls_port)}

    def __enter__(self):
        self.publish()
        self.child.start().await_ready(self._listens)
        return self

    def __exit__(self, *_exc):
        self.child.stop()
        for relay in self.relays.values():
            relay.close()

    def _listens(self):
        return (self.dir / "nginx.pid").exists() and (self.dir / "nginx.pid").read_text()

    def publish(self):
        """One more entry; a time of its own, as nginx' ETag is of time and size."""
        self.newest += 1
        plain = self.www / "feed.atom"
        plain.write_text(feed(self.newest))
        packed = subprocess.run(["gzip", "-9", "-n", "-c", plain], check=True,
                                capture_output=True).stdout
        (self.www / "feed.atom.gz").write_bytes(packed)
        for file in self.www.iterdir():
            os.utime(file, times=(self.began + self.newest,) * 2)

    def statuses(self):
        log = self.dir / "access.log"
        return log.read_text().split() if log.exists() else []

    def sizes(self):
        """Bytes of the feed, and compressed."""
        return tuple((self.www / f).stat().st_size for f in ("feed.atom", "feed.atom.gz"))

    def url(self, scheme, always=False):
        return (f"{scheme}://localhost:{self.relays[scheme].port}/"
                f"{'always/' if always else ''}feed.atom")

    def polls(self, scheme, poll, count, status=None, before=lambda: None):
        """
        COUNT times BEFORE(), and POLL(), which must get STATUS: (bytes of the connection,
        nginx' CPU us) a poll.
        """
        relay, seen = self.relays[scheme], len(self.statuses())
        at, clock = relay.bytes, CpuClock(self.child.pid)
        for _ in range(count):
            before()
            poll()
        # nginx writes its log when the reader may be gone already.
        wait_until(lambda: len(self.statuses()) >= seen + count, "nginx has noted all polls")
        cpu = clock.seconds()
        got = self.statuses()[seen:]
        if status and got != [str(status)] * count:
            raise RuntimeError(f"{count} polls that should get {status} got {got}")
        return (relay.bytes - at) / count, cpu * 1e6 / count


class Newsboat:
    """`newsboat -x reload`: a reader that remembers in its database what it has seen."""

    def __init__(self, site, scheme, always=False):
        self.dir = site.dir / f"newsboat-{scheme}{'-always' if always else ''}"
        self.dir.mkdir(exist_ok=True)
        for name, text in (("urls", site.url(scheme, always) + "\n"),
                           ("config", "ssl-verifypeer no\nssl-verifyhost no\n")):
            (self.dir / name).write_text(text)

    def __call__(self):
        subprocess.run(
            ["newsboat", "-u", self.dir / "urls", "-C", self.dir / "config", "-c",
             self.dir / "cache.db", "-x", "reload"], check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
            env={**os.environ, "HOME": str(self.dir), "TERM": "dumb"})


class Feedparser:
    """Python's feedparser, given what the last answer said of itself."""

    def __init__(self, site, scheme, always=False):
        self.url, self.etag, self.modified = site.url(scheme, always), None, None

    def __call__(self):
        import feedparser
        got = feedparser.parse(self.url, etag=self.etag, modified=self.modified)
        if got.get("status") == 304:
            return
        if len(got.entries) != ENTRIES:
            raise RuntimeError(f"feedparser found {len(got.entries)} entries: {got}")
        self.etag, self.modified = got.get("etag"), got.get("modified")
