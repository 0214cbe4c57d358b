-- What wrk sends: one market order, as the exchange's documentation writes it. In the end one line of JSON with what was
-- measured: latencies in microseconds, by percentile.
wrk.method = "POST"
wrk.body = '@BODY@'
wrk.headers["Content-Type"] = "application/json"

local percentiles = { 0.1, 1, 5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92, 94, 95, 96, 97, 98, 98.5, 99, 99.3, 99.5, 99.7,
    99.8, 99.9, 99.95, 99.99 }

function done(summary, latency)
    local errors, points = summary.errors, {}
    for i, percentile in ipairs(percentiles) do
        points[i] = string.format("[%g,%.0f]", percentile, latency:percentile(percentile))
    end
    io.write(string.format('{"requests":%d,"seconds":%.6f,"errors":%d,"latency_us":[%s]}\n', summary.requests, summary.duration / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout, table.concat(points, ",")))
end
