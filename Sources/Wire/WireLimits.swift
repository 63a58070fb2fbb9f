// The bounds of everything that a peer may make us read before a message is understood (hardening 3.1).
// A parser without them can be made to hold or to search without end. It knows no time limits: those
// belong to the connection.

/// What the parsers accept at most. Sizes are bytes.
package struct WireLimits: Sendable {
    /// R1: the request line, without its CRLF.
    package var requestLine = 16384
    /// R2: the whole head of a request, with its empty line.
    package var requestHead = 65536
    /// R3: the whole head of a response, with its empty line.
    package var responseHead = 65536
    /// R4: one field line, without its CRLF.
    package var field = 32768
    /// R5: field lines in a head.
    package var fieldCount = 256
    /// R6: the whole trailer section, with its empty line.
    package var trailerBytes = 16384
    /// R6: field lines in a trailer section.
    package var trailerFields = 64
    /// R7: what stands between the size of one chunk and its CRLF.
    package var chunkExtension = 256
    /// R7: the same for all chunks of a message together.
    package var chunkExtensionsTotal = 16384
    /// R14: empty lines before a request.
    package var emptyLines = 4
    /// R8: bytes on the wire that a chunked message may take whatever its content.
    package var chunkedAllowance = 65536
    /// R8: bytes on the wire for each byte of content, beyond the allowance.
    package var chunkedFactor = 8

    package init() {}

    package static let standard = WireLimits()
}
