// One connection of a client: reads requests, has each answered, sends the answers, keeps the log. It runs on a thread
// of its own, so that a fault that waits makes nobody else wait.

import Glibc

/// Confined to its thread.
final class LabConnection {
    private let socket: LabSocket
    private let client: String
    private let number: Int
    private let server: LabServer
    /// One piece of a body.
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 131_072, alignment: 16)
    private var unread: [UInt8] = []

    private static let headLimit = 65_536

    init(_ socket: LabSocket, client: String, number: Int, server: LabServer) {
        self.socket = socket
        self.client = client
        self.number = number
        self.server = server
    }

    deinit { memory.deallocate() }

    /// Serves until one side ends the connection.
    func run() {
        while let head = nextHead() {
            guard let request = LabRequest(head: head) else {
                _ = send(.sentence(400, "This is no request of HTTP/1.1."), closes: true)
                break
            }
            // No request with content is answered with the file; what it holds is not read.
            let hasContent = request["Content-Length"].map { $0 != "0" } ?? (request["Transfer-Encoding"] != nil)
            if !serve(request, keepsAlive: request.keepsAlive && !hasContent) { break }
        }
        socket.end()
    }

    /// nil at the end of the connection, and where the head is too large.
    private func nextHead() -> [UInt8]? {
        while true {
            if let end = unread.firstIndex(of: [13, 10, 13, 10]) {
                let head = Array(unread[..<(end + 4)])
                unread.removeFirst(end + 4)
                return head
            }
            guard unread.count < Self.headLimit,
                let count = socket.receive(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<8192])), count > 0
            else { return nil }
            unread.append(contentsOf: memory[..<count])
        }
    }

    /// False where the connection ends after it.
    private func serve(_ request: LabRequest, keepsAlive: Bool) -> Bool {
        do throws(FaultError) {
            switch try LabTarget(request.target) {
            case .file(let file): return serve(request, file, keepsAlive: keepsAlive)
            case .truth(let file, let version, let isHashed):
                let truth = server.truth(file, version: version, isHashed: isHashed)
                return send(json: jsonLine(truth) + "\n", closes: !keepsAlive, request)
            case .log(let part):
                let entries = server.log.entries(part)
                return send(json: entries.map { jsonLine($0) + "\n" }.joined(), closes: !keepsAlive, request)
            case .page: return send(.sentence(200, LabPage.text), closes: !keepsAlive, request)
            case .unknown: return send(.sentence(404, "The page / says what there is."), closes: !keepsAlive, request)
            }
        } catch {
            return send(.sentence(400, error.description), closes: !keepsAlive, request)
        }
    }

    private func send(json: String, closes: Bool, _ request: LabRequest) -> Bool {
        var answer = Answer(status: 200)
        answer.add("Content-Type", "application/json")
        answer.parts = [.text(Array(json.utf8))]
        return send(answer, closes: closes, request)
    }

    /// Sends an answer that is no file; false where the connection ends after it.
    private func send(_ answer: Answer, closes: Bool, _ request: LabRequest? = nil) -> Bool {
        var answer = answer
        // Of the laboratory, and never stored.
        answer.add("Cache-Control", "no-store")
        var bytes = answer.head(isHTTP10: false, closes: closes)
        if request?.method != "HEAD" {
            for case .text(let text) in answer.parts { bytes += text }
        }
        return socket.send(bytes) && !closes
    }

    private func serve(_ request: LabRequest, _ file: LabFile, keepsAlive: Bool) -> Bool {
        let moment = server.counts.began(file, client: client)
        let entry = server.log.add(LogEntry(request, client: client, connection: number))
        let presence = Presence(server.counts, file, client: client)
        let (end, isOpen) = answer(request, file, moment, entry, presence, keepsAlive: keepsAlive)
        presence.leave()
        server.finished(entry, end)
        return isOpen
    }

    private func answer(
        _ request: LabRequest,
        _ file: LabFile,
        _ moment: Moment,
        _ entry: Int,
        _ presence: Presence,
        keepsAlive: Bool
    ) -> (ResponseEnd, isOpen: Bool) {
        let faults = file.faults
        if let down = faults.down, down.isDown(moment.elapsed) {
            if down.isSilent { _ = socket.nap(seconds: down.remaining(moment.elapsed)) } else { socket.reset() }
            return (.down, false)
        }
        if faults.headDelay > 0, !socket.nap(seconds: faults.headDelay) { return (.clientLeft, false) }
        let (answer, representation) = server.plan(request, file, moment).made()
        var transfer = TransferPlan(file, moment, labSeed: server.seed)
        // HEAD and errors have no body that could be disturbed, and `times` does not count them.
        let isDisturbed = request.method == "GET" && answer.isFile && transfer.touches(answer)
        if !isDisturbed || !server.counts.mayTouch(file) { transfer = transfer.undisturbed }
        let closes =
            !keepsAlive || !faults.keepsAlive || faults.isHTTP10 || answer.framing == .untilClose
            || answer.lengthLie != 0
        server.log.update(entry) { entry in
            entry.status = answer.status
            entry.version = answer.isFile ? moment.version : nil
        }
        let hasBody = request.method != "HEAD" && answer.status != 304
        // Who has the answer may ask again at once.
        if !hasBody { presence.leave() }
        if !socket.send(answer.head(isHTTP10: faults.isHTTP10, closes: closes)) { return (.clientLeft, false) }
        if !hasBody { return (.complete, !closes) }
        let sender = BodySender(
            socket,
            answer,
            representation,
            transfer,
            memory: memory,
            change: answer.isFile ? server.change(file, moment) : nil,
            willEnd: presence.leave,
            progressed: { [server] sent in server.log.update(entry) { $0.sent = sent } }
        )
        let end = sender.send()
        server.log.update(entry) { $0.sent = sender.sent }
        let isLie = end == .complete && answer.lengthLie > 0
        return (isLie ? .dropped : end, end == .complete && !closes)
    }
}

extension [UInt8] {
    fileprivate func firstIndex(of mark: [UInt8]) -> Int? {
        guard count >= mark.count else { return nil }
        return (0...(count - mark.count)).first { self[$0..<$0 + mark.count].elementsEqual(mark) }
    }
}
