// What the desk answers to `fetch` and `downloads`: the queue's answers, and the bytes of what is done.

import HTTPSemantics
import Resume
import Store
import Transport

extension ControlDesk {
    /// Each URL becomes a download of the queue, or a problem. On disk when this returns, as far as a SIGKILL goes.
    func fetch(_ items: [FetchItem], _ send: (ControlAnswer) -> Bool) {
        var added: [Int64] = []
        for item in items {
            switch Self.parse(item.url) {
            case .failure(let error):
                guard send(problem(item.url, "It is no URL. \(error.sentence)")) else { return }
            case .success(let uri) where uri.scheme != "http":
                let sentence = "Only http is cached so far; https is tunnelled."
                guard send(problem(item.url, sentence)) else { return }
            case .success(let uri):
                if let wanted = item.sha256, DigestValue(.sha256, hexadecimal: wanted) == nil {
                    guard send(problem(item.url, "A SHA-256 has 64 hexadecimal digits.")) else { return }
                } else if let id = queue.add(uri, sha256: item.sha256?.lowercased() ?? "") {
                    added.append(id)
                } else {
                    guard send(problem(item.url, "The queue is full.")) else { return }
                }
            }
        }
        store.settleQueue()
        queue.proceed()
        downloads(added, send)
    }

    func downloads(_ ids: [Int64]?, _ send: (ControlAnswer) -> Bool) {
        for item in queue.items(ids) where !send(.download(item)) { return }
    }

    func carryOut(_ orders: [DownloadOrder], _ send: (ControlAnswer) -> Bool) {
        for order in orders {
            if let refusal = queue.carryOut(order) {
                guard send(problem("\(order.id)", refusal.sentence)) else { return }
            }
        }
        store.settleQueue()
        downloads(orders.map(\.id), send)
    }

    func content(_ id: Int64, _ send: (ControlAnswer) -> Bool) {
        switch queue.content(id) {
        case .failure(let refusal):
            _ = send(.failed(sentence: refusal.sentence))
        case .success(let response):
            guard let length = StoredContent.length(of: response) else {
                _ = send(.failed(sentence: "Not all of download \(id) is held any more: fetch it again."))
                return
            }
            do throws(StoreError) {
                guard length > 0 else {
                    _ = send(.content(ContentPart([], length: 0)))
                    return
                }
                try StoredContent.read(response, to: length) { bytes in
                    send(.content(ContentPart(Array(bytes), length: length)))
                }
            } catch {
                _ = send(.failed(sentence: error.sentence))
            }
        }
    }

    func adopt(_ path: String, as url: String, _ send: (ControlAnswer) -> Bool) {
        do throws(CommandRefusal) {
            let (table, uri) = try asking(url)
            let adopted = try Adoption(table: table, path: path, uri: uri).adopt { done, total in
                send(.adopting(done: done, of: total))
            }
            _ = send(.adopted(adopted))
        } catch {
            _ = send(.failed(sentence: error.sentence))
        }
    }

    func examine(_ url: String, _ send: (ControlAnswer) -> Bool) {
        do throws(CommandRefusal) {
            let (table, uri) = try asking(url)
            _ = send(.examined(try OriginExamination(table: table, uri: uri).examine()))
        } catch {
            _ = send(.failed(sentence: error.sentence))
        }
    }

    func recall(_ url: String, _ send: (ControlAnswer) -> Bool) {
        do throws(CommandRefusal) {
            let (table, uri) = try asking(url)
            let now = Clock.unixSeconds()
            let known = table.origins.capabilities(of: uri)
            _ = send(
                .examined(
                    ExaminedAnswer(
                        url: uri.description,
                        prospect: known.prospect(now: now).word,
                        sentences: known.sentences(now: now)
                    )
                )
            )
        } catch {
            _ = send(.failed(sentence: error.sentence))
        }
    }

    /// What is needed to ask an origin about a URL.
    private func asking(_ url: String) throws(CommandRefusal) -> (FillTable, AbsoluteURI) {
        guard let table = running?.table else {
            throw CommandRefusal("No proxy runs that could ask the origin: start one (holdfast serve).")
        }
        switch Self.parse(url) {
        case .failure(let error):
            throw CommandRefusal("\(AccessLogLine.escaped(url)) is no URL. \(error.sentence)")
        case .success(let uri):
            guard uri.scheme == "http" else {
                throw CommandRefusal("Only http is cached so far; https is tunnelled.")
            }
            return (table, uri)
        }
    }

    private func problem(_ subject: String, _ sentence: String) -> ControlAnswer {
        .problem(DownloadProblem(subject: subject, sentence: sentence))
    }
}
