import FoundationEssentials
import MusterCore
import MusterHTTP
import MusterIncident

/// The coordinator's HTTPS interface, as a webhook, a dashboard or a set-up script would use it.
struct CoordinatorAPI {
    /// `https://10.77.3.1:8443`.
    let url: String
    /// Certificate of Muster's CA.
    let caFile: String
    /// Whoever calls; nil for what needs nobody.
    var token: String?

    /// The same interface for another caller.
    func with(token: String) -> CoordinatorAPI { CoordinatorAPI(url: url, caFile: caFile, token: token) }

    /// Whether the coordinator serves.
    var isUp: Bool { (try? call("GET", "/healthz")) != nil }

    /// Makes an operator; the token, which is shown this once.
    func makeOperator(_ name: String, role: OperatorRole) throws(DrillError) -> String {
        try call("POST", "/api/v1/operators", OperatorRequest(name: name, role: role), OperatorCreated.self)
            .token
    }

    /// Makes a token with which one host can join.
    func makeJoinToken(labels: [String: String]) throws(DrillError) -> String {
        let request = JoinTokenRequest(labels: labels, uses: 1, lifeSeconds: 3600)
        return try call("POST", "/api/v1/tokens", request, JoinTokenCreated.self).token
    }

    /// Hosts that are connected now.
    func connectedHosts() throws(DrillError) -> Int {
        struct Host: Decodable {
            var state: String
        }
        let text = try call("GET", "/api/v1/fleet")
        return try JSONText.value([Host].self, from: text).count { $0.state == "connected" }
    }

    /// Delivers an alert as Alertmanager does, which tries again until it is taken; the incident it belongs to.
    func deliver(_ webhook: AlertmanagerWebhook) throws -> IncidentID {
        struct Receipt: Decodable {
            var incidents: [IncidentID]
        }
        var incident: IncidentID?
        var last = "no answer"
        try Interruption.wait(
            upTo: .seconds(20),
            every: .milliseconds(200),
            for: "the alert to be taken (\(last))"
        ) {
            do throws(DrillError) {
                let receipt = try call("POST", "/api/v1/alerts/alertmanager", webhook, Receipt.self)
                incident = receipt.incidents.first
            } catch { last = error.description }
            return incident != nil
        }
        guard let incident else { throw DrillError(.timeout, "the alert opened no incident") }
        return incident
    }

    /// Events of an incident after a sequence number, oldest first.
    func events(of incident: IncidentID, after sequence: Int) throws(DrillError) -> [StoredEvent] {
        let text = try call("GET", "/api/v1/incidents/\(incident)/events?since=\(sequence)")
        return try JSONText.value([StoredEvent].self, from: text)
    }

    /// How many actions were begun on each host, by the ledger of its own agent; all have to answer.
    func executions() throws(DrillError) -> [String: Int] {
        let request = AskRequest(probe: .ledger(ticket: nil))
        let text = try call("POST", "/api/v1/ask", body: Array(try JSONText.of(request).utf8))
        let last = text.split(separator: "\n").last.map(String.init) ?? ""
        let line = try JSONText.value(AskLine.self, from: last)
        guard let result = line.result, case .ledger(let entries) = result.merged else {
            throw DrillError(
                .network,
                "can't read the agents' ledgers: \(line.problem?.detail ?? "no result")"
            )
        }
        guard result.coverage.answered == result.coverage.asked else {
            throw DrillError(.network, "can't read all ledgers: \(result.coverage.summary)")
        }
        var tickets: [String: Set<TicketID>] = [:]
        for entry in entries.rows where entry.row.state != .refused && entry.row.state != .prepared {
            tickets[entry.host.name, default: []].insert(entry.row.ticket)
        }
        return tickets.mapValues(\.count)
    }

    private func call<Answer: Decodable>(
        _ method: String,
        _ path: String,
        _ value: some Encodable,
        _ type: Answer.Type
    ) throws(DrillError) -> Answer {
        let text = try call(method, path, body: Array(try JSONText.of(value).utf8))
        return try JSONText.value(type, from: text)
    }

    private func call(_ method: String, _ path: String, body: [UInt8] = []) throws(DrillError) -> String {
        var headers = [("Accept", "application/json")]
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        let request = HTTPRequest(
            method: method,
            url: url + path,
            headers: headers,
            body: body,
            timeout: .seconds(10),
            bodyLimit: 8 << 20,
            caFile: caFile
        )
        let response: HTTPResponse
        do {
            response = try HTTPClient().send(request)
        } catch { throw DrillError(.network, "\(method) \(path)", cause: error) }
        let text = String(decoding: response.body, as: UTF8.self)
        guard (200..<300).contains(response.status) else {
            throw DrillError(.network, "\(method) \(path): HTTP \(response.status) \(text.prefix(500))")
        }
        return text
    }
}
