/// Signs that the cause is nothing of what was changed: providers, machines, certificates, more traffic.
struct OutsideSigns {
    static func reasons(
        of symptom: Symptom,
        _ index: SymptomIndex,
        names: ServiceNames,
        weights: ChangeWeights
    ) -> [ChangeReason] {
        guard !weights.without.contains(.outside) else { return [] }
        var reasons: [ChangeReason] = []
        func add(_ weight: Double, _ text: String) {
            reasons.append(ChangeReason(mechanism: .outside, weight: weight, text: text))
        }
        let failures = symptom.outsideFailures.map { ($0, ChangeWords.line(names.masked($0.text))) }
        let refused = failures.count { isOurFault($0.1) }
        let broken = failures.count { isTheirFault($0.1) && !isOurFault($0.1) }
        if broken > refused, let peer = failures.first(where: { isTheirFault($0.1) })?.0.peer {
            add(weights.outsidePeer, "calls to \(peer) fail, which is none of our services")
            let services = Set(failures.map(\.0.service))
            if services.count >= 2 { add(weights.outsidePeerOfSeveral, "\(services.count) services meet it") }
        }
        let lines = index.lines.map(\.line)
        if lines.contains(where: {
            ChangeWords.says($0, ["expired", "not yet valid"]) && ChangeWords.says($0, expiring)
        }) {
            add(weights.expired, "something expired")
        }
        if lines.contains(where: { ChangeWords.says($0, providers) }) {
            add(weights.provider, "the symptom speaks of a provider or a region")
        }
        if index.lines.contains(where: { $0.weight >= 0.8 && ChangeWords.says($0.line, machines) }) {
            add(weights.machine, "the symptom speaks of hardware, hosts or the network")
        }
        if index.lines.contains(where: { $0.weight >= 0.8 && ChangeWords.says($0.line, upkeep) }) {
            add(weights.upkeep, "the symptom speaks of upkeep that runs by itself")
        }
        if !symptom.onlyAt.isEmpty { add(weights.onePlace, "failures only at \(symptom.onlyAt)") }
        if !symptom.surge.isEmpty {
            add(weights.surge, "\(symptom.surge) gets far more requests from outside")
        }
        return reasons
    }

    private static let expiring = [
        "cert", "x509", "tls", "ssl", "licen", "credential", "secret", "api key", "domain", "subscription",
        "password",
    ]

    private static let providers = [
        "outage", "third party", "status page", "brownout", "provider", "region ", "availability zone",
    ]

    private static let machines = [
        "hardware", "ecc ", "i o error", "input output error", "node not ready", "kernel", "preempted",
        "spot interrupt",
        "pod evicted", "packet loss", "link down", "power loss", "power supply", "hypervisor", "bgp",
        "no route to host",
        "network is unreachable", "retransmi", "servfail", "split brain", "lost quorum", "failover",
        "clock skew",
        "read only file system", "volume detached",
    ]

    private static let upkeep = [
        "autovacuum", "vacuum", "backup", "compaction", "snapshot", "cron", "batch job", "nightly", "reindex",
        "log rotation", "defragment",
    ]

    /// The other side answered that it can't.
    private static func isTheirFault(_ line: String) -> Bool {
        ChangeWords.says(
            line,
            [
                "unavailable", "outage", "degraded", "slow down", "internal error", "internal server error",
                "gateway",
                "timed out", "timeout", "unreachable", "refused", "reset", "no route", "maintenance",
            ]
        ) || statuses(line).contains { (500...599).contains($0) }
    }

    /// The other side answered that we ask wrongly.
    private static func isOurFault(_ line: String) -> Bool {
        ChangeWords.says(
            line,
            ["unauthorized", "unauthorised", "forbidden", "bad request", "invalid", "not found"]
        )
            || statuses(line).contains {
                [400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422].contains($0)
            }
    }

    private static func statuses(_ line: String) -> [Int] {
        line.split(separator: " ").filter { $0.utf8.count == 3 }.compactMap { Int($0) }
    }
}
