"""Whatever stops, stalls or restarts in the middle: nobody is missed."""

import signal
import threading

import pytest
from belfry_testing import belfry
from belfry_testing.client import is_chat, is_event
from belfry_testing.waiting import wait_until
from conftest import BIG

EVENTS = 3


def fan_out(site, crowd, feed, at_least=2000):
    """Begins a fan-out of EVENTS events to the crowd and returns in its middle."""
    for n in range(EVENTS):
        site.rest.publish(feed, title=f"event {n}")
    crowd.wait(lambda c: len(c.messages) >= at_least, "the first of the fan-out")
    assert len(crowd.messages) < EVENTS * BIG, "over before it could be disturbed"


def complete(site, crowd, feed, events=EVENTS, timeout=120):
    """Everybody has every event, each under one id; how many came more than once."""
    people = crowd.jids(BIG)
    crowd.wait_each(feed, people, events, timeout)
    crowd.sync()
    counts = crowd.of_feed(feed)
    ids = {}
    for to, id in counts:
        ids.setdefault(to, set()).add(id)
    assert set(ids) == set(people)
    assert {len(i) for i in ids.values()} == {events}, "an event came under two ids"
    return sum(counts.values()) - len(counts)


def in_flight_at_most():
    """Few windows of some ten milliseconds each; far from everything once more."""
    return EVENTS * BIG / 4


def test_kill_9_of_the_worker(site, big_feed, crowd):
    fan_out(site, crowd, big_feed)
    site.work.kill9()
    site.work.start(ready=False)
    repeats = complete(site, crowd, big_feed)
    print("repeats:", repeats)
    assert repeats <= in_flight_at_most()


def test_sigterm_of_the_worker_drains(site, big_feed, crowd):
    fan_out(site, crowd, big_feed)
    assert site.work.stop(timeout=15) == 0
    site.work.start(ready=False)
    assert complete(site, crowd, big_feed) == 0


def test_sigterm_of_serve_answers_what_it_has_begun(site, feed, alice):
    alice.subscribe(site.service, feed)
    answers, rest = [], site.rest

    def post():
        n = 0
        while True:
            try:
                answer = rest.post(feed, {"item": f"n{n}"})
            except OSError:
                return
            answers.append((f"n{n}", answer.status))
            n += 1
    poster = threading.Thread(target=post)
    poster.start()
    wait_until(lambda: len(answers) > 20, "posts are under way")
    assert site.serve.stop(timeout=15) == 0
    poster.join()
    site.serve.start()
    taken = [item for item, status in answers if status == 202]
    assert taken and {s for _, s in answers} <= {202, 503}
    alice.wait_for(is_event(feed, taken[-1]))
    got = [s.items[0].get("id") for s in alice.all(is_event(feed))]
    assert [i for i in got if i in taken] == taken


@pytest.mark.parametrize("kill", [False, True])
def test_restart_of_redis(site, big_feed, crowd, kill):
    fan_out(site, crowd, big_feed)
    site.redis.restart(kill=kill)
    repeats = complete(site, crowd, big_feed)
    print("repeats:", repeats)
    assert repeats <= in_flight_at_most()


def test_posts_while_redis_is_away(site, feed, alice):
    """An answer within the deadline, never a hang; and all is well when it is back."""
    alice.subscribe(site.service, feed)
    site.redis.stop()
    answer = site.rest.post(feed, {"title": "lost?"})
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
    assert answer.problem
    assert "try" in alice.ask(site.hub, f"subscribe {feed}").body.lower()
    site.redis.start()
    wait_until(site.serve.ready, "serve is ready again")
    site.rest.publish(feed, title="back", item="back")
    alice.wait_for(is_event(feed, "back"), 30)


def test_redis_that_stalls(site, feed, alice):
    alice.subscribe(site.service, feed)
    site.redis.child.freeze()
    try:
        answer = site.rest.post(feed, {"title": "stalled"},
                                {"Idempotency-Key": "stalled"})
        assert answer.status == 503 and answer.headers["Retry-After"]
    finally:
        site.redis.child.thaw()
    wait_until(site.serve.ready, "serve is ready again")
    # The same key: it was stored or was not, but it is there once.
    answer = wait_until(
        lambda: (a := site.rest.post(feed, {"title": "stalled"},
                                     {"Idempotency-Key": "stalled"})).status == 202 and a,
        "the retry is taken")
    site.rest.publish(feed, title="marker", item="marker")
    alice.wait_for(is_event(feed, "marker"), 30)
    assert len(alice.all(is_event(feed, answer.json["item"]))) == 1


def test_redis_back_without_scripts(site, feed, alice):
    alice.subscribe(site.service, feed)
    site.redis("SCRIPT", "FLUSH")
    site.rest.publish(feed, title="first", item="first")
    alice.wait_for(is_event(feed, "first"))


def test_restart_of_the_xmpp_server(site, big_feed, crowd):
    """The worker sleeps meanwhile, so that the crowd is there first when it is back."""
    fan_out(site, crowd, big_feed)
    site.work.freeze()
    crowd.sync()
    crowd.sync()
    site.server.restart()
    again = site.crowd()
    site.work.thaw()
    again.counts.update(crowd.counts)
    repeats = complete(site, again, big_feed)
    print("repeats:", repeats)
    assert repeats <= in_flight_at_most()


def test_the_xmpp_server_away_and_back(site, feed):
    bob = site.client("bob")
    site.rest.follow(feed, bob.jid, "chat")
    bob.logout()
    site.server.stop()
    wait_until(lambda: not site.work.ready(), "the worker says that it is not ready")
    assert site.work.rest().get("/livez").status == 200
    for n in range(20):
        last = site.rest.publish(feed, title=f"meanwhile {n}")
    site.server.start()
    # What arrives in the moment of a login ejabberd may keep for the next one.
    assert site.settled(feed, last["id"], 60)["taken"] == 1
    bob.login()
    got = bob.wait_count(20, is_chat("meanwhile"), 60)
    order = list(dict.fromkeys(s.body.split("meanwhile ")[1].split()[0] for s in got))
    assert order == [str(n) for n in range(20)]


def test_a_second_worker_takes_over(site, big_feed, crowd):
    second = site.add_work()
    assert second.ready() and not second.holds_link()
    fan_out(site, crowd, big_feed)
    site.work.kill9()
    wait_until(second.holds_link, "the second worker holds the name", 30)
    assert complete(site, crowd, big_feed) <= in_flight_at_most()


def test_a_worker_that_was_asleep_does_not_disturb(site, big_feed, crowd):
    """Stopped past its lease in the middle of a fan-out, it wakes up to a new owner."""
    first, second = site.work, site.add_work()
    fan_out(site, crowd, big_feed)
    first.freeze()
    wait_until(second.holds_link, "the second worker holds the name", 60)
    first.thaw()
    wait_until(lambda: first.ready() and not first.holds_link(), "the first worker stands by", 30)
    repeats = complete(site, crowd, big_feed)
    print("repeats:", repeats)
    assert repeats <= in_flight_at_most()
    site.rest.publish(big_feed, title="one more")
    complete(site, crowd, big_feed, events=EVENTS + 1)
    assert second.holds_link() and not first.holds_link()


def test_a_clean_stop_hands_over_at_once(site, feed, alice):
    alice.subscribe(site.service, feed)
    second = site.add_work()
    assert site.work.stop(timeout=15, number=signal.SIGINT) == 0
    wait_until(second.holds_link, "the second worker holds the name", 30)
    site.rest.publish(feed, title="by the second", item="second")
    alice.wait_for(is_event(feed, "second"), 30)


def test_a_refused_secret_is_told_and_heals(site, feed):
    """Whoever mends the server's configuration need not restart the worker."""
    right = site.server.component_secret
    site.server.component_secret = "another-secret"
    try:
        site.server.configure()
        offset = site.work.log_size()
        site.server.restart()
        wait_until(lambda: "secret" in site.work.log_text(offset)
                   and "not-authorized" in site.work.log_text(offset),
                   lambda: site.work.tail(10), 60)
        assert not site.work.ready()
    finally:
        site.server.component_secret = right
        site.server.configure()
        site.server.restart()
    assert right not in site.work.log_text()
    wait_until(site.work.holds_link, lambda: site.work.tail(10), 90)
    with site.client("alice") as alice:
        alice.subscribe(site.service, feed)
        site.rest.publish(feed, title="healed", item="healed")
        alice.wait_for(is_event(feed, "healed"))


def test_a_worker_that_is_refused_makes_room(site, feed, alice):
    """It comes first, with a wrong secret; the one that the server takes comes second."""
    alice.subscribe(site.service, feed)
    site.work.stop()
    secret = site.dir / "not-the-secret"
    secret.write_text("not-the-secret\n")
    secret.chmod(0o600)
    refused = belfry.Program("work", site.write_config("refused.ini",
                                                       xmpp={"secret_file": secret}),
                             site.logs / "refused.log", name="refused")
    site.works.append(refused)
    refused.start(ready=False)

    def state():
        return refused.rest().get("/readyz").json["xmpp"]
    wait_until(lambda: "not-authorized" in state(), refused.tail, 30)
    assert not refused.ready()
    site.work.start(ready=False)
    wait_until(site.work.holds_link, lambda: refused.tail() + site.work.tail(), 30)
    site.rest.publish(feed, title="by the second", item="second")
    alice.wait_for(is_event(feed, "second"), 30)
    # Then it stands by, still says so, and leaves the other one alone.
    wait_until(refused.ready, refused.tail, 90)
    assert "standing by" in state() and "not-authorized" in state()
    assert refused.metrics()["belfry_work_xmpp_stuck"] == 1
    assert site.work.metrics()["belfry_work_xmpp_stuck"] == 0
    assert "lease lost" not in site.work.this_log()
    assert "not-the-secret" not in refused.log_text()


def test_another_connection_takes_our_name(site, feed, alice):
    """kick_old: whoever comes last has it. The worker comes back."""
    if site.kind != "prosody":
        return  # ejabberd takes both connections
    from belfry_testing.crowd import Crowd

    class Thief:
        crowd_domain, crowd_secret = site.service, site.server.component_secret
        component_port = site.server.component_port
    alice.subscribe(site.service, feed)
    Crowd(Thief).close()
    site.rest.publish(feed, title="back", item="back")
    alice.wait_for(is_event(feed, "back"), 60)
