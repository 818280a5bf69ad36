import MusterCore
import MusterIncident

@testable import MusterCause

/// Incidents of a shop whose database has no connection left, and others.
enum KnowledgeSamples {
    static let start = Timestamp(nanoseconds: 1_795_400_000_000_000_000)

    static func id(_ number: Int) -> IncidentID {
        IncidentID(uuid: UUIDv7(at: start + .seconds(number), random: (0, UInt64(abs(number)))))
    }

    /// An alert of a rule about a service, and nothing else.
    static func incident(
        _ number: Int,
        alert: String = "HighErrorRate",
        service: String = "shop",
        host: String = "web-1",
        more: [IncidentEvent] = []
    ) -> Incident {
        let at = start + .seconds(number)
        let received = Alert(
            source: "test",
            fingerprint: "\(number)",
            name: alert,
            status: .firing,
            starts: at,
            ends: nil,
            labels: ["service": service, "instance": host],
            annotations: [:]
        )
        var incident = Incident(id: id(number))
        let bodies: [IncidentEvent] =
            [
                .opened(title: alert, service: service, severity: "", owner: nil),
                .alertReceived(alert: received, intake: 1),
            ] + more
        for (index, body) in bodies.enumerated() {
            _ = incident.apply(
                StoredEvent(
                    id: EventID(at: at),
                    incident: id(number),
                    v: 1,
                    seq: index + 1,
                    prevHash: .zero,
                    hash: .zero,
                    at: at + .seconds(index),
                    body: body
                )
            )
        }
        return incident
    }

    static func finding(
        _ kind: Finding.Kind,
        _ subject: String,
        on host: String = "web-1",
        suggests: CauseKind? = nil
    ) -> Finding {
        Finding(
            id: FindingID(at: start),
            kind: kind,
            text: "",
            hosts: [HostReference(id: .zero, name: host)],
            service: "shop",
            subject: subject,
            onset: start,
            effect: 0.8,
            coverage: Coverage(asked: 1, outcomes: ["ok": 1]),
            suggests: suggests
        )
    }

    /// What is found when the pool of the database is exhausted; hosts, ports and numbers differ from time to time.
    static func pool(on host: String = "web-1", _ number: Int = 1) -> [Finding] {
        [
            finding(.errorRate, "GET /api/checkout", on: host),
            finding(.dependency, "orders 10.0.0.\(number):5432", on: host, suggests: .poolExhausted),
            finding(
                .logs,
                "\(host) FATAL: sorry, too many clients already pid=\(4_000 + number)",
                on: host,
                suggests: .poolExhausted
            ),
        ]
    }

    /// What is found when a disk is full.
    static func disk(on host: String = "web-1") -> [Finding] {
        [
            finding(.errorRate, "GET /api/checkout", on: host),
            finding(.resource, "filesystem_used_ratio of /var", on: host, suggests: .disk),
            finding(.logs, "could not write: No space left on device", on: host, suggests: .disk),
        ]
    }

    static func lesson(
        _ number: Int,
        _ findings: [Finding] = pool(),
        cause: CauseKind? = .poolExhausted,
        said: CauseKind? = .poolExhausted,
        recalled: [KnowledgeID] = [],
        fix: String? = "runbook pool-exhausted",
        service: String = "shop"
    ) -> Lesson {
        let incident = incident(number, service: service)
        return Lesson(
            incident: incident.id,
            opened: incident.opened,
            service: service,
            signature: IncidentSignature(incident, findings: findings, cause: said),
            cause: cause,
            text: "",
            fix: fix,
            said: said,
            recalled: recalled
        )
    }
}
