#!/usr/bin/python3
"""The tables and the plot of a bench: report.py DIR reads DIR/results.jsonl, prints Markdown, and writes
DIR/plot.svg. A figure is the median of its rounds, with the least and the greatest; a ratio is a median
of the ratios within each round, which went through the same weather."""
import json
import os
import statistics
import sys

LABELS = {"none": "no tunnel", "plain": "Stile without crypto", "stile": "Stile", "before": "Stile before",
          "service": "stiled, all of it",
          "crowd": "Stile, 1000 peers more",
          "wireguard_go": "wireguard-go"}
# Key, heading, digits; whether more is better.
COLUMNS = [
    ("stream", "one stream, Gbit/s", 2, True),
    ("reverse", "the other way", 2, True),
    ("streams", "four streams", 2, True),
    ("wire", "wire, one stream", 2, True),
    ("stream_cpu_a", "CPU s/GB, sender", 2, False),
    ("stream_cpu_b", "receiver", 2, False),
    ("rtt", "RTT under load, ms", 2, False),
    ("rtt99", "its 99 %", 2, False),
    ("lost", "lost, %", 1, False),
    ("resident", "MB resident", 1, False),
    ("small_rate", "64 bytes, kpps", 0, True),
    ("small_cpu", "CPU µs/packet, both", 2, False),
    ("idle", "at rest, CPU s/h", 2, False),
    ("first_ping", "start to first ping, s", 2, False),
]
RATIOS = ["stream", "reverse", "streams", "wire", "cpu", "small_rate", "small_cpu"]
RATIO_HEADINGS = {"stream": "one stream", "reverse": "the other way", "streams": "four streams",
                  "wire": "wire", "cpu": "CPU per GB", "small_rate": "64 bytes, rate",
                  "small_cpu": "64 bytes, CPU"}


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def read(path):
    """Rounds of each name, the lines of a round as one; in the order of their first."""
    rounds = {}
    with open(path) as file:
        for line in file:
            result = json.loads(line)
            mine = rounds.setdefault(result.pop("name"), [])
            rtts = result.pop("rtts", None)
            if rtts:
                result["rtt"], result["rtt99"] = statistics.median(rtts), quantile(rtts, 0.99)
            if "stream_cpu_a" in result:
                result["cpu"] = result["stream_cpu_a"] + result["stream_cpu_b"]
            if mine and mine[-1].get("round") == result.get("round"):
                mine[-1].update(result)
            else:
                mine.append(result)
    return rounds


def values(rounds, key):
    return [result[key] for result in rounds if key in result]


def cell(rounds, key, digits):
    got = values(rounds, key)
    if not got:
        return ""
    text = f"{statistics.median(got):.{digits}f}"
    return text if len(got) == 1 else f"{text} ({min(got):.{digits}f}–{max(got):.{digits}f})"


def ratio(mine, theirs, key):
    pairs = [a[key] / b[key] for a, b in zip(mine, theirs) if a.get(key) and b.get(key)]
    return f"{statistics.median(pairs):.3g}" if pairs else ""


def table(heading, rows):
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def label(name):
    return LABELS.get(name, name)


def bars(rounds, key, heading, top, digits):
    """One group of horizontal bars; whiskers from the least to the greatest."""
    names = [name for name in rounds if values(rounds[name], key)]
    if not names:
        return "", top
    most = max(max(values(rounds[name], key)) for name in names)
    parts = [f'<text x="10" y="{top + 16}" class="heading">{heading}</text>']
    for i, name in enumerate(names):
        got = values(rounds[name], key)
        y, middle = top + 28 + i * 20, statistics.median(got)
        scale = 420 / most if most else 0
        kind = "ours" if name == "stile" else "limit" if name in ("none", "plain") else "other"
        parts.append(
            f'<text x="170" y="{y + 12}" text-anchor="end">{label(name)}</text>'
            f'<rect x="180" y="{y}" width="{middle * scale:.1f}" height="15" class="{kind}"/>'
            f'<path d="M{180 + min(got) * scale:.1f} {y + 7.5}H{180 + max(got) * scale:.1f}"/>'
            f'<text x="{188 + max(got) * scale:.1f}" y="{y + 12}">{middle:.{digits}f}</text>')
    return "\n".join(parts), top + 44 + len(names) * 20


def plot(rounds, path):
    parts, top = [], 4
    for key in ("stream", "streams", "wire", "cpu", "rtt", "rtt99", "resident", "small_rate", "small_cpu"):
        heading, digits = next(((h, d) for k, h, d, _ in COLUMNS if k == key), ("CPU s/GB, both ends", 2))
        if key == "stream":
            heading = "TCP, " + heading
        if key == "rtt99":
            heading = "RTT under load, 99 %, ms"
        part, top = bars(rounds, key, heading, top, digits)
        parts.append(part)
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{top}" '
                   'font-family="sans-serif" font-size="12"><style>.heading{font-weight:bold}'
                   ".ours{fill:#1a5fb4}.limit{fill:#c0bfbc}.other{fill:#99c1f1}"
                   'path{stroke:#241f31;stroke-width:1.5}</style><rect width="100%" height="100%" '
                   'fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def main():
    directory = sys.argv[1]
    rounds = read(os.path.join(directory, "results.jsonl"))
    with open(os.path.join(directory, "conditions")) as file:
        print(file.read())
    columns = [column for column in COLUMNS if any(values(r, column[0]) for r in rounds.values())]
    # Two tables: one would be too wide to read.
    for part in (columns[:7], columns[7:]):
        if part:
            rows = [[label(name)] + [cell(r, key, digits) for key, _, digits, _ in part]
                    for name, r in rounds.items()]
            print(table([""] + [heading for _, heading, _, _ in part], rows), end="\n\n")
    if "stile" in rounds:
        print("Stile, as a multiple of each:\n")
        keys = [key for key in RATIOS if values(rounds["stile"], key)]
        print(table([""] + [RATIO_HEADINGS[key] for key in keys],
                    [[label(name)] + [ratio(rounds["stile"], r, key) for key in keys]
                     for name, r in rounds.items() if name != "stile"]))
    more = [values(rounds.get(name, []), "resident") for name in ("crowd", "stile")]
    if all(more):
        more = [statistics.median(resident) for resident in more]
        print(f"\nMemory of an idle peer: {(more[0] - more[1]) * 1024 / 1000:.1f} kB")
    plot(rounds, os.path.join(directory, "plot.svg"))


main()
