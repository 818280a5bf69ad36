import Logging
import MusterCore
import MusterIncident

/// Brings tickets and decisions to hosts, and what became of them back.
///
/// The host's ledger is the truth: whenever it is not certain what a host knows, its ledger is asked before
/// anything is sent, and a ticket sent twice carries the same id, which the ledger takes once.
struct ActionCourier: Sendable {
    let fleet: any Fleet
    let logger: Logger

    /// Pause between two tries to reach a host.
    static let retryPause = Duration.seconds(2)
    /// Pause between two looks at the ledger of a host that acts; it also tells by itself.
    static let followPause = Duration.seconds(5)

    /// What a ledger said of a ticket.
    enum Entry: Sendable {
        case report(ActionReport)
        case unknown
        /// The host did not answer; why.
        case silent(String)
    }

    /// Hands a ticket over; ends in the first report about it.
    func deliver(
        _ id: TicketID,
        of incident: Incident,
        emit: DirectivePerformer.Emit
    ) async -> [IncidentEvent] {
        guard let ticket = incident.ticket(id), let host = incident[id]?.host else { return [] }
        var told = ""
        repeat {
            var problem = ""
            switch await entry(of: id, on: host) {
            case .report(let report): return [.actionReported(report: report, host: host)]
            case .silent(let reason): problem = reason
            case .unknown:
                do throws(FleetError) { try await fleet.send(ticket) } catch { problem = error.message }
            }
            guard !Task.isCancelled else { return [] }
            if !problem.isEmpty, told.isEmpty {
                told = problem
                await emit([.actionUndelivered(ticket: id, host: host, reason: problem)])
            }
        } while await DirectivePerformer.pause(Self.retryPause)
        return []
    }

    /// Asks the ledger until it says something new.
    func follow(_ id: TicketID, of incident: Incident) async -> [IncidentEvent] {
        guard let record = incident[id] else { return [] }
        while await DirectivePerformer.pause(Self.followPause) {
            if case .report(let report) = await entry(of: id, on: record.host), report.state != record.state {
                return [.actionReported(report: report, host: record.host)]
            }
        }
        return []
    }

    /// Tells the decision until the ledger shows that it was carried out.
    func conclude(_ id: TicketID, keep: Bool, of incident: Incident) async -> [IncidentEvent] {
        guard let host = incident[id]?.host else { return [] }
        repeat {
            do throws(FleetError) {
                if keep {
                    try await fleet.commit(id, on: host.id)
                } else {
                    try await fleet.abort(id, on: host.id, reason: "the incident's record says so")
                }
            } catch {
                logger.notice(
                    "a decision could not be brought to its host",
                    metadata: ["host": "\(host.name)", "ticket": "\(id)", "reason": "\(error)"]
                )
            }
            guard await DirectivePerformer.pause(Self.retryPause) else { return [] }
            if case .report(let report) = await entry(of: id, on: host), report.state.isFinal {
                return [.actionReported(report: report, host: host)]
            }
        } while !Task.isCancelled
        return []
    }

    private func entry(of ticket: TicketID, on host: HostReference) async -> Entry {
        let reply = await fleet.ask(
            .ledger(ticket: ticket),
            of: [host.id],
            budget: QuestionBudget(deadline: .seconds(2), bytesMax: 64 << 10, rowsMax: 16),
            onReply: nil
        ).replies.first
        guard let reply else { return .silent("nobody knows the host") }
        guard reply.outcome.kind.hasAnswer, case .ledger(let answer)? = reply.answer else {
            return .silent("\(reply.outcome.kind.rawValue): \(reply.outcome.reason)")
        }
        return answer.entries.last { $0.ticket == ticket }.map { .report($0) } ?? .unknown
    }
}
