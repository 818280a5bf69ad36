import FoundationEssentials
import GRDB
import MusterCore
import MusterIncident
import Testing

@testable import MusterCoordinator

@Suite("API: who may do what")
struct APIAccessTests {
    /// Calls with what they need; none of them succeeds by itself, so that only 401 and 403 tell of access.
    static let calls: [(method: String, path: String, permission: OperatorRole.Permission)] = [
        ("POST", "alerts/alertmanager", .deliver), ("POST", "alerts", .deliver),
        ("POST", "changes", .deliver), ("POST", "changes/pagerduty", .deliver),
        ("GET", "incidents", .look), ("GET", "incidents/x", .look), ("GET", "incidents/x/events", .look),
        ("GET", "incidents/x/plans/y/dry-run", .look),
        ("GET", "incidents/x/postmortem", .look), ("GET", "incidents/x/record", .look),
        ("GET", "incidents/x/plans/y", .look),
        ("GET", "fleet", .look), ("GET", "fleet/map", .look),
        ("POST", "ask", .ask), ("DELETE", "ask/x", .ask), ("POST", "incidents/x/close", .respond),
        ("POST", "incidents/x/plans/y/approve", .approve), ("POST", "incidents/x/plans/y/reject", .approve),
        ("POST", "incidents/x/plans/y/break-glass", .approve),
        ("POST", "incidents/x/plans/y/pause", .respond), ("POST", "incidents/x/plans/y/abort", .respond),
        ("POST", "incidents/x/plans/y/resume", .approve), ("POST", "incidents/x/plans/y/retry", .respond),
        ("GET", "runbooks/records", .look), ("GET", "freezes", .look), ("POST", "freezes", .approve),
        ("POST", "freezes/lift", .approve),
        ("GET", "knowledge", .look), ("POST", "knowledge", .administer), ("GET", "knowledge/x", .look),
        ("POST", "knowledge/x", .respond), ("DELETE", "knowledge/x", .respond),
        ("GET", "reports/accuracy", .look), ("GET", "reports/alerts", .look),
        ("GET", "tokens", .administer), ("POST", "tokens", .administer), ("DELETE", "tokens/x", .administer),
        ("POST", "agents/x/revoke", .administer), ("POST", "agents/x/release", .administer),
        ("GET", "operators", .administer),
        ("POST", "operators", .administer), ("DELETE", "operators/x", .administer),
        ("GET", "audit", .administer),
    ]

    @Test(
        "every call is open to exactly the roles that include its permission, and to nobody without a token"
    )
    func roles() async throws {
        try await TestAPI.run { api in
            for role in OperatorRole.allCases {
                let token = try await api.token(role)
                for call in Self.calls {
                    let reply = try await api.api(call.method, call.path, token: token, "not json")
                    let isDenied = reply.status == 403
                    #expect(
                        isDenied != role.allows(call.permission),
                        "\(role) \(call.method) \(call.path): \(reply.status)"
                    )
                }
            }
            for call in Self.calls {
                let reply = try await api.api(call.method, call.path, token: nil)
                #expect(reply.status == 401 && reply.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            }
        }
    }

    @Test(
        "a call that a role does not include is in the log with who made it, and one that it includes is not"
    )
    func refusedRoles() async throws {
        try await TestAPI.run { api in
            let token = try await api.token(.viewer, name: "eve")
            let path = "incidents/x/plans/y/approve"
            #expect(try await api.api("GET", "incidents", token: token).status == 200)
            #expect(api.log.count("Call was refused to an operator's role") == 0)
            #expect(try await api.api("POST", path, token: token, "{}").status == 403)
            #expect(api.log.count("Call was refused to an operator's role") == 1)
            #expect(api.log.all.contains { $0.contains("eve") && $0.contains("approve") })
        }
    }

    @Test("a token that is wrong, expired or revoked is refused with a problem document")
    func badTokens() async throws {
        try await TestAPI.run { api in
            let viewer = try await api.token(.viewer)
            let responder = try await api.token(.responder)
            #expect(try await api.api("GET", "incidents", token: viewer).status == 200)

            let parts = viewer.split(separator: ".")
            let forged = "\(parts[0]).\(parts[1]).\(responder.split(separator: ".")[2])"
            let reply = try await api.api("GET", "incidents", token: forged)
            #expect(reply.status == 401)
            #expect(reply.headers["content-type"] == "application/problem+json")
            #expect(try api.problem(reply).code == "unauthenticated")

            #expect(try await api.api("DELETE", "operators/responder", token: api.admin).status == 204)
            #expect(try await api.api("GET", "incidents", token: responder).status == 401)
            api.clock.advance(.seconds(91 * 86_400))
            #expect(try await api.api("GET", "incidents", token: viewer).status == 401)
        }
    }

    @Test("an operator who calls too often has to wait, and nobody else has")
    func callsPerSecond() async throws {
        try await TestAPI.run({ $0.callsPerSecond = 1 }) { api in
            let wild = try await api.token(.viewer, name: "script")
            let calm = try await api.token(.viewer, name: "ana")
            var statuses: [Int] = []
            for _ in 0..<11 { statuses.append(try await api.api("GET", "fleet", token: wild).status) }
            #expect(statuses == [Int](repeating: 200, count: 10) + [429])
            let refused = try await api.api("GET", "fleet", token: wild)
            #expect(try api.problem(refused).code == "too-many-calls")
            #expect(refused.headers["retry-after"] == "5")
            #expect(try await api.api("GET", "fleet", token: calm).status == 200)
            api.clock.advance(.seconds(2))
            #expect(try await api.api("GET", "fleet", token: wild).status == 200)
        }
    }

    @Test("many failures from one address are slowed down, and a good token still passes")
    func failures() async throws {
        try await TestAPI.run { api in
            var statuses: [Int] = []
            for _ in 0..<12 { statuses.append(try await api.api("GET", "fleet", token: "wrong").status) }
            #expect(statuses == [Int](repeating: 401, count: 10) + [429, 429])
            #expect(try await api.api("GET", "fleet", token: api.admin).status == 200)
            api.clock.advance(.seconds(7))
            #expect(try await api.api("GET", "fleet", token: "wrong").status == 401)
        }
    }

    @Test("the database holds no token's secret")
    func atRest() async throws {
        try await TestAPI.run { api in
            let body = #"{"name":"ana","role":"approver"}"#
            let reply = try await api.api("POST", "operators", token: api.admin, body)
            #expect(reply.status == 201)
            let created = try JSONDecoder().decode(OperatorCreated.self, from: Data(reply.body))
            let secret = try #require(AccessToken(created.token)).secret
            try await api.database.read { db in
                for table in ["operators_token", "operators_session", "audit"] {
                    for row in try Row.fetchAll(db, sql: "SELECT * FROM \(table)") {
                        #expect(!"\(row)".contains(created.token.split(separator: ".")[2]))
                        #expect(!row.databaseValues.contains(Data(secret).databaseValue))
                    }
                }
            }
        }
    }

    @Test("the last administrator can't be revoked, and a taken name not given away")
    func lastAdministrator() async throws {
        try await TestAPI.run { api in
            #expect(try await api.api("DELETE", "operators/root", token: api.admin).status == 409)
            let body = #"{"name":"root","role":"viewer"}"#
            #expect(try await api.api("POST", "operators", token: api.admin, body).status == 409)
            _ = try await api.token(.admin, name: "other")
            #expect(try await api.api("DELETE", "operators/root", token: api.admin).status == 204)
            #expect(try await api.api("GET", "operators", token: api.admin).status == 401)
        }
    }
}

extension Row {
    fileprivate var databaseValues: [DatabaseValue] { Array(self.map(\.1)) }
}
