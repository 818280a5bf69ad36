import MusterCore
import MusterIncident

extension IncidentSignature {
    /// What an incident looks like by these findings.
    ///
    /// `cause` is what is ranked first, nil when nothing is; names of `hosts` are left out of all texts, besides those
    /// of the findings, of the context and of the alerts' labels.
    package init(
        _ incident: Incident,
        findings: [Finding],
        cause: CauseKind?,
        hosts: [HostReference] = []
    ) {
        var names: Set<String> = []
        for host in hosts + findings.flatMap(\.hosts) + (incident.context?.hosts.map(\.host) ?? []) {
            names.insert(host.name.lowercased())
        }
        for alert in incident.alerts {
            for label in ["host", "hostname", "instance", "node", "pod"] {
                if let name = alert.labels[label] { names.insert(name.lowercased()) }
            }
        }
        let plain = PlainWords(without: names)
        var features: Set<Feature> = []
        func add(_ field: Field, _ text: String) {
            let text = Self.bounded(text)
            if !text.isEmpty { features.insert(Feature(field, text)) }
        }
        for alert in incident.alerts { add(.alert, plain.text(alert.name)) }
        add(.service, incident.service.lowercased())
        if let cause, cause != .unknown { add(.cause, cause.rawValue) }
        for finding in findings {
            let subject = plain.text(finding.subject)
            let kind = finding.suggests?.rawValue
            switch finding.kind {
            case .errorRate, .latency, .ownTime, .transit, .path:
                add(.symptom, "\(finding.kind.rawValue) \(subject)")
            case .dependency: add(.dependency, "\(kind ?? "") \(subject)")
            case .resource: add(.resource, "\(kind ?? "") \(subject)")
            case .logs:
                for word in plain.words(finding.subject) where word.utf8.count > 2 { add(.log, word) }
                if let kind { add(.log, "speaks of \(kind)") }
            case .change: if let change = finding.change { add(.change, change.kind.rawValue) }
            case .difference: add(.change, "difference in \(subject)")
            case .past, .nothing, .blind: break
            }
        }
        self.init(features)
    }

    /// That of an incident as it stands.
    package init(_ incident: Incident) {
        self.init(
            incident,
            findings: incident.findings,
            cause: incident.ranking?.hypotheses.first?.kind
        )
    }

    private static func bounded(_ text: String) -> String {
        var text = text[...]
        while text.utf8.count > textBytesMax { text.removeLast() }
        return text.split(separator: " ").joined(separator: " ")
    }
}

/// The words of a text that stay the same from one incident to the next.
struct PlainWords {
    private let names: Set<String>

    /// Leaves out these names, in lower case, besides all words with a digit.
    init(without names: Set<String>) {
        self.names = names
    }

    /// In their order, in lower case.
    func words(_ text: String) -> [String] {
        let isPart: (Character) -> Bool = { $0.isLetter || $0.isNumber || "_-./".contains($0) }
        return text.lowercased().split { !isPart($0) }.compactMap { part in
            let word = part.trimming { "-.".contains($0) }
            guard !word.isEmpty, !names.contains(String(word)), !word.contains(where: \.isNumber),
                word.contains(where: \.isLetter) || word == "/"
            else { return nil }
            return String(word)
        }
    }

    func text(_ text: String) -> String { words(text).joined(separator: " ") }
}

extension Substring {
    fileprivate func trimming(_ isEdge: (Character) -> Bool) -> Substring {
        var rest = self
        while let first = rest.first, isEdge(first) { rest.removeFirst() }
        while let last = rest.last, isEdge(last) { rest.removeLast() }
        return rest
    }
}
