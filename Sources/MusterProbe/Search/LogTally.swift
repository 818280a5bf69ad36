import MusterAnalysis
import MusterCore

/// Counts the lines that a search found: in all, by level, time and template.
struct LogTally {
    /// Different templates that are told at most.
    static let templatesMax = 500
    private static let endpointsMax = 16_384

    private struct TemplateKey: Hashable {
        var kind: Kind
        var level: LogLevel?
        var service: Int
    }

    /// What is counted as one kind of line.
    private enum Kind: Hashable {
        /// A template, by its slot in the miner.
        case text(Int)
        /// Requests without words of their own: method, endpoint and status.
        case request(String)
    }

    private struct Template {
        var key: TemplateKey
        var count = 0
        var first: Timestamp
        var last: Timestamp
        /// One line of it.
        var exemplar: [UInt8]
    }

    private(set) var matched = 0
    private var times: TimeCounts
    private var first = Timestamp(nanoseconds: .max)
    private var last = Timestamp(nanoseconds: .min)
    /// By gravity; the last is for lines without a level.
    private var levels = [Int](repeating: 0, count: LogLevel.allCases.count + 1)
    private var templates: [Template] = []
    private var byKey: [TemplateKey: Int] = [:]
    /// Knows what the host's logs have taught before, and learns from the lines found.
    private var miner: LogTemplateMiner
    /// Endpoints of requests by their path as logged.
    private var endpoints: [[UInt8]: String] = [:]
    private var unclassified = 0

    init(bucketSeconds: Int, miner: LogTemplateMiner) {
        times = TimeCounts(seconds: bucketSeconds)
        self.miner = miner
    }

    mutating func count(_ line: ParsedLine, _ bytes: ArraySlice<UInt8>, at: Timestamp, service: Int) {
        count(kind(of: line), bytes, level: line.level, at: at, service: service)
    }

    /// Counts a line of plain text.
    mutating func count(plain bytes: ArraySlice<UInt8>, level: LogLevel?, at: Timestamp, service: Int) {
        count(.text(miner.learn(bytes, hasHeader: true)), bytes, level: level, at: at, service: service)
    }

    private mutating func count(
        _ kind: Kind,
        _ bytes: ArraySlice<UInt8>,
        level: LogLevel?,
        at: Timestamp,
        service: Int
    ) {
        matched += 1
        times.count(at)
        first = min(first, at)
        last = max(last, at)
        levels[level.map(\.gravity) ?? LogLevel.allCases.count] += 1
        let key = TemplateKey(kind: kind, level: level, service: service)
        guard let index = template(key, bytes, at: at) else {
            unclassified += 1
            return
        }
        templates[index].count += 1
        templates[index].first = min(templates[index].first, at)
        if at > templates[index].last { templates[index].last = at }
    }

    /// What was counted; `services` are the names of the services' numbers.
    mutating func finish(services: [String]) -> LogsAnswer {
        var answer = LogsAnswer()
        answer.matched = matched
        miner.settle()
        answer.templates = merged().map { template in
            LogTemplateCount(
                pattern: pattern(template.key.kind),
                level: template.key.level,
                service: services[template.key.service],
                count: template.count,
                first: template.first,
                last: template.last,
                exemplar: String(decoding: SecretMask.mask(template.exemplar[...]), as: UTF8.self)
            )
        }
        .sorted { ($0.count, $1.pattern) > ($1.count, $0.pattern) }
        var summary = LogSummary()
        if matched > 0 { (summary.first, summary.last) = (first, last) }
        for (index, count) in levels.enumerated() where count > 0 {
            summary.levels[index < LogLevel.allCases.count ? LogLevel.allCases[index].rawValue : ""] = count
        }
        summary.buckets = times.finish()
        summary.bucketSeconds = times.seconds
        summary.unclassified = unclassified
        answer.summary = summary
        return answer
    }

    /// The line's template; nil when it has none that is counted.
    private mutating func template(_ key: TemplateKey, _ bytes: ArraySlice<UInt8>, at: Timestamp) -> Int? {
        if let known = byKey[key] { return known }
        guard templates.count < Self.templatesMax else { return nil }
        byKey[key] = templates.count
        templates.append(Template(key: key, first: at, last: at, exemplar: Array(bytes)))
        return templates.count - 1
    }

    private mutating func kind(of line: ParsedLine) -> Kind {
        guard let request = line.request, line.message.isEmpty else {
            return .text(
                line.isPlain
                    ? miner.learn(line.text, hasHeader: true) : miner.learn(line.message, hasHeader: false)
            )
        }
        return .request(Self.pattern(of: request, endpoint: endpoint(of: request)))
    }

    private mutating func endpoint(of request: ParsedRequest) -> String {
        let path = request.path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        if let known = endpoints[Array(path)] { return known }
        let endpoint = EndpointPath.normalized(path)
        if endpoints.count < Self.endpointsMax { endpoints[Array(path)] = endpoint }
        return endpoint
    }

    /// How a request without words of its own is counted: where it went and how it ended.
    static func pattern(of request: ParsedRequest) -> String {
        pattern(of: request, endpoint: EndpointPath.normalized(request.path))
    }

    private static func pattern(of request: ParsedRequest, endpoint: String) -> String {
        let method = String(decoding: request.method.prefix(16), as: UTF8.self)
        return "\(method) \(endpoint) \(request.status)"
    }

    private func pattern(_ kind: Kind) -> String {
        switch kind {
        case .text(let slot): SecretMask.mask(miner.text(miner.resolve(slot)))
        case .request(let text): SecretMask.mask(text)
        }
    }

    /// The templates after all joining: those that turned out to be one are counted as one.
    private func merged() -> [Template] {
        var merged: [TemplateKey: Template] = [:]
        for template in templates {
            var template = template
            if case .text(let slot) = template.key.kind { template.key.kind = .text(miner.resolve(slot)) }
            guard let known = merged[template.key] else {
                merged[template.key] = template
                continue
            }
            template.count += known.count
            template.first = min(template.first, known.first)
            template.last = max(template.last, known.last)
            template.exemplar = known.exemplar
            merged[template.key] = template
        }
        return Array(merged.values)
    }
}
