import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// Services, the calls between them, and what was found about each: from it follows which place the trouble comes from.
///
/// Symptoms travel against the direction of calls: who calls a slow service is slow itself, who calls a failing one
/// fails. So a symptom counts for a place only as far as what it calls does not show it too; what is no symptom, as a
/// resource that runs short, counts whole. Findings may come in any order and from several graphs, and a ranking can be
/// read at any time. No name has any influence, not even on the order of equals: they stay as they came in.
package struct EvidenceGraph: Sendable {
    /// What an alert is about, as far as it says so.
    package enum Symptom: String, Hashable, Sendable, Codable {
        case errors
        case latency
    }

    package private(set) var services: [String] = []
    private var index: [String: Int] = [:]
    private var callees: [[Int]] = []
    private var callers: [[Int]] = []
    private var findings: [[Finding]] = []
    /// Whether it would have shown if something were wrong there.
    private var observed: [Bool] = []
    /// Never seen before the trouble.
    private var isNew: [Bool] = []

    package init() {}

    // MARK: Building

    /// Makes a service known.
    ///
    /// - Parameters:
    ///   - name: The service's.
    ///   - observed: Whether it was looked at: silence then means that it is well.
    ///   - isNew: Whether it was never called before. What nobody called when all was well can't explain what its caller
    ///     does now; that it is called at all is part of the trouble.
    package mutating func add(service name: String, observed: Bool = false, isNew: Bool = false) {
        let place = intern(name)
        if observed { self.observed[place] = true }
        if isNew { self.isNew[place] = true }
    }

    package mutating func add(call caller: String, to callee: String) {
        guard caller != callee, !caller.isEmpty, !callee.isEmpty else { return }
        let from = intern(caller)
        let to = intern(callee)
        guard !callees[from].contains(to) else { return }
        callees[from].append(to)
        callers[to].append(from)
    }

    /// Takes in a finding that names a service; others say nothing about a place.
    package mutating func add(_ finding: Finding) {
        guard !finding.service.isEmpty else { return }
        let place = intern(finding.service)
        guard !findings[place].contains(where: { $0.id == finding.id }) else { return }
        findings[place].append(finding)
    }

    /// Takes in all that another graph knows.
    package mutating func merge(_ other: EvidenceGraph) {
        for (place, name) in other.services.enumerated() {
            add(service: name, observed: other.observed[place], isNew: other.isNew[place])
        }
        for (place, name) in other.services.enumerated() {
            for callee in other.callees[place] { add(call: name, to: other.services[callee]) }
            for finding in other.findings[place] { add(finding) }
        }
    }

    private mutating func intern(_ name: String) -> Int {
        if let known = index[name] { return known }
        index[name] = services.count
        services.append(name)
        callees.append([])
        callers.append([])
        findings.append([])
        observed.append(false)
        isNew.append(false)
        return services.count - 1
    }

    // MARK: Reading

    /// All places, the most suspicious first.
    ///
    /// - Parameters:
    ///   - alerting: The service that the alert names; empty when it names none: then callers that nobody calls count.
    ///   - symptom: What the alert is about; nil when it does not say.
    ///   - weights: How much each kind of evidence counts.
    /// - Returns: every service that is known.
    /// - Complexity: linear in findings and calls, but for sorting.
    package func places(
        alerting: String = "",
        symptom: Symptom? = nil,
        weights: PlaceWeights = PlaceWeights()
    ) -> [Place] {
        let reading = Reading(self, alerting: index[alerting], symptom: symptom, weights: weights)
        var places = services.indices.map { reading.place($0) }
        for place in places.indices {
            let near = (callees[place] + callers[place]).map { reading.scores[$0] }.max() ?? 0
            places[place].rankScore = places[place].score + weights.neighbour * near
        }
        // Stable: equals stay in the order in which they became known.
        return places.enumerated()
            .sorted { a, b in
                a.element.rankScore == b.element.rankScore
                    ? a.offset < b.offset : a.element.rankScore > b.element.rankScore
            }
            .map(\.element)
    }

    /// One look at the graph, with what is computed once for all places.
    private struct Reading {
        let graph: EvidenceGraph
        let weights: PlaceWeights
        let symptom: Symptom?
        let hasCalls: Bool
        let reached: [Bool]
        let alerting: [Bool]
        /// Excess of each service in seconds and in failed requests, and its changed path.
        let latency: [Double]
        let errors: [Double]
        let paths: [Double]
        /// Seconds that each service waited for calls that were on their way.
        let onTheWay: [Double]
        private(set) var scores: [Double] = []
        private var parts: [[(source: Place.Source, finding: Finding, weight: Double)]] = []

        init(_ graph: EvidenceGraph, alerting: Int?, symptom: Symptom?, weights: PlaceWeights) {
            self.graph = graph
            self.weights = weights
            self.symptom = symptom
            hasCalls = graph.callees.contains { !$0.isEmpty }
            let sources =
                alerting.map { [$0] }
                ?? (hasCalls
                    ? graph.services.indices.filter {
                        graph.callers[$0].isEmpty && !graph.callees[$0].isEmpty
                    } : [])
            self.alerting = graph.services.indices.map { sources.contains($0) }
            reached = hasCalls ? Self.reached(from: sources, in: graph) : graph.services.map { _ in true }
            latency = Self.magnitudes(.latency, graph)
            errors = Self.magnitudes(.errorRate, graph)
            var waits = graph.services.map { _ in 0.0 }
            for finding in graph.findings.joined() where finding.kind == .transit {
                guard let caller = finding.counterpart.flatMap({ graph.index[$0] }) else { continue }
                waits[caller] += finding.magnitude ?? 0
            }
            onTheWay = waits
            paths = graph.findings.map { $0.filter { $0.kind == .path }.map(\.effect).max() ?? 0 }
            for place in graph.services.indices {
                let found = contributions(place)
                parts.append(found)
                scores.append(found.reduce(0) { $0 + $1.weight })
            }
        }

        func place(_ index: Int) -> Place {
            Place(
                service: graph.services[index],
                score: scores[index],
                rankScore: scores[index],
                isAlerting: alerting[index],
                parts: parts[index].map {
                    Place.Part(source: $0.source, finding: $0.finding, weight: $0.weight)
                }
            )
        }

        private static func reached(from sources: [Int], in graph: EvidenceGraph) -> [Bool] {
            var reached = graph.services.map { _ in false }
            var queue = sources
            for source in sources { reached[source] = true }
            while let next = queue.popLast() {
                for callee in graph.callees[next] where !reached[callee] {
                    reached[callee] = true
                    queue.append(callee)
                }
            }
            return reached
        }

        private static func magnitudes(_ kind: Finding.Kind, _ graph: EvidenceGraph) -> [Double] {
            graph.findings.map { found in
                found.filter { $0.kind == kind }.map { $0.magnitude ?? $0.effect }.max() ?? 0
            }
        }

        /// Of each kind of evidence the strongest finding alone: several of one kind mostly tell the same twice.
        private func contributions(
            _ place: Int
        ) -> [(source: Place.Source, finding: Finding, weight: Double)] {
            var best: [(source: Place.Source, finding: Finding, weight: Double)] = []
            for finding in graph.findings[place] {
                guard let source = Place.Source(finding) else { continue }
                let weight = weight(of: source, finding, place)
                guard weight > 0 else { continue }
                if let same = best.firstIndex(where: { $0.source == source }) {
                    if weight > best[same].weight { best[same] = (source, finding, weight) }
                } else {
                    best.append((source, finding, weight))
                }
            }
            return best
        }

        private func weight(of source: Place.Source, _ finding: Finding, _ place: Int) -> Double {
            switch source {
            case .resource: return weights.resource * finding.effect
            case .transit: return weights.transit * finding.effect
            case .ownTime: return weights.ownTime * finding.effect
            case .logs: return weights.logs * finding.effect
            case .path:
                let below = graph.callees[place].map { paths[$0] }.max() ?? 0
                let share = finding.effect > 0 ? min(1, below / finding.effect) : 0
                return weights.path * finding.effect * (1 - weights.explained * share)
            case .latency:
                return weights.latency
                    * symptomWeight(.latency, finding, latency, place, waited: onTheWay[place])
            case .errors:
                return weights.errors * symptomWeight(.errors, finding, errors, place)
            }
        }

        /// A symptom less what the callees explain of it, by how much of the whole trouble it is.
        private func symptomWeight(
            _ kind: Symptom,
            _ finding: Finding,
            _ magnitudes: [Double],
            _ place: Int,
            waited: Double = 0
        ) -> Double {
            let magnitude = magnitudes[place]
            let largest = magnitudes.max() ?? 0
            // Without a map of calls a symptom says that something is wrong, and nothing about where.
            guard magnitude > 0, largest > 0, hasCalls, !graph.isNew[place] else { return 0 }
            let below = graph.callees[place].filter { !graph.isNew[$0] }.reduce(waited) {
                $0 + magnitudes[$1]
            }
            var weight = finding.effect * max(0, magnitude - below) / magnitude
            weight *= (magnitude / largest).squareRoot()
            if let symptom, symptom != kind { weight *= weights.otherSymptom }
            if !reached[place] { weight *= weights.unreached }
            if alerting[place] {
                weight *= weights.alerting
                // It fails, and what it needs could not be seen: that tells nothing about where.
                if !graph.callees[place].allSatisfy({ graph.observed[$0] }) || graph.callees[place].isEmpty {
                    return 0
                }
            }
            return weight
        }
    }
}

/// A service as the place that trouble may come from.
package struct Place: Sendable {
    /// Kinds of evidence that are weighed apart.
    package enum Source: String, CaseIterable, Sendable, Codable {
        case resource
        case transit
        case ownTime = "own-time"
        case path
        case latency
        case errors
        case logs

        package init?(_ finding: Finding) {
            switch finding.kind {
            case .resource: self = .resource
            case .transit: self = .transit
            case .ownTime: self = .ownTime
            case .path: self = .path
            case .latency: self = .latency
            case .errorRate: self = .errors
            case .logs: self = .logs
            case .change, .dependency, .difference, .past, .nothing, .blind: return nil
            }
        }
    }

    package struct Part: Sendable {
        package var source: Source
        package var finding: Finding
        /// Log-odds.
        package var weight: Double
    }

    package var service: String
    /// Log-odds; 0 when nothing speaks for it.
    package var score: Double
    /// What the order follows: the score, and a little for being near a suspicious one.
    package internal(set) var rankScore: Double
    package var isAlerting: Bool
    package var parts: [Part]

    /// The strongest evidence; nil when there is none.
    package var strongest: Part? { parts.max { $0.weight < $1.weight } }

    /// What is wrong there, as far as the evidence says.
    package var kind: CauseKind {
        guard let strongest else { return .unknown }
        if let kind = strongest.finding.suggests { return kind }
        return strongest.source == .transit ? .networkDelay : .defect
    }
}
