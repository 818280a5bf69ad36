import MusterCore
import MusterHTTP

/// Whether a URL answers, how long each phase takes, and when the server's certificate ends.
package enum HTTPCheck {
    /// A page of health that is larger than this is no such page.
    private static let bodyBytesMax = 1 << 20

    /// Blocks for at most about the target's timeout.
    package static func run(_ target: DependencyTarget, url: String, caFile: String?) -> DependencyCheck {
        var check = target.emptyCheck
        let clock = CheckClock()
        let request = HTTPRequest(
            method: "GET",
            url: url,
            timeout: target.timeout,
            bodyLimit: bodyBytesMax,
            caFile: caFile
        )
        do {
            let response = try HTTPClient().send(request)
            check.status = response.status
            check.healthy = (200..<400).contains(response.status)
            if !check.healthy { check.reason = "HTTP status \(response.status)" }
            check.take(response.timings)
            check.certificateExpires = response.certificateExpires
        } catch {
            check.reason = SecretMask.mask(error.message)
            // How far it came tells one that is gone from one that hangs.
            if let timings = error.timings { check.take(timings) }
        }
        check.totalMilliseconds = clock.milliseconds
        return check
    }
}

extension DependencyCheck {
    fileprivate mutating func take(_ timings: HTTPTimings) {
        dnsMilliseconds = timings.dns
        connectMilliseconds = timings.connect
        tlsMilliseconds = timings.tls
        firstByteMilliseconds = timings.firstByte
    }
}
