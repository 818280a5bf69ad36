import FoundationEssentials
import MusterCore
import MusterIdentity
import MusterIncident
import Testing

@testable import MusterCoordinator

@Suite("API: calls")
struct APICallTests {
    @Test("a delivery reaches intake byte for byte, with the name of its sender")
    func delivery() async throws {
        try await TestAPI.run { api in
            let token = try await api.token(.intake, name: "alertmanager")
            let body = #"{"version": "4",  "alerts": []}"#
            let reply = try await api.api("POST", "alerts/alertmanager", token: token, body)
            #expect(reply.status == 202)
            let receipt = try JSONDecoder().decode(IntakeReceipt.self, from: Data(reply.body))
            #expect(receipt == IntakeReceipt(accepted: 1, duplicates: 0, incidents: []))
            let kept = await api.operations.alerts
            #expect(kept.map(\.raw) == [Array(body.utf8)] && kept.map(\.sender) == ["alertmanager"])
        }
    }

    @Test("what intake refuses becomes 400, what it can't take now 503 with Retry-After")
    func refusals() async throws {
        try await TestAPI.run { api in
            let reply = try await api.api("POST", "alerts", token: api.admin, "[]")
            #expect(reply.status == 400)
            #expect(try api.problem(reply).detail == "expected a JSON object")
            await api.operations.beBusy()
            let busy = try await api.api("POST", "alerts", token: api.admin, "{}")
            #expect(busy.status == 503 && busy.headers["retry-after"] != nil)
        }
    }

    @Test("a body over the limit is refused, whether it says its length or not")
    func tooLarge() async throws {
        try await TestAPI.run({ $0.intakeBytesMax = 4_096 }) { api in
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: 5_000)
            let path = "/api/v1/alerts"
            let told = try await api.call.send("POST", path, token: api.admin, body: body)
            #expect(told.status == 413)
            let head =
                "POST \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Authorization: Bearer \(api.admin)\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n"
            let chunked = Array(head.utf8) + body + Array("\r\n0\r\n\r\n".utf8)
            #expect(try await api.call.send(raw: chunked).status == 413)
            #expect(await api.operations.alerts.isEmpty)
        }
    }

    @Test("PagerDuty's own path takes the routing key as token, and keeps it out of the record")
    func pagerDuty() async throws {
        try await TestAPI.run { api in
            let token = try await api.token(.intake)
            let body = #"{"routing_key":"\#(token)","payload":{"summary":"deploy"}}"#
            let reply = try await api.call.send("POST", "/v2/change/enqueue", body: Array(body.utf8))
            #expect(reply.status == 202)
            let kept = try #require(await api.operations.changeBodies.first)
            #expect(kept.format == .pagerduty && kept.raw.count == body.utf8.count)
            #expect(!String(decoding: kept.raw, as: UTF8.self).contains(token))
            let wrong = body.replacing(token, with: "muster-op.0.x")
            #expect(
                try await api.call.send("POST", "/v2/change/enqueue", body: Array(wrong.utf8)).status == 401
            )
        }
    }

    @Test("a question streams one line per host and ends with the merged answer and its coverage")
    func ask() async throws {
        let hosts = [ScriptedFleet.host("web-1"), ScriptedFleet.host("web-2"), ScriptedFleet.host("web-3")]
        func answer(_ errors: Int) -> Answer {
            var endpoint = EndpointRequests(service: "shop", method: "GET", path: "/api/checkout")
            endpoint.count = 100
            endpoint.errors = errors
            var requests = RequestsAnswer()
            requests.endpoints = [endpoint]
            return .requests(requests)
        }
        let fleet = ScriptedFleet(
            hosts,
            answers: [hosts[0].id: answer(0), hosts[1].id: answer(36)],
            slowness: .milliseconds(500)
        )
        try await TestAPI.run(fleet: fleet) { api in
            let token = try await api.token(.responder, name: "ana")
            let salt = [UInt8](repeating: 7, count: 16)
            let window = TimeWindow(from: .zero, to: .zero + .seconds(60))
            let request = AskRequest(
                probe: .requests(window: window, service: "", salt: salt, bucketSeconds: 60),
                on: "host=web-*"
            )
            let body = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
            let reply = try await api.api("POST", "ask", token: token, body)
            #expect(reply.status == 200 && reply.headers["content-type"] == "application/x-ndjson")
            let lines = try reply.body.split(separator: UInt8(ascii: "\n")).map {
                try JSONDecoder().decode(AskLine.self, from: Data($0))
            }
            let progress = lines.dropLast().compactMap(\.progress?.coverage)
            #expect((1...6).contains(progress.count) && progress.count == lines.count - 1)
            #expect(progress.first?.asked == 3 && progress.first?.answered == 2)
            let result = try #require(lines.last?.result)
            guard case .requests(let merged) = result.merged else {
                Issue.record("another kind of answer")
                return
            }
            #expect(
                merged.endpoints.map(\.total.count) == [200] && merged.endpoints.map(\.total.errors) == [36]
            )
            #expect(result.coverage.summary == "answered 2/3, 1 unreachable")
            guard case .requests(_, _, let used, _) = try #require(fleet.probes.first) else { return }
            #expect(used.count == 16 && used != salt, "the coordinator must choose the salt itself")

            let entry = try #require(try await api.audit.entries(limit: 10).first)
            #expect(entry.action == "fleet.ask" && entry.actor == "ana" && entry.outcome == "done")
        }
    }

    @Test("whoever may approve sets and lifts a freeze, and both are in the audit record")
    func freezes() async throws {
        try await TestAPI.run { api in
            let token = try await api.token(.approver, name: "ana")
            let body = #"{"all":true,"reason":"night","lifeSeconds":3600}"#
            let reply = try await api.api("POST", "freezes", token: token, body)
            #expect(reply.status == 201)
            let receipt = try JSONDecoder().decode(FreezeReceipt.self, from: Data(reply.body))
            #expect(receipt.freeze.by == "ana" && receipt.freeze.service == nil)
            let viewer = try await api.token(.viewer)
            let list = try await api.api("GET", "freezes", token: viewer)
            #expect(try JSONDecoder().decode([Freeze].self, from: Data(list.body)) == [receipt.freeze])
            let missing = #"{"service":"shop"}"#
            #expect(try await api.api("POST", "freezes/lift", token: token, missing).status == 404)
            #expect(try await api.api("POST", "freezes/lift", token: token, #"{"all":true}"#).status == 200)
            #expect(try await api.api("POST", "freezes", token: token, #"{"reason":"x"}"#).status == 400)

            let entries = try await api.audit.entries(limit: 10).filter { $0.actor == "ana" }.reversed()
            #expect(entries.map(\.action) == ["freeze.begin", "freeze.lift", "freeze.lift", "freeze.begin"])
            #expect(entries.map(\.outcome) == ["done", "not-found", "done", "malformed"])
            #expect(entries.first?.target == "all" && entries.first?.detail == "for 3600 s: night")
        }
    }

    @Test("one operator can't take all places for questions")
    func fairness() async throws {
        let host = ScriptedFleet.host("web-1")
        let fleet = ScriptedFleet([host], answers: [host.id: .facts(FactsAnswer())], slowness: .seconds(2))
        try await TestAPI.run({ $0.asksPerOperatorMax = 1 }, fleet: fleet) { api in
            let ana = try await api.token(.responder, name: "ana")
            let ben = try await api.token(.responder, name: "ben")
            let body = #"{"probe":{"facts":{}}}"#
            async let slow = api.api("POST", "ask", token: ana, body)
            #expect(await eventually { !fleet.probes.isEmpty })
            let second = try await api.api("POST", "ask", token: ana, body)
            #expect(second.status == 503 && second.text.contains("1 questions of yours run already"))
            async let other = api.api("POST", "ask", token: ben, body)
            #expect(try await slow.status == 200)
            #expect(try await other.status == 200)
            #expect(
                try await api.api("POST", "ask", token: ana, body).status == 200,
                "the place is free again"
            )
        }
    }

    @Test("a question that makes no sense is refused before any host is asked")
    func badQuestions() async throws {
        let fleet = ScriptedFleet([ScriptedFleet.host("web-1")])
        try await TestAPI.run(fleet: fleet) { api in
            let responder = try await api.token(.responder)
            func status(_ body: String) async throws -> Int {
                try await api.api("POST", "ask", token: responder, body).status
            }
            #expect(try await status(#"{"probe":{"facts":{}},"on":"host=db-1"}"#) == 404)
            #expect(try await status(#"{"probe":{"facts":{}},"on":"web-1"}"#) == 400)
            #expect(try await status(#"{"probe":{"facts":{}},"deadlineSeconds":0}"#) == 400)
            #expect(try await status(#"{"probe":{"facts":{}},"deadlineSeconds":3600}"#) == 400)
            #expect(try await status(#"{"on":"all"}"#) == 400)
            let sql = #"{"probe":{"sql":{"target":"","statement":"SELECT 1","settings":[]}}}"#
            #expect(try await status(sql) == 403, "free statements are not for everybody who may ask")
            #expect(fleet.probes.isEmpty)
        }
    }

    @Test("whoever breaks the glass says why, and the audit keeps it")
    func breakGlass() async throws {
        try await TestAPI.run { api in
            let detail = try IncidentSamples.waiting()
            await api.operations.add(detail)
            let token = try await api.token(.approver, name: "ana")
            let plan = try #require(detail.pendingPlans.first)
            let path = "incidents/\(detail.summary.id)/plans/\(plan.id)/break-glass"
            var use = BreakGlass(signer: "ana", reason: "", signature: [UInt8](repeating: 7, count: 64))
            func status() async throws -> Int {
                let body = String(decoding: try JSONEncoder().encode(use), as: UTF8.self)
                return try await api.api("POST", path, token: token, body).status
            }
            for reason in ["", " ", "two\nlines", String(repeating: "x", count: 1025)] {
                use.reason = reason
                #expect(try await status() == 400)
            }
            use.reason = "nobody else answers"
            #expect(try await status() == 204)
            let kept = await api.operations.brokenGlasses
            #expect(kept.map(\.use) == [use] && kept.map(\.by) == ["ana"])
            let entry = try #require(try await api.audit.entries(limit: 1).first)
            #expect(entry.action == "plan.break-glass" && entry.detail.contains("ana: nobody else answers"))
        }
    }

    @Test("an approval is handed on with its signature once, and each attempt stands in the audit")
    func approval() async throws {
        try await TestAPI.run { api in
            let detail = try IncidentSamples.waiting()
            await api.operations.add(detail)
            let token = try await api.token(.approver, name: "ana")
            let plan = try #require(detail.pendingPlans.first)
            let path = "incidents/\(detail.summary.id)/plans/\(plan.id)"
            let told = try await api.api("GET", path, token: token)
            let sealed = try JSONDecoder().decode(SealedPlan.self, from: Data(told.body))
            #expect(Sealing.planID(sealed.bytes) == plan.id)

            let key = try SigningKey.generate()
            let signature = try key.sign(Sealing.approvalBytes(plan: plan.id))
            let approval = Approval(signer: "ana", signature: signature)
            let body = String(decoding: try JSONEncoder().encode(approval), as: UTF8.self)
            #expect(try await api.api("POST", "\(path)/approve", token: token, body).status == 204)
            #expect(try await api.api("POST", "\(path)/approve", token: token, body).status == 409)
            let kept = await api.operations.approvals
            #expect(kept.map(\.approval) == [approval] && kept.map(\.by) == ["ana"])
            let entries = try await api.audit.entries(limit: 2)
            #expect(
                entries.map(\.outcome) == ["conflict", "done"]
                    && entries.map(\.target) == [plan.id.description, plan.id.description]
            )
        }
    }

    @Test("a host is revoked by name only while the name means one host")
    func revocation() async throws {
        var twin = ScriptedFleet.host("twin")
        twin.name = "web-1"
        let fleet = ScriptedFleet([ScriptedFleet.host("web-1"), twin, ScriptedFleet.host("web-2")])
        try await TestAPI.run(fleet: fleet) { api in
            func revoke(_ host: String) async throws -> Int {
                let body = #"{"reason":"stolen"}"#
                return try await api.api("POST", "agents/\(host)/revoke", token: api.admin, body).status
            }
            let statuses = [
                try await revoke("web-1"), try await revoke("web-9"), try await revoke("web-2"),
                try await revoke("\(twin.id)"),
            ]
            #expect(statuses == [409, 404, 204, 204])
            #expect(await api.administration.revoked.count == 2)
        }
    }

    @Test("any path that does not exist is a problem document")
    func nothing() async throws {
        try await TestAPI.run { api in
            let reply = try await api.api("GET", "nothing", token: api.admin)
            #expect(reply.status == 404 && reply.headers["content-type"] == "application/problem+json")
            #expect(try await api.call.send("GET", "/healthz").status == 200)
        }
    }
}
