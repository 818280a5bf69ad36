import MusterCore

/// A possible cause while its evidence is weighed.
struct Candidate {
    let kind: CauseKind
    let first: Finding
    let subject: String
    var change: Change?
    /// Why the change fits the symptom; empty when nothing in it says so.
    var reason = ""
    /// Whether it stands for a service as a place, with all that was found there.
    var isPlace = false
    /// Log-odds.
    var score = 0.0
    private(set) var hosts: [HostReference]
    private(set) var onset: Timestamp?
    private var weights: [FindingID: Double] = [:]

    init(kind: CauseKind, finding: Finding) {
        self.kind = kind
        self.first = finding
        self.subject = finding.subject
        self.hosts = finding.place ?? finding.hosts
        self.onset = finding.onset
    }

    var service: String { change?.service ?? first.service }

    /// Adds the weight of a finding: for the cause when positive.
    mutating func add(_ weight: Double, _ finding: Finding) {
        score += weight
        weights[finding.id, default: 0] += weight
    }

    /// Whether another speaks of the same thing, and says otherwise what is wrong with it.
    func isLooked(atAgainBy other: Candidate) -> Bool {
        guard first.kind == other.first.kind, subject == other.subject, kind != other.kind else {
            return false
        }
        switch first.kind {
        case .dependency: return true
        case .resource: return kind.lookalikes.contains(other.kind)
        default: return false
        }
    }

    /// Whether nothing is known but that a service is slow or fails.
    var isBareDefect: Bool { isPlace && kind == .defect }

    /// Whether it is about the same service, or the same hosts.
    func concerns(_ other: Candidate) -> Bool {
        (!service.isEmpty && service == other.service) || !Set(hosts).isDisjoint(with: other.hosts)
    }

    /// Lists a finding as evidence without weight of its own: the symptom that is to be explained.
    mutating func support(_ finding: Finding) {
        if weights[finding.id] == nil { weights[finding.id] = 0 }
    }

    /// Takes another finding of the same cause in: the stronger counts whole, the other a little.
    mutating func merge(_ other: Candidate) {
        score = max(score, other.score) + 0.25 * min(score, other.score)
        weights.merge(other.weights) { $0 + $1 }
        for host in other.hosts where !hosts.contains(host) { hosts.append(host) }
        if let later = other.onset { onset = onset.map { min($0, later) } ?? later }
    }

    func hypothesis(probability: Double, service: String) -> Hypothesis {
        let sorted = weights.sorted { (abs($0.value), $0.key) > (abs($1.value), $1.key) }
        return Hypothesis(
            kind: kind,
            cause: change.map { $0.cause(on: hosts) + (reason.isEmpty ? "" : ": \(reason)") } ?? first.text,
            hosts: hosts.sorted(),
            service: self.service.isEmpty ? service : self.service,
            change: change,
            probability: probability,
            evidence: sorted.filter { $0.value >= 0 }.map(\.key),
            against: sorted.filter { $0.value < 0 }.map(\.key)
        )
    }
}

extension Change {
    /// `deploy #4521 by sarah on web-2 (shop 4520 -> 4521)`.
    fileprivate func cause(on references: [HostReference]) -> String {
        var text = title
        let names = hosts.isEmpty ? references.map(\.name).sorted() : hosts.sorted()
        switch names.count {
        case 0: break
        case 1...3: text += " on \(names.joined(separator: ", "))"
        default: text += " on \(names.count) hosts"
        }
        if !before.isEmpty || !after.isEmpty {
            let name = service.isEmpty ? "" : "\(service) "
            text += " (\(name)\(before.isEmpty ? "?" : before) -> \(after.isEmpty ? "?" : after))"
        } else if reference.isEmpty, !summary.isEmpty {
            text += " (\(summary))"
        }
        return text
    }
}
