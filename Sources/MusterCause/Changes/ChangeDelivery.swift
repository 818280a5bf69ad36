import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// How, when and where changes went live, against when and where the trouble began.
struct ChangeDelivery {
    private let symptom: Symptom
    private let names: ServiceNames
    private let weights: ChangeWeights
    private let window: ChangeWindow
    /// Folders whose files were deployed on one service only.
    private let owners: [String: String]
    private let first: Set<String>

    init(_ window: ChangeWindow, _ symptom: Symptom, names: ServiceNames, weights: ChangeWeights) {
        self.symptom = symptom
        self.names = names
        self.weights = weights
        self.window = window
        first = symptom.first
        var folders: [String: Set<String>] = [:]
        for deploy in window.deploys {
            for change in window.commits where Self.isSame(change.id, deploy.commit) {
                for file in change.files {
                    for folder in Self.folders(of: file) {
                        folders[folder, default: []].insert(deploy.service)
                    }
                }
            }
        }
        owners = folders.compactMapValues { $0.count == 1 ? $0.first : nil }
    }

    /// Ids are the same that share their first digits.
    static func isSame(_ one: String, _ other: String) -> Bool {
        let length = min(one.utf8.count, other.utf8.count)
        return length >= 7 && one.prefix(length) == other.prefix(length) || one == other
    }

    /// Folders further down tell no more of who owns a file.
    private static let foldersMax = 32

    /// `a/b/c` and `a/b` of `a/b/c/d.go`; a top folder only for the files right in it, for all is below some.
    private static func folders(of file: String) -> [String] {
        let parts = file.split(separator: "/").dropLast().prefix(foldersMax)
        return parts.indices.reversed().compactMap { end in
            end == 0 && parts.count > 1 ? nil : parts[...end].joined(separator: "/")
        }
    }

    private func services(of change: CodeChange) -> Set<String> {
        var services: Set<String> = []
        for file in change.files {
            services.formUnion(names.mentioned(in: file))
            if let owner = Self.folders(of: file).lazy.compactMap({ owners[$0] }).first {
                services.insert(owner)
            }
        }
        return services
    }

    private struct Path {
        var weight: Double
        var text: String
        var at: Timestamp
        var service: String?
        var mechanism = ChangeMechanism.delivery
    }

    /// The most telling way in which a change can have gone live.
    ///
    /// A change that speaks of what the symptom names may well hurt a service that it was not deployed on, as the
    /// format of a message does.
    func reasons(of change: ParsedChange, speaks: Bool) -> [ChangeReason] {
        var reasons: [ChangeReason] = []
        if (change.change.at - symptom.alertedAt).inSeconds > weights.slackSeconds {
            reasons.append(
                ChangeReason(
                    mechanism: .delivery,
                    weight: weights.committedAfterAlert,
                    text: "made after the alert"
                )
            )
        }
        let own = services(of: change.change)
        let ways = paths(change, own: own).map { judge($0, own: own, speaks: speaks) }
        reasons += ways.max { total($0) < total($1) } ?? []
        return reasons.filter { !weights.without.contains($0.mechanism) }
    }

    private func total(_ reasons: [ChangeReason]) -> Double {
        reasons.filter { !weights.without.contains($0.mechanism) }.reduce(0) { $0 + $1.weight }
    }

    private func paths(_ change: ParsedChange, own: Set<String>) -> [Path] {
        let at = change.change.at
        var paths = window.deploys.filter { Self.isSame(change.change.id, $0.commit) }.map {
            Path(weight: weights.deployed, text: "deployed on \($0.service)", at: $0.at, service: $0.service)
        }
        let later = window.deploys.filter { $0.at >= at }.sorted { $0.at < $1.at }
        if paths.isEmpty, let deploy = later.first(where: { own.contains($0.service) }) {
            let text = "went live with the next deploy on \(deploy.service)"
            paths.append(Path(weight: weights.wentAlong, text: text, at: deploy.at, service: deploy.service))
        }
        if paths.isEmpty, own.isEmpty, let deploy = later.first {
            let text = "may have gone live with the deploy on \(deploy.service)"
            paths.append(
                Path(weight: weights.mayHaveGoneAlong, text: text, at: deploy.at, service: deploy.service)
            )
        }
        if !paths.isEmpty { paths += flagPaths(change, from: paths.map(\.at).min() ?? at) }
        if paths.isEmpty {
            let weight = window.deploys.isEmpty ? 0 : weights.notDeployed
            paths = [Path(weight: weight, text: "no deploy of it is known", at: at, service: nil)]
        }
        return paths
    }

    /// Code behind a flag is met when the flag is turned.
    private func flagPaths(_ change: ParsedChange, from deployed: Timestamp) -> [Path] {
        guard !weights.without.contains(.flags), !window.flags.isEmpty else { return [] }
        let known = Set(change.identifiers.keys).union(change.identifiersContext)
        return window.flags.compactMap { flag in
            let name = ChangeWords.parts(names.masked(flag.name)).joined(separator: "_")
            guard known.contains(name), flag.at >= deployed, (flag.at - symptom.onset).inSeconds <= 120 else {
                return nil
            }
            return Path(
                weight: weights.flagTurned,
                text: "its code is behind the flag \(flag.name), which was turned",
                at: flag.at,
                service: flag.service,
                mechanism: .flags
            )
        }
    }

    private func judge(_ path: Path, own: Set<String>, speaks: Bool) -> [ChangeReason] {
        var reasons = [
            ChangeReason(mechanism: path.mechanism, weight: path.weight, text: path.text), time(path.at),
        ]
        if let service = path.service {
            reasons += place(service, speaks: speaks)
        } else if !own.isEmpty {
            if !own.isDisjoint(with: first) {
                reasons.append(
                    ChangeReason(mechanism: .place, weight: 0.5, text: "its files are of a failing service")
                )
            } else if own.isDisjoint(with: symptom.troubled.keys) {
                reasons.append(
                    ChangeReason(
                        mechanism: .place,
                        weight: -1,
                        text: "its files are of services without trouble"
                    )
                )
            }
        }
        return reasons
    }

    private func time(_ at: Timestamp) -> ChangeReason {
        let beforeAlert = (symptom.alertOnset - at).inSeconds
        let beforeFirst = (symptom.onset - at).inSeconds
        if beforeAlert < -weights.slackSeconds {
            return ChangeReason(
                mechanism: .time,
                weight: weights.afterAlertOnset,
                text: "live only after the trouble began"
            )
        }
        if beforeFirst < -1.5 * weights.slackSeconds {
            return ChangeReason(
                mechanism: .time,
                weight: weights.afterFirstSign,
                text: "live only after the first sign of trouble"
            )
        }
        let minutes = Int((max(0, beforeFirst) / 60).rounded())
        return ChangeReason(
            mechanism: .time,
            weight: weights.near * exp(-max(0, beforeFirst) / weights.nearSeconds)
                - weights.distance * log2(1 + max(0, beforeFirst) / weights.distanceSeconds),
            text: "live \(minutes) min before the first sign of trouble"
        )
    }

    private func place(_ service: String, speaks: Bool) -> [ChangeReason] {
        var reasons: [ChangeReason] = []
        func add(_ weight: Double, _ text: String) {
            reasons.append(ChangeReason(mechanism: .place, weight: weight, text: text))
        }
        let calls = symptom.calls
        if service == symptom.service { add(weights.alertService, "\(service) is what the alert is about") }
        if first.contains(service) { add(weights.firstService, "\(service) was among the first to fail") }
        if symptom.failing.contains(service) {
            add(weights.failingService, "\(service) fails by its own work")
        }
        if symptom.troubled[service] == nil, service != symptom.service, !symptom.failing.contains(service) {
            if !speaks { add(weights.quietService, "\(service) shows no trouble") }
            if let caller = first.sorted().first(where: {
                calls.contains(Symptom.Call(caller: $0, callee: service))
            }) {
                add(weights.calledByFirst, "\(caller), which failed first, calls \(service)")
            }
        }
        if !first.contains(service),
            let callee = first.sorted().first(where: {
                calls.contains(Symptom.Call(caller: service, callee: $0))
            })
        {
            add(weights.callsFirst, "\(service) calls \(callee), which failed first")
        }
        return reasons
    }
}
