"""Numbered events, posted at a steady rate over a few keep-alive connections."""

import collections
import http.client
import json
import threading
import time

from belfry_testing.waiting import PATIENCE, wait_until

# What a publisher does about an answer that is not a 202: the event is posted again under
# the same key. Sooner than Retry-After says, as that is the harder thing.
AGAIN_S = 0.1


class Unexpected(AssertionError):
    pass


class Connection:
    """Posts its events one after the other: the next when the one before was accepted."""

    def __init__(self, load, number, feed):
        self.load, self.number, self.feed = load, number, feed
        self.posted, self.http = 0, None

    def request(self, event, body, key):
        """The status; None where there was no answer."""
        load = self.load
        try:
            if self.http is None:
                self.http = http.client.HTTPConnection("127.0.0.1", load.port(),
                                                       timeout=5 * PATIENCE)
            self.http.request("POST", f"/v1/feeds/{self.feed}/events", body, {
                "Authorization": f"Bearer {load.token}", "Idempotency-Key": key,
                "Content-Type": "application/json"})
            answer = self.http.getresponse()
            text = answer.read()
            if answer.status == 202:
                load.ids[self.feed, event] = json.loads(text)["id"]
            return answer.status
        except (OSError, ValueError, http.client.HTTPException):
            self.close()
            return None

    def close(self):
        if self.http is not None:
            self.http.close()
        self.http = None

    def post(self):
        """Whether it was accepted before the load gave up."""
        number, self.posted = self.posted, self.posted + 1
        title = f"bell {self.number}-{number}."
        body = json.dumps({"title": title, "text": self.load.text})
        key = f"{self.feed}.{self.number}.{number}"
        while True:
            status = self.request((self.number, number), body, key)
            if status == 202:
                self.load.has_accepted(self.feed, (self.number, number))
                return True
            if status not in (None, 429, 503):
                raise Unexpected(f"{status} for {title} of {self.feed}")
            self.load.failed(status)
            if self.load.over.wait(AGAIN_S):
                return False


class Load:
    """
    RATE: events a second over all CONNECTIONS, which take turns with the FEEDS. port(): where
    serve listens now. accepted: {feed: {(connection, number): when}}; ids: what the hub calls
    them, {(feed, (connection, number)): id}.
    """

    def __init__(self, port, token, feeds, connections=6, rate=60, text="x" * 100):
        self._port, self.token, self.text, self.rate = port, token, text, rate
        self.feeds, self.accepted = feeds, {feed: {} for feed in feeds}
        self.ids = {}
        self.refused, self.errors = collections.Counter(), []
        self.stopping, self.over = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._connections = [Connection(self, i + 1, feeds[i % len(feeds)])
                             for i in range(connections)]
        self._markers = {feed: Connection(self, 0, feed) for feed in feeds}
        self._threads = [threading.Thread(target=self._run, args=(c, i), daemon=True)
                         for i, c in enumerate(self._connections)]

    def port(self):
        port = self._port()
        if port is None:
            raise ConnectionRefusedError("serve is not there")
        return port

    def has_accepted(self, feed, event):
        with self._lock:
            self.accepted[feed][event] = time.monotonic()

    def failed(self, status):
        with self._lock:
            self.refused[status or "no answer"] += 1

    def total(self):
        with self._lock:
            return sum(len(events) for events in self.accepted.values())

    def _run(self, connection, turn):
        period = len(self._connections) / self.rate
        due = time.monotonic() + period * turn / len(self._connections)
        try:
            while not self.stopping.wait(max(0, due - time.monotonic())):
                if not connection.post():
                    break
                # What an outage held up is not made up for: the rate stays what it is.
                due = max(due + period, time.monotonic())
        except Exception as e:  # noqa: BLE001: told by check()
            self.errors.append(e)
        finally:
            connection.close()

    def post_once(self, feed):
        """One event to another feed; it must be accepted."""
        self.accepted[feed] = {}
        connection = Connection(self, 0, feed)
        assert connection.post(), f"the event for {feed} was not accepted"
        connection.close()

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def check(self):
        if self.errors:
            raise self.errors[0]

    def await_more(self, count, timeout=60):
        """Until COUNT more events have been accepted."""
        wanted = self.total() + count

        def reached():
            self.check()
            return self.total() >= wanted
        wait_until(reached, lambda: f"{wanted} events are accepted, not {self.total()}; "
                                    f"refused: {dict(self.refused)}", timeout)

    def stop(self, timeout=60):
        """No more events; what was begun is posted until it is accepted."""
        self.stopping.set()
        deadline = time.monotonic() + timeout * PATIENCE
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0, deadline - time.monotonic()))
        self.abandon()
        self.check()

    def abandon(self):
        self.stopping.set()
        self.over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def mark(self, timeout=60):
        """One more event for each feed, behind all others."""
        for connection in self._markers.values():
            def accepted(connection=connection):
                number = connection.posted
                done = connection.post()
                connection.posted = number + 1 if done else number
                return done
            wait_until(accepted, f"a marker of {connection.feed} is accepted", timeout)
            connection.close()
