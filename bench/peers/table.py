"""From measurements to rows, and rows to a table."""

import statistics

OURS = "isochrone"


def rows_of(workload, by_name):
    """by_name: proxy -> its measurements, one a round. One row a metric and proxy; a ratio is taken within each round."""
    rows = []
    for metric, unit in workload.units.items():
        ours = [one.get(metric) for one in by_name.get(OURS, ())]
        for name, found in by_name.items():
            costs = [one[metric] for one in found if metric in one]
            ratios = [mine / theirs for mine, theirs in zip(ours, costs) if mine is not None and theirs]
            rows.append({"workload": workload.name + metric, "peer": name, "unit": unit, "cost": median(costs), "ours": median(ours),
                         "ratio": median(ratios), "costs": costs, "ratios": ratios})
    return rows


def median(values):
    return statistics.median(values) if values else None


def written(number):
    return "-" if number is None else f"{number:.2f}" if abs(number) < 100 else f"{number:.0f}"


def show(rows):
    widths = "{:12} {:10} {:>10} {:12} {:>10} {:>10} {:>8} {:>17}"
    print(widths.format("", "", "median", "", "least", "most", "ours/it", "its least..most"))
    before = None
    for row in rows:
        if not row["costs"]:
            continue
        spread = f"{written(min(row['ratios']))}..{written(max(row['ratios']))}" if row["ratios"] and row["peer"] != OURS else ""
        print(widths.format("" if row["workload"] == before else row["workload"], row["peer"], written(row["cost"]), row["unit"],
                            written(min(row["costs"])), written(max(row["costs"])), written(row["ratio"]) if row["peer"] != OURS else "", spread))
        before = row["workload"]
