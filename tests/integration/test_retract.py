"""Items that are replaced and taken back."""

from belfry_testing import belfry
from belfry_testing.client import is_chat, is_event
from belfry_testing.rest import quote
from belfry_testing.waiting import wait_until

RETRACT = "{urn:xmpp:message-retract:1}retract"


def retract(site, feed, item, status=202):
    answer = site.rest.request("DELETE", f"/v1/feeds/{feed}/items/{quote(item)}")
    assert answer.status == status, answer
    return answer.json if status == 202 else None


def is_gone(feed, item):
    """A pubsub event that says so (XEP-0060 7.2.2.1)."""
    def test(s):
        return s.kind == "message" and any(
            r.get("id") == item for r in s.findall(
                f"event:event/event:items[@node='{feed}']/event:retract"))
    return test


def takes_back(first):
    """XEP-0424: the message that this client was sent."""
    def test(s):
        found = s.element.find(RETRACT)
        return found is not None and found.get("id") == first.id
    return test


def events(client, feed):
    """What came, in order: items, and "-ITEM" where one has gone."""
    got = []
    for s in client.all(is_event(feed)):
        got += [i.get("id") for i in s.items]
        got += ["-" + r.get("id") for r in
                s.findall("event:event/event:items/event:retract")]
    return got


def pause(site, feed, client, on):
    site.rest.subscriber("PATCH", feed, client.jid, {"paused": on}).ok(200)


def test_it_is_taken_back(site, feed, alice, bob, carol):
    alice.subscribe(site.service, feed)
    site.rest.follow(feed, bob.jid, "chat")
    site.rest.publish(feed, title="a secret", item="an item")
    alice.wait_for(is_event(feed, "an item"))
    secret = bob.wait_for(is_chat("a secret"))
    carol.subscribe(site.service, feed)  # too late for it

    told = retract(site, feed, "an item")
    alice.wait_for(is_gone(feed, "an item"))
    gone = bob.wait_for(takes_back(secret))
    assert gone.sender == secret.sender and gone.type == "chat"
    assert gone.body.startswith(f"{feed} has taken back")
    assert gone.element.find("{urn:xmpp:fallback:0}fallback") is not None

    counters = site.settled(feed, told["id"])
    assert (counters["taken"], counters["superseded"]) == (2, 0), counters
    site.rest.publish(feed, title="marker", item="marker")
    carol.wait_for(is_event(feed, "marker"))
    assert events(carol, feed) == ["marker"]
    assert [i.get("id") for i in alice.items(site.service, feed).items] == ["marker"]
    bob.wait_for(is_chat("marker"))
    since = bob.mark()
    bob.chat(site.hub, "last 5")
    bob.wait_for(is_chat("marker"), since=since)
    assert not [s for s in bob.received[since:] if "secret" in (s.body or "")]
    retract(site, feed, "an item", status=404)
    shown = site.rest.get(f"/v1/feeds/{feed}/events").ok(200).json["events"]
    assert [(e.get("retracted"), e.get("retraction")) for e in shown] == [
        (True, None), (None, True), (None, None)]


def test_by_its_own_id(site, feed, alice):
    alice.subscribe(site.service, feed)
    id = site.rest.publish(feed, title="t")["id"]
    alice.wait_for(is_event(feed, id))
    retract(site, feed, id)
    alice.wait_for(is_gone(feed, id))


def test_who_waits_gets_what_is_left(site, feed, alice, bob):
    """Of what was replaced the new one alone, of what is gone nothing."""
    alice.subscribe(site.service, feed)
    site.rest.follow(feed, bob.jid, "chat")
    site.rest.publish(feed, title="had", item="had")
    alice.wait_for(is_event(feed, "had"))
    had = bob.wait_for(is_chat("had"))
    for client in (alice, bob):
        pause(site, feed, client, True)
    site.rest.publish(feed, title="old version", item="twice")
    never = site.rest.publish(feed, title="never", item="never")
    new = site.rest.publish(feed, title="new version", item="twice")
    retract(site, feed, "never")
    told = retract(site, feed, "had")
    counters = site.settled(feed, told["id"])
    assert counters["held"] == 2, counters
    for client in (alice, bob):
        pause(site, feed, client, False)
    alice.wait_for(is_gone(feed, "had"))
    bob.wait_for(takes_back(had))
    assert events(alice, feed) == ["had", "twice", "-had"]
    assert [s.body.split()[0] for s in bob.all(is_chat(sender=f"{feed}@{site.service}"))
            ] == ["had", "new", feed]
    wait_until(lambda: site.rest.event(feed, told["id"])["status"] == "done", "it is done")
    superseded = site.rest.event(feed, never["id"])["deliveries"]
    assert (superseded["superseded"], superseded["held"]) == (2, 0), superseded
    assert site.rest.event(feed, new["id"])["deliveries"]["taken"] == 2


def test_by_the_command_line(site, feed, alice):
    alice.subscribe(site.service, feed)
    site.rest.publish(feed, title="t", item="an item")
    alice.wait_for(is_event(feed, "an item"))
    done = belfry.run(site.config, "retract", feed, "an item")
    assert done.returncode == 0, done
    alice.wait_for(is_gone(feed, "an item"))
    shown = belfry.run(site.config, "events", "show", feed, done.stdout.strip(),
                       "--deliveries")
    assert "retraction" in shown.stdout and f"taken\t{alice.jid}" in shown.stdout, shown
    listed = belfry.run(site.config, "events", "list", feed).stdout.splitlines()
    assert listed[-1].endswith("\ttakes back an item"), listed
    again = belfry.run(site.config, "retract", feed, "an item")
    assert again.returncode == 1 and "no such item" in again.stderr, again


def test_what_is_to_come_is_cancelled(site, feed, alice):
    alice.subscribe(site.service, feed)
    site.rest.publish(feed, title="t", item="later", delay=5)
    retract(site, feed, "later", status=204)
    site.rest.publish(feed, title="t", item="marker", delay=5)
    alice.wait_for(is_event(feed, "marker"))
    assert events(alice, feed) == ["marker"]
