"""Each way to follow a feed and to leave it; who is let in."""

import re
import time

import pytest
from belfry_testing.client import is_chat, is_event
from belfry_testing.rest import quote
from belfry_testing.waiting import wait_until


def follows(site, feed, jid):
    answer = site.rest.subscriber("GET", feed, jid)
    assert answer.status in (200, 404), answer
    return answer.status == 200


def test_by_chat(site, feed, alice):
    assert feed in alice.ask(site.hub, f"subscribe {feed}").body
    assert follows(site, feed, alice.jid)
    site.rest.publish(feed, title="first")
    got = alice.wait_for(is_chat("first"))
    assert got.sender == f"{feed}@{site.service}"
    assert got.type == "chat" and got.to == alice.jid

    alice.ask(site.hub, f"unsubscribe {feed}")
    assert not follows(site, feed, alice.jid)


def test_by_pubsub(site, feed, bob):
    answer = bob.subscribe(site.service, feed)
    assert answer.type == "result"
    subscription = answer.find("ps:pubsub/ps:subscription")
    assert subscription.get("subscription") == "subscribed"
    assert subscription.get("jid") == bob.jid and subscription.get("node") == feed
    id = site.rest.publish(feed, title="first", item="one", data={"n": 1})["item"]
    got = bob.wait_for(is_event(feed, id))
    assert got.sender == site.service
    assert got.type in (None, "normal")

    assert bob.unsubscribe(site.service, feed).type == "result"
    assert not follows(site, feed, bob.jid)
    assert bob.unsubscribe(site.service, feed).pubsub_condition == "not-subscribed"


def test_by_pubsub_with_a_resource(site, feed, bob):
    """The subscription is the JID as subscribed, resource and all."""
    other = site.client("bob", resource="other")
    assert bob.subscribe(site.service, feed, bob.full_jid).type == "result"
    site.rest.publish(feed, title="for one of two")
    assert bob.wait_for(is_event(feed)).to == bob.full_jid
    other.sync()
    assert not other.all(is_event(feed))
    assert bob.unsubscribe(site.service, feed, bob.full_jid).type == "result"


@pytest.mark.parametrize("format", ["chat", "event", "normal", "headline"])
def test_by_rest(site, feed, carol, format):
    site.rest.follow(feed, carol.jid, format)
    assert site.rest.subscriber("GET", feed, carol.jid).ok(200).json["format"] == format
    site.rest.publish(feed, title="by rest")
    got = carol.wait_for(is_event(feed) if format == "event" else is_chat("by rest"))
    assert (got.type or "normal") == ("normal" if format == "event" else format)
    site.rest.unfollow(feed, carol.jid).ok()
    assert site.rest.unfollow(feed, carol.jid).status == 404


def test_filters(site, feed, alice, bob):
    """Who wants less gets less; the event says how many it was not for."""
    row = site.rest.subscriber("PUT", feed, alice.jid, {"tags": ["Night shift", "web"]})
    assert row.ok(201).json["tags"] == ["Night shift", "web"]
    row = site.rest.subscriber("PUT", feed, bob.jid, {"format": "event", "priority": "high"})
    assert row.ok(201).json["priority"] == "high"
    site.rest.publish(feed, title="for nobody", tags=["db"])
    site.rest.publish(feed, title="for alice", tags=["db", "NIGHT SHIFT"])
    id = site.rest.publish(feed, title="for bob", item="b", priority="urgent")["id"]
    last = site.rest.publish(feed, title="for both", item="both", tags=["web"],
                             priority="high")["id"]
    alice.wait_for(is_chat("for both"))
    bob.wait_for(is_event(feed, "both"))
    assert [m.body for m in alice.all(lambda m: m.body)] == ["for alice", "for both"]
    assert len(bob.all(is_event(feed))) == 2
    wait_until(lambda: site.rest.event(feed, last)["status"] == "done", "all is done")
    counts = site.rest.event(feed, id)["deliveries"]
    assert (counts["taken"], counts["filtered"]) == (1, 1), counts


def test_muted(site, feed, alice):
    """Muted means skipped, not held; what is not named in a PUT stays."""
    site.rest.subscriber("PUT", feed, alice.jid, {"tags": ["a"]}).ok(201)
    until = "2099-01-01T00:00:00.000Z"
    row = site.rest.subscriber("PUT", feed, alice.jid, {"muted_until": until}).ok(200).json
    assert row["muted_until"] == until and row["tags"] == ["a"]
    muted = site.rest.publish(feed, title="unheard", tags=["a"])["id"]
    wait_until(lambda: site.rest.event(feed, muted)["status"] == "done", "it is done")
    row = site.rest.subscriber("PUT", feed, alice.jid, {"muted_until": None}).ok(200).json
    assert "muted_until" not in row and row["tags"] == ["a"]
    site.rest.publish(feed, title="heard", tags=["a"])
    alice.wait_for(is_chat("heard"))
    assert not alice.all(is_chat("unheard"))


@pytest.mark.parametrize("body", [
    {"format": "fax"}, {"tags": "a"}, {"tags": [""]}, {"tags": ["a\nb"]}, {"tags": [1]},
    {"tags": ["a" * 65]}, {"tags": [c * 60 for c in "abc"]},
    {"tags": [str(i) for i in range(9)]}, {"priority": "loud"}, {"priority": 3},
    {"muted_until": "tomorrow"}, {"muted_until": "2026-02-30T00:00:00Z"}, {"mute": "2h"}, []])
def test_bad_options_say_what_to_do(site, feed, alice, body):
    answer = site.rest.subscriber("PUT", feed, alice.jid, body)
    assert answer.status == 400 and answer.problem == "bad-document", answer
    assert len(answer.json["detail"]) > 20
    assert not follows(site, feed, alice.jid)


def test_left_means_nothing_comes(site, feed, alice, bob):
    """Each way of leaving ends what each way of following began."""
    markers = site.rest
    leaves = [lambda c: c.ask(site.hub, f"unsubscribe {feed}"),
              lambda c: c.unsubscribe(site.service, feed),
              lambda c: site.rest.unfollow(feed, c.jid).ok()]
    follow = [lambda c: c.ask(site.hub, f"subscribe {feed}"),
              lambda c: c.subscribe(site.service, feed),
              lambda c: site.rest.follow(feed, c.jid)]
    bob.subscribe(site.service, feed)
    for begin in follow:
        for end in leaves:
            begin(alice)
            assert follows(site, feed, alice.jid)
            end(alice)
            assert not follows(site, feed, alice.jid)
    since = alice.mark()
    markers.publish(feed, title="unheard", item="unheard")
    bob.wait_for(is_event(feed, "unheard"))
    # What follows the same way later has overtaken nothing.
    alice.subscribe(site.service, feed)
    markers.publish(feed, title="heard", item="heard")
    alice.wait_for(is_event(feed, "heard"))
    assert not [s for s in alice.received[since:] if is_event(feed, "unheard")(s)
                or is_chat("unheard")(s)]


def test_following_twice_changes_the_format(site, feed, alice):
    alice.subscribe(site.service, feed)
    alice.ask(site.hub, f"subscribe {feed}")
    since = alice.mark()
    site.rest.publish(feed, title="once", item="once")
    alice.wait_for(is_chat("once", f"{feed}@{site.service}"), since=since)
    site.rest.publish(feed, title="marker", item="marker")
    alice.wait_for(is_chat("marker", f"{feed}@{site.service}"), since=since)
    assert len([s for s in alice.received[since:] if is_chat("once")(s)]) == 1
    assert not alice.all(is_event(feed))


def test_only_what_comes_after_following(site, feed, alice):
    site.rest.publish(feed, title="before", item="before")
    alice.subscribe(site.service, feed)
    site.rest.publish(feed, title="after", item="after")
    alice.wait_for(is_event(feed, "after"))
    assert not alice.all(is_event(feed, "before"))


def test_help_list_and_last_by_chat(site, new_feed, alice):
    feed = new_feed("news", title="The news")
    for n in range(1, 4):
        site.rest.publish(feed, title=f"number {n}")
    said = alice.ask(site.hub, "help").body
    for command in ("list", "subscribe", "unsubscribe", "last"):
        assert command in said
    assert feed in listed(site, alice)
    alice.ask(site.hub, f"subscribe {feed}")
    since = alice.mark()
    alice.chat(f"{feed}@{site.service}", "last 2")
    alice.wait_for(is_chat("number 3"), since=since)
    said = "".join(s.body or "" for s in alice.received[since:])
    assert "number 2" in said and "number 1" not in said


def test_last_of_all_that_one_follows(site, new_feed):
    """Each from its feed, in the order they were posted; other feeds are left out."""
    reader = site.client("dave")
    assert "do not follow any feed" in reader.ask(site.hub, "last 3").body
    one, two, other = (new_feed("recent") for _ in range(3))
    for feed in (one, two):
        reader.ask(site.hub, f"subscribe {feed}")
    assert "Nothing has been posted" in reader.ask(site.hub, "last").body
    posted = [(two, "first"), (one, "second"), (other, "unheard"), (two, "third"),
              (one, "fourth"), (other, "unheard too")]
    for feed, title in posted:
        site.rest.publish(feed, title=title)
        wait_until(lambda at=time.time(): int(time.time() * 1000) > int(at * 1000),
                   what="the next millisecond")
    reader.wait_count(4, is_chat())

    def replayed(question, count):
        since = reader.mark()
        reader.chat(site.hub, question)
        reader.wait_for(lambda s: is_chat("fourth")(s) and s.delayed, since=since)
        reader.sync()
        got = [s for s in reader.received[since:] if is_chat()(s)]
        assert all(s.delayed for s in got) and len(got) == count
        stamps = [s.find("delay:delay").get("stamp") for s in got]
        assert stamps == sorted(stamps)
        return [(s.sender.split("@")[0], s.body) for s in got]
    wanted = [p for p in posted if p[0] != other]
    assert replayed("last 3", 3) == wanted[1:]
    assert replayed("last", 1) == wanted[3:]
    assert replayed("last 20", 4) == wanted
    for feed in (one, two):
        reader.ask(site.hub, f"unsubscribe {feed}")
    assert "do not follow any feed" in reader.ask(site.hub, "last 3").body


@pytest.mark.parametrize("to_feed", [False, True])
def test_what_is_wrong_is_told(site, feed, to_feed):
    """With the form that is right there."""
    erin, other, third = (site.client(f"{name}-{feed}") for name in ("erin", "eric", "ed"))
    to = f"{feed}@{site.service}" if to_feed else site.hub
    name = "" if to_feed else f" {feed}"
    for said in ("last 21", "last 0", f"LAST{name} 99", f"Last{name} -1"):
        answer = (other if "99" in said else third).ask(to, said).body
        assert "1 to 20" in answer and f"last{' FEED' if name else ''} N - " in answer
    assert "'helo'" in erin.ask(to, "helo").body
    assert ("\nsubscribe - " if to_feed else "\nsubscribe FEED - ") in erin.ask(
        to, "subscribe one two three").body
    # As phones write it.
    assert f"now follow {feed}." in erin.ask(to, f" Subscribe{name}. ").body
    assert follows(site, feed, erin.jid)
    assert "no longer" in erin.ask(to, f"Unsubscribe {feed}.").body


def test_each_line_of_a_feeds_help_works_there(site, feed):
    fred = site.client(f"fred-{feed}")
    jid = f"{feed}@{site.service}"
    lines = [line.split(" - ")[0] for line in fred.ask(jid, "Help").body.splitlines()
             if " - " in line]
    assert lines == ["list", "subscribe", "unsubscribe", "subscriptions", "last N",
                     "only WHAT", "everything", "mute TIME", "unmute", "pause",
                     "resume", "quiet HOURS ZONE", "quiet off", "urgent on|off",
                     "hold on|off", "receipts on|off", "when SHOWS", "digest WHEN ZONE",
                     "digest off", "format FORMAT", "yes", "no", "requests", "allow JID",
                     "deny JID", "whoami", "help"]
    words = {"N": "20", "WHAT": "web urgent", "TIME": "2h", "FORMAT": "normal",
             "JID": "bob@example.org", "HOURS": "22:00-07:00", "ZONE": "Europe/Berlin",
             "on|off": "on", "SHOWS": "chat,online", "WHEN": "daily@08:00"}
    for line in lines:
        answer = fred.ask(jid, " ".join(words.get(w, w) for w in line.split())).body
        assert "Please" not in answer and "Sorry" not in answer, answer
    assert site.hub in fred.ask(jid, "subscribe other").body


def test_unknown_feeds_are_told(site, alice):
    for said in ("help", "hello", "last 3", "last 99"):
        answer = site.client("gina").ask(f"nosuchfeed@{site.service}", said).body
        assert "There is no feed nosuchfeed." in answer
    assert "nosuchfeed" in alice.ask(site.hub, "subscribe nosuchfeed").body
    answer = alice.subscribe(site.service, "nosuchfeed")
    assert answer.condition == "item-not-found"
    assert site.rest.subscriber("PUT", "nosuchfeed", alice.jid,
                                {"format": "chat"}).status == 404


# ---- access ----

def listed(site, client):
    """The names of all pages of the list."""
    names, after = [], ""
    while after is not None:
        lines = client.ask(site.hub, f"list {after}").body.splitlines()
        names += [line.split(" - ")[0] for line in lines[1:-1]]
        more = re.search("There are more: write 'list (.*)'", lines[-1])
        after = more and more.group(1)
    return names


def sees(site, client, feed):
    """Where CLIENT meets FEED: it must be the same answer everywhere."""
    return {
        "chat": follows_after(site, feed, client,
                              lambda: client.ask(site.hub, f"subscribe {feed}")),
        "pubsub": follows_after(site, feed, client,
                                lambda: client.subscribe(site.service, feed)),
        "items": client.items(site.service, feed).type == "result",
        "disco": client.disco_info(site.service, feed).type == "result",
        "listed": feed in {node for _jid, node, _name in client.nodes(site.service)},
        "list": feed in listed(site, client),
    }


def follows_after(site, feed, client, act):
    act()
    result = follows(site, feed, client.jid)
    site.rest.unfollow(feed, client.jid)
    return result


@pytest.mark.parametrize("config, alice_may, bob_may", [
    ({"access": "open"}, True, True),
    ({"access": "local"}, True, True),
    ({"access": "whitelist", "whitelist": ["alice@localhost"]}, True, False),
    ({"access": "whitelist", "whitelist": ["example.org"]}, False, False),
    ({"access": "whitelist", "whitelist": ["localhost"]}, True, True),
])
def test_access_is_the_same_everywhere(site, new_feed, alice, bob, config, alice_may,
                                       bob_may):
    feed = new_feed("acc", **config)
    assert set(sees(site, alice, feed).values()) == {alice_may}, sees(site, alice, feed)
    assert set(sees(site, bob, feed).values()) == {bob_may}, sees(site, bob, feed)


def test_strangers_follow_only_open_feeds(site, new_feed):
    """Somebody of a domain that is not among ours."""
    stranger = site.crowd(site.server.elsewhere_domain)
    stranger.keep_text = True
    jid = f"eve@{stranger.domain}"
    opened = new_feed("open", access="open")
    local = new_feed("open-local", access="local")
    for feed in (opened, local, opened):
        count = len(stranger.texts[jid])
        stranger.chat(jid, site.hub, f"subscribe {feed}")
        stranger.wait(lambda c, n=count: len(c.texts[jid]) > n, "an answer from the hub")
    assert follows(site, opened, jid)
    assert not follows(site, local, jid)
    # From here on, as a page holds 50: both would be among the first.
    stranger.chat(jid, site.hub, "list opem")
    stranger.wait(lambda c: any(opened in t for t in c.texts[jid][-1:]), "the list")
    assert local not in stranger.texts[jid][-1]


def test_rest_follows_only_for_trusted_domains(site, feed):
    """Others are asked: test_access.py."""
    answer = site.rest.subscriber("PUT", feed, "eve@elsewhere.example",
                                  {"format": "chat"})
    assert answer.status == 202 and answer.json["state"] == "pending"
    assert not follows(site, feed, "eve@elsewhere.example")


def test_a_jid_is_the_same_however_it_is_written(site, feed, alice):
    site.rest.follow(feed, "ALICE@LocalHost", "chat")
    assert follows(site, feed, alice.jid)
    listed = site.rest.get(f"/v1/feeds/{feed}/subscribers").ok(200).json
    assert alice.jid in str(listed)
    site.rest.unfollow(feed, quote("Alice@localhost").replace("%40", "@")).ok()
    assert not follows(site, feed, alice.jid)


def test_a_deleted_feed_is_gone(site, feed, alice):
    alice.subscribe(site.service, feed)
    site.rest.delete_feed(feed).ok()
    assert alice.subscribe(site.service, feed).condition == "item-not-found"
    assert site.rest.post(feed, {"title": "late"}).status == 404


def test_fewer_items_are_kept_at_once(site, new_feed):
    """Though no event comes that would be a reason to look."""
    feed = new_feed("fewer", max_age=0)
    path = f"/v1/feeds/{feed}"
    id = [site.rest.publish(feed, title=f"t{n}") for n in range(5)][-1]["id"]
    site.settled(feed, id)
    site.rest.request("PATCH", path, {"max_items": 2}).ok(200)
    wait_until(lambda: len(site.rest.get(f"{path}/events").ok(200).json["events"]) == 2,
               what="the older ones to go")
