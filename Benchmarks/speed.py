#!/usr/bin/env python3
"""Processor time of Holdfast and of nginx on the same core in the same run.

Both run pinned to one core for the whole time, the origin and the load on the other; they are measured in turn, A B A
B, and the medians are compared. Processor time is user and system time of all threads of the proxy's processes, so it
does not matter that the load shares nothing with them.

    small hit     1 KiB, kept-alive connections, by wrk: microseconds a request
    large hit     one object, by clients that discard: seconds a GB (10^9 bytes)
    large miss    a cold object each time: seconds a GB, storing included

nginx is asked as a reverse proxy (origin-form), Holdfast as a forward proxy (absolute-form): that is how each is used.
"""

import argparse
import mmap
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from content import size
from lab import HERE, Origin, Program, fetch, free_port, table


class Contestant:
    def __init__(self, name, program, forward, origin):
        self.name, self.program, self.forward, self.origin = name, program, forward, origin
        self.small, self.hit, self.miss = [], [], []
        self.rates = []

    def url(self, target):
        return "http://%s%s" % (self.origin.authority if self.forward else "127.0.0.1:%d" % self.program.port, target)

    def fetch(self, target):
        proxy = ("127.0.0.1", self.program.port) if self.forward else None
        outcome = fetch(proxy, self.url(target), timeout=120)
        if outcome.failed or outcome.status != 200:
            sys.exit("%s: %s: %r" % (self.name, target, outcome))
        return outcome


def processor_of(contestant, work):
    before = contestant.program.processor_seconds()
    began = time.monotonic()
    answer = work()
    wall = time.monotonic() - began
    return contestant.program.processor_seconds() - before, wall, answer


def small_hits(contestant, options, target):
    command = ["taskset", "-c", options.load_core, "wrk", "-t1", "-c%d" % options.connections,
               "-d%ds" % options.seconds, "-s", os.path.join(HERE, "forward.lua")]
    if contestant.forward:
        command += ["http://127.0.0.1:%d/" % contestant.program.port, "--", contestant.url(target)]
    else:
        command.append(contestant.url(target))
    contestant.fetch(target)
    spent, wall, output = processor_of(
        contestant, lambda: subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    line = next(line for line in output.splitlines() if line.startswith("RESULT"))
    result = dict(pair.split("=") for pair in line.split()[1:])
    count = int(result["requests"])
    if int(result["failures"]) or not count:
        sys.exit("%s: wrk: %s" % (contestant.name, line))
    contestant.small.append(spent / count * 1e6)
    contestant.rates.append(count / wall)


def large(contestant, targets):
    count = 0
    spent, _, outcomes = processor_of(contestant, lambda: [contestant.fetch(target) for target in targets])
    count = sum(outcome.received for outcome in outcomes)
    return spent / count * 1e9


def touch_memory():
    """Takes most of the free memory once and gives it back.

    A virtual machine pays for memory that it has never touched, up to several times the cost of storing a body.
    """
    with open("/proc/meminfo") as file:
        free = next(int(line.split()[1]) for line in file if line.startswith("MemFree")) * 1024
    count = free * 8 // 10 // mmap.PAGESIZE * mmap.PAGESIZE
    if count:
        populate = getattr(mmap, "MAP_POPULATE", 0x8000)
        block = mmap.mmap(-1, count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | populate)
        block.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holdfast", default=os.path.join(HERE, "..", ".build", "release", "holdfast"))
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count; one before is thrown away")
    parser.add_argument("--seconds", type=int, default=4, help="of wrk a round")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--large", default="1G", help="size of the large objects")
    parser.add_argument("--core", default="0", help="of the proxies")
    parser.add_argument("--load-core", default="1", help="of the origin and the load")
    parser.add_argument("--cold-memory", action="store_true", help="do not touch the memory before")
    parser.add_argument("--only", choices=["holdfast", "nginx"], help="measure one of the two")
    options = parser.parse_args()

    if not options.cold_memory:
        touch_memory()
    os.sched_setaffinity(0, {int(options.load_core)})
    origin = Origin()
    directory = tempfile.mkdtemp(prefix="holdfast-speed-")
    pin = "taskset -c %s " % options.core
    contestants = []
    try:
        if options.only != "nginx":
            port = free_port()
            command = "%s serve --listen 127.0.0.1:%d --cache %s/holdfast --set 'cache.max_size=\"40 GiB\"'" % (
                os.path.abspath(options.holdfast), port, directory)
            program = Program(pin + command, port, os.path.join(directory, "holdfast.log")).start()
            contestants.append(Contestant("holdfast", program, True, origin))
        if options.only != "holdfast":
            port = free_port()
            command = "%s %d %s/nginx %s" % (os.path.join(HERE, "serve-nginx"), port, directory, origin.authority)
            program = Program(pin + command, port, os.path.join(directory, "nginx.log")).start()
            contestants.append(Contestant("nginx", program, False, origin))
        name = "speed-%d" % time.time()
        small = "/file/1K/%s" % name
        big = "/file/%s/%s" % (options.large, name)
        for contestant in contestants:
            contestant.fetch(big)
        for number in range(options.rounds + 1):
            for contestant in contestants:
                small_hits(contestant, options, small)
            for contestant in contestants:
                contestant.hit.append(large(contestant, [big] * 2))
            for contestant in contestants:
                cold = "/file/%s/%s-%s-%d" % (options.large, name, contestant.name, number)
                contestant.miss.append(large(contestant, [cold]))
            print("round %d of %d%s: %s" % (
                number, options.rounds, " (thrown away)" if number == 0 else "",
                "; ".join("%s %.1f us, hit %.3f s/GB, miss %.3f s/GB" % (
                    one.name, one.small[-1], one.hit[-1], one.miss[-1]) for one in contestants)), flush=True)
        hits = {target: origin.target("http://x" + target)["requests"] for target in (small, big)}
        if any(count > len(contestants) for count in hits.values()):
            print("NOT ALL HITS WERE HITS: requests at the origin: %s" % hits)
    finally:
        for contestant in contestants:
            contestant.program.stop()
        origin.stop()
        shutil.rmtree(directory, ignore_errors=True)

    def median(values):
        return statistics.median(values[1:])

    def spread(values):
        return "%.3g to %.3g" % (min(values[1:]), max(values[1:]))

    rows = []
    for title, unit, pick in (("small hit, 1 KiB", "us/request", lambda one: one.small),
                              ("large hit, %s" % options.large, "s/GB", lambda one: one.hit),
                              ("large miss, %s" % options.large, "s/GB", lambda one: one.miss)):
        row = [title, unit]
        for one in contestants:
            row += ["%.3g" % median(pick(one)), spread(pick(one))]
        if len(contestants) == 2:
            row.append("%.2f" % (median(pick(contestants[0])) / median(pick(contestants[1]))))
        rows.append(row)
    titles = ["processor time", "unit"]
    for one in contestants:
        titles += [one.name, "range"]
    table(titles + (["ratio"] if len(contestants) == 2 else []), rows)
    print("requests a second on one core: " + ", ".join(
        "%s %.0f" % (one.name, median(one.rates)) for one in contestants))


if __name__ == "__main__":
    main()
