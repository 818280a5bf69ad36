"""The data and the measurement of Tests/Benchmarks/log-mining.

    log-mining.py make LINES OUT FILE...                 lines of all files in a shuffled order, again and again
    log-mining.py drain LOG                              CPU seconds of Drain3 and its templates, as JSON
    log-mining.py measure MUSTER LOG ROUNDS WORK PEER    both turn about, as JSON; PEER is a Python with Drain3
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time


def make(count, out, sources):
    lines = []
    for source in sources:
        with open(source, "rb") as file:
            lines += [line.rstrip(b"\r\n") + b"\n" for line in file if line.strip()]
    random.Random(3).shuffle(lines)
    with open(out, "wb") as file:
        for number in range(count):
            file.write(lines[number % len(lines)])


def drain(log):
    from drain3 import TemplateMiner

    with open(log, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    miner = TemplateMiner()
    begin = time.process_time()
    for line in lines:
        miner.add_log_message(line)
    print(json.dumps({"seconds": time.process_time() - begin, "templates": len(miner.drain.clusters)}))


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(muster, log, rounds, work, peer):
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(run([muster, "evaluate", "templates", log, "--out", f"{work}/groups", "--json"])[0])
        if peer:
            theirs.append(run([peer, __file__, "drain", log]))
    lines = ours[0]["lines"]
    speed = lines / statistics.median(one["seconds"] for one in ours)
    result = {"file": os.path.basename(log), "lines": lines, "lines_per_s": round(speed), "templates": ours[0]["templates"]}
    print(f"{'':10} {'lines/s':>10} {'templates':>10}", file=sys.stderr)
    print(f"{'muster':10} {speed:>10.0f} {ours[0]['templates']:>10}", file=sys.stderr)
    if theirs:
        peers = lines / statistics.median(one["seconds"] for one in theirs)
        print(f"{'Drain3':10} {peers:>10.0f} {theirs[0]['templates']:>10}", file=sys.stderr)
        result.update(
            peer_lines_per_s=round(peers), peer_templates=theirs[0]["templates"], speedup=round(speed / peers, 1)
        )
    else:
        result.update(peer_lines_per_s=None, speedup=None, reason="Drain3 could not be installed from PyPI")
    print(json.dumps(result))


if sys.argv[1] == "make":
    make(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
elif sys.argv[1] == "drain":
    drain(sys.argv[2])
else:
    measure(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], sys.argv[6])
