"""Belfry's HTTP interface, by http.client; and many requests at once, by sockets."""

import collections
import http.client
import json
import re
import socket
import threading
import urllib.parse


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The last part of the problem's type, "no-such-feed"."""
        return self.json["type"].rsplit(":", 1)[-1]

    def ok(self, *statuses):
        wanted = statuses or (200, 201, 202, 204)
        assert self.status in wanted, f"{self.status}: {self.body[:500]!r}"
        return self

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def quote(part):
    return urllib.parse.quote(part, safe="")


class Rest:
    def __init__(self, port, token=None, host="127.0.0.1", timeout=20):
        self.host, self.port, self.token, self.timeout = host, port, token, timeout

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def request(self, method, path, body=None, headers=None, token=None):
        """One request on a connection of its own. A dict or list as BODY is JSON."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body, ensure_ascii=False)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        token = self.token if token is None else token
        if token:
            headers.setdefault("Authorization", f"Bearer {token}")
        connection = http.client.HTTPConnection(self.host, self.port,
                                                timeout=self.timeout)
        try:
            connection.request(method, path, body, headers)
            r = connection.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, feed, event, headers=None, **more):
        return self.request("POST", f"/v1/feeds/{feed}/events", event, headers, **more)

    def publish(self, feed, event=None, **members):
        """Posts an event that must be taken; the answer's JSON."""
        return self.post(feed, {**(event or {}), **members}).ok(202).json

    def put_feed(self, feed, **config):
        return self.request("PUT", f"/v1/feeds/{feed}", config).ok()

    def delete_feed(self, feed):
        return self.request("DELETE", f"/v1/feeds/{feed}")

    def subscriber(self, method, feed, jid, body=None):
        return self.request(method, f"/v1/feeds/{feed}/subscribers/{quote(jid)}", body)

    def follow(self, feed, jid, format="event"):
        return self.subscriber("PUT", feed, jid, {"format": format}).ok()

    def unfollow(self, feed, jid):
        return self.subscriber("DELETE", feed, jid)

    def pending(self, method, feed, jid, decision=None):
        return self.request(method, f"/v1/feeds/{feed}/pending/{quote(jid)}",
                            decision and {"decision": decision})

    def dead_letters(self, feed):
        """JIDs, the longest dead first."""
        page = self.get(f"/v1/dead-letters?feed={feed}&limit=1000").ok(200).json
        return [d["jid"] for d in page["dead_letters"]]

    def redrive(self, feed, jid=None, verb="redrive"):
        """The answer's JSON; without JID: all of the feed. VERB: "drop" instead."""
        who = {"jid": jid} if jid else {"all": True}
        return self.request("POST", f"/v1/dead-letters:{verb}", {"feed": feed, **who}).ok(
            200).json

    def hold(self, feed, jid):
        """Its hold, or None."""
        return self.subscriber("GET", feed, jid).ok(200).json.get("hold")

    def states(self, feed, id):
        """{JID: (state, reason of the hold)} of an event's deliveries."""
        found, after = {}, ""
        while after is not None:
            page = self.get(f"/v1/feeds/{feed}/events/{id}/deliveries?limit=1000"
                            f"{after and '&after=' + after}").ok(200).json
            found.update((d["jid"], (d["state"], d.get("hold", {}).get("reason")))
                         for d in page["deliveries"])
            after = page["next"]
        return found

    def event(self, feed, id):
        return self.get(f"/v1/feeds/{feed}/events/{id}").ok(200).json

    def metrics(self):
        return parse_metrics(self.get("/metrics").ok(200).body.decode())

    # ---- many ----

    def raw(self, method, path, body=b"", content_type="application/json"):
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}",
                f"Authorization: Bearer {self.token}"]
        if body:
            head += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def many(self, requests, connections=8):
        """Sends them over a few kept connections; a Counter of the statuses."""
        requests, statuses, lock = list(requests), collections.Counter(), threading.Lock()
        errors = []

        def work(mine):
            got = collections.Counter()
            try:
                with socket.create_connection((self.host, self.port), self.timeout) as s:
                    f = s.makefile("rb")
                    for r in mine:
                        s.sendall(r)
                        got[_read_answer(f)] += 1
            except (OSError, ValueError) as e:
                errors.append(e)
            with lock:
                statuses.update(got)
        threads = [threading.Thread(target=work, args=(requests[i::connections],))
                   for i in range(connections)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not errors, errors
        return statuses

    def follow_many(self, feed, jids, format="event"):
        body = json.dumps({"format": format}).encode()
        statuses = self.many(self.raw(
            "PUT", f"/v1/feeds/{feed}/subscribers/{quote(j)}", body) for j in jids)
        assert not set(statuses) - {200, 201, 204}, statuses

    def publish_many(self, feed, events, connections=8):
        """Events over CONNECTIONS (1 keeps their order)."""
        statuses = self.many((self.raw("POST", f"/v1/feeds/{feed}/events",
                                       json.dumps(e).encode()) for e in events),
                             connections)
        assert set(statuses) <= {202}, statuses


def _read_answer(f):
    status = f.readline().split()
    if len(status) < 2:
        raise ValueError("no answer")
    length = 0
    while True:
        line = f.readline()
        if line in (b"\r\n", b""):
            break
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    f.read(length)
    return int(status[1])


_sample = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")


def parse_metrics(text):
    """Prometheus text: "name" or 'name{label="value"}' -> number. A bad line raises."""
    samples = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            m = _sample.match(line)
            if not m:
                raise ValueError(f"not a sample: {line!r}")
            name, labels, value = m.groups()
            samples[name + (f"{{{labels}}}" if labels else "")] = float(value)
    return samples
