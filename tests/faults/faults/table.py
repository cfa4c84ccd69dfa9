"""The table, on a terminal and in docs/reliability.md, from the saved runs."""

import re
import statistics

from bench.report import machine, table

from .row import ROWS, verdict

HEADER = ("fault", "server", "runs", "accepted", "deliveries", "lost", "of them unseen",
          "repeated", "out of order", "longest silence", "met")
NAMES = {"prosody": "Prosody", "ejabberd": "ejabberd"}


def brief(run):
    if "error" in run:
        return run["error"]
    flowing = "never" if run["flowing_s"] is None else f"{run['flowing_s']:.1f} s"
    refused = "".join(f", {n} x {what}" for what, n in run["refused"].items())
    return (f"{run['accepted']} accepted, {run['deliveries']} deliveries: {run['lost']} lost "
            f"({run['unseen']} unseen), "
            f"{'%d no longer stored, ' % run['gone'] if 'gone' in run else ''}"
            f"{run['repeated']} repeated, {run['out_of_order']} out of order, silent for "
            f"{flowing}{refused}{''.join(f'; {note}' for note in run['notes'])}")


def most(values):
    """What came of the runs together, and the most of one where they differ."""
    total, top = sum(values), max(values)
    return f"{total:,}" if total == top else f"{total:,} (at most {top:,})"


def seconds(values):
    if None in values:
        return "never"
    middle, top = f"{statistics.median(values):.1f}", f"{max(values):.1f}"
    return f"{middle} s" if middle == top else f"{middle} s (at most {top})"


def cells(row, server, runs):
    whole = [r for r in runs if "error" not in r]
    bad = sum(1 for run in runs if verdict(row, run))
    met = "yes" if not bad else f"**{len(runs) - bad} of {len(runs)}**"
    if not whole:
        return [row.title, NAMES[server], str(len(runs)), *[""] * 7, met]
    return [row.title, NAMES[server], str(len(runs)),
            f"{sum(r['accepted'] for r in whole):,}",
            f"{sum(r['deliveries'] for r in whole):,}",
            f"{sum(r['lost'] for r in whole):,}",
            f"{sum(r.get('unseen', 0) for r in whole):,}", most([r["repeated"] for r in whole]),
            f"{sum(r['out_of_order'] for r in whole):,}",
            seconds([r["flowing_s"] for r in whole]), met]


def rows_of(saved, names=None, servers=None):
    for name in ROWS:
        for server, it in saved.get(name, {}).items():
            if (not names or name in names) and (not servers or server in servers):
                yield ROWS[name], server, it["runs"]


def terminal(saved, names, servers):
    body = [cells(*one) for one in rows_of(saved, names, servers)]
    widths = [max(len(line[i]) for line in [HEADER, *body]) for i in range(len(HEADER))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in [HEADER, *body])


def promises(saved):
    """What the rows are held against; those that are alike, together."""
    said = {}
    for name in saved:
        row = ROWS[name]
        said.setdefault((row.promise, row.repeats), []).append(row.title)
    for (promise, repeats), titles in said.items():
        bound = "nothing repeated" if not repeats else (
            f"at most {repeats:,} repeats a run, the windows in flight")
        yield f"- {promise[0].upper()}{promise[1:]}; {bound}: {'; '.join(titles)}."


def reason(row, run):
    why = [row.why] if row.why and run.get("lost") else []
    if row.disorder and run.get("out_of_order", 0) > run.get("stored", 0):
        why.append(row.disorder)
    if run.get("stored"):
        why.append("the server gave a client that logged in what it had kept for it (stamped "
                   "with the time) behind newer events, which it sent at once")
    return "".join(f" {text[0].upper()}{text[1:]}." for text in why)


def reasons(saved):
    for row, server, runs in rows_of(saved):
        bad = [run for run in runs if verdict(row, run)]
        for run in bad[:1]:
            what = ", ".join(verdict(row, run))
            yield (f"- {row.title}, {NAMES[server]}: {len(bad)} of {len(runs)} runs missed; "
                   f"one of them: {what} (seed {run['seed']}).{reason(row, run)}")


def abouts(saved):
    every = [it["about"] for servers in saved.values() for it in servers.values()]
    dates = sorted({about["date"] for about in every})
    return f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else dates[0], every[-1]


def markdown(saved):
    saved = {name: it for name, it in saved.items() if name in ROWS}
    if not saved:
        return ""
    dates, about = abouts(saved)
    lines = [f"{dates}. {machine(about)}", ""]
    lines += table(HEADER, [cells(*one) for one in rows_of(saved)])
    missed = list(reasons(saved))
    lines += ["", "What missed its target:" if missed else "Every run met its target.", ""]
    lines += missed + ([""] if missed else [])
    lines += ["What each is held against, beside nothing lost and nothing out of order:", "",
              *promises(saved)]
    return "\n".join(lines) + "\n"


def put(text, generated):
    """TEXT of the document with the table replaced."""
    begin, end = "<!-- faults -->\n", "<!-- /faults -->\n"
    found = re.search(re.escape(begin) + "(.*?)" + re.escape(end), text, re.S)
    if not found:
        raise SystemExit(f"faults: the document has no block {begin.strip()}")
    return text[:found.start(1)] + generated + text[found.end(1):]
