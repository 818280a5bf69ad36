#!/usr/bin/env python3
"""The data and the measurement of Tests/Benchmarks/log-query.

    log-query.py make BYTES OUT FILE...     a large log file of real lines
    log-query.py measure BENCH LOG ROUNDS   CPU time of `BENCH log-query` beside grep's, as JSON

The file has the lines of all FILEs in a shuffled order that is the same on every run, again and again until it has
BYTES bytes. The times at their starts are rewritten in each line's own form, so that they rise evenly over one day,
2026-11-24; nothing else of a line is changed.
"""

import datetime
import json
import os
import random
import re
import statistics
import subprocess
import sys

# Each form of time that the sources begin with, and how it is written for a moment.
FORMS = [
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", "%Y-%m-%d %H:%M:%S"),
    (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "%Y/%m/%d %H:%M:%S"),
    (r"\d\d-\d\d \d\d:\d\d:\d\d", "%m-%d %H:%M:%S"),
    (r"\d{6} \d{6}(?= )", "%y%m%d %H%M%S"),
    (r"\d{8}-\d+:\d+:\d+", "%Y%m%d-%H:%M:%S"),
    (r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", "%b %d %H:%M:%S"),
    (r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \d{4}", "[%a %b %d %H:%M:%S %Y"),
    (r"\[\d\d\.\d\d \d\d:\d\d:\d\d", "[%m.%d %H:%M:%S"),
    (r"(?<=\[)\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?= [+-])", "%d/%b/%Y:%H:%M:%S"),
]
ANYWHERE = FORMS[-1][0]
BGL = re.compile(rb"(\S+ )\d{10} \d{4}\.\d\d\.\d\d (\S+ )\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d(.*)", re.S)


def parts(line):
    """A line as a list of bytes and, where its times stand, of the numbers of their forms."""
    if found := BGL.fullmatch(line):
        return [found[1], -1, b" " + found[2], -2, found[3]]
    for number, (pattern, _) in enumerate(FORMS):
        find = re.search if pattern == ANYWHERE else re.match
        if found := find(pattern.encode(), line):
            return [line[: found.start()], number, line[found.end() :]]
    return [line]


def make(size, out, sources):
    lines = []
    for source in sources:
        with open(source, "rb") as file:
            lines += [parts(line.rstrip(b"\r\n") + b"\n") for line in file if line.strip()]
    random.Random(1).shuffle(lines)
    day = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)
    written, second, place = 0, -1, 0
    with open(out, "wb") as file:
        while written < size:
            now = min(86_399, written * 86_400 // size)
            if now != second:
                second = now
                moment = day + datetime.timedelta(seconds=now)
                text = {number: moment.strftime(form).encode() for number, (_, form) in enumerate(FORMS)}
                text[-1] = f"{int(moment.timestamp())} {moment:%Y.%m.%d}".encode()
                text[-2] = moment.strftime("%Y-%m-%d-%H.%M.%S").encode()
            block = bytearray()
            for line in lines[place : place + 128]:
                for part in line:
                    block += part if isinstance(part, bytes) else text[part]
            place = (place + 128) % len(lines)
            file.write(block)
            written += len(block)


# What is asked: a kind, our options, and grep's.
LITERAL = "POSSIBLE BREAK-IN ATTEMPT"
REGEXES = [
    r"port [0-9]+ ssh2",
    r"(Failed|Accepted) password for (invalid user )?[a-z]+ from",
    r"rhost=[0-9]+\.[0-9.]+  user=root$",
    r"[0-9]{1,3}(\.[0-9]{1,3}){3}:[0-9]{5} ",
]
QUERIES = [
    ("literal", ["--text", LITERAL], ["-c", "-F", LITERAL]),
    # What one would ask grep instead; it finds fewer lines, for most levels are written otherwise.
    ("level", ["--level", "error"], ["-c", "-F", "ERROR"]),
    *(("regex", ["--regex", regex], ["-c", "-E", regex]) for regex in REGEXES),
]


def run(command, locale="C"):
    """Output and CPU seconds, of user and system together, of a process."""
    before = os.times()
    done = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": locale}, check=False)
    after = os.times()
    if done.returncode > 1 or not done.stdout:
        sys.exit(f"error: {command} ended with {done.returncode}")
    spent = after.children_user - before.children_user + after.children_system - before.children_system
    return done.stdout, spent


def measure(bench, log, rounds):
    locales = ["C", "C.UTF-8"]
    times, found = {}, {}
    # The first round warms the cache and does not count.
    for turn in range(rounds + 1):
        for number, (kind, ours, greps) in enumerate(QUERIES):
            output, spent = run([bench, "log-query", log, *ours])
            found[number] = json.loads(output)
            if turn:
                times.setdefault((number, "ours"), []).append(spent)
            for locale in locales:
                output, spent = run(["grep", *greps, log], locale)
                if kind != "level" and int(output) != found[number]["matched"]:
                    sys.exit(f"error: {ours}: grep counts {int(output)} lines, we {found[number]['matched']}")
                if turn:
                    times.setdefault((number, locale), []).append(spent)
    result = {"bytes": os.path.getsize(log), "queries": []}
    totals = {}
    print(f"{'query':<66} {'lines':>9} {'ours s':>8} {'grep s':>8} {'ratio':>6}", file=sys.stderr)
    for number, (kind, ours, greps) in enumerate(QUERIES):
        mine = statistics.median(times[number, "ours"])
        # The faster of the two locales.
        theirs = min(statistics.median(times[number, locale]) for locale in locales)
        ratio = round(mine / theirs, 2)
        total = totals.setdefault(kind, [0, 0])
        total[0] += mine
        total[1] += theirs
        # Of several queries of a kind all together.
        result[f"{kind}_ratio"] = round(total[0] / total[1], 2)
        query = {"query": ours, "peer": ["grep", *greps], "matched": found[number]["matched"]}
        result["queries"].append({**query, "cpu_s": round(mine, 3), "peer_cpu_s": round(theirs, 3), "ratio": ratio})
        text = " ".join(ours)
        print(f"{text:<66} {query['matched']:>9} {mine:>8.2f} {theirs:>8.2f} {ratio:>6.2f}", file=sys.stderr)
    print(json.dumps(result))


if sys.argv[1] == "make":
    make(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
else:
    measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))
