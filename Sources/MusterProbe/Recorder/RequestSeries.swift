import MusterAnalysis
import MusterCore

/// Makes three series of each endpoint: how many requests, which part of them fails, and how long the slowest take.
///
/// Not more endpoints than a bound, those with most requests first come. One without requests goes on as nothing for
/// six hours: that nobody asks any more is news.
struct RequestSeries {
    private static let endpointsMax = 64
    /// Requests in ten seconds that a share of errors, and a quantile, say anything of.
    private static let ratioMin = 5
    private static let quantileMin = 20
    private static let forgetTicks: UInt32 = 2_160

    /// When each endpoint last had requests.
    private var known: [String: UInt32] = [:]

    /// Feeds the requests of one tick of ten seconds to the watch.
    mutating func feed(_ endpoints: [EndpointRequests], tick: UInt32, to watch: inout AnomalyWatch) {
        for endpoint in endpoints.sorted(by: { $0.count > $1.count }).prefix(Self.endpointsMax) {
            let subject = Self.subject(endpoint)
            guard known[subject] != nil || known.count < Self.endpointsMax else { continue }
            known[subject] = tick
            watch.add(
                Double(endpoint.count) / 10,
                name: "requests_per_second",
                subject: subject,
                tick: tick
            )
            if endpoint.count >= Self.ratioMin {
                let ratio = Double(endpoint.errors) / Double(endpoint.count)
                watch.add(ratio, name: "request_error_ratio", subject: subject, tick: tick)
            }
            if endpoint.count >= Self.quantileMin, let slow = endpoint.latency.quantile(0.99) {
                watch.add(slow, name: "request_p99_ms", subject: subject, tick: tick)
            }
        }
        for (subject, seen) in known where seen != tick {
            watch.add(0, name: "requests_per_second", subject: subject, tick: tick)
            if seen &+ Self.forgetTicks < tick { known[subject] = nil }
        }
    }

    private static func subject(_ endpoint: EndpointRequests) -> String {
        let parts = [endpoint.service, endpoint.method, endpoint.path]
        return String(parts.filter { !$0.isEmpty }.joined(separator: " ").prefix(200))
    }
}
