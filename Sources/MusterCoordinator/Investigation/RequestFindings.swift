import MusterAnalysis
import MusterCause
import MusterCore
import MusterIncident

/// What the requests show: symptoms, and what separates sick hosts from healthy ones.
enum RequestFindings {
    static func findings(
        _ picture: RequestPicture,
        context: RequestContext,
        at now: Timestamp
    ) -> [Finding] {
        var findings = symptoms(picture, context, at: now)
        if let finding = surge(picture, context, at: now) { findings.append(finding) }
        findings += differences(context, at: now)
        return findings
    }

    /// That requests of the service fail, and that they are slow.
    static func symptoms(
        _ picture: RequestPicture,
        _ context: RequestContext,
        at now: Timestamp
    ) -> [Finding] {
        let health = picture.health(of: context.service)
        guard let worst = health.first(where: { $0.requests > 0 }) else { return [] }
        let excess = picture.excess(of: context.service)
        var findings: [Finding] = []
        if var finding = errors(worst, context, at: now) {
            finding.magnitude = excess.failures
            findings.append(finding)
        }
        if var finding = latency(health, picture, context, at: now) {
            finding.magnitude = excess.seconds
            findings.append(finding)
        }
        return findings
    }

    /// The same of every other service that served requests on the hosts that were asked.
    ///
    /// `hosts` are those hosts; a service whose hosts all suffer the same is sick on all of them.
    static func others(
        _ picture: RequestPicture,
        replies: FleetReply?,
        hosts: [FleetHost],
        than service: String,
        onset: Timestamp,
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        picture.services.filter { $0.service != service }.flatMap { other -> [Finding] in
            let table = HostTable.rows(
                hosts: hosts.filter { other.hosts.contains($0.id) },
                requests: picture.perHost(of: other.service),
                replies: replies,
                facts: [:],
                ratioBefore: picture.health(of: other.service).first?.errorRatioBefore ?? 0,
                slow: picture.slowHosts(of: other.service)
            )
            let context = RequestContext(
                service: other.service,
                onset: onset,
                hosts: table,
                coverage: coverage
            )
            return symptoms(picture, context, at: now).map { finding in
                var finding = finding
                finding.text = "\(other.service): \(finding.text)"
                return finding
            }
        }
    }

    /// What all of them need to know.
    struct RequestContext {
        let service: String
        let onset: Timestamp
        let hosts: [HostHealth]
        let coverage: Coverage
    }

    private static func errors(
        _ worst: EndpointHealth,
        _ context: RequestContext,
        at now: Timestamp
    ) -> Finding? {
        let low = WilsonInterval(successes: worst.errors, trials: worst.requests).low
        guard worst.errors >= 3, low > (worst.errorRatioBefore ?? 0) else { return nil }
        let sick = context.hosts.filter { $0.state == .sick }.map(\.host)
        let place = sick.isEmpty ? "" : ", on \(HostReference.list(sick)) of \(context.hosts.count) hosts"
        let past = worst.errorRatioBefore.map { " (before: \($0.percentText))" } ?? ""
        return Finding(
            id: FindingID(at: now),
            kind: .errorRate,
            text: "\(worst.errorRatio.percentText) of \(worst.endpoint) fail since "
                + "\(context.onset.timeOfDay)\(past): \(worst.errors) of \(worst.requests) requests\(place)",
            hosts: sick,
            service: worst.service,
            subject: worst.endpoint,
            onset: context.onset,
            effect: min(1, 0.3 + worst.rise * 3),
            coverage: context.coverage
        )
    }

    private static func latency(
        _ health: [EndpointHealth],
        _ picture: RequestPicture,
        _ context: RequestContext,
        at now: Timestamp
    ) -> Finding? {
        var worst: (endpoint: EndpointHealth, before: Double, after: Double)?
        for endpoint in health where endpoint.requests >= 20 {
            guard let values = picture.latency(0.95, of: endpoint), values.before > 0,
                values.after >= values.before * 2, values.after - values.before >= 50,
                values.after > worst?.after ?? 0
            else { continue }
            worst = (endpoint, values.before, values.after)
        }
        guard let worst else { return nil }
        return Finding(
            id: FindingID(at: now),
            kind: .latency,
            text: "95% of \(worst.endpoint.endpoint) take up to \(worst.after.text(decimals: 0)) ms since "
                + "\(context.onset.timeOfDay), before it was \(worst.before.text(decimals: 0)) ms",
            hosts: context.hosts.filter { $0.state == .sick }.map(\.host),
            service: worst.endpoint.service,
            subject: worst.endpoint.endpoint,
            onset: context.onset,
            effect: min(1, worst.after / worst.before / 10),
            coverage: context.coverage
        )
    }

    private static func surge(
        _ picture: RequestPicture,
        _ context: RequestContext,
        at now: Timestamp
    ) -> Finding? {
        guard let rates = picture.rates(of: context.service), rates.before >= 1,
            rates.after >= rates.before * 2.5
        else { return nil }
        return Finding(
            id: FindingID(at: now),
            kind: .resource,
            text: "\(rates.after.text(decimals: 0)) requests/s since \(context.onset.timeOfDay), "
                + "before it was \(rates.before.text(decimals: 0))",
            hosts: [],
            service: context.service,
            subject: "requests",
            onset: context.onset,
            effect: min(1, rates.after / rates.before / 10),
            coverage: context.coverage,
            suggests: .trafficSurge
        )
    }

    private static func differences(_ context: RequestContext, at now: Timestamp) -> [Finding] {
        let sick = context.hosts.filter { $0.state == .sick }.map(\.host)
        let healthy = context.hosts.filter { $0.state == .healthy }
        return TraitDifference.find(in: context.hosts).prefix(4).map { difference in
            Finding(
                id: FindingID(at: now),
                kind: .difference,
                text: "\(difference.trait) is \(difference.sick) on \(HostReference.list(sick)), which "
                    + "\(sick.count == 1 ? "is" : "are") sick, and \(difference.healthy.joined(separator: " or ")) "
                    + "on the \(healthy.count) healthy hosts",
                hosts: sick,
                service: context.service,
                subject: difference.trait,
                onset: nil,
                effect: difference.effect,
                coverage: context.coverage,
                exemplars: [difference.sick]
            )
        }
    }
}
