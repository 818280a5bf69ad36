#!/usr/bin/env python3
"""What Tests/Benchmarks/fanout, reconnect, truth and soak measure, once a coordinator runs and the swarm has joined."""

import argparse
import atexit
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


# What was started and has to end with this, however it ends.
CHILDREN = []


def end_children():
    for child in CHILDREN:
        if child.poll() is None:
            child.kill()
            child.wait()


atexit.register(end_children)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def launch(command, **options):
    child = subprocess.Popen(command, **options)
    CHILDREN.append(child)
    return child


def say(text):
    print(text, file=sys.stderr, flush=True)


def fail(text):
    say(text)
    sys.exit(1)


def cpu_seconds(pid):
    """User and system time of a process."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kb(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Swarm:
    """A running muster-swarm and the newest line of its report."""

    def __init__(self, arguments, coordinator, extra=()):
        command = [
            arguments.swarm, "--agents", str(arguments.agents), "--dir", f"{arguments.work}/swarm",
            "--coordinator", coordinator, "--seed", str(arguments.seed), *extra,
        ]
        self.lines = [{"online": 0, "heartbeats": 0, "refused": 0, "connects": 0, "atMs": 0}]
        self.process = launch(command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    @property
    def counts(self):
        return self.lines[-1]

    def online(self, count, seconds):
        """Whether so many agents are online within the time."""
        end = time.monotonic() + seconds
        while self.counts["online"] < count:
            if self.process.poll() is not None:
                fail("the swarm has ended")
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def wait_online(self, count, seconds):
        if not self.online(count, seconds):
            fail(f"only {self.counts['online']} of {count} agents are online after {seconds} s: {self.counts}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def yardstick(arguments, rounds):
    """Milliseconds of each round, and the CPU microseconds an agent."""
    port = free_port()
    state = f"{arguments.work}/state"
    process = launch(
        [
            arguments.yardstick, str(port), f"{state}/coordinator.pem", f"{state}/coordinator.key",
            f"{state}/ca.pem", str(arguments.agents), str(rounds),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdout.readline().strip() != "listening":
        fail("the yardstick does not listen")
    swarm = Swarm(arguments, f"127.0.0.1:{port}")
    result = {"round": []}
    for line in process.stdout:
        name, value = line.split()
        if name == "round":
            result["round"].append(float(value))
        else:
            result[name] = float(value)
    if process.wait() != 0 or len(result["round"]) != rounds:
        fail("the yardstick has failed")
    swarm.stop()
    return result


class Coordinator:
    """Asks the coordinator as an operator does."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.token = open(f"{arguments.work}/me/token").read().strip()
        self.context = ssl.create_default_context(cafile=f"{arguments.work}/state/ca.pem")

    def call(self, method, path, body=None, timeout=60):
        host, port = self.arguments.api.split(":")
        connection = http.client.HTTPSConnection(host, int(port), context=self.context, timeout=timeout)
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        connection.request(method, f"/api/v1/{path}", body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if response.status != 200:
            fail(f"the coordinator refuses {path}: {data}")
        return data

    def get(self, path):
        return json.loads(self.call("GET", path))

    def alerted_hosts(self):
        """Hosts that an open alert of the coordinator's own says are cut off."""
        for incident in self.get("incidents"):
            detail = self.get(f"incidents/{incident['id']}")
            for alert in detail["alerts"]:
                if alert["name"] == "Host in quarantine":
                    yield alert["labels"]["host"]

    def ask(self, probe, on="all", deadline=5):
        body = json.dumps({"probe": probe, "on": on, "deadlineSeconds": deadline})
        last = json.loads(self.call("POST", "ask", body, timeout=deadline + 60).splitlines()[-1])
        if "result" not in last:
            fail(f"the question has failed: {last}")
        return last["result"]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def ours(arguments, rounds, result):
    """Adds a turn of ours to the result."""
    pid = arguments.coordinator
    coordinator = Coordinator(arguments)
    before_kb = resident_kb(pid)
    swarm = Swarm(arguments, arguments.address)
    swarm.wait_online(arguments.agents, 120)
    time.sleep(3)
    result["kb"].append((resident_kb(pid) - before_kb) / arguments.agents)
    # Two and a half intervals of nothing but heartbeats.
    cpu, beats = cpu_seconds(pid), swarm.counts["heartbeats"]
    time.sleep(arguments.idle)
    beats = swarm.counts["heartbeats"] - beats
    if beats:
        result["beat"].append((cpu_seconds(pid) - cpu) * 1e6 / beats)
    coordinator.ask({"processes": {"text": ""}})
    for _ in range(rounds):
        cpu = cpu_seconds(pid)
        answer = coordinator.ask({"processes": {"text": ""}})
        result["cpu"].append((cpu_seconds(pid) - cpu) * 1e6 / arguments.agents)
        result["round"].append(answer["tookMilliseconds"])
        result["answered"].append(answer["coverage"]["outcomes"].get("ok", 0))
        time.sleep(0.3)
    result["kb_after"].append((resident_kb(pid) - before_kb) / arguments.agents)
    swarm.stop()
    time.sleep(1)


def fanout(arguments):
    turns = 2
    theirs, mine = [], {"round": [], "kb": [], "beat": [], "cpu": [], "answered": [], "kb_after": []}
    cpu = []
    for turn in range(turns):
        say(f"turn {turn + 1} of {turns}: the yardstick")
        measured = yardstick(arguments, arguments.rounds // turns or 1)
        theirs += measured["round"]
        cpu.append(measured["cpu"])
        say(f"turn {turn + 1} of {turns}: the coordinator")
        ours(arguments, arguments.rounds // turns or 1, mine)
    median, yard = statistics.median(mine["round"]), statistics.median(theirs)
    # The trial that the yardstick must not be much slower than had 154 ms for 10 000 agents.
    limit = 154 * 1.5 * arguments.agents / 10_000
    result = {
        "agents": arguments.agents,
        "answered": min(mine["answered"]),
        "median_ms": round(median, 1),
        "p99_ms": round(percentile(mine["round"], 0.99), 1),
        "yardstick_ms": round(yard, 1),
        "yardstick_ratio": round(median / yard, 2),
        "yardstick_void": arguments.agents >= 10_000 and yard > limit,
        "kb_per_agent": round(mine["kb"][0], 1),
        "kb_per_agent_after": round(mine["kb_after"][-1], 1),
        "cpu_us_per_agent": round(statistics.median(mine["cpu"]), 1),
        "yardstick_cpu_us_per_agent": round(statistics.median(cpu), 1),
        "cpu_us_per_heartbeat": round(statistics.median(mine["beat"]), 1) if mine["beat"] else None,
        "rounds": len(mine["round"]),
    }
    say("")
    say(f"{'':24}{'muster':>12}{'yardstick':>12}")
    say(f"{'all done, median':24}{result['median_ms']:>9} ms{result['yardstick_ms']:>9} ms")
    say(f"{'all done, p99':24}{result['p99_ms']:>9} ms{percentile(theirs, 0.99):>9.1f} ms")
    say(f"{'CPU an agent, a round':24}{result['cpu_us_per_agent']:>9} us{result['yardstick_cpu_us_per_agent']:>9} us")
    say(f"{'memory an idle agent':24}{result['kb_per_agent']:>9} KB")
    if result["yardstick_void"]:
        say(f"void: the yardstick took more than {limit:.0f} ms; the machine is not quiet")
    print(json.dumps(result))


# As short as a test can have it; production waits up to 1 s first and up to 120 s later.
BACKOFF = ["--backoff-min", "0.5", "--backoff-max", "1"]


def back(swarm, agents, start, seconds=120):
    """Starts a server; gives the seconds until 95% and all agents are back (None when they never were), the
    connections that it turned away, and the agents that were not back in time."""
    began = time.time() * 1000
    mark = len(swarm.lines)
    start()
    listening = time.time() * 1000
    swarm.online(agents, seconds)
    lines = swarm.lines[mark:]
    # Lines tell what was before them: those of the first moments still count attempts from before it listened.
    before = next((line["refused"] for line in lines if line["atMs"] > listening + 500), swarm.counts["refused"])

    def at(share):
        found = [line["atMs"] for line in lines if line["online"] >= share * agents]
        return (found[0] - began) / 1000 if found else None

    return at(0.95), at(1.0), swarm.counts["refused"] - before, agents - swarm.counts["online"]


def middle_of(turns):
    """The median of each figure; None when it was not there in every turn."""
    return [None if None in values else statistics.median(values) for values in zip(*turns)]


def seconds_text(value):
    return "never" if value is None else f"{value:.2f}"


def reconnect(arguments):
    state = f"{arguments.work}/state"
    mine, theirs = [], []
    for turn in range(arguments.rounds):
        say(f"turn {turn + 1} of {arguments.rounds}: the yardstick")
        port = free_port()
        swarm = Swarm(arguments, f"127.0.0.1:{port}", BACKOFF)
        time.sleep(4)

        def start():
            nonlocal process
            process = launch(
                [
                    arguments.yardstick, str(port), f"{state}/coordinator.pem", f"{state}/coordinator.key",
                    f"{state}/ca.pem", str(arguments.agents), "1",
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            process.stdout.readline()

        process = None
        theirs.append(back(swarm, arguments.agents, start))
        swarm.stop()
        process.kill()
        process.wait()

        say(f"turn {turn + 1} of {arguments.rounds}: the coordinator")
        swarm = Swarm(arguments, arguments.address, BACKOFF)
        swarm.wait_online(arguments.agents, 120)
        time.sleep(2)
        kill(arguments)
        time.sleep(4)
        mine.append(back(swarm, arguments.agents, lambda: serve(arguments)))
        swarm.stop()
        time.sleep(1)
    production = usual(arguments)
    kill(arguments)
    middle, yard = middle_of(mine), middle_of(theirs)
    if yard[1] is None:
        fail("not all agents came to the yardstick")
    result = {
        "agents": arguments.agents,
        "back_95_s": middle[0],
        "back_100_s": middle[1],
        "refused": int(middle[2]),
        "lost": max(turn[3] for turn in mine),
        "yardstick_95_s": yard[0],
        "yardstick_100_s": yard[1],
        "yardstick_ratio": round(middle[1] / yard[1], 2) if middle[1] else None,
        "yardstick_refused": int(yard[2]),
        "rounds": arguments.rounds,
        "production": production,
    }
    say(f"{'':24}{'muster':>12}{'yardstick':>12}")
    say(f"{'95% are back':24}{seconds_text(middle[0]):>10} s{seconds_text(yard[0]):>10} s")
    say(f"{'all are back':24}{seconds_text(middle[1]):>10} s{seconds_text(yard[1]):>10} s")
    say(f"{'turned away':24}{result['refused']:>12}{result['yardstick_refused']:>12}")
    say(
        f"with the usual backoff: 95% after {seconds_text(production['back_95_s'])} s, all after "
        f"{seconds_text(production['back_100_s'])} s, {production['refused']} turned away; meanwhile a question took "
        f"{production['ask_median_ms']:.0f} ms, at most {production['ask_max_ms']:.0f} ms, and "
        f"{production['timeouts']} hosts did not answer in time"
    )
    print(json.dumps(result))


def usual(arguments):
    """The same with the backoff of production, and with an operator who goes on asking everybody meanwhile."""
    say("the coordinator, with the usual backoff")
    if arguments.process is None or arguments.process.poll() is not None:
        serve(arguments)
    swarm = Swarm(arguments, arguments.address)
    swarm.wait_online(arguments.agents, 120)
    time.sleep(2)
    kill(arguments)
    time.sleep(4)
    took, timeouts, done = [], [], threading.Event()

    def ask_on():
        time.sleep(1)
        coordinator = Coordinator(arguments)
        while not done.is_set():
            answer = coordinator.ask({"facts": {}})
            took.append(answer["tookMilliseconds"])
            timeouts.append(answer["coverage"]["outcomes"].get("timeout", 0))
            time.sleep(0.2)

    asker = threading.Thread(target=ask_on, daemon=True)

    def start():
        serve(arguments)
        asker.start()

    back_95, back_100, refused, lost = back(swarm, arguments.agents, start, seconds=240)
    done.set()
    asker.join(60)
    swarm.stop()
    return {
        "back_95_s": back_95, "back_100_s": back_100, "refused": refused, "lost": lost, "asked": len(took),
        "ask_median_ms": statistics.median(took), "ask_max_ms": max(took), "timeouts": sum(timeouts),
    }


def kill(arguments):
    """As a power cut would end it."""
    os.kill(arguments.coordinator, signal.SIGKILL)
    if arguments.process:
        arguments.process.wait()


def serve(arguments):
    """Starts the coordinator again and waits until agents can come."""
    log = open(f"{arguments.work}/again.log", "w")
    arguments.process = launch(
        [arguments.program, "serve", "--config", f"{arguments.work}/etc"], stdout=log, stderr=log
    )
    arguments.coordinator = arguments.process.pid
    host, port = arguments.address.split(":")
    for _ in range(1000):
        with socket.socket() as sock:
            if sock.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.02)
    fail("the coordinator does not come back")


# What each fault has to be told as.
OUTCOMES = {
    "hung": "timeout", "slow": "timeout", "crash": "unreachable", "crash-midway": "partial",
    "oversize": "failed", "lying": "failed", "duplicate": "unreachable",
}


def clush(faults, deadline):
    """How ClusterShell's clush tells the hung and the slow ones, each host a local process; None without it."""
    if not shutil.which("clush"):
        return None
    bad = [number for number, fault in enumerate(faults) if fault in ("hung", "slow")]
    hosts = f"n[0-{len(faults) - 1}]"
    sleepers = ",".join(f"n{number}" for number in bad)
    script = f'case ",{sleepers}," in *,%h,*) exec sleep 60;; *) echo %h;; esac'
    began = time.monotonic()
    run = subprocess.run(
        ["clush", "-R", "exec", "-f", str(len(faults)), "-u", str(deadline), "-S", "-w", hosts, script],
        capture_output=True, text=True,
    )
    took = time.monotonic() - began
    told = set()
    for line in run.stderr.splitlines():
        if "timeout" in line:
            told |= {int(word) for word in expand(line)}
    return {
        "asked": len(bad), "right": len(told & set(bad)), "wrong": len(told - set(bad)),
        "finished_s": round(took, 2), "told": run.stderr.strip().splitlines()[:2],
    }


def expand(line):
    """Numbers of the hosts that a line of clush names: n[1,5-7] or n1."""
    for inside in re.findall(r"\bn(?:\[([\d,-]+)\]|(\d+))", line):
        for part in (inside[0] or inside[1]).split(","):
            low, _, high = part.partition("-")
            yield from range(int(low), int(high or low) + 1)


def truth(arguments):
    coordinator = Coordinator(arguments)
    faults = [option for fault in OUTCOMES for option in ("--fault", f"{fault}={arguments.share}%")]
    plan_file = f"{arguments.work}/plan.json"
    swarm = Swarm(arguments, arguments.address, [*faults, "--plan", plan_file, "--slowness", "60", "--honest-for", "80"])
    started = time.monotonic()
    duplicates = round(arguments.agents * arguments.share / 100)
    # Copies are cut off two seconds later.
    swarm.wait_online(arguments.agents - duplicates, 60)
    # Until the copies have been found out.
    end = time.monotonic() + 30
    while sum(host["state"] == "quarantined" for host in coordinator.get("fleet")) < duplicates:
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    # The alert sets off questions of the coordinator's own, and the map has some; the liars begin when those are over.
    time.sleep(max(0, started + 90 - time.monotonic()))
    plan = json.load(open(plan_file))
    expected = {agent["name"]: OUTCOMES.get(agent.get("fault"), "ok") for agent in plan}
    faulty = {agent["name"]: agent.get("fault") for agent in plan}
    now = time.time()
    window = {"from": stamp(now - 600), "to": stamp(now)}
    began = time.monotonic()
    answer = coordinator.ask(
        {"logs": {"window": window, "service": "", "text": ""}}, deadline=arguments.deadline
    )
    finished = time.monotonic() - began
    found = {host["host"]["name"]: host["outcome"] for host in answer["hosts"]}
    wrong = []
    for name, kind in sorted(expected.items()):
        outcome = found.get(name, {"kind": "missing", "reason": ""})
        if outcome["kind"] != kind:
            wrong.append(
                {
                    "host": name, "fault": faulty[name], "expected": kind, "found": outcome["kind"],
                    "reason": outcome["reason"],
                }
            )
    # Whoever lied or was copied has to be cut off, nobody else, and an alert has to say so.
    time.sleep(2)
    apart = {host["name"] for host in coordinator.get("fleet") if host["state"] == "quarantined"}
    liars = {name for name, fault in faulty.items() if fault in ("lying", "duplicate")}
    alerted = set(coordinator.alerted_hosts())
    for name in sorted(apart ^ liars):
        wrong.append({"host": name, "fault": faulty[name], "quarantined": name in apart})
    for name in sorted(alerted ^ liars):
        wrong.append({"host": name, "fault": faulty[name], "alerted": name in alerted})
    peers = {"clush": clush([agent.get("fault") for agent in plan], arguments.deadline)}
    if peers["clush"] is None:
        peers["clush_reason"] = "clush is not installed (package clustershell)"
    swarm.stop()
    names = {entry["host"] for entry in wrong}
    result = {
        "agents": arguments.agents,
        "right": arguments.agents - len(names),
        "wrong": wrong[:100],
        "deadline_s": arguments.deadline,
        "finished_s": round(finished, 2),
        "took_s": round(answer["tookMilliseconds"] / 1000, 2),
        "quarantined": len(apart),
        "coverage": answer["coverage"],
        "peers": peers,
    }
    say(f"{result['right']} of {result['agents']} hosts told right, in {result['finished_s']} s")
    for entry in wrong[:20]:
        say(f"  wrong: {entry}")
    if peers["clush"]:
        peer = peers["clush"]
        say(f"clush: {peer['right']} of {peer['asked']} hung and slow ones told, in {peer['finished_s']} s")
    print(json.dumps(result))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def slope(points):
    """The straight line through points of time and value that is nearest to them: its rise per unit of time."""
    times, values = zip(*points)
    middle_time, middle_value = statistics.mean(times), statistics.mean(values)
    spread = sum((moment - middle_time) ** 2 for moment in times)
    return sum((moment - middle_time) * (value - middle_value) for moment, value in points) / spread


def soak(arguments):
    """A tenth of the agents drop their connection every few seconds and all of them at once every five minutes, and an
    operator asks them all every ten seconds."""
    coordinator = Coordinator(arguments)
    pid = arguments.coordinator
    swarm = Swarm(arguments, arguments.address, ["--fault", "flapping=10%"])
    swarm.wait_online(arguments.agents * 85 // 100, 60)
    began = time.monotonic()
    memory, answered, files = [], [], []
    dropped = 0
    while (now := time.monotonic() - began) < arguments.minutes * 60:
        if now // 300 > dropped:
            dropped += 1
            swarm.process.send_signal(signal.SIGHUP)
            time.sleep(20)
        answer = coordinator.ask({"processes": {"text": ""}})
        outcomes = answer["coverage"]["outcomes"]
        if sum(outcomes.values()) != arguments.agents:
            fail(f"{arguments.agents} hosts were asked and {outcomes} told")
        answered.append(outcomes.get("ok", 0))
        memory.append(((time.monotonic() - began) / 60, resident_kb(pid)))
        files.append(descriptors(pid))
        if len(memory) % 12 == 0:
            say(f"{now / 60:5.1f} min  {memory[-1][1] / 1024:.1f} MB  {files[-1]} descriptors  {outcomes}")
        time.sleep(10)
    reconnects = swarm.counts["connects"] - arguments.agents
    swarm.stop()
    time.sleep(5)
    # The first third warms up: pools and tables grow to what such a fleet needs.
    late = [point for point in memory if point[0] > arguments.minutes / 3]
    result = {
        "agents": arguments.agents,
        "minutes": arguments.minutes,
        "reconnects": reconnects,
        "questions": len(answered),
        "answered_min": min(answered),
        "mb_at_third": round(late[0][1] / 1024, 1),
        "mb_at_end": round(memory[-1][1] / 1024, 1),
        "kb_per_minute": round(slope(late), 1),
        "descriptors_max": max(files),
        "descriptors_without_agents": descriptors(pid),
        "quarantined": sum(host["state"] == "quarantined" for host in coordinator.get("fleet")),
    }
    say(
        f"{result['mb_at_third']} MB after a third, {result['mb_at_end']} MB at the end, {result['kb_per_minute']} KB a "
        f"minute; {reconnects} connections, {result['descriptors_without_agents']} descriptors when all had left"
    )
    print(json.dumps(result))


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["fanout", "reconnect", "truth", "soak"])
    for name in ["swarm", "work", "address", "api"]:
        parser.add_argument(f"--{name}", required=True)
    for name in ["agents", "seed", "coordinator"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ["rounds", "share", "deadline"]:
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--yardstick")
    parser.add_argument("--program")
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--idle", type=float, default=37.5)
    arguments = parser.parse_args()
    arguments.process = None
    {"fanout": fanout, "reconnect": reconnect, "truth": truth, "soak": soak}[arguments.what](arguments)


main()
