import MusterCore
import MusterIncident

/// What an incident looked like, without anything that another one of the same cause would not have: no host, no
/// number, no time, no id.
///
/// A set of short texts in fields. That of one incident has each text whole; that of a piece of knowledge, made of
/// several incidents, has each with the share of them that had it.
package struct IncidentSignature: Hashable, Sendable, Codable {
    /// What a text is about; each field counts as a whole, however many texts it has.
    package enum Field: String, Sendable, Codable, CaseIterable {
        /// Names of alert rules.
        case alert
        case service
        /// Kind of the most probable cause as it was ranked.
        case cause
        /// What users felt: errors or latency, and where.
        case symptom
        case dependency
        case resource
        /// Words of error lines that were new.
        case log
        /// Kinds of changes near the onset, and what tells the sick from the healthy.
        case change

        /// How much agreement in it says of a common cause.
        ///
        /// The alert, the service and what users felt are alike for many causes; which dependency or resource was in
        /// trouble, and in which words, is not.
        package var weight: Double {
            switch self {
            case .alert: 1
            case .service, .symptom: 0.5
            case .change: 0.75
            case .cause: 1.5
            case .dependency, .resource, .log: 2
            }
        }
    }

    /// A text of a field.
    package struct Feature: Hashable, Sendable, Codable, Comparable {
        package var field: Field
        package var text: String

        package init(_ field: Field, _ text: String) {
            self.field = field
            self.text = text
        }

        package static func < (one: Feature, other: Feature) -> Bool {
            (one.field.rawValue, one.text) < (other.field.rawValue, other.text)
        }
    }

    /// A feature with the share of incidents that had it.
    package struct Entry: Hashable, Sendable, Codable {
        package var feature: Feature
        /// Above 0, at most 1.
        package var share: Double

        package init(feature: Feature, share: Double) {
            self.feature = feature
            self.share = share
        }
    }

    /// In the order of the features, each once.
    package private(set) var entries: [Entry]

    /// Most texts of one field.
    package static let perFieldMax = 48
    /// Most bytes of one text.
    package static let textBytesMax = 120

    package init(_ features: Set<Feature>) {
        self.init(entries: features.map { Entry(feature: $0, share: 1) })
    }

    private init(entries: [Entry]) {
        var counts: [Field: Int] = [:]
        // Those that most incidents had stay.
        let kept = entries.sorted { ($1.share, $0.feature) < ($0.share, $1.feature) }.filter { entry in
            counts[entry.feature.field, default: 0] += 1
            return counts[entry.feature.field, default: 0] <= Self.perFieldMax
        }
        self.entries = kept.sorted { $0.feature < $1.feature }
    }

    package init(from decoder: any Decoder) throws {
        let entries = try decoder.singleValueContainer().decode([Entry].self)
        guard Set(entries.map(\.feature)).count == entries.count,
            entries.allSatisfy({
                $0.share > 0 && $0.share <= 1 && $0.feature.text.utf8.count <= Self.textBytesMax
            })
        else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription:
                        "a signature has each text once, of at most \(Self.textBytesMax) bytes, "
                        + "with a share above 0 and at most 1"
                )
            )
        }
        self.init(entries: entries)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(entries)
    }

    /// The signature of both together; `weight` is how many incidents this one is made of.
    package func merged(with other: IncidentSignature, weight: Int) -> IncidentSignature {
        let total = Double(weight + 1)
        var shares: [Feature: Double] = [:]
        for entry in entries { shares[entry.feature, default: 0] += entry.share * Double(weight) / total }
        for entry in other.entries { shares[entry.feature, default: 0] += entry.share / total }
        return IncidentSignature(entries: shares.map { Entry(feature: $0.key, share: min(1, $0.value)) })
    }

    /// How alike two signatures are, from 0 to 1.
    ///
    /// Per field the weighted Jaccard similarity, also called Ruzicka's: the sum of the smaller shares over that of
    /// the larger ones (S. Ioffe, "Improved Consistent Sampling, Weighted Minhash and L1 Sketching", ICDM 2010), each
    /// text weighted by `rarity`. The fields are averaged by ``Field/weight`` over those that either has, so that twenty
    /// log lines do not drown the one dependency (the idea of BM25F: S. Robertson, H. Zaragoza, M. Taylor, CIKM 2004).
    /// The cause counts only where both have one: at the start of an incident none is ranked yet.
    package func similarity(to other: IncidentSignature, rarity: (Feature) -> Double) -> Double {
        var shared: [Field: Double] = [:]
        var whole: [Field: Double] = [:]
        for (feature, one, two) in Self.paired(entries, other.entries) {
            let weight = rarity(feature)
            shared[feature.field, default: 0] += min(one, two) * weight
            whole[feature.field, default: 0] += max(one, two) * weight
        }
        if !(has(.cause) && other.has(.cause)) { whole[.cause] = nil }
        var (sum, weights) = (0.0, 0.0)
        for field in Field.allCases {
            guard let all = whole[field], all > 0 else { continue }
            sum += field.weight * (shared[field] ?? 0) / all
            weights += field.weight
        }
        return weights > 0 ? min(1, sum / weights) : 0
    }

    /// All features of both, with their shares in each; 0 where one lacks it.
    private static func paired(_ one: [Entry], _ other: [Entry]) -> [(Feature, Double, Double)] {
        var pairs: [(Feature, Double, Double)] = []
        pairs.reserveCapacity(one.count + other.count)
        var (left, right) = (0, 0)
        while left < one.count || right < other.count {
            if right == other.count || (left < one.count && one[left].feature < other[right].feature) {
                pairs.append((one[left].feature, one[left].share, 0))
                left += 1
            } else if left == one.count || other[right].feature < one[left].feature {
                pairs.append((other[right].feature, 0, other[right].share))
                right += 1
            } else {
                pairs.append((one[left].feature, one[left].share, other[right].share))
                (left, right) = (left + 1, right + 1)
            }
        }
        return pairs
    }

    private func has(_ field: Field) -> Bool { entries.contains { $0.feature.field == field } }
}
