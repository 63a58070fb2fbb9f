// Every refusal has its status and its own sentence.

import HTTPSemantics
import Testing
import Wire

@Suite("Refusals")
struct WireRefusalTests {
    @Test("each refusal answers with a status for a request and a sentence")
    func sentences() {
        let all: [(WireRefusal, Int)] = [
            (.requestLineTooLong, 414), (.headTooLarge, 431), (.fieldTooLarge, 431), (.tooManyFields, 431),
            (.tooManyEmptyLines, 400), (.bareLineFeed, 400), (.bareCarriageReturn, 400),
            (.malformedRequestLine, 400), (.invalidMethod, 400), (.methodTooLong, 501), (.unsupportedVersion, 505),
            (.target(.malformed), 400), (.target(.scheme("ftp")), 501), (.malformedStatusLine, 400),
            (.foldedField, 400), (.missingColon, 400), (.emptyFieldName, 400), (.whitespaceBeforeColon, 400),
            (.invalidFieldName, 400), (.invalidFieldValue, 400), (.hostMissing, 400), (.hostRepeated, 400),
            (.hostInvalid, 400), (.contentLengthInvalid, 400), (.contentLengthRepeated, 400),
            (.transferEncodingRepeated, 400), (.transferEncodingNotChunked, 400), (.transferCodingUnknown, 501),
            (.transferEncodingWithContentLength, 400), (.transferEncodingInHTTP10, 400), (.contentInConnect, 400),
            (.contentNotAllowed, 400), (.chunkSizeInvalid, 400), (.chunkSizeTooLarge, 400),
            (.chunkExtensionInvalid, 400), (.chunkExtensionsTooLong, 400), (.chunkNotTerminated, 400),
            (.chunkFramingTooLarge, 400), (.trailerTooLarge, 400), (.tooManyTrailerFields, 400),
        ]
        for (refusal, status) in all {
            #expect(refusal.status == status, "\(refusal)")
            #expect(refusal.sentence.hasSuffix(".") || refusal == .target(.scheme("ftp")), "\(refusal)")
        }
        #expect(Set(all.map(\.0.sentence)).count == all.count, "two refusals have the same sentence")
    }
}
