"""A feed in somebody's contact list: adding, removing, presence, probes, cards."""

import base64
import hashlib
import struct
import zlib

import pytest
from belfry_testing.client import is_chat, is_presence
from belfry_testing.stanza import NS
from belfry_testing.waiting import wait_until

PUBSUB = NS["ps"]


def jid_of(site, feed):
    return f"{feed}@{site.service}"


def follows(site, feed, jid):
    answer = site.rest.subscriber("GET", feed, jid)
    assert answer.status in (200, 404), answer
    return answer.status == 200


def add(site, client, feed):
    """Until the contact list shows it, and that it is there."""
    jid = jid_of(site, feed)
    client.roster()
    since = client.mark()
    client.add_contact(jid)
    there = client.wait_for(is_presence(jid), since=since)
    wait_until(lambda: client.roster().get(jid) == "to", "the feed is in the list")
    return there


def set_presence(site, feed, **presence):
    site.rest.request("PUT", f"/v1/feeds/{feed}/presence", presence).ok()


def png(width=64, height=64):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = b"".join(b"\0" + b"\x20\x60\xa0" * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def set_avatar(site, feed, image):
    site.rest.request("PUT", f"/v1/feeds/{feed}/avatar", image,
                      {"Content-Type": "image/png"}).ok()
    return hashlib.sha1(image).hexdigest()


def test_adding_follows_and_removing_leaves(site, feed, alice):
    jid = jid_of(site, feed)
    site.rest.publish(feed, title="before")
    there = add(site, alice, feed)
    assert there.text("client:status") == "before"
    row = site.rest.subscriber("GET", feed, alice.jid).ok(200).json
    assert row["format"] == "chat"
    site.rest.publish(feed, title="heard")
    alice.wait_for(is_chat("heard", jid))

    since = alice.mark()
    alice.remove_contact(jid)
    wait_until(lambda: not follows(site, feed, alice.jid), "alice has left")
    assert jid not in alice.roster()
    # Nothing that we say brings it back, nor is there an end of saying it.
    alice.sync()
    assert len([s for s in alice.received[since:] if s.kind == "presence"]) <= 4
    assert not follows(site, feed, alice.jid)


def test_adding_what_is_followed_already(site, feed, alice):
    alice.subscribe(site.service, feed)
    add(site, alice, feed)
    row = site.rest.subscriber("GET", feed, alice.jid).ok(200).json
    assert row["format"] == "event"
    # Once more is answered once more.
    since = alice.mark()
    alice.send(f"<presence to='{jid_of(site, feed)}' type='subscribe'/>")
    alice.ask(jid_of(site, feed), "whoami")
    assert follows(site, feed, alice.jid)
    assert alice.roster()[jid_of(site, feed)] == "to", alice.received[since:]


def test_refusals_are_told_once(site, new_feed):
    """Closed, not there, no possible name: never pending for ever."""
    client = site.client(f"hank-{site.kind}")
    client.roster()
    closed = new_feed("closed", access="whitelist", whitelist=["nobody@example.org"])
    for name in (closed, "nosuchfeed", "no+feed"):
        jid = f"{name}@{site.service}"
        client.add_contact(jid)
        wait_until(lambda jid=jid: client.roster().get(jid) == "none"
                   and not pending(client, jid), f"{jid} is refused")
    assert not follows(site, closed, client.jid)
    client.sync()
    told = client.all(is_chat())
    assert len(told) == 3 and "not open to you" in told[0].body, told
    # Once for each of them.
    client.add_contact(f"{closed}@{site.service}")
    wait_until(lambda: not pending(client, f"{closed}@{site.service}"), "refused again")
    client.sync()
    assert len(client.all(is_chat())) == 3
    for jid in client.roster():
        client.remove_contact(jid)


def pending(client, jid):
    answer = client.iq(client.jid, f"<query xmlns='{NS['roster']}'/>")
    return any(i.get("jid") == jid and i.get("ask") == "subscribe"
               for i in answer.findall("roster:query/roster:item"))


def test_the_hub_is_a_contact(site, bob):
    bob.roster()
    bob.add_contact(site.hub)
    bob.wait_for(is_presence(site.hub))
    wait_until(lambda: bob.roster().get(site.hub) == "to", "the hub is in the list")
    again = site.client("bob", resource="again")
    again.wait_for(is_presence(site.hub))
    since = bob.mark()
    bob.remove_contact(site.hub)
    bob.wait_for(is_presence(site.hub, "unavailable"), since=since)


def test_who_comes_online_sees_it(site, feed, alice):
    add(site, alice, feed)
    set_presence(site, feed, show="dnd", status="deploying")
    alice.wait_for(is_presence(jid_of(site, feed), show="dnd", status="deploying"))
    alice.logout()
    since = alice.mark()
    alice.login()
    alice.wait_for(is_presence(jid_of(site, feed), show="dnd", status="deploying"),
                   since=since)
    # Who only follows it, and has it not in the list, is not told.
    carol = site.client("carol")
    carol.ask(site.hub, f"subscribe {feed}")
    set_presence(site, feed, show="away")
    alice.wait_for(is_presence(jid_of(site, feed), show="away"))
    carol.sync()
    assert not carol.all(is_presence(jid_of(site, feed)))


@pytest.mark.parametrize("way", ["chat to the hub", "chat to the feed", "pubsub"])
def test_leaving_another_way_shows_in_the_list(site, feed, alice, way):
    jid = jid_of(site, feed)
    add(site, alice, feed)
    since = alice.mark()
    if way == "chat to the hub":
        alice.ask(site.hub, f"unsubscribe {feed}")
    elif way == "chat to the feed":
        alice.ask(jid, "unsubscribe")
    else:
        assert alice.unsubscribe(site.service, feed).type == "result"
    alice.wait_for(is_presence(jid, "unavailable"), since=since)
    wait_until(lambda: alice.roster().get(jid) == "none", "the list shows it")
    alice.remove_contact(jid)


def test_leaving_over_rest_shows_at_the_next_login(site, feed, alice):
    jid = jid_of(site, feed)
    add(site, alice, feed)
    site.rest.unfollow(feed, alice.jid).ok()
    alice.logout()
    alice.login()
    wait_until(lambda: alice.roster().get(jid) == "none", "the list shows it")
    alice.remove_contact(jid)


def test_away_while_the_worker_is(site, feed, alice):
    jid = jid_of(site, feed)
    add(site, alice, feed)
    set_presence(site, feed, show="xa")
    alice.wait_for(is_presence(jid, show="xa"))
    since = alice.mark()
    assert site.work.stop() == 0
    alice.wait_for(is_presence(jid, "unavailable"), since=since)
    since = alice.mark()
    site.work.start()
    alice.wait_for(is_presence(jid, show="xa"), since=since, timeout=30)
    assert site.work.metrics()["belfry_work_presences_total"] >= 1


def test_many_contacts_at_login(site, new_feed):
    """All of them are probed at once."""
    client = site.client(f"ivan-{site.kind}")
    feeds = [new_feed("many") for _ in range(60)]
    for feed in feeds:
        client.add_contact(jid_of(site, feed))
    for feed in feeds:
        client.wait_for(is_presence(jid_of(site, feed)))
    again = site.client(f"ivan-{site.kind}", resource="again")
    for feed in feeds:
        again.wait_for(is_presence(jid_of(site, feed)))


def test_capabilities_are_what_disco_says(site, feed, alice):
    """XEP-0115 5.4: the string is made of the answer."""
    c = add(site, alice, feed).find("caps:c")
    info = alice.disco_info(jid_of(site, feed), f"{c.get('node')}#{c.get('ver')}")
    assert info.type == "result"
    query = info.find("info:query")
    text = "".join(sorted("{}/{}/{}/{}<".format(
        i.get("category"), i.get("type"), "", i.get("name") or "")
        for i in query.findall("info:identity", NS)))
    text += "".join(f"{v}<" for v in sorted(info.features))
    assert query.find("data:x", NS) is None
    assert c.get("hash") == "sha-1"
    assert base64.b64encode(hashlib.sha1(text.encode()).digest()).decode() == c.get("ver")
    assert ("client", "bot") in info.identities
    assert info.features == alice.disco_info(jid_of(site, feed)).features


def test_cards(site, new_feed, alice):
    feed = new_feed("card", title="Deploys & <more>", description="What went out")
    jid = jid_of(site, feed)
    card = alice.iq(jid, f"<vCard xmlns='{NS['vcard']}'/>")
    assert card.text("vcard:vCard/vcard:FN") == "Deploys & <more>"
    assert card.text("vcard:vCard/vcard:DESC") == "What went out"
    assert card.text("vcard:vCard/vcard:URL").startswith(f"xmpp:{jid}?roster")
    assert card.find("vcard:vCard/vcard:PHOTO") is None
    for answer in (alice.iq(jid, f"<vcard xmlns='{NS['vcard4']}'/>"),
                   alice.pubsub(jid, "<items node='urn:xmpp:vcard4'/>", "get")):
        (fn,) = answer.element.iter("{%s}fn" % NS["vcard4"])
        assert fn[0].text == "Deploys & <more>"
    assert alice.iq(site.hub, f"<vCard xmlns='{NS['vcard']}'/>").text(
        "vcard:vCard/vcard:FN") == "Belfry"
    closed = new_feed("closed", access="whitelist", whitelist=["nobody@example.org"])
    for name in (closed, "nosuchfeed"):
        answer = alice.iq(f"{name}@{site.service}", f"<vCard xmlns='{NS['vcard']}'/>")
        assert answer.condition == "item-not-found"


def test_the_avatar_everywhere(site, feed, alice):
    jid, image = jid_of(site, feed), png()
    assert add(site, alice, feed).text("photo:x/photo:photo") == ""
    since = alice.mark()
    sha1 = set_avatar(site, feed, image)
    told = alice.wait_for(lambda s: is_presence(jid)(s)
                          and s.text("photo:x/photo:photo") == sha1, since=since)
    assert told.type is None
    card = alice.iq(jid, f"<vCard xmlns='{NS['vcard']}'/>")
    assert card.text("vcard:vCard/vcard:PHOTO/vcard:TYPE") == "image/png"
    assert base64.b64decode(card.text("vcard:vCard/vcard:PHOTO/vcard:BINVAL")) == image
    metadata = alice.pubsub(jid, f"<items node='{NS['metadata']}'/>", "get")
    (info,) = metadata.element.iter("{%s}info" % NS["metadata"])
    assert (info.get("id"), info.get("type")) == (sha1, "image/png")
    assert (info.get("bytes"), info.get("width")) == (str(len(image)), "64")
    data = alice.pubsub(jid, f"<items node='{NS['avatar']}'><item id='{sha1}'/></items>",
                        "get")
    (text,) = data.element.iter("{%s}data" % NS["avatar"])
    assert base64.b64decode(text.text) == image
    since = alice.mark()
    site.rest.request("DELETE", f"/v1/feeds/{feed}/avatar").ok()
    alice.wait_for(lambda s: is_presence(jid)(s)
                   and s.text("photo:x/photo:photo") == "", since=since)
    assert alice.pubsub(jid, f"<items node='{NS['metadata']}'/>",
                        "get").condition == "item-not-found"
