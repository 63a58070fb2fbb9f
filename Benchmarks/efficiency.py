#!/usr/bin/env python3
"""How often each byte is fetched from the origin: seven situations, through any forward proxy.

    efficiency.py --start 'COMMAND with {port} and {dir}'      starts the proxy itself (needed for f)
    efficiency.py --proxy http://127.0.0.1:3128                uses one that runs (f is left out)

    a  a client leaves at 35 % and asks for the rest
    b  50 clients on one cold object
    c  20 clients on random overlapping cold ranges, then the whole
    d  the origin closes the connection every 10 MiB
    e  the tail first, then the whole
    f  the proxy is killed with SIGKILL at 60 %, started again, and asked for the rest
    g  a reader at 1 MiB/s first, then ten fast ones

Every delivered byte is checked. Upstream bytes are counted at the origin; the ratio is upstream bytes to different
bytes. A failure is what a client sees: a cut body, an error status, a 206 that starts elsewhere.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

from content import Content, size
from lab import Origin, Program, fetch, free_port, host_and_port, table, together

MIB = 1 << 20


class Lab:
    def __init__(self, options):
        self.options = options
        self.origin = Origin()
        self.size = options.size
        self.length = size(options.size)
        self.run = "%d-%d" % (os.getpid(), int(time.time()))
        self.program = None
        if options.start:
            port = free_port()
            self.directory = tempfile.mkdtemp(prefix="holdfast-lab-")
            os.chmod(self.directory, 0o777)
            command = options.start.replace("{port}", str(port)).replace("{dir}", self.directory)
            self.program = Program(command, port, os.path.join(self.directory, "proxy.log")).start()
            self.proxy = ("127.0.0.1", port)
        else:
            self.proxy = host_and_port(options.proxy)

    def close(self):
        if self.program:
            self.program.stop()
            if not self.options.keep:
                shutil.rmtree(self.directory, ignore_errors=True)
        self.origin.stop()

    def object(self, name, **faults):
        """A cold object and its content."""
        version = "%s-%s" % (name, self.run)
        faults.setdefault("rate", self.options.rate)
        return self.origin.url(self.size, version, **faults), Content(version + "/" + self.size, self.length)

    def whole(self, url, content):
        """Fetches all of it; a body of another length than the object's is a failure too."""
        outcome = fetch(self.proxy, url, content)
        return self.judged(outcome)

    def judged(self, outcome):
        if not outcome.failed and not outcome.stopped and outcome.status == 200 and outcome.received != self.length:
            outcome.error = "%d bytes instead of %d" % (outcome.received, self.length)
        return outcome


def resumed(lab, url, content, have):
    """Asks for what follows the first `have` bytes; notes an answer that begins again."""
    rest = lab.judged(fetch(lab.proxy, url, content, first=have))
    return rest, ["200 instead of 206"] if rest.status == 200 else []


def scenario_a(lab, url, content):
    first = fetch(lab.proxy, url, content, stop_at=lab.length * 35 // 100)
    rest, notes = resumed(lab, url, content, first.received)
    lab.origin.settle()
    return [first, rest, lab.whole(url, content)], notes + ["rest in %.1f s" % rest.seconds]


def scenario_b(lab, url, content):
    return together([lambda: lab.whole(url, content)] * 50), []


def scenario_c(lab, url, content):
    choice = random.Random(20010712)
    spans = []
    for _ in range(20):
        length = choice.randrange(lab.length // 100, lab.length // 5)
        start = choice.randrange(0, lab.length - length)
        spans.append((start, start + length - 1))
    parts = together([
        lambda span=span: lab.judged(fetch(lab.proxy, url, content, first=span[0], last=span[1])) for span in spans])
    beginnings = sum(1 for part in parts if part.status == 200)
    whole = lab.whole(url, content)
    return parts + [whole], ["%d of 20 got a 200" % beginnings] if beginnings else []


def scenario_d(lab, url, content):
    outcome = lab.whole(url, content)
    return [outcome], ["got %d %%" % (outcome.received * 100 // lab.length)]


def scenario_e(lab, url, content):
    tail = lab.judged(fetch(lab.proxy, url, content, first=lab.length * 9 // 10))
    notes = ["tail in %.1f s" % tail.seconds]
    return [tail, lab.whole(url, content)], notes


def scenario_f(lab, url, content):
    seen = []
    reader = threading.Thread(
        target=fetch, args=(lab.proxy, url, content), kwargs={"progress": seen}, daemon=True)
    reader.start()
    end = time.monotonic() + 60
    while (not seen or seen[0].received < lab.length * 60 // 100) and reader.is_alive() and time.monotonic() < end:
        time.sleep(0.005)
    lab.program.kill()
    reader.join()
    cut = seen[0]
    at = lab.origin.target(url)["body_bytes"]
    began = time.monotonic()
    lab.program.start()
    up = time.monotonic() - began
    # The cut itself is what was done to the client, not a failure; wrong bytes in it would be one.
    cut.error, cut.stopped = None, True
    rest, notes = resumed(lab, url, content, cut.received)
    lab.origin.settle()
    whole = lab.whole(url, content)
    entry = lab.origin.target(url)
    notes.append("killed at %.1f MiB, up again in %.2f s" % (at / MIB, up))
    notes.append("%.2f MiB fetched twice" % ((entry["body_bytes"] - entry["unique_bytes"]) / MIB))
    return [cut, rest, whole], notes


def scenario_g(lab, url, content):
    slow_down = threading.Event()
    seen = []

    def pace():
        return None if slow_down.is_set() else MIB

    def slow():
        return lab.judged(fetch(lab.proxy, url, content, pace=pace, receive_buffer=65536, progress=seen))

    results = []
    reader = threading.Thread(target=lambda: results.append(slow()), daemon=True)
    reader.start()
    end = time.monotonic() + 10
    while (not seen or seen[0].received < MIB // 2) and reader.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    fast = together([lambda: lab.whole(url, content)] * 10)
    slow_down.set()
    reader.join()
    return fast + results, ["slowest fast one %.1f s" % max(one.seconds for one in fast)]


SCENARIOS = {
    "a": ("abort at 35 %, resume", scenario_a, {}),
    "b": ("50 clients, one cold object", scenario_b, {}),
    "c": ("20 cold ranges, then the whole", scenario_c, {"rate": "20M"}),
    "d": ("origin closes every 10 MiB", scenario_d, {"drop": "10M"}),
    "e": ("tail first, then the whole", scenario_e, {}),
    "f": ("SIGKILL at 60 %, restart, resume", scenario_f, {}),
    "g": ("reader at 1 MiB/s, then ten fast", scenario_g, {}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--proxy", help="a proxy that runs already")
    which.add_argument("--start", help="the command that starts the proxy in the foreground; {port} and {dir}")
    parser.add_argument("--size", default="100M", help="size of the objects (default %(default)s)")
    parser.add_argument("--rate", default="50M", help="bytes a second of each upstream answer (default %(default)s)")
    parser.add_argument("--only", default="abcdefg", help="which situations (default %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the proxy's directory")
    parser.add_argument("--json", help="write the numbers to a file as well")
    parser.add_argument("--verbose", action="store_true", help="print what failed clients got, and upstream requests")
    options = parser.parse_args()
    lab = Lab(options)
    rows, numbers = [], []
    began_all = time.monotonic()
    try:
        for key in options.only:
            title, scenario, faults = SCENARIOS[key]
            if key == "f" and not lab.program:
                rows.append([key, title, "", "", "", "", "", "", "", "needs --start"])
                continue
            url, content = lab.object(key, **faults)
            print("%s: %s" % (key, title), file=sys.stderr, flush=True)
            began = time.monotonic()
            outcomes, notes = scenario(lab, url, content)
            seconds = time.monotonic() - began
            if not lab.origin.settle():
                notes.append("upstream not quiet")
            entry = lab.origin.target(url)
            failed = [outcome for outcome in outcomes if outcome.failed]
            wrong = sum(outcome.wrong for outcome in outcomes)
            ratio = entry["body_bytes"] / entry["unique_bytes"] if entry["unique_bytes"] else float("nan")
            if options.verbose:
                for outcome in failed:
                    print("   failed: %r" % outcome, file=sys.stderr)
                print("   upstream: %s %s" % (entry["statuses"], entry["ranges"][:60]), file=sys.stderr)
            rows.append([
                key, title, "%.2f" % (entry["body_bytes"] / MIB), "%.2f" % (entry["unique_bytes"] / MIB),
                "%.3f" % ratio, entry["requests"], "%d of %d" % (len(failed), len(outcomes)), wrong,
                "%.1f" % seconds, "; ".join(notes)])
            numbers.append({
                "scenario": key, "upstream": entry["body_bytes"], "unique": entry["unique_bytes"], "ratio": ratio,
                "requests": entry["requests"], "failures": len(failed), "clients": len(outcomes), "wrong": wrong,
                "seconds": seconds, "notes": notes})
    finally:
        lab.close()
    table(["", "situation", "upstream MiB", "different MiB", "ratio", "requests", "failures", "wrong bytes", "s",
           "notes"], rows)
    print("%d s in all; objects of %s, upstream answers at %s/s" % (
        time.monotonic() - began_all, options.size, options.rate))
    if options.json:
        with open(options.json, "w") as file:
            json.dump(numbers, file, indent=1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
