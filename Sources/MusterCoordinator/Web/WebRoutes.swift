import FoundationEssentials
import Hummingbird
import MusterCore
import MusterIncident
import NIOCore

/// Pages for people.
///
/// They show, and close incidents; what acts on hosts needs the command line and a key.
struct WebRoutes {
    let services: APIServices
    let gate: Gate
    let pages: PageTemplates
    let configuration: APIConfiguration

    private static let cookie = "__Host-muster"
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'
        """

    func add(to router: Router<APIContext>) {
        router.get("/") { request, context in
            try await show(request, context) { viewer in
                pages.page(IncidentListPage(await services.operations.incidents()), viewer: viewer.name)
            }
        }
        router.get("fleet") { request, context in
            try await show(request, context) { viewer in
                let page = FleetPage(await services.fleet.hosts(), at: configuration.now())
                return pages.page(page, viewer: viewer.name)
            }
        }
        router.get("incidents/:id") { request, context in
            try await show(request, context) { viewer in
                guard let detail = await detail(context) else { return nil }
                let page = IncidentPage(detail, mayClose: viewer.role.allows(.respond))
                return pages.page(page, viewer: viewer.name)
            }
        }
        router.get("incidents/:id/postmortem") { request, context in
            try await show(request, context) { viewer in
                guard let detail = await detail(context),
                    let text = await services.operations.postMortem(detail.summary.id)
                else { return nil }
                let id = detail.summary.id.description
                return pages.page(
                    DocumentPage(id: id, heading: "Post-mortem: \(detail.summary.title)", text: text),
                    viewer: viewer.name
                )
            }
        }
        router.post("incidents/:id/close", use: close)
        router.get("login") { _, _ in Self.html(pages.page(LoginPage(problem: nil))) }
        router.post("login", use: login)
        router.post("logout", use: logout)
        asset(router, "style.css", PageAssets.style, "text/css; charset=utf-8")
        asset(router, "live.js", PageAssets.script, "text/javascript; charset=utf-8")
        asset(router, "favicon.svg", PageAssets.icon, "image/svg+xml")
    }

    /// Shows a page to who is logged in; others get the login page.
    ///
    /// A page that is nil does not exist.
    private func show(
        _ request: Request,
        _ context: APIContext,
        _ page: (OperatorRecord) async -> String?
    ) async throws -> Response {
        guard let viewer = try await viewer(request) else {
            // A link from another site arrives without our strict cookie; coming again from here brings it.
            return Self.isFromElsewhere(request) ? Self.again : Self.redirect("/login")
        }
        guard let text = await page(viewer) else {
            let nothing = DocumentPage(id: "", heading: "Not found", text: "There is no such incident.")
            return Self.html(pages.page(nothing, viewer: viewer.name), status: .notFound)
        }
        return Self.html(text)
    }

    private func viewer(_ request: Request) async throws -> OperatorRecord? {
        guard let session = Self.session(request),
            let record = try await services.operators.session(session, at: configuration.now()),
            record.role.allows(.look)
        else { return nil }
        return record
    }

    private func detail(_ context: APIContext) async -> IncidentDetail? {
        guard let id = IncidentID(context.parameters.get("id") ?? "") else { return nil }
        return await services.operations.incident(id)
    }

    @Sendable private func login(_ request: Request, _ context: APIContext) async throws -> Response {
        try Self.checkOrigin(request)
        let body = String(decoding: try await APIBody.bytes(of: request, max: 4_096), as: UTF8.self)
        let form = try? URLEncodedFormDecoder().decode([String: String].self, from: body)
        // Pasted texts bring blanks along.
        let text = (form?["token"] ?? "").split(whereSeparator: \.isWhitespace).joined()
        let caller: Caller
        do {
            caller = try await gate.admit(token: text, from: context)
        } catch is Unauthenticated {
            let page = LoginPage(problem: "This token is unknown, expired or revoked.")
            return Self.html(pages.page(page), status: .unauthorized)
        }
        guard caller.role.allows(.look), let token = AccessToken(text) else {
            let page = LoginPage(problem: "This token may only deliver alerts; it opens no pages.")
            return Self.html(pages.page(page), status: .forbidden)
        }
        let life = configuration.sessionLife
        let session = try await services.audit.record("session.open", of: caller.name, by: caller) {
            try await services.operators.openSession(token, life: life, at: configuration.now())
        }
        guard let session else { return Self.redirect("/login") }
        return Self.redirect("/", cookie: session, seconds: Int(life.inSeconds))
    }

    /// Takes the form with which people close an incident and say what it was.
    @Sendable private func close(_ request: Request, _ context: APIContext) async throws -> Response {
        try Self.checkOrigin(request)
        guard let viewer = try await viewer(request) else { return Self.redirect("/login") }
        let id = context.parameters.get("id") ?? ""
        do {
            guard viewer.role.allows(.respond) else {
                throw OperationError(
                    .denied,
                    "\(viewer.name) has the role \(viewer.role.rawValue); "
                        + "this needs \(OperatorRole.allowing(.respond))"
                )
            }
            guard let incident = IncidentID(id) else {
                throw OperationError(.malformed, "an incident's id is a UUID of version 7")
            }
            let body = String(decoding: try await APIBody.bytes(of: request, max: 16_384), as: UTF8.self)
            let form = (try? URLEncodedFormDecoder().decode([String: String].self, from: body)) ?? [:]
            let caller = Caller(name: viewer.name, role: viewer.role, address: context.address)
            try await services.close(incident, try CloseRequest(form: form), by: caller)
        } catch let error as OperationError {
            let known = IncidentID(id)?.description ?? ""
            let page = DocumentPage(id: known, heading: "Not closed", text: error.message)
            let status = HTTPResponse.Status(code: Problem(error).status)
            return Self.html(pages.page(page, viewer: viewer.name), status: status)
        }
        return Self.redirect("/incidents/\(id)")
    }

    @Sendable private func logout(_ request: Request, _ context: APIContext) async throws -> Response {
        try Self.checkOrigin(request)
        if let session = Self.session(request) { try await services.operators.closeSession(session) }
        return Self.redirect("/login", cookie: "", seconds: 0)
    }

    private func asset(_ router: Router<APIContext>, _ path: RouterPath, _ text: String, _ type: String) {
        router.get(path) { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: type, .cacheControl: "max-age=300", .xContentTypeOptions: "nosniff"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text))
            )
        }
    }
}

extension WebRoutes {
    private static func session(_ request: Request) -> String? {
        let value = request.cookies[cookie]?.value
        return value?.isEmpty == false ? value : nil
    }

    /// Refuses forms that another site sends; browsers name the origin of every such form.
    private static func checkOrigin(_ request: Request) throws {
        guard let origin = request.headers[.origin] else { return }
        guard let authority = request.head.authority, origin == "https://\(authority)" else {
            throw OperationError(.denied, "this form came from another site")
        }
    }

    private static func isFromElsewhere(_ request: Request) -> Bool {
        request.headers.contains { $0.name.canonicalName == "sec-fetch-site" && $0.value == "cross-site" }
    }

    private static func html(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [
                .contentType: "text/html; charset=utf-8",
                .cacheControl: "no-store",
                .contentSecurityPolicy: policy,
                .xContentTypeOptions: "nosniff",
                .crossOriginResourcePolicy: "same-origin",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    /// Asks the browser to load the same page once more, this time from our own site.
    private static var again: Response {
        html("<!DOCTYPE html><meta http-equiv=\"refresh\" content=\"0\"><title>Muster</title>")
    }

    private static func redirect(_ path: String, cookie value: String? = nil, seconds: Int = 0) -> Response {
        var response = Response(status: .seeOther, headers: [.location: path, .cacheControl: "no-store"])
        if let value {
            response.headers[.setCookie] =
                "\(cookie)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; Secure; SameSite=Strict"
        }
        return response
    }
}

extension CloseRequest {
    /// What a form says; fields that are empty say nothing.
    fileprivate init(form: [String: String]) throws(OperationError) {
        func text(_ key: String) -> String? {
            let words = (form[key] ?? "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
            return words.isEmpty ? nil : words
        }
        self.init(cause: text("cause"), place: text("place"), fix: text("fix"))
        if let word = text("kind") {
            if word == "false-alarm" {
                falseAlarm = true
            } else if let known = CauseKind(rawValue: word) {
                kind = known
            } else {
                throw OperationError(.malformed, "\"\(word)\" is no kind of cause")
            }
        }
        if let word = text("grade") {
            guard let known = AccuracyGrade(rawValue: word) else {
                throw OperationError(.malformed, "\"\(word)\" is no grade")
            }
            grade = known
        }
    }
}
