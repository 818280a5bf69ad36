#!/usr/bin/env python3
"""What Tests/Benchmarks/at-most-once measures, once all agents have joined: rounds of incidents, each with a plan for all
hosts, while agents and the coordinator are killed and started again."""

import argparse
import collections
import http.client
import json
import os
import random
import signal
import sqlite3
import ssl
import subprocess
import sys
import time

# Incidents that are under way at once: each needs seconds to be looked into, in which others act.
PARALLEL = 5
FINAL = {"refused", "failed", "committed", "rolled-back", "rollback-failed", "indeterminate"}


def say(text):
    print(text, file=sys.stderr, flush=True)


class World:
    def __init__(self, arguments):
        self.arguments = arguments
        self.names = [f"host-{number:03}" for number in range(1, arguments.hosts + 1)]
        self.agents = {}
        self.coordinator = None
        self.killed = collections.Counter()

    def start_agent(self, name):
        folder = f"{self.arguments.work}/agents/{name}"
        log = open(f"{folder}/log", "ab")
        self.agents[name] = subprocess.Popen(
            [f"{self.arguments.bin}/muster-agent", "run", "--config", f"{folder}/etc", "--state", f"{folder}/state"],
            stdout=log,
            stderr=log,
        )

    def kill_agent(self, name):
        self.agents[name].kill()
        self.agents[name].wait()
        self.killed["agents"] += 1
        self.start_agent(name)

    def kill_coordinator(self, meanwhile=lambda: None):
        if self.coordinator:
            self.coordinator.kill()
            self.coordinator.wait()
        else:
            os.kill(self.arguments.coordinator, signal.SIGKILL)
            time.sleep(0.2)
        self.killed["coordinator"] += 1
        meanwhile()
        log = open(f"{self.arguments.work}/coordinator.log", "ab")
        self.coordinator = subprocess.Popen(
            [f"{self.arguments.bin}/muster-coordinator", "serve", "--config", f"{self.arguments.work}/etc"],
            stdout=log,
            stderr=log,
        )

    def call(self, method, path, body=None):
        """None when the coordinator is not there."""
        context = ssl.create_default_context(cafile=f"{self.arguments.work}/state/ca.pem")
        host, port = self.arguments.api.split(":")
        token = open(f"{self.arguments.work}/me/token").read().strip()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        try:
            connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=10)
            connection.request(method, f"/api/v1/{path}", body, headers)
            response = connection.getresponse()
            data = response.read()
            connection.close()
        except (OSError, http.client.HTTPException):
            return None
        if response.status >= 300:
            return None
        return json.loads(data) if data else {}

    def approve(self, identity):
        return (
            subprocess.run(
                [f"{self.arguments.bin}/muster", "approve", identity, "--yes"],
                capture_output=True,
                input=b"",
                env={**os.environ, "MUSTER_CONFIG": f"{self.arguments.work}/me"},
            ).returncode
            == 0
        )

    def stop(self):
        for process in list(self.agents.values()) + ([self.coordinator] if self.coordinator else []):
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser()
    for name in ["bin", "work", "api"]:
        parser.add_argument(f"--{name}", required=True)
    for name in ["trials", "hosts", "seed", "coordinator"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    world = World(arguments)
    rounds = -(-arguments.trials // arguments.hosts)
    for number in range(rounds):
        with open(f"{arguments.work}/etc/runbooks/round-{number}.yaml", "w") as file:
            file.write(
                f"""name: round-{number}
trigger: {{ alert: "round {number}", confidence: low }}
steps:
  - action: mitigate
    run: act
    with: {{ round: r{number} }}
    hosts: fleet=all
    irreversible: it only notes that it ran
    waves: [100%]
    at_once: 100%
    soak: 0s
    error_budget: {arguments.hosts - 1}
"""
            )
    try:
        for name in world.names:
            world.start_agent(name)
        measure(arguments, dice, world, rounds)
    finally:
        world.stop()


def runs(arguments, world, rounds):
    """How often each action ran, by round and host."""
    found = {}
    for number in range(rounds):
        for name in world.names:
            path = f"{arguments.work}/agents/{name}/did/r{number}.began"
            found[number, name] = len(open(path).read().split()) if os.path.exists(path) else 0
    return found


def put_back(arguments):
    """The record as it was when each plan had just been approved: a database restored from a copy, or a thief's."""
    with sqlite3.connect(f"{arguments.work}/state/muster.db") as database:
        database.execute("DROP TRIGGER events_never_go")
        database.execute(
            """DELETE FROM events WHERE seq > (SELECT min(seq) FROM events AS given
               WHERE given.incident = events.incident AND given.kind = 'approval.given')"""
        )
        database.execute("UPDATE incident SET ended_ns = NULL")


def replay(arguments, world, rounds, identities):
    """Has every approved plan carried to every host once more, with new tickets; returns what hosts say to them."""
    world.kill_coordinator(lambda: put_back(arguments))
    states = collections.Counter()
    waiting = set(identities)
    until = time.monotonic() + 60 + 5 * rounds
    while waiting and time.monotonic() < until:
        for identity in list(waiting):
            detail = world.call("GET", f"incidents/{identity}")
            actions = (detail or {"actions": []})["actions"]
            if len(actions) == arguments.hosts and all(each["report"]["state"] in FINAL for each in actions):
                states.update(each["report"]["state"] for each in actions)
                waiting.remove(identity)
        time.sleep(0.5)
    return states


def measure(arguments, dice, world, rounds):
    waiting = list(range(rounds))
    # By round: the incident, and when its plan was approved.
    incidents, approved, over = {}, {}, {}
    next_kill = time.monotonic() + 5
    began = time.monotonic()
    told = 0
    while len(over) < rounds:
        if time.monotonic() - began > 120 + 60 * rounds:
            break
        while waiting and len(incidents) - len(over) < PARALLEL:
            number = waiting[0]
            body = json.dumps({"name": f"round {number}", "service": f"shop-{number}"})
            if world.call("POST", "alerts", body) is None:
                break
            incidents[number] = None
            waiting.pop(0)
        for incident in world.call("GET", "incidents") or []:
            if incident["id"] in incidents.values():
                continue
            for alert in (world.call("GET", f"incidents/{incident['id']}") or {"alerts": []})["alerts"]:
                if alert["name"].startswith("round "):
                    incidents[int(alert["name"].split()[1])] = incident["id"]
        for number, identity in incidents.items():
            if number in over:
                continue
            detail = world.call("GET", f"incidents/{identity}") if identity else None
            if identity is None or detail is None:
                continue
            if detail["pendingPlans"] and number not in approved:
                if world.approve(identity):
                    approved[number] = time.monotonic()
                    # Something dies while it is carried out.
                    next_kill = min(next_kill, time.monotonic() + dice.random() * 1.5)
            rollouts = detail.get("rollouts") or []
            if rollouts and rollouts[0]["state"] in ("done", "stopped") and rollouts[0]["unsettled"] == 0:
                over[number] = detail
        if time.monotonic() >= next_kill:
            if dice.random() < 0.1:
                world.kill_coordinator()
            else:
                for name in dice.sample(world.names, dice.randint(1, max(1, arguments.hosts // 5))):
                    world.kill_agent(name)
            next_kill = time.monotonic() + 0.2 + dice.random()
        if len(over) >= told + 10:
            told = len(over)
            say(f"{told * arguments.hosts} trials, {dict(world.killed)} killed")
        time.sleep(0.2)
    time.sleep(2)
    states = collections.Counter()
    lost = twice = ran = 0
    found = runs(arguments, world, rounds)
    say(f"{sum(found.values())} runs; now the record is put back, and every plan comes once more")
    replayed = replay(arguments, world, rounds, [incidents[number] for number in over])
    again = runs(arguments, world, rounds)
    for number in range(rounds):
        detail = over.get(number)
        told_of = {action["host"]["name"]: action["report"]["state"] for action in (detail or {"actions": []})["actions"]}
        for name in world.names:
            twice += found[number, name] > 1
            ran += found[number, name] > 0
            state = told_of.get(name)
            if state is None or (state not in FINAL and state != "done"):
                lost += 1
            else:
                states[state] += 1
    result = {
        "trials": rounds * arguments.hosts,
        "executed_twice": twice,
        "lost": lost,
        "indeterminate": states["indeterminate"],
        "rolled_back": states["rolled-back"],
        "done": states["done"] + states["committed"],
        "failed": states["failed"],
        "refused": states["refused"],
        "executed": ran,
        "replayed": sum(replayed.values()),
        "replays_refused": replayed["refused"],
        "replays_executed": sum(again[key] > max(1, found[key]) for key in found),
        "killed_agents": world.killed["agents"],
        "killed_coordinator": world.killed["coordinator"],
        "seconds": round(time.monotonic() - began),
        "seed": arguments.seed,
    }
    say(
        f"{result['trials']} trials: {twice} ran twice, {lost} without an end; {result['done']} done, "
        f"{result['indeterminate']} indeterminate, {result['failed']} not begun or failed; "
        f"{result['replayed']} plans brought once more: {result['replays_executed']} ran, "
        f"{result['replays_refused']} refused; {result['killed_agents']} agents and the coordinator {result['killed_coordinator']} times killed"
    )
    print(json.dumps(result))


main()
