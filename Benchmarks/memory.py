#!/usr/bin/env python3
"""Memory of a proxy while many clients stream one large cold object.

    memory.py --start 'COMMAND with {port} and {dir}' [--clients 200] [--size 10G] [--seconds 60]
    memory.py --proxy http://127.0.0.1:3128 --pid PID

All clients ask for the same object at once, and read as fast as they can; the kernel discards their bytes, so that
they cost little. After --seconds they leave; with --whole they read to the end (200 clients of 10 GiB are 2 TiB).
The first quarter of the clients reads at --slow bytes a second, so that slow readers are measured as well.
"""

import argparse
import os
import selectors
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time

from content import size
from lab import BUFFER, Origin, Program, free_port, host_and_port, memory, table

GIB = 1 << 30


class Stream:
    """A client that counts and discards."""

    def __init__(self, proxy, url, rate):
        self.peer = socket.create_connection(proxy, 30)
        host = url.split("/")[2]
        self.peer.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (url, host)).encode())
        self.peer.setblocking(False)
        self.rate = rate
        self.status = None
        self.length = None
        self.received = 0
        self.failed = None
        self.done = False

    def take(self, buffer, elapsed):
        try:
            if self.status is None:
                data = self.peer.recv(65536)
                head, mark, rest = data.partition(b"\r\n\r\n")
                if not mark:
                    raise ConnectionError("no head in the first piece")
                self.status = int(head.split(b" ")[1])
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        self.length = int(line.split(b":")[1])
                self.received = len(rest)
                if self.status != 200:
                    raise ConnectionError("status %d" % self.status)
            else:
                most = BUFFER
                if self.rate:
                    most = min(BUFFER, max(0, int(elapsed * self.rate) - self.received))
                    if most < 4096:
                        return
                count = self.peer.recv_into(buffer, most, socket.MSG_TRUNC)
                self.received += count
                if count == 0:
                    self.done = True
                    if self.received != self.length:
                        self.failed = "%d of %s bytes" % (self.received, self.length)
        except BlockingIOError:
            pass
        except OSError as failure:
            self.failed, self.done = str(failure), True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--proxy")
    which.add_argument("--start")
    parser.add_argument("--pid", type=int, help="the process to watch, with --proxy")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--size", default="10G")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--slow", default="1M", help="bytes a second of the slow quarter; 0 for none")
    parser.add_argument("--rate", help="bytes a second of the origin")
    options = parser.parse_args()

    origin = Origin()
    program, directory = None, None
    if options.start:
        port = free_port()
        directory = tempfile.mkdtemp(prefix="holdfast-memory-")
        os.chmod(directory, 0o777)
        command = options.start.replace("{port}", str(port)).replace("{dir}", directory)
        program = Program(command, port, os.path.join(directory, "proxy.log")).start()
        proxy = ("127.0.0.1", port)
    else:
        proxy = host_and_port(options.proxy)

    def watched():
        return memory(program.identifiers() if program else [options.pid])

    rows, samples, streams = [], [], []
    try:
        faults = {"rate": options.rate} if options.rate else {}
        url = origin.url(options.size, "memory-%d" % time.time(), **faults)
        idle = watched()
        rate = size(options.slow)
        streams = [Stream(proxy, url, rate if index < options.clients // 4 else 0) for index in range(options.clients)]
        selector = selectors.DefaultSelector()
        for stream in streams:
            selector.register(stream.peer, selectors.EVENT_READ, stream)
        buffer = bytearray(BUFFER)
        began = time.monotonic()
        next_sample, next_row = 0.0, 0.0
        alive = len(streams)
        paused = []
        while alive:
            elapsed = time.monotonic() - began
            if elapsed >= options.seconds and not options.whole:
                break
            # A slow client that has had its share is not asked about until its time has come.
            for stream in [one for one in paused if elapsed * one.rate - one.received >= 65536]:
                paused.remove(stream)
                selector.register(stream.peer, selectors.EVENT_READ, stream)
            for key, _ in selector.select(0.05):
                stream = key.data
                stream.take(buffer, elapsed)
                if stream.done:
                    selector.unregister(stream.peer)
                    alive -= 1
                elif stream.rate and elapsed * stream.rate - stream.received < 65536:
                    selector.unregister(stream.peer)
                    paused.append(stream)
            if elapsed >= next_sample:
                next_sample = elapsed + 0.25
                samples.append((elapsed, watched()))
            if elapsed >= next_row:
                next_row = elapsed + 5
                now = samples[-1][1]
                entry = origin.target(url)
                rows.append([
                    "%.0f" % elapsed, "%.1f" % (now["VmRSS"] / 1024), "%.1f" % (now["RssAnon"] / 1024),
                    now["Threads"], "%.2f" % (entry["body_bytes"] / GIB),
                    "%.2f" % (sum(one.received for one in streams) / GIB), alive])
        elapsed = time.monotonic() - began
        entry = origin.target(url)
    finally:
        for stream in streams:
            stream.peer.close()
        if program:
            program.stop()
            shutil.rmtree(directory, ignore_errors=True)
        origin.stop()
    table(["s", "RSS MiB", "RssAnon MiB", "threads", "upstream GiB", "delivered GiB", "clients"], rows)
    failed = [one.failed for one in streams if one.failed]
    anonymous = [sample["RssAnon"] / 1024 for _, sample in samples]
    half = len(anonymous) // 2
    print("idle: RSS %.1f MiB, RssAnon %.1f MiB" % (idle["VmRSS"] / 1024, idle["RssAnon"] / 1024))
    print("RssAnon: median of the first half %.1f MiB, of the second %.1f MiB, most %.1f MiB; RSS at most %.1f MiB" % (
        statistics.median(anonymous[:half] or anonymous), statistics.median(anonymous[half:]), max(anonymous),
        max(sample["VmRSS"] for _, sample in samples) / 1024))
    print("%d clients, %d failed%s; %.0f MiB/s delivered; upstream %.2f GiB, %.2f GiB different, %d requests" % (
        len(streams), len(failed), " (%s)" % failed[0] if failed else "",
        sum(one.received for one in streams) / (1 << 20) / elapsed, entry["body_bytes"] / GIB,
        entry["unique_bytes"] / GIB, entry["requests"]))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
