import MusterAnalysis
import MusterCore

/// Counts the lines that a search found: in all, by level, time and template.
struct LogTally {
    /// Different templates that are told at most.
    static let templatesMax = 500
    /// Lines whose template is worked out at most; lines that look like one before need no working out.
    private static let minedMax = 20_000
    private static let shapesMax = 16_384

    private struct TemplateKey: Hashable {
        var pattern: String
        var level: LogLevel?
        var service: Int
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
    /// Templates by what their lines look like; -1 for one that was left out.
    private var byShape: [UInt64: Int] = [:]
    private var mined = 0
    private var unclassified = 0

    init(bucketSeconds: Int) { times = TimeCounts(seconds: bucketSeconds) }

    mutating func count(_ line: ParsedLine, _ bytes: ArraySlice<UInt8>, at: Timestamp, service: Int) {
        matched += 1
        times.count(at)
        first = min(first, at)
        last = max(last, at)
        levels[line.level.map(\.gravity) ?? LogLevel.allCases.count] += 1
        guard let index = template(of: line, bytes, at: at, service: service) else {
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
        answer.templates = templates.map { template in
            LogTemplateCount(
                pattern: template.key.pattern,
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
    private mutating func template(
        of line: ParsedLine,
        _ bytes: ArraySlice<UInt8>,
        at: Timestamp,
        service: Int
    ) -> Int? {
        let shape = Self.shape(of: line, service: service)
        if let known = byShape[shape] { return known < 0 ? nil : known }
        guard mined < Self.minedMax else { return nil }
        mined += 1
        let key = TemplateKey(pattern: Self.pattern(of: line), level: line.level, service: service)
        var index = byKey[key]
        if index == nil, templates.count < Self.templatesMax {
            index = templates.count
            byKey[key] = templates.count
            templates.append(Template(key: key, first: at, last: at, exemplar: Array(bytes)))
        }
        if byShape.count < Self.shapesMax { byShape[shape] = index ?? -1 }
        return index
    }

    /// What is counted as one kind of line; of a request without words of its own, where it went and how it ended.
    static func pattern(of line: ParsedLine) -> String {
        guard let request = line.request, line.message.isEmpty else {
            return LogTemplate.pattern(of: SecretMask.mask(line.message))
        }
        let method = String(decoding: request.method.prefix(16), as: UTF8.self)
        return SecretMask.mask("\(method) \(EndpointPath.normalized(request.path)) \(request.status)")
    }

    /// A number that two lines share only when they have the same template, level and service.
    ///
    /// Lines that differ only in their digits look alike: a word with a digit is a variable part whatever the digit
    /// is. In a path this holds for four digits and more.
    private static func shape(of line: ParsedLine, service: Int) -> UInt64 {
        var shape = ShapeHash()
        let level = line.level.map(\.gravity) ?? LogLevel.allCases.count
        shape.add(UInt64(truncatingIfNeeded: service) << 8 | UInt64(level))
        guard let request = line.request, line.message.isEmpty else {
            shape.add(line.message, digitsMin: 1)
            return shape.value
        }
        shape.add(UInt64(truncatingIfNeeded: request.status))
        shape.add(request.method, digitsMin: 1)
        shape.add(request.path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }, digitsMin: 4)
        return shape.value
    }
}

/// Hashes bytes with runs of digits as one, by FNV-1a.
private struct ShapeHash {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ number: UInt64) { value = (value ^ number) &* 0x100_0000_01B3 }

    /// Takes bytes; runs of at least so many digits are alike.
    mutating func add(_ bytes: ArraySlice<UInt8>, digitsMin: Int) {
        bytes.withUnsafeBufferPointer { bytes in
            var value = value
            var place = 0
            while place < bytes.count {
                var byte = bytes[place]
                place += 1
                if byte &- 0x30 < 10 {
                    let start = place - 1
                    while place < bytes.count, bytes[place] &- 0x30 < 10 { place += 1 }
                    if place - start >= digitsMin {
                        byte = 0x30
                    } else {
                        for digit in bytes[start..<(place - 1)] {
                            value = (value ^ UInt64(digit)) &* 0x100_0000_01B3
                        }
                        byte = bytes[place - 1]
                    }
                }
                value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
            }
            self.value = (value ^ 0xFF) &* 0x100_0000_01B3
        }
    }
}
