"""The tables of docs/performance.md, from the saved figures."""

import math
import re

from .figures import median


def number(value, digits):
    """
    DIGITS behind the point, but not more than three that say something, and at least one
    that does: 12,300, 450, 4.50, 0.0042.
    """
    size = abs(value)
    if size >= 10000:
        return f"{float(f'{value:.3g}'):,.0f}"
    if size >= 1:
        digits = min(digits, max(0, 2 - math.floor(math.log10(size))))
    elif size and not round(value, digits):
        digits = min(9, 1 - math.floor(math.log10(size)))
    return f"{value:,.{digits}f}"


def spread(values, digits):
    """The median, and the lowest and highest where they differ to the reader."""
    low, high = number(min(values), digits), number(max(values), digits)
    text = number(median(values), digits)
    return text if low == high else f"{text} ({low}–{high})"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |",
             "|" + "---|" + "---:|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def case_table(part, figures, case):
    row = figures.rows[case]
    metrics = [m for m in part.METRICS if any(m.key in r for r in row.values())]
    body = []
    for rival, values in row.items():
        body.append([rival] + [spread(values[m.key], m.digits) if values.get(m.key) else ""
                               for m in metrics])
    return table([case] + [m.label for m in metrics], body)


def target_table(part, figures):
    body = []
    for target in part.TARGETS:
        judged = target.judge(figures)
        text, met = judged if judged else ("not measured in this run", None)
        body.append([target.text, text, {True: "yes", False: "**no**", None: ""}[met]])
    return ["| target | measured | met |", "|---|---|---|"] + \
        ["| " + " | ".join(row) + " |" for row in body] if body else []


def machine(about):
    """What it ran on."""
    versions = ", ".join(f"{name} {version}"
                         for name, version in sorted(about["versions"].items()))
    return (f"{about['system']}, Linux {about['kernel']}, {about['cores']} cores of "
            f"{about['cpu']}. Versions: {versions}.")


def shared_machine(abouts):
    """The machine of all parts, with all their versions; None if it is not one."""
    if not abouts:
        return None
    both, same = {**abouts[0], "versions": {}}, ("system", "kernel", "cores", "cpu")
    for about in abouts:
        for name, version in about["versions"].items():
            if both["versions"].setdefault(name, version) != version:
                return None
        if any(about[key] != both[key] for key in same):
            return None
    return both


def section(part, figures, plots, shared=None):
    """
    The generated lines of one part. PLOTS: [(title, file name)]. SHARED: the machine, if
    the document says it elsewhere.
    """
    about = figures.about
    rounds = f"{about['rounds']} round{'s' if about['rounds'] != 1 else ''}"
    lines = [f"{rounds}, {about['date']}. Median (lowest–highest)."]
    if not shared:
        lines.append(machine(about))
    if about.get("quick"):
        lines.append("**A quick run, only to see that it works: figures are worthless.**")
    lines += ["", *target_table(part, figures), ""]
    for case in figures.rows:
        lines += [*case_table(part, figures, case), ""]
    lines += [line for title, name in plots
              for line in (f"![{title}](performance/{name})", "")]
    if figures.oks:
        lines += ["What an OK means:", ""]
        lines += [f"- {rival}: {text}" for rival, text in figures.oks.items()] + [""]
    lines += [f"- without {rival}: {why}" for rival, why in figures.left_out.items()]
    lines += [f"- {note}" for note in figures.notes]
    return "\n".join(lines).rstrip() + "\n"


def put(text, name, generated):
    """TEXT of the document with the block NAME replaced."""
    begin, end = f"<!-- bench:{name} -->\n", f"<!-- /bench:{name} -->\n"
    found = re.search(re.escape(begin) + "(.*?)" + re.escape(end), text, re.S)
    if not found:
        raise SystemExit(f"the document has no block {begin.strip()}")
    return text[:found.start(1)] + generated + text[found.end(1):]
