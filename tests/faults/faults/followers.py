"""Who follows, and what each of them has heard, in order."""

import re
import threading
from xml.sax.saxutils import quoteattr

from belfry_testing.client import Client, is_presence
from belfry_testing.crowd import Crowd
from belfry_testing.waiting import Timeout, wait_until

from .count import Heard

ID = re.compile(r"(.+)~(\d+)-(\d+)~")
BELL = re.compile(r"bell (\d+)-(\d+)\.")


def heard_in(id, text, at, stored=False):
    """(feed, Heard) of a delivery; None for what is none."""
    place, bell = ID.match(id or ""), BELL.search(text)
    if not place or not bell:
        return None
    return place[1], Heard(int(bell[1]), int(bell[2]), (int(place[2]), int(place[3])), at,
                           stored)


class Notes:
    """{(jid, feed): [Heard]} of those who are to have it, and how much that is."""

    def __init__(self):
        self.followers, self._lock = {}, threading.Lock()

    def add(self, jid, feed):
        self.followers[jid, feed] = []

    def hear(self, jid, id, text, at, stored=False):
        found = heard_in(id, text, at, stored)
        if found:
            with self._lock:
                notes = self.followers.get((jid, found[0]))
                if notes is not None:
                    notes.append(found[1])

    def copy(self):
        with self._lock:
            return {key: list(heard) for key, heard in self.followers.items()}


class Many:
    """People of crowd.DOMAIN, played by one component, which comes back if it is cut off."""

    def __init__(self, server, notes):
        self.server, self.notes, self.bounce = server, notes, None
        self.crowd = None
        self.connect()

    def connect(self):
        self.crowd = Crowd(self.server)
        self.crowd.bounce = self.bounce
        self.crowd.hear = lambda seen, text: self.notes.hear(seen.to, seen.id, text, seen.at)

    def jids(self, count, prefix):
        return self.crowd.jids(count, prefix)

    def keep_up(self, leaving):
        """Until LEAVING is set, in a thread."""
        while not leaving.wait(0.05):
            if self.crowd.ended:
                self.crowd.close()
                try:
                    self.connect()
                except (OSError, EOFError, RuntimeError):
                    pass

    def set_bounce(self, how):
        self.bounce = self.crowd.bounce = how

    def flush(self):
        self.crowd.sync()

    def leave(self):
        self.crowd.close()


class Person(Client):
    """
    An account with a client, which logs in again whenever its stream has ended, and gives
    receipts where they are asked for.
    """

    def __init__(self, server, user, notes):
        super().__init__(server.add_account(user), server.passwords[user], server.c2s_port,
                         server.cert)
        self.notes, self.away = notes, threading.Event()

    def _confirm(self, got):
        if got.find("receipts:request") is not None and self.xmpp is not None:
            self.xmpp.send_raw(f"<message to={quoteattr(got.sender)} type='chat'><received "
                               f"xmlns='urn:xmpp:receipts' id={quoteattr(got.id)}/></message>")

    def _arrived(self, stanza):
        result = super()._arrived(stanza)
        got = self.received[-1]
        if got.kind == "message" and not got.is_error:
            self._confirm(got)
            delay = got.find("delay:delay")
            self.notes.hear(self.jid, got.id, "".join(got.element.itertext()), got.at,
                            delay is not None and delay.get("from") == self.domain)
        return result

    def keep_up(self, leaving):
        while not leaving.wait(0.05):
            if not self.connected() and not self.away.is_set():
                self.abort()
                try:
                    # What the server had written to one that gives up is lost.
                    self.login(timeout=30)
                except (Timeout, OSError):
                    pass

    def go(self):
        self.away.set()
        self.logout()
        self._state = None

    def vanish(self):
        self.away.set()
        self.abort()

    def come(self):
        self.away.clear()

    def flush(self):
        wait_until(self.connected, f"{self.jid} is logged in", 60)
        self.sync()

    def leave(self):
        self.away.set()
        self.logout()


class Followers:
    """
    MANY (how many people of the crowd) and PEOPLE (how many accounts), of all FEEDS. RECEIPTS:
    the accounts confirm what they get.
    """

    def __init__(self, site, feeds, many, people, receipts=False):
        self.site, self.notes, self.leaving = site, Notes(), threading.Event()
        # Where there is a second server, that is where they are.
        home = getattr(site, "remote", site.server)
        self.many = Many(home, self.notes) if many else None
        self.people = [Person(site.server, f"person{i}", self.notes).login()
                       for i in range(people)]
        self._follow(feeds, many)
        if receipts:
            for feed in feeds:
                self._prove(feed)
        self._keepers = [threading.Thread(target=one.keep_up, args=(self.leaving,),
                                          daemon=True) for one in self.all()]
        for keeper in self._keepers:
            keeper.start()

    def all(self):
        return [*([self.many] if self.many else []), *self.people]

    def _follow(self, feeds, many):
        for number, feed in enumerate(feeds):
            jids = self.many.jids(many, f"{feed}-") if many else []
            people = [person.jid for person in self.people]
            for jid in [*jids, *people]:
                self.notes.add(jid, feed)
            rest = self.site.rest
            rest.follow_many(feed, jids, "event" if number % 2 == 0 else "chat")
            rest.follow_many(feed, people, "chat" if number % 2 == 0 else "event")

    def _prove(self, feed):
        """They are asked for receipts from now on, have given one, and show their presence."""
        rest = self.site.rest

        def says(person):
            return rest.subscriber("GET", feed, person.jid).json
        for person in self.people:
            rest.subscriber("PUT", feed, person.jid,
                            {"format": "chat", "ack": "receipt"}).ok()
        rest.publish(feed, title="the first")
        wait_until(lambda: all(says(person).get("proven") for person in self.people),
                   "each has given a receipt", 60)
        contact = f"{feed}@{self.site.service}"
        for person in self.people:
            person.wait_for(is_presence(contact, "subscribe"))
            person.say_presence(contact, "subscribed")
        wait_until(lambda: all(says(person).get("presence") == "granted"
                               for person in self.people), "each shows its presence", 60)
        wait_until(lambda: not any("hold" in says(person) for person in self.people),
                   "all is confirmed", 60)

    def flush(self):
        """What the server had for them has arrived."""
        for one in self.all():
            one.flush()

    def pick_up(self):
        """Whatever the server kept for a later login."""
        for person in self.people:
            person.go()
        for person in self.people:
            person.come()
        self.flush()

    def leave(self):
        self.leaving.set()
        for keeper in self._keepers:
            keeper.join()
        for one in self.all():
            one.leave()
