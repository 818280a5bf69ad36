internal import CCurl
import Glibc
import MusterCore

/// A request whose parts were looked at, ready for libcurl.
struct HTTPCheckedRequest {
    private let request: HTTPRequest
    /// `https://example.org:8443`: what messages may name.
    private let origin: String

    init(_ request: HTTPRequest) throws(HTTPError) {
        guard request.url.utf8.count <= 8192, request.url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw HTTPError(.invalid, "the URL has spaces or control characters, or more than 8192 bytes")
        }
        let scheme = ["http://", "https://"].first { request.url.lowercased().hasPrefix($0) }
        guard let scheme else { throw HTTPError(.invalid, "the URL must begin with https:// or http://") }
        let rest = request.url.dropFirst(scheme.utf8.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty else { throw HTTPError(.invalid, "the URL names no host") }
        guard !authority.contains("@") else {
            throw HTTPError(.invalid, "the URL must not hold a user or password; use a header")
        }
        let method = request.method.utf8
        guard !method.isEmpty, method.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw HTTPError(.invalid, "the method must be capital letters")
        }
        for (name, value) in request.headers {
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }),
                value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else {
                throw HTTPError(
                    .invalid,
                    "header \(name.prefix(64).filter(\.isLetter)) has forbidden characters"
                )
            }
        }
        self.request = request
        self.origin = scheme + authority
    }

    /// Blocks for at most the request's timeout.
    func send(
        with library: CurlLibrary,
        onBody: @escaping (UnsafeRawBufferPointer) -> Void
    ) throws(HTTPError) -> HTTPResponse {
        var api = library.api
        guard let handle = api.easy_init() else { throw HTTPError(.broken, "libcurl has no memory") }
        defer { api.easy_cleanup(handle) }
        let received = ReceivedAnswer(bodyLimit: request.bodyLimit, onBody: onBody)
        var list: UnsafeMutablePointer<curl_slist>?
        // No "Expect: 100-continue": it costs a round trip and some servers a second.
        for line in ["Expect:"] + request.headers.map({ "\($0.0): \($0.1)" }) {
            guard let longer = api.slist_append(list, line) else {
                api.slist_free_all(list)
                throw HTTPError(.broken, "libcurl has no memory")
            }
            list = longer
        }
        defer { api.slist_free_all(list) }
        try configure(handle, &api, list, received)
        if request.body.isEmpty {
            if ["POST", "PUT", "PATCH"].contains(request.method) {
                _ = muster_curl_set_text(&api, handle, CURLOPT_COPYPOSTFIELDS, "")
            }
        } else {
            // The size comes first: libcurl copies as many bytes.
            _ = muster_curl_set_off(&api, handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            request.body.withUnsafeBytes { body in
                let pointer = UnsafeMutableRawPointer(mutating: body.baseAddress)
                _ = muster_curl_set_pointer(&api, handle, CURLOPT_COPYPOSTFIELDS, pointer)
            }
        }
        _ = muster_curl_set_text(&api, handle, CURLOPT_CUSTOMREQUEST, request.method)
        // What libcurl says in full; its plain codes don't tell a reset connection from a closed one.
        var words = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        let code = words.withUnsafeMutableBytes { words in
            _ = muster_curl_set_pointer(&api, handle, CURLOPT_ERRORBUFFER, words.baseAddress)
            let code = api.easy_perform(handle)
            _ = muster_curl_set_pointer(&api, handle, CURLOPT_ERRORBUFFER, nil)
            return code
        }
        guard code == CURLE_OK else {
            let text = String(
                decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
                as: UTF8.self
            )
            throw failure(code, text, received, handle, &api)
        }
        return HTTPResponse(
            status: muster_curl_long(&api, handle, CURLINFO_RESPONSE_CODE),
            headers: received.headers,
            body: received.body,
            timings: timings(handle, &api),
            certificateExpires: Self.certificateEnd(handle, &api)
        )
    }

    private func configure(
        _ handle: UnsafeMutableRawPointer,
        _ api: inout muster_curl,
        _ headers: UnsafeMutablePointer<curl_slist>?,
        _ received: ReceivedAnswer
    ) throws(HTTPError) {
        let milliseconds = max(1, min(Int(request.timeout.inMilliseconds), 3_600_000))
        var codes = [
            muster_curl_set_text(&api, handle, CURLOPT_URL, request.url),
            muster_curl_set_text(&api, handle, CURLOPT_PROTOCOLS_STR, "http,https"),
            muster_curl_set_long(&api, handle, CURLOPT_FOLLOWLOCATION, 0),
            muster_curl_set_long(&api, handle, CURLOPT_NOSIGNAL, 1),
            muster_curl_set_long(&api, handle, CURLOPT_TIMEOUT_MS, milliseconds),
            muster_curl_set_long(&api, handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds),
            muster_curl_set_long(&api, handle, CURLOPT_SSL_VERIFYPEER, 1),
            muster_curl_set_long(&api, handle, CURLOPT_SSL_VERIFYHOST, 2),
            muster_curl_set_long(&api, handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            muster_curl_set_long(&api, handle, CURLOPT_CERTINFO, 1),
            muster_curl_set_text(&api, handle, CURLOPT_USERAGENT, "muster"),
            // A proxy of the environment never stands between us and our own machine.
            muster_curl_set_text(&api, handle, CURLOPT_NOPROXY, Self.withoutProxy),
            muster_curl_set_pointer(&api, handle, CURLOPT_HTTPHEADER, headers),
        ]
        if request.method == "HEAD" { codes.append(muster_curl_set_long(&api, handle, CURLOPT_NOBODY, 1)) }
        if let caFile = request.caFile {
            codes.append(muster_curl_set_text(&api, handle, CURLOPT_CAINFO, caFile))
        }
        let pointer = Unmanaged.passUnretained(received).toOpaque()
        codes.append(
            muster_curl_set_write(&api, handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let answer = Unmanaged<ReceivedAnswer>.fromOpaque(context).takeUnretainedValue()
                return answer.takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
            }
        )
        codes.append(muster_curl_set_pointer(&api, handle, CURLOPT_WRITEDATA, pointer))
        codes.append(
            muster_curl_set_write(&api, handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let answer = Unmanaged<ReceivedAnswer>.fromOpaque(context).takeUnretainedValue()
                return answer.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
            }
        )
        codes.append(muster_curl_set_pointer(&api, handle, CURLOPT_HEADERDATA, pointer))
        guard codes.allSatisfy({ $0 == CURLE_OK }) else {
            throw HTTPError(
                .libraryMissing,
                "this libcurl does not know all options that are needed; 7.85 does"
            )
        }
    }

    private static let withoutProxy: String = {
        let own = ["localhost", "127.0.0.1", "::1"]
        let named = ["no_proxy", "NO_PROXY"].compactMap { (name: String) in
            getenv(name).map { String(cString: $0) }
        }
        return (own + named.prefix(1)).joined(separator: ",")
    }()

    // MARK: What came of it

    private func timings(_ handle: UnsafeMutableRawPointer, _ api: inout muster_curl) -> HTTPTimings {
        func milliseconds(_ info: CURLINFO) -> Double? {
            let value = muster_curl_time(&api, handle, info)
            return value > 0 ? Double(value) / 1000 : nil
        }
        return HTTPTimings(
            dns: milliseconds(CURLINFO_NAMELOOKUP_TIME_T),
            connect: milliseconds(CURLINFO_CONNECT_TIME_T),
            tls: milliseconds(CURLINFO_APPCONNECT_TIME_T),
            firstByte: milliseconds(CURLINFO_STARTTRANSFER_TIME_T),
            total: milliseconds(CURLINFO_TOTAL_TIME_T)
        )
    }

    /// Reads `Expire date:Nov 23 02:14:07 2027 GMT` of the server's own certificate.
    private static func certificateEnd(
        _ handle: UnsafeMutableRawPointer,
        _ api: inout muster_curl
    ) -> Timestamp? {
        guard let chain = muster_curl_certificates(&api, handle), chain.pointee.num_of_certs > 0 else {
            return nil
        }
        var entry = chain.pointee.certinfo[0]
        while let node = entry {
            let line = String(cString: node.pointee.data)
            if line.hasPrefix("Expire date:") {
                return CertificateDate.read(line.dropFirst("Expire date:".count))
            }
            entry = node.pointee.next
        }
        return nil
    }

    private func failure(
        _ code: CURLcode,
        _ words: String,
        _ received: ReceivedAnswer,
        _ handle: UnsafeMutableRawPointer,
        _ api: inout muster_curl
    ) -> HTTPError {
        let timings = timings(handle, &api)
        let (kind, message) = reason(code, words, received, timings, handle, &api)
        return HTTPError(kind, message, timings: timings)
    }

    private func reason(
        _ code: CURLcode,
        _ words: String,
        _ received: ReceivedAnswer,
        _ timings: HTTPTimings,
        _ handle: UnsafeMutableRawPointer,
        _ api: inout muster_curl
    ) -> (HTTPError.Code, String) {
        if received.isTooLarge {
            return (.tooLarge, "\(origin) sent more than the \(request.bodyLimit) bytes that are wanted")
        }
        var text = words
        if text.isEmpty {
            text = api.easy_strerror(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
        }
        let limit = request.timeout.spoken
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return (.resolve, "\(origin): the name has no address")
        case CURLE_COULDNT_CONNECT:
            let number = Int32(clamping: muster_curl_long(&api, handle, CURLINFO_OS_ERRNO))
            let system = number == 0 ? "" : ": \(String(cString: strerror(number)).lowercased())"
            return (.connect, "\(origin): no connection\(system)")
        case CURLE_OPERATION_TIMEDOUT where timings.connect == nil && timings.dns == nil:
            return (.timeout, "\(origin): its name was not resolved within \(limit)")
        case CURLE_OPERATION_TIMEDOUT where timings.connect == nil:
            return (.timeout, "\(origin): no connection within \(limit)")
        case CURLE_OPERATION_TIMEDOUT:
            return (.timeout, "\(origin) accepted the connection and did not answer within \(limit)")
        case CURLE_GOT_NOTHING:
            return (.broken, "\(origin) accepted the connection and closed it without an answer")
        case CURLE_PEER_FAILED_VERIFICATION:
            let authorities = request.caFile.map { "the authorities in \($0)" } ?? "the system's authorities"
            // OpenSSL's words for it, such as "certificate has expired"; codes of X509_verify_cert_error_string.
            switch muster_curl_long(&api, handle, CURLINFO_SSL_VERIFYRESULT) {
            case 10: return (.tls, "\(origin): its certificate has expired")
            case 9: return (.tls, "\(origin): its certificate is not valid yet")
            case 0: return (.tls, "\(origin): its certificate is for another name")
            default:
                return (.tls, "\(origin): its certificate is not trusted by \(authorities)")
            }
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER:
            return (.tls, "\(origin): \(text)")
        case CURLE_SSL_CACERT_BADFILE:
            return (.tls, "the file of authorities \(request.caFile ?? "") can't be read")
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return (.invalid, "the URL can't be used: \(text)")
        default: return (.broken, "\(origin): \(text)")
        }
    }
}

/// What libcurl hands over while it reads; lives as long as the request.
private final class ReceivedAnswer {
    private let bodyLimit: Int
    private(set) var body: [UInt8] = []
    private(set) var headers: [(String, String)] = []
    private(set) var isTooLarge = false
    private var headerBytes = 0
    private let onBody: (UnsafeRawBufferPointer) -> Void

    /// Largest header of an answer.
    private static let headerBytesMax = 64 << 10

    init(bodyLimit: Int, onBody: @escaping (UnsafeRawBufferPointer) -> Void) {
        self.bodyLimit = bodyLimit
        self.onBody = onBody
    }

    /// Anything but the number of bytes given ends the transfer.
    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard body.count + bytes.count <= bodyLimit else {
            isTooLarge = true
            return bytes.isEmpty ? 1 : 0
        }
        body += bytes
        onBody(bytes)
        return bytes.count
    }

    func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        headerBytes += bytes.count
        guard headerBytes <= Self.headerBytesMax else {
            isTooLarge = true
            return 0
        }
        let line = String(decoding: bytes, as: UTF8.self).split { $0 == "\r\n" || $0 == "\n" || $0 == "\r" }
            .first
        guard let line else { return bytes.count }
        // A new status line begins a new header, as after 100 Continue.
        if line.hasPrefix("HTTP/") { headers = [] }
        guard let colon = line.firstIndex(of: ":") else { return bytes.count }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        headers.append((line[..<colon].lowercased(), String(value)))
        return bytes.count
    }
}
