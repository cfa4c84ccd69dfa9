"""
A component (XEP-0114) that plays any number of people at crowd.DOMAIN: counts what each
of them gets, and answers nothing, or bounces everything. Raw sockets and expat, because
it must keep up with a fan-out.
"""

import collections
import hashlib
import socket
import threading
import time
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from .waiting import PATIENCE, Timeout

Seen = collections.namedtuple("Seen", "kind to sender id type at")


class Crowd:
    def __init__(self, server, domain=None):
        self.domain = domain or server.crowd_domain
        self._news = threading.Condition()
        self.messages = []  # Seen, in order of arrival
        self.counts = collections.Counter()  # (to, id) of messages
        self.texts = collections.defaultdict(list)  # to -> character data of messages
        self.keep_text = False
        # Called with (Seen, character data) of each message that is not bounced.
        self.hear = None
        # None, or (type, condition), or these and XML beside it, or a function of Seen
        self.bounce = None
        self.bounced = 0
        self.answers = {}  # id -> type, of IQs we sent
        self.ended = None
        self._out = []
        self._depth, self._attributes, self._text, self._kind = 0, {}, [], ""
        self.socket = socket.create_connection(("127.0.0.1", server.component_port), 10)
        self._handshake(server.crowd_secret)
        threading.Thread(target=self._read, daemon=True).start()

    def _handshake(self, secret):
        self.socket.sendall(
            ("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
             "xmlns:stream='http://etherx.jabber.org/streams' "
             f"to='{self.domain}'>").encode())
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        stream = {}
        self.parser.StartElementHandler = lambda _n, a: stream.update(a)
        while "id" not in stream:
            self.parser.Parse(self._recv(), False)
        hashed = hashlib.sha1((stream["id"] + secret).encode()).hexdigest()

        def answered(name, _attributes):
            # What was sent to the crowd meanwhile may stand in the same bytes.
            stream["answer"] = name
            self.parser.StartElementHandler = self._start
            self.parser.EndElementHandler = self._end
            self.parser.CharacterDataHandler = self._chars

        self._depth = 1  # inside the stream
        self.parser.StartElementHandler = answered
        self.socket.sendall(f"<handshake>{hashed}</handshake>".encode())
        while "answer" not in stream:
            self.parser.Parse(self._recv(), False)
        if stream["answer"] != "handshake":
            raise RuntimeError(f"crowd: {stream['answer']}")
        self.socket.settimeout(None)

    def _recv(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("crowd: the server closed the stream")
        return data

    def _start(self, name, attributes):
        self._depth += 1
        if self._depth == 2:
            self._kind, self._attributes, self._text = name, attributes, []

    def _chars(self, data):
        if (self.keep_text or self.hear) and self._depth > 1:
            self._text.append(data)

    def _end(self, name):
        if name == "handshake":
            return
        self._depth -= 1
        if self._depth == 1:
            self._stanza()

    def _stanza(self):
        a = self._attributes
        seen = Seen(self._kind, a.get("to"), a.get("from"), a.get("id"), a.get("type"),
                    time.monotonic())
        if seen.kind == "iq" and seen.type in ("result", "error"):
            self.answers[seen.id] = seen.type
        elif seen.kind == "iq" and seen.sender == self.domain:
            self._out.append(f"<iq type='result' id={quoteattr(seen.id)} "
                             f"from='{self.domain}' to='{self.domain}'/>")
        elif seen.kind == "message":
            self.messages.append(seen)
            self.counts[seen.to, seen.id] += 1
            if self.keep_text:
                self.texts[seen.to].append("".join(self._text))
            if not self._send_back(seen) and self.hear:
                self.hear(seen, "".join(self._text))

    def _send_back(self, seen):
        if not self.bounce or seen.type == "error":
            return False
        how = self.bounce(seen) if callable(self.bounce) else self.bounce
        if how is None:
            return False
        kind, condition, more = (*how, "")[:3]
        self.bounced += 1
        self._out.append(
            f"<message type='error' from={quoteattr(seen.to)} to={quoteattr(seen.sender)}"
            f" id={quoteattr(seen.id or '')}><error type='{kind}'><{condition} "
            f"xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{more}</error></message>")
        return True

    def _read(self):
        try:
            while True:
                data = self._recv()
                with self._news:
                    self.parser.Parse(data, False)
                    self._news.notify_all()
                if self._out:
                    out, self._out = "".join(self._out), []
                    self.socket.sendall(out.encode())
        except (OSError, EOFError, expat.ExpatError) as e:
            with self._news:
                self.ended = e
                self._news.notify_all()

    # ---- for tests ----

    def jids(self, count, prefix="u"):
        return [f"{prefix}{i:05d}@{self.domain}" for i in range(count)]

    def sync(self):
        """What the server had for us before this has arrived."""
        number = f"sync{time.monotonic_ns()}"
        self.send(f"<iq type='get' id='{number}' from='{self.domain}' to='{self.domain}'>"
                  "<ping xmlns='urn:xmpp:ping'/></iq>")
        self.wait(lambda c: number in c.answers, "the answer to a ping")

    def send(self, xml):
        self.socket.sendall(xml.encode())

    def chat(self, sender, to, body):
        self.send(f"<message type='chat' from={quoteattr(sender)} to={quoteattr(to)}>"
                  f"<body>{escape(body)}</body></message>")

    def wait(self, condition, what, timeout=30):
        """Until condition(self), looked at after each arrival; its value."""
        with self._news:
            value = self._news.wait_for(
                lambda: condition(self) or self.ended, timeout * PATIENCE)
        if not value or value is self.ended:
            raise Timeout(f"crowd: not within {timeout} s: {what() if callable(what) else what}"
                          f" ({len(self.messages)} messages, ended: {self.ended})")
        return value

    def of_feed(self, feed):
        """(to, id) -> how often, of one feed's deliveries: their ids begin with it."""
        with self._news:
            return {k: n for k, n in self.counts.items()
                    if k[1] and k[1].startswith(feed + "~")}

    def wait_each(self, feed, jids, events=1, timeout=60):
        """Until each of JIDS has EVENTS different ones of FEED; (to, id) -> how often."""
        wanted = set(jids)

        def state():
            got = collections.Counter(
                to for (to, i) in self.counts if i and i.startswith(feed + "~"))
            return sum(1 for j in wanted if got[j] >= events)
        seen = -1

        def complete(_c):  # counting is dear: only when there is something new
            nonlocal seen
            if len(self.counts) == seen or len(self.counts) < len(wanted) * events:
                return False
            seen = len(self.counts)
            return state() == len(wanted)
        self.wait(complete, lambda: f"{events} events of {feed} for each of "
                                    f"{len(wanted)}; {state()} have them", timeout)
        return self.of_feed(feed)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()
