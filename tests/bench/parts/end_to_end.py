"""From the POST to the socket of the one client that follows, at growing rates."""

from bench import CpuClock, Metric, Plot, Target
from bench.xmpp_site import NAME, XmppSite, chat

TITLE = "End to end"
METRICS = [Metric("p50_ms", "p50, ms", 2), Metric("p99_ms", "p99, ms", 2),
           Metric("p999_ms", "p99.9, ms", 2),
           Metric("behind_ms", "last one late by, ms", 1),
           Metric("cpu_us", "senders, us of CPU an event")]
PACKAGES = []
SERVERS = {"ejabberd": "ejabberd", "prosody": "Prosody"}
RATES = (250, 500, 1000, 2000, 4000, 8000)
BELFRY, DIRECT, SLIXMPP = "Belfry", "a client's own message", "slixmpp worker"
SUSTAINED_MS = 100  # p99 and the last one within this: it sustains the rate
LOST_MS = 500  # the last one later than this: it falls behind more and more
P999_SAMPLES = 2000


def _label(server, rate):
    return f"{server}, {rate:,}/s"


def _cases_of(server):
    return lambda case: case.split(", ")[1] if case.startswith(server + ",") else None


PLOTS = [Plot(kind, f"{server}: p99 from the intended time of publishing", "p99_ms",
              _cases_of(server), True) for kind, server in SERVERS.items()]


def sustains(figures, server, rival, rate):
    values = [figures.median(_label(server, rate), rival, key)
              for key in ("p99_ms", "behind_ms")]
    return all(v is not None and v <= SUSTAINED_MS for v in values)


def half_load(figures, server):
    """Half of the highest rate that both Belfry and the direct message sustain."""
    rates = [r for r in RATES if sustains(figures, server, BELFRY, r) and
             sustains(figures, server, DIRECT, r)]
    return max(max(rates) // 2, RATES[0]) if rates else None


def _within_three(figures):
    shown, met = [], True
    for server in SERVERS.values():
        rate = half_load(figures, server)
        ratio = rate and figures.ratio(_label(server, rate), BELFRY, DIRECT, "p99_ms")
        if not ratio:
            return None
        shown.append(f"{_label(server, rate)}: {ratio:.1f}x")
        met = met and ratio <= 3
    return "; ".join(shown), met


TARGETS = [Target("p99 within 3x of a client's own message at half load (half of the "
                  f"highest of these rates at which both keep their p99 below "
                  f"{SUSTAINED_MS} ms, at least {RATES[0]}/s)", _within_three)]


def measure(site, way, rate, seconds, senders, settle=lambda: None):
    events = max(int(rate * seconds), 20)
    clock = CpuClock(*senders)
    got = site.crowd.measure(*way, events, 1, rate=rate, patience=60)
    settle()
    values = {"p50_ms": got["p50_us"] / 1000, "p99_ms": got["p99_us"] / 1000}
    if events >= P999_SAMPLES:
        values["p999_ms"] = got["p999_us"] / 1000
    values["behind_ms"] = (got["last_us"] - (events - 1) * 1e6 / rate) / 1000
    if senders:
        values["cpu_us"] = clock.seconds() * 1e6 / events
    return values


def contestants(site):
    """{name: (way to publish, pids that send, what to wait for afterwards)}"""
    slixmpp, slixmpp_way = site.slixmpp(format="chat")
    to = f"{NAME}0000@{site.server.domain}"
    return {BELFRY: (site.belfry(format="chat"), [site.serve.pid, site.work.pid],
                     site.settle),
            DIRECT: (("client", 1, chat(to)), [], lambda: None),
            SLIXMPP: (slixmpp_way, [slixmpp.pid], lambda: None)}


def sweep(bench, site, server, seconds):
    there = contestants(site)
    for way, pids, settle in there.values():  # unmeasured: caches, first wake-ups
        measure(site, way, RATES[0], 0.2, pids, settle)
    for rate in RATES[:bench.scale(len(RATES), 2)]:
        case = _label(server, rate)
        bench.rounds(case, {name: lambda w=way, p=pids, s=settle:
                            measure(site, w, rate, seconds, p, s)
                            for name, (way, pids, settle) in there.items()})
        # Who falls behind would do so all the more at the next.
        there = {name: one for name, one in there.items()
                 if bench.figures.median(case, name, "behind_ms") < LOST_MS}
        if not there:
            break


def run(bench):
    seconds = bench.scale(1.5, 0.2)
    for kind, server in SERVERS.items():
        with XmppSite(bench, kind, 1) as site:
            sweep(bench, site, server, seconds)
    bench.note(f"{seconds:g} s at each rate. p99.9 where a round has at least "
               f"{P999_SAMPLES:,} events. Whose last one is more than {LOST_MS} ms late is "
               "not asked for the next.")
    bench.ok_means(BELFRY, "the event is on disk before it is sent")
    bench.ok_means(DIRECT, "nothing is stored anywhere")
    bench.ok_means(SLIXMPP, "the event is on Redis' disk (LPUSH, appendfsync always) until "
                            "the worker takes it")
