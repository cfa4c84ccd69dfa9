"""One feed to a thousand clients that are online, on a real server."""

from bench import CpuClock, Metric, Plot, Target, median
from bench.xmpp_site import XmppSite

TITLE = "Fan-out on real servers"
METRICS = [Metric("rate", "deliveries/s"),
           Metric("p50_ms", "one event: p50, ms", 1),
           Metric("p99_ms", "p99, ms", 1),
           Metric("last_ms", "to the last, ms", 1),
           Metric("worker_us", "sender, us of CPU a delivery", 2),
           Metric("redis_us", "Redis, us", 2),
           Metric("server_us", "server, us", 1),
           Metric("bytes", "bytes a stanza")]
PACKAGES = ["ruby-xmpp4r", "ruby-redis"]
PLOTS = [Plot("rate", "Deliveries a second to 1,000 clients", "rate"),
         Plot("last", "One event: time to the last of 1,000 clients", "last_ms")]

EJABBERD, PROSODY = "ejabberd", "Prosody"
BELFRY, WRITER, PUBSUB = "Belfry", "bare writer", "the server's own pubsub"
MULTICAST = "Belfry, XEP-0033"
SLIXMPP, XMPP4R = "slixmpp worker", "xmpp4r worker"


def _ratios(figures, rival, other, key="rate"):
    return {case: figures.ratio(case, rival, other, key) for case in figures.rows
            if figures.ratio(case, rival, other, key) is not None}


def _shown(ratios, text="{:.2f}"):
    return ", ".join(f"{case} {text.format(value)}" for case, value in ratios.items())


def _at_least(rival, least, cases=(EJABBERD, PROSODY), who=BELFRY):
    def judge(figures):
        ratios = {c: r for c, r in _ratios(figures, who, rival).items() if c in cases}
        return (_shown(ratios), all(r >= least for r in ratios.values())) \
            if ratios else None
    return judge


def _less_cpu(figures):
    ratios = _ratios(figures, SLIXMPP, BELFRY, "worker_us")
    return (_shown(ratios, "{:.0f}x"), min(ratios.values()) >= 50) if ratios else None


TARGETS = [
    Target("95 % of the bare writer's deliveries/s", _at_least(WRITER, 0.95)),
    Target("ahead of ejabberd's own pubsub, with `xmpp.multicast`",
           _at_least(PUBSUB, 1.0, (EJABBERD,), MULTICAST)),
    Target("level (0.95) with Prosody's own pubsub", _at_least(PUBSUB, 0.95, (PROSODY,))),
    Target("50x less CPU than a slixmpp worker", _less_cpu),
]


class Contestant:
    """Publishes by WAY; WORKER is the process that sends, if there is one."""

    def __init__(self, site, way, worker=None, settle=lambda: None):
        self.site, self.way, self.worker, self.settle = site, way, worker, settle

    def _measure(self, events):
        got = self.site.crowd.measure(*self.way, events, self.site.count, patience=30)
        self.settle()
        return got

    def __call__(self, burst, singles):
        clocks = {"server_us": CpuClock(self.site.server.child.pid),
                  "redis_us": CpuClock(self.site.redis.child.pid)}
        if self.worker:
            clocks["worker_us"] = CpuClock(self.worker.pid)
        got = self._measure(burst)
        values = {"rate": got["distinct"] / (got["last_us"] / 1e6),
                  "bytes": got["bytes"] / got["distinct"]}
        for key, clock in clocks.items():
            values[key] = clock.seconds() * 1e6 / got["distinct"]
        alone = [self._measure(1) for _ in range(singles)]
        for key in ("p50", "p99", "last"):
            values[f"{key}_ms"] = median(one[f"{key}_us"] for one in alone) / 1000
        return values


def contestants(bench, site):
    writer, writer_way = site.bare_writer()
    slixmpp, slixmpp_way = site.slixmpp()
    found = {BELFRY: Contestant(site, site.belfry(), site.work, site.settle),
             WRITER: Contestant(site, writer_way, writer),
             PUBSUB: Contestant(site, site.own_pubsub()),
             SLIXMPP: Contestant(site, slixmpp_way, slixmpp)}
    if site.server.multicast_domain:
        work, way = site.belfry_multicast()
        found[MULTICAST] = Contestant(site, way, work, lambda: site.settle(work))
    if bench.rivals:
        xmpp4r, xmpp4r_way = site.xmpp4r()
        found[XMPP4R] = Contestant(site, xmpp4r_way, xmpp4r)
    return found


def run(bench):
    clients, singles = bench.scale(1000, 30), bench.scale(5, 1)
    for kind, case, burst in ((EJABBERD, EJABBERD, bench.scale(20, 3)),
                              ("prosody", PROSODY, bench.scale(10, 3))):
        with XmppSite(bench, kind, clients) as site:
            all_of = contestants(bench, site)
            bench.say(f"{clients} clients are online on {case}")
            for one in all_of.values():  # each once, unmeasured: caches, first wake-ups
                one(1, 1)
            bench.rounds(case, {name: lambda c=c, n=burst: c(n, singles)
                                for name, c in all_of.items()})
            bench.note(f"{case}: {clients:,} clients online without TLS; deliveries/s from "
                       f"the first of {burst} events to the last delivery.")
    bench.note("ejabberd runs mod_multicast, with its default limits, beside all of them; "
               f"only \"{MULTICAST}\" uses it, by `xmpp.multicast`: one stanza for 20.")
    if not bench.rivals:
        bench.leave_out(XMPP4R, "needs packages of its own")
    bench.ok_means(BELFRY, "the event is on disk before it is sent, and the server has "
                           "confirmed each window of deliveries")
    bench.ok_means(MULTICAST, "the same; the multicast service confirms it as well")
    bench.ok_means(WRITER, "nothing: bytes from memory are handed to the socket")
    bench.ok_means(PUBSUB, "the server has the item in its own memory or store")
    for name in (SLIXMPP, XMPP4R):
        bench.ok_means(name, "the event is on Redis' disk until the worker takes it; what "
                             "it then writes to the socket nobody confirms")
