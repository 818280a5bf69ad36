import MusterCore
import MusterIncident

extension Incident {
    /// Nothing is left to do.
    var isOver: Bool {
        !isOpen && unsettled.isEmpty && told.contains(.postMortem)
            && (damped == nil || told.contains(.damped))
    }

    /// The plan, when it may run and its step has not ended.
    func underWay(_ id: PlanID) throws(OperationError) -> PlanRecord {
        guard let record = self[id] else {
            throw OperationError(.notFound, "incident \(self.id) has no plan \(id.short)")
        }
        guard record.mayRun else {
            throw OperationError(.conflict, "plan \(id.short) has not begun: nobody has approved it")
        }
        guard isOpen, record.aborted == nil, steps[record.sealed.plan.step]?.outcome == nil else {
            throw OperationError(.conflict, "plan \(id.short) is over")
        }
        return record
    }

    /// Hosts on which a plan that failed may be tried again.
    func retriableHosts(of id: PlanID) throws(OperationError) -> [HostReference] {
        guard let record = self[id] else {
            throw OperationError(.notFound, "incident \(self.id) has no plan \(id.short)")
        }
        guard record.retried == nil else {
            throw OperationError(.conflict, "plan \(id.short) was \(record.retried ?? "") already")
        }
        guard let hosts = retriable(record) else {
            throw OperationError(
                .conflict,
                "plan \(id.short) can't be tried again: only one that began and failed can, in an open incident, once all its hosts have come to an end"
            )
        }
        return hosts
    }

    /// The plan, when a person may still decide about it.
    func undecided(_ id: PlanID, at now: Timestamp) throws(OperationError) -> PlanRecord {
        guard let record = self[id] else {
            throw OperationError(.notFound, "incident \(self.id) has no plan \(id.short)")
        }
        switch record.decision {
        case .open, .approved:
            guard record.isUndecided else {
                throw OperationError(.conflict, "plan \(id.short) is approved already")
            }
        case .present:
            throw OperationError(.conflict, "plan \(id.short) is covered by the runbook's signature")
        case .rejected(let by, _): throw OperationError(.conflict, "plan \(id.short) was rejected by \(by)")
        }
        guard isOpen else { throw OperationError(.conflict, "the incident is over") }
        guard record.sealed.plan.expires > now else {
            throw OperationError(.conflict, "plan \(id.short) lapsed at \(record.sealed.plan.expires)")
        }
        guard pending.contains(where: { $0.sealed.id == id }) else {
            throw OperationError(.conflict, "plan \(id.short) is not waiting for a decision")
        }
        return record
    }
}
