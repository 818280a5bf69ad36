import FoundationEssentials
import MusterCore

// Messages of the link have no value in the core: they never reach an engine's rules. These are their limits
// and their byte fields as arrays, so that the agent needs no Foundation.

extension WireEnvelope {
    /// An envelope that has not been numbered yet.
    package init(_ body: OneOf_Body) {
        self.init()
        self.body = body
    }
}

extension WireJoinRequest {
    /// The request of a host that holds a join token and a key.
    package init(tokenID: String, secret: [UInt8], certificateRequest: [UInt8], name: String) {
        self.init()
        self.tokenID = tokenID
        self.tokenSecret = Data(secret)
        self.certificateRequest = Data(certificateRequest)
        self.name = name
    }

    /// The secret as bytes.
    package var secretBytes: [UInt8] { Array(tokenSecret) }
    /// The PKCS #10 request as bytes.
    package var requestBytes: [UInt8] { Array(certificateRequest) }

    /// Throws when a field is beyond its limit.
    package func checkLimits() throws(WireError) {
        guard (16...64).contains(tokenID.utf8.count) else {
            throw WireError(.malformed, "token_id must be 16 to 64 bytes, found \(tokenID.utf8.count)")
        }
        try Fields.check(tokenSecret.count, max: 64, "token_secret")
        try Fields.check(certificateRequest.count, max: 4 << 10, "certificate_request")
        try Fields.check(name.utf8.count, max: 253, "name")
    }
}

extension WireJoinResult {
    /// The answer to an accepted request.
    package init(certificate: [UInt8], authorities: [[UInt8]]) {
        self.init()
        self.certificate = Data(certificate)
        self.authorities = authorities.map { Data($0) }
    }

    /// The answer to a refused request.
    package init(refusal: String, retryCanHelp: Bool) {
        self.init()
        self.refusal = Fields.clipped(refusal, max: 512)
        self.retryCanHelp = retryCanHelp
    }

    /// The certificate as bytes; empty when refused.
    package var certificateBytes: [UInt8] { Array(certificate) }
    /// The authorities as bytes.
    package var authorityBytes: [[UInt8]] { authorities.map { Array($0) } }

    /// Throws when a field is beyond its limit.
    package func checkLimits() throws(WireError) {
        try Limits.check(certificate: certificate, authorities: authorities)
        try Fields.check(refusal.utf8.count, max: 512, "refusal")
    }
}

extension WireRenewRequest {
    /// Asks for a new certificate with a PKCS #10 request.
    package init(certificateRequest: [UInt8]) {
        self.init()
        self.certificateRequest = Data(certificateRequest)
    }

    /// The PKCS #10 request as bytes.
    package var requestBytes: [UInt8] { Array(certificateRequest) }

    /// Throws when the request is beyond its limit.
    package func checkLimits() throws(WireError) {
        try Fields.check(certificateRequest.count, max: 4 << 10, "certificate_request")
    }
}

extension WireRenewed {
    /// The new certificate and the authorities to trust from now on.
    package init(certificate: [UInt8], authorities: [[UInt8]]) {
        self.init()
        self.certificate = Data(certificate)
        self.authorities = authorities.map { Data($0) }
    }

    /// The certificate as bytes.
    package var certificateBytes: [UInt8] { Array(certificate) }
    /// The authorities as bytes.
    package var authorityBytes: [[UInt8]] { authorities.map { Array($0) } }

    /// Throws when a field is beyond its limit.
    package func checkLimits() throws(WireError) {
        try Limits.check(certificate: certificate, authorities: authorities)
    }
}

extension WireChallenge {
    /// The nonce as bytes.
    package var nonceBytes: [UInt8] {
        get { Array(nonce) }
        set { nonce = Data(newValue) }
    }

    /// Throws when the nonce is beyond its limit.
    package func checkLimits() throws(WireError) { try Fields.check(nonce.count, max: 16, "nonce") }
}

extension WireChallengeReply {
    /// Throws when the nonce is beyond its limit.
    package func checkLimits() throws(WireError) { try Fields.check(nonce.count, max: 16, "nonce") }
}

extension WireHello {
    /// Throws when a field is beyond its limit.
    package func checkLimits() throws(WireError) {
        try Fields.check(version.utf8.count, max: 32, "version")
        try Fields.check(capabilities.count, max: 64, "capabilities")
        for capability in capabilities { try Fields.check(capability.utf8.count, max: 64, "capability") }
        try Fields.check(bootID.utf8.count, max: 36, "boot_id")
        try Fields.check(inventory.name.utf8.count, max: 253, "name")
        try Fields.check(inventory.system.utf8.count, max: 128, "system")
        try Fields.check(inventory.kernel.utf8.count, max: 128, "kernel")
        try Fields.check(inventory.services.count, max: 128, "services")
        for service in inventory.services {
            try Fields.check(service.name.utf8.count, max: 128, "service's name")
            try Fields.check(service.version.utf8.count, max: 128, "service's version")
        }
    }
}

extension WireRefused {
    /// Says that a message was understood as a frame but is not accepted.
    package init(sequence: UInt64, reason: String) {
        self.init()
        self.sequence = sequence
        self.reason = Fields.clipped(reason, max: 512)
    }
}

extension WireRetryAfter {
    /// Asks the agent to come back later.
    package init(delay: Duration, reason: String) {
        self.init()
        delayMs = UInt32(clamping: Int64(delay.inMilliseconds))
        self.reason = Fields.clipped(reason, max: 512)
    }
}

extension WireCancel {
    /// The asker no longer wants the answer.
    package init(_ question: QuestionID) {
        self.init()
        questionID = question.description
    }

    /// The question meant.
    package var question: QuestionID {
        get throws(WireError) { try Fields.identifier(questionID, "question id") }
    }
}

private enum Limits {
    static func check(certificate: Data, authorities: [Data]) throws(WireError) {
        try Fields.check(certificate.count, max: 8 << 10, "certificate")
        try Fields.check(authorities.count, max: 4, "authorities")
        for authority in authorities { try Fields.check(authority.count, max: 8 << 10, "authority") }
    }
}

extension WireLedgerHead {
    package init(_ head: LedgerHead) {
        self.init()
        begunAtNs = head.begun.nanoseconds
        steps = head.steps
        digest = Data(head.digest.bytes)
    }
}

extension LedgerHead {
    package init(_ wire: WireLedgerHead) throws(WireError) {
        self.init(
            begun: Timestamp(nanoseconds: wire.begunAtNs),
            steps: wire.steps,
            digest: try Fields.digest(wire.digest, "ledger's digest")
        )
    }
}
