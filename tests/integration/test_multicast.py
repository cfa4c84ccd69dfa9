"""One stanza for many receivers (XEP-0033), on ejabberd's mod_multicast; and without it."""

import collections
import re
import subprocess

import pytest
from belfry_testing import belfry
from belfry_testing.client import is_chat, is_event
from belfry_testing.site import SERVERS, Site
from belfry_testing.waiting import wait_until

SERVICE = "multicast.localhost"
OFF = "xmpp.multicast cannot be used"
REFUSES = "xmpp.multicast refuses"


def one_site(kind, **more):
    return Site(kind, settings={"xmpp": {"multicast": SERVICE}}, **more)


@pytest.fixture(scope="module", params=["there", *(f"not on {k}" for k in SERVERS)])
def whole_site(request):
    """With the service, and where the server has none."""
    there = request.param == "there"
    kind = "ejabberd" if there else request.param.removeprefix("not on ")
    with one_site(kind, multicast=there) as site:
        site.there = there
        yield site


@pytest.fixture
def feed(site, request):
    name = re.sub("[^a-z]+", "-", request.node.originalname)[5:50]
    site.rest.put_feed(name, access="open")
    return name


def counted(site, name):
    return site.work.metrics()[f"belfry_work_{name}"]


def test_everybody_once_and_in_order(site, feed):
    """Users by the service, and people elsewhere, whom it does not serve."""
    events = 40
    users = [site.client(f"user{n}") for n in range(25)]
    crowd = site.crowd()
    for user in users:
        user.subscribe(site.service, feed)
    site.rest.follow_many(feed, crowd.jids(30))
    site.rest.follow(feed, "user0@localhost", "chat")
    site.rest.follow(feed, "user1@localhost", "headline")
    groups = counted(site, "groups_total")
    site.rest.publish_many(feed, ({"item": f"n{n}", "title": f"t{n}"}
                                  for n in range(events)), connections=1)
    for user in users[2:]:
        got = user.wait_count(events, is_event(feed), 60)
        assert [s.items[0].get("id") for s in got] == [f"n{n}" for n in range(events)]
        assert len({s.id for s in got}) == events
        assert all(s.find("{http://jabber.org/protocol/address}addresses") is None
                   for s in got)
    users[0].wait_count(events, is_chat(), 60)
    crowd.wait_each(feed, crowd.jids(30), events)
    order = collections.defaultdict(list)
    for m in crowd.messages:
        order[m.to].append(m.id.split("~")[1])
    assert set(map(tuple, order.values())) == {tuple(order[crowd.jids(1)[0]])}
    for id in (e["id"] for e in site.rest.get(f"/v1/feeds/{feed}/events").ok(200)
               .json["events"]):
        done = site.settled(feed, id)
        assert (done["taken"], done["sent"], done["bounced"]) == (54, 1, 0), done
    used = counted(site, "groups_total") - groups
    assert (used > 0) == site.there
    assert counted(site, "multicast") == site.there
    assert (OFF in site.work.log_text()) != site.there


def test_absent_users_are_counted(site, feed):
    absent = [f"nobody{n}@{site.server.domain}" for n in range(3000)]
    alice = site.client("alice")
    site.rest.follow_many(feed, absent, "chat")
    site.rest.follow(feed, alice.jid, "chat")
    id = site.rest.publish(feed, title="anybody there?")["id"]
    alice.wait_for(is_chat("anybody there?"), 60)
    done = site.settled(feed, id, 60)
    if site.there:  # the barrier is behind the bounces
        assert counted(site, "late_bounces_total") == 0
    assert (done["taken"], done["held"] + done["left"]) == (1, len(absent)), done
    site.rest.delete_feed(feed).ok(204)  # else they are tried again all the time


def test_who_is_offline_gets_it_at_login(site, feed):
    jid = site.server.add_account("sleeper")
    site.rest.follow(feed, jid, "chat")
    id = site.rest.publish(feed, title="good morning")["id"]
    assert site.settled(feed, id)["taken"] == 1
    site.client("sleeper").wait_for(is_chat("good morning"), 60)


def prosody_version():
    said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "prosody"],
                          capture_output=True, text=True, check=True).stdout
    return int(said.split(".")[0])


def test_who_blocked_it_is_counted(site, feed):
    if site.kind == "prosody" and prosody_version() >= 13:
        pytest.skip("no bounce came from Prosody 13; it does from 0.12")
    site.rest.follow(feed, "carol@localhost", "chat")
    carol, bob = site.client("carol"), site.client("bob")
    site.rest.follow(feed, bob.jid, "chat")
    carol.iq(carol.jid, f"<block xmlns='urn:xmpp:blocking'><item jid='{feed}@{site.service}'/>"
                   "</block>", type="set")
    id = site.rest.publish(feed, title="not for carol")["id"]
    bob.wait_for(is_chat("not for carol"))
    counters = wait_until(
        lambda: (c := site.deliveries(feed, id))["held"] == 1 and c,
        lambda: site.deliveries(feed, id))
    assert counters["taken"] == 1


def test_a_row_that_is_no_jid(site, feed):
    """Redis is not ours alone: nobody else misses anything."""
    alice = site.client("alice")
    site.rest.follow_many(feed, [f"someone{n}@{site.server.domain}" for n in range(5)])
    alice.subscribe(site.service, feed)
    row = site.redis("KEYS", f"*:b:{feed}:0")[0]
    value = site.redis("HGET", row, alice.jid)
    for bad in ("a b@localhost", "@@bad", "UPPER@localhost", "nodomain@", "x@localhost/"):
        site.redis("HSET", row, bad, value)
    id = site.rest.publish(feed, item="fine")["id"]
    alice.wait_for(is_event(feed, "fine"), 60)
    site.settled(feed, id)
    assert counted(site, "multicast") == site.there


def test_check_tells(site):
    site.work.stop()
    done = belfry.run(site.write_config("check.ini"), "check", timeout=60)
    assert done.returncode == 0, done.stdout
    line = next(li for li in done.stdout.splitlines() if li.startswith("multicast"))
    assert (" ok " in line) == site.there, done.stdout
    assert ("mod_multicast:" in done.stdout) != site.there, done.stdout


def test_the_service_refuses_us():
    """It is there, but for somebody else (`access`): found out by the first group."""
    with one_site("ejabberd", multicast="elsewhere.localhost") as site:
        assert counted(site, "multicast") == 1
        people = [site.client(f"user{n}") for n in range(3)]
        site.rest.put_feed("deploys", access="open")
        for one in people:
            one.subscribe(site.service, "deploys")
        crowd = site.crowd()
        site.rest.follow_many("deploys", crowd.jids(5))
        ids = [site.rest.publish("deploys", item=f"n{n}")["id"] for n in range(3)]
        for one in people:
            got = one.wait_count(3, is_event("deploys"), 60)
            assert [s.items[0].get("id") for s in got] == ["n0", "n1", "n2"]
        for id in ids:
            assert site.settled("deploys", id)["taken"] == 8
        assert counted(site, "multicast") == 0
        assert site.work.log_text().count(REFUSES) == 1
        assert "forbidden" in site.work.log_text()


def test_a_smaller_limit():
    """What ejabberd's `limits` grant is asked for, and kept to."""
    with one_site("ejabberd", multicast=True, multicast_limit=3) as site:
        people = [site.client(f"user{n}") for n in range(8)]
        site.rest.put_feed("deploys", access="open")
        for one in people:
            one.subscribe(site.service, "deploys")
        site.rest.publish("deploys", item="n0")
        for one in people:
            one.wait_for(is_event("deploys", "n0"))
        metrics = site.work.metrics()
        assert metrics["belfry_work_multicast"] == 1
        assert metrics["belfry_work_grouped_total"] == 8
        assert metrics["belfry_work_groups_total"] == 3
        site.work.stop()
        done = belfry.run(site.write_config("check.ini"), "check", timeout=60)
        assert "for 3 users" in done.stdout and "limits" in done.stdout, done.stdout


def test_it_is_taken_away():
    """The server comes back without it: what was published meanwhile arrives once."""
    with one_site("ejabberd", multicast=True) as site:
        site.rest.put_feed("deploys", access="open")
        alice = site.client("alice")
        alice.subscribe(site.service, "deploys")
        site.rest.publish("deploys", item="before")
        alice.wait_for(is_event("deploys", "before"))
        assert counted(site, "multicast") == 1
        site.close_clients()
        site.server.stop()
        id = site.rest.publish("deploys", item="meanwhile")["id"]
        site.server.multicast = None
        site.server.configure()
        site.server.start()
        wait_until(site.work.holds_link, "the link is up", 60)
        assert site.settled("deploys", id, 60)
        assert counted(site, "multicast") == 0
        alice = site.client("alice")
        # From the server's offline store, which may hand it over beside what is new.
        alice.wait_for(is_event("deploys", "meanwhile"))
        site.rest.publish("deploys", item="after")
        alice.wait_for(is_event("deploys", "after"))
        got = alice.all(is_event("deploys"))
        assert [s.items[0].get("id") for s in got] == ["meanwhile", "after"]
        assert OFF in site.work.log_text()
