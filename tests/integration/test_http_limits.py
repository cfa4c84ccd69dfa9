"""Limits that need a service of their own: connections in all, replicas, secrets in output."""

import re
import socket

import pytest
from belfry_testing import belfry
from belfry_testing.child import free_port
from belfry_testing.waiting import wait_until
from serve_only import read_all, status_of

CONNECTIONS = 8
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_connections_in_all(make_hub):
    """Further ones wait until one is closed, and are then served; nothing is lost."""
    hub = make_hub(http={"max_connections": CONNECTIONS, "request_timeout_ms": 60000})
    held = [hub.connect() for _ in range(CONNECTIONS)]
    for s in held:  # each is served, and kept
        s.sendall(LIVEZ.replace(b"Connection: close\r\n", b""))
        assert status_of(s.recv(4096)) == 200
    waiting = [hub.connect() for _ in range(3)]
    for s in waiting:
        s.sendall(LIVEZ)
    for s in waiting:
        s.settimeout(0.3)
        with pytest.raises(socket.timeout):
            s.recv(1)
    for s in held[:3]:
        s.close()
    for s in waiting:
        s.settimeout(15)
        assert status_of(read_all(s)) == 200
    for s in held[3:] + waiting:
        s.close()
    assert status_of(hub.raw(LIVEZ)) == 200


def test_the_flood_ends_by_itself(make_hub):
    """Whoever holds all connections and says nothing holds them for the time-out only."""
    hub = make_hub(http={"max_connections": CONNECTIONS, "request_timeout_ms": 1000})
    held = [hub.connect() for _ in range(CONNECTIONS)]
    assert status_of(hub.raw(LIVEZ)) == 200
    for s in held:
        s.close()


def test_clients_that_leave_in_the_middle(make_hub):
    """They do not hold their connections until the time-out."""
    hub = make_hub(http={"request_timeout_ms": 60000})
    hub.rest.put_feed("middle")
    head = hub.head("middle", "Host: x", "Content-Type: application/json",
                    "Content-Length: 10")
    for n in range(20):
        with hub.connect() as s:
            s.sendall((head + b'{"a":1}')[:len(head) - n % 2 * 30 + n % 7])
    wait_until(lambda: hub.serve.metrics()["belfry_http_connections"] == 1,
               "only the one that asks is left")
    assert not hub.rest.get("/v1/feeds/middle/events").json["events"]


def test_too_few_replicas(make_hub):
    """Stored, but not where it must be: 503 each time, and one event in the end."""
    hub = make_hub(redis={"wait_replicas": 1})
    hub.redis("SET", "unrelated", "1")
    answer = hub.rest.request("PUT", "/v1/feeds/wait", b"{}",
                              {"Content-Type": "application/json"})
    assert answer.status in (201, 503), answer
    for _ in range(3):
        answer = hub.rest.request(
            "POST", "/v1/feeds/wait/events", b'{"title":"t"}',
            {"Content-Type": "application/json", "Idempotency-Key": "once"})
        assert answer.status == 503 and answer.problem == "too-few-replicas", answer
        assert int(answer.headers["Retry-After"]) >= 1
    wait_until(lambda: hub.rest.get("/v1/feeds/wait/events").status == 200, "history")
    assert len(hub.rest.get("/v1/feeds/wait/events").json["events"]) == 1
    assert hub.serve.metrics()["belfry_redis_wait_failures_total"] >= 3


@pytest.mark.parametrize("feeds", ["a\udcff", "a\nb", "x" * 3000, ""])
def test_patterns_that_are_no_text(make_hub, feeds):
    """Refused, not stored as something else."""
    hub = make_hub()
    done = belfry.run(hub.config, "token", "create", "--scope", "publish", "--feeds", feeds)
    assert done.returncode == 2 and not done.stdout, done


def test_the_password_of_redis_does_not_show(make_hub):
    hub = make_hub()
    hub.redis("CONFIG", "SET", "requirepass", "pass:word")

    def config(name, port):
        return hub.write_config(name, redis={
            "url": f"redis://:pass%3Aword@127.0.0.1:{port}/0"}, work={
            "listen": "127.0.0.1:0"})
    there, away = config("there.ini", hub.redis.port), config("away.ini", free_port())
    assert belfry.create_token(there)
    texts = []
    for path in (there, away):
        done = belfry.run(path, "check")
        texts.append(done.stdout + done.stderr)
    for command in ("serve", "work"):
        program = belfry.Program(command, away, hub.dir / f"{command}-away.log")
        program.start(ready=False)
        wait_until(lambda p=program: "waiting for Redis" in p.log_text(), "it says so")
        program.stop()
        texts.append(program.log_text())
    for text in texts:
        assert re.search(r"127\.0\.0\.1|Redis", text)
        assert "pass" not in re.sub("xmpp.*|component_secret.*|.*password:.*", "", text), text


def test_a_redis_that_quotes_the_password(make_hub):
    """One that does not know AUTH says what it was sent; the log and /readyz do not."""
    hub = make_hub()
    with open(hub.redis.dir / "redis.conf", "a") as conf:
        conf.write("rename-command AUTH NOT-AUTH\n")
    hub.redis.restart()
    config = hub.write_config("quoted.ini", redis={
        "url": f"redis://:pass%3Aword@127.0.0.1:{hub.redis.port}/0"})
    serve = belfry.Program("serve", config, hub.dir / "quoted.log")
    serve.start(ready=False)
    wait_until(lambda: "refuses the password" in serve.log_text(), "it says so")
    text = serve.rest().get("/readyz").body.decode()
    serve.stop()
    assert "refuses the password" in text
    assert "pass:word" not in text and "pass:word" not in serve.log_text()
