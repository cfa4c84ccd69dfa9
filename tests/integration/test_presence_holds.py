"""Who chose to get events only while online, or in some states, gets the others when the
time has come: all of them, in order; if the feed may see the presence, and only then."""

import pytest
from belfry_testing.client import is_chat, is_event, is_presence
from belfry_testing.waiting import wait_until


@pytest.fixture
def person(person):
    """An account that is in no other test: what it grants stays in its contact list."""
    return person("pat")


@pytest.fixture
def follower(site, feed, person):
    """Follows by chat, keeps what comes while offline, and lets the feed see that."""
    jid = f"{feed}@{site.service}"
    person.ask(jid, "subscribe")
    assert "say yes when I ask" in person.ask(jid, "hold on").body
    grant(site, feed, person)
    return person


def row(site, feed, client):
    return site.rest.subscriber("GET", feed, client.jid).ok(200).json


def grant(site, feed, client, answer="subscribed"):
    """To the question that comes, or has come."""
    jid = f"{feed}@{site.service}"
    client.wait_for(is_presence(jid, "subscribe"))
    client.say_presence(jid, answer)
    state = {"subscribed": "granted", "unsubscribed": "refused"}[answer]
    wait_until(lambda: row(site, feed, client)["presence"] == state, f"it is {state}")


def show(client, feed, service, show):
    """What it shows has been seen: answers come behind it."""
    client.send("<presence/>" if show == "online" else
                f"<presence><show>{show}</show></presence>")
    client.ask(f"{feed}@{service}", "whoami")


def leave(site, feed, client):
    """Its good-bye has been seen, as what somebody else writes later has been."""
    client.logout()
    site.client("bob").ask(f"{feed}@{site.service}", "whoami")


def publish(site, feed, *titles, **more):
    return [site.rest.publish(feed, title=t, item=t, **more)["id"] for t in titles]


def held(site, feed, client, reason):
    wait_until(lambda: row(site, feed, client).get("hold", {}).get("reason") == reason,
               lambda: f"held as {reason}: {row(site, feed, client)}")


def got(client, feed, since=0):
    return [s.body for s in client.received[since:]
            if is_chat()(s) and s.sender.startswith(feed + "@")]


def returns(site, feed, client, titles):
    """Logs in, and gets TITLES, each once, in order, with the time they are from."""
    since = client.mark()
    client.login()
    client.wait_for(is_chat(titles[-1]), since=since, timeout=40)
    client.ask(f"{feed}@{site.service}", "whoami")
    news = [s for s in client.received[since:] if is_chat()(s) and s.body in titles]
    assert [s.body for s in news] == titles
    assert all(s.findall("delay:delay") for s in news), news
    wait_until(lambda: "hold" not in row(site, feed, client), "nothing is held")


def test_offline(site, feed, follower):
    publish(site, feed, "before")
    follower.wait_for(is_chat("before"))
    leave(site, feed, follower)
    ids = publish(site, feed, "one", "two", "three")
    held(site, feed, follower, "offline")
    for id in ids:
        counts = site.settled(feed, id)
        assert (counts["held"], counts["taken"]) == (1, 0)
    returns(site, feed, follower, ["one", "two", "three"])
    publish(site, feed, "after")
    follower.wait_for(is_chat("after"))
    for id in ids:
        counts = site.deliveries(feed, id)
        assert (counts["held"], counts["taken"]) == (0, 1)


def test_other_states(site, feed, person):
    """pubsub#show-values (XEP-0060 16.4.2), and what is urgent."""
    person.subscribe(site.service, feed)
    answer = person.pubsub(
        site.service, f"<options node='{feed}' jid='{person.jid}'><x xmlns='jabber:x:data' "
        "type='submit'><field var='pubsub#show-values'><value>online</value>"
        "<value>chat</value></field><field var='x-belfry#urgent'><value>1</value></field>"
        "</x></options>")
    assert answer.type == "result"
    grant(site, feed, person)
    assert row(site, feed, person)["show"] == ["chat", "online"]
    assert person.options_form(site.service, feed)["x-belfry#presence"] == "may be seen"
    assert ("unless you are shown as chat, online (what is urgent comes, unless you are "
            "offline)") in person.ask(f"{feed}@{site.service}", "whoami").body
    show(person, feed, site.service, "dnd")
    publish(site, feed, "one", "two")
    publish(site, feed, "fire", priority="urgent")
    person.wait_for(is_event(feed, "fire"))
    held(site, feed, person, "show")
    show(person, feed, site.service, "away")
    person.sync()
    items = [s.items[0].get("id") for s in person.all(is_event(feed))]
    assert items == ["fire"]
    show(person, feed, site.service, "online")
    publish(site, feed, "marker")
    person.wait_for(is_event(feed, "marker"))
    items = [s.items[0].get("id") for s in person.all(is_event(feed))]
    assert items == ["fire", "one", "two", "marker"]


def test_refused(site, feed, person):
    jid = f"{feed}@{site.service}"
    person.ask(jid, "subscribe")
    person.ask(jid, "when online,chat")
    since = person.mark()
    grant(site, feed, person, "unsubscribed")
    person.wait_for(is_chat("I may not see whether you are there", jid), since=since)
    assert "choose this again to be asked" in person.ask(jid, "whoami").body
    show(person, feed, site.service, "dnd")
    publish(site, feed, "at once")
    person.wait_for(is_chat("at once"))
    # Who chooses anew is asked anew.
    since = person.mark()
    person.ask(jid, "when online")
    person.wait_for(is_presence(jid, "subscribe"), since=since)


def test_taken_back(site, feed, follower):
    """What was granted, then the choice."""
    jid = f"{feed}@{site.service}"
    follower.say_presence(jid, "unsubscribed")
    wait_until(lambda: row(site, feed, follower)["presence"] == "refused", "it is seen")
    leave(site, feed, follower)
    id, = publish(site, feed, "at once")
    assert site.settled(feed, id)["taken"] == 1
    since = follower.mark()
    follower.login()
    follower.wait_for(is_chat("at once"), since=since)

    since = follower.mark()
    follower.ask(jid, "hold on")
    follower.wait_for(is_presence(jid, "subscribe"), since=since)
    follower.say_presence(jid, "subscribed")
    wait_until(lambda: row(site, feed, follower)["presence"] == "granted", "seen again")
    assert follower.roster()[jid] == "from"
    follower.ask(jid, "hold off")
    wait_until(lambda: follower.roster().get(jid, "none") == "none", "given up")
    assert not {"hold_offline", "presence"} & set(row(site, feed, follower))


def test_leaving_gives_it_up(site, feed, follower):
    jid = f"{feed}@{site.service}"
    follower.ask(jid, "unsubscribe")
    wait_until(lambda: follower.roster().get(jid, "none") == "none", "given up")


def test_removing_the_contact(site, feed, person):
    """Both directions end, in whatever order the server says so; nobody is told anything."""
    jid = f"{feed}@{site.service}"
    person.roster()
    person.add_contact(jid)
    person.wait_for(is_presence(jid))
    person.ask(jid, "hold on")
    grant(site, feed, person)
    wait_until(lambda: person.roster().get(jid) == "both", "both see one another")
    since = person.mark()
    person.remove_contact(jid)
    wait_until(lambda: site.rest.subscriber("GET", feed, person.jid).status == 404, "left")
    person.sync()
    assert jid not in person.roster()
    assert not [s for s in person.received[since:] if is_chat()(s)]


def test_chosen_over_http(site, feed, person):
    """The worker sees it with the next event, and asks then."""
    site.rest.follow(feed, person.jid, "chat")
    site.rest.subscriber("PATCH", feed, person.jid, {"hold_offline": True}).ok(200)
    assert row(site, feed, person)["presence"] == "not-asked"
    publish(site, feed, "at once")
    person.wait_for(is_chat("at once"))
    grant(site, feed, person)
    leave(site, feed, person)
    publish(site, feed, "kept")
    held(site, feed, person, "offline")
    returns(site, feed, person, ["kept"])


def test_held_across_a_new_worker(site, feed, follower):
    leave(site, feed, follower)
    publish(site, feed, "one")
    held(site, feed, follower, "offline")
    site.work.kill9()
    site.work.start(ready=False)
    publish(site, feed, "two")
    site.settled(feed, publish(site, feed, "three")[0])
    held(site, feed, follower, "offline")
    returns(site, feed, follower, ["one", "two", "three"])
    assert row(site, feed, follower)["presence"] == "granted"


def test_back_while_there_is_no_worker(site, feed, follower):
    leave(site, feed, follower)
    publish(site, feed, "one", "two")
    held(site, feed, follower, "offline")
    site.work.kill9()
    since = follower.mark()
    follower.login()
    site.work.start(ready=False)
    follower.wait_for(is_chat("two"), since=since, timeout=40)
    assert got(follower, feed, since) == ["one", "two"]


def test_held_across_a_new_server(site, feed, follower):
    leave(site, feed, follower)
    publish(site, feed, "one", "two")
    held(site, feed, follower, "offline")
    site.server.restart()
    returns(site, feed, follower, ["one", "two"])


def test_taken_back_while_nobody_is_there_to_hear(site, feed, follower):
    """What was granted is not any more: nobody is kept waiting for it."""
    jid = f"{feed}@{site.service}"
    leave(site, feed, follower)
    publish(site, feed, "one")
    held(site, feed, follower, "offline")
    site.work.stop()
    since = follower.mark()
    follower.login()
    follower.say_presence(jid, "unsubscribed")
    follower.sync()
    site.work.start(ready=False)
    follower.wait_for(is_chat("one"), since=since, timeout=60)
    assert row(site, feed, follower)["presence"] != "granted"
