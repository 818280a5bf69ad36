import MusterCore

/// Makes values that the recorder keeps of what an endpoint tells: gauges as they are, counters as rates.
///
/// Names are those of the endpoint behind `prometheus:`, with `_per_second` for rates; the subject is the target's
/// name and the labels. A distribution is kept as the rate of its count and as its mean since the scrape before, which
/// is what tells that requests have become slow; its buckets and quantiles are not.
struct PrometheusScrape {
    static let prefix = "prometheus:"
    private static let subjectBytesMax = 256

    private struct Reading {
        var value: Double
        var scrape: Int
    }

    private let target: PrometheusTarget
    /// Counters by name and subject, at the scrape at which they were seen last.
    private var counters: [MetricKey: Reading] = [:]
    private var scrapes = 0
    /// Series that were seen: those that were first stay.
    private var known: Set<MetricKey> = []
    /// Whether a name is wanted: patterns are dear.
    private var wanted: [[UInt8]: Bool] = [:]
    /// Series that found no room at the last scrape.
    private(set) var refused = 0
    /// Lines of the last scrape that were not understood, and the first of them.
    private(set) var malformed = 0
    private(set) var firstMalformed: Int?

    init(_ target: PrometheusTarget) { self.target = target }

    /// Takes in a scrape; `elapsed` is the time since the one before.
    mutating func take(_ text: ArraySlice<UInt8>, elapsed: Duration) -> [MetricKey: Double] {
        scrapes += 1
        refused = 0
        let seconds = elapsed.inSeconds
        var values: [MetricKey: Double] = [:]
        var sums: [MetricKey: Double] = [:]
        var counts: [MetricKey: Double] = [:]
        var exposition = ExpositionText()
        exposition.read(text) { sample in
            guard sample.value.isFinite, isWanted(sample.family) else { return true }
            let ending = sample.name.dropFirst(sample.family.count)
            let isTotal =
                ending.isEmpty ? sample.name.hasSuffix("_total") : ending.elementsEqual("_total".utf8)
            switch sample.kind {
            case .gauge: add(sample.value, key(sample.name, "", sample), to: &values)
            case .counter where ending.elementsEqual("_created".utf8): break
            case .counter:
                addRate(sample.value, key(sample.name, "_per_second", sample), seconds, to: &values)
            case .untyped where isTotal:
                addRate(sample.value, key(sample.name, "_per_second", sample), seconds, to: &values)
            case .untyped: add(sample.value, key(sample.name, "", sample), to: &values)
            case .distribution where ending.elementsEqual("_sum".utf8):
                sums[key(sample.family, "_mean", sample)] = rise(sample.value, key(sample.name, "", sample))
            case .distribution where ending.elementsEqual("_count".utf8):
                addRate(sample.value, key(sample.name, "_per_second", sample), seconds, to: &values)
                counts[key(sample.family, "_mean", sample)] = rise(sample.value, key(sample.name, "", sample))
            case .distribution: break
            }
            return true
        }
        for (key, sum) in sums {
            guard let count = counts[key], count > 0 else { continue }
            add(sum / count, key, to: &values)
        }
        (malformed, firstMalformed) = (exposition.malformed, exposition.firstMalformed)
        // What is not told any more may come back as something else.
        counters = counters.filter { $0.value.scrape == scrapes }
        return values
    }

    private func key(
        _ name: ArraySlice<UInt8>,
        _ ending: String,
        _ sample: ExpositionText.Sample
    ) -> MetricKey {
        let labels = String(
            decoding: SecretMask.mask(sample.labels).prefix(Self.subjectBytesMax),
            as: UTF8.self
        )
        return MetricKey(
            Self.prefix + String(decoding: name.prefix(128), as: UTF8.self) + ending,
            labels.isEmpty ? target.name : "\(target.name){\(labels)}"
        )
    }

    private mutating func add(_ value: Double, _ key: MetricKey, to values: inout [MetricKey: Double]) {
        guard known.contains(key) || known.count < target.seriesMax else {
            refused += 1
            return
        }
        known.insert(key)
        values[key] = value
    }

    private mutating func addRate(
        _ value: Double,
        _ key: MetricKey,
        _ seconds: Double,
        to values: inout [MetricKey: Double]
    ) {
        guard let rise = rise(value, key), seconds > 0.1 else { return }
        add(rise / seconds, key, to: &values)
    }

    /// How much a counter rose since the scrape before; nil at the first one, or when nobody has room for it.
    ///
    /// A counter that fell was reset, and rose from nothing since.
    private mutating func rise(_ value: Double, _ key: MetricKey) -> Double? {
        guard counters[key] != nil || counters.count < 4 * target.seriesMax else {
            refused += 1
            return nil
        }
        let before = counters.updateValue(Reading(value: value, scrape: scrapes), forKey: key)
        guard let before, before.scrape == scrapes - 1 else { return nil }
        return value >= before.value ? value - before.value : value
    }

    private mutating func isWanted(_ family: ArraySlice<UInt8>) -> Bool {
        guard !(target.keep.isEmpty && target.drop.isEmpty) else { return true }
        let name = Array(family)
        if let known = wanted[name] { return known }
        let isWanted = target.wants(String(decoding: family, as: UTF8.self))
        if wanted.count < 8_192 { wanted[name] = isWanted }
        return isWanted
    }
}
