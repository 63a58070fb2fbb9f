// Which file with which faults a place of the run holds next. Sound ones disturb only the connection and the time; the
// others may do everything that docs/lab.md has.

/// Draws objects.
struct FaultDraw {
    private var random: SoakRandom
    private var faults: [(name: String, value: String)] = []

    static func object(seed: UInt64, place: Int, generation: Int, isSound: Bool) -> SoakObject {
        var draw = FaultDraw(random: SoakRandom(seed, UInt64(place), UInt64(generation)))
        let size = draw.size(isSound)
        if isSound { draw.sound(size) } else { draw.any(size) }
        return SoakObject(
            name: "\(isSound ? "sound" : "any")-\(place)-\(generation)",
            size: size,
            faults: draw.faults,
            isSound: isSound,
            labSeed: seed
        )
    }

    private mutating func add(_ name: String, _ value: String) { faults.append((name, value)) }

    private mutating func maybe(_ share: Int, _ name: String, _ values: [String]) {
        if random.percent(share) { add(name, random.one(of: values)) }
    }

    private mutating func size(_ isSound: Bool) -> Int64 {
        if isSound { return random.number(3_000_000...16_000_000) }
        return random.percent(15) ? random.number(1...40_000) : random.number(200_000...5_000_000)
    }

    private mutating func sound(_ size: Int64) {
        add("rate", random.one(of: ["2M", "4M", "3M..8M"]))
        maybe(50, random.one(of: ["drop", "reset"]), ["1M..6M", "2M..4M", "3M"])
        if random.percent(20) {
            add("stall", "512K..3M:\(random.one(of: ["2", "6"]))")
            if !faults.contains(where: { $0.name == "drop" || $0.name == "reset" }) { add("times", "3") }
        }
        maybe(20, "every", ["5:503", "4:429", "7:500"])
        maybe(20, "retry-after", ["0", "1"])
        maybe(15, "down", ["1/9", "2/13:silent", "1.5/11:reset"])
        maybe(20, "keep-alive", ["no"])
        maybe(20, "head-delay", ["0.1", "0.4"])
        maybe(15, "length", ["no"])
        maybe(40, "change", ["every:20", "every:35"])
        maybe(20, "cc", ["no-cache", "max-age=2"])
        if random.percent(15) { add("etag", "none") }
    }

    private mutating func any(_ size: Int64) {
        connection(size)
        status()
        let isKept = content(size)
        // What passes through is told as it came: lies that the proxy has no part in.
        if isKept { validators() }
    }

    private mutating func connection(_ size: Int64) {
        let span = random.one(of: ["64K..1M", "200K..2M", "1..300K", "\(max(1, size / 3))"])
        maybe(55, random.one(of: ["drop", "reset", "drop", "reset", "truncate"]), [span])
        if !faults.contains(where: { $0.name == "reset" }) { maybe(15, "reset", ["300K..2M"]) }
        maybe(20, "stall", ["1..512K:0.5", "100K..1M:2", "1:4", "300K:8"])
        maybe(40, "times", ["1", "2", "4"])
        maybe(50, "rate", ["500K..3M", "2M", "4M"])
        maybe(25, "piece", ["100..64K", "1..3000", "1460"])
        maybe(20, "head-delay", ["0.05", "0.5", "1.5"])
        maybe(15, "down", ["1/7", "2/11:silent", "3/20:reset"])
        maybe(20, "keep-alive", ["no"])
        maybe(7, "http", ["1.0"])
    }

    private mutating func status() {
        maybe(20, "every", ["3:503", "4:429", "5:500", "3:404", "6:403", "2:503", "4:302"])
        maybe(15, "first", ["1:503", "2:500", "1:404"])
        maybe(30, "retry-after", ["0", "1", "3", "90"])
        maybe(25, "when", ["range", "whole"])
        maybe(8, "parallel", ["1", "2"])
        maybe(4, "limit-per-client", ["3", "6"])
        maybe(3, "redirect", ["302"])
    }

    /// Whether what comes may be stored.
    private mutating func content(_ size: Int64) -> Bool {
        if random.percent(55) {
            add("change", random.one(of: ["every:3", "every:7", "every:15", "after:2", "after:5", "mid:\(size / 2)"]))
            maybe(25, "change-tag", ["no", "etag", "lm"])
            maybe(30, "grow", ["1000", "70000"])
        }
        maybe(4, "corrupt", ["\(size / 2)"])
        maybe(20, "length", ["no"])
        maybe(8, "close", ["yes"])
        if !faults.contains(where: { ["length", "close", "truncate"].contains($0.name) }) {
            maybe(4, "size-lies", ["-100", "100"])
        }
        maybe(15, "digest", ["ok"])
        maybe(8, "vary", ["Accept", "Accept-Encoding,User-Agent"])
        maybe(5, "cookie", ["session"])
        let cacheControl = random.one(
            weighted: [
                (60, nil), (10, "no-cache"), (8, "public, max-age=1"), (6, "max-age=2, must-revalidate"),
                (5, "no-store"),
                (4, "private"), (4, "max-age=0"), (3, ""),
            ]
        )
        if let cacheControl { add("cc", cacheControl.split(separator: " ").joined(separator: "%20")) }
        return cacheControl != "no-store" && cacheControl != "private"
    }

    private mutating func validators() {
        maybe(
            45,
            "ranges",
            [
                "off", "lie", "half", "short", "long", "shifted", "broken-start", "broken-total", "unknown-total",
                "no-content-range", "multipart", "416",
            ]
        )
        maybe(30, "if-range", ["ignore", "date-only", "etag-only", "never"])
        maybe(10, "conditions", ["ignore"])
        maybe(45, "etag", ["weak", "none", "none", "per-request", "changing:5"])
        maybe(30, "lm", ["none", "now", "1600000000"])
        maybe(12, "date", ["none", "-3600", "3600"])
    }
}
