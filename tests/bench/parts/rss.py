"""
What polling costs, and what pushing costs: one poll and one delivery are measured, a day
of ten thousand readers is computed from them.
"""

from bench import CpuClock, Metric, Plot, Target, median
from bench.feed_site import FeedSite, Feedparser, Newsboat
from bench.relay import Relay
from bench.xmpp_site import XmppSite
from belfry_testing.client import Client, is_chat, is_event

TITLE = "Instead of RSS"
READERS, INTERVAL_S, EVENTS = 10_000, 15 * 60, 20
POLLS = 86400 // INTERVAL_S  # of one reader a day
PING_S = 5 * 60
# Of one reader's polls those that find something new, when events come at any time.
WITH_NEWS = POLLS * (1 - (1 - 1 / POLLS) ** EVENTS)

METRICS = [
    Metric("full_bytes", "200: bytes"), Metric("same_bytes", "304: bytes"),
    Metric("full_us", "200: nginx, µs of CPU"), Metric("same_us", "304: nginx, µs"),
    Metric("client_bytes", "to the follower: bytes"), Metric("tls_bytes", "the same with TLS"),
    Metric("link_bytes", "to the server: bytes"), Metric("server_us", "server, µs of CPU", 1),
    Metric("belfry_us", "worker, serve and Redis, µs", 1),
    Metric("p50_ms", "p50, ms", 1),
    Metric("ping_bytes", "a ping with TLS: bytes"),
    Metric("ping_us", "a ping: server, µs of CPU", 1),
    Metric("requests", "requests or deliveries"), Metric("mb", "MB"),
    Metric("tls_mb", "MB with TLS"), Metric("cpu_s", "CPU of the servers, s"),
    Metric("age_s", "median age of what is read, s", 2)]
PACKAGES = ["nginx", "newsboat", "python3-feedparser"]

POLL, PUSH = "one poll (measured)", "one delivery (measured)"
DAY = f"a day of {READERS:,} readers (computed)"
KEPT = "with pings"

PLOTS = [Plot("bytes", f"A day of {READERS:,} readers, with TLS: MB, computed", "tls_mb",
              lambda case: case if case == DAY else None)]


# ---- Polls -------------------------------------------------------------------------

class Poller:
    """A reader who asks for changes, and one whom the server answers always in full."""

    def __init__(self, site, make, scheme, count):
        self.site, self.scheme, self.count = site, scheme, count
        self.reader, self.always = make(site, scheme), make(site, scheme, True)

    def __call__(self):
        def polls(*args, **more):
            return self.site.polls(self.scheme, *args, **more)
        # newsboat keeps the ETag of what it has fetched before.
        polls(self.reader, 2)
        same = polls(self.reader, self.count, 304)
        polls(self.always, 2, 200)  # though nothing has changed
        full = polls(self.reader, self.count, 200, before=self.site.publish)
        return {"full_bytes": full[0], "same_bytes": same[0],
                "full_us": full[1], "same_us": same[1]}


def measure_polls(bench):
    count = bench.scale(10, 3)
    with FeedSite(bench) as site:
        plain, packed = site.sizes()
        bench.note(f"The feed has 20 entries: {plain:,} bytes, compressed {packed:,}, as "
                   "both readers ask for it. nginx, a file that was compressed before.")
        bench.rounds(POLL, {
            "newsboat, http": Poller(site, Newsboat, "http", count),
            "newsboat, https": Poller(site, Newsboat, "https", count),
            "feedparser, http": Poller(site, Feedparser, "http", count)})


# ---- Deliveries --------------------------------------------------------------------

class Lone:
    """One follower more, a real client with TLS, whose bytes are counted."""

    def __init__(self, site, format, count):
        self.rest, self.count = site.serve.rest(site.token), count
        self.feed, self.relay = f"lone-{format}", Relay(site.server.c2s_port)
        self.is_ours = is_event(self.feed) if format == "event" else is_chat()
        jid = site.server.add_account(f"lone-{format}")
        self.rest.put_feed(self.feed, access="local")
        self.rest.follow(self.feed, jid, format)
        self.client = Client(jid, site.server.passwords[f"lone-{format}"],
                             self.relay.port, site.server.cert).login()
        self.client.sync()

    def _bytes_of(self, act):
        """What moves until the server has nothing more for us, less what asking costs."""
        def moved(what):
            at = self.relay.bytes
            what()
            self.client.sync()
            return self.relay.bytes - at
        ping = median(moved(lambda: None) for _ in range(3))
        return moved(act) - ping, ping

    def __call__(self):
        def deliver():
            seen = len(self.client.all(self.is_ours))
            for _ in range(self.count):
                self.rest.publish(self.feed, title="Deployed shop seq-00000000 to production",
                                  body="All checks are green; 3 migrations ran.",
                                  url="https://ci.example.org/d/81723",
                                  tags=["deploy", "shop"], data={"commit": "8c1f0e2"})
            self.client.wait_count(seen + self.count, self.is_ours)
        moved, ping = self._bytes_of(deliver)
        return {"tls_bytes": moved / self.count, "ping_bytes": ping}

    def close(self):
        self.client.logout()
        self.relay.close()


class Push:
    """Events to the crowd of a site, in one format."""

    def __init__(self, site, format, bursts, singles):
        self.site, self.bursts, self.singles = site, bursts, singles
        self.way = site.belfry(f"rss-{format}", format)
        self.lone = Lone(site, format, bursts)
        self.measure(1)

    def measure(self, events):
        got = self.site.crowd.measure(*self.way, events, self.site.count, patience=30)
        self.site.settle()
        return got

    def sent(self):
        """(bytes, stanzas) to the server so far."""
        m = self.site.work.metrics()
        return m["belfry_work_bytes_total"], m["belfry_work_stanzas_total"]

    def ping_us(self):
        """Of the server's CPU, for the ping of each client of the crowd."""
        clock = CpuClock(self.site.server.child.pid)
        self.site.crowd.each(0, self.site.count, "<iq type='get' id='p' to='localhost'>"
                                                 "<ping xmlns='urn:xmpp:ping'/></iq>")
        return clock.seconds() * 1e6 / self.site.count

    def __call__(self):
        site, before = self.site, self.sent()
        server = CpuClock(site.server.child.pid)
        ours = CpuClock(site.work.pid, site.serve.pid, site.redis.child.pid)
        got = self.measure(self.bursts)
        server_us, ours_us = (c.seconds() * 1e6 / got["distinct"] for c in (server, ours))
        octets, stanzas = (now - then for now, then in zip(self.sent(), before))
        alone = median(self.measure(1)["p50_us"] for _ in range(self.singles))
        return {"client_bytes": got["bytes"] / got["distinct"],
                "link_bytes": octets / stanzas, "server_us": server_us,
                "belfry_us": ours_us, "p50_ms": alone / 1000, **self.lone(),
                "ping_us": self.ping_us()}


def measure_pushes(bench):
    clients = bench.scale(1000, 30)
    for kind, name in (("ejabberd", "ejabberd"), ("prosody", "Prosody")):
        if bench.quick and kind == "ejabberd":
            continue
        with XmppSite(bench, kind, clients) as site:
            pushes = {f"{name}, {text}": Push(site, format, bench.scale(10, 2),
                                              bench.scale(5, 1))
                      for format, text in (("chat", "text"), ("event", "XEP-0060"))}
            bench.rounds(PUSH, pushes)
            for push in pushes.values():
                push.lone.close()
    bench.note(f"One delivery: of an event to {clients:,} clients that are online without "
               "TLS, p50 to each; bytes with TLS are those of one more client.")
    return clients


# ---- A day -------------------------------------------------------------------------

def day_of_polls(v, full_share):
    """FULL_SHARE of the polls are answered in full."""
    polls = READERS * POLLS
    full, same = polls * full_share, polls * (1 - full_share)
    return {"requests": polls,
            "bytes": full * v["full_bytes"] + same * v["same_bytes"],
            "cpu_s": (full * v["full_us"] + same * v["same_us"]) / 1e6,
            "age_s": INTERVAL_S / 2}


def day_of_pushes(v, clients, kept):
    """KEPT: the connection is there for this alone, and is kept alive by pings."""
    sent, pings = READERS * EVENTS, READERS * 86400 // PING_S * kept
    link = sent * v["link_bytes"]
    return {"requests": sent + pings, "cpu_s": (
                sent * (v["server_us"] + v["belfry_us"]) + pings * v["ping_us"]) / 1e6,
            "mb": None if kept else (sent * v["client_bytes"] + link) / 1e6,
            "tls_mb": (sent * v["tls_bytes"] + pings * v["ping_bytes"] + link) / 1e6,
            "age_s": v["p50_ms"] / 1000 * READERS / clients}


def polls_as_rows(name, v):
    for text, share in (("with 304", WITH_NEWS / POLLS), ("without 304", 1)):
        day = day_of_polls(v, share)
        key = "tls_mb" if "https" in name else "mb"
        day[key] = day.pop("bytes") / 1e6
        yield f"{name}, {text}", day


def pushes_as_rows(name, v, clients):
    yield f"Belfry on {name}", day_of_pushes(v, clients, 0)
    yield f"Belfry on {name}, {KEPT}", day_of_pushes(v, clients, 1)


def compute(bench, clients):
    figures = bench.figures
    for case, rows in ((POLL, polls_as_rows),
                       (PUSH, lambda n, v: pushes_as_rows(n, v, clients))):
        for name, row in list(figures.rows.get(case, {}).items()):
            for number in range(bench.count):
                values = {key: all_of[number] for key, all_of in row.items()}
                for rival, day in rows(name, values):
                    figures.add(DAY, rival, {k: x for k, x in day.items() if x is not None})
    bench.note(
        f"The day: each of {READERS:,} readers polls {POLLS} times; of {EVENTS} events at "
        f"any time, {WITH_NEWS:.1f} of these polls find something new and are answered "
        "with 200, the others with 304. What is read then is on the median half an "
        f"interval old. Of a push it is p50 of one event, times {READERS:,} / {clients:,}, "
        "as if it grew with the readers. Bytes of a push are those to the server and on "
        f"to the follower. \"{KEPT.capitalize()}\": one every {PING_S // 60} minutes, for "
        "followers whose client is online for nothing else.")
    bench.note("Bytes are those that TCP carries: without its own headers, and without "
               "the opening and closing of a connection, of which every poll has its own.")


def _times(value, less, more):
    return f"{value:.1f}x {less}" if value >= 1 else f"{1 / value:.1f}x {more}"


def _factors(push):
    def judge(figures):
        poll = "newsboat, https, with 304"
        found = {key: figures.ratio(DAY, poll, push, key)
                 for key in ("requests", "tls_mb", "cpu_s", "age_s")}
        if None in found.values():
            return None
        text = ", ".join((_times(found["requests"], "fewer requests", "more requests"),
                          _times(found["tls_mb"], "fewer bytes", "more bytes"),
                          _times(found["cpu_s"], "less CPU", "more CPU"),
                          f"read {found['age_s']:.0f}x sooner"))
        return text, None
    return judge


TARGETS = [
    Target("the factor from newsboat with 304 over https to Belfry's text on Prosody",
           _factors("Belfry on Prosody, text")),
    Target("the same for who is online for nothing else",
           _factors(f"Belfry on Prosody, text, {KEPT}")),
]


def run(bench):
    if bench.rivals:
        measure_polls(bench)
    else:
        bench.leave_out("polling", "nginx and the readers are packages of their own")
    compute(bench, measure_pushes(bench))
