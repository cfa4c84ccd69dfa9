"""One run of one fault."""

import collections
import itertools
import random
import time

from belfry_testing.waiting import Timeout, wait_until

from . import count
from .followers import Followers
from .load import Load

_numbers = itertools.count(1)


class Scene:
    """
    What a fault finds: .site, .load, .followers, .random (of the run's seed), .note(text),
    .moment(): until something more was accepted, how much is chance.
    """

    def __init__(self, site, row, seed, rate=None, many=None):
        self.site, self.row, self.seed = site, row, seed
        self.random = random.Random(seed)
        self.rate = rate or row.rate
        self.many = row.many if many is None else min(many, row.many)
        self.notes, self.load, self.followers = [], None, None

    def note(self, text):
        self.notes.append(text)

    def moment(self, least=10, most=80):
        self.load.await_more(self.random.randint(least, most))

    def wait(self, condition, what, timeout=60):
        return wait_until(condition, what, timeout)

    def last(self, seconds):
        """The fault goes on for SECONDS, which are what it is about."""
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= until, "time passes", seconds + 5)

    def prepare(self):
        site = self.site
        site.heal()
        while len(site.works) < self.row.workers:
            site.add_work()
        feeds = [f"bell{next(_numbers)}" for _ in range(2)]
        for feed in feeds:
            site.rest.put_feed(feed, access="open", max_items=100000)
        self.followers = Followers(site, feeds, self.many, self.row.people,
                                   self.row.receipts)
        self.load = Load(lambda: site.serve.port, site.token, feeds, rate=self.rate).start()

    def steady(self):
        """What the followers of the load's own feeds have heard."""
        heard = self.followers.notes.copy()
        return {key: heard[key] for key in heard if key[1] in self.load.feeds}

    def flowing(self, since):
        return count.flowing_after(self.steady(), since)

    def missing(self):
        return list(count.missing(self.load.accepted, self.followers.notes.copy()))

    def settle(self):
        """Until everybody has everything, or as long as the row's patience."""
        self.load.await_more(30, 120)
        self.load.stop()
        self.load.mark()
        logins = 2
        while not self.complete(self.row.patience if logins == 2 else 5) and logins:
            # A server may keep for the next login what came in the moment of one.
            self.followers.pick_up()
            logins -= 1
        self.followers.flush()

    def complete(self, timeout):
        try:
            return wait_until(lambda: not self.missing(), "all is there", timeout)
        except Timeout:
            return False

    def run(self):
        """The run as it is saved."""
        try:
            self.prepare()
            wait_until(lambda: self.flowing(0) is not None, "events flow", 30)
            self.moment()
            began = time.monotonic()
            self.row.inject(self)
            lasted = time.monotonic() - began
            self.settle()
            return self.result(began, lasted)
        finally:
            self.close()

    def unseen(self):
        """
        What was lost, and the hub does not say so: neither that it is still held, nor that it
        was given up or left out. That it came back once says nothing: it is sent again.
        """
        lost = collections.Counter((feed, event) for (_jid, feed), event in self.missing())
        unseen = 0
        for (feed, event), many in lost.items():
            said = self.site.deliveries(feed, self.load.ids[feed, event])
            told = sum(said[count] for count in ("held", "dead", "left", "skipped"))
            unseen += max(0, many - told)
        return unseen

    def in_store(self, feed):
        """The ids of its events, page by page."""
        after = ""
        while after is not None:
            page = self.site.rest.get(f"/v1/feeds/{feed}/events?limit=100{after}").ok(200).json
            yield from (event["id"] for event in page["events"])
            after = page["next"] and f"&after={page['next']}"

    def gone(self):
        """
        Accepted events that the store has no longer: the worker may have sent them before the
        store went back behind them, so that nobody missed them.
        """
        return sum(len({self.load.ids[feed, event] for event in events}
                       - set(self.in_store(feed)))
                   for feed, events in self.load.accepted.items())

    def result(self, began, lasted):
        accepted, heard = self.load.accepted, self.followers.notes.copy()
        counts = count.count(accepted, heard)
        flowing = self.flowing(began)
        looked = {"gone": self.gone()} if self.row.look else {}
        return {"seed": self.seed, **counts._asdict(), **looked, "unseen": self.unseen(),
                "deliveries": sum(len(accepted[feed]) for _jid, feed in heard),
                "flowing_s": None if flowing is None else round(flowing, 2),
                "lasted_s": round(lasted, 2),
                "refused": {str(k): n for k, n in self.load.refused.items()},
                "notes": self.notes}

    def close(self):
        if self.load is not None:
            self.load.abandon()
        if self.followers is not None:
            self.followers.leave()
