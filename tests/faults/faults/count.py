"""What the followers got, held against what was accepted. Pure."""

import collections

Heard = collections.namedtuple("Heard", "source number place at stored", defaults=(False,))
Heard.__doc__ = """An event as it reached a follower. SOURCE: the connection that posted it,
NUMBER: its place among that connection's events of the feed; PLACE: (epoch, n), its
position in the log, from the stanza's id; AT: monotonic seconds; STORED: it bears a stamp of
the time (XEP-0203), as what an XMPP server kept for somebody who was offline."""

Counts = collections.namedtuple("Counts", "accepted lost repeated out_of_order stored")
Counts.__doc__ = """ACCEPTED: events that a 202 was seen for. Of deliveries, one for each of
them and each follower of its feed: LOST, REPEATED (copies beyond the first) and OUT_OF_ORDER
(first copies that came behind a newer one), of which STORED came out of a server's store."""


def first_copies(heard):
    seen = set()
    for one in heard:
        if (one.source, one.number) not in seen:
            seen.add((one.source, one.number))
            yield one


def out_of_order(heard):
    """
    The first copies that are. There are two orders: a connection posts one event after the
    other, so its numbers rise, whatever the hub says of positions; and positions rise.
    """
    late, newest, numbers = [], (0, 0), {}
    for one in first_copies(heard):
        if one.place < newest or one.number < numbers.get(one.source, -1):
            late.append(one)
        newest = max(newest, one.place)
        numbers[one.source] = max(numbers.get(one.source, -1), one.number)
    return late


def missing(accepted, followers):
    """((jid, feed), (source, number)) of all deliveries that are owed and did not come."""
    for (jid, feed), heard in followers.items():
        got = {(one.source, one.number) for one in heard}
        for event in accepted.get(feed, ()):
            if event not in got:
                yield (jid, feed), event


def count(accepted, followers):
    """
    ACCEPTED: {feed: {(source, number): when the 202 was seen}}. FOLLOWERS: {(jid, feed):
    [Heard in the order of arrival]}.
    """
    late = [one for heard in followers.values() for one in out_of_order(heard)]
    return Counts(
        sum(len(events) for events in accepted.values()),
        sum(1 for _ in missing(accepted, followers)),
        sum(len(heard) - len(set((h.source, h.number) for h in heard))
            for heard in followers.values()),
        len(late), sum(1 for one in late if one.stored))


def silence(heard, since):
    """
    The longest time, in seconds from SINCE on, that passed without anything coming. None
    where nothing has come since.
    """
    times = [since, *(one.at for one in heard if one.at > since)]
    return max((b - a for a, b in zip(times, times[1:])), default=None)


def flowing_after(followers, since):
    """The longest silence of any follower; None where one heard nothing more."""
    silences = [silence(heard, since) for heard in followers.values()]
    return None if None in silences else max(silences, default=None)
