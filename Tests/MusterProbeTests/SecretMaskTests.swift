import MusterCore
import MusterYAML
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

    @Test("cost grows with the size of a line, not with its square, whatever is in it")
    func linear() {
        func cost(_ piece: String, _ count: Int) -> Duration {
            let bytes = Array(String(repeating: piece, count: count).utf8.prefix(count))
            let runs = (0..<3).map { _ in ContinuousClock().measure { _ = SecretMask.mask(bytes[...]) } }
            return runs.min() ?? .zero
        }
        for piece in [
            "a.", "eyJ", "eyJ_", "eyJ-", "ghp_", "a-b.", "--x ", "password=", "@a", "1 ", "session=/", "  ",
            "webhook/",
            "token '", "$1$", "://a:b/", "-u a:", "-----BEGIN A", "<password>", "4111 ", "@tcp(", "Bearer a",
        ] {
            // Sixteen times the size; the square would be 256 times the cost.
            #expect(cost(piece, 65_536) < max(cost(piece, 4_096) * 64, .milliseconds(50)), "\(piece)")
        }
    }

    @Test("own names, words and exceptions count; no exception frees a key")
    func ownRules() throws {
        let text = """
            emails: true
            names: [customer_ref]
            words: ["ACME-????-*"]
            allow: ["*@shop.example.org", "AKIA*", "public"]
            """
        let rules = try Self.read(text)
        for (text, expected) in [
            ("customer_ref=4711 n=1", "customer_ref=*** n=1"), ("customerRef: 4711", "customerRef: ***"),
            ("got ACME-x7k2-99 today", "got *** today"), ("got ACME-x7 today", "got ACME-x7 today"),
            ("from help@shop.example.org to ana@example.org", "from help@shop.example.org to <email>"),
            ("key AKIAIOSFODNN7EXAMPLE", "key ***"), ("password=public", "password=public"),
        ] { #expect(SecretMask.mask(text, rules: rules) == expected) }
        let open = try Self.read("emails: false")
        #expect(
            SecretMask.mask("ana@example.org password=hunter2", rules: open) == "ana@example.org password=***"
        )
    }

    @Test(
        "a rule that would mask anything is refused, with its place",
        arguments: ["names: [ab]", #"words: ["*"]"#, #"words: ["a?c-*"]"#, #"allow: ["*"]"#]
    )
    func refused(_ text: String) {
        let error = #expect(throws: DocumentError.self) { try Self.read(text) }
        #expect(error?.description.contains("too short") == true, "\(error?.description ?? "")")
    }

    private static func read(_ text: String) throws(DocumentError) -> MaskRules {
        let document = try YAMLReader.read(Array(text.utf8), name: "agent.yaml")
        var reader = try DocumentReader(document.root, in: "agent.yaml", expecting: "what is masked")
        let rules = try MaskRules(&reader)
        try reader.finish()
        return rules
    }

    @Test("bytes that are no text come back as they were")
    func bytes() {
        let raw: [UInt8] = [0xFF, 0x00, 0x80, 0x41, 0xC3]
        #expect(SecretMask.mask(raw[...]) == raw)
    }
}
