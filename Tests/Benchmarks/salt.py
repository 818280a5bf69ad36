#!/usr/bin/env python3
"""What Tests/Benchmarks/salt measures, once both fleets run: both commands turn about, each from its start to its end."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def run(command, **environment):
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    return time.monotonic() - began, done


def main():
    parser = argparse.ArgumentParser()
    for name in ["muster", "salt", "salt-config"]:
        parser.add_argument(f"--{name}", required=True)
    for name in ["hosts", "rounds"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    # What each knows of its host: system, kernel, processors, memory, addresses.
    ours = [arguments.muster, "ask", "facts", "--json"]
    theirs = [arguments.salt, "-c", arguments.salt_config, "--static", "--out=json", "*", "grains.items"]
    mine, salt = [], []
    for turn in range(arguments.rounds + 1):
        took, done = run(ours)
        answered = json.loads(done.stdout)["coverage"]["outcomes"].get("ok", 0) if done.stdout else 0
        if answered != arguments.hosts:
            sys.exit(f"Muster: {answered} of {arguments.hosts} hosts answered: {done.stderr}")
        took_salt, done = run(theirs)
        answered = sum(1 for value in json.loads(done.stdout or "{}").values() if isinstance(value, dict))
        if answered != arguments.hosts:
            sys.exit(f"Salt: {answered} of {arguments.hosts} hosts answered: {done.stderr}")
        # The first turn warms both up.
        if turn:
            mine.append(took)
            salt.append(took_salt)
    middle, other = statistics.median(mine), statistics.median(salt)
    version = run([arguments.salt, "--version"])[1].stdout.strip()
    print(f"\n{'':24}{'muster':>12}{'salt':>12}", file=sys.stderr)
    print(f"{'all hosts, median':24}{middle * 1000:>9.0f} ms{other * 1000:>9.0f} ms   ({version})", file=sys.stderr)
    print(
        json.dumps(
            {
                "hosts": arguments.hosts,
                "ours_s": round(middle, 4),
                "salt_s": round(other, 4),
                "speedup": round(other / middle, 1),
                "ours_max_s": round(max(mine), 4),
                "salt_max_s": round(max(salt), 4),
                "rounds": arguments.rounds,
                "salt_version": version,
            }
        )
    )


main()
