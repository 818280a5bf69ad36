import FoundationEssentials
import MusterCore
import MusterIncident

/// Whether the numbers of a recorded event are such as Muster writes.
///
/// A record may be a file of a stranger. What reckons with its numbers must not be led past what an integer holds.
enum EventBounds {
    /// Most steps, waves, rounds and versions.
    static let stepsMax = 10_000
    /// Largest value that stands under a name: thousands of them still add up.
    static let valueMax = 1e15

    /// - Throws: ``IncidentRecordError`` that names the event.
    static func check(_ event: StoredEvent, body: [UInt8]) throws(IncidentRecordError) {
        let whole = try? JSONDecoder().decode(JSONValue.self, from: Data(body))
        guard let whole, isSmall(whole), isWithin(event.body) else {
            throw IncidentRecordError(
                .corrupt,
                "event \(event.seq) holds a number that Muster never writes",
                at: event.seq
            )
        }
    }

    private static func isWithin(_ body: IncidentEvent) -> Bool {
        let places = 0..<stepsMax
        switch body {
        case .stepStarted(let step, _), .stepEnded(let step, _, _, _), .verified(let step, _, _, _),
            .notified(.step(let step), _, _, _, _):
            return places.contains(step)
        case .rolloutLooked(_, let wave, _, _): return places.contains(wave)
        case .postMortemDrafted(_, let version): return places.contains(version)
        case .findingMade(let finding): return 0...1 ~= finding.effect
        case .pastRecalled(let past):
            return 0...1 ~= past.nearest && past.matches.allSatisfy { 0...1 ~= $0.similarity && $0.seen >= 0 }
                && past.priors.allSatisfy { -10...10 ~= $0.shift }
        case .inquiryMade(let inquiry):
            return places.contains(inquiry.round) && 0...64 ~= inquiry.uncertaintyBefore
                && 0...64 ~= inquiry.uncertaintyAfter
                && (inquiry.asked + inquiry.left).allSatisfy { 0...64 ~= $0.bits && 0...valueMax ~= $0.cost }
        case .hypothesisRanked(let ranking, let round):
            return places.contains(round) && ranking.hypotheses.allSatisfy { 0...1 ~= $0.probability }
        case .planProposed(let sealed, _, _):
            let (plan, hosts) = (sealed.plan, 0...1_000_000)
            return places.contains(plan.step) && hosts.contains(plan.spread.atOnce)
                && hosts.contains(plan.spread.errorBudget)
                && plan.spread.waves.allSatisfy { hosts.contains($0) }
        default: return true
        }
    }

    /// Bytes and time spans are lists of numbers, which nobody adds up; of a time span the first is the larger half.
    private static func isSmall(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool, .string: true
        case .integer(let number): abs(Double(number)) <= valueMax
        case .number(let number): abs(number) <= valueMax
        case .array(let list):
            list.enumerated().allSatisfy { place, item in
                switch item {
                case .integer, .number: place > 0 || isSmall(item)
                default: isSmall(item)
                }
            }
        case .object(let members): members.values.allSatisfy { isSmall($0) }
        }
    }
}
