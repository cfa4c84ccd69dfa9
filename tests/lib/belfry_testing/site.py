"""A whole private set-up: Redis, an XMPP server, belfry serve and belfry work."""

import os
import pathlib
import shutil
import tempfile

from . import belfry
from .client import Client
from .crowd import Crowd
from .ejabberd import Ejabberd
from .prosody import Prosody
from .redis import PrivateRedis
from .waiting import wait_until

SERVERS = {"prosody": Prosody, "ejabberd": Ejabberd}


class Site:
    """
    Started by start() or `with`, stopped by stop(). Data is in a directory of its own
    under the temporary directory and goes with it; logs are in LOGS, or with the data.
    SETTINGS: configuration that differs, {"section": {"key": value}}. STANZA_LIMIT: the
    XMPP server closes the component's stream on a larger stanza. SERVER: more of what
    XmppServer takes.
    """

    def __init__(self, kind="prosody", logs=None, settings=None, say=lambda _text: None,
                 stanza_limit=None, **server):
        # In /tmp, and to be walked through: the servers run as users of their own, and
        # a checkout under somebody's home may be closed to them.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="belfry-"))
        self.dir.chmod(0o711)
        self.logs = pathlib.Path(logs or self.dir)
        self.logs.mkdir(parents=True, exist_ok=True)
        self.kind, self.settings, self.say = kind, settings or {}, say
        self.server_options = {"stanza_limit": stanza_limit, **server}
        self.redis = self.server = self.serve = self.token = None
        self.env = {}  # of the two programs, by their command: {"serve": {"TZ": "UTC"}}
        self.works = []
        self._redis_ups = 1
        self.clients = []
        self.crowds = []

    # ---- life ----

    def start(self, workers=1):
        try:
            belfry.binary()
            self._start(workers)
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self, workers):
        self.say("starting Redis")
        self.redis = self.make_redis().start()
        self.say(f"starting {self.kind}")
        self.server = self.make_server().start()
        self.config = self.write_config()
        self.say("starting belfry serve and belfry work")
        self.token = belfry.create_token(self.config)
        self.serve = belfry.Program("serve", self.config, self.logs / "serve.log",
                                    env=self.env.get("serve")).start()
        for _ in range(workers):
            self.add_work()

    def make_redis(self):
        return PrivateRedis(self.dir / "redis", self.logs / "redis.log")

    def make_server(self):
        return SERVERS[self.kind](self.dir / self.kind, self.logs / f"{self.kind}.log",
                                  **self.server_options)

    def write_config(self, name="belfry.ini", **changes):
        """The configuration as a file; CHANGES are by section, as settings are."""
        secret = self.dir / "component-secret"
        secret.write_text(self.server.component_secret + "\n")
        secret.chmod(0o600)
        sections = {
            "http": {"listen": "127.0.0.1:0"},
            "redis": {"url": self.redis.url},
            "xmpp": {"domain": self.server.component_domain,
                     "server": f"127.0.0.1:{self.server.component_port}",
                     "secret_file": secret,
                     "trusted_domains": f"{self.server.domain} "
                                        f"{self.server.crowd_domain}"},
            "work": {"listen": "127.0.0.1:0"},
            "log": {"level": "debug" if os.environ.get("BELFRY_TEST_DEBUG") else "info"},
        }
        for more in (self.settings, changes):
            for section, keys in more.items():
                sections.setdefault(section, {}).update(keys)
        return belfry.write_config(self.dir / name, sections)

    def add_work(self):
        """One more worker; the first gets the link, the others stand by."""
        number = len(self.works) + 1
        work = belfry.Program("work", self.config, self.logs / f"work{number}.log",
                              name=f"work{number}", env=self.env.get("work"))
        self.works.append(work)
        work.start()
        if number == 1:
            wait_until(work.holds_link, lambda: f"the link is up:\n{work.tail()}", 30)
        return work

    @property
    def work(self):
        return self.works[0]

    def stop(self):
        """Everything, in the order in which it depends on one another."""
        for client in self.clients:
            client.logout()
        for crowd in self.crowds:
            crowd.close()
        self.clients, self.crowds = [], []
        for part in [*reversed(self.works), self.serve, self.server, self.redis]:
            if part is not None:
                part.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exc):
        self.stop()

    def children(self):
        return [p for p in (self.redis and self.redis.child,
                            self.server and self.server.child, self.serve, *self.works)
                if p]

    # ---- what tests need ----

    @property
    def rest(self):
        return self.serve.rest(self.token)

    @property
    def service(self):
        """The JID of Belfry's pubsub service."""
        return self.server.component_domain

    @property
    def hub(self):
        return f"hub@{self.service}"

    def client(self, user, login=True, **more):
        """USER's client, logged in; the account is made where it is not there yet."""
        jid = self.server.add_account(user)
        client = Client(jid, self.server.passwords[user], self.server.c2s_port,
                        self.server.cert, **more)
        self.clients.append(client)
        return client.login() if login else client

    def crowd(self, domain=None):
        crowd = Crowd(self.server, domain)
        self.crowds.append(crowd)
        return crowd

    def close_clients(self):
        for client in self.clients:
            client.logout()
        for crowd in self.crowds:
            crowd.close()
        self.clients, self.crowds = [], []

    def heal(self):
        """Everything runs again and the link is up: what a test may rely on."""
        for child in self.children():
            child.thaw()
        if not self.redis.child.alive():
            self.redis.start()
        if not self.server.child.alive():
            self.server.start()
        if not self.serve.alive():
            self.serve.start()
        while len(self.works) > 1:
            self.works.pop().stop()
        if not self.work.alive():
            self.work.start(ready=False)
        wait_until(self.serve.ready, "serve is ready")
        self._await_beat()
        wait_until(self.work.holds_link, lambda: f"the link is up:\n{self.work.tail()}", 60)

    def _lease(self):
        return self.redis("HGET", "belfry:{p0}:own", self.server.component_domain)

    def _await_beat(self):
        """
        After Redis was away the lease may still run out, though the link is up: until
        its beat has gone on, or another one has been taken.
        """
        ups = self.work.log_text().count('msg="redis is up"')
        if ups != self._redis_ups:
            before = self._lease()
            wait_until(lambda: self._lease() != before, "the lease is alive")
            self._redis_ups = ups

    def logs_tail(self, lines=40):
        return "\n".join(f"==> {c.log.name} <==\n{c.tail(lines)}\n"
                         for c in self.children())

    def deliveries(self, feed, id):
        """What became of the event's deliveries so far: counters."""
        return self.rest.event(feed, id)["deliveries"]

    def settled(self, feed, id, timeout=30):
        """The same, once it has reached everybody; some may be held."""
        last = {}

        def settled():
            last.update(self.rest.event(feed, id))
            return last["status"] != "queued" and last["deliveries"]
        return wait_until(settled, lambda: f"{feed}/{id} is settled: {last}", timeout)
