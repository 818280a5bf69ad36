"""How often the engine names the right cause of recorded incidents, and whether it knows how sure it may be.

    causes.py MUSTER DATA

Runs `muster evaluate causes` in different ways over DATA/rca and prints tables on standard error, one JSON object on
standard output. Standard library only. The truth is used here, to score and to fit; the engine never sees it.
"""
import atexit
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

MUSTER, DATA = sys.argv[1:3]
RCA = os.path.join(DATA, "rca")
SOURCES = ["resource", "transit", "own-time", "path", "latency", "errors", "logs"]
# The names of their weights, as `muster evaluate causes` prints and takes them.
KEYS = {"resource": "resource", "transit": "transit", "own-time": "ownTime", "path": "path", "latency": "latency",
        "errors": "errors", "logs": "logs"}


def say(text=""):
    print(text, file=sys.stderr, flush=True)


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


TRUTH = {row["case"]: row for row in read_lines(os.path.join(RCA, "truth.jsonl"))}
WORK = tempfile.mkdtemp()
atexit.register(shutil.rmtree, WORK, ignore_errors=True)


def rank(*options, weights=None):
    out = os.path.join(WORK, "rankings.jsonl")
    command = [MUSTER, "evaluate", "causes", RCA, "--out", out, "--json", *options]
    if weights:
        path = os.path.join(WORK, "weights.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(weights, file)
        command += ["--weights", path]
    summary = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {(row["case"], row["task"]): row for row in read_lines(out)}, summary


def same(name, answer, task):
    if task == "change" and name != "none" and answer != "none":
        return len(os.path.commonprefix([name, answer])) >= 7
    return name == answer


def place_of(row):
    """Where the right answer stands, from 1; None when it is not in the list."""
    answers = TRUTH[row["case"]]["answers"]
    for place, entry in enumerate(row["ranking"], 1):
        if any(same(entry["name"], answer, row["task"]) for answer in answers):
            return place
    return None


def accuracy(rows, k=1):
    rows = list(rows)
    return sum((place_of(row) or 99) <= k for row in rows) / max(1, len(rows))


def average5(rows):
    rows = list(rows)
    return sum(accuracy(rows, k) for k in range(1, 6)) / 5


def systems(rows):
    found = {}
    for row in rows.values():
        found.setdefault(TRUTH[row["case"]]["system"], []).append(row)
    return found


def mcnemar(ours, theirs):
    """Wins, losses and the two-sided exact p of ours against theirs at the first place."""
    wins = sum(a and not b for a, b in zip(ours, theirs))
    losses = sum(b and not a for a, b in zip(ours, theirs))
    n = wins + losses
    tail = sum(math.comb(n, i) for i in range(min(wins, losses) + 1)) / 2 ** n if n else 1
    return wins, losses, min(1.0, 2 * tail)


def logit(p):
    p = min(max(p, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def sigmoid(x):
    return 1 / (1 + math.exp(-max(-50, min(50, x))))


def fit_platt(points):
    """Intercept and slope for (share, right) pairs, with Platt's targets; the slope is held near 1 a little."""
    good = sum(right for _, right in points)
    targets = ((good + 1) / (good + 2), 1 / (len(points) - good + 2))
    a, b = 0.0, 1.0
    for _ in range(3000):
        da = db = 0.0
        for share, right in points:
            x = logit(share)
            off = sigmoid(a + b * x) - (targets[0] if right else targets[1])
            da += off
            db += off * x
        a -= 0.5 * da / len(points)
        b -= 0.5 * (db / len(points) + 0.01 * (b - 1))
    return a, b


def reliability(points):
    """Bins, ECE, Brier skill over the base rate and AUROC of (probability, right) pairs."""
    n = len(points)
    base = sum(right for _, right in points) / n
    bins = []
    for low in range(10):
        part = [(p, r) for p, r in points if min(9, int(p * 10)) == low]
        if part:
            bins.append({"from": low / 10, "n": len(part), "said": round(sum(p for p, _ in part) / len(part), 3),
                         "right": round(sum(r for _, r in part) / len(part), 3)})
    ece = sum(abs(b["said"] - b["right"]) * b["n"] for b in bins) / n
    brier = sum((p - r) ** 2 for p, r in points) / n
    reference = base * (1 - base)
    good = [p for p, r in points if r]
    bad = [p for p, r in points if not r]
    pairs = sum((a > b) + 0.5 * (a == b) for a in good for b in bad)
    return {"n": n, "base": round(base, 3), "bins": bins, "ece": round(ece, 3), "brier": round(brier, 4),
            "brier_skill": round(1 - brier / reference, 3) if reference else None,
            "auroc": round(pairs / (len(good) * len(bad)), 3) if good and bad else None}


def fit_weights(rows):
    """A factor on each kind of evidence by conditional logit: the right place among all of its case.

    Held near 1 (ridge), since a kind that hardly occurs in the cases at hand tells nothing.
    """
    factors = {source: 1.0 for source in SOURCES}
    data = []
    for row in rows:
        answers = set(TRUTH[row["case"]]["answers"])
        right = [i for i, entry in enumerate(row["ranking"]) if entry["name"] in answers]
        if right:
            data.append((right[0], [entry["parts"] for entry in row["ranking"]]))
    for _ in range(400):
        slope = {source: 0.05 * len(data) * (1 - factors[source]) for source in SOURCES}
        for right, parts in data:
            scores = [sum(factors[s] * v for s, v in part.items()) for part in parts]
            top = max(scores)
            shares = [math.exp(score - top) for score in scores]
            total = sum(shares)
            for place, part in enumerate(parts):
                pull = (place == right) - shares[place] / total
                for source, value in part.items():
                    slope[source] += pull * value
        for source in SOURCES:
            factors[source] = max(0.0, factors[source] + 0.01 * slope[source])
    return factors


def quiet_share(*options):
    rows, _ = rank(*options, "--task", "service")
    named = sorted(row["case"] for row in rows.values() if row["verdict"] in ("likely", "known"))
    return 1 - len(named) / len(rows), named


def main():
    result = {}
    rows, summary = rank("--explain")
    services = {key: row for key, row in rows.items() if key[1] == "service"}
    changes = {key: row for key, row in rows.items() if key[1] == "change"}
    say(f"{len(rows)} cases, {summary['secondsMean']:.3f} s each, the slowest {summary['secondsMax']:.3f} s, at most "
        f"{summary['peakMemoryBytes'] / 1048576:.0f} MB")
    result["seconds"] = {"mean": round(summary["secondsMean"], 4), "max": round(summary["secondsMax"], 4)}
    result["peak_memory_bytes"] = summary["peakMemoryBytes"]

    say("\nsystem                      cases  first      AC@1  AC@3  Avg@5")
    result["accuracy"] = {}
    for name, part in [*sorted(systems(rows).items()), ("services together", list(services.values()))]:
        first = sum(place_of(row) == 1 for row in part)
        figures = {"cases": len(part), "first": first, "ac1": round(accuracy(part), 3),
                   "ac3": round(accuracy(part, 3), 3), "avg5": round(average5(part), 3)}
        result["accuracy"][name] = figures
        say(f"{name:27} {len(part):5}  {first:2}/{len(part):2}     {figures['ac1']:.3f} {figures['ac3']:.3f} "
            f"{figures['avg5']:.3f}")
    if changes:
        decoys = 0
        for row in changes.values():
            bad = TRUTH[row["case"]].get("decoys", [])
            decoys += any(same(row["ranking"][0]["name"], decoy, "change") for decoy in bad)
        result["decoy_first"] = decoys
        say(f"a decoy change first in {decoys} of {len(changes)}")

    # As the scorer does, a case that the other list lacks counts as wrong for it; beside it on its own cases alone.
    say("\nagainst (McNemar, exact)       all: wins losses p         on its own cases: n wins losses p")
    result["compared"] = {}
    folder = os.path.join(RCA, "baselines")
    for name in sorted(os.listdir(folder)):
        theirs = {(row["case"], row.get("task", "service")): row for row in read_lines(os.path.join(folder, name))}
        task = next(iter(theirs.values())).get("task", "service")
        everything = [key for key in rows if key[1] == task]
        for row in theirs.values():
            row.setdefault("task", "service")
            row["ranking"] = [e if isinstance(e, dict) else {"name": e} for e in row["ranking"]]
            for entry in row["ranking"]:
                entry.setdefault("name", entry.get("entity") or entry.get("service") or entry.get("sha"))
        figures = {}
        for title, keys in (("all", everything), ("own", [key for key in everything if key in theirs])):
            wins, losses, p = mcnemar([place_of(rows[key]) == 1 for key in keys],
                                      [key in theirs and place_of(theirs[key]) == 1 for key in keys])
            figures[title] = {"cases": len(keys), "wins": wins, "losses": losses, "p": round(p, 5)}
        result["compared"][name.removesuffix(".jsonl")] = figures
        whole, own = figures["all"], figures["own"]
        say(f"{name.removesuffix('.jsonl'):32} {whole['wins']:5} {whole['losses']:6} {whole['p']:.5f} {own['cases']:18} "
            f"{own['wins']:4} {own['losses']:6} {own['p']:.5f}")

    renamed, _ = rank("--rename", "7")
    differing = [key[0] for key, row in rows.items()
                 if [e["name"] for e in row["ranking"]] != [e["name"] for e in renamed[key]["ranking"]]]
    result["renamed_differs"] = differing
    say(f"\nlists that change when all entities are renamed: {len(differing)}")
    later, _ = rank("--after", "60", "--task", "service")
    result["after_60_s_ac1"] = round(accuracy(later.values()), 3)
    say(f"AC@1 when the alert fires 60 s later: {result['after_60_s_ac1']:.3f}")

    # Leave one system out: fitted on the others, tried on the one.
    say("\nleft out                    AC@1 with weights fitted on the others")
    held = {}
    parts = systems(services)
    for name in sorted(parts):
        others = [row for other, part in parts.items() if other != name for row in part]
        factors = fit_weights(others)
        weights = dict(summary["weights"])
        for source in SOURCES:
            weights[KEYS[source]] *= factors[source]
        tried, _ = rank("--task", "service", weights=weights)
        part = [row for row in tried.values() if TRUTH[row["case"]]["system"] == name]
        held.update({row["case"]: row for row in part})
        fitted = ", ".join(f"{s} {weights[KEYS[s]]:.1f}" for s in SOURCES)
        say(f"{name:27} {accuracy(part):.3f}  ({fitted})")
        result.setdefault("left_out", {})[name] = round(accuracy(part), 3)
    result["left_out"]["together"] = round(accuracy(held.values()), 3)
    say(f"{'together':27} {result['left_out']['together']:.3f}")

    # Calibration: cases with a fault and moments without one, five folds; both of a case in the same fold.
    shares, _ = rank("--uncalibrated", "--task", "service")
    healthy, _ = rank("--uncalibrated", "--healthy", "--task", "service")
    points = []
    for key in sorted(shares):
        points.append((key[0], shares[key]["ranking"][0]["probability"], place_of(shares[key]) == 1, True))
        points.append((key[0], healthy[key]["ranking"][0]["probability"], False, False))
    said = []
    for fold in range(5):
        names = sorted(set(point[0] for point in points))
        test = {name for index, name in enumerate(names) if index % 5 == fold}
        a, b = fit_platt([(p, r) for name, p, r, _ in points if name not in test])
        said += [(sigmoid(a + b * logit(p)), r, fault) for name, p, r, fault in points if name in test]
    a, b = fit_platt([(p, r) for _, p, r, _ in points])
    result["fitted"] = {"intercept": round(a, 2), "slope": round(b, 2)}
    result["reliability"] = reliability([(p, r) for p, r, _ in said])
    result["reliability_faults_only"] = reliability([(p, r) for p, r, fault in said if fault])
    for title, key in (("faults and healthy moments", "reliability"), ("faults alone", "reliability_faults_only")):
        table = result[key]
        say(f"\nreliability by five folds, {title}: n {table['n']}, base rate {table['base']}, ECE {table['ece']}, Brier "
            f"{table['brier']}, skill {table['brier_skill']}, AUROC {table['auroc']}")
        for row in table["bins"]:
            say(f"    {row['from']:.1f}..{row['from'] + 0.1:.1f}  {row['n']:4}  said {row['said']:.2f}  right "
                f"{row['right']:.2f}")
    say(f"the fit on all: intercept {a:.2f}, slope {b:.2f}")

    silent = [row["case"] for row in services.values() if row["verdict"] not in ("likely", "known")]
    result["abstained_on_faults"] = round(len(silent) / len(services), 3)
    say(f"\nno verdict on a real fault: {len(silent)} of {len(services)}: {', '.join(silent)}")
    half, _ = rank("--coverage", "0.5", "--task", "service")
    raised = [key[0] for key in services
              if half[key]["ranking"][0]["probability"] > services[key]["ranking"][0]["probability"] + 1e-9]
    mean = [sum(r["ranking"][0]["probability"] for r in some.values()) / len(some) for some in (services, half)]
    result["coverage"] = {"mean_whole": round(mean[0], 3), "mean_half": round(mean[1], 3), "raised": raised}
    say(f"half of the services silent: mean confidence {mean[0]:.2f} -> {mean[1]:.2f}, higher in {len(raised)} cases")
    result["no_fault"] = {}
    for title, options in (("healthy moments", ["--healthy"]), ("100 s before", ["--before", "100"]),
                           ("240 s before", ["--before", "240"])):
        share, named = quiet_share(*options)
        result["no_fault"][title] = {"abstained": round(share, 3), "named": named}
        say(f"no fault, {title}: no verdict in {share:.1%}; else in {', '.join(named) or 'none'}")

    say("\nwithout              AC@1   change   Avg@5")
    result["ablation"] = {}
    whole = accuracy(services.values())
    for source in SOURCES:
        part, _ = rank("--without", source, "--task", "service")
        ac1, avg5 = accuracy(part.values()), average5(part.values())
        result["ablation"][source] = {"ac1": round(ac1, 3), "avg5": round(avg5, 3)}
        say(f"{source:19} {ac1:.3f}  {ac1 - whole:+.3f}   {avg5:.3f}")
    print(json.dumps(result))


main()
