import MusterCore
import MusterIncident

/// When requests became slow, for incidents in which none fail.
///
/// Hosts keep how long requests took as sketches, which a question gets for one window. So several windows are asked
/// for at once, the narrower the nearer to now, and the first of those that are slow to the end is the onset.
enum LatencyOnset {
    /// Ends of the windows, in seconds before the question.
    private static let edges = [600, 240, 120, 90, 60, 45, 30, 20, 10, 0]
    /// Slow is so many times as long as before, and longer by so much.
    static let factorMin = 2.0
    static let millisecondsMin = 50.0
    /// Requests in a window that its quantile says anything of.
    private static let requestsMin = 20

    /// Questions for counts in each window, oldest first.
    static func questions(at now: Timestamp, of hosts: [AgentID]) -> [Interview.Item] {
        windows(at: now).enumerated().map { index, window in
            Interview.Item(
                name(index),
                .requests(window: window, service: "", salt: [], bucketSeconds: 0),
                of: hosts,
                counts: false
            )
        }
    }

    /// The onset, from the answers to ``questions(at:of:)`` of the same moment; nil when nothing became slow.
    static func find(in interview: Interview, service: String, at now: Timestamp) -> Timestamp? {
        let windows = windows(at: now)
        let answers = windows.indices.map {
            RequestPicture.merged(interview.reply(name($0)))?.endpoints ?? []
        }
        var best: (at: Timestamp, times: Double)?
        let keys = Set(answers.joined().filter { belongs($0, service) }.map(key))
        for key in keys {
            let values = answers.map { endpoints in
                endpoints.first { Self.key($0) == key && $0.total.count >= requestsMin }?.total.latency
                    .quantile(0.95)
            }
            guard let found = rise(in: values), found.times > best?.times ?? 0 else { continue }
            best = (windows[found.index].from, found.times)
        }
        return best?.at
    }

    /// The first of the last values that are all far above those before them, and how far; nil without such.
    static func rise(in values: [Double?]) -> (index: Int, times: Double)? {
        let known = values.enumerated().compactMap { index, value in value.map { (index: index, value: $0) } }
        guard let first = known.first, let last = known.last else { return nil }
        var quietest = first.value
        for (position, entry) in known.enumerated().dropFirst() {
            let rest = known[position...].map(\.value)
            let least = rest.min() ?? last.value
            if least >= factorMin * quietest, least - quietest >= millisecondsMin {
                return (entry.index, least / max(quietest, 1))
            }
            // What was slow and then was not is over.
            quietest = max(quietest, entry.value)
        }
        return nil
    }

    private static func windows(at now: Timestamp) -> [TimeWindow] {
        zip(edges, edges.dropFirst()).map { older, newer in
            TimeWindow(from: now - .seconds(older), to: now - .seconds(newer))
        }
    }

    private static func name(_ index: Int) -> String { "request times \(index)" }

    private static func belongs(_ endpoint: MergedEndpoint, _ service: String) -> Bool {
        service.isEmpty || endpoint.total.service.isEmpty || endpoint.total.service == service
    }

    private static func key(_ endpoint: MergedEndpoint) -> String {
        "\(endpoint.total.service) \(endpoint.total.method) \(endpoint.total.path)"
    }
}
