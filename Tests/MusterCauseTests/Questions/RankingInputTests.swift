import MusterCore
import Testing

@testable import MusterCause

@Suite struct RankingInputTests {
    @Test("What a service needs is all that it calls, by way of others too; circles end")
    func needed() {
        let calls = [("shop", "cart"), ("cart", "db"), ("db", "shop"), ("other", "mail")].map {
            ServiceCall(caller: $0.0, callee: $0.1)
        }
        #expect(RankingInput.needed(by: "shop", calls) == ["cart", "db"])
        #expect(RankingInput.needed(by: "mail", calls).isEmpty)
        #expect(RankingInput.needed(by: "", calls).isEmpty)
    }
}
