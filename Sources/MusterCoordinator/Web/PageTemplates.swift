import Mustache

/// The parsed templates of all pages.
///
/// Values are escaped as they are rendered; the only raw insertion is that of a rendered page into the layout.
struct PageTemplates: Sendable {
    private let layout: MustacheTemplate
    private let login: MustacheTemplate
    private let incidents: MustacheTemplate
    private let incident: MustacheTemplate
    private let fleet: MustacheTemplate
    private let document: MustacheTemplate

    /// - Throws: ``OperationError`` when a template is not well formed, which only a mistake in it can cause.
    init() throws(OperationError) {
        // Each template asks for this by name in its first tag.
        MustacheContentTypes.register(HTMLEscaper(), named: Self.escaper)
        self.layout = try Self.parse(PageText.layout)
        self.login = try Self.parse(PageText.login)
        self.incidents = try Self.parse(PageText.incidents)
        self.incident = try Self.parse(PageText.incident)
        self.fleet = try Self.parse(PageText.fleet)
        self.document = try Self.parse(PageText.document)
    }

    func page(_ page: LoginPage) -> String {
        wrap(login.render(page), title: "Log in", viewer: nil, isLive: false)
    }

    func page(_ page: IncidentListPage, viewer: String) -> String {
        wrap(incidents.render(page), title: "Incidents", viewer: viewer, isLive: true)
    }

    func page(_ page: IncidentPage, viewer: String) -> String {
        wrap(incident.render(page), title: page.title, viewer: viewer, isLive: page.isOpen)
    }

    func page(_ page: FleetPage, viewer: String) -> String {
        wrap(fleet.render(page), title: "Hosts", viewer: viewer, isLive: true)
    }

    func page(_ page: DocumentPage, viewer: String) -> String {
        wrap(document.render(page), title: page.heading, viewer: viewer, isLive: false)
    }

    private func wrap(_ body: String, title: String, viewer: String?, isLive: Bool) -> String {
        layout.render(Layout(pageTitle: title, body: body, viewer: viewer, isLive: isLive))
    }

    private static let escaper = "MUSTER"

    private static func parse(_ text: String) throws(OperationError) -> MustacheTemplate {
        do {
            return try MustacheTemplate(string: "{{% CONTENT_TYPE: \(escaper)}}" + text)
        } catch {
            throw OperationError(.unavailable, "a page template is not well formed", cause: error)
        }
    }

    private struct Layout {
        let pageTitle: String
        let body: String
        let viewer: String?
        let isLive: Bool
    }
}
