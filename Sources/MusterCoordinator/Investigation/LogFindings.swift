import MusterCause
import MusterCore

/// What error lines of the hosts' logs show.
enum LogFindings {
    /// One finding for each template that is new since the onset or that speaks of a known kind of cause.
    ///
    /// At most 8, the most telling ones.
    static func findings(
        _ answers: [(host: HostReference, answer: Answer)],
        far: FarEnds = FarEnds(),
        onset: Timestamp,
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        var groups: [String: Group] = [:]
        for (host, answer) in answers {
            guard case .logs(let logs) = answer else { continue }
            for template in logs.templates {
                groups["\(template.service)\u{1F}\(template.pattern)", default: Group(template)].add(
                    template,
                    host
                )
            }
        }
        let found = groups.values.compactMap { group -> Finding? in
            // Clocks and buckets are not exact; a line just before the onset belongs to it.
            let isNew = group.first >= onset - .seconds(10)
            let speaks = LogSignatures.kind(of: group.template.exemplar)
            guard isNew else { return nil }
            let hosts = group.hosts.sorted()
            let many = min(1, Double(group.count) / 50)
            return Finding(
                id: FindingID(at: now),
                kind: .logs,
                text: "\(group.count) new \(group.template.level?.rawValue ?? "log") lines since "
                    + "\(group.first.timeOfDay) on \(HostReference.list(hosts)): \(group.template.pattern.prefix(160))",
                hosts: hosts,
                service: group.template.service,
                subject: String(group.template.pattern.prefix(200)),
                onset: group.first,
                effect: max(0.2, many),
                coverage: coverage,
                exemplars: [String(group.template.exemplar.prefix(400))],
                suggests: speaks,
                place: upstream(in: group.template.exemplar).flatMap { far.host(of: $0) }.map {
                    [$0.reference]
                }
            )
        }
        return Array(found.sorted { ($0.effect, $1.subject) > ($1.effect, $0.subject) }.prefix(8))
    }

    /// The server behind it that a proxy's line complains of, as nginx writes it: `upstream: "http://10.0.0.7:8080/"`.
    static func upstream(in line: String) -> String? {
        let mark = #"upstream: ""#
        guard let start = line.firstRange(of: mark)?.upperBound else { return nil }
        let target = line[start...].prefix { $0 != "\"" }
        return target.isEmpty || target.count > 512 ? nil : String(target)
    }

    private struct Group {
        let template: LogTemplateCount
        var count = 0
        var first: Timestamp
        var hosts: Set<HostReference> = []

        init(_ template: LogTemplateCount) {
            self.template = template
            self.first = template.first
        }

        mutating func add(_ template: LogTemplateCount, _ host: HostReference) {
            count = count.saturatingAdd(template.count)
            first = min(first, template.first)
            hosts.insert(host)
        }
    }
}
