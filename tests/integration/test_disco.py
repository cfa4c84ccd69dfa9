"""What the service, the hub and a feed say of themselves; what is not understood."""

import pytest
from belfry_testing.stanza import NS

PUBSUB = "http://jabber.org/protocol/pubsub"


@pytest.fixture
def addresses(site, feed):
    return {"service": site.service, "hub": site.hub, "feed": f"{feed}@{site.service}"}


@pytest.mark.parametrize("which", ["service", "hub", "feed"])
def test_ping_and_version(alice, addresses, which):
    to = addresses[which]
    pong = alice.iq(to, f"<ping xmlns='{NS['ping']}'/>")
    assert (pong.type, pong.sender) == ("result", to)
    said = alice.iq(to, f"<query xmlns='{NS['version']}'/>")
    assert "elfry" in said.text("version:query/version:name")
    assert said.text("version:query/version:version")


@pytest.mark.parametrize("which", ["service", "hub", "feed"])
def test_disco_info(alice, addresses, which):
    info = alice.disco_info(addresses[which])
    assert info.type == "result" and info.identities
    assert {NS["info"], NS["ping"], NS["version"]} <= info.features
    # Nothing is announced that does not answer.
    if NS["items"] in info.features:
        assert alice.disco_items(addresses[which]).type == "result"


def test_the_service_is_a_pubsub_service(site, alice):
    info = alice.disco_info(site.service)
    assert ("pubsub", "service") in info.identities
    assert {PUBSUB, f"{PUBSUB}#subscribe", f"{PUBSUB}#retrieve-items"} <= info.features
    for absent in ("publish", "create-nodes", "collections", "multi-subscribe"):
        assert f"{PUBSUB}#{absent}" not in info.features


def test_a_feed_is_a_leaf_node(site, new_feed, alice):
    feed = new_feed("leaf", title="A <leaf>")
    info = alice.disco_info(site.service, feed)
    assert ("pubsub", "leaf") in info.identities
    names = {i.get("name") for i in info.findall("info:query/info:identity")}
    assert "A <leaf>" in names or "A <leaf>" in info.xml().replace("&lt;", "<").replace(
        "&gt;", ">")
    assert (site.service, feed, "A <leaf>") in alice.nodes(site.service)
    site.rest.publish(feed, title="x", item="item-1")
    (item,) = alice.disco_items(site.service, feed).findall("items:query/items:item")
    assert item.get("name") == "item-1" and item.get("node") is None


def test_pages_of_the_list(site, feed, alice):
    def page(asked):
        answer = alice.iq(site.service, f"<query xmlns='{NS['items']}'><set "
                          f"xmlns='{NS['rsm']}'>{asked}</set></query>")
        query = answer.find("items:query")
        return [(e.tag.rpartition("}")[2], e.get("node")) for e in query]

    last, nothing = ("item", feed), [("set", None)]
    assert last in page(f"<after>{feed[:-1]}</after>")
    assert last not in page(f"<after>{feed}</after>")
    assert page("<after>zzzz</after>") == page("<max>0</max>") == nothing


def test_unknown_nodes(site, alice):
    assert alice.disco_info(site.service, "nosuchfeed").condition == "item-not-found"
    assert alice.disco_items(site.service, "nosuchfeed").condition == "item-not-found"


@pytest.mark.parametrize("which", ["service", "hub", "feed"])
@pytest.mark.parametrize("type", ["get", "set"])
def test_an_unknown_iq_is_refused(alice, addresses, which, type):
    answer = alice.iq(addresses[which], "<query xmlns='urn:example:unknown'/>", type)
    assert answer.is_error and answer.condition == "service-unavailable"


def test_an_unknown_address(site, alice):
    answer = alice.iq(f"nosuchfeed@{site.service}", f"<query xmlns='{NS['info']}'/>")
    assert answer.is_error and answer.condition in ("item-not-found",
                                                    "service-unavailable")


def test_errors_and_results_are_never_answered(site, alice, addresses):
    since = alice.mark()
    for to in addresses.values():
        alice.send(f"<iq type='error' id='e1' to='{to}'><error type='cancel'>"
                   f"<item-not-found xmlns='{NS['stanzas']}'/></error></iq>")
        alice.send(f"<iq type='result' id='r1' to='{to}'/>")
        alice.send(f"<message type='error' id='e2' to='{to}'><body>help</body>"
                   f"<error type='cancel'><gone xmlns='{NS['stanzas']}'/></error>"
                   "</message>")
        alice.send(f"<message type='headline' to='{to}'><body>help</body></message>")
        alice.send(f"<message type='groupchat' to='{to}'><body>help</body></message>")
        alice.send(f"<message type='chat' to='{to}'/>")
        # The answer to this comes behind all that the ones above would get.
        alice.iq(to, f"<ping xmlns='{NS['ping']}'/>")
    assert [s for s in alice.received[since:] if s.id in ("e1", "e2", "r1")
            or s.kind == "message"] == []
