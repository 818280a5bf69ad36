import FoundationEssentials
import MusterCore
import Testing

@testable import MusterDrill

@Suite struct ReportTests {
    private struct Shape: Decodable {
        var ms: [String: Int?]
        var blast: [String: Double?]
        var coverage: [String: Int]
        var acted: [String]
    }

    @Test("Every promised key is there, also for what did not happen")
    func keys() throws {
        let report = DrillReport(BadDeploy())
        let text = try JSONText.of(report)
        for key in [
            "scenario", "expected", "found", "kind_expected", "kind_found", "verdict", "probability", "ms",
            "blast", "coverage", "acted", "approved_by", "rolled_back", "postmortem",
        ] {
            #expect(text.contains("\"\(key)\":"), "missing \(key)")
        }
        let shape = try JSONText.value(Shape.self, from: text)
        #expect(Set(shape.ms.keys) == ["context", "hypothesis", "remediation", "verified"])
        #expect(
            Set(shape.blast.keys) == ["percent_estimated", "percent_true", "users_estimated", "users_true"]
        )
        #expect(Set(shape.coverage.keys) == ["asked", "answered"])
        #expect(text.contains("\"found\":null"))
        #expect(text.contains("\"kind_expected\":\"bad-deploy\""))
    }

    @Test("A drill is good only with the right cause, once run, and resolved")
    func good() {
        var report = DrillReport(BadDeploy())
        #expect(!report.isGood)
        report.causeIsRight = true
        #expect(!report.isGood)
        report.resolved = true
        report.executions = ["web-2": 1]
        #expect(report.isGood)
        report.executions = ["web-2": 2]
        #expect(!report.isGood)
    }

    @Test("An interrupted action must be said to be indeterminate")
    func interrupted() {
        var report = DrillReport(BadDeploy())
        report.causeIsRight = true
        report.isInterruptionDrill = true
        report.resolved = true
        #expect(!report.isGood)
        report.indeterminate = true
        #expect(report.isGood)
    }

    @Test("The alert has the shape of Alertmanager's webhook, version 4")
    func webhook() throws {
        struct Body: Decodable {
            struct Entry: Decodable {
                var status: String
                var labels: [String: String]
                var startsAt: Timestamp
                var endsAt: String
                var fingerprint: String
            }
            var version: String
            var groupKey: String
            var status: String
            var alerts: [Entry]
        }
        let webhook = AlertmanagerWebhook(
            name: "HighErrorRate",
            labels: ["service": "shop"],
            summary: "s",
            starts: Timestamp(nanoseconds: 1_000_000_000)
        )
        let body = try JSONText.value(Body.self, from: try JSONText.of(webhook))
        #expect(body.version == "4")
        #expect(body.groupKey == "{}:{alertname=\"HighErrorRate\", service=\"shop\"}")
        #expect(body.alerts.count == 1)
        #expect(body.alerts[0].labels["alertname"] == "HighErrorRate")
        #expect(body.alerts[0].endsAt == "0001-01-01T00:00:00Z")
        #expect(body.alerts[0].fingerprint.count == 16)
    }

    @Test("The stamp of a line counts seconds since the alert")
    func stamp() {
        #expect(Narrator.stamp(.milliseconds(1_260)) == "  +1.3 s")
        #expect(Narrator.stamp(.milliseconds(-400)) == "  -0.4 s")
        #expect(Narrator.stamp(.seconds(123)) == "+123.0 s")
    }

    @Test("Arguments are printed so that a shell would read them the same")
    func quoting() {
        #expect(Command.quoted("web-2") == "web-2")
        #expect(Command.quoted("shop 4520 -> 4521") == "'shop 4520 -> 4521'")
        #expect(Command.quoted("it's") == #"'it'\''s'"#)
        #expect(Command.quoted("") == "''")
    }
}
