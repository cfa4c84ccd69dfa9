"""A Redis and `belfry serve`, without XMPP: what the tests of the HTTP side need."""

import pathlib
import shutil
import socket
import tempfile
import uuid

from belfry_testing import belfry
from belfry_testing.redis import PrivateRedis
from belfry_testing.waiting import wait_until

TRUSTED = "people.test"
REQUEST_TIMEOUT_MS = 1500
REDIS_TIMEOUT_MS = 600
MAX_BODY = 65536


class ServeOnly:
    def __init__(self, **settings):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="belfry-http-"))
        self.redis = PrivateRedis(self.dir / "redis", self.dir / "redis.log").start()
        self.config = self.write_config("belfry.ini", **settings)
        self.token = belfry.create_token(self.config)
        self.serve = belfry.Program("serve", self.config, self.dir / "serve.log").start()

    def write_config(self, name, **settings):
        sections = {
            "http": {"listen": "127.0.0.1:0", "max_body_bytes": MAX_BODY,
                     "request_timeout_ms": REQUEST_TIMEOUT_MS,
                     "max_connections_per_ip": 32},
            "redis": {"url": self.redis.url, "timeout_ms": REDIS_TIMEOUT_MS},
            "xmpp": {"domain": "feeds.people.test", "secret": "unused",
                     "trusted_domains": TRUSTED},
        }
        for section, keys in settings.items():
            sections.setdefault(section, {}).update(keys)
        return belfry.write_config(self.dir / name, sections)

    @property
    def rest(self):
        return self.serve.rest(self.token)

    def token_for(self, scopes, feeds="*"):
        return belfry.create_token(self.config, scopes, feeds)

    def new_feed(self, **config):
        name = "f" + uuid.uuid4().hex[:8]
        self.rest.put_feed(name, **config)
        return name

    def await_ready(self):
        wait_until(self.serve.ready, "serve is ready again")

    def stop(self):
        try:
            code = self.serve.stop()
            if code:
                print(self.serve.tail())
            return code
        finally:
            self.redis.child.thaw()
            self.redis.stop()
            shutil.rmtree(self.dir, ignore_errors=True)

    # ---- raw bytes ----

    def connect(self, timeout=15):
        return socket.create_connection(("127.0.0.1", self.serve.port), timeout)

    def raw(self, request):
        """What comes back until the server closes, for these bytes."""
        with self.connect() as s:
            try:
                s.sendall(request)
            except OSError:
                pass  # it answered and closed already
            return read_all(s)

    def head(self, feed, *headers, method="POST", version="HTTP/1.1", auth=True):
        """The head of a post with these headers, and the blank line."""
        lines = [f"{method} /v1/feeds/{feed}/events {version}"]
        if auth:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*lines, *headers, "", ""]).encode()


def read_all(s):
    got = b""
    try:
        while chunk := s.recv(65536):
            got += chunk
    except ConnectionResetError:
        pass
    return got


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None
