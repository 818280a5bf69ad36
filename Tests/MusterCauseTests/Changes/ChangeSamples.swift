import MusterCore

@testable import MusterCause

/// A shop whose orders begin to fail at one moment, and what may have been changed before.
struct ChangeSamples {
    static let onset = Timestamp(nanoseconds: 1_795_400_000_000_000_000)

    static func minutes(_ minutes: Double) -> Timestamp { onset + .seconds(minutes * 60) }

    /// Orders fail first, by their own work; the web shop follows.
    static func symptom(_ errors: String..., metric: String = "http_5xx_ratio") -> Symptom {
        var symptom = Symptom(
            services: ["orders", "web", "stock"],
            service: "orders",
            onset: onset,
            alertedAt: minutes(4)
        )
        symptom.troubled = ["orders": onset, "web": minutes(2)]
        symptom.failing = ["orders"]
        symptom.calls = [
            Symptom.Call(caller: "web", callee: "orders"), Symptom.Call(caller: "orders", callee: "stock"),
        ]
        symptom.texts = [Symptom.Text(metric, weight: 0.7)] + errors.map { Symptom.Text($0, weight: 1) }
        return symptom
    }

    static func change(
        _ id: String,
        _ file: String,
        _ diff: String,
        message: String = "work",
        at minutes: Double = -6
    ) -> CodeChange {
        CodeChange(id: id, message: message, at: Self.minutes(minutes), files: [file], diff: diff)
    }

    /// A change that has nothing to do with anything, on the same service.
    static let innocent = change(
        "innocent",
        "apps/orders/greeting.go",
        "@@\n-\treturn \"hello\"\n+\treturn greet(lang)\n"
    )

    /// Each change deployed on the orders, two minutes before the onset unless told.
    static func window(
        _ changes: [CodeChange],
        at minutes: [String: Double] = [:],
        on services: [String: String] = [:],
        flags: [FlagChange] = []
    ) -> ChangeWindow {
        ChangeWindow(
            commits: changes,
            deploys: changes.map {
                Deploy(
                    service: services[$0.id] ?? "orders",
                    at: Self.minutes(minutes[$0.id] ?? -2),
                    commit: $0.id
                )
            },
            flags: flags
        )
    }
}

extension ChangeRanking {
    var first: RankedChange { (changes.first?.score ?? -.infinity) > none.score ? changes[0] : none }

    func change(_ id: String) -> RankedChange? { changes.first { $0.id == id } }

    /// Weight that a change got from one kind of evidence.
    func weight(_ id: String, _ mechanism: ChangeMechanism) -> Double {
        let reasons = id == "none" ? none.reasons : change(id)?.reasons ?? []
        return reasons.filter { $0.mechanism == mechanism }.reduce(0) { $0 + $1.weight }
    }
}
