import MusterCore
import Testing

@testable import MusterCoordinator

/// What a database says of its statements becomes words.
@Suite struct DatabaseActivityTests {
    private func activity(_ text: String) -> DatabaseActivity? {
        var answer = SQLAnswer()
        answer.value = text
        return DatabaseActivity(answer)
    }

    @Test("Who waits for whom is said with the session that can be ended")
    func lock() throws {
        let text = #"""
            {"waiting": 5, "blocker": {"pid": 4242, "user": "ben", "application": "psql", "state": "idle in transaction",
            "seconds": 12.3, "query": "LOCK TABLE\n  payments"}, "blocked": "INSERT INTO payments VALUES (?)",
            "busiest": null, "scanned": null}
            """#
        let words = try #require(activity(text)?.lock)
        #expect(
            words.contains("5 wait for session 4242 (ben, psql), idle in transaction for 12 s") == true,
            "\(words)"
        )
        #expect(words.contains("its last statement: LOCK TABLE payments"))
        #expect(words.contains("waiting: INSERT INTO payments VALUES (?)"))
        #expect(activity(text)?.load == nil)
    }

    @Test("Tables that are read from end to end are named, small ones are not")
    func load() throws {
        func text(_ rows: Int) -> String {
            #"""
            {"waiting": 0, "blocker": null, "blocked": null, "busiest": {"query": "SELECT ?", "sessions": 5, "seconds": 0.4},
            "scanned": {"table": "public.orders", "scans": 809, "rows": \#(rows)}}
            """#
        }
        #expect(
            activity(text(1_000_000))?.load?.contains("public.orders was read from end to end 809 times")
                == true
        )
        #expect(activity(text(40))?.load?.contains("orders") == false)
        #expect(activity(text(40))?.lock == nil)
    }

    @Test("Anything else is no answer")
    func garbage() {
        for text in ["", "{}", "[1]", "null", "{\"waiting\": \"x\"}"] { #expect(activity(text) == nil) }
    }
}
