"""What a client does not confirm is sent again (XEP-0184): on both servers."""

import pytest
from belfry_testing.client import is_chat, is_presence
from belfry_testing.waiting import wait_until

RECEIPTS = "urn:xmpp:receipts"
GRACE_S = 20


def confirm(client, message):
    client.send(f"<message to='{message.sender}' type='chat'>"
                f"<received xmlns='{RECEIPTS}' id='{message.id}'/></message>")


def asks(message):
    return any(c.tag == f"{{{RECEIPTS}}}request" for c in message.element)


def of_feed(site, feed, text=None):
    return is_chat(text, f"{feed}@{site.service}")


def again(site, feed, text):
    """Sent once more by the feed itself, with the time of the event on it."""
    def test(s):
        return of_feed(site, feed, text)(s) and any(
            c.tag == "{urn:xmpp:delay}delay" and c.get("from") == f"{feed}@{site.service}"
            for c in s.element)
    return test


def state(site, feed, id):
    """Of the only follower."""
    (state, _reason), = site.rest.states(feed, id).values()
    return state


def subscriber(site, feed, jid):
    return site.rest.subscriber("GET", feed, jid).json


@pytest.fixture
def proven(site, new_feed, alice):
    """A feed of which alice's client confirms what it gets; it was asked in chat."""
    feed = new_feed("receipts")
    alice.ask(site.hub, f"subscribe {feed}")
    said = alice.ask(site.hub, f"receipts {feed} on")
    assert "receipt" in said.body
    id = site.rest.publish(feed, title="the first")["id"]
    first = alice.wait_for(of_feed(site, feed, "the first"))
    assert asks(first)
    site.settled(feed, id)
    assert state(site, feed, id) == "unconfirmed"
    assert "proven" not in subscriber(site, feed, alice.jid)
    confirm(alice, first)
    wait_until(lambda: subscriber(site, feed, alice.jid).get("proven"),
               "a receipt has been seen")
    return feed


def test_what_is_confirmed_is_received(site, proven, alice):
    ids = [site.rest.publish(proven, title=f"event {n}")["id"] for n in range(20)]
    for n, id in enumerate(ids):
        message = alice.wait_for(of_feed(site, proven, f"event {n}"))
        confirm(alice, message)
    for id in ids:
        wait_until(lambda: site.deliveries(proven, id)["received"] == 1, "it is received")
        assert site.deliveries(proven, id)["taken"] == 0
        assert state(site, proven, id) == "received"
    assert "hold" not in subscriber(site, proven, alice.jid)


def test_kill_9_of_the_server(site, proven, alice):
    """It took them for somebody who is away, and forgets them, or does not."""
    alice.logout()
    ids = [site.rest.publish(proven, title=f"event {n}")["id"] for n in range(3)]
    for id in ids:
        site.settled(proven, id)
        assert state(site, proven, id) == "unconfirmed"
    site.server.restart(kill=True)
    wait_until(site.work.holds_link, "the link is up", 60)
    alice.login()
    got = [alice.wait_for(again(site, proven, f"event {n}"), 3 * GRACE_S)
           for n in range(3)]
    for message in got:
        confirm(alice, message)
    for id in ids:
        wait_until(lambda: site.deliveries(proven, id)["received"] == 1, "it is received")
    # The same ids, whether they came once or twice.
    of_all = {s.id for s in alice.all(of_feed(site, proven, "event "))}
    assert of_all == {message.id for message in got}


def test_a_client_that_lost_some(site, proven, alice):
    """Its presence is granted: what it has not confirmed when it is back is sent again."""
    alice.wait_for(is_presence(f"{proven}@{site.service}", "subscribe"))
    alice.say_presence(f"{proven}@{site.service}", "subscribed")
    wait_until(lambda: subscriber(site, proven, alice.jid).get("presence") == "granted",
               "the presence may be seen")
    ids = [site.rest.publish(proven, title=f"event {n}")["id"] for n in range(2)]
    messages = [alice.wait_for(of_feed(site, proven, f"event {n}")) for n in range(2)]
    confirm(alice, messages[0])
    wait_until(lambda: site.deliveries(proven, ids[0])["received"] == 1, "it is received")
    alice.logout()
    alice.login()
    message = alice.wait_for(again(site, proven, "event 1"), 3 * GRACE_S)
    assert message.id == messages[1].id
    confirm(alice, message)
    wait_until(lambda: site.deliveries(proven, ids[1])["received"] == 1, "it is received")
    assert not alice.all(again(site, proven, "event 0"))


def test_over_http(site, feed, alice):
    jid = alice.jid
    alice.ask(site.hub, f"subscribe {feed}")
    site.rest.subscriber("PUT", feed, jid, {"ack": "receipt"}).ok(200)
    assert subscriber(site, feed, jid)["ack"] == "receipt"
    assert site.rest.subscriber("PUT", feed, jid, {"ack": "perhaps"}).status == 400
    site.rest.subscriber("PUT", feed, jid, {"ack": "server"}).ok(200)
    assert subscriber(site, feed, jid)["ack"] == "server"
    site.rest.subscriber("PUT", feed, jid, {"ack": None}).ok(200)
    assert "ack" not in subscriber(site, feed, jid)


def test_a_feed_that_asks(site, new_feed, alice, bob):
    """Who has not chosen is asked, and goes on with it when the feed asks no more."""
    feed = new_feed("asks", ack="receipt")
    for person in alice, bob:
        person.ask(site.hub, f"subscribe {feed}")
    bob.ask(site.hub, f"receipts {feed} off")
    site.rest.publish(feed, title="the first")
    first = alice.wait_for(of_feed(site, feed, "the first"))
    assert asks(first) and not asks(bob.wait_for(of_feed(site, feed, "the first")))
    confirm(alice, first)
    wait_until(lambda: subscriber(site, feed, alice.jid).get("proven"),
               "a receipt has been seen")
    assert "proven" not in subscriber(site, feed, bob.jid)
    site.rest.put_feed(feed, access="open")
    id = site.rest.publish(feed, title="the second")["id"]
    second = alice.wait_for(of_feed(site, feed, "the second"))
    assert asks(second)
    confirm(alice, second)
    wait_until(lambda: site.deliveries(feed, id)["received"] == 1, "it is received")


def test_forged_receipts(site, proven, alice, bob):
    """Nobody confirms for somebody else."""
    bob.ask(site.hub, f"subscribe {proven}")
    id = site.rest.publish(proven, title="for two")["id"]
    message = alice.wait_for(of_feed(site, proven, "for two"))
    confirm(bob, message)
    bob.wait_for(of_feed(site, proven, "for two"))
    site.settled(proven, id)
    # Behind it on the same stream.
    bob.ask(site.hub, "help")
    assert site.deliveries(proven, id)["received"] == 0
    confirm(alice, message)
    wait_until(lambda: site.deliveries(proven, id)["received"] == 1, "it is received")


def test_digests_are_not_confirmed(site, proven, alice):
    """Who chooses them has to show anew that the client answers when they are over."""
    jid = alice.jid
    site.rest.subscriber("PUT", proven, jid, {"digest": {"every": "1h"}}).ok(200)
    assert "proven" not in subscriber(site, proven, jid)
    ids = [site.rest.publish(proven, title=f"event {n}", item=f"{n}")["id"] for n in (1, 2)]
    for id in ids:
        wait_until(lambda: site.rest.states(proven, id)[jid] == ("held", "digest"),
                   "it waits for the digest")
    site.rest.redrive(proven, jid)
    digest = alice.wait_for(of_feed(site, proven, "2 events of "))
    assert not asks(digest)
    for id in ids:
        wait_until(lambda: site.deliveries(proven, id)["taken"] == 1, "it was taken")
        assert state(site, proven, id) == "unconfirmed"
    site.rest.subscriber("PUT", proven, jid, {"digest": None}).ok(200)
    site.rest.publish(proven, title="alone")
    alone = alice.wait_for(of_feed(site, proven, "alone"))
    assert asks(alone)
    confirm(alice, alone)
    wait_until(lambda: subscriber(site, proven, jid).get("proven"), "a receipt has been seen")
