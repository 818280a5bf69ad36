#!/usr/bin/env python3
"""What Tests/Benchmarks/stop-on-error measures, once all agents run: the same change by Muster, Ansible and Salt, first failing
from one host on, then hanging on it."""

import argparse
import datetime
import glob
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time


def say(text):
    print(text, file=sys.stderr, flush=True)


def call(arguments, method, path, body=None):
    context = ssl.create_default_context(cafile=f"{arguments.work}/state/ca.pem")
    host, port = arguments.api.split(":")
    connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=60)
    token = open(f"{arguments.work}/me/token").read().strip()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection.request(method, f"/api/v1/{path}", body, headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    if response.status >= 300:
        sys.exit(f"{method} {path}: {response.status} {data}")
    return json.loads(data) if data else None


def began(folder, mode):
    """When the change began, by host."""
    found = {}
    for path in glob.glob(f"{folder}/*/{mode}.began"):
        lines = open(path).read().split()
        name = path.split("/")[-2]
        if len(lines) != 1:
            sys.exit(f"{name} was changed {len(lines)} times")
        found[name] = float(lines[0])
    return found


def seconds(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")[:26] + "+00:00").timestamp()


def processes(arguments, word):
    """Process ids of what was started here and has the word in its command line."""
    for entry in os.listdir("/proc"):
        try:
            line = open(f"/proc/{entry}/cmdline", "rb").read().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, ValueError):
            continue
        if entry.isdigit() and arguments.work in line and word in line and int(entry) != os.getpid():
            yield int(entry)


def release(arguments):
    """Ends changes that hang, and wakes the agent that was stopped."""
    for pid in list(processes(arguments, "/change hung")):
        try:
            os.killpg(os.getpgid(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    for pid in list(processes(arguments, "muster-agent")):
        os.kill(pid, signal.SIGCONT)


def muster(arguments, mode):
    environment = {**os.environ, "MUSTER_CONFIG": f"{arguments.work}/me"}
    call(arguments, "POST", "alerts", json.dumps({"name": f"change {mode}", "service": f"{mode}-shop"}))
    identity = None
    for _ in range(180):
        time.sleep(1)
        for incident in call(arguments, "GET", "incidents"):
            detail = call(arguments, "GET", f"incidents/{incident['id']}")
            if any(alert["name"] == f"change {mode}" for alert in detail["alerts"]) and detail["pendingPlans"]:
                identity = incident["id"]
        if identity:
            break
    else:
        sys.exit("no plan was made")
    done = subprocess.run(
        [arguments.muster, "approve", identity, "--yes"], capture_output=True, text=True, env=environment, input=""
    )
    if done.returncode:
        sys.exit(f"approve: {done.stdout} {done.stderr}")
    waited = subprocess.run(
        [arguments.muster, "plan", "wait", identity, "--timeout", "10m"],
        stdout=sys.stderr,
        env=environment,
    )
    detail = call(arguments, "GET", f"incidents/{identity}")
    taken_back = sum(1 for action in detail["actions"] if action["report"]["state"] == "rolled-back")
    release(arguments)
    stopped = None
    ticketed = {}
    for line in detail["timeline"]:
        if line["kind"] == "action.ticketed":
            ticketed[line["text"].split(" issued to ")[1]] = seconds(line["at"])
        is_bad = line["kind"] == "action.lost" or (
            line["kind"] == "action.reported"
            and any(word in line["text"] for word in [": failed", ": indeterminate", "it failed: "])
        )
        if is_bad and stopped is None:
            stopped = seconds(line["at"])
    if stopped is None:
        sys.exit("nothing went wrong, which is wrong")
    changed = began(f"{arguments.work}/agents", mode)
    later = [name for name, moment in changed.items() if moment > stopped]
    return {
        "hosts": arguments.hosts,
        "changed": len(changed),
        "changed_after_budget": sum(1 for name in later if ticketed.get(name, stopped) >= stopped),
        "in_flight": sum(1 for name in later if ticketed.get(name, stopped) < stopped),
        "taken_back": taken_back,
        "exit": waited.returncode,
    }


def ansible(arguments, mode):
    folder = f"{arguments.work}/ansible"
    os.makedirs(folder, exist_ok=True)
    names = [f"host-{number:03}" for number in range(1, arguments.hosts + 1)]
    with open(f"{folder}/inventory", "w") as inventory:
        for number, name in enumerate(names, 1):
            os.makedirs(f"{folder}/{name}", exist_ok=True)
            inventory.write(f"{name} ansible_connection=local number={number} ansible_python_interpreter={sys.executable}\n")
    with open(f"{folder}/{mode}.yaml", "w") as playbook:
        playbook.write(
            f"""- hosts: all
  gather_facts: false
  serial: [1, "5%", "25%", "100%"]
  max_fail_percentage: 0
  tasks:
    - command: {arguments.work}/change {mode} {{{{ number }}}} {arguments.bad} {folder}/{{{{ inventory_hostname }}}}
      timeout: 20
"""
        )
    done = subprocess.run(
        [arguments.ansible, "-i", f"{folder}/inventory", "-f", "25", f"{folder}/{mode}.yaml"],
        capture_output=True,
        text=True,
        # What hangs is ended by its group, which must not be ours.
        start_new_session=True,
        env={**os.environ, "ANSIBLE_NOCOWS": "1", "LC_ALL": "C.UTF-8"},
    )
    release(arguments)
    return {"hosts": arguments.hosts, "changed": len(began(folder, mode)), "exit": done.returncode}


def salt(arguments, mode):
    """A twentieth of the hosts at a time, and nothing after the first failure."""
    folder = f"{arguments.work}/salt"
    last = " salt" if mode == "hung" else ""
    scripts = f"{folder}/{mode}.sh"
    with open(scripts, "w") as file:
        file.write(
            f"#!/bin/bash\nexec {arguments.work}/change {mode} ${{1#host-}} {arguments.bad} {folder}/$1{last}\n"
        )
    os.chmod(scripts, 0o755)
    batch = str(max(1, arguments.salt_hosts // 20))
    try:
        done = subprocess.run(
            [arguments.salt, "-c", f"{folder}/master", "--batch-size", batch, "--failhard", "-t", "5", "*"]
            + ["cmd.run", f"{scripts} {{{{ grains.id }}}}", "template=jinja"],
            capture_output=True,
            text=True,
            timeout=300,
            start_new_session=True,
        )
        ended = done.returncode
    except subprocess.TimeoutExpired:
        ended = "not within 300 s"
    release(arguments)
    for pid in processes(arguments, "salt-minion"):
        os.kill(pid, signal.SIGCONT)
    return {"hosts": arguments.salt_hosts, "changed": len(began(folder, mode)), "exit": ended}


def main():
    parser = argparse.ArgumentParser()
    for name in ["muster", "work", "api", "ansible", "salt"]:
        parser.add_argument(f"--{name}", required=True)
    for name in ["hosts", "bad", "salt-hosts"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    result = {"peers": {"ansible": {}}}
    for mode in ["fault", "hung"]:
        result[mode] = muster(arguments, mode)
        result["peers"]["ansible"][mode] = ansible(arguments, mode)
    if arguments.salt:
        result["peers"]["salt"] = {mode: salt(arguments, mode) for mode in ["fault", "hung"]}
        shown = subprocess.run([arguments.salt, "--version"], capture_output=True, text=True).stdout.strip()
        result["peers"]["salt"]["version"] = shown
    version = subprocess.run([arguments.ansible, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    result["peers"]["ansible"]["version"] = version
    say(f"\n{'':26}{'muster':>10}{'ansible':>10}   ({version})")
    for mode, words in [("fault", f"fails from host {arguments.bad} on"), ("hung", f"hangs on host {arguments.bad}")]:
        ours, theirs = result[mode], result["peers"]["ansible"][mode]
        say(words)
        say(f"{'  hosts changed':26}{ours['changed']:>10}{theirs['changed']:>10}")
        say(f"{'  after the budget':26}{ours['changed_after_budget']:>10}{'':>10}   ({ours['in_flight']} in flight)")
        say(f"{'  taken back':26}{ours['taken_back']:>10}{0:>10}")
        say(f"{'  exit status':26}{ours['exit']:>10}{theirs['exit']:>10}")
    for mode in ["fault", "hung"] if arguments.salt else []:
        found = result["peers"]["salt"][mode]
        say(
            f"{result['peers']['salt']['version']}, --batch-size --failhard, {mode}: "
            f"{found['changed']} of {found['hosts']} hosts changed, exit status {found['exit']}"
        )
    print(json.dumps(result))


main()
