"""Events that come together, on both servers. Nobody waits an hour: what is held is due when
it is redriven."""


import pytest
from belfry_testing.client import is_chat, is_event
from belfry_testing.site import SERVERS, Site
from belfry_testing.waiting import wait_until

HOURLY = {"every": "1h"}


@pytest.fixture(scope="module", params=list(SERVERS))
def whole_site(request):
    with Site(request.param, offline=False,
              settings={"delivery": {"retry_first_ms": 100, "retry_max_ms": 400}}) as site:
        yield site


def publish(site, feed, *titles, **more):
    return [site.rest.publish(feed, title=t, item=t, **more)["id"] for t in titles]


def held(site, feed, jid, ids, reason="digest"):
    """All of IDS wait, for that reason."""
    wait_until(lambda: all(site.rest.states(feed, id).get(jid) == ("held", reason)
                           for id in ids),
               lambda: [site.rest.states(feed, id) for id in ids], 60)
    return site.rest.hold(feed, jid)


def done(site, feed, ids, **want):
    """All of them are, and this became of each."""
    def counts():
        return [site.rest.event(feed, id) for id in ids]
    wait_until(lambda: all(e["status"] == "done" for e in counts()), counts, 60)
    for e in counts():
        assert {k: e["deliveries"][k] for k in want} == want, e


def heading(count, feed):
    return lambda s: is_chat()(s) and s.body.startswith(f"{count} events of {feed}:\n")


def from_feed(client, feed):
    return client.all(lambda s: is_chat()(s) and s.sender.startswith(feed + "@"))


def test_by_chat(site, feed, person):
    ann, bob = person("ann"), person("bob")
    for client in (ann, bob):
        site.rest.follow(feed, client.jid, "chat")
    said = ann.ask(site.hub, f"digest {feed} 1h").body
    assert "come together now, every 1h" in said
    assert site.rest.subscriber("GET", feed, ann.jid).json["digest"] == HOURLY
    ids = publish(site, feed, "one", "two", url="https://example.org/")
    ids += publish(site, feed, "three")
    bob.wait_for(is_chat("three"))
    assert held(site, feed, ann.jid, ids)["due"]
    assert "every 1h" in ann.ask(f"{feed}@{site.service}", "whoami").body
    site.rest.redrive(feed, ann.jid)
    got = ann.wait_for(heading(3, feed))
    assert got.body == (f"3 events of {feed}:\n- one\n  https://example.org/\n- two\n"
                        "  https://example.org/\n- three")
    assert got.sender == f"{feed}@{site.service}" and got.type == "chat"
    assert not got.delayed
    done(site, feed, ids, taken=2, held=0)
    assert site.rest.hold(feed, ann.jid) is None
    # Off again: what waits comes at once, and the next one by itself.
    ids = publish(site, feed, "four")
    held(site, feed, ann.jid, ids)
    assert "one by one" in ann.ask(site.hub, f"digest {feed} off").body
    ann.wait_for(is_chat("four"))
    publish(site, feed, "five")
    ann.wait_for(is_chat("five"))
    ann.sync()
    assert len([s for s in from_feed(ann, feed) if "events of" in s.body]) == 1


def test_by_pubsub(site, feed, person):
    """XEP-0060 16.4.3, and one notification with all the items."""
    ann = person()
    assert ann.subscribe(site.service, feed).type == "result"
    form = (f"<options node='{feed}' jid='{ann.jid}'><x xmlns='jabber:x:data' type='submit'>"
            "<field var='pubsub#digest'><value>1</value></field>"
            "<field var='pubsub#digest_frequency'><value>3600000</value></field>"
            "</x></options>")
    assert ann.pubsub(site.service, form).type == "result"
    assert site.rest.subscriber("GET", feed, ann.jid).json["digest"] == HOURLY
    ids = publish(site, feed, "one", "two", "three")
    held(site, feed, ann.jid, ids)
    site.rest.redrive(feed, ann.jid)
    got = ann.wait_for(is_event(feed))
    assert [i.get("id") for i in got.items] == ["one", "two", "three"]
    assert got.sender == site.service and not got.delayed
    done(site, feed, ids, taken=1, held=0)
    ann.sync()
    assert len(ann.all(is_event(feed))) == 1


def test_urgent(site, feed, person):
    ann = person()
    site.rest.subscriber("PUT", feed, ann.jid,
                         {"format": "chat", "digest": HOURLY, "urgent": True}).ok(201)
    ids = publish(site, feed, "one")
    held(site, feed, ann.jid, ids)
    ids += publish(site, feed, "fire", priority="urgent")
    ann.wait_for(is_chat("fire"))
    ids += publish(site, feed, "two")
    held(site, feed, ann.jid, [ids[0], ids[2]])
    site.rest.redrive(feed, ann.jid)
    assert ann.wait_for(heading(2, feed)).body.endswith("- one\n- two")
    done(site, feed, ids, taken=1, held=0)


def test_whoever_dies_meanwhile(site, feed, person):
    """The worker, while it waits and while it is sent: it comes, and each copy is the same."""
    ann = person()
    site.rest.subscriber("PUT", feed, ann.jid, {"format": "chat", "digest": HOURLY}).ok(201)
    ids = publish(site, feed, "one", "two")
    held(site, feed, ann.jid, ids)
    site.work.kill9()
    site.work.start()
    ids += publish(site, feed, "three")
    held(site, feed, ann.jid, ids)
    site.rest.redrive(feed, ann.jid)
    site.work.kill9()
    site.work.start()
    ann.wait_for(heading(3, feed), 60)
    done(site, feed, ids, taken=1, held=0)
    ann.sync()
    assert len({(s.id, s.body) for s in from_feed(ann, feed)}) == 1


def test_what_fits_is_one(site, feed, person):
    """However little of the log the worker would read at a time."""
    ann, bob = person("ann"), person("bob")
    site.rest.subscriber("PUT", feed, ann.jid, {"format": "chat", "digest": HOURLY}).ok(201)
    site.rest.subscriber("PUT", feed, bob.jid, {"format": "event", "digest": HOURLY}).ok(201)
    titles = [f"number {n}" for n in range(40)]
    ids = publish(site, feed, *titles)
    held(site, feed, ann.jid, ids)
    held(site, feed, bob.jid, ids)
    site.work.kill9()
    for client in (ann, bob):
        site.rest.redrive(feed, client.jid)
    site.work.start()
    got = ann.wait_for(heading(40, feed), 60)
    assert got.body.splitlines()[1:] == [f"- {t}" for t in titles]
    got = bob.wait_for(is_event(feed), 60)
    assert [i.get("id") for i in got.items] == titles
    done(site, feed, ids, taken=2, held=0)


def test_redis_dies_meanwhile(site, feed, person):
    """Positions of another epoch are in it, too: it may take two stanzas then."""
    ann = person()
    site.rest.subscriber("PUT", feed, ann.jid, {"format": "event", "digest": HOURLY}).ok(201)
    ids = publish(site, feed, "one", "two")
    held(site, feed, ann.jid, ids)
    site.redis.restart(kill=True)
    wait_until(lambda: site.rest.get("/readyz").status == 200, "it is ready again", 60)
    ids += publish(site, feed, "three", "four")
    held(site, feed, ann.jid, ids)
    site.rest.redrive(feed, ann.jid)
    ann.wait_for(lambda s: is_event(feed)(s) and "four" in [i.get("id") for i in s.items], 60)
    done(site, feed, ids, taken=1, held=0)
    got = {}
    for s in ann.all(is_event(feed)):
        got[s.id] = [i.get("id") for i in s.items]
    assert sum(got.values(), []) == ["one", "two", "three", "four"]


def test_comes_back(site, feed, person):
    """Nobody is there when it is due: it is tried again, whole, and then the rest."""
    ann = person()
    site.rest.subscriber("PUT", feed, ann.jid, {"format": "chat", "digest": HOURLY}).ok(201)
    ids = publish(site, feed, "one", "two")
    held(site, feed, ann.jid, ids)
    ann.logout()
    site.rest.redrive(feed, ann.jid)
    hold = held(site, feed, ann.jid, ids, "bounced")
    assert hold["condition"] == "service-unavailable" and hold["tries"] >= 1
    ids += publish(site, feed, "three")
    ann.login()
    site.rest.redrive(feed, ann.jid)
    assert ann.wait_for(heading(2, feed), 60).body.endswith("- one\n- two")
    ann.wait_for(is_chat("three"), 60)
    done(site, feed, ids, taken=1, held=0)


def test_what_is_no_digest(site, feed, person):
    ann = person()
    for wrong in ("1h", {"every": "30s"}, {"every": "8d"}, {"at": "08:00"},
                  {"at": "08:00", "zone": "Mars/X"}):
        a = site.rest.subscriber("PUT", feed, ann.jid, {"digest": wrong})
        assert (a.status, a.problem) == (400, "bad-document"), wrong
    said = ann.ask(site.hub, f"digest {feed} daily@08:00").body
    assert "with a time zone" in said
