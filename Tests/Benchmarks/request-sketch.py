"""Makes an access log with known contents, and compares what the recorder says of it.

    request-sketch.py make FOLDER LINES    writes FOLDER/access.log and the exact figures, FOLDER/exact.json
    request-sketch.py compare FOLDER       prints a table, then one JSON object

The exact figures come from the values as they stand in the log, sorted and counted here, without any sketch.
"""

import json
import math
import random
import statistics
import sys
import time

QUANTILES = [0.5, 0.9, 0.99, 0.999]
# Path as logged (% stands for a number), endpoint, weight, median latency in ms, spread, share of errors.
ROUTES = [
    ("/api/checkout", "POST /api/checkout", 12, 80, 1.0, 0.030),
    ("/api/cart?items=%", "GET /api/cart", 30, 12, 0.8, 0.002),
    ("/api/orders/%", "GET /api/orders/:id", 20, 25, 1.2, 0.005),
    ("/api/orders/%/items", "GET /api/orders/:id/items", 8, 30, 1.2, 0.004),
    ("/search?q=%", "GET /search", 18, 140, 1.4, 0.010),
    ("/", "GET /", 10, 3, 0.5, 0.0005),
    ("/login", "POST /login", 2, 220, 0.6, 0.020),
]


def make(folder, lines):
    numbers = random.Random(4521)
    weights = [route[2] for route in ROUTES]
    users = [f"user-{n:06d}" for n in range(200_000)]
    latencies = [[] for _ in ROUTES]
    seen = [(set(), set()) for _ in ROUTES]
    errors = [0] * len(ROUTES)
    start = int(time.time()) - 660
    picks = numbers.choices(range(len(ROUTES)), weights, k=lines)
    with open(f"{folder}/access.log", "w") as log:
        for number, pick in enumerate(picks):
            path, endpoint, _, median, spread, share = ROUTES[pick]
            # A few users make most of the requests.
            user = users[int(len(users) * numbers.random() ** 3)]
            failed = numbers.random() < share
            status = 503 if failed else 404 if numbers.random() < 0.01 else 200
            seconds = f"{median / 1000 * math.exp(numbers.gauss(0, spread)):.6f}"
            at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(start + number * 600 // lines))
            if "%" in path:
                path = path.replace("%", str(numbers.randrange(1_000_000)))
            log.write(
                f'10.{number >> 14 & 255}.{number >> 7 & 127}.{pick} - {user} [{at}] '
                f'"{endpoint.split()[0]} {path} HTTP/1.1" {status} {number % 5000} "-" '
                f'"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0" {seconds}\n'
            )
            latencies[pick].append(float(seconds) * 1000)
            seen[pick][0].add(user)
            if failed:
                seen[pick][1].add(user)
                errors[pick] += 1
    exact = {}
    for pick, route in enumerate(ROUTES):
        values = sorted(latencies[pick])
        exact[route[1]] = {
            "count": len(values),
            "errors": errors[pick],
            "quantiles": [values[int(q * (len(values) - 1))] for q in QUANTILES] if values else [],
            "users": len(seen[pick][0]),
            "users_failed": len(seen[pick][1]),
        }
    with open(f"{folder}/exact.json", "w") as out:
        json.dump({"lines": lines, "endpoints": exact}, out)


def compare(folder):
    exact = json.load(open(f"{folder}/exact.json"))
    rounds = [json.load(open(f"{folder}/round-{number}.json")) for number in (1, 2, 3)]
    quantile_errors, distinct_errors, miscounted = [], [], 0
    for number, found in enumerate(rounds):
        rows = {row["endpoint"]: row for row in found["endpoints"]}
        if rows.keys() != exact["endpoints"].keys():
            sys.exit(f"other endpoints than were made: {sorted(rows.keys() ^ exact['endpoints'].keys())}")
        for name, true in exact["endpoints"].items():
            row = rows[name]
            miscounted += abs(row["count"] - true["count"]) + abs(row["errors"] - true["errors"])
            here = [abs(a - b) / b for a, b in zip(row["quantiles"], true["quantiles"])]
            quantile_errors += here
            users = [abs(row[key] - true[key]) / true[key] for key in ("users", "users_failed") if true[key]]
            distinct_errors += users
            if number == 0:
                print(
                    f"{name:28} {true['count']:9} requests {true['errors']:6} errors  quantiles off by at most "
                    f"{max(here):.2%}  {true['users']:7} users, {row['users']:9.0f} told",
                    file=sys.stderr,
                )
    result = {
        "requests_per_s": round(exact["lines"] / statistics.median(r["follow_cpu_s"] for r in rounds)),
        "question_requests_per_s": round(exact["lines"] / statistics.median(r["question_cpu_s"] for r in rounds)),
        "quantile_error": round(max(quantile_errors), 5),
        "distinct_error": round(math.sqrt(statistics.mean(e * e for e in distinct_errors)), 5),
        "distinct_error_max": round(max(distinct_errors), 5),
        "miscounted": miscounted,
        "lines": exact["lines"],
        "bytes_kept": rounds[0]["bytes_kept"],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        compare(sys.argv[2])
