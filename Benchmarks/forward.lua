-- wrk through a forward proxy: the request line names the whole address (absolute-form, RFC 9112 section 3.2.2).
-- wrk ... -s forward.lua http://127.0.0.1:PROXY -- http://ORIGIN/path
-- Without an address after `--` it asks for the path of wrk's own address, as a reverse proxy is asked.
-- At the end it prints one line for speed.py to read.

local request_text

function init(arguments)
    local url = arguments[1]
    if url then
        wrk.headers["Host"] = url:match("^http://([^/]+)")
        request_text = wrk.format("GET", url)
    else
        request_text = wrk.format("GET")
    end
end

function request()
    return request_text
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        "RESULT requests=%d bytes=%d microseconds=%d failures=%d p50=%d p99=%d\n",
        summary.requests, summary.bytes, summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
