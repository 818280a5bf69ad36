import MusterCore
import MusterHTTP
import MusterIncident

/// The coordinator, over HTTPS.
struct Connection {
    private let server: String
    private let ca: String?
    private let token: String

    /// Longest that an ordinary call may take.
    private static let timeout = Duration.seconds(30)

    init(server: String, ca: String?, token: String) throws(CLIError) {
        guard server.hasPrefix("https://"), server.utf8.count > 8 else {
            throw CLIError(.usage, "the coordinator's address begins with https://, found \"\(server)\"")
        }
        guard !token.isEmpty else { throw CLIError(.usage, "the token file is empty") }
        var server = server
        while server.hasSuffix("/") { server.removeLast() }
        self.server = server
        self.ca = ca
        self.token = token
    }

    func get(_ path: String) throws(CLIError) -> [UInt8] { try call("GET", path) }

    func get<Value: Decodable>(_ path: String, as type: Value.Type) throws(CLIError) -> Value {
        try JSON.decode(type, try get(path))
    }

    @discardableResult
    func post(_ path: String, _ value: some Encodable) throws(CLIError) -> [UInt8] {
        try call("POST", path, body: try JSON.bytes(value))
    }

    func delete(_ path: String) throws(CLIError) { _ = try call("DELETE", path) }

    /// Makes a call of the API; the path begins below `/api/v1/`.
    ///
    /// `onBody` is handed each piece of the answer as it comes.
    ///
    /// - Throws: ``CLIError`` for anything but success, with the status that fits and the server's own words.
    func call(
        _ method: String,
        _ path: String,
        body: [UInt8] = [],
        timeout: Duration = timeout,
        onBody: (UnsafeRawBufferPointer) -> Void = { _ in }
    ) throws(CLIError) -> [UInt8] {
        var headers = [("Authorization", "Bearer \(token)"), ("Accept", "application/json")]
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        let request = HTTPRequest(
            method: method,
            url: "\(server)/api/v1/\(path)",
            headers: headers,
            body: body,
            timeout: timeout,
            bodyLimit: 256 << 20,
            caFile: ca
        )
        let response: HTTPResponse
        do {
            response = try HTTPClient().send(request, onBody: onBody)
        } catch { throw CLIError(.unavailable, "can't reach the coordinator at \(server)", cause: error) }
        guard (200..<300).contains(response.status) else {
            throw Self.refusal(status: response.status, body: response.body)
        }
        return response.body
    }

    private static func refusal(status: Int, body: [UInt8]) -> CLIError {
        let problem = try? JSON.decode(Problem.self, body)
        return refusal(problem ?? Problem(status: status, code: "", title: "", detail: "HTTP \(status)"))
    }

    /// What a problem means for whoever called.
    static func refusal(_ problem: Problem) -> CLIError {
        let message = Terminal.clean(problem.detail)
        switch problem.status {
        case 401, 403: return CLIError(.denied, message)
        case 429, 503: return CLIError(.tryAgain, message)
        default: return CLIError(.failed, message)
        }
    }
}

extension String {
    /// For one part of a path: everything but letters, digits and `-._~` as percent and two digits.
    var pathPart: String {
        var result = ""
        for byte in utf8 {
            let scalar = Unicode.Scalar(byte)
            if scalar.isASCII,
                scalar.properties.isAlphabetic || (0x30...0x39).contains(byte)
                    || "-._~".unicodeScalars.contains(scalar)
            {
                result.unicodeScalars.append(scalar)
            } else {
                result += "%" + Hex.text(of: [byte]).uppercased()
            }
        }
        return result
    }
}
