import FoundationEssentials

/// What `case.json` says: all that a method may know beside the telemetry.
struct CaseInfo: Decodable {
    struct Alert: Decodable {
        /// The service that fired, in cases that ask for a service.
        var entity: String?
        /// The same in cases that ask for a change.
        var service: String?
        var metric: String?
    }

    var id: String
    /// Unix seconds.
    var alertAt: Double
    var alert: Alert?
    /// Name of the fault-free telemetry beside the cases; nil when there is none.
    var reference: String?
    var candidates: [String]
    var changeCandidates: [String]?

    /// From 1970 to about the year 2200.
    private static let times = 0...7.2e9

    private enum CodingKeys: String, CodingKey {
        case id = "case"
        case alertAt = "t_alert"
        case alert
        case reference
        case candidates
        case changeCandidates = "change_candidates"
    }

    init(folder: String) throws(CLIError) {
        let path = "\(folder)/case.json"
        let bytes = try Files.read(path)
        do {
            self = try JSONDecoder().decode(CaseInfo.self, from: Data(bytes))
        } catch { throw CLIError(.failed, "\(path) is not understood", cause: error) }
        guard Self.times.contains(alertAt) else {
            throw CLIError(
                .failed,
                "\(path): t_alert is \(alertAt), which is no time of this era in Unix seconds"
            )
        }
    }
}
