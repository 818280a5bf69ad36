import ArgumentParser
import MusterCore
import MusterIncident

/// Finds the incident that somebody means.
enum IncidentFinder {
    static let help = ArgumentHelp(
        "The incident: its id, the beginning or end of it, or \"latest\".",
        valueName: "incident"
    )

    static func find(_ word: String, _ connection: Connection) throws(CLIError) -> IncidentID {
        if let id = IncidentID(word) { return id }
        let all = try connection.get("incidents", as: [IncidentSummary].self)
        if word == "latest" {
            guard let newest = all.max(by: { $0.opened < $1.opened }) else {
                throw CLIError(.failed, "there is no incident yet")
            }
            return newest.id
        }
        let word = word.lowercased()
        guard word.count >= 4 else {
            throw CLIError(.usage, "give at least four characters of the incident's id, or \"latest\"")
        }
        let found = all.map(\.id).filter { $0.description.hasPrefix(word) || $0.description.hasSuffix(word) }
        guard let id = found.first else {
            throw CLIError(.failed, "no incident's id begins or ends with \"\(word)\"")
        }
        guard found.count == 1 else {
            throw CLIError(.failed, "\(found.count) incidents fit \"\(word)\"; give more of the id")
        }
        return id
    }
}
