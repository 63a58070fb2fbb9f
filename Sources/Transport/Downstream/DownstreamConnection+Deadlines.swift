// The times of a client connection: the first byte, a head, a body, the pause between requests, a client
// that reads nothing, and the last moment before closing (R27, R40 to R42, R44, R45). One deadline serves
// all phases, as a connection is in one of them; the request body has a second.

import HTTPSemantics
import NIOCore

extension DownstreamConnection {
    func deadlinePassed(_ deadline: Deadline, now: Int64) {
        if deadline === bodyDeadline {
            bodyWindowEnded()
            return
        }
        switch phase {
        case .waiting:
            // R40, R42: nothing was asked, so nothing is answered.
            leave()
        case .readingHead:
            answerTimeout()
        case .exchanging:
            writeWindowEnded()
        case .leaving:
            if let output, output.unwritten > 0 { writeWindowEnded() } else { channel.close(promise: nil) }
        case .tunnel, .closed: break
        }
    }

    /// R41: the head did not become complete (RFC 9110 §15.5.9).
    private func answerTimeout() {
        hasDroppedInput = true
        guard let stream = beginStream(nil, version: .http11, mayPersist: false) else { return }
        stream.sendHead(ResponseHead(status: 408), body: .length(0))
        stream.finish()
    }

    func armBodyDeadline() {
        bodyBytesAtWindowStart = bodyBytes
        bodyDeadline.arm(after: limits.bodyWindowNanoseconds, owner: self)
    }

    /// R44
    private func bodyWindowEnded() {
        guard phase == .exchanging, !isBodyPaused else { return }
        let expected = limits.bodyBytesPerSecond * (limits.bodyWindowNanoseconds / .seconds(1))
        if bodyBytes - bodyBytesAtWindowStart < max(1, expected) {
            requestBodyFailed(.tooSlow)
        } else {
            armBodyDeadline()
        }
    }

    private var writeWindow: Int64 { min(limits.writeStallNanoseconds, limits.crowdedWindowNanoseconds) }

    func startWriteWindow() {
        writtenAtWindowStart = output?.written ?? 0
        stalledNanoseconds = 0
        deadline.arm(after: writeWindow, owner: self)
    }

    /// R45: a client that reads nothing, or next to nothing while connections are scarce, is cut.
    private func writeWindowEnded() {
        guard let output else { return }
        let written = output.written
        let gain = written - writtenAtWindowStart
        writtenAtWindowStart = written
        let owes = output.unwritten > 0
        stalledNanoseconds = owes && gain == 0 ? stalledNanoseconds + writeWindow : 0
        let least = limits.crowdedBytesPerSecond * (writeWindow / .seconds(1))
        if stalledNanoseconds >= limits.writeStallNanoseconds || (owes && gain < least && home.isCrowded) {
            channel.close(promise: nil)
        } else {
            deadline.arm(after: writeWindow, owner: self)
        }
    }
}
