"""Redis behind Sentinels: a failover is found and followed, and loses nothing."""

import threading

import pytest
from belfry_testing import belfry
from belfry_testing.child import free_port
from belfry_testing.client import is_event
from belfry_testing.redis import PrivateRedis, RedisError
from belfry_testing.sentinel import NAME, FalseSentinel, SentinelGroup
from belfry_testing.site import Site
from belfry_testing.waiting import wait_until

QUICK = {"timeout_ms": 1000}


class Posting:
    """Numbered events from several connections, all the time."""

    def __init__(self, rest, feed, threads=3):
        self.rest, self.feed = rest, feed
        self.taken, self.refused, self.bad = [], [], []
        self.ids = []  # of those that were taken
        self.stopped = False
        self.threads = [threading.Thread(target=self._post, args=[t])
                        for t in range(threads)]
        for thread in self.threads:
            thread.start()

    def _post(self, number):
        n = 0
        while not self.stopped:
            item = f"t{number}-{n}"
            try:
                answer = self.rest.post(self.feed, {"item": item, "title": item})
                where = {202: self.taken, 503: self.refused}.get(answer.status, self.bad)
                where.append(item)
                if answer.status == 202:
                    self.ids.append(answer.json["id"])
            except OSError as e:
                self.bad.append(f"{item}: {e}")
            n += 1

    def more(self, count=50, timeout=60):
        """Until so many more were taken."""
        want = len(self.taken) + count
        wait_until(lambda: len(self.taken) >= want, "events are taken", timeout)

    def end(self):
        self.stopped = True
        for thread in self.threads:
            thread.join()
        assert not self.bad
        return self.taken


def arrived(client, feed, items):
    """All of ITEMS have come, first copies in the order of each poster."""
    wanted = set(items)

    def got():
        return [s.items[0].get("id") for s in client.all(is_event(feed))]
    wait_until(lambda: wanted <= set(got()),
               lambda: f"lost: {sorted(wanted - set(got()))[:20]}", 60)
    first = list(dict.fromkeys(i for i in got() if i in wanted))
    for thread in {i.split("-")[0] for i in wanted}:
        numbers = [int(i.split("-")[1]) for i in first if i.startswith(thread + "-")]
        assert numbers == sorted(numbers)


def kept(posting):
    """
    The store has every event that was taken: the worker may have sent some before the store
    went back behind them.
    """
    there, after = set(), ""
    while after is not None:
        page = posting.rest.get(f"/v1/feeds/{posting.feed}/events?limit=100{after}").ok(200).json
        there.update(event["id"] for event in page["events"])
        after = page["next"] and f"&after={page['next']}"
    lost = set(posting.ids) - there
    assert not lost, f"{len(lost)} of {len(posting.ids)} are lost"


def listeners(server):
    """Who is subscribed to the channel on which the worker is woken up."""
    return server("PUBSUB", "NUMSUB", "belfry:wake:0")[1]


# ---- A whole site --------------------------------------------------------------------


class WatchedSite(Site):
    def make_redis(self):
        return SentinelGroup(self.dir / "redis", self.logs / "redis.log")


@pytest.fixture(scope="module")
def sentinel_site():
    # A lease that outlives a failover: the worker does not begin anew by itself.
    with WatchedSite(settings={"redis": {"wait_replicas": 1, **QUICK},
                               "work": {"lease_ms": 10000}}) as site:
        yield site


@pytest.fixture
def watched(sentinel_site):
    """The site, with three servers and three Sentinels that are well."""
    site = sentinel_site
    for part in [*site.redis.servers, *site.redis.sentinels]:
        part.child.thaw()
        if not part.child.alive():
            part.start()
    wait_until(site.redis.in_step, "the replicas are in step", 60)
    wait_until(site.redis.ready_to_fail_over, "the Sentinels are ready", 60)
    wait_until(site.serve.ready, "serve is ready", 30)
    wait_until(site.work.holds_link, site.work.tail, 60)
    yield site
    site.close_clients()


def follower(site, feed):
    site.rest.put_feed(feed, access="open", max_items=100000)
    alice = site.client("alice")
    alice.subscribe(site.service, feed)
    return alice


def test_a_master_that_is_killed(watched):
    alice = follower(watched, "killed")
    old = watched.redis.master
    posting = Posting(watched.rest, "killed")
    try:
        posting.more()
        old.child.kill9()
        new = watched.redis.await_failover(old)
        posting.more()
        wait_until(lambda: listeners(new), "the worker listens to the new master")
        # The old one comes back, and thinks that it is the master until it is told.
        old.start()
        wait_until(watched.redis.in_step, "the old master follows the new one", 60)
        posting.more()
        assert watched.redis.master is new, "there was another failover"
        assert not listeners(old)
    finally:
        taken = posting.end()
    kept(posting)
    arrived(alice, "killed", taken)
    assert posting.refused  # there was a time without a master, and it was told


def test_a_master_that_wakes_up_again(watched):
    """It slept through its own fall; nothing that it is told counts."""
    alice = follower(watched, "asleep")
    old = watched.redis.master
    serve = serve_with(watched, watched.redis.url, "asleep", wait_replicas=2).start()
    posting = Posting(serve.rest(watched.token), "asleep")
    try:
        posting.more()
        old.child.freeze()
        new = watched.redis.await_failover(old)
        old.child.thaw()
        posting.more()
        wait_until(watched.redis.in_step, "the old master follows the new one", 60)
        wait_until(lambda: listeners(new) and not listeners(old), "the worker has moved")
        posting.more()
    finally:
        taken = posting.end()
        kept(posting)
        assert serve.stop() == 0
    arrived(alice, "asleep", taken)


def test_a_change_without_a_fault(watched):
    """
    SENTINEL FAILOVER: the old master goes on living, and is told late that it is a replica.
    Until then the other replica confirms what it takes: so a 202 waits for both.
    """
    alice = follower(watched, "moved")
    old = watched.redis.master
    serve = serve_with(watched, watched.redis.url, "moved", wait_replicas=2).start()
    posting = Posting(serve.rest(watched.token), "moved")
    try:
        posting.more()
        wait_until(lambda: watched.redis.sentinels[0]("SENTINEL", "FAILOVER", NAME) == "OK",
                   "it begins")
        new = watched.redis.await_failover(old)
        posting.more()
        wait_until(lambda: listeners(new) and not listeners(old), "the worker has moved")
    finally:
        taken = posting.end()
        kept(posting)
        assert serve.stop() == 0
    arrived(alice, "moved", taken)


def test_the_sentinels_go_away(watched):
    """While the master is there, nobody notices but the log."""
    alice = follower(watched, "unwatched")
    offset = watched.serve.log_size()
    for sentinel in watched.redis.sentinels:
        sentinel.child.stop()
    wait_until(lambda: "a failover would not be found" in watched.serve.log_text(offset),
               watched.serve.tail)
    watched.rest.publish("unwatched", title="still there", item="still")
    alice.wait_for(is_event("unwatched", "still"))
    master = watched.redis.servers[
        [s("ROLE")[0] for s in watched.redis.servers].index("master")]
    master.restart(kill=True)
    answer = wait_until(
        lambda: (a := watched.rest.post("unwatched", {"title": "?"})).status == 503 and a,
        "it does not know where the master is")
    assert answer.headers["Retry-After"] and not watched.serve.ready()
    for sentinel in watched.redis.sentinels:
        sentinel.start()
    wait_until(watched.serve.ready, "serve is ready", 60)
    wait_until(watched.redis.in_step, "the replicas are in step", 60)
    watched.rest.publish("unwatched", title="back", item="back")
    alice.wait_for(is_event("unwatched", "back"), 60)


def test_what_check_says(watched, false):
    redis = watched.redis

    def check(**keys):
        config = watched.write_config("check.ini", redis=keys)
        done = belfry.run(config, "check")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    said = check(wait_replicas=2)
    assert (f"3 of 3 Sentinels name 127.0.0.1:{redis.master.port} as the master {NAME}; "
            "3 of them reach the quorum" in said)
    assert "min-replicas-to-write" in said and "wait_replicas" not in said
    assert "wait_replicas is 1, and there are 2 replicas" in check(wait_replicas=1)
    closed, liar = free_port(), false(FalseSentinel.naming(1))
    said = check(wait_replicas=0, url=redis.url_of(
        [*(s.port for s in redis.sentinels), closed, liar.port]))
    assert f"the Sentinel 127.0.0.1:{closed} is of no help: connect" in said
    assert f"127.0.0.1:{liar.port} names another master, 127.0.0.1:1" in said
    assert "3 of 5 Sentinels" in said and "redis.wait_replicas is 0" in said
    silent = false(None)
    for _ in range(3):  # the round in which it does not answer is looked at, not the next one
        said = check(url=redis.url_of([*(s.port for s in redis.sentinels), silent.port]))
        assert (f"3 of 4 Sentinels name 127.0.0.1:{redis.master.port} as the master {NAME}; "
                "3 of them reach the quorum" in said)
        assert f"the Sentinel 127.0.0.1:{silent.port} is of no help: no answer" in said
        assert said.count("the Sentinel 127") == 1
    for sentinel in redis.sentinels[1:]:
        sentinel.child.stop()
    left = redis.sentinels[0]

    def alone():
        try:
            return not left("SENTINEL", "CKQUORUM", NAME)
        except RedisError:
            return True
    wait_until(alone, "the one that is left is alone", 30)
    said = check(wait_replicas=5, url=redis.url_of([left.port]))
    assert "could not bring about a failover now: NOQUORUM" in said
    assert "names 1 Sentinel:" in said
    assert "redis.wait_replicas is 5, but 2 replicas" in said


# ---- Sentinels that are of no use ----------------------------------------------------


@pytest.fixture
def false():
    """Makes a FalseSentinel of its answer."""
    made = []

    def make(answer):
        made.append(FalseSentinel(answer))
        return made[-1]
    yield make
    for one in made:
        one.close()


def serve_with(site, url, name, **keys):
    config = site.write_config(f"{name}.ini", redis={"url": url, **keys})
    return belfry.Program("serve", config, site.logs / f"{name}.log", name=name)


def test_some_are_false(watched, false):
    """Closed, silent, of another protocol, without such a master, and plain wrong."""
    redis = watched.redis
    replica = next(s for s in redis.servers if s is not redis.master)
    those = [false(answer) for answer in (
        None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*-1\r\n-ERR no such master\r\n",
        FalseSentinel.naming(70000, "a b"), FalseSentinel.naming(replica.port),
        FalseSentinel.naming(free_port()))]
    ports = [free_port(), *(f.port for f in those)]
    serve = serve_with(watched, redis.url_of([*ports, *(s.port for s in redis.sentinels)]),
                       "some-false")
    serve.start()
    try:
        assert all(f.asked for f in those)
        assert f"port={redis.master.port}" in serve.log_text()
        watched.rest.put_feed("false", access="open")
        serve.rest(watched.token).publish("false", title="taken")
    finally:
        assert serve.stop() == 0


@pytest.mark.parametrize("where", ["first", "last"])
def test_one_of_two_is_wrong(watched, false, where):
    """Word against word: who names a replica is found out."""
    redis = watched.redis
    replica = next(s for s in redis.servers if s is not redis.master)
    liar = false(FalseSentinel.naming(replica.port))
    ports = [liar.port, redis.sentinels[0].port]
    serve = serve_with(watched, redis.url_of(ports if where == "first" else ports[::-1]),
                       f"wrong-{where}")
    serve.start()
    try:
        serve.rest(watched.token).put_feed("two", access="open")
    finally:
        assert serve.stop() == 0


@pytest.mark.parametrize("answer", [
    b"$9000000\r\n" + b"x" * 300000,
    b"*8000\r\n" + b"$100\r\n%s\r\n" % (b"x" * 100) * 7999,
], ids=["long", "wide"])
def test_one_that_does_not_end(watched, false, answer):
    """What it says is no answer, and no more of it is kept."""
    serve = serve_with(watched, watched.redis.url_of([false(answer).port]), "endless")
    serve.start(ready=False)
    try:
        wait_until(lambda: "a reply is too large" in serve.log_text(), serve.tail)
    finally:
        assert serve.stop() == 0


def test_one_name_in_three_spellings(watched, false):
    """It is one master, which is not left for its name."""
    port = watched.redis.master.port
    three = [false(FalseSentinel.naming(port, host))
             for host in ("localhost", "LOCALHOST", "LocalHost")]
    serve = serve_with(watched, watched.redis.url_of(f.port for f in three), "spelling").start()
    try:
        asked = three[0].asked
        wait_until(lambda: three[0].asked > asked + 3, "three rounds have ended")
        assert serve.log_text().count("redis is up") == 1
    finally:
        assert serve.stop() == 0


def test_nobody_is_there_at_the_start(watched, false):
    silent = false(None)
    serve = serve_with(watched, watched.redis.url_of([free_port(), silent.port]), "nobody")
    serve.start(ready=False)
    try:
        answer = serve.rest(watched.token).post("f", {"title": "?"})
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert serve.rest().get("/readyz").status == 503
        wait_until(lambda: "no Sentinel names the master" in serve.log_text(), serve.tail)
    finally:
        assert serve.stop() == 0


def test_they_change_their_mind(tmp_path, false):
    """One of three is not believed, two are; and a replica is nobody's master."""
    one, two = (PrivateRedis(tmp_path / f"redis{n}", tmp_path / f"redis{n}.log").start()
                for n in (1, 2))
    three = [false(FalseSentinel.naming(one.port)) for _ in range(3)]
    config = belfry.write_config(tmp_path / "mind.ini", {
        "http": {"listen": "127.0.0.1:0"},
        "redis": {"url": SentinelGroup.url_of(f.port for f in three), **QUICK}})
    serve = belfry.Program("serve", config, tmp_path / "serve.log").start()
    try:
        three[0].answer = FalseSentinel.naming(two.port)
        for others in (three[1].answer, None):  # they contradict, and then are silent
            three[1].answer = three[2].answer = others
            asked = three[0].asked
            wait_until(lambda n=asked: three[0].asked > n + 2, "two rounds have ended")
            assert serve.ready() and f"port={two.port}" not in serve.log_text()
        three[1].answer = three[0].answer
        wait_until(lambda: f"port={two.port}" in serve.log_text(), serve.tail)
        wait_until(serve.ready, serve.tail)
        two("REPLICAOF", "127.0.0.1", one.port)
        wait_until(lambda: "has become a replica" in serve.log_text(), serve.tail)
        assert not serve.ready()
        two("REPLICAOF", "NO", "ONE")
        wait_until(serve.ready, serve.tail)
    finally:
        assert serve.stop() == 0
        two.stop()
        one.stop()


# ---- Passwords -----------------------------------------------------------------------


def secret_file(directory, name, text):
    path = directory / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def test_passwords_of_their_own(tmp_path):
    group = SentinelGroup(tmp_path / "redis", tmp_path / "redis.log", replicas=1,
                          sentinels=1, password="of-the-master",
                          sentinel_password="of-the-sentinel").start()
    try:
        right = secret_file(tmp_path, "right", "of-the-sentinel")
        wrong = secret_file(tmp_path, "wrong", "of-nobody")
        master = secret_file(tmp_path, "master", "of-the-master")

        def config(**keys):
            return belfry.write_config(tmp_path / "auth.ini", {
                "http": {"listen": "127.0.0.1:0"},
                "redis": {"url": group.url, "password_file": master, **QUICK, **keys}})
        for keys in ({"sentinel_password_file": right},
                     {"sentinel_password_file": right, "sentinel_user": "default"},
                     {"sentinel_password_file": right, "password_file": None,
                      "url": group.url.replace("//", "//:of-the-master@")}):
            assert belfry.run(config(**keys), "token", "list").returncode == 0
        for keys, named in (({"sentinel_password_file": wrong},
                             "it refuses redis.sentinel_password_file (WRONGPASS)"),
                            ({}, "NOAUTH"),
                            ({"sentinel_password_file": right, "password_file": wrong},
                             "redis.password_file (WRONGPASS)")):
            done = belfry.run(config(**keys), "token", "list")
            assert done.returncode == 1 and named in done.stderr
            assert "of-" not in done.stdout + done.stderr
    finally:
        group.stop()
