// The door between the sockets and the exchange: what Transport tells of a client's request, and to
// whom. Everything here happens on the event loop of the client's connection. It knows neither a store
// nor an origin.

package import HTTPSemantics
package import NIOCore
package import Wire

/// Whoever takes requests. One object for all loops.
package protocol ExchangeDoor: Sendable {
    /// A request head has arrived. The door sets `stream.consumer` before it returns, or answers at once.
    /// - Parameter framing: how the request body is delimited; nothing is told of a body where it is `.none`.
    func receive(_ head: RequestHead, framing: BodyFraming, on stream: DownstreamStream)
    /// What arrived is not a request. The door answers with the refusal's status; the connection closes after (R27).
    func refused(_ refusal: WireRefusal, on stream: DownstreamStream)
}

/// Whoever answers one request. The stream holds it until the response has ended or the client has gone.
package protocol DownstreamConsumer: AnyObject {
    /// Bytes of the request body, chunk framing removed. They may come even after `pauseRequestBody`.
    func requestBody(_ bytes: ByteBuffer)
    /// The request body is complete. Not called where the framing was `.none`.
    func requestBodyEnded()
    /// The request body will never be complete: answer if nothing was sent, else abort. The connection
    /// closes after the response in any case (R27).
    func requestBodyFailed(_ failure: RequestBodyFailure)
    /// There is room again after `isWritable` was false.
    func writable()
    /// The client has left, and nothing more may be sent. Called at most once, and not after `finish` or `abort`.
    func downstreamGone()
}

/// How the body of a response is delimited for the client.
package enum ResponseBody: Hashable, Sendable {
    /// No body follows: an answer to HEAD, 204, 304, 2xx to CONNECT. A Content-Length in the head stays as it is.
    case none
    /// So many bytes follow, which Content-Length announces.
    case length(Int64)
    /// Chunked for HTTP/1.1, ended by the closing of the connection for HTTP/1.0.
    case unknownLength
}

/// Why a request body did not arrive.
package enum RequestBodyFailure: Error, Hashable, Sendable {
    /// The chunk framing is unsound.
    case malformed(WireRefusal)
    /// The client ended its sending side inside the body.
    case cutShort
    /// R44: nothing for too long, or too little over the same time.
    case tooSlow
    /// R15: larger than the operator allows.
    case tooLarge

    /// The status of the answer, where one can still be given.
    package var status: Int {
        switch self {
        case .malformed(let refusal): refusal.status
        case .cutShort: 400
        case .tooSlow: 408
        case .tooLarge: 413
        }
    }

    /// A sentence for the person who reads the answer or the log.
    package var sentence: String {
        switch self {
        case .malformed(let refusal): refusal.sentence
        case .cutShort: "The request ended before its body was complete."
        case .tooSlow: "The body of the request came too slowly."
        case .tooLarge: "The body of the request is larger than this proxy accepts."
        }
    }
}
