import MusterCore

extension ChangeTelemetry {
    /// What the telemetry says about the trouble, in the form that changes are held against.
    package func symptom() -> Symptom {
        let all = services.union(series.map(\.service)).union(lines.map(\.service)).union(
            spans.map(\.service)
        )
        var symptom = Symptom(
            services: all.union([alert.service]),
            service: alert.service,
            onset: alert.at,
            alertedAt: alert.at
        )
        symptom.texts = [
            Symptom.Text(alert.metric, weight: 0.7), Symptom.Text(alert.summary, weight: 0.9),
            Symptom.Text(alert.monitor, weight: 0.5),
        ]
        var values = Values()
        readPatterns(into: &symptom)
        readLines(into: &symptom, &values)
        readSpans(into: &symptom, &values)
        values.write(to: &symptom)
        readSeries(into: &symptom)
        if let onset = symptom.troubled.values.min() { symptom.onset = onset }
        return symptom
    }

    /// Values of attributes, in what failed or came late and in what went well before.
    private struct Values {
        var new: [String: Set<String>] = [:]
        var old: [String: Set<String>] = [:]
        private static let valuesMax = 64

        mutating func add(_ attributes: [String: String], isNew: Bool) {
            for (key, value) in attributes {
                if isNew, new[key]?.count ?? 0 < Self.valuesMax {
                    new[key, default: []].insert(value)
                } else if !isNew, old[key]?.count ?? 0 < Self.valuesMax {
                    old[key, default: []].insert(value)
                }
            }
        }

        func write(to symptom: inout Symptom) {
            for (key, values) in new.sorted(by: { $0.key < $1.key }) where key != "http.route" {
                let only = values.subtracting(old[key] ?? [])
                guard !only.isEmpty else { continue }
                symptom.newValues[key] = only
                symptom.texts.append(Symptom.Text(key, weight: 0.4))
                for value in only.sorted().prefix(8) where !value.allSatisfy({ $0.isHexDigit || $0 == "." }) {
                    symptom.texts.append(Symptom.Text(value, weight: 0.6))
                }
            }
            for (key, values) in old {
                let only = values.subtracting(new[key] ?? [])
                if !only.isEmpty { symptom.oldValues[key] = only }
            }
        }
    }

    private func readPatterns(into symptom: inout Symptom) {
        for pattern in patterns where pattern.more > 0 {
            if pattern.isTrouble {
                symptom.texts.append(Symptom.Text(pattern.template, weight: 1))
            } else if pattern.more >= 0.5 * max(1, pattern.count) {
                // New, and nothing bad about it: what else happened at the time.
                symptom.texts.append(Symptom.Text(pattern.template, weight: 0.2))
            }
        }
    }

    private func readLines(into symptom: inout Symptom, _ values: inout Values) {
        // What was logged in the first third of the time is nothing new.
        let start = lines.map(\.at).min() ?? alert.at
        let usual = max(start + (alert.at - start) / 3, alert.at - .seconds(3600))
        let known = Set(lines.filter { $0.at < usual }.map { Self.template($0.message) })
        var seen: Set<String> = []
        var places: [String: [String]] = [:]
        var everywhere: [String: Set<String>] = [:]
        for line in lines.sorted(by: { $0.at < $1.at }) {
            for (key, value) in line.attributes where Self.isPlace(key) {
                everywhere[key, default: []].insert(value)
            }
            guard line.isTrouble else {
                values.add(line.attributes, isNew: line.at >= alert.at - .seconds(600))
                continue
            }
            guard line.at <= alert.at + .seconds(300) else { continue }
            if line.severity != "WARN", line.severity != "WARNING", line.at >= alert.at - .seconds(900) {
                for (key, value) in line.attributes where Self.isPlace(key) {
                    places[key, default: []].append(value)
                }
            }
            if let peer = Self.outsidePeer(line.attributes, services: symptom.services) {
                symptom.outsideFailures.append(
                    Symptom.OutsideFailure(
                        peer: peer,
                        service: line.service,
                        text: line.message + Self.text(line.attributes)
                    )
                )
            }
            let template = Self.template(line.message)
            guard !known.contains(template) else { continue }
            if seen.insert("\(line.service) \(template)").inserted {
                let isWarning = line.severity.hasPrefix("WARN")
                symptom.texts.append(Symptom.Text(line.message, weight: isWarning ? 0.8 : 1))
            }
            symptom.troubled[line.service] = min(symptom.troubled[line.service] ?? line.at, line.at)
            values.add(line.attributes, isNew: true)
        }
        let only = places.sorted { $0.key < $1.key }.first { key, values in
            values.count >= 5 && Set(values).count == 1 && (everywhere[key]?.count ?? 0) >= 2
        }
        if let only { symptom.onlyAt = "\(only.key) \(only.value[0])" }
    }

    private func readSpans(into symptom: inout Symptom, _ values: inout Values) {
        let byID = Dictionary(spans.map { ($0.id, $0) }) { first, _ in first }
        let failedChildren = Set(spans.filter(\.isError).compactMap(\.parent))
        let recently = alert.at - .seconds(900)
        var usual: [String: Double] = [:]
        for span in spans where !span.isError && span.at < recently {
            let key = "\(span.service) \(span.name)"
            usual[key] = max(usual[key] ?? 0, span.milliseconds)
        }
        for span in spans {
            if let parent = span.parent.flatMap({ byID[$0] }), parent.service != span.service {
                symptom.calls.insert(Symptom.Call(caller: parent.service, callee: span.service))
            }
            if span.at < recently, !span.isError {
                values.add(span.attributes, isNew: false)
                continue
            }
            guard span.at <= alert.at + .seconds(600) else { continue }
            values.add(span.attributes, isNew: true)
            let usually = usual["\(span.service) \(span.name)"]
            guard span.isError || usually.map({ span.milliseconds > 2 * $0 }) ?? false else { continue }
            symptom.texts.append(Symptom.Text(span.name, weight: 0.5))
            symptom.texts += span.errors.map { Symptom.Text($0, weight: 1) }
            guard !failedChildren.contains(span.id) else { continue }
            symptom.failing.insert(span.service)
            if let peer = Self.outsidePeer(span.attributes, services: symptom.services) {
                let text = span.name + " " + span.errors.joined(separator: " ") + Self.text(span.attributes)
                symptom.outsideFailures.append(
                    Symptom.OutsideFailure(peer: peer, service: span.service, text: text)
                )
            }
        }
    }

    private func readSeries(into symptom: inout Symptom) {
        let names = ServiceNames(symptom.services)
        var shifts: [(series: Series, shift: MetricShift)] = []
        for series in series {
            guard let shift = MetricShift(series.samples, until: alert.at) else { continue }
            shifts.append((series, shift))
            symptom.texts.append(Symptom.Text(series.metric, weight: 0.5))
            if shift.isStep {
                let step = Symptom.Step(metric: series.metric, before: shift.before, after: shift.after)
                symptom.steps.append(step)
            } else if !shift.isDrift {
                symptom.troubled[series.service] = min(symptom.troubled[series.service] ?? shift.at, shift.at)
            }
        }
        let alerted = shifts.first { $0.series.service == alert.service && $0.series.metric == alert.metric }
        symptom.alertOnset = alerted?.shift.at ?? symptom.troubled[alert.service] ?? alert.at
        let onset = symptom.troubled.values.min() ?? alert.at
        let called = Set(symptom.calls.map(\.callee))
        let surge = shifts.first { series, shift in
            let words = Set(ChangeWords.parts(names.masked(series.metric)))
            return shift.before > 0 && shift.after >= 1.8 * shift.before && !called.contains(series.service)
                && shift.at <= onset + .seconds(120) && !words.isDisjoint(with: Self.trafficWords)
                && words.isDisjoint(with: Self.notTrafficWords)
        }
        symptom.surge = surge?.series.service ?? ""
    }

    private static let trafficWords: Set<String> = [
        "requests", "request", "rps", "qps", "rpm", "traffic", "sessions",
    ]
    private static let notTrafficWords: Set<String> = [
        "error", "errors", "failed", "duration", "latency", "queue", "5xx", "4xx", "p50", "p95", "p99", "ms",
    ]

    /// The message with `#` for each number.
    private static func template(_ message: String) -> String {
        var template = ""
        var wasNumber = false
        for character in message {
            if character.isNumber || (wasNumber && character == ".") {
                if !wasNumber { template.append("#") }
                wasNumber = true
            } else {
                template.append(character)
                wasNumber = false
            }
        }
        return template
    }

    private static func isPlace(_ key: String) -> Bool {
        guard !peerKeys.contains(key) else { return false }
        let words = ChangeWords.parts(key)
        return words.contains(where: placeWords.contains)
    }

    private static let placeWords: Set<String> = [
        "zone", "az", "region", "node", "host", "hostname", "rack", "datacenter", "dc", "instance", "pod",
    ]

    private static let peerKeys = [
        "peer.service", "net.peer.name", "server.address", "peer.hostname", "http.host", "url.full",
        "http.url",
        "net.peer.host", "upstream.host", "server.name", "host", "peer",
    ]

    /// The host that a call went to, when it is out of house; nil for our services and names of inner networks.
    private static func outsidePeer(_ attributes: [String: String], services: Set<String>) -> String? {
        for key in peerKeys {
            guard var host = attributes[key] else { continue }
            if let scheme = host.firstRange(of: "://") { host = String(host[scheme.upperBound...]) }
            host = String(host.prefix { $0 != "/" && $0 != ":" })
            let isName = host.contains(".") && host.contains { $0.isLetter }
            let isInner = innerDomains.contains { host.lowercased().hasSuffix($0) }
            if isName, !isInner, !services.contains(host) { return host }
        }
        return nil
    }

    private static let innerDomains = [
        ".internal", ".local", ".svc", ".cluster", ".lan", ".localdomain", ".home.arpa", ".intranet", ".corp",
    ]

    private static func text(_ attributes: [String: String]) -> String {
        attributes.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    }
}

extension ChangeTelemetry.Line {
    var isTrouble: Bool { ["ERROR", "WARN", "WARNING", "FATAL", "CRITICAL"].contains(severity) }
}
