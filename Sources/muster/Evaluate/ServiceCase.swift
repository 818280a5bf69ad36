import MusterCause
import MusterCore

/// A recorded incident of which the sick service is asked for, as findings that agents would have sent.
///
/// Reads what `case.json` allows and nothing else. The statistics are the engine's; here files are only brought into
/// the form that it takes.
struct ServiceCase {
    let info: CaseInfo
    /// In the order in which the case lists them, by the names that the engine gets to see.
    let candidates: [String]
    private let options: CaseOptions
    private let time: CaseTime
    private let calls: [ServiceCall]
    private let findings: CaseFindings

    /// Reads a case from its folder, and the fault-free telemetry that it names from `references`.
    init(folder: String, references: String, options: CaseOptions) throws(CLIError) {
        let info = try CaseInfo(folder: folder)
        let files = CaseFiles(folder: folder, references: references, info: info)
        let time = CaseTime(info, options: options)
        var names = EntityNames(seed: options.renameSeed)
        let candidates = info.candidates.map { names.name($0) }
        let calls = try Self.calls(files, &names)
        var findings = CaseFindings(
            names: names,
            hidden: Self.hidden(candidates, of: info, options),
            alertAt: time.alertAt
        )
        let metrics = try MetricFindings(
            files,
            time: time,
            services: info.candidates,
            door: Self.door(candidates, calls)
        )
        metrics.add(to: &findings)
        try RequestFindings(files, time: time).add(to: &findings)
        self.info = info
        self.candidates = candidates
        self.options = options
        self.time = time
        self.calls = calls
        self.findings = findings
    }

    var names: EntityNames { findings.names }

    /// What the engine is given.
    var input: RankingInput {
        let hidden = findings.hidden
        let kept = candidates.count - hidden.count
        return RankingInput(
            findings: findings.all.filter { finding in
                Place.Source(finding).map { !options.without.contains($0) } ?? true
            },
            onset: Timestamp(seconds: time.alertAt),
            service: info.alert?.entity.map { names.known($0) } ?? "",
            related: [],
            hosts: [],
            coverage: Coverage(
                asked: candidates.count,
                outcomes: hidden.isEmpty ? ["ok": kept] : ["ok": kept, "timeout": hidden.count]
            ),
            unseen: [],
            knowledge: .init(alertIsKnown: false, causes: []),
            calls: calls,
            observed: candidates.filter { !hidden.contains($0) },
            newcomers: findings.newcomers,
            symptom: symptom
        )
    }

    private var symptom: EvidenceGraph.Symptom? {
        switch info.alert?.metric {
        case "latency": .latency
        case "availability": .errors
        default: nil
        }
    }

    /// Services that are left out as if their hosts did not answer, by the order of the list.
    private static func hidden(
        _ candidates: [String],
        of info: CaseInfo,
        _ options: CaseOptions
    ) -> Set<String> {
        guard options.coverage < 1 else { return [] }
        var random: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(info.alertAt)
        var hidden: Set<String> = []
        var left = candidates
        let keep = max(1, Int((Double(candidates.count) * options.coverage).rounded()))
        while left.count > keep {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            hidden.insert(left.remove(at: Int(random >> 33) % left.count))
        }
        return hidden
    }

    private static func calls(
        _ files: CaseFiles,
        _ names: inout EntityNames
    ) throws(CLIError) -> [ServiceCall] {
        guard let table = try files.table("edges") else { return [] }
        let source = try table.column("source")
        let target = try table.column("target")
        let kind = try table.column("kind")
        var calls: [ServiceCall] = []
        for row in 0..<table.count where table.text(row, kind) == "calls" {
            calls.append(
                ServiceCall(
                    caller: names.name(table.text(row, source)),
                    callee: names.name(table.text(row, target))
                )
            )
        }
        return calls
    }

    /// The service that users call; nil when it is not plain which one.
    private static func door(_ candidates: [String], _ calls: [ServiceCall]) -> String? {
        let called = Set(calls.map(\.callee))
        let roots = candidates.filter { name in
            !called.contains(name) && calls.contains { $0.caller == name }
        }
        return roots.count == 1 ? roots[0] : nil
    }
}
