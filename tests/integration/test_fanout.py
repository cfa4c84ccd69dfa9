"""Many events, many followers: order, completeness, fairness, bounces."""

import collections

from belfry_testing.client import is_chat, is_event
from belfry_testing.waiting import wait_until
from conftest import BIG


def test_order_over_a_thousand_events(site, feed, alice):
    alice.subscribe(site.service, feed)
    site.rest.publish_many(feed, ({"item": f"n{n}"} for n in range(1000)), connections=1)
    got = alice.wait_count(1000, is_event(feed), 60)
    assert [s.items[0].get("id") for s in got] == [f"n{n}" for n in range(1000)]
    assert len({s.id for s in got}) == 1000


def test_each_of_a_thousand_gets_each_event_once(site, feed, crowd):
    people = crowd.jids(1000)
    site.rest.follow_many(feed, people)
    ids = [site.rest.publish(feed, title=f"t{n}")["id"] for n in range(3)]
    counts = crowd.wait_each(feed, people, events=3)
    for id in ids:
        assert site.settled(feed, id)["taken"] == 1000
    crowd.sync()
    counts = crowd.of_feed(feed)
    assert len(counts) == 3000 and set(counts.values()) == {1}
    order = collections.defaultdict(list)
    for m in crowd.messages:
        if m.id and m.id.startswith(feed + "~"):
            order[m.to].append(m.id.split("~")[1])
    assert set(map(tuple, order.values())) == {tuple(order[people[0]])}


def test_a_big_feed_does_not_delay_a_small_one(site, big_feed, new_feed, crowd):
    small = new_feed("small")
    few = crowd.jids(5, prefix="few")
    site.rest.follow_many(small, few)
    events = 5
    for n in range(events):
        site.rest.publish(big_feed, title=f"big {n}")
    crowd.wait(lambda c: len(c.messages) > 500, "the big feed's first")
    before = len(crowd.messages)
    site.rest.publish(small, title="alert")
    crowd.wait_each(small, few)
    crowd.wait_each(big_feed, crowd.jids(BIG), events, 120)
    last = max(n for n, m in enumerate(crowd.messages) if m.id.startswith(small + "~"))
    # What the server had in hand goes first; the rest of the big feed comes after.
    assert last - before < events * BIG / 4, (before, last)


def test_ten_thousand_chat_bounces(site, feed, alice):
    """A fan-out to people that the server does not know."""
    absent = [f"nobody{n}@{site.server.domain}" for n in range(BIG)]
    site.rest.follow_many(feed, absent, "chat")
    site.rest.follow(feed, alice.jid, "chat")
    id = site.rest.publish(feed, title="anybody there?")["id"]
    alice.wait_for(is_chat("anybody there?"), 60)
    site.settled(feed, id, 60)
    counters = wait_until(
        lambda: (c := site.deliveries(feed, id))["held"] + c["left"] == BIG and c,
        lambda: site.deliveries(feed, id), 30)
    assert counters["taken"] == 1 and counters["bounced"] >= counters["held"], counters
    site.rest.publish(feed, title="marker")
    alice.wait_for(is_chat("marker"), 60)
    site.rest.delete_feed(feed).ok(204)  # else they are tried again all the time


def test_bounces_that_end_a_subscription(site, feed, crowd):
    """gone and item-not-found end it, whenever they come; the others are held."""
    ends = {"gone": "cancel", "item-not-found": "cancel"}
    stays = {"service-unavailable": "cancel", "resource-constraint": "wait",
             "policy-violation": "modify", "forbidden": "auth"}
    conditions = {f"{c}@{crowd.domain}": (t, c) for c, t in {**ends, **stays}.items()}
    crowd.bounce = lambda seen: conditions.get(seen.to)
    site.rest.follow_many(feed, conditions)
    id = site.rest.publish(feed, title="bounce me")["id"]
    crowd.wait_each(feed, conditions)

    counters = wait_until(
        lambda: (c := site.deliveries(feed, id))["held"] + c["left"] == 6 and c,
        lambda: site.deliveries(feed, id))
    assert (counters["left"], counters["held"], counters["taken"]) == (2, 4, 0)
    assert counters["bounced"] >= 4
    assert {c: site.rest.hold(feed, f"{c}@{crowd.domain}")["condition"] for c in stays} == {
        c: c for c in stays}
    left = str(site.rest.get(f"/v1/feeds/{feed}/subscribers").ok(200).json)
    assert all(f"{c}@{crowd.domain}" in left for c in stays)
    assert not any(f"{c}@{crowd.domain}" in left for c in ends)


def test_bounces_of_everything_change_nothing_for_others(site, new_feed, crowd, alice):
    """Of a feed of their own: they are tried again and again as long as there is one."""
    back, fine, people = new_feed(), new_feed(), crowd.jids(BIG // 3, "back")
    site.rest.follow_many(back, people)
    crowd.bounce = ("cancel", "service-unavailable")
    alice.subscribe(site.service, fine)
    site.rest.publish(back, title="all of this comes back")
    site.rest.publish(fine, title="this does not", item="fine")
    alice.wait_for(is_event(fine, "fine"), 60)
    crowd.wait_each(back, people, timeout=120)
    site.rest.delete_feed(back).ok(204)
