"""How a feed shows as a contact: its avatar and its presence, over REST and by CLI."""

import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import zlib

import pytest
from belfry_testing import belfry, png
from belfry_testing.waiting import wait_until

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10">%s</svg>'
RED = SVG % b'<rect width="20" height="10" fill="red"/>'
AVAILABLE = {"show": "available", "status": None}


@pytest.fixture
def feed(hub):
    return hub.new_feed()


def put(hub, feed, image, kind="image/png", token=None):
    headers = {"Content-Type": kind} if kind else {}
    return hub.rest.request("PUT", f"/v1/feeds/{feed}/avatar", image, headers,
                            token=token)


def get(hub, feed, **more):
    return hub.rest.get(f"/v1/feeds/{feed}/avatar", **more)


def shown(hub, feed):
    return hub.rest.get(f"/v1/feeds/{feed}").ok(200).json


# ---- avatars ----

def test_a_png_is_kept_as_it_is(hub, feed):
    image = png.make(64, 32)
    sha1 = hashlib.sha1(image).hexdigest()
    assert get(hub, feed).status == 404 and get(hub, feed).problem == "not-found"
    assert shown(hub, feed)["avatar"] is None
    a = put(hub, feed, image).ok(200)
    assert a.json == {"avatar": sha1, "type": "image/png", "bytes": len(image),
                      "width": 64, "height": 32}
    a = get(hub, feed).ok(200)
    assert a.body == image and a.headers["Content-Type"] == "image/png"
    assert a.headers["ETag"] == f'"{sha1}"'
    assert a.headers.get_all("Cache-Control") == ["private, no-cache"]
    assert shown(hub, feed)["avatar"] == sha1
    listed = {f["name"]: f for f in hub.rest.get("/v1/feeds?limit=1000").json["feeds"]}
    assert listed[feed]["avatar"] == sha1 and listed[feed]["presence"] == AVAILABLE
    head = hub.rest.request("HEAD", f"/v1/feeds/{feed}/avatar").ok(200)
    assert head.headers["Content-Length"] == str(len(image)) and not head.body


def test_a_png_loses_what_is_not_shown(hub, feed):
    """Also what a client would have to unpack."""
    bomb = png.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(8_000_000)))
    more = bomb + png.chunk(b"eXIf", b"MM\0*") + png.chunk(b"gAMA", b"\0\0\xb1\x8f")
    plain = png.make(8, 8)
    a = put(hub, feed, png.make(8, 8, extra=more)).ok(200)
    assert get(hub, feed).body == plain
    assert a.json["avatar"] == hashlib.sha1(plain).hexdigest()
    assert a.json["bytes"] == len(plain)


def test_it_is_the_one_that_the_feed_names(hub, feed):
    put(hub, feed, SOUND).ok(200)
    key, = hub.redis("KEYS", f"belfry:*:f:{feed}")
    hub.redis("HSET", key, "face", "0" * 40)
    assert get(hub, feed).status == 404
    hub.redis("HDEL", key, "face")
    assert get(hub, feed).status == 404
    put(hub, feed, SOUND).ok(200)
    assert get(hub, feed).body == SOUND


def test_it_is_fetched_once(hub, feed):
    image = png.make(8, 8)
    etag = f'"{put(hub, feed, image).ok(200).json["avatar"]}"'
    for known in (etag, f'W/{etag}', f'"x", {etag}', "*"):
        a = get(hub, feed, headers={"If-None-Match": known})
        assert a.status == 304 and not a.body and a.headers["ETag"] == etag
    put(hub, feed, png.make(9, 9)).ok(200)
    a = get(hub, feed, headers={"If-None-Match": etag}).ok(200)
    assert png.size(a.body) == (9, 9)


def test_it_is_taken_away(hub, feed):
    put(hub, feed, png.make()).ok(200)
    for _ in range(2):
        assert hub.rest.request("DELETE", f"/v1/feeds/{feed}/avatar").status == 204
        assert get(hub, feed).status == 404 and shown(hub, feed)["avatar"] is None


def test_it_goes_with_its_feed(hub, feed):
    put(hub, feed, png.make()).ok(200)
    keys = hub.redis("KEYS", f"belfry:*:{feed}")
    assert sorted(k.split(":")[2] for k in keys) == ["a", "f"]
    assert hub.rest.delete_feed(feed).status == 204
    assert hub.redis("KEYS", f"belfry:*:{feed}") == []
    for a in (get(hub, feed), put(hub, feed, png.make()),
              hub.rest.request("DELETE", f"/v1/feeds/{feed}/avatar")):
        assert a.status == 404 and a.problem == "no-such-feed"
    hub.rest.put_feed(feed)
    assert get(hub, feed).problem == "not-found"


def test_an_svg_becomes_a_png(hub, feed):
    a = put(hub, feed, RED, "image/svg+xml").ok(200)
    assert a.json["type"] == "image/png"
    assert a.json["width"] == a.json["height"] == 192
    a = get(hub, feed).ok(200)
    assert png.size(a.body) == (192, 192) and a.headers["Content-Type"] == "image/png"
    assert hashlib.sha1(a.body).hexdigest() == shown(hub, feed)["avatar"]
    # The same drawing is the same picture, so nobody needs to fetch it again.
    assert put(hub, feed, RED, "image/svg+xml; charset=utf-8").json == \
        put(hub, feed, RED, "image/svg+xml").json


SOUND = png.make(16, 16)
BAD_IMAGES = {
    "nothing like it": (b"GIF89a......", "not a PNG"),
    "an SVG that says PNG": (RED, "not a PNG"),
    "cut off": (SOUND[:-1], "cut off"),
    "cut off early": (SOUND[:20], "cut off"),
    "its signature alone": (SOUND[:8], "cut off"),
    "a wrong checksum": (SOUND[:-20] + b"x" + SOUND[-19:], "damaged"),
    "rubbish behind it": (SOUND + b"PK\x03\x04", "behind"),
    "too wide": (png.make(513, 1), "1 to 512"),
    "enormous": (png.SIGNATURE + png.header(100000, 100000) + png.chunk(b"IEND"),
                 "1 to 512"),
    "a bomb": (png.SIGNATURE + png.header(512, 512, depth=16, interlace=1) +
               png.chunk(b"IDAT", b"\x78\x9c\x03\x00\x00\x00\x00\x01") +
               png.chunk(b"IEND"), "cannot be shown"),
    "zeros behind its pixels": (
        png.SIGNATURE + png.header(8, 8) +
        png.chunk(b"IDAT", zlib.compress(bytes(48_000_000))) + png.chunk(b"IEND"),
        "behind the PNG's pixels"),
    "without pixels": (png.SIGNATURE + png.header(9, 9) + png.chunk(b"IEND"),
                       "cannot be shown"),
    "many texts": (png.make(4, 4, extra=png.chunk(b"tEXt", b"a\0b") * 50),
                   "without metadata"),
    "a long text": (png.make(4, 4, extra=png.chunk(b"tEXt", b"a\0" + b"b" * 20000)),
                    "without metadata"),
    "an animation": (png.make(4, 4, extra=png.chunk(b"fdAT", bytes(20000))),
                     "without metadata"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_pngs(hub, feed, name):
    image, word = BAD_IMAGES[name]
    a = put(hub, feed, image)
    assert a.status == 400 and a.problem == "bad-image", a
    assert word in a.json["detail"]
    assert shown(hub, feed)["avatar"] is None


def test_sizes(hub, feed):
    room = 65536 - len(png.make(100, 100, noise=True))
    assert room > 0
    large = png.make(160, 160, noise=True)
    assert len(large) > 65536
    for body in (large, iter([large[:50000], large[50000:]])):  # the second: chunked
        a = put(hub, feed, body)
        assert a.status == 413 and a.problem == "body-too-large"
        assert "65536 bytes" in a.json["detail"]
    assert put(hub, feed, png.make(100, 100, noise=True)).status == 200
    a = put(hub, feed, RED + b" " * 65536, "image/svg+xml")
    assert a.status == 413
    assert put(hub, feed, b"").problem == "empty-body"


def test_media_types(hub, feed):
    a = put(hub, feed, RED, "image/svg+xml; charset=latin1")
    assert a.status == 415 and "UTF-8" in a.json["detail"]
    for kind in ("image/gif", "image/jpeg", "application/json", None):
        a = put(hub, feed, SOUND, kind)
        assert a.status == 415 and a.problem == "media-type"
        assert "image/png or image/svg+xml" in a.json["detail"]
    a = hub.rest.request("POST", f"/v1/feeds/{feed}/events", SOUND,
                         {"Content-Type": "image/png"})
    assert a.status == 415
    a = hub.rest.request("POST", f"/v1/feeds/{feed}/avatar", SOUND,
                         {"Content-Type": "image/png"})
    assert a.status == 405 and a.headers["Allow"] == "PUT, GET, HEAD, DELETE"


def test_who_may(hub, feed):
    manage, publish = hub.token_for("manage", feed), hub.token_for("publish", feed)
    other, path = hub.token_for("manage", "other"), f"/v1/feeds/{feed}"
    assert put(hub, feed, SOUND, token=manage).status == 200
    assert get(hub, feed, token=manage).status == 200
    for token in (publish, other):
        assert put(hub, feed, SOUND, token=token).status == 403
        assert get(hub, feed, token=token).status == 403
        a = hub.rest.request("DELETE", f"{path}/avatar", token=token)
        assert a.status == 403
    for token in (publish, manage):
        a = hub.rest.request("PUT", f"{path}/presence", {"show": "xa"}, token=token)
        assert a.status == 200
        assert hub.rest.get(f"{path}/presence", token=token).status == 200
    assert hub.rest.get(f"{path}/presence", token=other).status == 403
    assert hub.serve.rest().get(f"{path}/avatar").status == 401


# ---- hostile drawings ----

@pytest.mark.parametrize("image", [
    b"<svg", b"<svg/>", b"<html>svg</html>", b"svg", b"\xff<svg/>",
    b"\x1f\x8b\x08\x00<svg", SVG % b"<rect>",
    b'<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>',
    b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' +
    SVG % b"<text>&x;</text>"])
def test_bad_svgs(hub, feed, image):
    a = put(hub, feed, image, "image/svg+xml")
    assert a.status == 400 and a.problem == "bad-image" and a.json["detail"]
    assert "root:" not in a.json["detail"]
    assert shown(hub, feed)["avatar"] is None


def test_nothing_is_fetched_for_a_drawing(hub, feed, tmp_path):
    """What it points to is not there: no file is opened, no socket."""
    (tmp_path / "red.png").write_bytes(png.make(9, 9))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/red.png"
        image = '<image width="20" height="10" href="{}"/>'
        targets = (url, f"file://{tmp_path}/red.png", f"{tmp_path}/red.png", "red.png")
        style = f'<style>@import url("{url}"); @import url("file://{tmp_path}/x.css");' \
            f'text {{ fill: url("{url}#a") }}</style><use href="{url}#a"/>'
        body = style + "".join(image.format(t) for t in targets)
        a = put(hub, feed, SVG % body.encode(), "image/svg+xml").ok(200)
        empty = put(hub, feed, SVG % b"", "image/svg+xml").ok(200)
        assert a.json == empty.json
        with pytest.raises(BlockingIOError):
            listener.accept()


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def use_bomb():
    levels = "".join(f'<g id="u{n}">' + f'<use href="#u{n - 1}"/>' * 10 + "</g>"
                     for n in range(1, 12))
    return SVG % f'<g id="u0"><path d="M0 0h9"/></g>{levels}'.encode()


def entity_bomb():
    entities = "".join(f'<!ENTITY e{n} "' + f"&e{n - 1};" * 10 + '">'
                       for n in range(1, 12))
    return (f'<!DOCTYPE svg [<!ENTITY e0 "xxxxxxxxxx">{entities}]>'.encode() +
            SVG % b"<text>&e11;</text>")


def start_drawings(hub, feeds):
    """A long one for each of them: the threads, and where the answers will be."""
    answers = []
    drawing = [threading.Thread(
        target=lambda f=f: answers.append(put(hub, f, use_bomb(), "image/svg+xml")))
        for f in feeds]
    for t in drawing:
        t.start()
    return drawing, answers


@pytest.mark.parametrize("later", ["a PNG", "an SVG", "none", "no feed"])
def test_the_later_request_counts(hub, feed, later):
    """What was asked for before does not come out on top when it is done at last."""
    drawing, answers = start_drawings(hub, [feed])
    wait_until(lambda: children(hub.serve.pid), "it is being drawn", pause=0.001)
    if later == "a PNG":
        put(hub, feed, SOUND).ok(200)
    elif later == "an SVG":
        put(hub, feed, RED, "image/svg+xml").ok(200)
    elif later == "none":
        assert hub.rest.request("DELETE", f"/v1/feeds/{feed}/avatar").status == 204
    else:
        assert hub.rest.delete_feed(feed).status == 204
    drawing[0].join()
    assert answers[0].status == 409 and answers[0].problem == "conflict"


def test_others_do_not_wait_for_a_drawing(hub, feed):
    """What takes long to draw takes it from nobody; too many at a time are put off."""
    feeds = [f"{feed}-{n}" for n in range(8)]
    for f in feeds:
        hub.rest.put_feed(f)
    drawing, answers = start_drawings(hub, feeds)
    pid = hub.serve.pid
    wait_until(lambda: len(children(pid)) == 4, "four at a time", pause=0.001)
    hub.rest.publish(feed, title="not held up")
    assert put(hub, feed, SOUND).status == 200
    assert children(pid), "the drawings had ended before anybody else was served"
    for t in drawing:
        t.join()
    # Refused in the end; or late, before that.
    assert {a.status for a in answers} <= {400, 503}
    busy = [a for a in answers if a.status == 503 and a.problem == "busy"]
    assert busy and all(a.headers["Retry-After"] for a in busy)
    assert shown(hub, feed)["avatar"] == hashlib.sha1(SOUND).hexdigest()
    wait_until(lambda: not children(pid), "the drawings have ended", timeout=30)
    assert put(hub, feed, RED, "image/svg+xml").status == 200


def test_an_entity_bomb(hub, feed):
    a = put(hub, feed, entity_bomb(), "image/svg+xml")
    assert a.status == 400 and a.problem == "bad-image"
    assert hub.serve.alive()


def test_what_draws_cannot_read_the_memory_of_serve(tmp_path):
    """Not as the same user: files of a hidden process belong to root."""
    user = [shutil.which("setpriv"), "--reuid", "65534", "--regid", "65534",
            "--clear-groups"] if os.geteuid() == 0 else []
    with open(belfry.binary(), "rb") as program, open(tmp_path / "log", "wb") as log:
        fd = program.fileno()
        child = subprocess.Popen(
            [*user, f"/proc/self/fd/{fd}", "serve"], pass_fds=[fd], stderr=log,
            env={**belfry.clean_env(), "BELFRY_HTTP_LISTEN": "127.0.0.1:0",
                 "BELFRY_REDIS_URL": "redis://127.0.0.1:1/0",
                 "BELFRY_XMPP_DOMAIN": "feeds.people.test"})
    try:
        wait_until(lambda: "msg=listening" in (tmp_path / "log").read_text(), "it runs")
        assert os.stat(f"/proc/{child.pid}/mem").st_uid == 0
        assert f"\nUid:\t{65534 if user else os.geteuid()}\t" in pathlib.Path(
            f"/proc/{child.pid}/status").read_text()
    finally:
        child.terminate()
        assert child.wait(timeout=30) == 0


def test_without_the_program_that_draws(hub, feed, tmp_path):
    (tmp_path / "setpriv").symlink_to(shutil.which("setpriv"))  # which starts it
    serve = belfry.Program("serve", hub.config, hub.dir / "no-svg.log",
                           env={"PATH": str(tmp_path)}).start()
    try:
        rest, path = serve.rest(hub.token), f"/v1/feeds/{feed}/avatar"
        a = rest.request("PUT", path, RED, {"Content-Type": "image/svg+xml"})
        assert a.status == 415 and a.problem == "media-type"
        assert "apt install librsvg2-bin" in a.json["detail"]
        a = rest.request("PUT", path, SOUND, {"Content-Type": "image/png"})
        assert a.status == 200
    finally:
        assert serve.stop() == 0


# ---- presence ----

def presence(hub, feed, body=None, method="PUT"):
    return hub.rest.request(method, f"/v1/feeds/{feed}/presence", body)


def test_presence(hub, feed):
    assert presence(hub, feed, method="GET").ok(200).json == AVAILABLE
    busy = {"show": "dnd", "status": "déploying <b> \U0001f514"}
    assert presence(hub, feed, busy).ok(200).json == busy
    assert presence(hub, feed, method="GET").json == busy
    assert shown(hub, feed)["presence"] == busy
    # A presence is set as a whole.
    assert presence(hub, feed, {"show": "away"}).json == {"show": "away", "status": None}
    for show in ("chat", "available", "xa", "dnd"):
        assert presence(hub, feed, {"show": show}).ok(200).json["show"] == show
    for _ in range(2):
        assert presence(hub, feed, method="DELETE").status == 204
        assert presence(hub, feed, method="GET").json == AVAILABLE
    presence(hub, feed, busy).ok(200)
    key, = hub.redis("KEYS", f"belfry:*:f:{feed}")
    assert json.loads(hub.redis("HGET", key, "presence")) == busy
    assert presence(hub, feed, {}).ok(200).json == AVAILABLE
    assert hub.redis("HGET", key, "presence") is None
    assert presence(hub, "nowhere", busy).problem == "no-such-feed"
    assert presence(hub, "nowhere", method="GET").problem == "no-such-feed"


@pytest.mark.parametrize("body", [
    "", "[]", "{", '{"show":"busy"}', '{"show":1}', '{"status":1}', '{"state":"x"}',
    '{"status":"a\\nb"}', '{"status":"\\u001b[2J"}', '{"status":"\\u0000"}',
    '{"status":"\\uffff"}', json.dumps({"status": "x" * 257}),
    '{"show":"dnd","show":"xa"}'])
def test_bad_presences(hub, feed, body):
    a = hub.rest.request("PUT", f"/v1/feeds/{feed}/presence", body,
                         {"Content-Type": "application/json"})
    assert a.status == 400 and a.problem in ("bad-document", "empty-body")
    assert shown(hub, feed)["presence"] == AVAILABLE


# ---- the command line ----

def run(hub, action, *args, **more):
    return belfry.run(hub.config, "feed", action, *map(str, args), **more)


def test_avatar_by_cli(hub, feed, tmp_path):
    (tmp_path / "a.png").write_bytes(SOUND)
    (tmp_path / "b.svg").write_bytes(RED)
    done = run(hub, "avatar", feed, tmp_path / "a.png")
    sha1 = hashlib.sha1(SOUND).hexdigest()
    assert (done.returncode, done.stdout, done.stderr) == (0, sha1 + "\n", "")
    assert get(hub, feed).body == SOUND
    done = run(hub, "avatar", feed, tmp_path / "b.svg")
    assert done.returncode == 0 and png.size(get(hub, feed).body) == (192, 192)
    drawn = done.stdout
    assert run(hub, "avatar", feed, "--remove").returncode == 0
    assert get(hub, feed).status == 404
    done = run(hub, "avatar", feed, "-", input=RED.decode())
    assert done.returncode == 0 and done.stdout == drawn
    assert shown(hub, feed)["avatar"] + "\n" == drawn


def test_avatars_that_the_cli_refuses(hub, feed, tmp_path):
    def file(name, data):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name
    sound = file("sound.png", SOUND)
    for status, word, *args in (
            (1, "there is no feed 'nowhere'", "nowhere", sound),
            (1, "No such file", feed, tmp_path / "none.png"),
            (1, "Is a directory", feed, tmp_path),
            (1, "cut off", feed, file("cut.png", SOUND[:-3])),
            (1, "65536 are the most", feed, file("big", SOUND + bytes(70000))),
            (1, "not an SVG", feed, file("empty", b"")),
            (1, "cannot be drawn", feed, file("bad.svg", b"<svg>")),
            (2, "is no name of a feed", "UPPER", sound),
            (2, "one FILE or --remove", feed),
            (2, "one FILE or --remove"),
            (2, "one FILE or --remove", feed, sound, sound),
            (2, "one FILE or --remove", feed, sound, "--remove"),
            (2, "--help", feed, "--delete")):
        done = run(hub, "avatar", *args)
        assert done.returncode == status, (args, done)
        assert word in done.stderr and not done.stdout, (args, done)
    done = run(hub, "avatar", feed, file("red.svg", RED), env={"PATH": "/nonexistent"})
    assert done.returncode == 1 and "librsvg2-bin" in done.stderr
    assert shown(hub, feed)["avatar"] is None


def by_shell(hub, words, *args, **more):
    """`belfry feed ...`, started as WORDS of the shell say."""
    return subprocess.run(
        ["bash", "-c", words, "bash", str(belfry.binary()), *map(str, args)],
        text=True, capture_output=True,
        env={**belfry.clean_env(), "BELFRY_CONFIG": str(hub.config)}, **more)


@pytest.mark.parametrize("words", [
    "trap '' CHLD; exec \"$@\"", '"$@" <&-', '"$@" 2>&- <&-'])
def test_an_svg_is_drawn_however_it_was_started(hub, feed, tmp_path, words):
    (tmp_path / "red.svg").write_bytes(RED)
    done = by_shell(hub, words, "feed", "avatar", feed, tmp_path / "red.svg")
    assert done.returncode == 0, done
    assert shown(hub, feed)["avatar"] + "\n" == done.stdout


@pytest.mark.parametrize("words", ['"$@" >/dev/full', '"$@" >&-'])
def test_what_cannot_be_printed_is_no_success(hub, feed, tmp_path, words):
    (tmp_path / "a.png").write_bytes(SOUND)
    for args in (("feed", "presence", feed), ("feed", "link", feed), ("version",),
                 ("feed", "avatar", feed, tmp_path / "a.png"), ("help",)):
        done = by_shell(hub, words, *args)
        assert done.returncode == 1 and "belfry: stdout: " in done.stderr, (args, done)


def test_presence_by_cli(hub, feed):
    assert run(hub, "presence", feed).stdout == "available\n"
    done = run(hub, "presence", feed, "dnd", "déploying, please wait")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert presence(hub, feed, method="GET").json == {
        "show": "dnd", "status": "déploying, please wait"}
    assert run(hub, "presence", feed).stdout == "dnd déploying, please wait\n"
    assert run(hub, "presence", feed, "available").returncode == 0
    assert shown(hub, feed)["presence"] == AVAILABLE
    for status, word, *args in (
            (1, "there is no feed 'nowhere'", "nowhere"),
            (1, "there is no feed 'nowhere'", "nowhere", "xa"),
            (2, "SHOW is chat", feed, "busy"),
            (2, "at most 256 bytes", feed, "dnd", "x" * 257),
            (2, "control characters", feed, "dnd", "a\nb"),
            (2, "quote STATUS", feed, "dnd", "please", "wait"),
            (2, "name one feed")):
        done = run(hub, "presence", *args)
        assert done.returncode == status and word in done.stderr, (args, done)


def test_help(hub):
    text = belfry.run(None, "help", "feed").stdout
    for action in ("avatar", "presence"):
        assert f"belfry feed {action} FEED" in text
        assert f"belfry feed {action} FEED" in belfry.run(None, "feed", action,
                                                          "-h").stdout
