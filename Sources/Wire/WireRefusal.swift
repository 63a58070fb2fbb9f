// Every reason for which bytes are not accepted as a message, one case each, so that a log, a counter
// and a test can name it. What is done about it (close, answer, refuse the origin) is not decided here.

package import HTTPSemantics

/// Why a head, a framing or a chunked body was refused.
package enum WireRefusal: Error, Hashable, Sendable {
    // Sizes
    case requestLineTooLong
    case headTooLarge
    case fieldTooLarge
    case tooManyFields
    case tooManyEmptyLines

    // Lines
    case bareLineFeed
    case bareCarriageReturn

    // Start lines
    case malformedRequestLine
    case invalidMethod
    case methodTooLong
    case unsupportedVersion
    case target(TargetError)
    case malformedStatusLine

    // Fields
    case foldedField
    case missingColon
    case emptyFieldName
    case whitespaceBeforeColon
    case invalidFieldName
    case invalidFieldValue
    case hostMissing
    case hostRepeated
    case hostInvalid

    // Framing
    case contentLengthInvalid
    case contentLengthRepeated
    case transferEncodingRepeated
    case transferEncodingNotChunked
    case transferCodingUnknown
    case transferEncodingWithContentLength
    case transferEncodingInHTTP10
    case contentInConnect
    case contentNotAllowed

    // Chunks
    case chunkSizeInvalid
    case chunkSizeTooLarge
    case chunkExtensionInvalid
    case chunkExtensionsTooLong
    case chunkNotTerminated
    case chunkFramingTooLarge
    case trailerTooLarge
    case tooManyTrailerFields

    /// The status code of the answer where a request was refused. A refused response is always a 502.
    package var status: Int {
        switch self {
        case .requestLineTooLong:
            414
        case .headTooLarge, .fieldTooLarge, .tooManyFields:
            431
        case .methodTooLong, .transferCodingUnknown, .target(.scheme):
            501
        case .unsupportedVersion:
            505
        case .tooManyEmptyLines, .bareLineFeed, .bareCarriageReturn, .malformedRequestLine, .invalidMethod,
            .target, .malformedStatusLine, .foldedField, .missingColon, .emptyFieldName, .whitespaceBeforeColon,
            .invalidFieldName, .invalidFieldValue, .hostMissing, .hostRepeated, .hostInvalid,
            .contentLengthInvalid, .contentLengthRepeated, .transferEncodingRepeated, .transferEncodingNotChunked,
            .transferEncodingWithContentLength, .transferEncodingInHTTP10, .contentInConnect, .contentNotAllowed,
            .chunkSizeInvalid, .chunkSizeTooLarge, .chunkExtensionInvalid, .chunkExtensionsTooLong,
            .chunkNotTerminated, .chunkFramingTooLarge, .trailerTooLarge, .tooManyTrailerFields:
            400
        }
    }

    /// A sentence for the person who reads the answer or the log.
    package var sentence: String {
        switch self {
        case .requestLineTooLong: "The request line is too long."
        case .headTooLarge: "The header section is too large."
        case .fieldTooLarge: "A header field is too large."
        case .tooManyFields: "There are too many header fields."
        case .tooManyEmptyLines: "There are too many empty lines before the request."
        case .bareLineFeed: "A line ends with LF alone; every line ends with CR and LF."
        case .bareCarriageReturn: "A CR stands where no line ends."
        case .malformedRequestLine: "The request line is not \"method target HTTP/1.1\"."
        case .invalidMethod: "The request does not begin with a method."
        case .methodTooLong: "The method is longer than any that this proxy forwards."
        case .unsupportedVersion: "This proxy speaks HTTP/1.1 and HTTP/1.0."
        case .target(let error): error.sentence
        case .malformedStatusLine: "The status line is not \"HTTP/1.1 code reason\"."
        case .foldedField: "A header line begins with white space."
        case .missingColon: "A header line has no colon."
        case .emptyFieldName: "A header field has no name."
        case .whitespaceBeforeColon: "White space stands between a header field's name and its colon."
        case .invalidFieldName: "A header field's name contains a character that no name may contain."
        case .invalidFieldValue: "A header field's value contains a control character."
        case .hostMissing: "An HTTP/1.1 request needs a Host field."
        case .hostRepeated: "The request has more than one Host field."
        case .hostInvalid: "The Host field is not a host with an optional port."
        case .contentLengthInvalid: "The Content-Length is not a decimal number below 2^63."
        case .contentLengthRepeated: "There is more than one Content-Length."
        case .transferEncodingRepeated: "There is more than one Transfer-Encoding field."
        case .transferEncodingNotChunked: "The Transfer-Encoding is not \"chunked\"."
        case .transferCodingUnknown: "This proxy knows no transfer coding but \"chunked\"."
        case .transferEncodingWithContentLength: "There are both a Transfer-Encoding and a Content-Length."
        case .transferEncodingInHTTP10: "An HTTP/1.0 message has no Transfer-Encoding."
        case .contentInConnect: "A CONNECT request has no content."
        case .contentNotAllowed: "The response announces content that its status code does not allow."
        case .chunkSizeInvalid: "A chunk does not begin with its size in hexadecimal digits."
        case .chunkSizeTooLarge: "The size of a chunk is too large or has too many digits."
        case .chunkExtensionInvalid: "A chunk extension is malformed."
        case .chunkExtensionsTooLong: "The chunk extensions are too long."
        case .chunkNotTerminated: "A chunk is not followed by CR and LF."
        case .chunkFramingTooLarge: "The chunks are so small that their framing outweighs their content."
        case .trailerTooLarge: "The trailer section is too large."
        case .tooManyTrailerFields: "There are too many trailer fields."
        }
    }
}
