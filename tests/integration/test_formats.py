"""What a follower sees, online and offline."""

import json

import pytest
from belfry_testing.client import is_chat, is_event
from belfry_testing.waiting import wait_until

ODD = [
    "]]> and <b>&amp;</b>",
    "'single' \"double\" `back`",
    "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{BELL} \N{REGIONAL INDICATOR SYMBOL LETTER U}",
    "שלום \N{RIGHT-TO-LEFT OVERRIDE}abc\N{POP DIRECTIONAL FORMATTING} مرحبا",
    "\\u0041 \\n %s $1 {0}",
    "tab\tand line\nbreak",
]


@pytest.mark.parametrize("title", ODD)
def test_text_arrives_as_it_was_sent(site, new_feed, alice, bob, title):
    feed = new_feed("odd")
    site.rest.follow(feed, alice.jid, "chat")
    site.rest.follow(feed, bob.jid, "event")
    event = {"title": title, "item": "odd", "data": {"key <&>]]>": title}}
    site.rest.publish(feed, event)
    got = alice.wait_for(lambda s: s.sender == f"{feed}@{site.service}" and s.body)
    assert title in got.body
    got = bob.wait_for(is_event(feed, "odd"))
    assert got.items[0].find("atom:entry/atom:title", {
        "atom": "http://www.w3.org/2005/Atom"}).text == title
    assert json.loads(got.json_text) == event


def test_the_event_format(site, feed, bob):
    """An Atom entry that carries the JSON; the stanza and the item can be found again."""
    bob.subscribe(site.service, feed)
    answer = site.rest.publish(feed, title="Deployed", url="https://example.org/1",
                               body="all of it", author="Ann", tags=["web", "live"])
    got = bob.wait_for(is_event(feed, answer["item"]))
    (item,) = got.items
    ns = {"a": "http://www.w3.org/2005/Atom"}
    entry = item.find("a:entry", ns)
    assert entry.find("a:title", ns).text == "Deployed"
    assert answer["id"] in entry.find("a:id", ns).text
    assert entry.find("a:author/a:name", ns).text == "Ann"
    assert entry.find("a:link", ns).get("href") == "https://example.org/1"
    assert {c.get("term") for c in entry.findall("a:category", ns)} == {"web", "live"}
    assert got.id.startswith(f"{feed}~")
    assert got.find("sid:origin-id") is not None
    assert not got.delayed


def test_plain_text_is_an_event(site, feed, alice):
    site.rest.follow(feed, alice.jid, "chat")
    site.rest.post(feed, "just <words>", {"Content-Type": "text/plain"}).ok(202)
    assert alice.wait_for(is_chat("just <words>"))


def test_an_event_without_words_shows_its_json(site, feed, alice):
    site.rest.follow(feed, alice.jid, "chat")
    site.rest.publish(feed, {"data": {"n": 41}})
    assert alice.wait_for(is_chat('"n":41'))


@pytest.mark.parametrize("format", ["chat", "normal", "event"])
def test_offline_followers_get_it_at_login(site, feed, format):
    bob = site.client("bob")
    site.rest.follow(feed, bob.jid, format)
    bob.logout()
    id = site.rest.publish(feed, title="while away", item="away")["id"]
    counters = site.settled(feed, id)
    assert counters["taken"] == 1, counters
    bob.login()
    got = bob.wait_for(is_event(feed, "away") if format == "event"
                       else is_chat("while away"))
    assert got.delayed


def test_headlines_pass_the_absent_by(site, feed):
    """Every server drops them without a word: so the status never says delivered."""
    bob = site.client("bob")
    site.rest.follow(feed, bob.jid, "headline")
    bob.logout()
    id = site.rest.publish(feed, title="while away")["id"]
    counters = site.settled(feed, id)
    assert counters["sent"] == 1 and counters["taken"] == 0, counters
    bob.login()
    site.rest.publish(feed, title="marker")
    bob.wait_for(is_chat("marker"))
    assert not bob.all(is_chat("while away"))


def test_items_by_pubsub(site, new_feed, alice):
    feed = new_feed("hist", max_items=3)
    alice.subscribe(site.service, feed)
    assert alice.items(site.service, feed).items == []
    for n in range(1, 6):
        site.rest.publish(feed, title=f"t{n}", item=f"i{n}")

    def ids(answer):
        assert answer.type == "result", answer
        return [i.get("id") for i in answer.items]
    # Trimming is the worker's, in its own time.
    wait_until(lambda: ids(alice.items(site.service, feed)) == ["i3", "i4", "i5"],
               lambda: ids(alice.items(site.service, feed)), 30)
    assert ids(alice.items(site.service, feed, attributes="max_items='2'")) == [
        "i4", "i5"]
    assert ids(alice.items(site.service, feed, "<item id='i4'/><item id='nope'/>")) == [
        "i4"]
    got = alice.items(site.service, feed, "<item id='i5'/>")
    assert json.loads(got.json_text) == {"title": "t5", "item": "i5"}


def test_an_item_used_again_replaces_it_in_the_items(site, feed, alice):
    alice.subscribe(site.service, feed)
    for title in ("old", "new"):
        site.rest.publish(feed, title=title, item="same")
    alice.wait_count(2, is_event(feed, "same"))
    got = alice.items(site.service, feed)
    assert [json.loads(got.json_text)["title"], len(got.items)] == ["new", 1]
