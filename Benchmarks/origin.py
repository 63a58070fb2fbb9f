#!/usr/bin/env python3
"""An origin server for measurements: deterministic files whose address describes their behaviour, and statistics.

    GET /file/SIZE/VERSION?key=value&...      SIZE is 1K, 100M, 10G or a number; VERSION is any word
        etag=strong|weak|none                 default strong
        lm=none|SECONDS                       Last-Modified, seconds since 1970; default a day in 2001
        cc=TEXT                               Cache-Control; default max-age=3600; none leaves it out
        drop=N                                closes the connection after N body bytes of each answer
        rate=N                                bytes a second of each answer
        delay=N                               milliseconds before the head
        ranges=no                             ignores Range
        framing=length|chunked|close          default length
    GET /_stats      statistics as JSON       POST /_reset      forgets them

Range, If-Range, If-None-Match and If-Modified-Since are answered as RFC 9110 says. Bytes count as sent when the kernel
took them; the send buffer is kept small, so that what an aborted connection had in flight hardly counts.
"""

import argparse
import email.utils
import json
import socket
import sys
import threading
import time
import urllib.parse

from content import Content, Tally, size

PIECE = 262144


class Statistics:
    def __init__(self):
        self.lock = threading.Lock()
        self.reset()
        self.active = 0
        self.open = 0

    def reset(self):
        self.targets = {}
        self.connections = 0

    def target(self, name):
        found = self.targets.get(name)
        if found is None:
            found = self.targets[name] = {"requests": 0, "statuses": {}, "ranges": [], "tally": Tally()}
        return found

    def answered(self, name, status, asked):
        with self.lock:
            entry = self.target(name)
            entry["requests"] += 1
            entry["statuses"][status] = entry["statuses"].get(status, 0) + 1
            if len(entry["ranges"]) < 1000:
                entry["ranges"].append(asked)

    def sent(self, name, start, end):
        with self.lock:
            self.target(name)["tally"].add(start, end)

    def json(self):
        with self.lock:
            return json.dumps({
                "active": self.active,
                "open": self.open,
                "connections": self.connections,
                "targets": {
                    name: {
                        "requests": entry["requests"],
                        "statuses": entry["statuses"],
                        "ranges": entry["ranges"],
                        "body_bytes": entry["tally"].total,
                        "unique_bytes": entry["tally"].unique,
                    }
                    for name, entry in self.targets.items()
                },
            })


STATISTICS = Statistics()


class File:
    """What an address describes."""

    cache = {}

    def __init__(self, target):
        address = urllib.parse.urlsplit(target)
        parts = address.path.split("/")
        if len(parts) != 4 or parts[1] != "file":
            raise ValueError(target)
        options = dict(urllib.parse.parse_qsl(address.query))
        self.length = size(parts[2])
        self.content = Content(parts[3] + "/" + parts[2], self.length)
        tag = '"%s-%s"' % (parts[3], parts[2])
        self.etag = {"strong": tag, "weak": "W/" + tag, "none": None}[options.get("etag", "strong")]
        modified = options.get("lm", "980860290")
        self.modified = None if modified == "none" else int(modified)
        self.last_modified = None if modified == "none" else email.utils.formatdate(self.modified, usegmt=True)
        control = options.get("cc", "max-age=3600")
        self.control = None if control == "none" else control
        self.drop = size(options["drop"]) if "drop" in options else None
        self.rate = size(options["rate"]) if "rate" in options else None
        self.delay = float(options.get("delay", "0")) / 1000
        self.ranges = options.get("ranges") != "no"
        self.framing = options.get("framing", "length")

    @classmethod
    def at(cls, target):
        found = cls.cache.get(target)
        if found is None:
            if len(cls.cache) > 10000:
                cls.cache.clear()
            found = cls.cache[target] = cls(target)
        return found

    def decide(self, fields):
        """The status and the range of the body, in the order of RFC 9110 section 13.2.2."""
        whole = (200, 0, self.length)
        tags = fields.get("if-none-match")
        if tags is not None:
            opaque = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
            if self.etag and (tags.strip() == "*" or self.etag.removeprefix("W/") in opaque):
                return (304, 0, 0)
        elif "if-modified-since" in fields and self.modified is not None:
            since = email.utils.parsedate_to_datetime(fields["if-modified-since"])
            if since.timestamp() >= self.modified:
                return (304, 0, 0)
        asked = fields.get("range")
        if asked is None or not self.ranges or not asked.startswith("bytes=") or "," in asked:
            return whole
        condition = fields.get("if-range")
        if condition is not None:
            strong = condition == self.etag and not condition.startswith("W/")
            if not strong and condition != self.last_modified:
                return whole
        first, _, last = asked[6:].partition("-")
        try:
            if first == "":
                start, end = max(0, self.length - int(last)), self.length
            else:
                start = int(first)
                end = min(int(last) + 1, self.length) if last else self.length
        except ValueError:
            return whole
        if start >= self.length or start >= end:
            return (416, 0, 0)
        return (206, start, end)


REASONS = {200: "OK", 206: "Partial Content", 304: "Not Modified", 404: "Not Found", 405: "Method Not Allowed",
           416: "Range Not Satisfiable"}


class Connection:
    def __init__(self, peer):
        self.peer = peer
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)
        self.buffer = b""

    def serve(self):
        try:
            while self.exchange():
                pass
        except OSError:
            pass
        finally:
            self.peer.close()

    def head(self):
        while b"\r\n\r\n" not in self.buffer:
            more = self.peer.recv(65536)
            if not more:
                return None
            self.buffer += more
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        return lines[0].split(" "), fields

    def exchange(self):
        read = self.head()
        if read is None:
            return False
        (method, target, version), fields = read
        if target.startswith("http://"):
            target = "/" + target[7:].partition("/")[2]
        keep = version == "HTTP/1.1" and "close" not in fields.get("connection", "").lower()
        if target == "/_stats":
            return self.text(200, STATISTICS.json(), keep)
        if target == "/_reset":
            with STATISTICS.lock:
                STATISTICS.reset()
            return self.text(200, "{}", keep)
        try:
            file = File.at(target)
        except (ValueError, KeyError):
            return self.text(404, "no such file\n", keep)
        if method not in ("GET", "HEAD"):
            return self.text(405, "GET and HEAD only\n", False)
        with STATISTICS.lock:
            STATISTICS.active += 1
        try:
            return self.answer(method, target, file, fields, keep)
        finally:
            with STATISTICS.lock:
                STATISTICS.active -= 1

    def text(self, status, text, keep):
        body = text.encode()
        self.peer.sendall(b"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n"
                          b"Content-Length: %d\r\n%s\r\n%s"
                          % (status, REASONS[status].encode(), len(body), b"" if keep else b"Connection: close\r\n",
                             body))
        return keep

    def answer(self, method, target, file, fields, keep):
        status, start, end = file.decide(fields)
        if file.delay:
            time.sleep(file.delay)
        lines = ["HTTP/1.1 %d %s" % (status, REASONS[status]), "Date: " + email.utils.formatdate(usegmt=True)]
        if file.etag:
            lines.append("ETag: " + file.etag)
        if file.last_modified:
            lines.append("Last-Modified: " + file.last_modified)
        if file.control:
            lines.append("Cache-Control: " + file.control)
        if status == 416:
            lines.append("Content-Range: bytes */%d" % file.length)
            lines.append("Content-Length: 0")
        if status in (200, 206):
            lines.append("Content-Type: application/octet-stream")
            if file.ranges:
                lines.append("Accept-Ranges: bytes")
            if status == 206:
                lines.append("Content-Range: bytes %d-%d/%d" % (start, end - 1, file.length))
            if file.framing == "chunked":
                lines.append("Transfer-Encoding: chunked")
            elif file.framing == "close":
                keep = False
            else:
                lines.append("Content-Length: %d" % (end - start))
        if not keep:
            lines.append("Connection: close")
        STATISTICS.answered(target, status, fields.get("range", ""))
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if method == "HEAD" or status not in (200, 206):
            self.peer.sendall(head)
            return keep
        if end - start <= 16384 and file.framing == "length" and not file.drop:
            self.peer.sendall(head + b"".join(file.content.slices(start, end - start)))
            STATISTICS.sent(target, start, end)
            return keep
        self.peer.sendall(head)
        return self.body(target, file, start, end) and keep

    def body(self, target, file, start, end):
        begin = time.monotonic()
        position = start
        stop = end if file.drop is None else min(end, start + file.drop)
        piece = PIECE if not file.rate else max(1, min(PIECE, file.rate // 50))
        while position < stop:
            count = min(piece, stop - position)
            if file.framing == "chunked":
                self.peer.sendall(b"%x\r\n" % count + b"".join(file.content.slices(position, count)) + b"\r\n")
                sent = count
            else:
                sent = self.peer.sendmsg(list(file.content.slices(position, count)))
            STATISTICS.sent(target, position, position + sent)
            position += sent
            if file.rate:
                early = begin + (position - start) / file.rate - time.monotonic()
                if early > 0:
                    time.sleep(early)
        if stop < end:
            return False
        if file.framing == "chunked":
            self.peer.sendall(b"0\r\n\r\n")
        return True


def serve(listener):
    while True:
        peer, _ = listener.accept()
        with STATISTICS.lock:
            STATISTICS.connections += 1
        threading.Thread(target=run, args=(peer,), daemon=True).start()


def run(peer):
    with STATISTICS.lock:
        STATISTICS.open += 1
    try:
        Connection(peer).serve()
    finally:
        with STATISTICS.lock:
            STATISTICS.open -= 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the first line of output names it")
    options = parser.parse_args()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.address, options.port))
    listener.listen(1024)
    print("listening on %s:%d" % listener.getsockname(), flush=True)
    try:
        serve(listener)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
