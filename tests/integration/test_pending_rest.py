"""Who is not let in yet, over REST and from the command line, on a real Redis."""

import concurrent.futures
import time

import pytest
from belfry_testing import belfry
from serve_only import TRUSTED, ServeOnly

ANN, BOB = "ann@elsewhere.test", "bob@elsewhere.test"


@pytest.fixture(scope="module")
def hub():
    hub = ServeOnly(limits={"invite_per_domain": 0})
    yield hub
    assert hub.stop() == 0


@pytest.fixture
def feed(hub):
    return hub.new_feed(access="authorize")


def key_of(hub, feed, kind):
    """The feed's key of that kind, in whatever partition."""
    [key] = hub.redis("KEYS", f"belfry:*:f:{feed}")
    return key.replace(":f:", f":{kind}:")


def set_state(hub, feed, jid, letter):
    """As the worker does when somebody asks, or answers: docs/redis.md."""
    person, slash, resource = jid.partition("/")
    wish = f"{letter} 1750000000000 e p3 tprod" + (f" /{resource}" if slash else "")
    hub.redis("HSET", key_of(hub, feed, "p"), person, wish)


def told(hub, feed):
    """What the worker has to tell of this feed: [(kind, JID)]."""
    stream = key_of(hub, feed, "f").rsplit(":", 2)[0] + ":notices"
    entries = (dict(zip(f[::2], f[1::2]))
               for _, f in hub.redis("XRANGE", stream, "-", "+"))
    return [(e["kind"], e["jid"]) for e in entries if e["feed"] == feed]


def test_a_stranger_is_invited(hub, feed):
    hub.rest.put_feed(feed)
    a = hub.rest.subscriber("PUT", feed, "Ann@Elsewhere.TEST/phone", {"tags": ["prod"]})
    assert a.status == 202
    shown = hub.rest.pending("GET", feed, ANN).ok(200).json
    assert a.json == shown
    at = shown.pop("at")
    assert shown == {"jid": ANN, "state": "pending", "awaits": "person",
                     "format": "chat", "tags": ["prod"]}
    assert at.startswith(time.strftime("%Y-", time.gmtime()))
    assert hub.rest.subscriber("GET", feed, ANN).status == 404
    again = hub.rest.subscriber("PUT", feed, ANN, {"format": "headline"}).ok(202).json
    assert again == {**shown, "at": at, "format": "headline"}
    assert told(hub, feed) == [("p", ANN)]
    assert hub.rest.pending("DELETE", feed, ANN).status == 204
    assert hub.rest.pending("GET", feed, ANN).status == 404
    hub.rest.subscriber("PUT", feed, ANN).ok(202)
    assert told(hub, feed) == [("p", ANN)] * 2


def test_users_at_home_are_not_asked(hub, feed):
    assert hub.rest.subscriber("PUT", feed, f"carl@{TRUSTED}").status == 201
    assert told(hub, feed) == []


def test_a_refusal_stays(hub, feed):
    hub.rest.subscriber("PUT", feed, ANN).ok(202)
    set_state(hub, feed, ANN, "r")
    for a in (hub.rest.subscriber("PUT", feed, ANN), hub.rest.pending("DELETE", feed, ANN),
              hub.rest.pending("PUT", feed, ANN, "allow"),
              hub.rest.pending("PUT", feed, ANN, "deny")):
        assert (a.status, a.problem) == (409, "refused")
    assert hub.rest.pending("GET", feed, ANN).json["state"] == "refused"
    done = belfry.run(hub.config, "feed", "allow", feed, ANN)
    assert done.returncode == 1 and "refused" in done.stderr
    assert told(hub, feed) == [("p", ANN)]


def test_requests_are_answered(hub, feed):
    set_state(hub, feed, ANN, "o")
    set_state(hub, feed, BOB, "o")
    listed = hub.rest.get(f"/v1/feeds/{feed}/pending").ok(200).json
    assert listed["next"] is None
    assert sorted(listed["pending"], key=lambda p: p["jid"]) == [
        {"jid": jid, "state": "pending", "awaits": "owners",
         "at": "2025-06-15T15:06:40.000Z", "format": "event", "priority": "urgent",
         "tags": ["prod"]} for jid in (ANN, BOB)]
    a = hub.rest.pending("PUT", feed, ANN, "allow")
    assert a.status == 201 and a.json["jid"] == ANN
    assert a.json["format"] == "event" and a.json["tags"] == ["prod"]
    assert hub.rest.subscriber("GET", feed, ANN).ok(200).json == a.json
    assert hub.rest.pending("PUT", feed, ANN, "allow").status == 200
    assert hub.rest.pending("PUT", feed, ANN, "deny").status == 404
    for _ in range(2):
        a = hub.rest.pending("PUT", feed, BOB, "deny")
        assert a.status == 200 and a.json["state"] == "denied"
    assert hub.rest.subscriber("GET", feed, BOB).status == 404
    assert told(hub, feed) == [("a", ANN), ("d", BOB)]
    assert hub.rest.pending("DELETE", feed, BOB).status == 204
    assert hub.rest.get(f"/v1/feeds/{feed}/pending").json["pending"] == []


def test_a_no_is_said_to_the_person(hub, feed):
    """By whatever JID it is said, to the one that asked; it can be turned into a yes."""
    phone = ANN + "/my phone /1"
    set_state(hub, feed, phone, "o")
    for jid in (ANN, ANN + "/pad"):
        denied = hub.rest.pending("PUT", feed, jid, "deny").ok(200).json
        assert (denied["state"], denied["jid"]) == ("denied", phone)
        assert hub.rest.pending("GET", feed, jid).ok(200).json == denied
    let_in = hub.rest.pending("PUT", feed, ANN, "allow").ok(201).json
    assert (let_in["jid"], let_in["tags"]) == (phone, ["prod"])
    assert hub.rest.get(f"/v1/feeds/{feed}/pending").json["pending"] == []
    assert told(hub, feed) == [("d", phone), ("a", phone)]


def test_what_was_taken_back_is_no_request(hub, feed):
    wendy = "wendy@elsewhere.test"
    set_state(hub, feed, wendy, "w")
    assert hub.rest.pending("GET", feed, wendy).ok(200).json["state"] == "withdrawn"
    for decision in ("allow", "deny"):
        assert hub.rest.pending("PUT", feed, wendy, decision).status == 404
        done = belfry.run(hub.config, "feed", decision, feed, wendy)
        assert done.returncode == 1 and "does not ask" in done.stderr
    assert belfry.run(hub.config, "feed", "pending", feed).stdout.startswith("withdrawn\t")
    assert hub.rest.subscriber("PUT", feed, wendy).status == 202
    assert told(hub, feed) == [("p", wendy)]


def test_an_entry_that_cannot_be_read(hub, feed):
    """By the whole JID, or with another value: it is left out, and in nobody's way."""
    key = key_of(hub, feed, "p")
    hub.redis("HSET", key, ANN + "/phone", "o 1750000000000 e")
    hub.redis("HSET", key, BOB, "nonsense")
    set_state(hub, feed, "eve@elsewhere.test", "o")
    listed = hub.rest.get(f"/v1/feeds/{feed}/pending").ok(200).json["pending"]
    assert [p["jid"] for p in listed] == ["eve@elsewhere.test"]
    assert hub.rest.pending("PUT", feed, ANN + "/phone", "allow").status == 404
    assert hub.rest.pending("PUT", feed, BOB, "allow").status == 500


def test_many_answers_at_once(hub, feed):
    """A request is answered once, whoever else answers it, or takes it back."""
    hub.rest.put_feed(feed, access="authorize")
    key = key_of(hub, feed, "p")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for n in range(60):
            jid = f"u{n}@elsewhere.test"
            set_state(hub, feed, jid, "o")
            answers = [pool.submit(hub.rest.pending, "PUT", feed, jid, "allow")
                       for _ in range(2)]
            back = pool.submit(take_back, hub, key, jid)
            statuses = sorted(a.result().status for a in answers)
            follows = hub.rest.subscriber("GET", feed, jid).status == 200
            assert statuses == ([404, 404] if back.result() else [200, 201]), n
            assert follows == (not back.result()), n
            assert ((["a", jid] in map(list, told(hub, feed))) == follows), n


def take_back(hub, key, jid):
    """As the worker does, in one step; True: it was there."""
    return hub.redis("EVAL", "if redis.call('HGET', KEYS[1], ARGV[1]) then return "
                     "redis.call('HSET', KEYS[1], ARGV[1], 'w 1750000000000 e') == 0 "
                     "and 1 end return 0", "1", key, jid) in (1, "1")


def test_who_follows_is_not_denied(hub, feed):
    hub.rest.subscriber("PUT", feed, f"carl@{TRUSTED}").ok(201)
    set_state(hub, feed, f"carl@{TRUSTED}", "o")
    a = hub.rest.pending("PUT", feed, f"carl@{TRUSTED}", "deny")
    assert a.status == 404 and "follows it by now" in a.json["detail"]
    assert hub.rest.get(f"/v1/feeds/{feed}/pending").json["pending"] == []
    assert told(hub, feed) == []


def test_who_is_entered_waits_no_more(hub, feed):
    hub.rest.put_feed(feed, access="local")
    for letter in "opd":
        jid = f"{letter}@{TRUSTED}"
        set_state(hub, feed, jid, letter)
        assert hub.rest.subscriber("PUT", feed, jid).status == 201
    assert hub.rest.get(f"/v1/feeds/{feed}/pending").json["pending"] == []


def test_a_program_that_asks_is_let_in(hub, feed):
    set_state(hub, feed, ANN + "/phone", "o")
    a = hub.rest.subscriber("PUT", feed, ANN + "/phone", {"format": "event"})
    assert a.status == 201 and a.json["jid"] == ANN + "/phone"


def test_outcasts_are_not_let_in(hub, feed):
    hub.rest.request("PATCH", f"/v1/feeds/{feed}", {"outcasts": ["elsewhere.test"]}).ok()
    for jid in (ANN, ANN + "/phone"):
        set_state(hub, feed, jid, "o")
        a = hub.rest.pending("PUT", feed, jid, "allow")
        assert (a.status, a.problem) == (403, "access") and "outcasts" in a.json["detail"]
        done = belfry.run(hub.config, "feed", "allow", feed, jid)
        assert done.returncode == 1 and "out of 'outcasts'" in done.stderr
        assert hub.rest.subscriber("GET", feed, jid).status == 404
    assert told(hub, feed) == [("s", "")]  # the worker is to look for those who follow
    assert belfry.run(hub.config, "feed", "deny", feed, ANN).returncode == 0


def test_entering_who_asks_lets_him_in(hub, feed):
    set_state(hub, feed, ANN, "o")
    a = hub.rest.subscriber("PUT", feed, ANN, {"priority": None})
    assert a.status == 201 and a.json["tags"] == ["prod"] and "priority" not in a.json
    assert told(hub, feed) == [("a", ANN)]


def test_an_invitation_is_for_the_person(hub, feed):
    hub.rest.subscriber("PUT", feed, ANN).ok(202)
    a = hub.rest.pending("PUT", feed, ANN, "allow")
    assert (a.status, a.problem) == (409, "pending")


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "{}", '{"decision": true}',
                                  '{"decision":"allow","decision":"deny"}',
                                  '{"decision":"yes"}', '{"decision":"deny","x":1}'])
def test_bad_decisions(hub, feed, body):
    set_state(hub, feed, ANN, "o")
    a = hub.rest.request("PUT", f"/v1/feeds/{feed}/pending/ann%40elsewhere.test", body,
                         {"Content-Type": "application/json"})
    assert a.status in (400, 411), a
    assert hub.rest.pending("GET", feed, ANN).json["awaits"] == "owners"


@pytest.mark.parametrize("jid", ["@x", "a b@x.test", "a@", "a@x.test/"])
def test_bad_jids(hub, feed, jid):
    for method, decision in (("GET", None), ("PUT", "allow"), ("DELETE", None)):
        assert hub.rest.pending(method, feed, jid, decision).status == 400


def test_no_feed(hub):
    for path in ("pending", "pending/a%40b.test", "subscribers/a%40b.test"):
        method = "GET" if path.startswith("pending") else "PUT"
        a = hub.rest.request(method, f"/v1/feeds/nowhere/{path}")
        assert (a.status, a.problem) == (404, "no-such-feed")


def test_many_are_paged(hub, feed):
    jids = {f"u{n}@elsewhere.test" for n in range(700)}
    key = key_of(hub, feed, "p")
    hub.redis("HSET", key, *(w for jid in jids for w in (jid, "o 1 c")))
    got, path = [], f"/v1/feeds/{feed}/pending?limit=100"
    page = hub.rest.get(path).ok(200).json
    while True:
        got += [p["jid"] for p in page["pending"]]
        if page["next"] is None:
            break
        page = hub.rest.get(f"{path}&after={page['next']}").ok(200).json
    assert set(got) == jids
    shown = belfry.run(hub.config, "feed", "pending", feed)
    assert shown.returncode == 0
    assert {line.split("\t")[3] for line in shown.stdout.splitlines()} == jids


def test_outcasts_are_not_invited(hub, feed):
    hub.rest.request("PATCH", f"/v1/feeds/{feed}", {"outcasts": ["elsewhere.test"]}).ok()
    for jid in (ANN, "elsewhere.test", f"{feed}@feeds.{TRUSTED}"):
        a = hub.rest.subscriber("PUT", feed, jid)
        assert (a.status, a.problem) == (403, "access")
    a = hub.rest.subscriber("PUT", feed, "ann@other.test/phone", {"format": "event"})
    assert a.status == 400 and "bare" in a.json["detail"]
    assert hub.rest.get(f"/v1/feeds/{feed}/pending").json["pending"] == []


def test_invitations_are_limited():
    hub = ServeOnly(limits={"invite_per_jid": 2, "invite_per_domain": 4})
    try:
        hub.rest.put_feed("f")
        for wanted in (202, 202, 429):
            a = hub.rest.subscriber("PUT", "f", ANN)
            assert a.status == wanted
            hub.rest.pending("DELETE", "f", ANN)
        assert a.problem == "limit" and 0 < int(a.headers["Retry-After"]) <= 1800
        assert [hub.rest.subscriber("PUT", "f", f"u{n}@elsewhere.test").status
                for n in range(3)] == [202, 202, 429]
        assert hub.rest.subscriber("PUT", "f", "u0@other.test").status == 202
        assert hub.serve.metrics()["belfry_invitations_total"] == 5
        assert hub.serve.metrics()["belfry_invitations_limited_total"] == 2
    finally:
        assert hub.stop() == 0


# ---- the configuration ----

def test_affiliations_are_configuration(hub, feed):
    a = hub.rest.put_feed(feed, access="authorize", owners=["Boss@Elsewhere.TEST"],
                          outcasts=["evil.test"], whitelist=["friends.test"])
    assert a.json["access"] == "authorize" and a.json["owners"] == ["boss@elsewhere.test"]
    assert a.json["outcasts"] == ["evil.test"] and a.json["whitelist"] == ["friends.test"]
    patch = hub.rest.request("PATCH", f"/v1/feeds/{feed}", {"owners": None}).ok(200)
    assert patch.json["owners"] == [] and patch.json["outcasts"] == ["evil.test"]
    for wrong in ({"owners": ["evil.test"]}, {"owners": ["x@y.test/z"]}, {"owners": "x"},
                  {"owners": ["a@b"], "outcasts": ["a@b"]}, {"outcasts": [""]}):
        a = hub.rest.request("PATCH", f"/v1/feeds/{feed}", wrong)
        assert (a.status, a.problem) == (400, "bad-document"), wrong


# ---- the command line ----

def test_from_the_command_line(hub, feed):
    set_state(hub, feed, ANN, "o")
    set_state(hub, feed, BOB, "o")
    hub.rest.subscriber("PUT", feed, "eve@elsewhere.test").ok(202)
    shown = belfry.run(hub.config, "feed", "pending", feed)
    assert shown.returncode == 0
    lines = sorted(line.split("\t") for line in shown.stdout.splitlines())
    assert lines[:2] == [["asks", "2025-06-15T15:06:40.000Z", "event", jid]
                         for jid in (ANN, BOB)]
    assert [lines[2][0], *lines[2][2:]] == ["invited", "chat", "eve@elsewhere.test"]
    assert belfry.run(hub.config, "feed", "allow", feed, "Ann@Elsewhere.test").returncode == 0
    assert hub.rest.subscriber("GET", feed, ANN).status == 200
    assert belfry.run(hub.config, "feed", "deny", feed, BOB).returncode == 0
    assert hub.rest.pending("GET", feed, BOB).json["state"] == "denied"
    assert told(hub, feed) == [("p", "eve@elsewhere.test"), ("a", ANN), ("d", BOB)]


def test_what_cannot_be_answered(hub, feed):
    hub.rest.subscriber("PUT", feed, ANN).ok(202)
    for args, code, word in (((feed, ANN), 1, "invited"), ((feed, BOB), 1, "does not ask"),
                             (("nowhere", BOB), 1, "no feed"), ((feed,), 2, "one JID"),
                             ((feed, "@"), 2, "no JID"), (("No Name", BOB), 2, "no name")):
        for action in ("allow", "deny"):
            done = belfry.run(hub.config, "feed", action, *args)
            assert (done.returncode, word in done.stderr) == (code, True), done
    done = belfry.run(hub.config, "feed", "pending", "nowhere")
    assert done.returncode == 1 and "no feed" in done.stderr
    for action in ("pending", "allow", "deny"):
        shown = belfry.run(None, "feed", action, "--help")
        assert shown.returncode == 0 and f"belfry feed {action} FEED" in shown.stdout
