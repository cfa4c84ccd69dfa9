"""What a client writes byte by byte, which no XMPP library would: forged attributes."""

import base64
import re
import socket
import ssl

import pytest
from belfry_testing.client import is_event
from belfry_testing.stanza import NS
from belfry_testing.waiting import wait_until

STREAM = ("<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' "
          "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' {more}>")


class RawClient:
    """Logs in by STARTTLS and SASL PLAIN; then bytes go out as they are given.

    DECLARED are more attributes of the stream's header; RESOURCE is as it is in XML."""

    def __init__(self, server, user, declared="", resource=""):
        self.jid = server.add_account(user)
        self.header = STREAM.format(domain=server.domain, more=declared)
        self.domain, self.got = server.domain, ""
        self.sock = socket.create_connection(("127.0.0.1", server.c2s_port), 20)
        self._open()
        self.ask("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed")
        tls = ssl.create_default_context(cafile=str(server.cert))
        self.sock = tls.wrap_socket(self.sock, server_hostname=server.domain)
        self._open()
        plain = base64.b64encode(f"\0{user}\0{server.passwords[user]}".encode()).decode()
        self.ask("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                 f"{plain}</auth>", "<success")
        self._open()
        bind = f"<resource>{resource}</resource>" if resource else ""
        self.ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                 f"{bind}</bind></iq>", "<jid>")
        self.ask("<presence/><iq type='get' id='up'><ping xmlns='urn:xmpp:ping'/></iq>",
                 r"id=['\"]up['\"]")

    def _open(self):
        self.ask(self.header, "</stream:features>")

    def send(self, xml):
        self.sock.sendall(xml.encode())

    def ask(self, xml, wanted):
        """Sends, and reads until the pattern WANTED; what came since."""
        self.got = ""
        self.send(xml)
        while not re.search(wanted, self.got):
            more = self.sock.recv(65536)
            assert more, f"closed after {self.got}"
            self.got += more.decode("utf-8", "replace")
        return self.got

    def close(self):
        self.sock.close()


@pytest.fixture
def raw(site):
    clients = []

    def make(user, **more):
        clients.append(RawClient(site.server, user, **more))
        return clients[-1]
    yield make
    for client in clients:
        client.close()


def end(site):
    """The last that a client asks: what it wrote before has been dealt with."""
    return (f"<iq to='{site.service}' type='get' id='end'>"
            f"<ping xmlns='{NS['ping']}'/></iq>", r"id=['\"]end['\"]")


def followers(site, feed):
    page = site.rest.get(f"/v1/feeds/{feed}/subscribers").ok(200).json
    return {s["jid"] for s in page["subscribers"]}


# The victim's address in an attribute that is not the real one. {own}: whose client it is.
PREFIXED = ["x:from='{victim}'", "xmlns:y='urn:y' y:from='{victim}' x:from='{victim}'",
            "from='{own}' x:from='{victim}'", "x:from='{victim}' from='{own}'",
            "x:from = '{victim}'", "x:from='{victim}/r' x:type='set' x:id='1'"]


@pytest.mark.parametrize("attributes", PREFIXED)
def test_a_prefixed_from_is_nobody(site, feed, alice, raw, attributes):
    """Prosody hands foreign attributes on; a parser that drops prefixes believes them."""
    mallory = raw("mallory")
    forged = "xmlns:x='urn:x' " + attributes.format(victim=alice.jid, own=mallory.jid)
    service, hub = site.service, site.hub
    since = alice.mark()
    mallory.send(f"<message {forged} to='{hub}' type='chat'><body>subscribe {feed}</body>"
                 "</message>")
    mallory.send(f"<iq {forged} to='{service}' type='set' id='s1'><pubsub "
                 f"xmlns='{NS['ps']}'><subscribe node='{feed}' jid='{alice.jid}'/>"
                 "</pubsub></iq>")
    mallory.send(f"<message {forged} to='{hub}' type='chat'><body>help</body></message>")
    mallory.ask(*end(site))
    alice.iq(service, f"<ping xmlns='{NS['ping']}'/>")
    assert alice.jid not in followers(site, feed)
    assert not [s for s in alice.received[since:] if s.kind == "message"]


@pytest.mark.parametrize("attributes", ["x:type='error' x:id='{id}' x:from='{victim}'",
                                        "type='error' id='{id}' x:from='{victim}'"])
def test_a_forged_bounce_ends_nothing(site, feed, alice, raw, attributes):
    site.rest.subscriber("PUT", feed, alice.jid, {"format": "chat"}).ok(201)
    site.rest.publish(feed, title="hello")
    got = wait_until(lambda: [s for s in alice.received if s.body == "hello"], "it came")[0]
    mallory = raw("mallory")
    forged = attributes.format(id=got.id, victim=alice.jid)
    mallory.send(f"<message xmlns:x='urn:x' {forged} to='{feed}@{site.service}'>"
                 f"<error type='cancel'><gone xmlns='{NS['stanzas']}'/></error></message>")
    mallory.send(f"<message type='error' id='{got.id}' to='{feed}@{site.service}'>"
                 f"<error type='cancel'><gone xmlns='{NS['stanzas']}'/></error></message>")
    mallory.ask(*end(site))
    site.rest.publish(feed, title="again")
    wait_until(lambda: [s for s in alice.received if s.body == "again"], "still follows")
    assert alice.jid in followers(site, feed)


@pytest.mark.parametrize("part, size", [("<a/>", 200_000), ("<a/>b", 200_000),
                                        ("&amp;b", 50_000)])
def test_long_stanzas_do_not_hold_up_others(site, bob, raw, part, size):
    """Parsing must not take time with the square of the length."""
    mallory = raw("mallory")
    box = part * (size // len(part))
    cpu = site.work.metrics()["process_cpu_seconds_total"]
    for _ in range(3):
        mallory.send(f"<message to='{site.hub}' type='chat'><x xmlns='u'>{box}</x></message>")
    mallory.ask(f"<iq to='{site.service}' type='get' id='end'>"
                f"<ping xmlns='{NS['ping']}'/></iq>", r"id=['\"]end['\"]|</stream")
    bob.iq(site.service, f"<ping xmlns='{NS['ping']}'/>")
    assert site.work.metrics()["process_cpu_seconds_total"] - cpu < 2


@pytest.fixture
def unharmed(site, bob):
    """Call it: others are served, by the link that was there all the time."""
    ups = site.work.log_text().count("xmpp up")

    def check():
        for ask in (bob.disco_info, bob.disco_items, bob.disco_info):
            answer = ask(site.service)  # comes behind all that was answered before
            assert answer.type == "result", answer
        assert site.work.log_text().count("xmpp up") == ups
    return check


@pytest.mark.parametrize("stanza, answer", [
    ("<iq to='{service}' type='get' id='{long}'><ping xmlns='urn:xmpp:ping'/></iq>", None),
    ("<iq to='{service}' type='get' id='{long}'><nonsense xmlns='urn:x'/></iq>", None),
    ("<message to='{hub}' type='chat'><body>help</body><thread>{long}</thread></message>",
     "</body>.*</message>"),
    ("<message to='{hub}' type='chat'><body>list</body><thread>{long}</thread></message>",
     "</body>.*</message>"),
    ("<iq to='{service}' type='get' id='l'><query xmlns='" + NS["items"] + "' "
     "node='{long}'/></iq>", "item-not-found.*</iq>"),
])
def test_what_is_echoed_cannot_break_the_link(site, feed, raw, unharmed, stanza, answer):
    """Quotes are six times as long when they are escaped: larger than a server takes.

    And where our parser waits for more of such a tag, all behind it waits, too."""
    # In text each is a part of its own, which sanitizers make dear: fewer, still too large.
    mallory, long = raw("mallory"), '"' * (24000 if "<thread>" in stanza else 40000)
    # Her own server's parser may wait as well, until there is twice as much.
    mallory.send(stanza.format(service=site.service, hub=site.hub, long=long) + " " * 45000)
    if answer:
        mallory.ask(" ", f"(?s){answer}")
    mallory.ask(*end(site))
    unharmed()


@pytest.mark.parametrize("stanza", [
    "<iq to='{service}' type='get' id='f1' foo:bar='1'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq to='{service}' type='get' id='f2'><foo:nonsense/></iq>",
    "<iq to='{service}' type='get' id='f3'><nonsense xmlns='urn:x' foo:bar='1'/></iq>",
    "<message to='{hub}' type='chat'><body>help</body><x xmlns='u' foo:y='1'/></message>",
    "<message to='{hub}' type='chat'><body>help</body><stream:x/></message>",
])
def test_a_prefix_that_is_declared_elsewhere(site, raw, unharmed, stanza):
    """ejabberd hands such prefixes on, without what the client's header says of them."""
    mallory = raw("mallory", declared="xmlns:foo='urn:foo'")
    mallory.send(stanza.format(service=site.service, hub=site.hub))
    mallory.ask(*end(site))
    unharmed()


LONG = {"resource": "&apos;" * 1000}


def test_a_long_tag_of_ours_does_not_hold_up_others(site, raw, unharmed):
    """The server's parser may wait with a long tag until there is more (Prosody 13)."""
    mallory = raw("mallory", **LONG)
    mallory.ask(f"<iq to='{site.service}' type='get' id='{'&quot;' * 512}'>"
                f"<ping xmlns='{NS['ping']}'/></iq>", '(&quot;|"){512}')
    unharmed()


def test_a_follower_with_a_long_address(site, feed, alice, raw, unharmed):
    alice.subscribe(site.service, feed)
    mallory = raw("mallory", **LONG)
    mallory.ask(f"<iq to='{site.service}' type='set' id='s1'><pubsub xmlns='{NS['ps']}'>"
                f"<subscribe node='{feed}' jid='{mallory.jid}/{LONG['resource']}'/>"
                "</pubsub></iq>", "subscription=['\"]subscribed")
    id = site.rest.publish(feed, title="hello")["id"]
    mallory.ask(" ", "hello")
    alice.wait_for(is_event(feed), what="the event")
    site.settled(feed, id)
    unharmed()
