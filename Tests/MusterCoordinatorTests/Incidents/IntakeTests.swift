import Foundation
import MusterCore
import Testing

@testable import MusterCoordinator

/// What Alertmanager really sent, as it was captured; the files lie beside the project where they are at hand.
@Suite struct IntakeTests {
    private static let folder = "../shared/data/alerts"

    private static func captured(_ name: String) throws -> [UInt8]? {
        FileManager.default.contents(atPath: "\(folder)/\(name)").map { [UInt8]($0) }
    }

    @Test func sameBytesAgainChangeNothing() async throws {
        let harness = try LoopHarness()
        let body = try Self.captured("02-HighErrorRate-firing.json") ?? Array(Self.firing.utf8)
        let first = try await harness.service.receiveAlerts(raw: body, format: .alertmanager, from: "am")
        let id = try #require(first.incidents.first)
        let events = await harness.service.eventsSince(incident: id, sequence: 0).filter {
            $0.kind == .alertReceived
        }
        for _ in 0..<3 {
            let again = try await harness.service.receiveAlerts(raw: body, format: .alertmanager, from: "am")
            #expect(again.accepted == 0)
            #expect(again.duplicates == first.accepted)
        }
        let later = await harness.service.eventsSince(incident: id, sequence: 0).filter {
            $0.kind == .alertReceived
        }
        #expect(later == events)
        #expect(try await harness.store.incidents() == [id])
        await harness.kill()
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: IntakeTests.folder)))
    func mixedGroupKeepsEachAlertsOwnState() async throws {
        let harness = try LoopHarness()
        for name in ["05-InstanceDown-firing.json", "06-InstanceDown-firing.json"] {
            let body = try #require(try Self.captured(name))
            _ = try await harness.service.receiveAlerts(raw: body, format: .alertmanager, from: "am")
        }
        let id = try #require(try await harness.store.incidents().first)
        let detail = try #require(await harness.service.incident(id))
        #expect(detail.alerts.count == 2)
        #expect(Set(detail.alerts.map(\.status)) == [.firing, .resolved])
        await harness.kill()
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: IntakeTests.folder)))
    func alertsThatWereLeftOutAreSaidSo() async throws {
        let harness = try LoopHarness()
        let body = try #require(try Self.captured("07-PgPoolExhausted-firing-truncated-unicode.json"))
        let receipt = try await harness.service.receiveAlerts(raw: body, format: .alertmanager, from: "am")
        #expect(receipt.accepted == 3)
        let id = try #require(receipt.incidents.first)
        let events = await harness.service.eventsSince(incident: id, sequence: 0)
        let left = events.compactMap { event in
            if case .alertsTruncated(_, let count) = event.body { count } else { nil }
        }
        #expect(left == [2])
        await harness.kill()
    }

    @Test func bodyOfAnotherShapeIsRefusedWithItsPlace() async throws {
        let harness = try LoopHarness()
        let bad: [(String, String)] = [
            ("", "JSON"), ("[]", ""), (#"{"version":"3","groupKey":"x","alerts":[]}"#, "version"),
            (
                #"{"version":"4","groupKey":"x","alerts":[{"status":"firing","labels":{},"startsAt":"2026-11-23T01:02:03Z","fingerprint":""}]}"#,
                "alerts[0].fingerprint"
            ),
        ]
        for (body, place) in bad {
            let error = await #expect(throws: OperationError.self) {
                try await harness.service.receiveAlerts(
                    raw: Array(body.utf8),
                    format: .alertmanager,
                    from: "am"
                )
            }
            #expect(error?.code == .malformed)
            #expect(place.isEmpty || error?.message.contains(place) == true, "\(error?.message ?? "")")
        }
        #expect(try await harness.store.incidents().isEmpty)
        await harness.kill()
    }

    private static let firing = """
        {"version":"4","groupKey":"{}:{alertname=\\"HighErrorRate\\"}","truncatedAlerts":0,"status":"firing",
        "alerts":[{"status":"firing","labels":{"alertname":"HighErrorRate","service":"shop"},"annotations":{},
        "startsAt":"2026-11-23T01:02:03Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"ab12"}]}
        """
}
