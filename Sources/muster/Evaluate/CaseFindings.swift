import MusterAnalysis
import MusterCause
import MusterCore

/// What was found in a recorded incident, as agents would have sent it.
struct CaseFindings {
    private(set) var names: EntityNames
    private(set) var all: [Finding] = []
    /// Services that had no requests before.
    private(set) var newcomers: Set<String> = []
    /// Services whose hosts did not answer.
    let hidden: Set<String>
    private let moment: Timestamp

    init(names: EntityNames, hidden: Set<String>, alertAt: Double) {
        self.names = names
        self.hidden = hidden
        moment = Timestamp(seconds: alertAt)
    }

    /// The name that the engine gets to see for what the case calls `original`.
    mutating func name(_ original: String) -> String { names.name(original) }

    mutating func addNewcomer(_ service: String) { newcomers.insert(service) }

    /// Leaves out what has no effect, and what a service that did not answer would have told.
    mutating func add(
        _ kind: Finding.Kind,
        _ service: String,
        _ text: String,
        effect: Double,
        counterpart: String? = nil,
        magnitude: Double? = nil,
        suggests: CauseKind? = nil,
        subject: String = ""
    ) {
        guard effect > 0, !hidden.contains(service) else { return }
        all.append(
            Finding(
                id: FindingID(uuid: UUIDv7(at: moment, random: (0, UInt64(all.count + 1)))),
                kind: kind,
                text: text,
                hosts: [],
                service: service,
                subject: subject,
                onset: nil,
                effect: effect,
                coverage: Coverage(asked: 1, outcomes: ["ok": 1]),
                suggests: suggests,
                counterpart: counterpart,
                magnitude: magnitude
            )
        )
    }

    /// Time that calls spend between caller and callee; `requests` is how many it costs.
    mutating func addTransit(_ caller: String, _ callee: String, _ shift: LevelShift, requests: Double) {
        add(
            .transit,
            callee,
            "calls from \(caller) to \(callee) spend \((shift.now * 1_000).text(decimals: 1)) ms on their way, usually "
                + "\((shift.usual * 1_000).text(decimals: 1)) ms",
            effect: EffectScale.effect(shift.score, from: 4, full: 40),
            counterpart: caller,
            magnitude: max(0, shift.rise) * requests,
            subject: "calls of \(caller)"
        )
    }
}
