// The two clocks of the process. Pure code is handed their readings as arguments; whoever reads a
// clock does it here, so that "which clock" has one answer: deadlines by the monotonic clock, dates
// by the wall clock, which may jump.

import Glibc
import NIOCore

/// The clocks.
package enum Clock {
    /// Nanoseconds of the monotonic clock. Only differences mean anything.
    package static func monotonicNanoseconds() -> Int64 {
        Int64(clamping: NIODeadline.now().uptimeNanoseconds)
    }

    /// Seconds since 1970 UTC.
    package static func unixSeconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec)
    }

    /// Minutes since midnight by the local clock, 0 to 1,439.
    package static func localMinuteOfDay() -> Int {
        var now = time(nil)
        var local = tm()
        localtime_r(&now, &local)
        return Int(local.tm_hour) * 60 + Int(local.tm_min)
    }

    /// Nanoseconds since 1970 UTC, for the durations and stamps of a log.
    package static func unixNanoseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
}

extension Int64 {
    /// So many seconds in nanoseconds.
    static func seconds(_ count: Int64) -> Int64 { count * 1_000_000_000 }
    /// So many milliseconds in nanoseconds.
    static func milliseconds(_ count: Int64) -> Int64 { count * 1_000_000 }
}
