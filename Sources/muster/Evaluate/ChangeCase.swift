import FoundationEssentials
import MusterCause
import MusterCore
import MusterRecord

/// A recorded incident of which the culprit change is asked for.
///
/// Reads what `case.json` allows and nothing else; the statistics are the engine's.
struct ChangeCase {
    let id: String
    /// What may be the answer; `none` among them means that no change is the cause.
    let candidates: [String]
    let window: ChangeWindow
    let telemetry: ChangeTelemetry

    /// Reads a case's folder; with a seed, all services get other names first, everywhere in its files.
    init(folder: String, renameSeed seed: UInt64?) throws {
        let caseFile = try Self.file(folder, "case.json")
        let changesFile = try Self.file(folder, "changes.json.gz")
        let metricsFile = try Self.file(folder, "metrics_long.csv.gz", isNeeded: false)
        let logsFile = try Self.file(folder, "logs.ndjson.gz", isNeeded: false)
        let patternsFile = try Self.file(folder, "patterns.json.gz", isNeeded: false)
        let tracesFile = try Self.file(folder, "traces.json.gz", isNeeded: false)
        var files = [caseFile, changesFile, metricsFile, logsFile, patternsFile, tracesFile]
        if let seed {
            let services = try Self.services(of: files, folder)
            files = files.map { ServiceRenaming(services, seed: seed).apply(to: $0) }
        }
        let description = try Self.decode(Description.self, files[0], "\(folder)/case.json")
        let changes = try Self.decode(JSONValue.self, files[1], "\(folder)/changes.json.gz")
        id = description.case
        candidates = description.changeCandidates ?? []
        window = Self.window(changes)
        telemetry = ChangeTelemetry(
            services: Set(description.candidates),
            alert: ChangeTelemetry.Alert(
                service: description.alert.service ?? "",
                metric: description.alert.metric ?? "",
                summary: description.alert.summary ?? "",
                monitor: description.alert.monitor ?? "",
                at: Timestamp(seconds: description.alertAt)
            ),
            series: Self.series(files[2]),
            lines: try Self.lines(files[3], "\(folder)/logs.ndjson.gz"),
            spans: try Self.decode([JSONValue].self, files[5], "\(folder)/traces.json.gz").compactMap(
                Self.span
            ),
            patterns: try Self.decode([JSONValue].self, files[4], "\(folder)/patterns.json.gz")
                .compactMap(Self.pattern)
        )
    }

    /// The candidates by how probable they are, most probable first.
    func ranking(weights: ChangeWeights) -> [RankedChange] {
        let ranking = ChangeJudge.rank(window, against: telemetry.symptom(), weights: weights)
        let allowed = Set(candidates)
        var ranked = (ranking.changes + [ranking.none]).filter { allowed.contains($0.id) }
        let total = ranked.reduce(0) { $0 + $1.probability }
        for index in ranked.indices where total > 0 { ranked[index].probability /= total }
        // Equals stay in the order of the engine.
        ranked = ranked.enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }
            .map(\.element)
        // Of what is listed and not described nothing can be said.
        let known = Set(ranked.map(\.id))
        return ranked
            + candidates.filter { !known.contains($0) }.map {
                RankedChange(id: $0, probability: 0, score: -.infinity, reasons: [])
            }
    }

    // MARK: Files

    private struct Description: Decodable {
        struct Alert: Decodable {
            var service: String?
            var metric: String?
            var summary: String?
            var monitor: String?
        }

        var `case`: String
        var alertAt: Double
        var alert: Alert
        var candidates: [String]
        var changeCandidates: [String]?

        private enum CodingKeys: String, CodingKey {
            case `case`, alert, candidates
            case alertAt = "t_alert"
            case changeCandidates = "change_candidates"
        }
    }

    /// Commits, deploys and flags; entries without a time or a name tell nothing and are left out.
    private static func window(_ changes: JSONValue) -> ChangeWindow {
        ChangeWindow(
            commits: changes.items("commits").compactMap { commit in
                guard let id = commit.text("sha"), let at = commit.time("timestamp") else { return nil }
                return CodeChange(
                    id: id,
                    message: commit.text("message") ?? "",
                    author: commit.text("author") ?? "",
                    at: at,
                    files: commit.items("files_changed").compactMap(\.plain),
                    diff: commit.text("diff") ?? ""
                )
            },
            deploys: changes.items("deploys").compactMap { deploy in
                guard let at = deploy.time("timestamp") else { return nil }
                return Deploy(
                    service: deploy.text("service") ?? "",
                    at: at,
                    commit: deploy.text("commit_sha") ?? ""
                )
            },
            flags: changes.items("flags").compactMap { flag in
                guard let name = flag.text("flag"), let at = flag.time("timestamp") else { return nil }
                return FlagChange(name: name, service: flag.text("service") ?? "", at: at)
            }
        )
    }

    private static func file(
        _ folder: String,
        _ name: String,
        isNeeded: Bool = true
    ) throws(CLIError) -> [UInt8] {
        if let bytes = try GzipFile.read("\(folder)/\(name)") { return bytes }
        guard !isNeeded else { throw CLIError(.failed, "\(folder) has no \(name)") }
        return []
    }

    /// Nothing at all is an empty list.
    private static func decode<Value: Decodable>(
        _ type: Value.Type,
        _ bytes: [UInt8],
        _ path: String
    ) throws(CLIError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes.isEmpty ? Array("[]".utf8) : bytes))
        } catch { throw CLIError(.failed, "\(path) is not understood", cause: error) }
    }

    /// All services that any of the files names.
    private static func services(of files: [[UInt8]], _ folder: String) throws(CLIError) -> Set<String> {
        let description = try decode(Description.self, files[0], "\(folder)/case.json")
        let changes = window(try decode(JSONValue.self, files[1], "\(folder)/changes.json.gz"))
        let spans = try decode([JSONValue].self, files[5], "\(folder)/traces.json.gz").compactMap(span)
        var services = Set(description.candidates)
        if let service = description.alert.service { services.insert(service) }
        services.formUnion(changes.deploys.map(\.service))
        services.formUnion(series(files[2]).map(\.service))
        services.formUnion(try lines(files[3], "\(folder)/logs.ndjson.gz").map(\.service))
        services.formUnion(spans.map(\.service))
        return services.filter { !$0.isEmpty }
    }

    /// Rows of `timestamp,service,metric,value`; rows without a value are left out.
    private static func series(_ bytes: [UInt8]) -> [ChangeTelemetry.Series] {
        var series: [ChangeTelemetry.Series] = []
        var places: [String: Int] = [:]
        for row in bytes.split(separator: 0x0A).dropFirst() {
            let fields = row.split(separator: 0x2C, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 4, let at = Timestamp(rfc3339: fields[0]),
                let value = Double(fields[3].filter { $0 != "\r" }), value.isFinite
            else { continue }
            let key = "\(fields[1]),\(fields[2])"
            if let place = places[key] {
                series[place].samples.append((at, value))
            } else {
                places[key] = series.count
                series.append(
                    ChangeTelemetry.Series(service: fields[1], metric: fields[2], samples: [(at, value)])
                )
            }
        }
        for place in series.indices { series[place].samples.sort { $0.at < $1.at } }
        return series
    }

    private static func lines(_ bytes: [UInt8], _ path: String) throws(CLIError) -> [ChangeTelemetry.Line] {
        var lines: [ChangeTelemetry.Line] = []
        for (number, row) in bytes.split(separator: 0x0A).enumerated() {
            let value = try decode(JSONValue.self, Array(row), "\(path), line \(number + 1),")
            guard let at = value.time("timestamp") else { continue }
            lines.append(
                ChangeTelemetry.Line(
                    at: at,
                    service: value.text("service") ?? "",
                    severity: value.text("severity_text") ?? "",
                    message: value.text("msg") ?? "",
                    attributes: value.attributes(without: [
                        "timestamp", "service", "severity_text", "msg", "trace_id", "span_id",
                    ])
                )
            )
        }
        return lines
    }

    private static func span(_ value: JSONValue) -> ChangeTelemetry.Span? {
        guard let at = value.time("start"), let id = value.text("span_id") else { return nil }
        return ChangeTelemetry.Span(
            id: id,
            parent: value.text("parent_id"),
            service: value.text("service") ?? "",
            name: value.text("name") ?? "",
            at: at,
            milliseconds: value.text("duration_ms").flatMap { Double($0) } ?? 0,
            isError: value.text("status")?.uppercased() == "ERROR",
            errors: [value.text("error"), value.text("status_message")].compactMap { $0 },
            attributes: value.attributes(without: [
                "trace_id", "span_id", "parent_id", "service", "name", "start", "duration_ms", "status",
                "error",
                "status_message",
            ])
        )
    }

    private static func pattern(_ value: JSONValue) -> ChangeTelemetry.Pattern? {
        guard let template = value.text("signature") else { return nil }
        let count = value.text("count").flatMap { Double($0) } ?? 0
        var more = value.text("delta_vs_baseline") ?? ""
        if more.first == "+" { more.removeFirst() }
        return ChangeTelemetry.Pattern(
            service: value.text("service") ?? "",
            template: template,
            count: count,
            // Without a number it is what was never there before.
            more: Double(more.filter { $0 != "," && $0 != "%" })
                ?? (more.lowercased().contains("new") ? count : 0),
            isTrouble: value.text("sentiment") == "negative"
        )
    }
}

extension JSONValue {
    /// A member as it would be printed; nil when it is missing or holds others.
    fileprivate func text(_ key: String) -> String? { self[key]?.plain }

    fileprivate func time(_ key: String) -> Timestamp? { text(key).flatMap { Timestamp(rfc3339: $0) } }

    /// Members of a list; none when it is missing or something else.
    fileprivate func items(_ key: String) -> [JSONValue] {
        guard case .array(let items)? = self[key] else { return [] }
        return items
    }

    fileprivate func attributes(without keys: Set<String>) -> [String: String] {
        guard case .object(let members) = self else { return [:] }
        return members.filter { !keys.contains($0.key) }.compactMapValues(\.plain)
    }

    fileprivate var plain: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .bool(let value): "\(value)"
        case .null, .array, .object: nil
        }
    }
}
