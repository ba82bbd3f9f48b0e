"""Figures of several runs: their medians, as a table or as JSON, and what to say meanwhile."""

import json
import statistics
import sys


def say(text):
    print(text, file=sys.stderr, flush=True)


def print_table(heads, lines):
    widths = [max(len(str(line[place])) for line in (heads, *lines)) for place in range(len(heads))]
    for line in (heads, *lines):
        first, *others = (str(cell) for cell in line)
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:])]
        print("  ".join(cells).rstrip())


def number(value, unit=""):
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 20 else 2
    return f"{value:,.{digits}f}{' ' + unit if unit else ''}"


def median_of(values):
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def finish(errors):
    """Tells them; the status to end with."""
    for error in errors:
        say(error)
    return 1 if errors else 0


def print_figures(figures, as_json):
    """`figures` is {name: [value of each run, ...]}."""
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    width = max(map(len, figures))
    print(f"{'':{width}}  {'median':>10}  {'least':>10}  {'most':>10}")
    for name, values in figures.items():
        columns = (statistics.median(values), min(values), max(values))
        print(f"{name:{width}}  " + "  ".join(f"{each:10,.2f}" for each in columns))
