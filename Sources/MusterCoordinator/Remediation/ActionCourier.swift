import Logging
import MusterCore
import MusterIncident

/// Brings tickets and decisions to hosts, and what became of them back, as ``CourierEngine`` says.
struct ActionCourier: Sendable {
    let fleet: any Fleet
    let logger: Logger

    /// Carries an errand out; ends in what the host says, or in nothing when it was called off.
    func run(
        _ errand: CourierEngine.Errand,
        _ id: TicketID,
        of incident: Incident,
        emit: DirectivePerformer.Emit
    ) async -> [IncidentEvent] {
        guard let ticket = incident.ticket(id), let host = incident[id]?.host else { return [] }
        var engine = CourierEngine(errand)
        while !Task.isCancelled {
            var problem: String?
            switch engine.next {
            case .ask: problem = engine.answered(await entry(of: id, on: host))
            case .send:
                var failure: String?
                do throws(FleetError) { try await fleet.send(ticket) } catch { failure = error.message }
                problem = engine.sent(problem: failure)
            case .tell(let keep):
                await tell(id, keep: keep, host)
                engine.told()
            case .pause(let length):
                guard await DirectivePerformer.pause(length) else { return [] }
                engine.paused()
            case .end(let report): return [.actionReported(report: report, host: host)]
            }
            guard let problem, !Task.isCancelled else { continue }
            await emit([.actionUndelivered(ticket: id, host: host, reason: problem)])
        }
        return []
    }

    private func tell(_ ticket: TicketID, keep: Bool, _ host: HostReference) async {
        do throws(FleetError) {
            if keep {
                try await fleet.commit(ticket, on: host.id)
            } else {
                try await fleet.abort(ticket, on: host.id, reason: "the incident's record says so")
            }
        } catch {
            logger.notice(
                "a decision could not be brought to its host",
                metadata: ["host": "\(host.name)", "ticket": "\(ticket)", "reason": "\(error)"]
            )
        }
    }

    private func entry(of ticket: TicketID, on host: HostReference) async -> CourierEngine.Entry {
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
