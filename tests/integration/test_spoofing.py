"""What a client writes byte by byte, which no XMPP library would: forged attributes."""

import base64
import re
import socket
import ssl

import pytest
from belfry_testing.stanza import NS
from belfry_testing.waiting import wait_until

STREAM = ("<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' "
          "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")


class RawClient:
    """Logs in by STARTTLS and SASL PLAIN; then bytes go out as they are given."""

    def __init__(self, server, user):
        self.jid = server.add_account(user)
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
        self.ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                 "</iq>", "<jid>")
        self.ask("<presence/><iq type='get' id='up'><ping xmlns='urn:xmpp:ping'/></iq>",
                 r"id=['\"]up['\"]")

    def _open(self):
        self.ask(STREAM.format(domain=self.domain), "</stream:features>")

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

    def make(user):
        clients.append(RawClient(site.server, user))
        return clients[-1]
    yield make
    for client in clients:
        client.close()


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
    mallory.ask(f"<iq to='{service}' type='get' id='end'><ping xmlns='{NS['ping']}'/></iq>",
                r"id=['\"]end['\"]")
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
    mallory.ask(f"<iq to='{site.service}' type='get' id='end'>"
                f"<ping xmlns='{NS['ping']}'/></iq>", r"id=['\"]end['\"]")
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


@pytest.mark.parametrize("stanza", [
    "<iq to='{service}' type='get' id='{long}'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq to='{service}' type='get' id='{long}'><nonsense xmlns='urn:x'/></iq>",
    "<message to='{hub}' type='chat'><body>help</body><thread>{long}</thread></message>",
    "<message to='{hub}' type='chat'><body>list</body><thread>{long}</thread></message>",
    "<iq to='{service}' type='get' id='l'><query xmlns='" + NS["items"] + "' "
    "node='{long}'/></iq>",
])
def test_what_is_echoed_cannot_break_the_link(site, feed, bob, raw, stanza):
    """Quotes are six times as long when they are escaped: larger than a server takes."""
    before = site.work.log_text().count("xmpp up")
    mallory = raw("mallory")
    mallory.send(stanza.format(service=site.service, hub=site.hub, long='"' * 40000))
    for _ in range(2):  # the second comes behind all that the first one's answer did
        answer = bob.iq(site.service, f"<ping xmlns='{NS['ping']}'/>", timeout=30)
        assert answer.type == "result", answer
    assert site.work.log_text().count("xmpp up") == before
