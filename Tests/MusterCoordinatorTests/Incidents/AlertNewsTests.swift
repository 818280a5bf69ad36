import GRDB
import MusterCore
import MusterTesting
import Testing

@testable import MusterCoordinator

/// Which alerts are news, and to which incident they belong.
@Suite struct AlertNewsTests {
    private let directory: TemporaryDirectory
    private let store: IncidentStore
    private static let start = Timestamp(nanoseconds: 1_800_000_000_000_000_000)

    init() throws {
        directory = try TemporaryDirectory()
        store = IncidentStore(
            database: try CoordinatorDatabase(
                path: directory.path("muster.db"),
                parts: [IncidentStore.migrate]
            ).pool
        )
    }

    private func alert(
        _ fingerprint: String,
        _ status: Alert.Status = .firing,
        service: String = "shop",
        starts: Timestamp = start
    ) -> Alert {
        Alert(
            source: "alertmanager",
            fingerprint: fingerprint,
            name: "alert \(fingerprint)",
            status: status,
            starts: starts,
            ends: status == .resolved ? starts + .seconds(60) : nil,
            labels: ["service": service],
            annotations: [:]
        )
    }

    private func take(_ alert: Alert, after seconds: Int) async throws -> IntakeReceipt {
        try await store.take(
            AlertDelivery(alerts: [alert]),
            raw: [],
            format: .alertmanager,
            from: "test",
            at: Self.start + .seconds(seconds)
        ) { _ in nil }.receipt
    }

    private func end(_ incident: IncidentID, after seconds: Int) async throws {
        let head = try await store.events(of: incident).count
        _ = try await store.append(
            [.resolved(reason: "measured", by: "muster")],
            to: incident,
            after: head,
            at: Self.start + .seconds(seconds)
        )
    }

    @Test func anAlertThatFiresAgainWithItsOldStartIsNewsOnceItWasResolved() async throws {
        let opened = try #require(try await take(alert("a"), after: 0).incidents.first)
        #expect(try await take(alert("a", .resolved), after: 60).incidents == [opened])
        #expect(try await take(alert("a"), after: 70).accepted == 1)
        #expect(try await take(alert("a"), after: 80).duplicates == 1)
        let states = try await store.events(of: opened).compactMap { event in
            if case .alertReceived(let alert, _) = event.body { alert.status } else { nil }
        }
        #expect(states == [.firing, .resolved, .firing])
    }

    @Test func anAlertThatStillFiresLongAfterItsIncidentEndedOpensAnother() async throws {
        let first = try #require(try await take(alert("a"), after: 0).incidents.first)
        try await end(first, after: 100)
        #expect(try await take(alert("a"), after: 200).duplicates == 1)
        let again = try await take(alert("a"), after: 800)
        #expect(again.accepted == 1)
        let second = try #require(again.incidents.first)
        #expect(second != first)
        // And that one holds it from then on.
        #expect(try await take(alert("a"), after: 2000).duplicates == 1)
    }

    @Test func anotherAlertOfTheServiceJoinsAnIncidentOnlyWhileThatIsRecent() async throws {
        let first = try #require(try await take(alert("a"), after: 0).incidents.first)
        #expect(try await take(alert("b"), after: 3000).incidents == [first])
        #expect(try await take(alert("c"), after: 6000).incidents == [first])
        let later = try await take(alert("d"), after: 6000 + 3601)
        #expect(later.incidents.count == 1 && later.incidents != [first])
        let elsewhere = try await take(alert("e", service: "db"), after: 6001)
        #expect(elsewhere.incidents.count == 1 && elsewhere.incidents != [first])
    }

    @Test func ofAHugeDeliveryTheFirstThousandAreTakenAndTheRestIsTold() throws {
        let entry = { (index: Int) in
            #"{"status":"firing","labels":{},"startsAt":"2026-11-23T01:02:03Z","fingerprint":"\#(index)"}"#
        }
        let body =
            #"{"version":"4","groupKey":"g","truncatedAlerts":2,"alerts":["#
            + (0..<1200).map(entry).joined(separator: ",") + "]}"
        let delivery = try AlertDelivery.read(Array(body.utf8), format: .alertmanager, at: Self.start)
        #expect(delivery.alerts.count == 1000)
        #expect(delivery.truncated == 202)
        #expect(delivery.alerts[0].name == "unnamed alert")
    }

    @Test func theSameChangeIsTheSameOnlyWithinTenMinutesUnlessItNamesItsTime() throws {
        func key(_ body: String, _ seconds: Int) throws -> String {
            try ChangeBody.read(
                Array(body.utf8),
                format: .json,
                from: "ci",
                at: Timestamp(nanoseconds: 1_800_000_000_000_000_000) + .seconds(seconds)
            ).key
        }
        let plain = #"{"kind":"deploy","summary":"deploy shop"}"#
        #expect(try key(plain, 0) == key(plain, 599))
        #expect(try key(plain, 0) != key(plain, 7 * 86_400))
        let timed = #"{"kind":"deploy","summary":"deploy shop","at":"2026-11-23T01:02:03Z"}"#
        #expect(try key(timed, 0) == key(timed, 7 * 86_400))
    }

    @Test func controlCharactersOfOthersStayOnTheirLineOfTheLog() {
        let text = "x\r\n2026 critical: fake\u{1B}[31m\u{202E}y\u{85}"
        let clean = CleanLogHandler.clean(text)
        #expect(clean == #"x\u{D}\u{A}2026 critical: fake\u{1B}[31m\u{202E}y\u{85}"#)
        #expect(CleanLogHandler.clean("näher\u{1F600}") == "näher\u{1F600}")
    }
}
