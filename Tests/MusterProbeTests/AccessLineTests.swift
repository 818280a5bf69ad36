import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

@Suite struct AccessLineTests {
    private func parse(_ text: String) -> ParsedLine? { AccessLine.parse(Array(text.utf8)[...]) }

    /// Lines as nginx 1.22 and Apache 2.4 wrote them.
    @Test func linesOfRealServersAreUnderstood() throws {
        let combined = try #require(
            parse(
                #"127.0.0.1 - alice [23/Nov/2026:09:29:08 +0000] "GET /cart?id=7 HTTP/1.1" 200 157 "-" "curl/7.88.1" 0.012"#
            )
        )
        #expect(combined.at?.description == "2026-11-23T09:29:08Z")
        #expect(combined.level == .info)
        let request = try #require(combined.request)
        #expect(request.method.text == "GET")
        #expect(request.path.text == "/cart?id=7")
        #expect(request.status == 200)
        #expect(request.latencyMilliseconds == 12)
        #expect(request.user?.text == "alice")
        #expect(request.client?.text == "127.0.0.1")

        let common = try #require(
            parse(#"::1 - - [01/Jan/2026:00:00:00 +0100] "POST /api/login HTTP/2.0" 503 -"#)
        )
        #expect(common.at?.description == "2025-12-31T23:00:00Z")
        #expect(common.level == .error)
        #expect(common.request?.user == nil)
        #expect(common.request?.latencyMilliseconds == nil)

        let virtual = try #require(
            parse(
                #"shop.example.org:443 10.1.2.3 - frank [23/Nov/2026:09:29:08 -0130] "GET / HTTP/1.1" 404 9 "https://a/\"b\"" "x" rt=1.5"#
            )
        )
        #expect(virtual.request?.client?.text == "10.1.2.3")
        #expect(virtual.request?.user?.text == "frank")
        #expect(virtual.at?.description == "2026-11-23T10:59:08Z")
        #expect(virtual.request?.latencyMilliseconds == 1500)
    }

    @Test func whatIsNoHTTPRequestHasNoMethodAndPath() throws {
        let hello = try #require(
            parse(#"10.0.0.9 - - [23/Nov/2026:09:29:08 +0000] "\x16\x03\x01\x02" 400 157 "-" "-""#)
        )
        #expect(hello.request?.method.isEmpty == true)
        #expect(hello.request?.path.isEmpty == true)
        #expect(hello.request?.status == 400)
    }

    @Test(
        "A request time is found in every form, and nothing else is taken for one",
        arguments: [
            ("0.012", 12.0), (#""0.012""#, 12.0), ("request_time=0.5", 500.0), ("[0.25]", 250.0),
            ("- 3", 3000.0), ("x=1 0.004", 4.0), ("1e-3", 1.0), (".5", 500.0), ("rt=-1", nil), ("-", nil),
            ("99999999", nil), ("1.2.3", nil), ("", nil), ("1 2", 1000.0),
        ]
    )
    func requestTime(tail: String, milliseconds: Double?) {
        let line = #"10.0.0.9 - - [23/Nov/2026:09:29:08 +0000] "GET / HTTP/1.1" 200 1 "-" "-" "# + tail
        #expect(parse(line)?.request?.latencyMilliseconds == milliseconds)
    }

    @Test(
        "A line that only looks like an access line is none",
        arguments: [
            "", " ", "[", "a", "a b", "a b [", "a - - [23/Nov/2026:09:29:08 +0000]",
            #"a - - [23/Nov/2026:09:29:08 +0000] "GET /"#,
            #"a - - [23/Nov/2026:09:29:08 +0000] "GET / HTTP/1.1" 999 1"#,
            #"a - - [23/Nov/2026:09:29:08 +0000"#,
            #"a - - [32/Nov/2026:09:29:08 +0000] "GET / HTTP/1.1" 200 1"#,
            #"a - - [23/Foo/2026:09:29:08 +0000] "GET / HTTP/1.1" 200 1"#,
            #"a - - [23/Nov/2026:09:29:08 +0000] "GET / HTTP/1.1\"#,
            #"a - - [23/Nov/2026:09:29:08 +0000] "GET / HTTP/1.1" 20 1"#,
            #"a - - [23-Nov-2026:09:29:08 +0000] "GET / HTTP/1.1" 200 1"#,
        ]
    )
    func others(line: String) { #expect(parse(line) == nil) }

    /// A line is understood where it lies in a larger buffer, cut anywhere, with any byte changed.
    @Test func brokenLinesNeverTrap() {
        let line = Array(
            #"10.0.0.7 - al ice [23/Nov/2026:09:29:08 +0000] "GET /c\"art HTTP/1.1" 200 157 "-" "curl" rt="0.012""#
                .utf8
        )
        var random = SplitMix64(seed: 9)
        var understood = 0
        for length in 0...line.count {
            _ = AccessLine.parse(line[..<length])
            _ = AccessLine.parse(line[(line.count - length)...])
        }
        for _ in 0..<20_000 {
            var broken = [0x22] + line + [0x5D, 0x22]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                broken[Int.random(in: broken.indices, using: &random)] = UInt8.random(
                    in: 0...255,
                    using: &random
                )
            }
            if AccessLine.parse(broken[1..<(line.count + 1)]) != nil { understood += 1 }
        }
        #expect(understood > 1_000)
    }
}
