"""The faults that laboratory plays: what each URL asks of the origin, and what would be right."""


class Row:
    """One fault: a name, the query that makes it, and how it is played.

    `beside` has a second client ask for the same at the same time; `away` is the origin's --down, in seconds from the
    start and for how many seconds; `restart` has it killed once the client holds so many bytes; `compressed` is a
    client that takes gzip; `file` is the name in the URL, which the laboratory draws from.
    """

    def __init__(self, name, query, note="", beside=False, away=None, restart=None, compressed=False, file="disk.iso"):
        self.name, self.query, self.note = name, query, note
        self.beside, self.away, self.restart, self.compressed = beside, away, restart, compressed
        self.file = file

    @property
    def path(self):
        return "/f/20M/" + self.file + ("?" + self.query if self.query else "")


ROWS = [
    Row("no fault", ""),

    Row("one drop", "drop=5M&times=1"),
    Row("drops", "drop=5M"),
    Row("many drops", "drop=256K..2M"),
    Row("resets", "reset=5M"),
    Row("stall", "stall=5M:8", "a pause of 8 s: whoever waits has the file as well"),
    Row("long stall", "stall=5M:600&times=1", "curl waits 60 s and no longer"),
    Row("slow", "rate=50K..4M", "the first connection is slow, others are not; curl waits 60 s and no longer",
        file="slow33.iso"),
    Row("away at first", "down=5/3600", "for 5 s every request is reset"),
    Row("away in the middle", "rate=4M", "3 s after the start, for 4 s", away=(3, 4)),
    Row("restarted in the middle", "rate=4M&piece=64K", "killed at 4 MiB, started again 3 s later", restart=4 << 20),

    Row("503 at first", "first=2:503&retry-after=1"),
    Row("503 now and then", "drop=1M..3M&every=5:503&retry-after=1"),
    Row("404 for ranges", "drop=5M&times=1&when=range&status=404", "only a download from the beginning can help"),
    Row("one at a time", "rate=8M&parallel=1", "two clients at the same moment; 429 for the second request",
        beside=True),

    Row("ranges ignored", "drop=5M&times=1&ranges=off"),
    Row("ranges ignored, drops", "drop=5M&ranges=off", "nobody can get the file: byte 5 MiB is never sent"),
    Row("ranges promised and ignored", "drop=5M&times=1&ranges=lie"),
    Row("parts halved", "drop=5M&times=1&ranges=half"),
    Row("parts one byte off", "drop=5M&times=1&ranges=shifted", "only a comparison with known bytes shows it"),
    Row("parts begin elsewhere", "drop=5M&times=1&ranges=broken-start"),
    Row("wrong complete length", "drop=5M&times=1&ranges=broken-total"),
    Row("unknown complete length", "drop=5M&times=1&ranges=unknown-total"),
    Row("no Content-Range", "drop=5M&times=1&ranges=no-content-range"),
    Row("416 for every range", "drop=5M&times=1&ranges=416"),

    Row("changes, If-Range ignored", "drop=10M&times=1&change=mid:5M&if-range=ignore",
        "the first version is gone: right is a visible cut, then the second"),
    Row("changes under the same tag", "drop=10M&times=1&change=mid:5M&change-tag=no",
        "the first version is gone, and no field says so: right is a visible cut, then the second"),
    Row("changes within a response", "change=inplace:10M&change-tag=no", "nobody can notice"),
    Row("changes within, with a digest", "change=inplace:10M&change-tag=no&digest=ok",
        "the digest, which is of the first version, is all that shows it"),
    Row("weak tag", "drop=5M&times=1&etag=weak&lm=none", "cannot be resumed by a condition"),
    Row("no validator", "drop=5M&times=1&etag=none&lm=none", "cannot be resumed by a condition"),
    Row("another tag each time", "drop=5M&times=1&etag=per-request"),

    Row("cut that cannot be seen, once", "truncate=5M&times=1", "the connection's end is the body's end"),
    Row("cut that cannot be seen, always", "truncate=5M", "the connection's end is the body's end"),
    Row("chunked, one drop", "drop=5M&times=1&length=no"),
    Row("not to be stored", "drop=5M&cc=no-store", "the second client has to be fetched for anew"),
    Row("one wrong byte, with a digest", "corrupt=5M&times=1&digest=ok"),
    Row("one wrong byte", "corrupt=5M&times=1", "nobody can notice"),
    Row("gzip now and then", "drop=5M&times=1&encoding=gzip-flip", "under the same tag and without Vary",
        compressed=True),
]
