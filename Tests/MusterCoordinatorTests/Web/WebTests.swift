import MusterCore
import MusterIncident
import Testing

@testable import MusterCoordinator

@Suite("Web pages")
struct WebTests {
    /// A browser's login form.
    private static func login(
        _ api: TestAPI,
        _ token: String,
        origin: String? = nil
    ) async throws -> HTTPSCall.Reply {
        let own = "https://localhost:\(api.call.port)"
        return try await api.call.send(
            "POST",
            "/login",
            headers: [("Origin", origin ?? own), ("Content-Type", "application/x-www-form-urlencoded")],
            body: Array("token=\(token)".utf8)
        )
    }

    private static func cookie(_ reply: HTTPSCall.Reply) throws -> String {
        let text = try #require(reply.headers["set-cookie"])
        return String(try #require(text.split(separator: ";").first))
    }

    @Test("a token opens a session in a cookie that scripts, other sites and plain HTTP never get")
    func session() async throws {
        try await TestAPI.run { api in
            let viewer = try await api.token(.viewer)
            let before = try await api.call.send("GET", "/")
            #expect(before.status == 303 && before.headers["location"] == "/login")
            let reply = try await Self.login(api, viewer)
            #expect(reply.status == 303)
            let header = try #require(reply.headers["set-cookie"])
            for part in ["__Host-muster=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Strict"] {
                #expect(header.contains(part))
            }
            #expect(!header.contains(viewer.split(separator: ".")[2]), "the cookie must not be the token")
            let cookie = try Self.cookie(reply)
            let page = try await api.call.send("GET", "/", headers: [("Cookie", cookie)])
            #expect(page.status == 200 && page.text.contains("No incident yet"))

            let own = "https://localhost:\(api.call.port)"
            _ = try await api.call.send("POST", "/logout", headers: [("Cookie", cookie), ("Origin", own)])
            #expect(try await api.call.send("GET", "/", headers: [("Cookie", cookie)]).status == 303)
        }
    }

    @Test("a session ends with its time and with the revocation of its token")
    func end() async throws {
        try await TestAPI.run { api in
            let first = try Self.cookie(
                try await Self.login(api, try await api.token(.viewer, name: "first"))
            )
            let second = try Self.cookie(
                try await Self.login(api, try await api.token(.viewer, name: "second"))
            )
            _ = try await api.api("DELETE", "operators/first", token: api.admin)
            #expect(try await api.call.send("GET", "/", headers: [("Cookie", first)]).status == 303)
            #expect(try await api.call.send("GET", "/", headers: [("Cookie", second)]).status == 200)
            api.clock.advance(.seconds(13 * 3600))
            #expect(try await api.call.send("GET", "/", headers: [("Cookie", second)]).status == 303)
        }
    }

    @Test("wrong tokens, webhook tokens and forms of other sites open nothing")
    func refused() async throws {
        try await TestAPI.run { api in
            #expect(try await Self.login(api, "wrong").status == 401)
            #expect(try await Self.login(api, try await api.token(.intake)).status == 403)
            let viewer = try await api.token(.viewer)
            #expect(try await Self.login(api, viewer, origin: "https://evil.example").status == 403)
        }
    }

    @Test("whoever may respond closes an incident by a form of our own pages, and nobody else does")
    func close() async throws {
        try await TestAPI.run { api in
            let detail = try IncidentSamples.waiting()
            await api.operations.add(detail)
            let path = "/incidents/\(detail.summary.id)"
            let own = "https://localhost:\(api.call.port)"
            func send(_ cookie: String?, _ form: String, origin: String) async throws -> HTTPSCall.Reply {
                let cookies = cookie.map { [("Cookie", $0)] } ?? []
                return try await api.call.send(
                    "POST",
                    "\(path)/close",
                    headers: cookies + [
                        ("Origin", origin), ("Content-Type", "application/x-www-form-urlencoded"),
                    ],
                    body: Array(form.utf8)
                )
            }
            let viewer = try Self.cookie(try await Self.login(api, try await api.token(.viewer)))
            let responder = try Self.cookie(try await Self.login(api, try await api.token(.responder)))
            let seen = try await api.call.send("GET", path, headers: [("Cookie", viewer)])
            #expect(seen.status == 200 && !seen.text.contains("<select"))
            let page = try await api.call.send("GET", path, headers: [("Cookie", responder)])
            #expect(page.text.contains("action=\"\(path)/close\"") && page.text.contains(">lock-wait<"))

            let form = "kind=pool-exhausted&cause=leaked+connections&place=&fix=a+restart&grade="
            #expect(try await send(responder, form, origin: "https://evil.example").status == 403)
            #expect(try await send(nil, form, origin: own).headers["location"] == "/login")
            let denied = try await send(viewer, form, origin: own)
            #expect(denied.status == 403 && denied.text.contains("Not closed"))
            #expect(try await send(responder, "kind=gremlins", origin: own).status == 400)
            #expect(try await send(responder, "kind=dns&grade=good", origin: own).status == 400)
            #expect(await api.operations.closings.isEmpty)

            let done = try await send(responder, form, origin: own)
            #expect(done.status == 303 && done.headers["location"] == path)
            let closing = try #require(await api.operations.closings.first)
            let wanted = CloseRequest(cause: "leaked connections", kind: .poolExhausted, fix: "a restart")
            #expect(closing.request == wanted && closing.by == "responder")
            #expect(try await send(responder, form, origin: own).status == 409)
            #expect(try await api.audit.entries(limit: 10).contains { $0.action == "incident.close" })
        }
    }

    @Test("pages allow nothing but our own script and style, and are never stored")
    func headers() async throws {
        try await TestAPI.run { api in
            let page = try await api.call.send("GET", "/login")
            let policy = try #require(page.headers["content-security-policy"])
            #expect(policy.hasPrefix("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe"))
            #expect(!page.text.contains("style=") && !page.text.contains("onclick"))
            #expect(
                page.headers["cache-control"] == "no-store"
                    && page.headers["x-content-type-options"] == "nosniff"
            )
            for asset in ["style.css", "live.js", "favicon.svg"] {
                #expect(try await api.call.send("GET", "/\(asset)").status == 200)
            }
        }
    }

    @Test("a link from another site leads to the page for whoever is logged in")
    func fromElsewhere() async throws {
        try await TestAPI.run { api in
            let reply = try await api.call.send("GET", "/", headers: [("Sec-Fetch-Site", "cross-site")])
            #expect(reply.status == 200 && reply.text.contains("http-equiv=\"refresh\""))
        }
    }

    @Test(
        "text of hosts and alerts is shown, never obeyed",
        arguments: [
            "<script>alert(1)</script>", "\u{0600}<script>alert(1)</script>", "<\u{0301}script>",
            "\"><img src=x>",
            "\u{202E}<b>", "\u{1B}[2J<i>",
        ]
    )
    func hostile(_ text: String) async throws {
        try await TestAPI.run { api in
            let detail = try IncidentSamples.waiting(title: text, cause: text)
            await api.operations.add(detail, postMortem: text)
            let cookie = try Self.cookie(try await Self.login(api, api.admin))
            for path in [
                "/", "/incidents/\(detail.summary.id)", "/incidents/\(detail.summary.id)/postmortem",
            ] {
                let page = try await api.call.send("GET", path, headers: [("Cookie", cookie)])
                #expect(page.status == 200)
                // Our own pages have no script without a source, no image, and no such marks.
                let scalars = page.text.unicodeScalars
                #expect(!Self.contains("<script>", scalars) && !Self.contains("<img", scalars))
                #expect(!Self.contains("<b>", scalars) && !Self.contains("<i>", scalars))
                #expect(!scalars.contains("\u{202E}") && !scalars.contains("\u{1B}"))
                #expect(Self.contains("&lt;", scalars))
            }
        }
    }

    @Test("the incident's page shows cause, evidence, the plan and how to approve it")
    func incident() async throws {
        try await TestAPI.run { api in
            let detail = try IncidentSamples.waiting()
            await api.operations.add(detail)
            let cookie = try Self.cookie(try await Self.login(api, api.admin))
            let path = "/incidents/\(detail.summary.id)"
            let page = try await api.call.send("GET", path, headers: [("Cookie", cookie)])
            for text in [
                "High error rate on shop", "awaiting-approval", "80%", "8 minutes after deploy #4521",
                "put release 4520 back on web-2", "rollback_release(to: 4520)",
                "muster approve \(detail.summary.id)",
            ] { #expect(page.text.contains(text), "\(text)") }
            let missing = "/incidents/\(IncidentID(at: .zero))"
            #expect(try await api.call.send("GET", missing, headers: [("Cookie", cookie)]).status == 404)
        }
    }

    @Test(
        "the hosts' page shows the sick first, with what is wrong and since when, and never obeys their text"
    )
    func hosts() async throws {
        var sick = ScriptedFleet.host("web-2")
        var digest = HealthDigest()
        (digest.open, digest.watched) = (1, 50)
        digest.worst = [
            HealthDigest.Line(
                name: "disk_busy_ratio",
                subject: "<script>alert(1)</script>",
                direction: .up,
                score: 9.5,
                onset: Timestamp(nanoseconds: 1_764_036_780_000_000_000),
                value: 1,
                usual: 0.25
            )
        ]
        sick.health = digest
        var well = ScriptedFleet.host("web-1")
        well.health = HealthDigest()
        well.health?.watched = 50
        try await TestAPI.run(fleet: ScriptedFleet([well, sick])) { api in
            #expect(try await api.call.send("GET", "/fleet").status == 303)
            let cookie = try Self.cookie(try await Self.login(api, api.admin))
            let page = try await api.call.send("GET", "/fleet", headers: [("Cookie", cookie)])
            #expect(page.status == 200)
            let first = try #require(page.text.firstRange(of: "web-2"))
            let second = try #require(page.text.firstRange(of: "web-1"))
            #expect(first.lowerBound < second.lowerBound)
            for text in ["badge sick", "badge well", "9.5 since 02:13: 1, usual 0.25", "1 not well"] {
                #expect(page.text.contains(text), "\(text)")
            }
            #expect(!Self.contains("<script>", page.text.unicodeScalars))
        }
    }

    /// By scalars: by characters a mark could hide what a browser sees.
    private static func contains(_ word: String, _ text: String.UnicodeScalarView) -> Bool {
        let text = Array(text)
        let word = Array(word.unicodeScalars)
        return text.indices.contains { text[$0...].starts(with: word) }
    }
}
