"""Events that are to come later, and events whose time is over."""

import datetime

import pytest
from belfry_testing import belfry
from belfry_testing.client import is_event
from belfry_testing.waiting import wait_until


def publish(site, feed, item, **members):
    """The answer's JSON; the title is the item."""
    return site.rest.publish(feed, item=item, title=item, **members)


def items_of(client, feed):
    return [s.items[0].get("id") for s in client.all(is_event(feed))]


def scheduled(site, feed):
    """The items that are to come, the next one first."""
    page = site.rest.get(f"/v1/feeds/{feed}/scheduled?limit=100").ok(200).json
    return [e["item"] for e in page["events"]]


def cancel(site, feed, id):
    return site.rest.request("DELETE", f"/v1/feeds/{feed}/scheduled/{id}")


def seconds_of(event):
    """deliver_at as Redis' TIME shows its seconds."""
    at = datetime.datetime.fromisoformat(event["deliver_at"].replace("Z", "+00:00"))
    return str(int(at.timestamp()))


def test_it_comes_when_it_is_due(site, feed, alice):
    alice.subscribe(site.service, feed)
    late = publish(site, feed, "late", delay="PT5S")
    sooner = publish(site, feed, "sooner", delay=3)
    assert (late["status"], sooner["status"]) == ("scheduled", "scheduled")
    now = publish(site, feed, "now")
    assert now["status"] == "queued" and "deliver_at" not in now
    alice.wait_for(is_event(feed, "now"))
    shown = site.rest.event(feed, late["id"])
    assert shown["status"] in ("scheduled", "queued", "done")
    alice.wait_for(is_event(feed, "late"))
    assert items_of(alice, feed) == ["now", "sooner", "late"]
    assert scheduled(site, feed) == []
    counters = site.settled(feed, late["id"])
    assert counters["taken"] == 1
    # It is of when it came.
    assert site.rest.event(feed, late["id"])["at"] >= late["deliver_at"]


def test_what_is_cancelled_never_comes(site, feed, alice):
    alice.subscribe(site.service, feed)
    never = publish(site, feed, "never", delay=5)
    publish(site, feed, "marker", delay=5)
    assert scheduled(site, feed) == ["never", "marker"]
    assert cancel(site, feed, never["id"]).status == 204
    assert cancel(site, feed, never["id"]).status == 404
    assert site.rest.get(f"/v1/feeds/{feed}/events/{never['id']}").status == 404
    alice.wait_for(is_event(feed, "marker"))
    assert items_of(alice, feed) == ["marker"]


def test_it_goes_with_its_feed(site, feed, alice):
    publish(site, feed, "old", delay=2)
    site.rest.delete_feed(feed).ok()
    site.rest.put_feed(feed, access="open")
    alice.subscribe(site.service, feed)
    assert scheduled(site, feed) == []
    publish(site, feed, "marker", delay=3)
    alice.wait_for(is_event(feed, "marker"))
    assert items_of(alice, feed) == ["marker"]


def test_nobody_is_there_when_it_is_due(site, feed, alice):
    """Late, but it comes."""
    alice.subscribe(site.service, feed)
    site.work.stop()
    event = publish(site, feed, "late", delay=1)
    other = publish(site, feed, "later", delay=2)
    wait_until(lambda: site.redis("TIME")[0] > seconds_of(other), "both are due")
    assert scheduled(site, feed) == ["late", "later"]
    site.work.start(ready=False)
    alice.wait_for(is_event(feed, "later"), 30)
    assert items_of(alice, feed) == ["late", "later"]
    assert site.settled(feed, event["id"])["taken"] == 1


def test_everything_is_killed_meanwhile(site, feed, alice):
    alice.subscribe(site.service, feed)
    ids = [publish(site, feed, f"n{n}", delay=3 + n // 10)["id"] for n in range(20)]
    site.serve.kill9()
    site.work.kill9()
    site.redis.restart(kill=True)
    site.heal()
    alice.wait_for(is_event(feed, "n19"), 30)
    publish(site, feed, "marker")
    alice.wait_for(is_event(feed, "marker"), 30)
    assert items_of(alice, feed) == [f"n{n}" for n in range(20)] + ["marker"]
    page = site.rest.get(f"/v1/feeds/{feed}/events?limit=100").ok(200).json["events"]
    assert [e["id"] for e in page][:-1] == ids


@pytest.mark.parametrize("victim", ["work", "redis"])
def test_killed_as_they_are_due(site, feed, alice, victim):
    """A burst is cut in two: each comes, and is in the log once."""
    alice.subscribe(site.service, feed)
    count = 600
    body = b'{"title": "burst", "delay": 2}'
    statuses = site.rest.many([site.rest.raw("POST", f"/v1/feeds/{feed}/events", body)]
                              * count)
    assert statuses == {202: count}
    wait_until(lambda: len(alice.all(is_event(feed))) > 10, "the first have come", 30)
    if victim == "work":
        site.work.kill9()
        site.work.start(ready=False)
    else:
        site.redis.restart(kill=True)
        wait_until(site.serve.ready, "serve is ready again")
    wait_until(lambda: scheduled(site, feed) == [], "all are released", 30)
    publish(site, feed, "marker")
    alice.wait_for(is_event(feed, "marker"), 60)
    events, after = [], ""
    while after is not None:
        page = site.rest.get(f"/v1/feeds/{feed}/events?limit=100"
                             f"{after and '&after=' + after}").ok(200).json
        events += [e["id"] for e in page["events"]]
        after = page["next"]
    assert len(events) == len(set(events)) == count + 1
    assert len(set(items_of(alice, feed))) == count + 1


def test_what_expired_is_not_sent(site, feed, alice, bob):
    for client in (alice, bob):
        client.subscribe(site.service, feed)
    assert "paused" in alice.ask(site.hub, f"pause {feed}").body
    short = site.rest.post(feed, {"item": "short", "title": "short"},
                           {"Belfry-Expires": "5"}).ok(202).json
    publish(site, feed, "long")
    bob.wait_for(is_event(feed, "long"))
    assert items_of(bob, feed) == ["short", "long"]
    wait_until(lambda: site.rest.event(feed, short["id"]).get("expired"), "it is over")
    alice.ask(site.hub, f"resume {feed}")
    alice.wait_for(is_event(feed, "long"))
    assert items_of(alice, feed) == ["long"]
    done = wait_until(
        lambda: (e := site.rest.event(feed, short["id"]))["status"] == "done" and e,
        "nobody is held")
    counters = done["deliveries"]
    assert (counters["taken"], counters["expired"], counters["held"]) == (1, 1, 0)
    # Whoever asks later has no use for it, either.
    assert [i.get("id") for i in bob.items(site.service, feed).items] == ["long"]


def test_the_command_line(site, feed):
    event = publish(site, feed, "to come", delay="P1D", expires_at="2199-01-01T00:00:00Z")

    def run(*args):
        return belfry.run(site.config, "events", *args)
    listed = run("scheduled", feed)
    assert listed.stdout == f"{event['deliver_at']}\tnormal\t{event['id']}\tto come\n"
    assert '"status":"scheduled"' in run("scheduled", feed, "--json").stdout
    shown = run("show", feed, event["id"]).stdout
    assert f"deliver_at   {event['deliver_at']}\n" in shown
    assert "status       scheduled\n" in shown
    assert run("cancel", feed, event["id"]).returncode == 0
    again = run("cancel", feed, event["id"])
    assert again.returncode == 1 and "not scheduled" in again.stderr
    assert run("scheduled", feed).stdout == ""
    assert run("show", feed, event["id"]).returncode == 1


def test_what_is_retracted_never_comes(site, feed, alice):
    """Those of an item that are to come go with it."""
    alice.subscribe(site.service, feed)
    publish(site, feed, "item", delay=5)
    publish(site, feed, "item", delay=5)
    publish(site, feed, "marker", delay=5)
    gone = site.rest.request("DELETE", f"/v1/feeds/{feed}/items/item")
    assert gone.status == 204
    assert scheduled(site, feed) == ["marker"]
    alice.wait_for(is_event(feed, "marker"))
    assert items_of(alice, feed) == ["marker"]
