"""The REST interface over a real Redis: what docs/http-api.md promises."""

import json
import re
import socket
import time
import uuid

import pytest
from belfry_testing import belfry
from belfry_testing.redis import RedisError
from belfry_testing.waiting import wait_until
from serve_only import REDIS_TIMEOUT_MS, TRUSTED, ServeOnly, read_all, status_of


@pytest.fixture
def feed(hub):
    return hub.new_feed()


def post(hub, feed, body, content_type="application/json", token=None, query="",
         **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    if content_type:
        headers["Content-Type"] = content_type
    return hub.rest.request("POST", f"/v1/feeds/{feed}/events{query}", body, headers,
                            token=token)


# ---- events ----

def test_an_event_is_taken_and_shown(hub, feed):
    document = '{ "title": "Déployé ]]> <b>", "n": 1.50, "data": {"a": [1, null]} }'
    a = post(hub, feed, document)
    assert a.status == 202 and a.headers["Content-Type"] == "application/json"
    assert a.headers["Cache-Control"] == "no-store"
    answer = a.json
    assert set(answer) == {"id", "feed", "item", "status"}
    assert answer["feed"] == feed and answer["status"] == "queued"
    assert answer["item"] == answer["id"]
    assert a.headers["Location"] == f"/v1/feeds/{feed}/events/{answer['id']}"
    shown = hub.rest.get(a.headers["Location"]).ok(200)
    assert document.encode() in shown.body  # as it was posted
    assert shown.json["id"] == answer["id"] and shown.json["priority"] == "normal"
    assert shown.json["status"] in ("queued", "done")
    assert shown.json["deliveries"] == {"subscribers": 0, "taken": 0, "sent": 0,
                                        "received": 0, "held": 0, "dead": 0, "bounced": 0,
                                        "left": 0, "skipped": 0,
                                        "filtered": 0, "expired": 0,
                                        "superseded": 0}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown.json["at"])


def test_text_is_an_event_too(hub, feed):
    a = post(hub, feed, "grüße\n🔔", "text/plain; charset=UTF-8").ok(202)
    assert hub.rest.event(feed, a.json["id"])["event"] == {"body": "grüße\n🔔"}


def test_header_before_query_before_document(hub, feed):
    def priority(document, query="", **headers):
        a = post(hub, feed, json.dumps(document), query=query, **headers).ok(202)
        return hub.rest.event(feed, a.json["id"])["priority"]
    assert priority({}) == "normal"
    assert priority({"priority": "low"}) == "low"
    assert priority({"priority": "low"}, "?priority=high") == "high"
    assert priority({"priority": "low"}, "?priority=high",
                    Belfry_Priority="urgent") == "urgent"
    assert post(hub, feed, "{}", query="?priority=loud").status == 400
    assert post(hub, feed, "{}", Belfry_Priority="loud").status == 400


def test_item_by_document_and_query(hub, feed):
    assert post(hub, feed, '{"item": "a"}').json["item"] == "a"
    assert post(hub, feed, '{"item": "a"}', query="?item=b%20c").json["item"] == "b c"
    assert post(hub, feed, "{}", query="?item=").status == 400
    assert post(hub, feed, "{}", query="?item=a%0Ab").status == 400
    assert post(hub, feed, "{}", query="?item=" + "a" * 256).status == 400


def test_idempotency(hub, feed):
    key = {"Idempotency_Key": "order-1"}
    first = post(hub, feed, '{"title": "x"}', **key).ok(202)
    again = post(hub, feed, '{"title": "x"}', **key).ok(202)
    assert again.json == first.json
    assert first.headers["Idempotency-Replayed"] is None
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert len(hub.rest.get(f"/v1/feeds/{feed}/events").json["events"]) == 1
    for other in (post(hub, feed, '{"title":"x"}', **key),
                  post(hub, feed, '{"title": "x"}', query="?priority=high", **key),
                  post(hub, feed, '{"title": "x"}', query="?item=i", **key),
                  post(hub, feed, '{"title": "x"}', "text/plain", **key)):
        assert other.status == 422 and other.problem == "idempotency-key-reused"
    # Another token's keys, and another feed's, are others.
    token = hub.token_for("publish")
    assert post(hub, feed, '{"title": "y"}', token=token, **key).status == 202
    hub.rest.put_feed(feed + "-b")
    assert post(hub, feed + "-b", '{"title": "z"}', **key).status == 202


@pytest.mark.parametrize("key", ["", "a b", "ü", "a" * 256])
def test_bad_idempotency_keys(hub, feed, key):
    a = post(hub, feed, "{}", Idempotency_Key=key.encode())
    assert a.status == 400 and a.problem == "bad-parameter"


def test_an_event_too_large_for_a_stanza(hub, feed):
    a = post(hub, feed, json.dumps({"title": "&" * 60000}))
    assert a.status == 413 and a.problem == "event-too-large"
    assert "262144" in a.json["detail"]


# ---- history ----

def pages(hub, feed, key, path="", **query):
    got, cursor = [], query.pop("start", None)
    word = query.pop("word", "after")
    while True:
        q = "&".join(f"{k}={v}" for k, v in query.items())
        if cursor:
            q += f"&{word}={cursor}"
        a = hub.rest.get(f"/v1/feeds{path}?{q}").ok(200).json
        got.append(a[key])
        cursor = a["next"]
        if not cursor:
            return got


def test_history_pages(hub, feed):
    for n in range(7):
        post(hub, feed, json.dumps({"n": n})).ok(202)
    path = f"/{feed}/events"
    got = pages(hub, feed, "events", path, limit=3)
    assert [[e["event"]["n"] for e in p] for p in got] == [[0, 1, 2], [3, 4, 5], [6]]
    got = pages(hub, feed, "events", path, limit=3, word="before", start="newest")
    assert [[e["event"]["n"] for e in p] for p in got] == [[6, 5, 4], [3, 2, 1], [0]]
    last = hub.rest.get(f"/v1/feeds/{feed}/events?before=newest&limit=1").json["events"]
    new = hub.rest.get(f"/v1/feeds/{feed}/events?after={last[0]['cursor']}").json
    assert new == {"events": [], "next": None}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1", "after=x",
                                   "after=1-1&before=2-2", "before=1", "nonsense=1",
                                   "limit=1&limit=2", "after=%ff", "after=1-%00"])
def test_bad_history_queries(hub, feed, query):
    assert hub.rest.get(f"/v1/feeds/{feed}/events?{query}").status == 400


def test_no_such_event(hub, feed):
    for id in (str(uuid.uuid4()), "x", "0190a0b0-0000-7000-8000-000000000000"):
        a = hub.rest.get(f"/v1/feeds/{feed}/events/{id}")
        assert a.status == 404 and a.problem == "not-found"
    assert hub.rest.get("/v1/feeds/nowhere/events").problem == "no-such-feed"
    assert post(hub, "nowhere", "{}").problem == "no-such-feed"
    assert post(hub, "NOT-A-NAME", "{}").status == 404


# ---- feeds ----

def test_feed_life(hub):
    name = "life" + uuid.uuid4().hex[:6]
    path = f"/v1/feeds/{name}"
    assert hub.rest.get(path).status == 404
    a = hub.rest.request("PUT", path, {"title": "T", "max_items": 5})
    assert a.status == 201 and a.headers["Location"] == path
    assert a.json["name"] == name and a.json["max_items"] == 5
    assert a.json["jid"] == f"{name}@feeds.people.test" and a.json["node"] == name
    assert a.json["subscribers"] == 0 and a.json["access"] == "local"
    a = hub.rest.request("PATCH", path, {"description": "D", "title": None})
    assert a.status == 200 and a.json["description"] == "D"
    assert a.json.get("title") is None and a.json["max_items"] == 5
    a = hub.rest.request("PATCH", path, '{"weight": 50}',
                         {"Content-Type": "application/merge-patch+json"})
    assert a.status == 200 and a.json["weight"] == 50
    a = hub.rest.request("PUT", path)  # replaces all by the defaults
    assert a.status == 200 and a.json["max_items"] == 1000
    assert a.json.get("description") is None
    assert hub.rest.get(path).json == a.json
    assert hub.rest.request("DELETE", path).status == 204
    assert hub.rest.get(path).status == 404
    assert hub.rest.request("DELETE", path).status == 404
    assert hub.rest.request("PATCH", path, {}).status == 404


@pytest.mark.parametrize("name", ["hub", "help", "admin", "abuse", "UPPER", "a%20b",
                                  "x" * 65, "caf%C3%A9"])
def test_names_that_cannot_be(hub, name):
    a = hub.rest.request("PUT", f"/v1/feeds/{name}", {})
    assert a.status == 400 and a.problem == "bad-name"


@pytest.mark.parametrize("config", ['{"nonsense": 1}', '{"max_items": 0}', "[]", "{",
                                    '{"access": "all"}', '{"title": 5}', '{"weight": 101}',
                                    '{"title": "a", "title": "b"}'])
def test_bad_configurations(hub, feed, config):
    for method in ("PUT", "PATCH"):
        a = hub.rest.request(method, f"/v1/feeds/{feed}", config,
                             {"Content-Type": "application/json"})
        assert a.status == 400 and a.problem == "bad-document" and a.json["detail"]


def test_feed_list_pages(hub):
    names = sorted(f"list-{uuid.uuid4().hex[:6]}" for _ in range(5))
    for name in names:
        hub.rest.put_feed(name)
    got = [f["name"] for p in pages(hub, None, "feeds", limit=2) for f in p]
    assert [n for n in got if n in names] == names and got == sorted(got)


# ---- subscribers ----

def test_subscriber_life(hub, feed):
    jid = f"Alice@{TRUSTED}"
    put = hub.rest.subscriber("PUT", feed, jid + "/phone")
    assert put.status == 201
    assert put.json["jid"] == f"alice@{TRUSTED}" and put.json["format"] == "chat"
    again = hub.rest.subscriber("PUT", feed, jid, {"format": "headline"})
    assert again.status == 200 and again.json["format"] == "headline"
    assert again.json["since"] == put.json["since"]
    full = hub.rest.subscriber("PUT", feed, jid + "/phone", {"format": "event"})
    assert full.status == 201 and full.json["jid"] == f"alice@{TRUSTED}/phone"
    assert hub.rest.subscriber("GET", feed, jid).json["format"] == "headline"
    assert hub.rest.get(f"/v1/feeds/{feed}").json["subscribers"] == 2
    listed = hub.rest.get(f"/v1/feeds/{feed}/subscribers").json
    assert len(listed["subscribers"]) == 2 and listed["next"] is None
    assert hub.rest.subscriber("DELETE", feed, jid).status == 204
    assert hub.rest.subscriber("DELETE", feed, jid).status == 404
    assert hub.rest.subscriber("GET", feed, jid).status == 404


def test_subscribers_page(hub, feed):
    jids = {f"u{n}@{TRUSTED}" for n in range(400)}
    hub.rest.follow_many(feed, jids)
    got = [s["jid"] for p in pages(hub, feed, "subscribers", f"/{feed}/subscribers",
                                   limit=50) for s in p]
    assert set(got) == jids


@pytest.mark.parametrize("body", ['{"format": "pigeon"}', '{"x": 1}', "[]", "{", "null",
                                  '{"format": 1}', '{"format":"chat","format":"event"}'])
def test_bad_subscriptions(hub, feed, body):
    a = hub.rest.request("PUT", f"/v1/feeds/{feed}/subscribers/a%40{TRUSTED}", body,
                         {"Content-Type": "application/json"})
    assert a.status == 400


@pytest.mark.parametrize("jid", ["@x", "a@b@c", "a b@x.test", "a@", "x" * 1100 + "@x.test",
                                 "a@x.test/", "a\u0007@x.test"])
def test_bad_jids(hub, feed, jid):
    assert hub.rest.subscriber("PUT", feed, jid).status == 400


def test_access_is_obeyed(hub, feed):
    hub.rest.put_feed(feed, access="whitelist", whitelist=[f"alice@{TRUSTED}"])
    assert hub.rest.subscriber("PUT", feed, f"alice@{TRUSTED}").status == 201
    a = hub.rest.subscriber("PUT", feed, f"bob@{TRUSTED}")
    assert a.status == 403 and a.problem == "access"
    assert hub.rest.subscriber("PUT", "nowhere", f"bob@{TRUSTED}").status == 404


# ---- tokens ----

@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer ", "Bearer x",
                                    "Bearer belfry_000000000000_" + "a" * 43,
                                    "Bearer belfry_" + "ü" * 20])
def test_no_or_bad_token(hub, feed, header):
    headers = {"Authorization": header.encode()} if header is not None else {}
    a = hub.serve.rest().request("GET", f"/v1/feeds/{feed}", headers=headers)
    assert a.status == 401 and a.problem == "unauthorized"
    assert a.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_secret(hub, feed):
    wrong = hub.token[:-1] + ("A" if hub.token[-1] != "A" else "B")
    for _ in range(3):
        assert hub.rest.request("GET", f"/v1/feeds/{feed}", token=wrong).status == 401
        assert hub.rest.get(f"/v1/feeds/{feed}").status == 200


def test_scopes_and_globs(hub, feed):
    publish = hub.serve.rest(hub.token_for("publish", f"{feed} other-*"))
    manage = hub.serve.rest(hub.token_for("manage", feed))
    path = f"/v1/feeds/{feed}"
    id = publish.post(feed, {"a": 1}).ok(202).json["id"]
    for rest in (publish, manage):
        assert rest.get(f"{path}/events").status == 200
        assert rest.get(f"{path}/events/{id}").status == 200
    for a in (publish.get(path), publish.request("PUT", path, {}),
              publish.request("DELETE", path), publish.get(f"{path}/subscribers"),
              publish.subscriber("PUT", feed, f"a@{TRUSTED}"), publish.get("/v1/feeds"),
              manage.post(feed, {}), manage.post("another", {}),
              publish.post("another", {}), manage.get("/v1/feeds/another"),
              manage.request("PUT", "/v1/feeds/another", {})):
        assert a.status == 403 and a.problem == "forbidden", a
    assert publish.post("other-x", {}).status == 404
    assert manage.get(path).status == 200
    listed = [f["name"] for p in [manage.get("/v1/feeds?limit=1000").ok(200).json["feeds"]]
              for f in p]
    assert listed == [feed]


def test_revocation(hub, feed):
    token = hub.token_for("publish")
    rest = hub.serve.rest(token)
    rest.post(feed, {}).ok(202)
    done = belfry.run(hub.config, "token", "revoke", token.split("_")[1])
    assert done.returncode == 0
    wait_until(lambda: rest.post(feed, {}).status == 401, "the token is refused", timeout=4)


# ---- HTTP ----

def test_methods_and_paths(hub, feed):
    a = hub.rest.request("POST", f"/v1/feeds/{feed}", {})
    assert a.status == 405 and "PATCH" in a.headers["Allow"]
    assert hub.rest.get("/v1/nonsense").problem == "no-such-path"
    a = hub.rest.request("HEAD", f"/v1/feeds/{feed}")
    assert a.status == 200 and a.body == b"" and int(a.headers["Content-Length"]) > 20


def test_keep_alive_and_pipelining(hub, feed):
    requests = b"".join(
        hub.rest.raw("POST", f"/v1/feeds/{feed}/events", b'{"n": %d}' % n)
        for n in range(20))
    with hub.connect() as s:
        s.sendall(requests)
        s.shutdown(socket.SHUT_WR)
        got = read_all(s)
    assert got.count(b"HTTP/1.1 202 ") == 20
    events = hub.rest.get(f"/v1/feeds/{feed}/events").json["events"]
    assert [e["event"]["n"] for e in events] == list(range(20))


def test_health_and_metrics(hub):
    rest = hub.serve.rest()
    assert rest.get("/livez").status == 200 and rest.get("/readyz").status == 200
    before = rest.metrics()
    rest.get("/nonsense")
    after = rest.metrics()
    assert after["belfry_http_requests_total"] >= before["belfry_http_requests_total"] + 2
    assert after['belfry_http_answers_total{class="4xx"}'] > \
        before['belfry_http_answers_total{class="4xx"}']
    assert after["belfry_store_up"] == 1
    text = rest.get("/metrics").body.decode()
    families = re.findall(r"^# TYPE (\S+)", text, re.M)
    assert len(families) == len(set(families))


# ---- Redis in trouble ----

def timed_post(hub, feed):
    began = time.monotonic()
    a = hub.rest.post(feed, {"n": 1})
    return a, time.monotonic() - began


def test_redis_stopped(hub, feed):
    hub.redis.child.freeze()
    try:
        a, took = timed_post(hub, feed)
        assert a.status == 503 and a.headers["Retry-After"], a
        assert took < REDIS_TIMEOUT_MS / 1000 * 3
        wait_until(lambda: not hub.serve.ready(), "not ready")
        assert hub.serve.rest().get("/livez").status == 200
    finally:
        hub.redis.child.thaw()
    hub.await_ready()
    hub.rest.post(feed, {"n": 2}).ok(202)


def test_redis_killed(hub, feed):
    taken = hub.rest.publish(feed, {"n": 1})
    hub.redis.child.kill9()
    a, took = timed_post(hub, feed)
    assert a.status == 503 and a.headers["Retry-After"] and took < 5, a
    hub.redis.start()
    hub.await_ready()
    hub.rest.post(feed, {"n": 2}).ok(202)
    assert hub.rest.event(feed, taken["id"])["event"] == {"n": 1}


def test_an_empty_script_cache(hub, feed):
    hub.rest.publish(feed, {"n": 1})
    hub.redis("SCRIPT", "FLUSH")
    hub.rest.publish(feed, {"n": 2})
    hub.redis("SCRIPT", "FLUSH")
    assert len(hub.rest.get(f"/v1/feeds/{feed}/events").ok(200).json["events"]) == 2


def memory_of(redis):
    return int(re.search(r"used_memory:(\d+)", redis("INFO", "memory")).group(1))


def test_a_full_redis(hub, feed):
    limit = memory_of(hub.redis) + 16 * 1024 * 1024
    hub.redis("CONFIG", "SET", "maxmemory", str(limit))
    big = hub.rest.raw("POST", f"/v1/feeds/{feed}/events", b'{"x": "%s"}' % (b"a" * 30000))

    def seen():
        return hub.serve.metrics()["belfry_store_used_bytes"] > memory_of(hub.redis) - 200000

    def refused():
        answers = hub.rest.many([big] * 10)
        assert set(answers) <= {202, 503}, answers
        wait_until(seen, "serve knows how much is used")
        return answers[503]
    try:
        while memory_of(hub.redis) < limit * 0.85:
            assert hub.rest.many([big] * 20)[202] == 20
        wait_until(refused, "an event is refused", timeout=60)
        # Refused before Redis itself would: there is room for what must go on.
        hub.redis("SET", "probe", "x")
        hub.redis("DEL", "probe")
        a = hub.rest.post(feed, {"n": 1})
        assert a.status == 503 and a.problem == "store-full" and a.headers["Retry-After"]
        assert hub.rest.get(f"/v1/feeds/{feed}/events?limit=1").status == 200
        assert hub.rest.delete_feed(feed).status == 204
    except RedisError as e:
        pytest.fail(f"Redis itself was full first: {e}")
    finally:
        hub.redis("CONFIG", "SET", "maxmemory", "0")
    hub.rest.put_feed(feed)
    wait_until(lambda: hub.rest.post(feed, {"n": 1}).status == 202, "events are taken again")


def test_durability_is_demanded(hub):
    """202 means on disk only with appendfsync always: anything else is said, loudly."""
    hub.redis("CONFIG", "SET", "appendfsync", "everysec")
    try:
        done = belfry.run(hub.config, "check")
        assert "appendfsync always" in done.stdout
        hub.redis("CONFIG", "SET", "appendonly", "no")
        serve = belfry.run(hub.config, "serve")
        assert serve.returncode == 1 and "append" in serve.stderr
    finally:
        hub.redis("CONFIG", "SET", "appendonly", "yes")
        hub.redis("CONFIG", "SET", "appendfsync", "always")


def test_starts_while_redis_is_away():
    hub = ServeOnly()
    try:
        assert hub.serve.stop() == 0
        hub.redis.stop()
        hub.serve.start(ready=False)
        assert hub.serve.rest().get("/readyz").status == 503
        a = hub.rest.post("x", {})
        assert a.status == 503 and a.headers["Retry-After"]
        hub.redis.start()
        hub.await_ready()
        assert hub.rest.post("x", {}).status == 404
    finally:
        hub.stop()


def test_stops_when_it_is_told(hub):
    other = ServeOnly()
    try:
        other.rest.put_feed("x")
        with other.connect() as idle:
            other.rest.publish("x", {"n": 1})
            other.redis.child.freeze()  # a request is under way when it is told
            with other.connect() as s:
                s.sendall(other.rest.raw("POST", "/v1/feeds/x/events", b"{}"))
                wait_until(lambda: other.serve.rest().metrics()["belfry_store_pending"] > 0,
                           "the event is on its way")
                other.serve.send_signal(15)
                wait_until(lambda: "stopping" in other.serve.log_text(), "it stops")
                other.redis.child.thaw()
                assert status_of(read_all(s)) in (202, 503)
            assert other.serve.wait(10) == 0
            assert read_all(idle) == b""
    finally:
        other.stop()
