"""Hostile and broken HTTP: a clear error each time, nothing crashes, nothing is lost."""

import json
import socket
import time
import uuid

import pytest
from belfry_testing.waiting import wait_until
from serve_only import MAX_BODY, REQUEST_TIMEOUT_MS, read_all, status_of


@pytest.fixture(scope="module")
def the_feed(hub):
    hub.rest.put_feed("bad")
    return "bad"


@pytest.fixture
def feed(hub, the_feed):
    """After each test the service must still take an event, and nothing else came."""
    before = count(hub, the_feed)
    yield the_feed
    marker = uuid.uuid4().hex
    hub.rest.publish(the_feed, {"marker": marker})
    assert count(hub, the_feed) == before + 1, "something bad was taken as an event"
    assert hub.serve.alive()


def count(hub, feed):
    total, cursor = 0, ""
    while True:
        page = hub.rest.get(f"/v1/feeds/{feed}/events?limit=100{cursor}").ok(200).json
        total += len(page["events"])
        if not page["next"]:
            return total
        cursor = f"&after={page['next']}"


def post(hub, feed, body, content_type="application/json", **headers):
    if isinstance(body, str):
        body = body.encode()
    return hub.rest.request("POST", f"/v1/feeds/{feed}/events", body,
                            {"Content-Type": content_type, **headers})


# ---- documents ----

BAD_DOCUMENTS = {
    "empty object cut off": b"{",
    "no object": b"[1]",
    "a bare word": b"hello",
    "null": b"null",
    "two objects": b"{}{}",
    "rubbish behind": b"{} x",
    "a trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "truncated": b'{"title":"abc',
    "truncated escape": b'{"title":"\\u12"}',
    "lone surrogate": b'{"title":"\\ud800"}',
    "duplicate keys": b'{"title":"a","title":"b"}',
    "duplicate keys below": b'{"data":{"a":1,"a":2}}',
    "too deep": b'{"data":' * 40 + b"1" + b"}" * 40,
    "very deep": b"[" * 30000,
    "deep objects": b'{"a":' * 10000,
    "invalid UTF-8": b'{"title":"\xff\xfe"}',
    "overlong UTF-8": b'{"title":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"title":"\xed\xa0\x80"}',
    "a NUL": b'{"title":"a\x00b"}',
    "an escaped NUL": b'{"title":"a\\u0000b"}',
    "a raw control character": b'{"title":"a\x01b"}',
    "UTF-16": '{"title":"x"}'.encode("utf-16"),
    "title of the wrong type": b'{"title":5}',
    "tags of the wrong type": b'{"tags":"a"}',
    "too many tags": json.dumps({"tags": ["t"] * 33}).encode(),
    "a priority that is none": b'{"priority":"loud"}',
    "a url that is none": b'{"url":"javascript:alert(1)"}',
    "an item too long": json.dumps({"item": "i" * 256}).encode(),
    "an item with a line break": b'{"item":"a\\nb"}',
    "a number too large": b'{"n":1e999999}',
}


@pytest.mark.parametrize("what", BAD_DOCUMENTS)
def test_bad_documents(hub, feed, what):
    a = post(hub, feed, BAD_DOCUMENTS[what])
    assert a.status == 400 and a.problem == "bad-document", a
    assert a.headers["Content-Type"] == "application/problem+json"
    assert a.json["detail"] and a.json["status"] == 400


@pytest.mark.parametrize("body", [b"\xff", b"a\x00b", b"\xed\xa0\x80"])
def test_bad_text(hub, feed, body):
    assert post(hub, feed, body, "text/plain").status == 400


@pytest.mark.parametrize("title", ["\ufffe", "\uffff", "]]>", "<b>&amp;\"'</b>", "🔔 👩‍👩‍👧",
                                   "\u202eabc\u202c שלום", "\u007f", "\U0010ffff"])
def test_awkward_titles_are_carried(hub, the_feed, title):
    document = {"title": title}
    a = post(hub, the_feed, json.dumps(document, ensure_ascii=False)).ok(202)
    assert hub.rest.event(the_feed, a.json["id"])["event"] == document


@pytest.mark.parametrize("content_type", ["text/html", "application/xml", "multipart/form-data",
                                          "application/x-www-form-urlencoded", "json", "",
                                          "application/json; charset=utf-16",
                                          "text/plain; charset=iso-8859-1",
                                          "application/json, text/plain", "application/json;="])
def test_wrong_content_types(hub, feed, content_type):
    a = post(hub, feed, "{}", content_type)
    assert a.status == 415 and a.problem == "media-type"


def test_a_compressed_body(hub, feed):
    assert post(hub, feed, b"\x1f\x8b", **{"Content-Encoding": "gzip"}).status == 415


# ---- sizes ----

def test_too_large(hub, feed):
    a = post(hub, feed, b'{"a":"' + b"x" * MAX_BODY + b'"}')
    assert a.status == 413 and a.problem == "body-too-large"


def test_too_large_is_said_before_it_is_sent(hub, feed):
    with hub.connect() as s:
        s.sendall(hub.head(feed, "Host: x", "Content-Type: application/json",
                           "Content-Length: 10000000", "Expect: 100-continue"))
        got = read_all(s)
    assert status_of(got) == 413 and b"100 Continue" not in got


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


def test_too_large_in_chunks(hub, feed):
    head = hub.head(feed, "Host: x", "Content-Type: application/json",
                    "Transfer-Encoding: chunked", "Connection: close")
    got = hub.raw(head + chunked(*[b" " * 1000] * (MAX_BODY // 1000 + 2)))
    assert status_of(got) == 413
    # Without end: it is not read for ever.
    with hub.connect() as s:
        s.sendall(head)
        with pytest.raises(OSError):
            for _ in range(10000):
                s.sendall(b"2000\r\n" + b" " * 0x2000 + b"\r\n")


def test_no_body_and_no_length(hub, feed):
    head = hub.head(feed, "Host: x", "Content-Type: application/json", "Connection: close")
    assert status_of(hub.raw(head)) == 411
    assert status_of(hub.raw(head.replace(b"Connection", b"Content-Length: 0\r\nConnection"))
                     ) == 400


def test_heads_too_large(hub, feed):
    assert status_of(hub.raw(hub.head(feed, "Host: x", "X: " + "y" * 100000))) == 431
    many = [f"X-{n}: y" for n in range(100)]
    assert status_of(hub.raw(hub.head(feed, "Host: x", *many))) == 431
    assert status_of(hub.raw(b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n")) in (414, 431)


# ---- two readings of one request ----

JSON = "Content-Type: application/json"
BODY = b'{"smuggled":1}'
LENGTH = f"Content-Length: {len(BODY)}"
SMUGGLING = {
    "both framings": [LENGTH, "Transfer-Encoding: chunked"],
    "both framings, the other way": ["Transfer-Encoding: chunked", LENGTH],
    "two lengths": [LENGTH, "Content-Length: 3"],
    "the same length twice": [LENGTH, LENGTH],
    "a list of lengths": [LENGTH + ", 3"],
    "a signed length": [f"Content-Length: +{len(BODY)}"],
    "a length with a space before its colon": [f"Content-Length : {len(BODY)}"],
    "a huge length": ["Content-Length: 99999999999999999999999"],
    "another coding": ["Transfer-Encoding: gzip"],
    "codings": ["Transfer-Encoding: gzip, chunked"],
    "two codings": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "a coding with a tab": ["Transfer-Encoding:\x0bchunked"],
    "a coding in HTTP/1.0": ["Transfer-Encoding: chunked"],
    "a folded line": ["X: a\r\n b", LENGTH],
    "a folded coding": ["Transfer-Encoding: chunked\r\n , x", LENGTH],
    "a bare LF": ["X: a\nY: b", LENGTH],
    "a NUL": ["X: a\x00b", LENGTH],
    "a name with a space": ["X Y: a", LENGTH],
    "a line without a colon": ["nonsense", LENGTH],
    "a line that begins with a colon": [LENGTH, ": x", "X: y"],
    "a colon alone": [LENGTH, ":"],
    "a coding with a blank behind it": ["Transfer-Encoding: chunked "],
    "two hosts": ["Host: y", LENGTH],
}


@pytest.mark.parametrize("what", SMUGGLING)
def test_smuggling(hub, feed, what):
    version = "HTTP/1.0" if "1.0" in what else "HTTP/1.1"
    head = hub.head(feed, "Host: x", JSON, *SMUGGLING[what], version=version)
    follow_up = hub.head(feed, "Host: x", JSON, LENGTH) + BODY
    got = hub.raw(head + BODY + follow_up)
    assert status_of(got) in (400, 413), got
    assert b" 202 " not in got, "what follows was read as a request"


@pytest.mark.parametrize("end", [b"\n\r\n", b"\r\n\n", b"\n\n", b"\r\n:\r\n", b"\r\n: \r\n",
                                 b"\r\n:x\r\n\r\n"])
@pytest.mark.parametrize("together", [True, False])
def test_where_a_head_ends(hub, the_feed, end, together):
    """A second request that only one of two readers sees is not read."""
    first = hub.head(the_feed, "Host: x", "X: y", method="GET")[:-4] + end
    second = hub.head(the_feed, "Host: x", "Connection: close", method="GET")
    with hub.connect() as s:
        s.sendall(first + second if together else first)
        got = b"" if together else s.recv(65536)
        if not together:
            try:
                s.sendall(second)
            except OSError:
                pass  # closed
        got += read_all(s)
    assert status_of(got) == 400 and b" 200 " not in got, got


@pytest.mark.parametrize("last", ["X: y", "X:", "X: ", "X: y \t", "X:\ty"])
def test_sound_ends_of_heads(hub, the_feed, last):
    request = hub.head(the_feed, "Host: x", last, method="GET")
    final = hub.head(the_feed, "Host: x", "Connection: close", last, method="GET")
    got = hub.raw(b"\r\n" + request + request + final)
    assert got.count(b" 200 OK") == 3, got
    assert status_of(hub.raw(b"GET /livez HTTP/1.0\r\n\r\n")) == 200


def test_no_host(hub, feed):
    assert status_of(hub.raw(hub.head(feed, JSON, LENGTH) + BODY)) == 400


@pytest.mark.parametrize("request_", [b"\r\n" * 50, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
                                      b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                                      b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 100,
                                      b"GET  /  HTTP/1.1\r\nHost: x\r\n\r\n",
                                      b"GET / livez HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_what_is_not_http(hub, feed, request_):
    with hub.connect() as s:
        s.sendall(request_)
        s.shutdown(socket.SHUT_WR)
        got = read_all(s)
    assert not got or status_of(got) >= 400, got


@pytest.mark.parametrize("path", ["/v1/feeds/%", "/v1/feeds/%00", "/v1/feeds/a%00b/events",
                                  "/v1/feeds/%ff/events", "/v1/feeds/../../etc/passwd",
                                  "/v1/feeds/%2e%2e/events", "//v1/feeds", "/v1/feeds/",
                                  "/v1/feeds/a%2fb/events", "/v1/feeds/" + "a" * 3000])
def test_odd_paths(hub, feed, path):
    assert hub.rest.get(path).status in (400, 404)


def test_a_bad_chunk(hub, feed):
    head = hub.head(feed, "Host: x", JSON, "Transfer-Encoding: chunked")
    for body in (b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n0\r\n\r\n",
                 b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n"):
        got = hub.raw(head + body)
        assert not got or status_of(got) >= 400, got


def test_a_body_cut_off(hub, feed):
    with hub.connect() as s:
        s.sendall(hub.head(feed, "Host: x", JSON, "Content-Length: 50") + b'{"title":')
        s.shutdown(socket.SHUT_WR)
        got = read_all(s)
    assert not got or status_of(got) >= 400


# ---- slow, and many ----

def drip(s, data):
    """A byte at a time until the other side says or ends something; seconds it took."""
    began = time.monotonic()
    try:
        while True:
            s.sendall(data)
            s.settimeout(0.05)
            try:
                s.recv(1, socket.MSG_PEEK)
                break
            except TimeoutError:
                pass
    except OSError:
        pass
    return time.monotonic() - began


@pytest.mark.parametrize("where", ["head", "body", "chunk"])
def test_a_slow_client_is_cut_off(hub, feed, where):
    start = {"head": hub.head(feed, "Host: x", JSON)[:-2] + b"X: ",
             "body": hub.head(feed, "Host: x", JSON, "Content-Length: 60000"),
             "chunk": hub.head(feed, "Host: x", JSON, "Transfer-Encoding: chunked") +
             b"ea60\r\n"}[where]
    with hub.connect() as s:
        s.sendall(start)
        took = drip(s, b"a")
        s.settimeout(10)
        got = read_all(s)
    assert REQUEST_TIMEOUT_MS / 1000 * 0.5 < took < REQUEST_TIMEOUT_MS / 1000 * 3
    assert not got or status_of(got) == 408


def test_slow_clients_do_not_delay_others(hub, feed):
    slow = []
    for _ in range(20):
        s = hub.connect()
        s.sendall(hub.head(feed, "Host: x", JSON, "Content-Length: 60000"))
        slow.append(s)
    began = time.monotonic()
    for _ in range(20):
        assert hub.rest.get(f"/v1/feeds/{feed}").status == 200
    assert time.monotonic() - began < 1
    for s in slow:
        s.close()


def test_a_silent_connection_is_closed(hub, feed):
    with hub.connect() as s:
        began = time.monotonic()
        assert read_all(s) == b""
        assert time.monotonic() - began < REQUEST_TIMEOUT_MS / 1000 * 3


def test_a_flood_of_connections(hub, feed):
    """More than http.max_connections_per_ip: closed at once; others go on; then it heals."""
    before = hub.serve.rest().metrics()["belfry_http_refused_connections_total"]
    flood = [hub.connect() for _ in range(100)]
    closed = 0
    for s in flood:
        s.settimeout(0.02)
        try:
            closed += s.recv(1) == b""
        except TimeoutError:
            pass
        except ConnectionResetError:
            closed += 1
    assert closed >= 60
    for s in flood:
        s.close()
    wait_until(lambda: healthy(hub), "requests are taken again")
    after = hub.serve.rest().metrics()["belfry_http_refused_connections_total"]
    assert after - before >= 60


def healthy(hub):
    try:
        return hub.serve.rest().get("/livez").status == 200
    except OSError:
        return False


def test_clients_that_go_away(hub, the_feed):
    """Reset in the middle, at once, and while the store is asked."""
    for cut in (5, 60, 1000):
        for _ in range(20):
            s = hub.connect()
            s.sendall(hub.rest.raw("POST", f"/v1/feeds/{the_feed}/events", b"{}")[:cut])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
    wait_until(lambda: healthy(hub), "requests are taken")
    wait_until(lambda: hub.serve.rest().metrics()["belfry_http_active"] == 1,
               "only the request for this number is under way")
    assert hub.rest.post(the_feed, {}).status == 202
