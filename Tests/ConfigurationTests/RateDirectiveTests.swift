// Rates, and the rate of background work: what may be written, and what is refused.

import Configuration
import Testing

@Suite("Directives about rates")
struct RateDirectiveTests {
    @Test(
        "background_rate is a word, bytes per second, or a share of the link",
        arguments: [
            (#""unlimited""#, Configuration.BackgroundPace.unlimited), (#""yield""#, .yield),
            (#""2 MB""#, .bytesPerSecond(2_000_000)), ("65536", .bytesPerSecond(65536)), (#""1%""#, .percent(1)),
            (#""100%""#, .percent(100)), (#""1 KiB""#, .bytesPerSecond(1024)),
        ]
    )
    func background(text: String, pace: Configuration.BackgroundPace) throws {
        let file = "resume.background_rate = \(text)"
        let configuration = try Configuration.load(fileText: file, fileName: "proxy.conf")
        #expect(configuration.resume.backgroundRate == pace)
    }

    @Test(
        "what is no rate is refused, with what is allowed",
        arguments: [
            #""0%""#, #""101%""#, #""%""#, #""5 %""#, #""-5%""#, #""0005%""#, #""1.5%""#, "1023", "0", #""fast""#,
            #""2 MB/s""#, #""5 EiB""#,
        ]
    )
    func refused(text: String) {
        for key in ["resume.background_rate", "upstream.max_rate", "downstream.max_rate_per_client"] {
            let errors = LoadingTests.errors(file: "\(key) = \(text)")
            #expect(errors.count == 1)
            #expect(errors.first?.contains("; allowed: ") == true)
            #expect(errors.first?.contains("a size per second such as \"2 MB\"") == true)
        }
    }

    @Test("a rate is bytes per second, and unset by default")
    func rates() throws {
        let file = """
            [upstream]
            max_rate = "10 MB"
            max_rate_per_origin = "1 MiB"
            [downstream]
            max_rate = 4096
            max_rate_per_client = "unset"
            """
        let configuration = try Configuration.load(fileText: file, fileName: "proxy.conf")
        #expect(configuration.upstream.maxRate == 10_000_000)
        #expect(configuration.upstream.maxRatePerOrigin == 1 << 20)
        #expect(configuration.downstream.maxRate == 4096)
        #expect(configuration.downstream.maxRatePerClient == nil)
        #expect(Configuration().upstream.maxRate == nil)
        #expect(Configuration().downstream.maxRatePerClient == nil)
    }
}
