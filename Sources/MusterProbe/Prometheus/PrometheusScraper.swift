import MusterCore
import MusterHTTP
import Synchronization

/// Scrapes local Prometheus endpoints, each on a thread of its own that ends with the scrape.
///
/// One thread calls ``tick()`` and ``take()``, which return at once; an endpoint that hangs holds up nobody, and is
/// not asked again before it has answered or its time is over.
final class PrometheusScraper: Sendable {
    private static let bodyBytesMax = 8 << 20

    private struct Entry {
        let target: PrometheusTarget
        var scrape: PrometheusScrape
        var due: ContinuousClock.Instant?
        var last: ContinuousClock.Instant?
        var isRunning = false
        /// Why the last scrape failed; nil when it did not.
        var problem: String?
    }

    private struct State {
        var entries: [Entry]
        /// What was scraped since the last ``take()``.
        var values: [MetricKey: Double] = [:]
    }

    private let state: Mutex<State>

    init(targets: [PrometheusTarget]) {
        state = Mutex(State(entries: targets.map { Entry(target: $0, scrape: PrometheusScrape($0)) }))
    }

    /// Starts the scrapes that are due.
    func tick() {
        let now = ContinuousClock.now
        let due = state.withLock { state in
            let due = state.entries.indices.filter { index in
                !state.entries[index].isRunning && state.entries[index].due.map { $0 <= now } ?? true
            }
            for index in due { state.entries[index].isRunning = true }
            return due.map { ($0, state.entries[$0].target) }
        }
        for (index, target) in due {
            let isStarted = DetachedThread.start { [self] in
                finish(index, Self.scrape(target), began: now)
            }
            if !isStarted { finish(index, .failure("the system gives no thread"), began: now) }
        }
    }

    /// The newest values of what was scraped since the last call.
    func take() -> [MetricKey: Double] {
        state.withLock { state in
            defer { state.values.removeAll(keepingCapacity: true) }
            return state.values
        }
    }

    /// What is missing of the endpoints, in words; empty when nothing is.
    var problems: [String] {
        state.withLock { state in
            state.entries.flatMap { entry -> [String] in
                var found: [String] = []
                let name = entry.target.name
                if let problem = entry.problem { found.append("\(name) could not be scraped: \(problem)") }
                if entry.scrape.refused > 0 {
                    found.append("\(entry.scrape.refused) series of \(name) are beyond its series_max")
                }
                if let first = entry.scrape.firstMalformed {
                    found.append(
                        "\(entry.scrape.malformed) lines of \(name) were not understood, the first is line \(first)"
                    )
                }
                return found
            }
        }
    }

    private enum Scraped {
        case text([UInt8])
        case failure(String)
    }

    private static func scrape(_ target: PrometheusTarget) -> Scraped {
        let request = HTTPRequest(
            method: "GET",
            url: target.url,
            headers: [
                ("Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
            ],
            timeout: target.timeout,
            bodyLimit: bodyBytesMax,
            caFile: target.caFile
        )
        do throws(HTTPError) {
            let response = try HTTPClient().send(request)
            guard response.status == 200 else { return .failure("HTTP status \(response.status)") }
            return .text(response.body)
        } catch {
            return .failure(SecretMask.mask(error.message))
        }
    }

    private func finish(_ index: Int, _ scraped: Scraped, began: ContinuousClock.Instant) {
        let took = ContinuousClock.now - began
        state.withLock { state in
            let name = state.entries[index].target.name
            switch scraped {
            case .text(let text):
                let elapsed = state.entries[index].last.map { began - $0 } ?? .zero
                let values = state.entries[index].scrape.take(text[...], elapsed: elapsed)
                state.values.merge(values) { $1 }
                state.entries[index].last = began
                state.entries[index].problem = nil
            case .failure(let reason): state.entries[index].problem = reason
            }
            let isUp = state.entries[index].problem == nil
            state.values[MetricKey(PrometheusScrape.prefix + "up", name)] = isUp ? 1 : 0
            state.values[MetricKey(PrometheusScrape.prefix + "scrape_seconds", name)] = took.inSeconds
            state.entries[index].isRunning = false
            state.entries[index].due = began + state.entries[index].target.interval
        }
    }
}
