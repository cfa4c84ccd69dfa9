"""Links by which people follow a feed: over REST, from the command line, as QR codes."""

import re
import xml.etree.ElementTree as ET
from urllib.parse import unquote

import pytest
from belfry_testing import belfry, qr
from belfry_testing.client import is_chat, is_event

DOMAIN = "feeds.people.test"


@pytest.fixture
def feed(hub):
    return hub.new_feed(title="Déploys & more")


def roster_link(feed, name="D%C3%A9ploys%20%26%20more"):
    return f"xmpp:{feed}@{DOMAIN}?roster" + (f";name={name}" if name else "")


def pubsub_link(feed):
    return f"xmpp:{DOMAIN}?pubsub;action=subscribe;node={feed}"


# ---- REST ----

def test_links(hub, feed):
    path = f"/v1/feeds/{feed}"
    a = hub.rest.get(f"{path}/link").ok(200)
    assert a.headers["Content-Type"] == "application/json"
    assert a.json["roster"] == roster_link(feed)
    assert a.json["pubsub"] == pubsub_link(feed)
    assert set(a.json["qr"]) == {"roster", "pubsub"}
    for kind, pictures in a.json["qr"].items():
        assert set(pictures) == {"png", "svg"}
        for form, read in (("png", qr.from_png), ("svg", qr.from_svg)):
            assert read(hub.rest.get(pictures[form]).ok(200).body) == a.json[kind]
    hub.rest.request("PATCH", path, {"title": None}).ok(200)
    assert hub.rest.get(f"{path}/link").json["roster"] == roster_link(feed, None)


def test_pictures_over_http(hub, feed):
    path = f"/v1/feeds/{feed}"
    png = hub.rest.get(f"{path}/qr.png").ok(200)
    assert png.headers["Content-Type"] == "image/png"
    assert qr.from_png(png.body) == roster_link(feed)
    svg = hub.rest.get(f"{path}/qr.svg?link=pubsub&scale=3").ok(200)
    assert svg.headers["Content-Type"] == "image/svg+xml"
    assert qr.from_svg(svg.body) == pubsub_link(feed)
    root = ET.fromstring(svg.body)
    side = int(root.get("viewBox").split()[2])
    assert root.get("width") == root.get("height") == str(3 * side)
    assert root.findtext("{http://www.w3.org/2000/svg}title") == pubsub_link(feed)
    for scale in (1, 16):
        body = hub.rest.get(f"{path}/qr.png?scale={scale}").ok(200).body
        assert int.from_bytes(body[16:20], "big") % scale == 0
    assert qr.from_png(body) == roster_link(feed)
    head = hub.rest.request("HEAD", f"{path}/qr.png").ok(200)
    assert head.body == b"" and head.headers["Content-Length"] == str(len(png.body))


def test_pictures_can_be_kept(hub, feed):
    path = f"/v1/feeds/{feed}/qr.png"
    first = hub.rest.get(path).ok(200)
    etag = first.headers["ETag"]
    assert first.headers.get_all("Cache-Control") == ["private, max-age=300"]
    for known in (etag, f'"other", W/{etag}'):
        again = hub.rest.get(path, headers={"If-None-Match": known})
        assert again.status == 304 and again.body == b""
        assert again.headers["ETag"] == etag
        assert again.headers["Content-Length"] in (None, str(len(first.body)))
    assert hub.rest.get(path, headers={"If-None-Match": '"other"'}).status == 200
    hub.rest.request("PATCH", f"/v1/feeds/{feed}", {"title": "Another"}).ok(200)
    changed = hub.rest.get(path, headers={"If-None-Match": etag}).ok(200)
    assert changed.headers["ETag"] != etag
    assert qr.from_png(changed.body) == roster_link(feed, "Another")
    assert hub.rest.get(f"{path}?scale=0").headers.get_all("Cache-Control") == ["no-store"]


@pytest.mark.parametrize("query", ["link=chat", "link=", "scale=0", "scale=17", "scale=x",
                                   "scale=-1", "size=3", "link=roster&link=pubsub"])
def test_bad_queries(hub, feed, query):
    for form in ("png", "svg"):
        a = hub.rest.get(f"/v1/feeds/{feed}/qr.{form}?{query}")
        assert a.status == 400
    assert hub.rest.get(f"/v1/feeds/{feed}/link?{query}").status == 400


def test_who_may_ask(hub, feed):
    for what in ("link", "qr.png", "qr.svg"):
        path = f"/v1/feeds/{feed}/{what}"
        for scope in ("publish", "manage"):
            assert hub.rest.get(path, token=hub.token_for(scope, feed)).status == 200
        assert hub.rest.get(path, token=hub.token_for("publish", "other")).status == 403
        assert hub.serve.rest().get(path).status == 401
        a = hub.rest.get(f"/v1/feeds/nowhere/{what}")
        assert a.status == 404 and a.problem == "no-such-feed"
        assert hub.rest.get(f"/v1/feeds/NO/{what}").problem == "no-such-feed"
        assert hub.rest.request("POST", path, {}).status == 405


def test_without_a_domain(hub, feed):
    config = hub.write_config("nameless.ini", xmpp={"domain": None})
    serve = belfry.Program("serve", config, hub.dir / "nameless.log").start()
    try:
        for what in ("link", "qr.png", "qr.svg"):
            a = serve.rest(hub.token).get(f"/v1/feeds/{feed}/{what}")
            assert a.status == 503 and a.problem == "no-domain"
            assert "xmpp.domain" in a.json["detail"] and a.headers["Retry-After"]
    finally:
        assert serve.stop() == 0
    done = belfry.run(config, "feed", "link", feed)
    assert done.returncode == 1 and "xmpp.domain" in done.stderr and not done.stdout


def test_the_longest_title(hub):
    feed = "f" * 64
    hub.rest.put_feed(feed, title="界" * 85)
    link = hub.rest.get(f"/v1/feeds/{feed}/link").ok(200).json["roster"]
    assert link == roster_link(feed, "%E7%95%8C" * 32)
    assert qr.from_png(hub.rest.get(f"/v1/feeds/{feed}/qr.png").ok(200).body) == link


# ---- the command line ----

def link(hub, *args, **more):
    return belfry.run(hub.config, "feed", "link", *args, **more)


def test_links_are_printed(hub, feed):
    done = link(hub, feed)
    assert done.returncode == 0 and not done.stderr
    assert done.stdout == roster_link(feed) + "\n"
    assert link(hub, "--pubsub", feed).stdout == pubsub_link(feed) + "\n"
    before = belfry.run(None, "feed", "-c", str(hub.config), "link", "-p", feed)
    assert before.stdout == pubsub_link(feed) + "\n"


def test_in_a_terminal(hub, feed):
    """Each style gives the same picture on the terminals that it is for."""
    def shown(style, ink, paper):
        head, _, code = link(hub, feed, style).stdout.partition("\n")
        assert head == roster_link(feed)
        return qr.screen(code, ink, paper)
    light, dark = ("#000", "#fff"), ("#fff", "#000")
    picture = shown("--qr", *light)
    assert qr.from_screen(picture) == roster_link(feed)
    side = len(picture[0])
    assert len(picture) == side + 1  # the last line's lower half
    for border in (picture[:4], picture[-5:], [r[:4] + r[-4:] for r in picture]):
        assert {c for row in border for c in row} == {"#fff"}
    assert shown("--qr", *dark) == shown("-q", *light) == picture
    assert shown("--qr=color", *light) == picture
    assert shown("--qr=light", *light) == picture
    assert shown("--qr=dark", *dark) == picture


def test_pictures_in_files(hub, feed, tmp_path):
    png, svg = tmp_path / "code.png", tmp_path / "code.svg"
    done = link(hub, feed, "--png", png, "--svg", svg, "--scale", "5")
    assert done.returncode == 0 and done.stdout == roster_link(feed) + "\n"
    assert qr.from_png(png.read_bytes()) == roster_link(feed)
    assert qr.from_svg(svg.read_bytes()) == roster_link(feed)
    assert int.from_bytes(png.read_bytes()[16:20], "big") % 5 == 0
    done = link(hub, feed, "--pubsub", "--svg", "-")
    assert qr.from_svg(done.stdout.encode()) == pubsub_link(feed)


def test_what_cannot_be_done(hub, feed, tmp_path):
    for status, word, *args in (
            (1, "there is no feed 'nowhere'", "nowhere"),
            (1, "no/such/folder", feed, "--png", tmp_path / "no/such/folder"),
            (2, "is no name of a feed", "UPPER"),
            (2, "name one feed"),
            (2, "name one feed", feed, feed),
            (2, "color, light or dark", feed, "--qr=blue"),
            (2, "from 1 to 16", feed, "--png", "-", "--scale", "17"),
            (2, "stdout", feed, "--png", "-", "--svg", "-"),
            (2, "stdout", feed, "--png", "-", "--qr"),
            (2, "--help", feed, "--jpeg", "x")):
        done = link(hub, *map(str, args))
        assert done.returncode == status, (args, done)
        assert word in done.stderr and not done.stdout.startswith("\x89")


def test_help(hub):
    assert "belfry feed link" in belfry.run(None, "help", "feed").stdout
    shown = belfry.run(None, "feed", "--help").stdout
    assert shown.startswith("Usage: belfry feed link FEED")
    assert "--scale" in link(hub, "--help").stdout
    for args in ((), ("nonsense",)):
        done = belfry.run(None, "feed", *args)
        assert done.returncode == 2 and "belfry feed --help" in done.stderr


# ---- and the client that opens one ----

def contacts(client):
    roster = client.iq(client.jid, "<query xmlns='jabber:iq:roster'/>")
    items = roster.element.iter("{jabber:iq:roster}item")
    return {i.get("jid"): i.get("name") for i in items}


def open_link(client, link):
    """RFC 5122; then what XEP-0147 and XEP-0060 (URI query types) say a client does."""
    parts = re.fullmatch(r"xmpp:([^?/#]+)\?(\w+)((?:;\w+=[\w.~%-]*)*)", link)
    jid, action = unquote(parts[1]), parts[2]
    keys = {k: unquote(v) for k, v in re.findall(r";(\w+)=([^;]*)", parts[3])}
    if action == "pubsub":
        assert keys["action"] == "subscribe"
        return client.subscribe(jid, keys["node"])
    assert action == "roster"
    contacts(client)  # whoever did not ask for the roster is not told of changes
    item = ET.Element("item", jid=jid, name=keys["name"])
    added = client.iq(client.jid, "<query xmlns='jabber:iq:roster'>"
                      f"{ET.tostring(item, encoding='unicode')}</query>", "set")
    assert added.type == "result", added
    client.send(f"<presence to='{jid}' type='subscribe'/>")
    return client.wait_for(lambda s: s.kind == "presence" and s.sender == jid
                           and s.type in ("subscribed", "unsubscribed", "error"))


def test_a_client_opens_the_pubsub_link(site, new_feed, alice):
    feed = new_feed(title="For readers")
    links = site.rest.get(f"/v1/feeds/{feed}/link").ok(200).json
    assert open_link(alice, links["pubsub"]).type == "result"
    site.rest.publish(feed, title="by link", item="one")
    alice.wait_for(is_event(feed, "one"))


def test_a_client_opens_the_roster_link(site, new_feed, bob):
    feed = new_feed(title="Déploys; all & more")
    code = site.rest.get(f"/v1/feeds/{feed}/qr.png").ok(200).body
    assert open_link(bob, qr.from_png(code)).type == "subscribed"
    assert contacts(bob)[f"{feed}@{site.service}"] == "Déploys; all & more"
    site.rest.publish(feed, title="to a contact")
    bob.wait_for(is_chat("to a contact", f"{feed}@{site.service}"))
