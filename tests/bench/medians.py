"""Figures of several runs, as a table or as JSON."""

import json
import statistics


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
