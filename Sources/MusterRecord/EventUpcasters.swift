import MusterCore
import MusterIncident

/// Brings bodies of stored events that an older version wrote into today's shape.
///
/// The chain goes one version at a time: `v1 -> v2 -> …`. What is stored never changes; this happens on
/// reading, after the hash was checked.
package struct EventUpcasters: Sendable {
    /// Changes one body from a version to the next.
    package struct Step: Sendable {
        /// Version that it reads; it writes the next one.
        let from: Int
        /// Kind of the events that it changes; others pass as they are.
        let kind: IncidentEvent.Kind
        let change: @Sendable (JSONValue) -> JSONValue

        package init(
            from: Int,
            kind: IncidentEvent.Kind,
            change: @escaping @Sendable (JSONValue) -> JSONValue
        ) {
            self.from = from
            self.kind = kind
            self.change = change
        }
    }

    private let steps: [Step]
    /// The version that comes out.
    package let version: Int

    package init(steps: [Step], version: Int = IncidentEvent.version) {
        self.steps = steps
        self.version = version
    }

    /// All changes of the schema so far: none.
    package static let all = EventUpcasters(steps: [])

    /// Whether a body of this version needs nothing.
    func isCurrent(_ version: Int) -> Bool { version == self.version }

    /// - Throws: ``IncidentRecordError`` with the code `corrupt` for a version of the future.
    func current(
        _ body: JSONValue,
        kind: IncidentEvent.Kind,
        version: Int
    ) throws(IncidentRecordError) -> JSONValue {
        guard (1...self.version).contains(version) else {
            throw IncidentRecordError(
                .corrupt,
                "an event has version \(version), this Muster knows up to \(self.version); install a newer one"
            )
        }
        var body = body
        for from in version..<self.version {
            for step in steps where step.from == from && step.kind == kind { body = step.change(body) }
        }
        return body
    }
}
