import Testing

@testable import MusterProbe

@Suite struct SecretMaskTests {
    @Test(
        "what is secret is gone",
        arguments: [
            "password=hunter2", "password      = hunter2", "password\t\t=\thunter2", "SMTP_PASS=hunter2",
            "ADMIN_PASS: hunter2", "db.pass = hunter2", #"{"password":"hunter2"}"#,
            #"{"passwords": ["hunter2", "hunter2b"]}"#, #"{"credentials":{"id":1,"value":"hunter2"}}"#,
            #"{"set-cookie":["sid=hunter2"]}"#, "<password>hunter2</password>", "requirepass hunter2",
            "CREATE ROLE x PASSWORD 'hunter2'", "DB_PASSWORD=x7,Kp;hunter2",
            "password: correct horse hunter2",
            #"Authorization: Digest username="ana", response="hunter2""#, "GET /a?sig=hunter2&x=1",
            "Cookie: sid=hunter2; theme=hunter2", "curl -H 'Authorization: Bearer hunter2hunter2A' https://x",
            "tool --api-key hunter2 --verbose", "postgres://ana:hunter2@db:5432/shop",
            #"msg="{\"token\":\"hunter2\"}""#, "secret=hunter2)", "api_token => hunter2",
        ]
    )
    func secret(_ text: String) {
        let masked = SecretMask.mask(text)
        #expect(!masked.contains("hunter2"), "\(masked)")
        #expect(masked.contains("***"))
    }

    @Test(
        "what is not stays as it was",
        arguments: [
            "payment 17 failed for order 4711", "compass: north", "tokens are counted", "basic setup done",
            "GET /api/checkout 500 12ms", "the pass was crossed at 10:02:11", "bypass=true",
            "x\tpasswordless login", #"{"status":"ok","count":3}"#, "", "=", "password", "auth",
        ]
    )
    func plain(_ text: String) { #expect(SecretMask.mask(text) == text) }

    @Test(
        "what stands beside a secret stays",
        arguments: [
            ("user=ana password=hunter2 for=order", "user=ana password=*** for=order"),
            ("password=hunter2 for order 7", "password=*** for order 7"),
            ("a=1&token=hunter2&b=2", "a=1&token=***&b=2"),
            (#"{"token":"hunter2","b":2}"#, #"{"token":"***","b":2}"#),
            ("{token: hunter2, b: 2}", "{token: ***, b: 2}"),
            ("mail to ana@example.org now", "mail to <email> now"),
            ("card 4111 1111 1111 1111 used", "card <card> used"),
        ]
    )
    func beside(_ text: String, _ expected: String) { #expect(SecretMask.mask(text) == expected) }

    @Test("a crafted line costs no more than a plain one of its size, within reason")
    func linear() {
        func cost(_ text: String) -> Duration {
            let bytes = Array(text.utf8)
            return ContinuousClock().measure { for _ in 0..<5 { _ = SecretMask.mask(bytes[...]) } }
        }
        let plain = cost(String(String(repeating: "payment failed for order ", count: 400).prefix(8192)))
        for piece in ["a.", "eyJ", "a-b.", "--x ", "password=", "@a", "1 "] {
            let text = String(String(repeating: piece, count: 8192).prefix(8192))
            // Quadratic cost was three hundred times the plain one.
            #expect(cost(text) < max(plain * 60, .milliseconds(50)), "\(piece)")
        }
    }

    @Test("bytes that are no text come back as they were")
    func bytes() {
        let raw: [UInt8] = [0xFF, 0x00, 0x80, 0x41, 0xC3]
        #expect(SecretMask.mask(raw[...]) == raw)
    }
}
