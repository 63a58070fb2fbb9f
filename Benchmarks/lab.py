"""What the measurements share: a checking client, and programs started, killed, and watched."""

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
BUFFER = 1048576


class Outcome:
    """What a client got."""

    def __init__(self):
        self.status = 0
        self.fields = {}
        self.start = 0
        self.received = 0
        self.wrong = 0
        self.complete = False
        self.stopped = False
        self.error = None
        self.seconds = 0.0
        self.first_byte = 0.0

    @property
    def failed(self):
        return self.error is not None or not (self.complete or self.stopped)

    def __repr__(self):
        return "%s, %d bytes from %d, %d wrong, %s" % (
            self.status, self.received, self.start, self.wrong,
            self.error or ("complete" if self.complete else "stopped" if self.stopped else "truncated"))


class Reader:
    """Reads a response from a socket into one buffer, checking every byte."""

    def __init__(self, peer, content, outcome, stop_at, pace, discard):
        self.peer, self.content, self.outcome = peer, content, outcome
        self.stop_at, self.pace, self.discard = stop_at, pace, discard
        self.buffer = bytearray(BUFFER)
        self.view = memoryview(self.buffer)
        self.rest = b""
        self.began = time.monotonic()

    def head(self):
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.peer.recv(65536)
            if not more:
                raise ConnectionError("closed instead of a response")
            data += more
        head, _, self.rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.outcome.status = int(lines[0].split(" ")[1])
        self.outcome.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.outcome.fields[name.strip().lower()] = value.strip()
        if 100 <= self.outcome.status < 200:
            data, self.rest = self.rest, b""
            raise ConnectionError("interim response not expected")

    def some(self, most):
        """The next bytes, in the buffer; 0 at the end."""
        if self.rest:
            count = min(most, len(self.rest), BUFFER)
            self.buffer[:count] = self.rest[:count]
            self.rest = self.rest[count:]
            return count
        flags = socket.MSG_TRUNC if self.discard else 0
        return self.peer.recv_into(self.view, min(most, BUFFER), flags)

    def span(self, length):
        """Takes a part of the body; False where the connection or the patience ends before."""
        outcome = self.outcome
        left = length
        while left > 0:
            most = left
            if self.stop_at is not None:
                if outcome.received >= self.stop_at:
                    outcome.stopped = True
                    return False
                most = min(most, self.stop_at - outcome.received)
            rate = self.pace() if self.pace else None
            if rate:
                most = min(most, 32768)
            count = self.some(most)
            if count == 0:
                return False
            if not self.discard:
                outcome.wrong += self.content.wrong_bytes(self.buffer, count, outcome.start + outcome.received)
            outcome.received += count
            left -= count
            if rate:
                early = self.began + outcome.received / rate - time.monotonic()
                if early > 0:
                    time.sleep(early)
        return True

    def line(self):
        while b"\r\n" not in self.rest:
            more = self.peer.recv(65536)
            if not more:
                return None
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def body(self):
        fields = self.outcome.fields
        if "chunked" in fields.get("transfer-encoding", "").lower():
            while True:
                line = self.line()
                if line is None:
                    return
                length = int(line.split(b";")[0], 16)
                if length == 0:
                    while line:
                        line = self.line()
                    self.outcome.complete = line is not None
                    return
                if not self.span(length) or self.line() is None:
                    return
        elif "content-length" in fields:
            length = int(fields["content-length"])
            self.outcome.complete = self.span(length)
        else:
            self.span(1 << 62)
            self.outcome.complete = not self.outcome.stopped


def fetch(proxy, url, content=None, first=None, last=None, stop_at=None, pace=None, timeout=60, fields=(),
          receive_buffer=None, progress=None):
    """One request through the proxy (`host, port`; None asks the origin itself); never raises.

    Without content the bytes are discarded in the kernel. `stop_at` closes after that many body bytes; `pace` is a
    function that gives bytes a second or None.
    """
    outcome = Outcome()
    if progress is not None:
        progress.append(outcome)
    began = time.monotonic()
    address = urllib.parse.urlsplit(url)
    target = url
    host = proxy
    if proxy is None:
        host = (address.hostname, address.port or 80)
        target = address.path + ("?" + address.query if address.query else "")
    lines = ["GET %s HTTP/1.1" % target, "Host: " + address.netloc, "User-Agent: lab", "Accept: */*"]
    if first is not None:
        lines.append("Range: bytes=%d-%s" % (first, "" if last is None else last))
    lines.extend(fields)
    lines.append("Connection: close")
    peer = socket.socket()
    try:
        if receive_buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer.settimeout(timeout)
        peer.connect(host)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        reader = Reader(peer, content, outcome, stop_at, pace, content is None)
        reader.head()
        outcome.first_byte = time.monotonic() - began
        if outcome.status == 206:
            outcome.start = int(outcome.fields.get("content-range", "bytes 0-").split(" ")[1].split("-")[0])
            if first is not None and outcome.start != first:
                outcome.error = "206 from %d instead of %d" % (outcome.start, first)
        if outcome.status not in (200, 206):
            outcome.error = "status %d" % outcome.status
        else:
            reader.body()
    except (OSError, ValueError) as failure:
        outcome.error = "%s: %s" % (type(failure).__name__, failure)
    finally:
        peer.close()
    outcome.seconds = time.monotonic() - began
    return outcome


def together(tasks):
    """Runs the functions at the same time, and gives what they returned."""
    results = [None] * len(tasks)
    gate = threading.Barrier(len(tasks))

    def run(index, task):
        gate.wait()
        results[index] = task()

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Origin:
    """origin.py as a process of its own."""

    def __init__(self, prefix=()):
        self.process = subprocess.Popen(
            [*prefix, sys.executable, os.path.join(HERE, "origin.py")], stdout=subprocess.PIPE, text=True)
        self.authority = self.process.stdout.readline().split()[-1]

    def url(self, size, version, **options):
        query = "&".join("%s=%s" % pair for pair in options.items())
        return "http://%s/file/%s/%s%s" % (self.authority, size, version, "?" + query if query else "")

    def _ask(self, method, path):
        connection = http.client.HTTPConnection(self.authority, timeout=30)
        connection.request(method, path, headers={"Connection": "close"})
        answer = connection.getresponse().read()
        connection.close()
        return json.loads(answer)

    def statistics(self):
        return self._ask("GET", "/_stats")

    def target(self, url):
        name = "/" + url.split("/", 3)[3]
        empty = {"requests": 0, "statuses": {}, "ranges": [], "body_bytes": 0, "unique_bytes": 0}
        return self.statistics()["targets"].get(name, empty)

    def settle(self, quiet=0.7, most=30):
        """Waits until no answer has been under way for a moment."""
        end = time.monotonic() + most
        since = time.monotonic()
        while time.monotonic() < end:
            if self.statistics()["active"]:
                since = time.monotonic()
            elif time.monotonic() - since > quiet:
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        self.process.kill()
        self.process.wait()


class Peer:
    """A proxy that may be there: the program to look for, Debian's package, and the command that serves."""

    def __init__(self, name, program, package, command, version="-v"):
        self.name, self.program, self.package = name, program, package
        self.command, self.version_command = command, version

    @property
    def path(self):
        places = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        return shutil.which(self.program, path=places)

    @property
    def version(self):
        """The first number with dots that the program says of itself."""
        answer = subprocess.run([self.path, self.version_command], capture_output=True, text=True)
        found = re.search(r"\d+(\.\d+)+", answer.stdout + answer.stderr)
        return found.group() if found else ""


class Program:
    """A proxy, started from a command line in a process group of its own."""

    def __init__(self, command, port, log):
        self.command, self.port, self.log = command, port, log
        self.process = None

    def start(self, patience=60):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                shlex.split(self.command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.process.poll() is not None:
                sys.exit("ended instead of listening: %s (see %s)" % (self.command, self.log))
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        sys.exit("does not listen on port %d: %s (see %s)" % (self.port, self.command, self.log))

    def end(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()

    def kill(self):
        return self.end(signal.SIGKILL)

    def stop(self):
        return self.end(signal.SIGTERM)

    def identifiers(self):
        """The processes of the group."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open("/proc/%s/stat" % name) as file:
                        if int(file.read().rpartition(")")[2].split()[2]) == self.process.pid:
                            found.append(int(name))
                except (OSError, ValueError, IndexError):
                    pass
        return found

    def processor_seconds(self):
        """User and system time of all processes of the group, all threads, ended ones included."""
        ticks = 0
        for identifier in self.identifiers():
            try:
                with open("/proc/%d/stat" % identifier) as file:
                    parts = file.read().rpartition(")")[2].split()
                ticks += int(parts[11]) + int(parts[12])
            except OSError:
                pass
        return ticks / os.sysconf("SC_CLK_TCK")


def memory(identifiers):
    """KiB of RSS, its anonymous part, and its file part, summed."""
    sums = {"VmRSS": 0, "RssAnon": 0, "RssFile": 0, "VmHWM": 0, "Threads": 0}
    for identifier in identifiers:
        try:
            with open("/proc/%d/status" % identifier) as file:
                for line in file:
                    name, _, value = line.partition(":")
                    if name in sums:
                        sums[name] += int(value.split()[0])
        except OSError:
            pass
    return sums


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def host_and_port(text):
    address = urllib.parse.urlsplit(text if "//" in text else "//" + text)
    return (address.hostname, address.port)


def table(titles, rows):
    """Prints a Markdown table with aligned columns."""
    cells = [[str(cell) for cell in row] for row in [titles, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    for index, row in enumerate(cells):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
        if index == 0:
            print("| " + " | ".join("-" * width for width in widths) + " |")
    sys.stdout.flush()
