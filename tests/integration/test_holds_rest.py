"""Holds, deliveries and dead letters over REST and from the command line, on a real Redis.
Rows are written as the worker does it (docs/redis.md)."""

import json
import signal
import subprocess
import time
import uuid

import pytest
from belfry_testing import belfry
from belfry_testing.rest import quote
from belfry_testing.waiting import wait_until
from serve_only import TRUSTED

ANN, BOB, CARL = (f"{name}@{TRUSTED}" for name in ("ann", "bob", "carl"))
LETTERS = "/v1/dead-letters"
MISSED = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def feed(hub):
    return hub.new_feed()


def key_of(hub, feed, kind):
    """The feed's key of that kind, in whatever partition."""
    [key] = hub.redis("KEYS", f"belfry:*:f:{feed}")
    return key.replace(f":f:{feed}", f":{kind}")


def positions(hub, feed):
    """Of its events, oldest first."""
    return [e["cursor"] for e in hub.rest.get(f"/v1/feeds/{feed}/events").json["events"]]


def before(pos):
    epoch, n = pos.split("-")
    return f"{epoch}-{int(n) - 1}"


def reach(hub, feed, pos):
    """The worker has served everybody up to POS (there is one bucket)."""
    hub.redis("HSET", key_of(hub, feed, f"b:{feed}:0"), "", pos)


def hold(hub, feed, jid, pos, reason="b", tries=3, condition="service-unavailable",
         due=0):
    """The worker holds JID; POS: what it has had."""
    key = key_of(hub, feed, f"b:{feed}:0")
    words = hub.redis("HGET", key, jid).split(" ")
    text = f"h{reason}:{pos}:{due}:{tries}:1750000000000:{condition}:0-0"
    hub.redis("HSET", key, jid, " ".join([*words[:2], text, *words[2:]]))
    if reason == "d":
        hub.redis("ZADD", key_of(hub, feed, f"x:{feed}"), str(int(time.time() * 1000)), jid)
        hub.redis("SADD", key_of(hub, feed, "dead"), feed)


def run(hub, *args):
    return belfry.run(hub.config, *args)


def lines(done):
    assert done.returncode == 0, done
    return [line.split("\t") for line in done.stdout.splitlines()]


# ---- what people want ----

def test_a_subscription_is_changed(hub, feed):
    a = hub.rest.subscriber("PATCH", feed, ANN, {"paused": True})
    assert (a.status, a.problem) == (404, "not-found")
    quiet = {"from": "22:00", "to": "07:00", "zone": "Europe/Berlin"}
    hub.rest.subscriber("PUT", feed, ANN, {"tags": ["prod"], "quiet": quiet}).ok(201)
    for body in ({"paused": True}, {"urgent": True}):
        hub.rest.subscriber("PATCH", feed, ANN, body).ok(200)
    a = hub.rest.subscriber("GET", feed, ANN).json
    assert (a["tags"], a["quiet"], a["paused"], a["urgent"]) == (["prod"], quiet, True, True)
    a = hub.rest.request(
        "PATCH", f"/v1/feeds/{feed}/subscribers/{quote(ANN)}",
        '{"paused":null,"quiet":null,"urgent":null}',
        {"Content-Type": "application/merge-patch+json"}).ok(200).json
    assert set(a) == {"jid", "format", "since", "tags"}
    for wrong in ({"paused": "yes"}, {"quiet": {}}, {"quiet": {**quiet, "zone": "Mars/X"}},
                  {"quiet": {**quiet, "zone": "../zoneinfo/UTC"}},
                  {"quiet": {**quiet, "to": "22:00"}}):
        a = hub.rest.subscriber("PATCH", feed, ANN, wrong)
        assert (a.status, a.problem) == (400, "bad-document"), wrong


def test_what_depends_on_presences(hub, feed):
    hub.rest.subscriber("PUT", feed, ANN, {"hold_offline": True}).ok(201)
    hub.rest.subscriber("PATCH", feed, ANN, {"show": ["dnd", "online"]}).ok(200)
    a = hub.rest.subscriber("GET", feed, ANN).json
    assert (a["hold_offline"], a["show"], a["presence"]) == (True, ["online", "dnd"],
                                                            "not-asked")
    for wrong in ({"show": "online"}, {"show": ["offline"]}, {"show": [1]}, {"show": True},
                  {"hold_offline": 1}, {"presence": "granted"}):
        a = hub.rest.subscriber("PATCH", feed, ANN, wrong)
        assert (a.status, a.problem) == (400, "bad-document"), wrong
    for nothing in ([], None):
        hub.rest.subscriber("PATCH", feed, ANN, {"show": ["chat"]}).ok(200)
        assert "show" not in hub.rest.request(
            "PATCH", f"/v1/feeds/{feed}/subscribers/{quote(ANN)}", {"show": nothing}).json
    assert hub.rest.subscriber("PATCH", feed, ANN, {"hold_offline": False}).ok(200)
    a = hub.rest.subscriber("GET", feed, ANN).json
    assert not {"hold_offline", "show", "presence"} & set(a)


def test_the_hold_is_shown(hub, feed):
    hub.rest.follow(feed, ANN, "chat")
    hub.rest.publish(feed, title="one")
    [pos] = positions(hub, feed)
    assert "hold" not in hub.rest.subscriber("GET", feed, ANN).json
    hold(hub, feed, ANN, before(pos), due=1750000060000)
    assert hub.rest.subscriber("GET", feed, ANN).json["hold"] == {
        "reason": "bounced", "position": before(pos), "due": "2025-06-15T15:07:40.000Z",
        "tries": 3, "since": "2025-06-15T15:06:40.000Z", "condition": "service-unavailable"}
    hub.rest.subscriber("PATCH", feed, ANN, {"tags": ["x"]}).ok(200)
    held = hub.rest.subscriber("GET", feed, ANN).json["hold"]
    assert held["reason"] == "bounced" and held["due"].startswith(time.strftime("%Y"))


# ---- what became of an event ----

def test_deliveries(hub, feed):
    for jid in (ANN, BOB):
        hub.rest.follow(feed, jid, "chat")
    hub.rest.follow(feed, CARL, "headline")
    ids = [hub.rest.publish(feed, title=f"t{n}")["id"] for n in range(3)]
    hub.rest.follow(feed, f"dora@{TRUSTED}")
    at = positions(hub, feed)
    reach(hub, feed, at[1])
    hold(hub, feed, BOB, at[0])

    def states(id):
        return hub.rest.states(feed, id)
    taken, sent, queued = ("taken", None), ("sent", None), ("queued", None)
    assert states(ids[0]) == {ANN: taken, BOB: taken, CARL: sent}
    assert states(ids[1]) == {ANN: taken, BOB: ("held", "bounced"), CARL: sent}
    assert states(ids[2]) == {ANN: queued, BOB: queued, CARL: queued}

    shown = run(hub, "events", "show", feed, ids[1], "--deliveries")
    assert shown.returncode == 0
    head, rows = shown.stdout.split("\n\n")
    fields = dict(line.split(None, 1) for line in head.splitlines())
    assert fields["id"] == ids[1] and fields["status"] == "queued"
    assert json.loads(fields["event"]) == {"title": "t1"}
    assert sorted(r.split("\t") for r in rows.splitlines()) == [
        ["held", BOB, "chat", "bounced service-unavailable"],
        ["sent", CARL, "headline"], ["taken", ANN, "chat"]]


def test_events_are_listed(hub, feed):
    ids = [hub.rest.publish(feed, title=f"t{n}\u009b2J\x1b[2J\n\tx")["id"] for n in range(5)]
    got = lines(run(hub, "events", "list", feed, "-n", "3"))
    assert [line[2] for line in got] == ids[2:]
    assert [line[3] for line in got] == [f"t{n} 2J [2J  x" for n in (2, 3, 4)]
    assert {line[1] for line in got} == {"normal"}
    hub.rest.request("POST", f"/v1/feeds/{feed}/events", '{\n "body":\t"a\u009bb\x7f"\n}',
                     {"Content-Type": "application/json"}).ok(202)
    done = run(hub, "events", "list", feed, "-n", "1", "--json")
    assert done.returncode == 0 and "\u009b" not in done.stdout and "\x7f" not in done.stdout
    [line] = done.stdout.splitlines()
    assert json.loads(line)["event"] == {"body": "a\u009bb\x7f"}


def test_what_cannot_be_shown(hub, feed):
    for args, code, word in (
            (("events", "list", "nowhere"), 1, "no feed"),
            (("events", "list", feed, "-n", "0"), 2, "--count"),
            (("events", "list"), 2, "one feed"),
            (("events", "show", feed, MISSED), 1, "no longer kept"),
            (("events", "show", feed, "x"), 2, "an ID"),
            (("events",), 2, "say what to do"),
            (("tail", "nowhere"), 1, "no feed"),
            (("tail", feed, "-n", "x"), 2, "--count"),
            (("dead-letters", "list", "nowhere"), 1, "no feed"),
            (("dead-letters", "show", feed, ANN), 1, "no dead letter"),
            (("dead-letters", "show", feed, "@"), 2, "no JID"),
            (("dead-letters", "redrive", feed), 2, "--all"),
            (("dead-letters", "redrive", feed, ANN, "--all"), 2, "--all"),
            (("dead-letters", "redrive", feed, ANN), 1, "no dead letter"),
            (("dead-letters", "drop", feed, ANN), 1, "no dead letter"),
            (("dead-letters", "frop", feed, ANN), 2, "no action")):
        done = run(hub, *args)
        assert (done.returncode, word in done.stderr, done.stdout) == (code, True, ""), done


# ---- tail ----

@pytest.fixture
def tail(hub):
    """`belfry tail ARGS`; its lines by readline(). It ends by itself on SIGINT."""
    started = []

    def start(*args):
        process = subprocess.Popen(
            [str(belfry.binary()), "tail", *args], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**belfry.clean_env(), "BELFRY_CONFIG": str(hub.config)})
        started.append(process)
        return process
    yield start
    for process in started:
        process.kill()
        process.communicate()


def title(process):
    return process.stdout.readline().rstrip("\n").split("\t")[3]


def test_tail(hub, feed, tail):
    for n in range(3):
        hub.rest.publish(feed, title=f"old {n}")
    t = tail(feed, "-n", "2")
    assert [title(t), title(t)] == ["old 1", "old 2"]
    for n in range(250):
        hub.rest.publish(feed, title=f"new {n}")
    assert [title(t) for _ in range(250)] == [f"new {n}" for n in range(250)]
    t.send_signal(signal.SIGINT)
    assert t.communicate(timeout=20) == ("", "") and t.returncode == 0


def test_tail_goes_on_when_redis_is_back(hub, feed, tail):
    hub.rest.publish(feed, title="first")
    t = tail(feed, "--json")
    assert json.loads(t.stdout.readline())["event"] == {"title": "first"}
    hub.redis.restart()
    hub.await_ready()
    wait_until(lambda: hub.rest.post(feed, {"title": "second"}).status == 202, "it is stored")
    assert json.loads(t.stdout.readline())["event"] == {"title": "second"}
    hub.rest.delete_feed(feed).ok(204)
    _, said = t.communicate(timeout=20)
    assert t.returncode == 1 and "no feed" in said


def trim(hub, feed, keep):
    """As the worker does it, to so many events."""
    hub.redis("XTRIM", key_of(hub, feed, f"l:{feed}"), "MAXLEN", str(keep))


def test_tail_says_what_it_missed(hub, feed, tail):
    hub.rest.publish(feed, title="first")
    t = tail(feed)
    assert title(t) == "first"
    t.send_signal(signal.SIGSTOP)
    for n in range(5):
        hub.rest.publish(feed, title=f"new {n}")
    trim(hub, feed, 2)
    t.send_signal(signal.SIGCONT)
    assert [title(t), title(t)] == ["new 3", "new 4"]
    hub.rest.publish(feed, title="last")
    assert title(t) == "last"
    t.send_signal(signal.SIGINT)
    out, said = t.communicate(timeout=20)
    assert (out, said.count("\n")) == ("", 1) and "3 events are missing here" in said


def test_history_says_what_it_missed(hub, feed):
    for n in range(6):
        hub.rest.publish(feed, title=f"t{n}")
    at = positions(hub, feed)
    trim(hub, feed, 3)
    path = f"/v1/feeds/{feed}/events"
    page = hub.rest.get(f"{path}?after={at[0]}&limit=2").ok(200).json
    assert page["missed"] == 2 and [e["cursor"] for e in page["events"]] == at[3:5]
    for query in (f"after={page['next']}", f"after={at[2]}", f"before={at[4]}",
                  "before=newest", ""):
        assert "missed" not in hub.rest.get(f"{path}?{query}").ok(200).json, query


# ---- dead letters ----

def test_dead_letters(hub, feed):
    for jid in (ANN, BOB, CARL):
        hub.rest.follow(feed, jid, "chat")
    for n in range(3):
        hub.rest.publish(feed, title=f"t{n}")
    at = positions(hub, feed)
    reach(hub, feed, at[2])
    for jid in (ANN, BOB):
        hold(hub, feed, jid, at[0], "d", 12)
    redriven = hub.serve.metrics()["belfry_dead_letters_redriven_total"]
    page = hub.rest.get(f"{LETTERS}?feed={feed}").ok(200).json
    assert page["next"] is None
    assert [(d["feed"], d["jid"], d["hold"]["reason"]) for d in page["dead_letters"]] == [
        (feed, ANN, "dead"), (feed, BOB, "dead")]
    letter = hub.rest.get(f"{LETTERS}/{feed}/{quote(ANN)}").ok(200).json
    assert letter["missed"] == 2 and letter["event"]["event"] == {"title": "t1"}
    assert letter["hold"]["tries"] == 12 and "due" not in letter["hold"]

    [listed] = [x for x in lines(run(hub, "dead-letters", "list")) if x[1] == ANN]
    assert listed == [feed, ANN, "service-unavailable", "12", "2025-06-15T15:06:40.000Z"]
    assert len(lines(run(hub, "dead-letters", "list", feed))) == 2
    shown = run(hub, "dead-letters", "show", feed, "Ann@" + TRUSTED)
    assert shown.returncode == 0 and "service-unavailable" in shown.stdout
    assert [line.split("\t")[3] for line in shown.stdout.split("\n\n")[1].splitlines()] == [
        "t1", "t2"]

    a = hub.rest.request("POST", f"{LETTERS}:redrive", {"feed": feed, "jid": ANN})
    assert a.ok(200).json == {"redriven": 1, "more": False}
    held = hub.rest.subscriber("GET", feed, ANN).json["hold"]
    assert (held["reason"], held["tries"]) == ("bounced", 0)
    a = hub.rest.request("POST", f"{LETTERS}:drop", {"feed": feed, "jid": ANN})
    assert (a.status, a.problem) == (404, "not-found")
    assert run(hub, "dead-letters", "drop", feed, BOB).stdout == "1 dropped\n"
    assert hub.rest.subscriber("GET", feed, BOB).json["hold"]["reason"] == "dropped"
    assert hub.rest.get(f"{LETTERS}?feed={feed}").json["dead_letters"] == []
    assert hub.serve.metrics()["belfry_dead_letters_redriven_total"] == redriven + 1


def test_dead_letters_of_many(hub):
    """Over all feeds, by name, and only those that the token is for."""
    prefix = "many" + uuid.uuid4().hex[:6]
    token, wanted = hub.token_for("manage", f"{prefix}*"), []
    for name in (f"{prefix}-b", f"{prefix}-a", "other" + prefix):
        hub.rest.put_feed(name)
        jids = sorted(f"u{n}@{TRUSTED}" for n in range(5))
        for jid in jids:
            hub.rest.follow(name, jid, "chat")
        hub.rest.publish(name, title="t")
        [pos] = positions(hub, name)
        reach(hub, name, pos)
        for jid in jids:
            hold(hub, name, jid, before(pos), "d")
            wanted.append((name, jid))
    wanted = sorted(w for w in wanted if w[0].startswith(prefix))
    got, path = [], f"{LETTERS}?limit=2"
    while path:
        page = hub.rest.get(path, token=token).ok(200).json
        assert len(page["dead_letters"]) <= 2
        got += [(d["feed"], d["jid"]) for d in page["dead_letters"]]
        path = page["next"] and f"{LETTERS}?limit=2&after={quote(page['next'])}"
    assert [g[0] for g in got] == [w[0] for w in wanted] and sorted(got) == wanted
    a = hub.rest.request("POST", f"{LETTERS}:redrive", {"feed": "other" + prefix, "all": True},
                         token=token)
    assert (a.status, a.problem) == (403, "forbidden")
    a = hub.rest.request("POST", f"{LETTERS}:redrive", {"feed": f"{prefix}-a", "all": True},
                         token=token)
    assert a.ok(200).json == {"redriven": 5, "more": False}
    assert run(hub, "dead-letters", "redrive", f"{prefix}-b", "--all").stdout == "5 redriven\n"
    assert hub.rest.get(LETTERS, token=token).json["dead_letters"] == []
    assert run(hub, "dead-letters", "drop", "other" + prefix, "--all").stdout == "5 dropped\n"


def test_a_full_redis_still_takes_orders(hub, feed):
    hub.rest.follow(feed, ANN, "chat")
    hub.rest.publish(feed, title="t")
    [pos] = positions(hub, feed)
    reach(hub, feed, pos)
    hold(hub, feed, ANN, before(pos), "d")
    hub.redis("CONFIG", "SET", "maxmemory", "1")
    try:
        assert hub.rest.post(feed, {"title": "no"}).status == 503
        a = hub.rest.request("POST", f"{LETTERS}:redrive", {"feed": feed, "all": True})
        assert a.ok(200).json["redriven"] == 1
    finally:
        hub.redis("CONFIG", "SET", "maxmemory", "0")
