import MusterCore
import Testing

@testable import MusterDrill

@Suite struct TrafficTests {
    @Test("The truth counts requests of the window alone, and each hurt person once")
    func count() {
        var record = TrafficRecord()
        func add(_ second: Int64, _ endpoint: Shoppers.Endpoint, user: UInt16, failed: Bool) {
            record.add(
                .init(
                    at: Timestamp(nanoseconds: second * 1_000_000_000),
                    endpoint: endpoint,
                    host: 0,
                    user: user,
                    failed: failed
                )
            )
        }
        add(9, .checkout, user: 1, failed: true)
        add(10, .checkout, user: 2, failed: true)
        add(11, .checkout, user: 2, failed: true)
        add(12, .checkout, user: 3, failed: false)
        add(13, .cart, user: 4, failed: true)
        add(20, .checkout, user: 5, failed: true)
        let window = TimeWindow(
            from: Timestamp(nanoseconds: 10_000_000_000),
            to: Timestamp(nanoseconds: 20_000_000_000)
        )
        #expect(
            record.count(in: window, endpoint: .checkout) == .init(requests: 3, failed: 2, usersFailed: 1)
        )
        #expect(record.count(in: window) == .init(requests: 4, failed: 3, usersFailed: 2))
    }

    @Test("An answer is read only when it is complete")
    func parse() {
        let whole = Array("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops".utf8)
        for end in 0..<whole.count { #expect(HTTPConnection.parse(Array(whole[..<end])) == nil) }
        let answer = HTTPConnection.parse(whole)
        #expect(answer?.status == 500)
        #expect(answer?.body == Array("oops".utf8))
    }

    @Test("A length that is no number of bytes is no answer", arguments: ["-1", "99"])
    func badLength(text: String) {
        #expect(
            HTTPConnection.parse(Array("HTTP/1.1 200 OK\r\nContent-Length: \(text)\r\n\r\nabc".utf8)) == nil
        )
    }
}
