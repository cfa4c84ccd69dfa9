"""What a hostile or broken client may send: a clear error, and nothing else happens."""

import pathlib
import re

import pytest
from belfry_testing.client import is_chat, is_event
from belfry_testing.stanza import NS
from belfry_testing.waiting import wait_until

PUBSUB = NS["ps"]
# Well over the limit: Prosody counts by what it has read at once.
POISON = 126_000  # bytes; the server's limit is about half of that: conftest.py


def follows(site, feed, jid):
    return site.rest.subscriber("GET", feed, jid).status == 200


def alive(site, client):
    """The hub still answers, on the same stream."""
    return client.iq(site.service, f"<ping xmlns='{NS['ping']}'/>", timeout=30)


@pytest.mark.parametrize("payload, condition, pubsub_condition", [
    ("<subscribe jid='alice@localhost'/>", "bad-request", "nodeid-required"),
    ("<subscribe node='' jid='alice@localhost'/>", None, None),
    ("<subscribe node='{feed}'/>", "bad-request", "invalid-jid"),
    ("<subscribe node='{feed}' jid='bob@localhost'/>", "bad-request", "invalid-jid"),
    ("<subscribe node='{feed}' jid='@@'/>", "bad-request", "invalid-jid"),
    ("<subscribe node='{feed}' jid='alice@localhost@x'/>", "bad-request", "invalid-jid"),
    ("<subscribe node='{feed}' jid='{long}@localhost'/>", "bad-request", "invalid-jid"),
    ("<subscribe node='NOT A FEED' jid='alice@localhost'/>", "item-not-found", None),
    ("<subscribe node='hub' jid='alice@localhost'/>", "item-not-found", None),
    ("<unsubscribe node='{feed}' jid='bob@localhost'/>", None, None),
    ("<unsubscribe node='{feed}' jid='alice@localhost'/>", "unexpected-request",
     "not-subscribed"),
    ("<publish node='{feed}'><item/></publish>", "feature-not-implemented",
     "unsupported"),
    ("<create node='mine'/>", "feature-not-implemented", "unsupported"),
    ("<nonsense/>", None, None),
    ("", None, None),
    ("<items/>", None, None),
    ("<options node='{feed}' jid='alice@localhost'/>", "unexpected-request",
     "not-subscribed"),
    ("<options node='{feed}' jid='bob@localhost'/>", "forbidden", None),
    ("<options node='{feed}'/>", "bad-request", "jid-required"),
])
def test_bad_pubsub_requests(site, feed, alice, payload, condition, pubsub_condition):
    answer = alice.pubsub(site.service, payload.format(feed=feed, long="x" * 1100))
    assert answer.is_error, answer
    if condition:
        assert answer.condition == condition, answer
    if pubsub_condition:
        assert answer.pubsub_condition == pubsub_condition, answer
    assert not follows(site, feed, "bob@localhost")
    alive(site, alice)


@pytest.mark.parametrize("attributes", [
    "max_items='-1'", "max_items='99999999999999999999'", "max_items='many'",
    "max_items=''", "max_items='0'"])
def test_bad_items_requests(site, feed, alice, attributes):
    site.rest.publish(feed, title="x")
    answer = alice.items(site.service, feed, attributes=attributes)
    assert answer.is_error or len(answer.items) <= 1
    alive(site, alice)


@pytest.mark.parametrize("said", [
    "subscribe", "subscribe  ", "subscribe a b c", "subscribe ../../etc", "last",
    "last -1", "last 99999999999999999999", "last 5", "unsubscribe", "\x85 \u2028",
    "x" * 20000, "subscribe " + "y" * 5000, "]]> <b/> &amp; '\"", "SUBSCRIBE",
])
def test_strange_commands(site, alice, said):
    """An answer of a reasonable size, or none, where enough was explained before."""
    since = alice.mark()
    alice.chat(site.hub, said)
    alive(site, alice)
    for s in alice.received[since:]:
        if s.kind == "message":
            assert not s.is_error and len(s.body or "") < 4096


@pytest.mark.parametrize("jid", [
    "@localhost", "alice@", "alice@@localhost", "a b@localhost", "", " ", "alice@local host",
    "x" * 1024 + "@localhost", "alice@localhost/" + "r" * 1024, "\u2028@localhost",
    "alice@localhost\n", "a\"b@localhost", "<a>@localhost"])
def test_bad_jids_by_rest(site, feed, jid):
    answer = site.rest.subscriber("PUT", feed, jid, {"format": "chat"})
    assert 400 <= answer.status < 500, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def nested(depth):
    return "<a>" * depth + "</a>" * depth


@pytest.mark.parametrize("depth", [200, 10_000])
def test_deeply_nested_stanzas(site, feed, alice, bob, depth):
    """The server may refuse them itself, and may end whoever sends them; not us."""
    if site.kind == "ejabberd":
        depth = min(depth, 2000)  # from 5,000 on Debian 12's ejabberd itself crashes
    bob.subscribe(site.service, feed)
    box = f"<x xmlns='urn:example:deep'>{nested(depth)}</x>"
    for xml in (
            f"<message to='{site.hub}' type='chat'><body>help</body>{box}</message>",
            f"<message to='{feed}@{site.service}'>{box}</message>",
            f"<iq to='{site.service}' type='set' id='deep1'>{box}</iq>",
            f"<iq to='{site.service}' type='set' id='deep2'><pubsub xmlns='{PUBSUB}'>"
            f"<subscribe node='{feed}' jid='alice@localhost'>{box}</subscribe>"
            "</pubsub></iq>",
            f"<presence to='{feed}@{site.service}'>{box}</presence>"):
        alice.send(xml)
    alive(site, bob)
    site.rest.publish(feed, title="still here", item="still")
    bob.wait_for(is_event(feed, "still"), 30)
    assert site.work.alive()


def test_many_elements_in_a_row(site, alice, bob):
    alice.send(f"<iq to='{site.service}' type='get' id='wide'><query "
               f"xmlns='{NS['info']}'>{'<a/>' * 10_000}</query></iq>")
    alive(site, bob)


def most_memory_mib(child):
    status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024


def test_a_long_namespace_is_not_copied(site, alice, bob):
    """Each element within would have a copy: 170 MiB for one stanza."""
    before = most_memory_mib(site.work)
    for _ in range(2):
        alice.send(f"<message to='{site.hub}' type='chat'><body>help</body>"
                   f"<x xmlns='{'u' * 120_000}'>{'<a/>' * 1_500}</x></message>")
    alive(site, alice)
    alive(site, bob)
    assert most_memory_mib(site.work) < before + 64


def test_nobody_acts_for_another(site, feed, alice, bob):
    """A client's server enforces `from`; a subscribe for somebody else is refused."""
    mallory = site.client("mallory")
    mallory.send(f"<message from='{bob.jid}' to='{site.hub}' type='chat'>"
                 f"<body>subscribe {feed}</body></message>")
    mallory.send(f"<iq from='{bob.jid}' to='{site.service}' type='set' id='spoof'><pubsub "
                 f"xmlns='{PUBSUB}'><subscribe node='{feed}' jid='{bob.jid}'/></pubsub></iq>")
    alive(site, alice)
    assert alice.subscribe(site.service, feed).type == "result"
    assert not follows(site, feed, bob.jid)
    bob.unsubscribe(site.service, feed, alice.jid)
    assert follows(site, feed, alice.jid)


def test_a_component_cannot_speak_for_others(site, feed, alice):
    crowd = site.crowd()
    crowd.chat("alice@localhost", site.hub, f"subscribe {feed}")
    crowd.chat(f"me@{site.service}", site.hub, f"subscribe {feed}")
    alive(site, alice)
    assert not follows(site, feed, "alice@localhost")
    assert not follows(site, feed, f"me@{site.service}")


def test_our_own_addresses_are_not_answered(site, alice):
    """No loops: a bounce of what we sent to ourselves ends there."""
    answer = site.rest.subscriber("PUT", "nosuch", site.hub, {"format": "chat"})
    assert answer.status >= 400
    alive(site, alice)


@pytest.mark.parametrize("xml", [
    "<presence to='{hub}' type='subscribe'/>", "<presence to='{service}'/>",
    "<presence to='{hub}' type='probe'/>", "<presence to='{hub}' type='nonsense'/>",
    "<message to='{service}'><body>help</body></message>",
    "<message to='{hub}' type='nonsense'><body>help</body></message>",
    "<message to='{hub}'><body/></message>",
    "<message to='{hub}'><body>help</body><body>list</body></message>",
    "<iq to='{service}' type='get' id='none'/>",
    "<iq to='{service}' type='get' id='two'><a xmlns='x'/><b xmlns='y'/></iq>",
    "<iq to='{service}' type='set' id='xx'><query xmlns='jabber:iq:version'/></iq>",
    "<message to='{hub}' type='chat'><body>subscribe x</body>"
    "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/></message>",
])
def test_odd_stanzas(site, alice, bob, xml):
    alice.send(xml.format(hub=site.hub, service=site.service))
    alive(site, bob)


def test_a_poisoned_event_is_skipped(site, new_feed, bob, alice):
    """What the server closes the stream on is found, skipped, counted and shown."""
    feed, other = new_feed("poison"), new_feed("other")
    bob.subscribe(site.service, feed)
    alice.subscribe(site.service, other)
    site.rest.publish(feed, title="before", item="before")
    id = site.rest.publish(feed, item="poison", data="x" * POISON)["id"]
    site.rest.publish(feed, title="after", item="after")
    site.rest.publish(other, title="other", item="other")
    bob.wait_for(is_event(feed, "before"))
    bob.wait_for(is_event(feed, "after"), 90)
    alice.wait_for(is_event(other, "other"), 90)
    counters = site.settled(feed, id)
    assert (counters["skipped"], counters["taken"]) == (1, 0), counters
    assert not bob.all(is_event(feed, "poison"))
    wait_until(site.work.holds_link, "the link is up")
    site.rest.publish(feed, title="then", item="then")
    bob.wait_for(is_event(feed, "then"), 60)


def test_help_is_not_repeated_for_a_chatterbox(site):
    """Two robots that answer each other would never end."""
    dora = site.client("dora")
    for n in range(10):
        for said in (f"hello {n}", "help", "last 99"):
            dora.chat(site.hub, said)
    alive(site, dora)
    said = [message.body for message in dora.all(is_chat(sender=site.hub))]
    # Unasked help once, what was asked for ten times, the right form of a command thrice.
    assert len(said) == 14
    assert len([body for body in said if "do not know" in body]) == 1
    assert "feeds" in dora.ask(site.hub, "list").body.lower()
