// One request of a client and what came of it: the head is judged, every byte is compared, and the end must be what the
// framing promised.

import Foundation
import ScriptedPeers

/// Confined to the thread of its client.
final class Conversation {
    let client: SoakClient
    let object: SoakObject
    let wish: Wish
    let manner: Manner
    let beginning: HeldBeginning?
    var head: ReceivedHead?
    private var lives: SoakWorld.Lives
    private let began = monotonicNanoseconds()
    private var headCame: Int64 = 0
    private var longestSilence: Int64 = 0
    private var received: Int64 = 0

    var world: SoakWorld { client.world }

    init(_ client: SoakClient, _ object: SoakObject, _ wish: Wish, _ manner: Manner, _ beginning: HeldBeginning?) {
        self.client = client
        self.object = object
        self.wish = wish
        self.manner = manner
        self.beginning = beginning
        lives = client.world.lives
    }

    private var heldCount: Int64 { beginning?.count ?? 0 }

    func perform() {
        world.ledger.wants(object, wish, held: heldCount)
        lives = world.lives
        do {
            let peer = try PeerClient(port: world.proxyPort, from: client.address, within: world.patience)
            defer { peer.close() }
            try peer.request(world.url(object), fields: fields, method: method)
            let head = try peer.head()
            self.head = head
            headCame = monotonicNanoseconds()
            longestSilence = headCame - began
            world.tally.add(status: head.status, to: object)
            try judge(head, peer)
        } catch let failure as PeerFailure {
            failed(failure)
        } catch {
            found("\(error)", at: received)
        }
        world.tally.silence(longestSilence)
    }

    private var method: String { if case .head = wish { "HEAD" } else { "GET" } }

    private var fields: PeerFields {
        var fields: PeerFields = ["User-Agent": "holdfast-soak"]
        if let range = wish.range(held: heldCount) { fields.append("Range", range) }
        switch wish {
        case .restUnderTag: if let tag = beginning?.tag { fields.append("If-Range", tag) }
        case .ifChanged: fields.append("If-None-Match", beginning?.tag ?? "\"none\"")
        default: break
        }
        return fields
    }

    /// The connection did not do what it should; while the proxy was killed it could not.
    private func failed(_ failure: PeerFailure) {
        if world.lives.proxy != lives.proxy || world.isProxyAway {
            world.tally.interrupted()
            return world.waitForProxy()
        }
        if failure.isTimeout {
            found("stuck: \(failure)", at: received)
        } else if head == nil {
            // The proxy may have gone in this very moment, and the world not have said so yet.
            usleep(300_000)
            if world.lives.proxy != lives.proxy || world.isProxyAway { return world.tally.interrupted() }
            found("no response: \(failure)", at: 0)
        } else {
            found("\(failure)", at: received)
        }
    }

    // MARK: The head

    private func judge(_ head: ReceivedHead, _ peer: PeerClient) throws {
        let all = object.versions(elapsed: world.elapsed)
        let named = object.version(named: head)
        var check = BodyCheck(object, of: named.map { [$0] } ?? Array(all), among: all, at: 0)
        switch head.status {
        case 200:
            if case .head = wish { return judgeLength(head, check) }
            if let length = head["Content-Length"].flatMap({ Int64($0) }) {
                check.keep { object.mayClaim(length, version: $0) }
                if check.versions.isEmpty { return found("Content-Length \(length) is of no version", at: 0) }
            }
            try take(peer, check, to: nil)
        case 206:
            if head["Content-Type"]?.hasPrefix("multipart/byteranges") == true {
                return try judgeSeveral(peer, head, check)
            }
            guard let part = PartHead(head) else {
                // R30: what cannot be stored passes through to who asked for it; no client can take it for bytes of the file.
                if object.fault("ranges") == "no-content-range" { return }
                return found("a 206 without a Content-Range that can be read", at: 0)
            }
            try judgePart(part, head, check, peer)
        case 304:
            if case .ifChanged = wish { return }
            found("304 without a condition", at: 0)
        default:
            // 416, errors of the origin, errors of the proxy: a sentence at most.
            var text: [UInt8] = []
            _ = try peer.readBody { text.append(contentsOf: $0) }
            // The laboratory answers it where it does not understand a fault.
            if head.status == 400 { found("400: \(String(decoding: text, as: UTF8.self))", at: 0) }
            if head.status == 416, case .bareRest = wish { client.held[object.target] = nil }
            if head.status >= 400 { usleep(50_000) }
        }
    }

    private func judgeLength(_ head: ReceivedHead, _ check: BodyCheck) {
        guard let length = head["Content-Length"].flatMap({ Int64($0) }) else { return }
        if !check.versions.contains(where: { object.mayClaim(length, version: $0) }) {
            found("Content-Length \(length) of a HEAD is of no version", at: 0)
        }
    }

    private func judgePart(_ part: PartHead, _ head: ReceivedHead, _ given: BodyCheck, _ peer: PeerClient) throws {
        var check = BodyCheck(
            object,
            of: given.versions,
            among: object.versions(elapsed: world.elapsed),
            at: part.range.lowerBound
        )
        if let total = part.total {
            check.keep { object.mayClaim(total, version: $0) }
            if check.versions.isEmpty { return found("the complete length \(total) is of no version", at: 0) }
        }
        let wanted = check.lengths.flatMap { wish.wanted(held: heldCount, length: $0) }
        // Several that overlap may come as one (RFC 9110 §15.3.7.2).
        let ends = wanted.map(\.upperBound).max() ?? 0
        guard wanted.contains(where: { $0.lowerBound == part.range.lowerBound }),
            part.range.upperBound <= ends + max(object.totalLie, object.lengthLie)
        else {
            // A suffix is counted from the length that was said.
            if object.fault("ranges") == "broken-start" || object.lengthLie + object.totalLie != 0 { return }
            return found("Content-Range \(part.range) is not what was asked for", at: 0)
        }
        let length = head["Content-Length"].flatMap { Int64($0) }
        if let length, length != part.range.upperBound - part.range.lowerBound {
            // R30: what contradicts itself is not stored, and passes through to who asked for it.
            if object.contradictsItself { return }
            return found("Content-Length \(length) and Content-Range \(part.range) do not agree", at: 0)
        }
        switch wish {
        case .bareRest, .restUnderTag:
            // What the client holds and what comes now are one file to it. Hardening 2.2: that it was given to it is
            // written down with the first claim, 100 ms after it at the latest.
            guard let beginning, object.tellsVersionsApart,
                !world.wasKilledSoonAfter(beginning.since, beginning.lives)
            else { break }
            let common = check.versions.filter { beginning.versions.contains($0) }
            if common.isEmpty, !object.mixesUnnoticed {
                return found(
                    "a splice: the beginning of version \(beginning.versions) would go on with version "
                        + "\(check.versions.prefix(5))",
                    at: 0
                )
            }
            if !object.mixesUnnoticed { check.keep { common.contains($0) } }
        default: break
        }
        try take(peer, check, to: part.range.upperBound)
    }

    private func judgeSeveral(_ peer: PeerClient, _ head: ReceivedHead, _ check: BodyCheck) throws {
        guard case .several = wish else {
            // R30, as above: no client can take it for the part that it asked for.
            if object.fault("ranges") == "multipart" { return }
            return found("several parts in answer to one range", at: 0)
        }
        var bytes: [UInt8] = []
        let end = try read(peer) { bytes.append(contentsOf: $0) }
        for part in PartHead.parts(of: bytes, head) {
            var own = BodyCheck(
                object,
                of: check.versions,
                among: object.versions(elapsed: world.elapsed),
                at: part.range.lowerBound
            )
            let wrong = part.bytes.withUnsafeBytes { own.take($0) }
            if let wrong { return found("a wrong byte in a part", at: wrong, part.bytes, from: part.range.lowerBound) }
            if end == .complete, !object.endsUnprovably, object.lengthLie == 0,
                Int64(part.bytes.count) != part.range.upperBound - part.range.lowerBound
            {
                return found("a part that is shorter than its Content-Range", at: part.range.lowerBound)
            }
        }
    }

    // MARK: The body

    /// Reads to the end, or as far as the client wants.
    private func read(_ peer: PeerClient, _ take: (UnsafeRawBufferPointer) throws -> Void) throws -> BodyEnd? {
        var last = monotonicNanoseconds()
        var naps: Int64 = 0
        var hasPaused = false
        while true {
            var step = manner.nap?.each ?? .max
            if let leaves = manner.leavesAfter { step = min(step, leaves - received) }
            if let pause = manner.pause, !hasPaused { step = min(step, max(0, pause.after - received)) }
            let end = try peer.readBody(limit: step) { bytes in
                let now = monotonicNanoseconds()
                longestSilence = max(longestSilence, now - last)
                last = now
                received += Int64(bytes.count)
                try take(bytes)
            }
            if let end { return end }
            if let leaves = manner.leavesAfter, received >= leaves { return nil }
            if let pause = manner.pause, !hasPaused, received >= pause.after {
                hasPaused = true
                usleep(UInt32(pause.seconds * 1e6))
            }
            // A slow client is slow for a while, and has a run to end.
            if let nap = manner.nap, naps < 2_000_000, !world.isOver {
                usleep(nap.microseconds)
                naps += Int64(nap.microseconds)
            }
            last = monotonicNanoseconds()
        }
    }

    private struct Wrong: Error {
        let offset: Int64
        let bytes: [UInt8]
        let start: Int64
    }

    /// - Parameter promised: the end of the part, exclusive; nil for the whole.
    private func take(_ peer: PeerClient, _ given: BodyCheck, to promised: Int64?) throws {
        var check = given
        let start = check.position
        let end: BodyEnd?
        do {
            end = try read(peer) { bytes in
                let position = start + received - Int64(bytes.count)
                if let wrong = check.take(bytes) { throw Wrong(offset: wrong, bytes: Array(bytes), start: position) }
            }
        } catch let wrong as Wrong {
            // A shift from the first byte on has nothing before it that could be compared.
            if object.isForWholeOnly, wrong.offset == 0 { return world.tally.unprovable() }
            return found("a wrong byte", at: wrong.offset, wrong.bytes, from: wrong.start)
        }
        world.tally.received(received, switches: check.switches, whole: end == .complete, of: object)
        if end == .complete { judgeEnd(check, promised, peer) }
        if end == nil, manner.resets { peer.reset() }
        keep(check, from: start, isWhole: end == .complete && promised == nil)
    }

    /// The framing ended orderly: was that the whole?
    private func judgeEnd(_ check: BodyCheck, _ promised: Int64?, _ peer: PeerClient) {
        if let promised {
            if check.position != promised {
                found("falsely whole: a part that ends at \(check.position)", at: check.position)
            }
            return
        }
        let lengths = check.lengths
        if lengths.contains(check.position) || lengths.contains(check.position - object.lengthLie) { return }
        if object.mixesUnnoticed, check.switches > 0 { return }
        // Neither the proxy nor anybody else can know better; a length would be the proxy's word, though.
        if object.endsUnprovably, head?["Content-Length"] == nil { return world.tally.unprovable() }
        // A killed proxy's connection ends as one does that has said all.
        if peer.endsWithConnection, world.lives.proxy != lives.proxy || world.isProxyAway { return }
        found("falsely whole: \(check.position) bytes of \(lengths.sorted().prefix(3))", at: check.position)
    }

    /// What the client has on its disk now.
    private func keep(_ check: BodyCheck, from start: Int64, isWhole: Bool) {
        let continues: Bool
        switch wish {
        case .whole, .ifChanged: continues = true
        case .bareRest, .restUnderTag: continues = true
        default: continues = false
        }
        // Of what is small there is no guard: it is fetched again rather than resumed.
        guard continues, !object.isForWholeOnly, object.size > 65_536 else { return }
        let isDone = isWhole || check.lengths.contains(check.position)
        if isDone || check.position == 0 || (start > 0 && beginning == nil) {
            client.held[object.target] = nil
            return
        }
        client.held[object.target] = HeldBeginning(
            object: object,
            count: check.position,
            versions: check.versions,
            tag: head?["ETag"] ?? (start > 0 ? beginning?.tag : nil),
            since: headCame,
            lives: lives
        )
    }

    private func found(_ what: String, at offset: Int64, _ bytes: [UInt8] = [], from start: Int64 = 0) {
        var sentence = what
        if !bytes.isEmpty {
            let begin = Int(max(0, offset - start))
            let wrong = Array(bytes[min(begin, bytes.count)...].prefix(64))
            let all = object.versions(elapsed: world.elapsed)
            sentence += "; the bytes there are " + BodyCheck.origin(of: wrong, at: offset, object, among: all)
        }
        client.held[object.target] = nil
        world.findings.add(
            Finding(
                what: sentence,
                client: client.address,
                url: world.url(object),
                request: "\(method) \(fields.text.split(separator: "\r\n").joined(separator: "; "))",
                offset: offset,
                received: received,
                head: head?.text
            )
        )
    }
}
