import MusterCore

extension Incident {
    /// What its record lacks of the freezes that are on: those that began, and those that people ended meanwhile.
    ///
    /// An incident that is over takes no more notice of them. `thawed` says why a freeze is not on any more.
    package func news(
        of active: [Freeze],
        at now: Timestamp,
        thawed: (_ service: String?) -> String
    ) -> [IncidentEvent] {
        guard isOpen, !title.isEmpty else { return [] }
        let wanted = active.filter { $0.isOn(at: now) && $0.concerns(service) }
        let ended = freezes.filter { known in !wanted.contains { $0.service == known.service } }
        return wanted.filter { !freezes.contains($0) }.map { .freezeBegan(freeze: $0) }
            // Those whose time is over are the engine's to end.
            + ended.filter { $0.isOn(at: now) }.map {
                .freezeEnded(service: $0.service, reason: thawed($0.service))
            }
    }
}
