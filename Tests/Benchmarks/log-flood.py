"""Floods a log, watches the agent that follows it, and compares what it says with what was written.

    log-flood.py FOLDER MEGABYTES SECONDS PID MUSTER CPU_MAX
"""

import json
import os
import random
import subprocess
import sys
import time

ROUTES = [("/api/checkout", 503, 8), ("/api/checkout", 200, 52), ("/api/cart", 200, 30), ("/search", 404, 10)]
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def block(numbers, picks):
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    lines = []
    for pick in picks:
        path, status, _ = ROUTES[pick]
        lines.append(
            f'10.1.{numbers.randrange(200)}.9 - user-{numbers.randrange(5000)} [{at}] "GET {path}?n={pick} HTTP/1.1" '
            f'{status} 512 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0" 0.0{numbers.randrange(10, 99)}\n'
        )
    return "".join(lines).encode()


def main(folder, megabytes, seconds, pid, muster, cpu_max):
    numbers = random.Random(4521)
    written = lines = 0
    counts = {}
    begin = last = time.time()
    cpu_begin = cpu_last = cpu_seconds(pid)
    worst = memory = 0
    with open(f"{folder}/logs/access.log", "ab", buffering=0) as log:
        while written < megabytes * 1_000_000 or time.time() - begin < seconds:
            due = megabytes * 1_000_000 * min(1, (time.time() - begin) / seconds)
            if written < due:
                picks = numbers.choices(range(len(ROUTES)), [route[2] for route in ROUTES], k=4000)
                made = block(numbers, picks)
                # Several times the same: making lines must not be what limits the flood.
                for _ in range(4):
                    log.write(made)
                written += 4 * len(made)
                lines += 4 * len(picks)
                for pick in picks:
                    key = ROUTES[pick][:2]
                    counts[key] = counts.get(key, 0) + 4
            else:
                time.sleep(0.01)
            now = time.time()
            if now - last >= 5:
                cpu = cpu_seconds(pid)
                worst = max(worst, (cpu - cpu_last) / (now - last))
                last, cpu_last = now, cpu
                memory = max(memory, resident_kb(pid))
    # What was written last is read by the next ticks.
    time.sleep(5)
    elapsed = time.time() - begin
    mean = (cpu_seconds(pid) - cpu_begin) / elapsed
    asked = subprocess.run(
        [muster, "ask", "requests", "--since", "10m", "--deadline", "20s", "--json"], capture_output=True, text=True
    )
    answer = json.loads(asked.stdout)
    merged = answer["merged"]["requests"]
    rows = {row["total"]["path"]: row["total"] for row in merged["endpoints"]}
    outside = 0
    for path, row in sorted(rows.items()):
        true = sum(count for key, count in counts.items() if key[0] == path)
        failed = counts.get((path, 503), 0)
        for what, told, exact, variance in (
            ("requests", row["count"], true, row["countVariance"]),
            ("errors", row["errors"], failed, row["errorsVariance"]),
        ):
            inside = abs(told - exact) <= 3 * variance**0.5
            outside += not inside
            print(f"{path:16} {what:9} {exact:9} written {told:9} told, 3 s.d. {3 * variance ** 0.5:8.0f}", file=sys.stderr)
    told = sum(row["count"] for row in rows.values())
    every = max((one["sampled"]["every"] for one in merged["sampled"]), default=1)
    print(
        json.dumps(
            {
                "bytes": written,
                "lines": lines,
                "lines_told": told,
                "count_error": round(abs(told - lines) / lines, 5),
                "outside_3_sd": outside,
                "sampled_every_max": every,
                "cpu_ratio_mean": round(mean, 4),
                "cpu_ratio_max_5s": round(worst, 4),
                "cpu_ratio_allowed": int(cpu_max) / 100,
                "rss_kb_max": memory,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6])
