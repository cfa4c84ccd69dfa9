"""Who cannot have it now gets it later, or is told that it is too late: holds, retries and
dead letters, on both servers, which keep nothing for those who are not there."""

import time

import pytest
from belfry_testing import belfry
from belfry_testing.client import is_chat, is_event
from belfry_testing.rest import quote
from belfry_testing.site import SERVERS, Site
from belfry_testing.waiting import wait_until

TRIES = 30


@pytest.fixture(scope="module", params=list(SERVERS))
def whole_site(request):
    with Site(request.param, offline=False,
              settings={"delivery": {"retry_first_ms": 100, "retry_max_ms": 400,
                                     "retry_tries": TRIES, "give_up_days": 0}}) as site:
        yield site


def publish(site, feed, *titles, **more):
    return [site.rest.publish(feed, title=t, item=t, **more)["id"] for t in titles]


def first_copies(titles):
    """In the order in which they came first."""
    return list(dict.fromkeys(titles))


def chats(client, feed):
    """The titles that CLIENT got from the feed, in order."""
    return [s.body for s in client.all(is_chat()) if s.sender.startswith(feed + "@")]


def events(client, feed):
    return [s.items[0].get("id") for s in client.all(is_event(feed))]


def status(site, feed, id):
    return site.rest.event(feed, id)["status"]


def done(site, feed, ids):
    """All of them are, and this became of the last one."""
    wait_until(lambda: all(status(site, feed, id) == "done" for id in ids),
               lambda: [site.rest.event(feed, id) for id in ids], 60)
    return site.deliveries(feed, ids[-1])


def held(site, feed, jid, reason):
    return wait_until(
        lambda: (h := site.rest.hold(feed, jid)) and h["reason"] == reason and h,
        lambda: f"{jid} is held, {reason}: {site.rest.hold(feed, jid)}", 60)


# ---- absent and back ----

def comes_back(site, feed, client, jid, last):
    """CLIENT is there again, and gets all up to LAST: at the next try, or, where the
    machine was slower than all of them, when it is redriven."""
    def over():
        return client.all(last) or jid in site.rest.dead_letters(feed)
    wait_until(over, lambda: site.rest.hold(feed, jid), 60)
    if not client.all(last):
        site.rest.redrive(feed, jid)
    client.wait_for(last, 60)


def test_an_absent_user_gets_it_all_when_back(site, feed, person):
    """To the bare JID, as chat; who is there waits for nobody."""
    ann, bob = person("ann"), person("bob")
    for client in (ann, bob):
        site.rest.follow(feed, client.jid, "chat")
    ids = publish(site, feed, "one")
    ann.wait_for(is_chat("one"))
    ann.logout()
    ids += publish(site, feed, "two")
    bob.wait_for(is_chat("two"))
    hold = held(site, feed, ann.jid, "bounced")
    assert hold["condition"] == "service-unavailable" and hold["tries"] >= 1
    ids += publish(site, feed, "three", "four")
    bob.wait_for(is_chat("four"))
    site.settled(feed, ids[3])
    assert site.rest.states(feed, ids[3])[bob.jid] == ("taken", None)
    comes_back(site, feed, ann.login(), ann.jid, is_chat("four"))
    counts = done(site, feed, ids)
    assert first_copies(chats(ann, feed)) == ["one", "two", "three", "four"]
    assert chats(bob, feed) == ["one", "two", "three", "four"]
    assert (counts["taken"], counts["held"]) == (2, 0), counts


def test_a_full_jid_that_was_gone(site, feed, person):
    ann = person()
    assert ann.subscribe(site.service, feed, ann.full_jid).type == "result"
    ids = publish(site, feed, "one")
    ann.wait_for(is_event(feed, "one"))
    ann.logout()
    ids += publish(site, feed, *"abcdefgh")
    held(site, feed, ann.full_jid, "bounced")
    comes_back(site, feed, ann.login(), ann.full_jid, is_event(feed, "h"))
    done(site, feed, ids)
    assert first_copies(events(ann, feed)) == ["one", *"abcdefgh"]


def test_a_worker_that_dies_forgets_no_hold(site, feed, person):
    ann = person()
    site.rest.follow(feed, ann.jid, "chat")
    site.rest.subscriber("PATCH", feed, ann.jid, {"paused": True}).ok(200)
    ids = publish(site, feed, "one", "two")
    held(site, feed, ann.jid, "paused")
    site.work.kill9()
    site.rest.subscriber("PATCH", feed, ann.jid, {"paused": False}).ok(200)
    ids += publish(site, feed, "three")
    site.heal()
    ann.wait_for(is_chat("three"), 60)
    done(site, feed, ids)
    assert first_copies(chats(ann, feed)) == ["one", "two", "three"]


# ---- dead letters ----

def test_dead_and_redriven(site, feed, person, crowd):
    """One comes back again and again; the others get everything once."""
    ann, good = person(login=False), crowd.jids(20, f"{feed}-")
    site.rest.follow_many(feed, [ann.jid, *good], "chat")
    before = site.work.metrics()["belfry_work_dead_letters_total"]
    ids = publish(site, feed, "one")
    held(site, feed, ann.jid, "bounced")
    ids += publish(site, feed, "two", "three")
    wait_until(lambda: site.rest.dead_letters(feed) == [ann.jid],
               lambda: site.rest.hold(feed, ann.jid), 60)
    hold = site.rest.hold(feed, ann.jid)
    assert (hold["reason"], hold["tries"]) == ("dead", TRIES)
    assert hold["condition"] == "service-unavailable" and "due" not in hold
    assert site.work.metrics()["belfry_work_dead_letters_total"] == before + 1
    [line] = [x for x in site.work.this_log().splitlines()
              if "dead letter" in x and f"feed={feed} " in x]
    assert f"jid={ann.jid} condition=service-unavailable tries={TRIES}" in line, line
    assert f"event={ids[0]}" in line, line
    counts = site.settled(feed, ids[0])
    assert (counts["taken"], counts["held"], counts["bounced"]) == (len(good), 1, TRIES)
    assert site.settled(feed, ids[1])["bounced"] == 0, "one event at a time"
    assert site.rest.states(feed, ids[2])[ann.jid] == ("held", "dead")
    letter = site.rest.get(f"/v1/dead-letters/{feed}/{quote(ann.jid)}").ok(200).json
    assert (letter["event"]["id"], letter["missed"]) == (ids[0], 3)
    shown = belfry.run(site.config, "dead-letters", "show", feed, ann.jid)
    assert [x.split("\t")[3] for x in shown.stdout.splitlines()[-3:]] == [
        "one", "two", "three"]

    ann.login()
    redriven = belfry.run(site.config, "dead-letters", "redrive", feed, ann.jid)
    assert redriven.stdout == "1 redriven\n", redriven
    ann.wait_for(is_chat("three"), 60)
    counts = done(site, feed, ids)
    assert (counts["taken"], counts["bounced"], counts["dead"]) == (21, 0, 0), counts
    assert chats(ann, feed) == ["one", "two", "three"]
    crowd.wait_each(feed, good, 3)
    assert set(crowd.of_feed(feed).values()) == {1}, "nobody else got anything twice"
    assert site.rest.dead_letters(feed) == []


def test_what_is_dropped_is_not_sent(site, feed, crowd):
    [bad] = crowd.jids(1, f"{feed}-")
    crowd.bounce = ("modify", "redirect")
    site.rest.follow(feed, bad, "chat")
    ids = publish(site, feed, "one")
    wait_until(lambda: site.rest.dead_letters(feed) == [bad], "redirect is dead at once")
    assert site.rest.hold(feed, bad)["tries"] == 1
    ids += publish(site, feed, "two")
    assert site.settled(feed, ids[1])["held"] == 1
    crowd.bounce = None
    assert site.rest.redrive(feed, bad, "drop") == {"dropped": 1, "more": False}
    counts = done(site, feed, ids)
    assert (counts["dead"], counts["taken"], counts["held"]) == (1, 0, 0), counts
    ids += publish(site, feed, "three")
    assert done(site, feed, ids)["taken"] == 1
    wait_until(lambda: len(crowd.of_feed(feed)) > 1, "the last has come")
    assert len(crowd.of_feed(feed)) == 2, "the first, which came back, and the last"
    assert site.rest.hold(feed, bad) is None


def test_changing_something_redrives(site, feed, crowd):
    """The person is there: who says something to the hub is tried again."""
    [bad] = crowd.jids(1, f"{feed}-")
    crowd.bounce = ("modify", "redirect")
    site.rest.follow(feed, bad, "chat")
    ids = publish(site, feed, "one")
    wait_until(lambda: site.rest.dead_letters(feed) == [bad], "it is dead")
    ids += publish(site, feed, "two")
    crowd.bounce = None
    site.rest.subscriber("PATCH", feed, bad, {"format": "normal"}).ok(200)
    assert done(site, feed, ids)["taken"] == 1
    wait_until(lambda: len(crowd.of_feed(feed)) == 2, "both have come")


def test_late_bounces_while_more_comes(site, new_feed, crowd):
    """Each delivery is counted once, however a refusal that comes late meets the next
    window."""
    feeds = [new_feed() for _ in range(30)]
    [bad] = crowd.jids(1, f"{feeds[0]}-")
    crowd.bounce, ids = ("modify", "redirect"), {}
    for feed in feeds:
        site.rest.follow(feed, bad, "chat")
        ids[feed] = publish(site, feed, "one", "two")
        wait_until(lambda feed=feed: site.rest.dead_letters(feed) == [bad], "it is dead")
    crowd.sync()
    crowd.bounce = None
    for feed in feeds:
        site.rest.redrive(feed, bad)
    for feed in feeds:
        done(site, feed, ids[feed])
        counts = [site.deliveries(feed, id) for id in ids[feed]]
        assert [(c["taken"], c["held"]) for c in counts] == [(1, 0)] * 2, counts


# ---- paused, quiet ----

def test_paused_and_resumed(site, feed, person):
    ann = person()
    site.rest.follow(feed, ann.jid, "chat")
    ids = publish(site, feed, "one")
    ann.wait_for(is_chat("one"))
    site.rest.subscriber("PATCH", feed, ann.jid, {"paused": True}).ok(200)
    ids += publish(site, feed, "two", "three")
    hold = held(site, feed, ann.jid, "paused")
    assert "due" not in hold and hold["tries"] == 0
    assert site.settled(feed, ids[2])["held"] == 1
    assert status(site, feed, ids[2]) == "held"
    assert site.rest.states(feed, ids[2]) == {ann.jid: ("held", "paused")}
    ann.sync()
    assert chats(ann, feed) == ["one"]
    site.rest.subscriber("PATCH", feed, ann.jid, {"paused": None}).ok(200)
    ann.wait_for(is_chat("three"))
    ids += publish(site, feed, "four")
    ann.wait_for(is_chat("four"))
    assert done(site, feed, ids)["taken"] == 1
    assert chats(ann, feed) == ["one", "two", "three", "four"]
    assert site.rest.hold(feed, ann.jid) is None


def around_now():
    """Quiet hours that have begun and go on for some hours, in UTC."""
    hour = time.gmtime().tm_hour
    return {"from": f"{(hour - 2) % 24:02}:00", "to": f"{(hour + 4) % 24:02}:00",
            "zone": "UTC"}


def test_quiet_hours_let_urgent_events_pass(site, feed, person):
    ann = person()
    site.rest.follow(feed, ann.jid, "chat")
    site.rest.subscriber("PATCH", feed, ann.jid,
                         {"quiet": around_now(), "urgent": True}).ok(200)
    ids = publish(site, feed, "one")
    hold = held(site, feed, ann.jid, "quiet")
    assert hold["due"]
    ids += publish(site, feed, "fire", priority="urgent")
    ann.wait_for(is_chat("fire"))
    ids += publish(site, feed, "three")
    assert site.settled(feed, ids[2])["held"] == 1
    assert site.rest.states(feed, ids[1]) == {ann.jid: ("taken", None)}
    site.rest.subscriber("PATCH", feed, ann.jid, {"quiet": None}).ok(200)
    ann.wait_for(is_chat("three"))
    assert done(site, feed, ids)["taken"] == 1
    assert chats(ann, feed) == ["fire", "one", "three"], "urgent, and not repeated"


# ---- a gap ----

def test_what_was_trimmed_is_told_in_one_message(site, feed, person):
    ann, bob = person("ann"), person("bob")
    for client in (ann, bob):
        site.rest.follow(feed, client.jid, "chat")
    site.rest.subscriber("PATCH", feed, ann.jid, {"paused": True}).ok(200)
    publish(site, feed, *"abcdefghij")
    held(site, feed, ann.jid, "paused")
    bob.wait_for(is_chat("j"))
    site.rest.request("PATCH", f"/v1/feeds/{feed}", {"max_items": 3}).ok(200)

    def kept():
        return [e["item"] for e in site.rest.get(f"/v1/feeds/{feed}/events").json["events"]]
    wait_until(lambda: len(kept()) <= 3, lambda: f"trimmed: {kept()}", 60)
    left = kept()
    site.rest.subscriber("PATCH", feed, ann.jid, {"paused": False}).ok(200)
    ann.wait_for(is_chat(left[-1]), 60)
    got = chats(ann, feed)
    assert got[1:] == left, got
    assert str(10 - len(left)) in got[0], got[0]
