"""
What the parts on real XMPP servers share: one server with a crowd of clients online, Redis,
belfry, and those who send the same through the same server.
"""

import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
from xml.sax.saxutils import escape

from belfry_testing import belfry
from belfry_testing.child import Child
from belfry_testing.redis import PrivateRedis
from belfry_testing.waiting import PATIENCE, wait_until

from .xmpp_servers import SERVERS

MARK = "seq-00000000"  # becomes the event's number
NAME = "u"  # u0000, u0001, ...
FEED = "deploys"
RIVALS = pathlib.Path(__file__).resolve().parents[1] / "rivals"


def event():
    return {"title": f"Deployed shop {MARK} to production",
            "body": "All checks are green; 3 migrations ran.",
            "url": "https://ci.example.org/d/81723", "tags": ["deploy", "shop"],
            "data": {"commit": "8c1f0e2"}}


def document():
    return json.dumps(event(), separators=(",", ":"))


def _text(text):
    return escape(text, {"'": "&apos;", '"': "&quot;"})


def entry():
    """The Atom entry that Belfry makes of the event."""
    e, at = event(), "2026-01-02T03:04:05.678Z"
    tags = "".join(f"<category term='{t}'/>" for t in e["tags"])
    return (f"<entry xmlns='http://www.w3.org/2005/Atom'>"
            f"<id>urn:uuid:01a202d8-9c8a-7000-8000-0123456789ab</id>"
            f"<title>{_text(e['title'])}</title><updated>{at}</updated>"
            f"<published>{at}</published><author><name>{FEED}</name></author>"
            f"<link rel='alternate' href='{e['url']}'/>{tags}"
            f"<content type='text'>{_text(e['body'])}</content>"
            f"<json xmlns='urn:xmpp:json:0'>{_text(document())}</json></entry>")


def stanza(sender):
    """The whole notification to NAME@@@@, as Belfry sends it."""
    return (f"<message from='{sender}' id='{FEED}~1-17~5f1c09aa' to='{NAME}@@@@@localhost'>"
            f"<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='{FEED}'>"
            f"<item id='01a202d8-9c8a-7000-8000-0123456789ab'>{entry()}</item></items>"
            f"</event><origin-id xmlns='urn:xmpp:sid:0' id='{FEED}~1-17'/></message>")


def chat(to):
    """A client's own chat message with the text that Belfry makes of the event."""
    e = event()
    body = _text("\n".join((e["title"], e["body"], e["url"])))
    return (f"<message type='chat' id='{FEED}~1-17~5f1c09aa' to='{to}'><body>{body}</body>"
            f"<origin-id xmlns='urn:xmpp:sid:0' id='{FEED}~1-17'/></message>")


def post(port, token, feed):
    """The request that publishes the event to belfry serve."""
    body = document()
    return (f"POST /v1/feeds/{feed}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}")


def push(key):
    """The command that publishes it to a worker on a list of Redis."""
    words = ("LPUSH", key, document())
    return f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)


def publish(service):
    """The IQ that publishes it as an item of the server's own pubsub."""
    return (f"<iq type='set' id='{MARK}' to='{service}'>"
            f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{FEED}'>"
            f"<item id='{MARK}'>{entry()}</item></publish></pubsub></iq>")


def component_stream(server, domain, secret):
    """A component's stream past its handshake: a socket."""
    s = socket.create_connection(("127.0.0.1", server.component_port), 10)
    s.sendall(("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
               f"xmlns:stream='http://etherx.jabber.org/streams' to='{domain}'>").encode())

    def until(pattern):
        got = b""
        while not re.search(pattern, got):
            more = s.recv(4096)
            if not more:
                raise RuntimeError(f"{domain}: the server closed the stream: {got!r}")
            got += more
        return re.search(pattern, got)

    found = until(rb"<stream:stream[^>]*\sid=['\"]([^'\"]+)['\"][^>]*>")
    digest = hashlib.sha1(found.group(1) + secret.encode()).hexdigest()
    s.sendall(f"<handshake>{digest}</handshake>".encode())
    until(rb"<handshake\s*/>|<handshake\s*>\s*</handshake>")
    return s


class Crowd:
    """tests/bench/xmpp_clients: COUNT clients online on the server."""

    def __init__(self, bench, server, count):
        self.bench, self.templates = bench, {}
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", bench.program("xmpp_clients"),
             str(server.c2s_port), server.domain, NAME, server.password, str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"xmpp_clients ended: {self.process.wait()}")
        return json.loads(line)

    def _template(self, text):
        """The file with TEXT, without a blank in its name."""
        if text not in self.templates:
            path = self.bench.dir / f"template-{len(os.listdir(self.bench.dir))}"
            path.write_text(text)
            self.templates[text] = path
        return self.templates[text]

    def template(self, text):
        return str(self._template(text))

    def _ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def each(self, first, count, text):
        """Clients FIRST.. send the IQ TEXT each; until all have a result."""
        return self._ask(f"each {first} {count} {self._template(text)}")

    def publish(self, way, where, text, events, receivers, rate=0, patience=20):
        """Publishes and receives, as xmpp_clients.c says. Whether it is all right or not."""
        return self._ask(f"measure {way} {where} {events} {rate:g} {receivers} "
                         f"{int(patience * PATIENCE)} {self._template(text)}")

    def measure(self, *args, **more):
        """The same, where anything lost, repeated or out of place is an error."""
        got = self.publish(*args, **more)
        if got["distinct"] != got["expected"] or got["repeats"] or got["strays"]:
            raise RuntimeError(f"not everything arrived once: {got}")
        return got

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class XmppSite:
    """
    KIND: "ejabberd" or "prosody". COUNT receivers are online, and one more client, who
    publishes where clients do.
    """

    def __init__(self, bench, kind, count):
        self.bench, self.kind, self.count = bench, kind, count
        self.dir = bench.dir / kind
        self.dir.mkdir()
        self.dir.chmod(0o711)
        self.publisher = f"{NAME}{count:04d}"
        self.crowd = None
        self.children = []
        self._streams = []

    def start(self):
        self.redis = PrivateRedis(self.dir / "redis", self.dir / "redis.log").start()
        self.server = SERVERS[self.kind](self.dir / "server", self.dir / "server.log",
                                         publisher=self.publisher)
        if self.kind == "prosody":
            self.server.add_accounts(self.names())
        self.server.start()
        if self.kind != "prosody":
            self.server.add_accounts(self.names())
        self.config = self._write_config("belfry.ini", self.server.component_domain)
        self.token = belfry.create_token(self.config)
        self.serve = belfry.Program("serve", self.config, self.dir / "serve.log").start()
        self.work = belfry.Program("work", self.config, self.dir / "work.log").start()
        wait_until(self.work.holds_link, "the link is up", 30)
        self.crowd = Crowd(self.bench, self.server, self.count + 1)
        return self

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_exc):
        self.stop()

    def stop(self):
        if self.crowd:
            self.crowd.close()
        for stream in self._streams:
            stream.close()
        others = [getattr(self, name, None) for name in ("work", "serve", "server",
                                                          "redis")]
        for part in [*reversed(self.children), *others]:
            if part is not None:
                part.stop()

    def names(self):
        return [f"{NAME}{i:04d}" for i in range(self.count + 1)]

    def jids(self):
        return [f"{n}@{self.server.domain}" for n in self.names()[:self.count]]

    def _write_config(self, name, domain, database=0, **xmpp):
        secret = self.dir / "component-secret"
        secret.write_text(self.server.component_secret + "\n")
        secret.chmod(0o600)
        return belfry.write_config(self.dir / name, {
            "http": {"listen": "127.0.0.1:0"},
            "redis": {"url": f"{self.redis.url.rsplit('/', 1)[0]}/{database}"},
            "xmpp": {"domain": domain,
                     "server": f"127.0.0.1:{self.server.component_port}",
                     "secret_file": secret, "trusted_domains": self.server.domain, **xmpp},
            "work": {"listen": "127.0.0.1:0"}})

    # ---- who sends ----

    def belfry(self, feed=FEED, format="event", followers=None):
        """Makes the feed; (way, where, template) to publish to it."""
        return self._followed(self.serve, self.token, feed, format, followers)

    def _followed(self, serve, token, feed=FEED, format="event", followers=None):
        rest = serve.rest(token)
        rest.put_feed(feed, access="local")
        rest.follow_many(feed, self.jids()[:followers], format)
        return "http", serve.port, post(serve.port, token, feed)

    def belfry_multicast(self):
        """A second Belfry, with xmpp.multicast; its worker, and the way to publish."""
        config = self._write_config("second.ini", self.server.second_domain, 1,
                                    multicast=self.server.multicast_domain)
        token = belfry.create_token(config)
        serve = belfry.Program("serve", config, self.dir / "serve2.log", name="serve2")
        work = belfry.Program("work", config, self.dir / "work2.log", name="work2")
        for program in (serve, work):
            program.start()
            self.children.append(program)
        wait_until(work.holds_link, "the second link is up", 30)
        if work.metrics()["belfry_work_multicast"] != 1:
            raise RuntimeError(f"xmpp.multicast is not used:\n{work.tail()}")
        return work, self._followed(serve, token)

    def settle(self, work=None):
        """Until Belfry, or that of WORK, has nothing left to note."""
        wait_until(lambda: (work or self.work).metrics()["belfry_work_feeds_behind"] == 0,
                   "every delivery is noted", 30, pause=0.005)

    def bare_writer(self):
        stream = component_stream(self.server, self.server.crowd_domain,
                                  self.server.crowd_secret)
        self._streams.append(stream)
        template = self.crowd.template(stanza(self.server.crowd_domain))
        child = Child("xmpp_writer", [self.bench.program("xmpp_writer"), stream.fileno(),
                                      template, self.count], self.dir / "writer.log",
                      pass_fds=[stream.fileno()]).start()
        self.children.append(child)
        return child, ("raw", self._port(child), MARK + "\n")

    @staticmethod
    def _port(child):
        return int(wait_until(lambda: child.log_text().strip(), "a port"))

    def own_pubsub(self):
        """A node with all as subscribers."""
        service, node = self.server.pubsub_domain, FEED
        xmlns = "http://jabber.org/protocol/pubsub"
        self.crowd.each(self.count, 1,
                        f"<iq type='set' id='create' to='{service}'><pubsub xmlns='{xmlns}'>"
                        f"<create node='{node}'/></pubsub></iq>")
        self.crowd.each(0, self.count,
                        f"<iq type='set' id='join' to='{service}'><pubsub xmlns='{xmlns}'>"
                        f"<subscribe node='{node}' jid='{NAME}@@@@@{self.server.domain}'/>"
                        "</pubsub></iq>")
        return "client", self.count, publish(service)

    def worker(self, name, argv, domain, format="event", followers=None):
        """A worker of tests/bench/rivals on a list of Redis; (child, way to publish)."""
        config = self.dir / f"{name}.json"
        config.write_text(json.dumps({
            "domain": domain, "secret": self.server.crowd_secret,
            "port": self.server.component_port, "redis_port": self.redis.port,
            "list": f"{name}:events", "set": f"{name}:subscribers", "feed": FEED,
            "format": format}))
        self.redis("SADD", f"{name}:subscribers", *self.jids()[:followers])
        child = Child(name, [*argv, config], self.dir / f"{name}.log").start()
        self.children.append(child)
        child.await_ready(lambda: "ready" in child.log_text())
        return child, ("redis", self.redis.port, push(f"{name}:events"))

    def slixmpp(self, **more):
        return self.worker("slixmpp", ["/usr/bin/python3", "-B",
                                       RIVALS / "slixmpp_worker.py"],
                           self.server.elsewhere_domain, **more)

    def xmpp4r(self, **more):
        return self.worker("xmpp4r", ["ruby", RIVALS / "xmpp4r_worker.rb"],
                           self.server.other_domain, **more)
