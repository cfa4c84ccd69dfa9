"""Who is let in: asking the owners, invitations, refusals, limits, and whom to reach."""

import concurrent.futures
import itertools

import pytest
from belfry_testing.client import is_chat, is_event, is_presence, is_state
from belfry_testing.site import SERVERS, Site
from belfry_testing.stanza import NS
from belfry_testing.waiting import wait_until
from test_multicast import prosody_version

_numbers = itertools.count(1)
LIMIT = 20
ABUSE = "mailto:abuse@example.org"
SUPPORT = "xmpp:help@example.org?message https://example.org/help?a&b"
BLOCKED = ("cancel", "not-acceptable", "<blocked xmlns='urn:xmpp:blocking:errors'/>")
REQUEST = f"{NS['ps']}#subscribe_authorization"


@pytest.fixture(scope="module", params=list(SERVERS))
def whole_site(request):
    """Nobody is at home here: whoever is entered over REST is asked."""
    with Site(request.param, settings={
            "xmpp": {"trusted_domains": ""},
            "limits": {"subscribe_per_jid": LIMIT, "subscribe_per_domain": 0,
                       "invite_per_domain": 0},
            "contact": {"abuse": ABUSE, "support": SUPPORT}}) as site:
        yield site


class Town:
    """A feed and its people, who are in no other test: .ann and .olga, an owner."""

    def __init__(self, site):
        self.number, self.site = next(_numbers), site
        self.feed = f"f{self.number}"
        self.jid = f"{self.feed}@{site.service}"
        self.olga_jid = f"olga{self.number}@{site.server.domain}"
        self.ann = self.client("ann")

    def client(self, name, **more):
        return self.site.client(f"{name}{self.number}", **more)

    def make(self, access="authorize", **config):
        self.site.rest.put_feed(self.feed, access=access,
                                **{"owners": [self.olga_jid], **config})
        return self

    def owner(self):
        return self.client("olga")

    def follows(self, jid):
        answer = self.site.rest.subscriber("GET", self.feed, jid)
        assert answer.status in (200, 404), answer
        return answer.status == 200

    def state(self, jid):
        answer = self.site.rest.pending("GET", self.feed, jid)
        assert answer.status in (200, 404), answer
        a = answer.json
        return answer.status == 200 and (a["state"], a.get("awaits"))

    def publish(self, title):
        return self.site.rest.publish(self.feed, title=title, item=title)

    def invite(self, jid, *statuses):
        return self.site.rest.subscriber("PUT", self.feed, jid).ok(*statuses or (202,))

    def is_invitation(self):
        return is_chat("Write 'yes'", self.jid)

    def is_request(self, jid):
        def test(s):
            return (s.sender or "").split("/")[0] == self.jid and jid in (
                f.findtext("data:value", "", NS)
                for f in s.findall("data:x/data:field")
                if f.get("var") == "pubsub#subscriber_jid")
        return test

    def asked(self, owner, who):
        return owner.wait_for(self.is_request(who.jid))


@pytest.fixture
def town(site):
    return Town(site)


ASKS, DENIED, ALLOWED = "Its owners have been asked", "not let in", "You now follow"


# ---- the owners are asked ----

def test_asked_and_allowed_in_chat(town):
    olga, ann = town.make().owner(), town.ann
    assert ASKS in ann.ask(town.jid, "subscribe").body
    request = town.asked(olga, ann)
    assert f"'allow {ann.jid}'" in request.body and request.type in (None, "normal")
    assert town.state(ann.jid) == ("pending", "owners")
    town.publish("unheard")
    assert not town.follows(ann.jid)
    assert ann.jid in olga.ask(town.jid, "requests").body
    assert "not an owner" in ann.ask(town.jid, f"allow {ann.jid}").body
    since = ann.mark()
    assert "You let" in olga.ask(town.jid, f"allow {ann.jid}").body
    ann.wait_for(is_chat(ALLOWED, town.jid), since=since)
    assert town.follows(ann.jid) and not town.state(ann.jid)
    town.publish("heard")
    ann.wait_for(is_chat("heard", town.jid))
    assert not ann.all(is_chat("unheard"))
    assert "Nobody asks" in olga.ask(town.jid, "requests").body
    assert "no request" in olga.ask(town.jid, f"allow {olga.jid}").body


@pytest.mark.parametrize("to_service", [False, True])
def test_asked_by_pubsub_and_allowed_by_the_form(town, to_service):
    """XEP-0060 6.1.4, 8.6: the owner's client sends the form back."""
    olga, ann, service = town.make().owner(), town.ann, town.site.service
    answer = ann.subscribe(service, town.feed)
    assert answer.type == "result"
    assert answer.find("ps:pubsub/ps:subscription").get("subscription") == "pending"
    again = ann.subscribe(service, town.feed)
    assert (again.condition, again.pubsub_condition) == ("not-authorized",
                                                         "pending-subscription")
    mine = ann.pubsub(service, f"<subscriptions node='{town.feed}'/>", "get")
    assert mine.find("ps:pubsub/ps:subscriptions/ps:subscription").get(
        "subscription") == "pending"
    request = town.asked(olga, ann)
    types = {f.get("var"): (f.get("type"), f.findtext("data:value", "", NS))
             for f in request.findall("data:x/data:field")}
    assert types == {"FORM_TYPE": ("hidden", REQUEST),
                     "pubsub#node": ("text-single", town.feed),
                     "pubsub#subscriber_jid": ("jid-single", ann.jid),
                     "pubsub#allow": ("boolean", "false")}
    # Who is no owner has no say, whatever he sends.
    said = ann.mark()
    ann.submit(request, pubsub__allow="1")
    ann.wait_for(is_chat("not an owner", town.jid), since=said)
    since = olga.mark()
    olga.submit(request, service if to_service else None, pubsub__allow="true")
    olga.wait_for(is_chat("You let", town.jid), since=since)
    assert ann.wait_for(is_state(town.feed, "subscribed")).sender == service
    town.publish("one")
    assert ann.wait_for(is_event(town.feed, "one")).sender == service
    assert len(olga.all(town.is_request(ann.jid))) == 1


def test_denied_by_the_form(town):
    olga, ann, service = town.make().owner(), town.ann, town.site.service
    ann.subscribe(service, town.feed)
    olga.submit(town.asked(olga, ann), pubsub__allow="0")
    ann.wait_for(is_state(town.feed, "none"))
    assert town.state(ann.jid) == ("denied", None)
    answer = ann.subscribe(service, town.feed)
    assert (answer.condition, answer.pubsub_condition) == ("not-allowed", "closed-node")


def test_asked_as_a_contact_and_allowed(town):
    olga, ann = town.make().owner(), town.ann
    ann.roster()
    ann.add_contact(town.jid)
    ann.wait_for(is_chat(ASKS, town.jid))
    town.asked(olga, ann)
    assert not ann.all(is_presence(town.jid)) and ann.roster()[town.jid] == "none"
    olga.ask(town.jid, f"allow {ann.jid}")
    ann.wait_for(is_presence(town.jid))
    ann.wait_for(is_chat(ALLOWED, town.jid))
    assert ann.roster()[town.jid] == "to"
    town.publish("heard")
    ann.wait_for(is_chat("heard", town.jid))


def test_asked_as_a_contact_and_denied(town):
    olga, ann = town.make().owner(), town.ann
    ann.roster()
    ann.add_contact(town.jid)
    town.asked(olga, ann)
    olga.ask(town.jid, f"deny {ann.jid}")
    ann.wait_for(is_presence(town.jid, "unsubscribed"))
    ann.wait_for(is_chat(DENIED, town.jid))
    assert ann.roster()[town.jid] == "none"
    assert not town.follows(ann.jid) and town.state(ann.jid) == ("denied", None)
    # Remembered for a day, unless an owner changes his mind.
    assert "not open to you" in ann.ask(town.jid, "subscribe").body
    olga.ask(town.jid, f"allow {ann.jid}")
    ann.wait_for(is_chat(ALLOWED, town.jid))
    assert town.follows(ann.jid)


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_decided_over_rest(town, decision):
    town.make()
    assert ASKS in town.ann.ask(town.jid, "subscribe").body
    since = town.ann.mark()
    town.site.rest.pending("PUT", town.feed, town.ann.jid, decision).ok()
    town.ann.wait_for(is_chat(ALLOWED if decision == "allow" else DENIED, town.jid),
                      since=since)
    assert town.follows(town.ann.jid) == (decision == "allow")


def test_decided_by_a_command(town):
    """XEP-0050: who waits is there to choose from."""
    olga, ann = town.make().owner(), town.ann
    ann.subscribe(town.site.service, town.feed)
    town.asked(olga, ann)
    table = olga.command(town.jid, "belfry:requests")
    assert [row["jid"] for row in table.rows] == [ann.jid]
    done = olga.command(town.jid, "belfry:allow", jid=ann.jid)
    assert done.offered["jid"].options == [ann.jid] and "You let" in done.note
    ann.wait_for(is_state(town.feed, "subscribed"))
    assert ann.command(town.jid, "belfry:allow").error[0] == "forbidden"


def test_all_owners_are_asked_and_the_first_answer_counts(town):
    other = town.client("oscar", login=False)
    town.make(owners=[town.olga_jid, other.jid])
    olga = town.owner()
    town.ann.ask(town.jid, "subscribe")
    town.asked(olga, town.ann)
    # Who was away finds it waiting.
    town.asked(other.login(), town.ann)
    other.ask(town.jid, f"allow {town.ann.jid}")
    town.ann.wait_for(is_chat(ALLOWED, town.jid))
    assert "no request" in olga.ask(town.jid, f"deny {town.ann.jid}").body
    assert town.follows(town.ann.jid)


@pytest.mark.parametrize("how", ["chat", "pubsub", "contact"])
def test_who_asks_takes_it_back(town, how):
    olga, ann, service = town.make().owner(), town.ann, town.site.service
    ann.subscribe(service, town.feed)
    town.asked(olga, ann)
    if how == "chat":
        assert "no longer ask" in ann.ask(town.jid, "unsubscribe").body
    elif how == "pubsub":
        assert ann.unsubscribe(service, town.feed).type == "result"
    else:
        ann.say_presence(town.jid, "unsubscribe")
    wait_until(lambda: town.state(ann.jid) == ("withdrawn", None), "it is taken back")
    assert "no request" in olga.ask(town.jid, f"allow {ann.jid}").body
    assert not town.follows(ann.jid)
    # Whoever asks again soon waits, and the owners are not told of it once more.
    assert ASKS in ann.ask(town.jid, "subscribe").body
    assert town.state(ann.jid) == ("pending", "owners")
    assert ann.jid in olga.ask(town.jid, "requests").body
    olga.sync()
    assert len(olga.all(town.is_request(ann.jid))) == 1
    since = ann.mark()
    olga.ask(town.jid, f"allow {ann.jid}")
    ann.wait_for(is_chat(ALLOWED, town.jid), since=since)


def test_programs_of_a_person_ask_once(town):
    """Whoever asked last is the one that follows, and is told."""
    olga, service = town.make().owner(), town.site.service
    one, two = (town.client("ann", resource=r) for r in ("one", "two"))
    answer = one.subscribe(service, town.feed, one.full_jid)
    assert answer.find("ps:pubsub/ps:subscription").get("subscription") == "pending"
    olga.wait_for(town.is_request(one.full_jid))
    again = two.subscribe(service, town.feed, two.full_jid)
    assert (again.condition, again.pubsub_condition) == ("not-authorized",
                                                         "pending-subscription")
    listed = town.site.rest.get(f"/v1/feeds/{town.feed}/pending").ok(200).json["pending"]
    assert [p["jid"] for p in listed] == [two.full_jid]
    olga.sync()
    assert len(olga.all(lambda s: town.is_request(one.full_jid)(s)
                        or town.is_request(two.full_jid)(s))) == 1
    assert "You let" in olga.ask(town.jid, f"allow {one.jid}").body
    told = two.wait_for(is_state(town.feed, "subscribed"))
    assert told.sender == service and told.element.get("to") == two.full_jid
    assert town.follows(two.full_jid)
    assert not town.follows(one.full_jid) and not town.follows(one.jid)
    town.publish("one")
    two.wait_for(is_event(town.feed, "one"))


def test_let_in_while_it_is_taken_back(town):
    """Whoever is first: nobody follows who has taken the request back."""
    service, rest = town.make().site.service, town.site.rest
    with concurrent.futures.ThreadPoolExecutor(1) as other:
        for client in (town.ann, town.client("bea"), town.client("cat")):
            for n in range(LIMIT - 1):
                answer = client.subscribe(service, town.feed)
                assert answer.type == "result", (n, answer)
                allowed = other.submit(rest.pending, "PUT", town.feed, client.jid, "allow")
                assert client.unsubscribe(service, town.feed).type == "result", n
                status = allowed.result().status
                assert status in (201, 404), status
                assert not town.follows(client.jid), (n, status)
                # Of what the owners were not told nothing is remembered.
                assert town.state(client.jid) in (
                    False, status == 404 and ("withdrawn", None)), (n, status)


@pytest.mark.parametrize("how", ["chat", "pubsub", "contact"])
def test_a_feed_without_owners(town, how):
    """Nobody answers in chat, and nobody is told that somebody would; REST does."""
    ann, service = town.make(owners=[]).ann, town.site.service
    ann.roster()
    if how == "pubsub":
        answer = ann.subscribe(service, town.feed)
        assert answer.find("ps:pubsub/ps:subscription").get("subscription") == "pending"
        again = ann.subscribe(service, town.feed)
        assert again.pubsub_condition == "pending-subscription"
        said = again.element.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text").text
    elif how == "chat":
        said = ann.ask(town.jid, "subscribe").body
    else:
        ann.add_contact(town.jid)
        said = ann.wait_for(is_chat("You asked to follow", town.jid)).body
    assert "Nobody can answer you in chat yet" in said and ASKS not in said
    assert "the people who run this service can" in said
    assert town.state(ann.jid) == ("pending", "owners")
    since = ann.mark()
    town.site.rest.pending("PUT", town.feed, ann.jid, "allow").ok()
    ann.wait_for(is_state(town.feed, "subscribed") if how == "pubsub"
                 else is_chat(ALLOWED, town.jid), since=since)


def test_an_owner_who_blocks_the_feed_is_asked_no_more(town):
    """Until the owner writes: the others are asked on."""
    crowd = town.site.crowd()
    owner = f"owner{town.number}@{crowd.domain}"
    town.make(owners=[owner, town.olga_jid])
    olga, asked = town.owner(), []

    def bounce(seen):
        if seen.to != owner:
            return None
        asked.append(seen)
        return BLOCKED
    crowd.bounce = bounce

    def ask(name):
        town.client(name).ask(town.jid, "subscribe")
        town.asked(olga, town.client(name))

    def came_back(times):
        wait_until(lambda: sum("asked no more" in line and owner in line for line in
                               town.site.work.log_text().splitlines()) == times,
                   "it came back")

    ask("ann")
    came_back(1)
    ask("bea")
    ask("cat")
    assert len(asked) == 1
    # It hears that they wait, and still blocks that.
    crowd.chat(owner, town.jid, "whoami")
    wait_until(lambda: len(asked) == 3, "the answer, and what it was not told of")
    came_back(2)
    crowd.bounce, crowd.keep_text = None, True
    crowd.chat(owner, town.jid, "requests")
    ask("dan")
    crowd.wait(lambda c: any("asks to follow" in text and "dan" in text
                             for text in c.texts[owner]), "the owner is asked again")


def test_an_owner_who_blocks_the_feed_in_the_client(town):
    """XEP-0191 as servers do it: what comes back does not say that it is blocked."""
    if town.site.kind == "prosody" and prosody_version() >= 13:
        pytest.skip("no bounce came from Prosody 13; it does from 0.12")
    otto, people = town.client("otto"), [town.client(n) for n in ("ann", "bea", "cat")]
    olga = town.make(owners=[town.olga_jid, otto.jid]).owner()
    olga.block(town.jid)
    for person in people:
        person.ask(town.jid, "subscribe")
    wait_until(lambda: any("asked no more" in line and olga.jid in line
                           for line in town.site.work.log_text().splitlines()),
               "all of it came back")
    town.client("dan").ask(town.jid, "subscribe")
    town.asked(otto, town.client("dan"))  # who is behind olga: she was passed over
    olga.unblock(town.jid)
    since = olga.mark()
    olga.ask(town.jid, "whoami")
    waiting = olga.wait_for(is_chat("4 people wait", town.jid), since=since)
    assert "'requests'" in waiting.body
    assert not olga.all(lambda s: "asks to follow" in (s.body or ""))
    town.client("eve").ask(town.jid, "subscribe")
    town.asked(olga, town.client("eve"))


def test_members_and_owners_need_not_ask(town):
    town.make(whitelist=[town.ann.jid])
    assert ALLOWED in town.ann.ask(town.jid, "subscribe").body
    assert ALLOWED in town.owner().ask(town.jid, "subscribe").body


def test_everybody_sees_it_and_who_follows_reads_it(town):
    olga, ann, service = town.make().owner(), town.ann, town.site.service
    town.publish("one")
    form = ann.disco_info(service, town.feed).find("info:query/data:x")
    values = {f.get("var"): f.findtext("data:value", "", NS) for f in form}
    assert values["pubsub#access_model"] == "authorize"
    assert ann.items(service, town.feed).pubsub_condition == "closed-node"
    ann.subscribe(service, town.feed)
    town.asked(olga, ann)
    assert ann.items(service, town.feed).pubsub_condition == "closed-node"
    olga.ask(town.jid, f"allow {ann.jid}")
    ann.wait_for(is_state(town.feed, "subscribed"))
    assert [i.get("id") for i in ann.items(service, town.feed).items] == ["one"]


# ---- affiliations ----

def affiliations(client, service, feed):
    answer = client.iq(service, f"<pubsub xmlns='{NS['ps']}#owner'>"
                                f"<affiliations node='{feed}'/></pubsub>")
    if answer.is_error:
        return answer.condition
    return {e.get("jid"): e.get("affiliation")
            for e in answer.element.iter("{%s#owner}affiliation" % NS["ps"])}


def affiliate(client, service, feed, **who):
    inner = "".join(f"<affiliation jid='{jid}' affiliation='{a}'/>"
                    for jid, a in who.items())
    return client.iq(service, f"<pubsub xmlns='{NS['ps']}#owner'><affiliations "
                              f"node='{feed}'>{inner}</affiliations></pubsub>", "set")


def test_affiliations(town):
    """XEP-0060 5.7 and 8.9, and what REST shows of them."""
    olga, ann, service, feed = town.make().owner(), town.ann, town.site.service, town.feed
    bea = town.client("bea")
    assert affiliations(ann, service, feed) == "forbidden"
    assert affiliate(ann, service, feed, **{ann.jid: "owner"}).condition == "forbidden"
    assert affiliations(olga, service, feed) == {olga.jid: "owner"}
    assert affiliate(olga, service, feed, **{ann.jid: "owner", bea.jid: "member",
                                             "spam.example": "outcast"}).type == "result"
    all_of_them = {olga.jid: "owner", ann.jid: "owner", bea.jid: "member",
                   "spam.example": "outcast"}
    assert affiliations(ann, service, feed) == all_of_them
    config = town.site.rest.get(f"/v1/feeds/{feed}").ok(200).json
    assert set(config["owners"]) == {olga.jid, ann.jid}
    assert (config["whitelist"], config["outcasts"]) == ([bea.jid], ["spam.example"])
    mine = bea.pubsub(service, "<affiliations/>", "get")
    assert [(a.get("node"), a.get("affiliation"))
            for a in mine.findall("ps:pubsub/ps:affiliations/ps:affiliation")] == [
        (feed, "member")]
    mine = ann.pubsub(service, f"<affiliations node='{feed}'/>", "get")
    assert mine.find("ps:pubsub/ps:affiliations/ps:affiliation").get(
        "affiliation") == "owner"
    assert ALLOWED in bea.ask(town.jid, "subscribe").body
    # The new owner has a say; nobody takes the last one away.
    assert affiliate(ann, service, feed, **{olga.jid: "none"}).type == "result"
    refused = affiliate(ann, service, feed, **{ann.jid: "none"})
    assert refused.condition == "not-acceptable"
    text = refused.element.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text").text
    assert "name another owner in the same request" in text
    assert affiliations(olga, service, feed) == "forbidden"
    unsupported = affiliate(ann, service, feed, **{bea.jid: "publisher"})
    assert unsupported.pubsub_condition == "unsupported"


@pytest.mark.parametrize("how", ["chat", "pubsub", "contact"])
def test_an_outcast_leaves_and_is_told(town, how):
    olga, ann, service = town.make("open").owner(), town.ann, town.site.service
    ann.roster()
    if how == "contact":
        ann.add_contact(town.jid)
        ann.wait_for(is_presence(town.jid))
    elif how == "pubsub":
        ann.subscribe(service, town.feed)
    else:
        ann.ask(town.jid, "subscribe")
    assert affiliate(olga, service, town.feed, **{ann.jid: "outcast"}).type == "result"
    wait_until(lambda: not town.follows(ann.jid), "ann follows no more")
    if how == "contact":
        ann.wait_for(is_presence(town.jid, "unsubscribed"))
    if how == "pubsub":
        assert ann.wait_for(is_state(town.feed, "none")).sender == service
    else:
        ann.wait_for(is_chat("no longer follow", town.jid))
    assert ann.subscribe(service, town.feed).pubsub_condition == "closed-node"
    assert "not open" in ann.ask(town.jid, "subscribe").body
    assert town.feed not in str(ann.disco_items(service))
    assert town.site.rest.subscriber("PUT", town.feed, ann.jid).status == 403
    assert bool(ann.all(is_chat("no longer follow"))) == (how != "pubsub")


@pytest.mark.parametrize("how", ["chat", "pubsub", "contact", "invited"])
def test_an_outcast_who_only_waited_is_told_once(town, how):
    olga, ann, service = town.make().owner(), town.ann, town.site.service
    ann.roster()
    if how == "chat":
        ann.ask(town.jid, "subscribe")
    elif how == "pubsub":
        ann.subscribe(service, town.feed)
    elif how == "contact":
        ann.add_contact(town.jid)
        ann.wait_for(is_chat(ASKS, town.jid))
    else:
        town.invite(ann.jid)
        ann.wait_for(is_presence(town.jid, "subscribe"))
    since = ann.mark()
    for _ in range(2):
        assert affiliate(olga, service, town.feed, **{ann.jid: "outcast"}).type == "result"
    told = is_chat("was taken back" if how == "invited" else "do not wait any more",
                   town.jid)
    if how == "pubsub":
        told = is_state(town.feed, "none")
    ann.wait_for(told, since=since)
    if how == "contact":
        ann.wait_for(is_presence(town.jid, "unsubscribed"))
    # Whatever else there were to say would be said before the next notice.
    bea = town.client("bea")
    town.invite(bea.jid)
    bea.wait_for(town.is_invitation())
    ann.sync()
    assert len([s for s in ann.received[since:] if told(s)]) == 1
    assert not town.state(ann.jid) and not ann.all(is_chat("no longer follow"))
    ann.logout()
    since = ann.mark()
    ann.login().sync()
    assert not [s for s in ann.received[since:] if is_presence(town.jid, "subscribe")(s)]


def cast_out(town, *jids):
    town.site.rest.request("PATCH", f"/v1/feeds/{town.feed}",
                           {"outcasts": list(jids)}).ok(200)


@pytest.mark.parametrize("worker", ["there", "away"])
def test_outcasts_over_rest(town, worker):
    """As over XMPP; it is noted with the change, and waits for a worker."""
    service, crowd = town.make("open").site.service, town.site.crowd()
    crowd.keep_text = True
    ann, cat, dan, ida = town.ann, *(town.client(n) for n in ("cat", "dan", "ida"))
    program = town.client("pam", resource="prog")
    ann.ask(town.jid, "subscribe")
    dan.ask(town.jid, "subscribe")
    cat.roster()
    cat.add_contact(town.jid)
    cat.wait_for(is_presence(town.jid))
    assert program.subscribe(service, town.feed, program.full_jid).type == "result"
    town.invite(ida.jid)
    ida.wait_for(town.is_invitation())
    people = [f"{name}{town.number}@{crowd.domain}" for name in ("one", "two")]
    for jid in people:
        crowd.chat(jid, town.jid, "subscribe")
        wait_until(lambda jid=jid: town.follows(jid), "it follows")
    outcasts = [ann.jid, cat.jid, program.jid, ida.jid, crowd.domain]
    followers = [ann.jid, cat.jid, program.full_jid, *people]
    if worker == "away":
        town.site.work.kill9()
    cast_out(town, *outcasts)
    if worker == "away":
        assert all(town.follows(jid) for jid in followers) and town.state(ida.jid)
        town.site.heal()
    wait_until(lambda: not any(town.follows(jid) for jid in followers)
               and not town.state(ida.jid), "they follow no more")
    ends, over = is_chat("no longer follow", town.jid), is_chat("was taken back", town.jid)
    ann.wait_for(ends)
    cat.wait_for(ends)
    cat.wait_for(is_presence(town.jid, "unsubscribed"))
    assert program.wait_for(is_state(town.feed, "none")).sender == service
    ida.wait_for(over)
    # Once, whatever comes after it; and nobody else.
    assert town.follows(dan.jid) and not dan.all(ends)
    cast_out(town, *outcasts, dan.jid)
    dan.wait_for(ends)
    bea = town.client("bea")
    town.invite(bea.jid)
    bea.wait_for(town.is_invitation())
    for client in (ann, cat, dan, program, ida):
        client.sync()
    assert [len(c.all(ends)) for c in (ann, cat, dan, program, ida)] == [1, 1, 1, 0, 0]
    assert len(ida.all(over)) == 1 and len(program.all(is_state(town.feed, "none"))) == 1
    crowd.wait(lambda c: all(any("no longer follow" in t for t in c.texts[jid])
                             for jid in people), "they are told")
    crowd.sync()
    assert [sum("no longer follow" in t for t in crowd.texts[jid]) for jid in people] == [1, 1]


def test_a_member_no_more_is_an_outcast_of_the_domain(town):
    ann, domain = town.ann, town.site.server.domain
    town.make("open", whitelist=[ann.jid], outcasts=[domain], owners=[])
    assert ALLOWED in ann.ask(town.jid, "subscribe").body
    town.site.rest.put_feed(town.feed, access="open", outcasts=[domain])
    ann.wait_for(is_chat("no longer follow", town.jid))
    assert not town.follows(ann.jid)


# ---- invitations ----

def accept(town, ann, how):
    if how == "chat":
        assert ALLOWED in ann.ask(town.jid, "Yes!").body
    elif how == "hub":
        assert ALLOWED in ann.ask(town.site.hub, f"yes {town.feed}").body
    elif how == "command":
        assert ALLOWED in ann.command(town.jid, "belfry:yes").note
    elif how == "presence":
        ann.say_presence(town.jid, "subscribed")
        ann.wait_for(is_chat(ALLOWED, town.jid))
    elif how == "adding":
        ann.add_contact(town.jid)
        ann.wait_for(is_presence(town.jid))
    else:
        answer = ann.subscribe(town.site.service, town.feed)
        assert answer.find("ps:pubsub/ps:subscription").get("subscription") == "subscribed"


@pytest.mark.parametrize("how", ["chat", "hub", "command", "presence", "adding", "pubsub"])
def test_an_invitation_is_accepted(town, how):
    """Whatever the access of the feed is: the app has asked for it."""
    ann = town.make("whitelist").ann
    ann.roster()
    town.publish("before")
    assert town.invite(ann.jid).json["awaits"] == "person"
    said = ann.wait_for(town.is_invitation()).body
    assert "'no'" in said and "'unsubscribe'" in said
    ann.wait_for(is_presence(town.jid, "subscribe"))
    assert not town.follows(ann.jid)
    town.publish("unheard")
    accept(town, ann, how)
    wait_until(lambda: not town.state(ann.jid), "nothing waits")
    assert town.follows(ann.jid)
    town.publish("heard")
    ann.wait_for(is_event(town.feed, "heard") if how == "pubsub" else is_chat("heard"))
    assert not ann.all(is_chat("unheard")) and not ann.all(is_event(town.feed, "unheard"))
    assert len(ann.all(town.is_invitation())) == 1
    assert town.invite(ann.jid, 200)
    assert "no invitation" in ann.ask(town.jid, "yes").body


@pytest.mark.parametrize("how", ["chat", "command", "presence", "unsubscribing"])
def test_a_refusal_is_remembered(town, how):
    ann = town.make("open").ann
    town.invite(ann.jid)
    ann.wait_for(town.is_invitation())
    ann.wait_for(is_presence(town.jid, "subscribe"))
    if how == "chat":
        assert "not invited to it again" in ann.ask(town.jid, "no").body
    elif how == "command":
        assert "not invited to it again" in ann.command(town.jid, "belfry:no").note
    elif how == "unsubscribing":
        assert "nothing to stop" in ann.ask(town.jid, "unsubscribe").body
    else:
        ann.say_presence(town.jid, "unsubscribed")
    wait_until(lambda: town.state(ann.jid) == ("refused", None), "it is refused")
    assert town.invite(ann.jid, 409).problem == "refused"
    assert "no invitation" in ann.ask(town.jid, "yes").body
    assert not town.follows(ann.jid)
    # The person alone can change that.
    assert ALLOWED in ann.ask(town.jid, "subscribe").body
    assert town.invite(ann.jid, 200) and not town.state(ann.jid)


@pytest.mark.parametrize("how", ["presence", "adding"])
def test_each_invitation_is_the_persons_to_accept(town, how):
    """A server answers by itself for who lets a feed see them already."""
    ann = town.make("open").ann
    ann.roster()
    town.invite(ann.jid)
    ann.wait_for(is_presence(town.jid, "subscribe"))
    if how == "adding":  # as clients do, in one go
        ann.send("".join(f"<presence to='{town.jid}' type='{type}'/>"
                         for type in ("subscribe", "subscribed")))
        ann.wait_for(is_presence(town.jid))
    else:
        ann.say_presence(town.jid, "subscribed")
    ann.wait_for(is_presence(town.jid, "unsubscribe"))
    assert town.follows(ann.jid)
    wait_until(lambda: ann.roster()[town.jid] == ("to" if how == "adding" else "none"),
               "the feed sees nothing")
    assert "no longer follow" in ann.ask(town.jid, "unsubscribe").body
    since = ann.mark()
    town.invite(ann.jid)
    ann.wait_for(town.is_invitation(), since=since)
    ann.wait_for(is_presence(town.jid, "subscribe"), since=since)
    # Whatever the server had answered would have come before this.
    assert "follow this feed: no" in ann.ask(town.jid, "whoami").body
    assert town.state(ann.jid) == ("pending", "person")
    assert not town.follows(ann.jid)


FOLLOWS, REFUSED, GONE = (True, False), (False, ("refused", None)), (False, False)


@pytest.mark.parametrize("how, then", [
    ("yes", FOLLOWS), ("subscribe", FOLLOWS), ("pubsub", FOLLOWS), ("adding", FOLLOWS),
    ("no", REFUSED), ("unsubscribe", REFUSED), ("pubsub no", REFUSED),
    ("pubsub no, in full", REFUSED), ("removing", REFUSED), ("taken back", GONE)])
def test_the_contact_list_asks_no_more(town, how, then):
    """However it ended: nobody is asked for presence at each log-in."""
    ann, service = town.make("open").ann, town.site.service
    ann.roster()
    town.invite(ann.jid)
    ann.wait_for(is_presence(town.jid, "subscribe"))
    since = ann.mark()
    if how == "pubsub":
        ann.subscribe(service, town.feed)
    elif how == "pubsub no":
        ann.unsubscribe(service, town.feed)
    elif how == "pubsub no, in full":
        ann.unsubscribe(service, town.feed, ann.full_jid)
    elif how == "adding":
        ann.add_contact(town.jid)
    elif how == "removing":
        ann.say_presence(town.jid, "unsubscribe")
    elif how == "taken back":
        town.site.rest.pending("DELETE", town.feed, ann.jid).ok(204)
        ann.wait_for(is_chat("was taken back", town.jid), since=since)
    else:
        ann.ask(town.jid, how)
    wait_until(lambda: (town.follows(ann.jid), town.state(ann.jid)) == then, "it is over")
    # The worker has said all of it before it says this.
    ann.ask(town.jid, "whoami")
    ann.sync()
    ann.logout()
    since = ann.mark()
    ann.login().sync()
    assert not [s for s in ann.received[since:] if is_presence(town.jid, "subscribe")(s)]


def test_who_was_not_invited_yet_hears_of_no_end(town):
    """Made outcasts while their invitations are on their way: both are said, or neither."""
    olga = town.make("open").owner()
    people = [town.client(f"n{i}") for i in range(8)]
    for person in people:
        town.invite(person.jid)
    assert affiliate(olga, town.site.service, town.feed,
                     **{p.jid: "outcast" for p in people}).type == "result"
    # Notices are said in their order.
    town.invite(town.ann.jid)
    town.ann.wait_for(town.is_invitation())
    for person in people:
        person.sync()
    assert [len(p.all(town.is_invitation())) for p in people] == [
        len(p.all(is_chat("was taken back", town.jid))) for p in people]


def test_who_is_away_is_invited_at_the_next_log_in(town):
    zoe = town.make("open").client("zoe", login=False)
    town.invite(zoe.jid)
    assert town.state(zoe.jid) == ("pending", "person")
    zoe.login().wait_for(town.is_invitation())
    assert ALLOWED in zoe.ask(town.jid, "yes").body


def test_an_invitation_that_comes_back_is_refused(town):
    ghost = f"ghost{town.number}@{town.site.server.domain}"
    town.make("open").invite(ghost)
    wait_until(lambda: town.state(ghost) == ("refused", None), "it came back")
    assert town.invite(ghost, 409).problem == "refused"


def test_who_blocked_the_feed_is_not_invited_again(town):
    if town.site.kind == "prosody" and prosody_version() >= 13:
        pytest.skip("no bounce came from Prosody 13; it does from 0.12")
    ann = town.make("open").ann
    ann.block(town.jid)
    town.invite(ann.jid)
    wait_until(lambda: town.state(ann.jid) == ("refused", None), "it came back")
    ann.sync()
    assert not ann.all(town.is_invitation())


def test_an_invitation_outlives_the_worker(town):
    """It is written before it is answered; and what was taken back is not said."""
    town.make("open")
    bea = town.client("bea")
    town.site.work.kill9()
    town.invite(town.ann.jid)
    town.invite(bea.jid)
    town.site.rest.pending("DELETE", town.feed, bea.jid).ok(204)
    town.site.heal()
    town.ann.wait_for(town.is_invitation(), 60)
    assert ALLOWED in town.ann.ask(town.jid, "yes").body
    assert "no invitation" in bea.ask(town.jid, "yes").body
    assert not bea.all(town.is_invitation())


# ---- block lists, limits ----

def test_a_bounce_that_says_blocked_ends_it(town):
    """XEP-0191's own condition; without it the subscription stays."""
    town.make("open")
    crowd = town.site.crowd()
    stays, ends = (f"{name}{town.number}@{crowd.domain}" for name in ("stays", "ends"))
    for jid in (stays, ends):
        crowd.chat(jid, town.jid, "subscribe")
        wait_until(lambda jid=jid: town.follows(jid), "it follows")
    crowd.bounce = lambda seen: BLOCKED if seen.to == ends else BLOCKED[:2]
    id = town.publish("one")["id"]
    wait_until(lambda: not town.follows(ends), "the blocked one follows no more")
    assert town.site.settled(town.feed, id)["bounced"] >= 1
    assert town.follows(stays)


def test_who_subscribes_too_often_is_told_when(town):
    ann, service = town.make("open").ann, town.site.service
    for _ in range(LIMIT):
        assert ann.subscribe(service, town.feed).type == "result"
        ann.unsubscribe(service, town.feed)
    # The bucket fills up a little meanwhile.
    answers = [ann.subscribe(service, town.feed)]
    while not answers[-1].is_error and len(answers) < 3:
        ann.unsubscribe(service, town.feed)
        answers.append(ann.subscribe(service, town.feed))
    assert (answers[-1].condition, answers[-1].pubsub_condition) == (
        "policy-violation", "too-many-subscriptions")
    assert "within an hour" in ann.ask(town.jid, "subscribe").body
    # Others may.
    assert ALLOWED in town.client("bea").ask(town.jid, "subscribe").body


def test_contact_addresses(town):
    """XEP-0157: in the disco#info of the service."""
    info = town.ann.disco_info(town.site.service)
    forms = {f.find("data:field[@var='FORM_TYPE']/data:value", NS).text: f
             for f in info.findall("info:query/data:x")}
    form = forms["http://jabber.org/network/serverinfo"]
    values = {f.get("var"): [v.text for v in f.findall("data:value", NS)] for f in form}
    values.pop("FORM_TYPE")
    assert values == {"abuse-addresses": [ABUSE], "support-addresses": SUPPORT.split()}
    assert f"{NS['ps']}#access-authorize" in info.features
