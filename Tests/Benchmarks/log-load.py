"""Writes three logs at a steady rate until it is ended: access lines, JSON and syslog.

    log-load.py FOLDER LINES_PER_SECOND
"""

import json
import random
import sys
import time

PATHS = ["/api/cart", "/api/checkout", "/api/orders/{}", "/api/users/{}/addresses", "/search", "/static/app.js"]
TEXTS = [
    "request finished in {} ms",
    "cache miss for key user:{}",
    "retry {} of 5 for payment provider",
    "connection to 10.0.0.{} reset",
]
DAEMONS = ["sshd", "cron", "kernel", "systemd", "dhclient"]


def main(folder, rate):
    numbers = random.Random(71)
    logs = [open(f"{folder}/{name}", "a", buffering=1) for name in ("access.log", "app.log", "syslog")]
    begin, written = time.monotonic(), 0
    while True:
        while written < (time.monotonic() - begin) * rate:
            now = time.time()
            at, n = time.gmtime(now), numbers.randrange(100_000)
            kind = written % 4
            if kind < 2:
                path = numbers.choice(PATHS).format(n)
                status = numbers.choices([200, 304, 404, 503], [90, 5, 4, 1])[0]
                logs[0].write(
                    f'10.1.{n % 200}.9 - - [{time.strftime("%d/%b/%Y:%H:%M:%S +0000", at)}] "GET {path} HTTP/1.1" '
                    f'{status} {n} "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0" 0.{n % 1000:03}\n'
                )
            elif kind == 2:
                line = {
                    "time": time.strftime("%Y-%m-%dT%H:%M:%S", at) + f".{int(now % 1 * 1e3):03}Z",
                    "level": numbers.choices(["info", "warn", "error"], [90, 8, 2])[0],
                    "msg": numbers.choice(TEXTS).format(n % 250),
                    "request_id": f"{numbers.getrandbits(64):016x}",
                }
                logs[1].write(json.dumps(line) + "\n")
            else:
                logs[2].write(
                    f'{time.strftime("%b %d %H:%M:%S", at)} web-1 {numbers.choice(DAEMONS)}[{n % 32768}]: '
                    f"{numbers.choice(TEXTS).format(n)}\n"
                )
            written += 1
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
