import MusterCore

/// One question to a part of the fleet, as the API takes it.
package struct AskRequest: Hashable, Sendable, Codable {
    /// What to ask.
    ///
    /// The salt of a `requests` probe is replaced by the coordinator: it is new for every question.
    package var probe: Probe
    /// Whom: `all`, `host=web-1`, `service=checkout`, `role=db,zone=a`.
    package var on: String
    /// How many of these hosts, chosen at random; nil for all.
    package var limit: SampleSize?
    /// How long each host may take, 0.1 to 60 seconds.
    package var deadlineSeconds: Double

    package init(probe: Probe, on: String = "all", limit: SampleSize? = nil, deadlineSeconds: Double = 5) {
        self.probe = probe
        self.on = on
        self.limit = limit
        self.deadlineSeconds = deadlineSeconds
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.probe = try container.decode(Probe.self, forKey: .probe)
        self.on = try container.decodeIfPresent(String.self, forKey: .on) ?? "all"
        self.limit = try container.decodeIfPresent(SampleSize.self, forKey: .limit)
        self.deadlineSeconds = try container.decodeIfPresent(Double.self, forKey: .deadlineSeconds) ?? 5
    }
}

/// One line of the answer to an ``AskRequest``: any number with `progress`, then exactly one with another value.
package struct AskLine: Sendable, Codable {
    /// How far it is; told now and then.
    package var progress: AskProgress?
    /// Everything, merged; the last line.
    package var result: FleetAnswer?
    /// Why there is no result; the last line.
    package var problem: Problem?

    package init(progress: AskProgress) { self.progress = progress }
    package init(result: FleetAnswer) { self.result = result }
    package init(problem: Problem) { self.problem = problem }
}

/// One running question of an operator.
package struct AskID: UUIDIdentifier {
    package let uuid: UUIDv7
    package init(uuid: UUIDv7) { self.uuid = uuid }
}

/// How far a fan-out has come.
package struct AskProgress: Hashable, Sendable, Codable {
    /// All hosts asked, and the outcomes so far.
    package var coverage: Coverage
    /// Names the running question, so that it can be ended early with what has come.
    package var ask: AskID

    package init(coverage: Coverage, ask: AskID) {
        self.coverage = coverage
        self.ask = ask
    }
}
