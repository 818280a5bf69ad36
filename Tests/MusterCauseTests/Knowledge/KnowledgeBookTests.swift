import MusterCore
import MusterIncident
import MusterTesting
import Testing

@testable import MusterCause

@Suite("Knowledge of past incidents") struct KnowledgeBookTests {
    private typealias Samples = KnowledgeSamples
    private let start = KnowledgeSamples.start

    private func signature(_ findings: [Finding], _ cause: CauseKind? = nil) -> IncidentSignature {
        IncidentSignature(Samples.incident(99), findings: findings, cause: cause)
    }

    private func shift(_ recollection: Recollection, _ kind: CauseKind) -> Double {
        recollection.priors.first { $0.kind == kind }?.shift ?? 0
    }

    @Test("A confirmed cause is recalled for an incident like it, with what fixed it, and for no other")
    func recalled() throws {
        var book = KnowledgeBook()
        #expect(book.isEmpty && book.recall(signature(Samples.pool()), at: start).matches.isEmpty)
        #expect(book.learn(Samples.lesson(1), at: start).stored.map(\.seen) == [1])
        let past = book.recall(signature(Samples.pool(on: "web-7", 7)), at: start)
        let match = try #require(past.matches.first)
        #expect(match.cause == .poolExhausted && match.seen == 1 && match.similarity > 0.9)
        #expect(match.line.hasPrefix("seen once before, last 2026-11-"))
        #expect(match.line.contains("pool-exhausted; fixed by runbook pool-exhausted"))
        #expect(shift(past, .poolExhausted) > 0.5)
        let other = book.recall(signature(Samples.disk()), at: start)
        #expect(other.matches.isEmpty && other.priors.isEmpty && other.nearest < 0.55 && other.compared == 1)
    }

    @Test("The same once more is counted; another cause, or another service, is a piece of its own")
    func counted() throws {
        var book = KnowledgeBook()
        _ = book.learn(Samples.lesson(1), at: start)
        _ = book.learn(Samples.lesson(2, Samples.pool(on: "web-9", 9), fix: "a restart"), at: start)
        let item = try #require(book.all.first)
        #expect(book.all.count == 1 && item.seen == 2 && item.fix == "a restart")
        #expect(item.incidents == [Samples.id(2), Samples.id(1)] && item.id == Samples.id(1))
        #expect(item.first == Samples.incident(1).opened && item.last == Samples.incident(2).opened)
        let line = try #require(book.recall(signature(Samples.pool()), at: start).lines.first)
        #expect(line.hasPrefix("seen 2 times before"))
        _ = book.learn(Samples.lesson(3, Samples.disk(), cause: .disk, said: .disk), at: start)
        _ = book.learn(Samples.lesson(4, service: "search"), at: start)
        #expect(book.all.map(\.cause) == [.poolExhausted, .disk, .poolExhausted])
    }

    @Test("What was recalled is counted as right or wrong, and what is often wrong weighs less")
    func reliability() throws {
        var book = KnowledgeBook()
        _ = book.learn(Samples.lesson(1), at: start)
        let id = Samples.id(1)
        let before = shift(book.recall(signature(Samples.pool()), at: start), .poolExhausted)
        _ = book.learn(
            Samples.lesson(2, cause: .network, said: .poolExhausted, recalled: [id]),
            at: start
        )
        let item = try #require(book[id])
        #expect(item.right == 0 && item.wrong == 1 && item.seen == 1)
        // It was said and was wrong: that speaks against it, and for what people found.
        let after = book.recall(signature(Samples.pool()), at: start)
        #expect(shift(after, .poolExhausted) < before / 2)
        #expect(shift(after, .network) > 0.5)
        _ = book.learn(Samples.lesson(3, recalled: [id]), at: start)
        #expect(book[id]?.right == 1 && book[id]?.seen == 2)
    }

    @Test("Half of the weight is left after each half-life")
    func decay() {
        var book = KnowledgeBook()
        _ = book.learn(Samples.lesson(0), at: start)
        let item = book.all[0]
        for (days, left) in [(0, 1.0), (180, 0.5), (360, 0.25)] {
            let weight = item.weight(at: item.last + .seconds(days * 86_400), halfLife: book.policy.halfLife)
            #expect(abs(weight - left) < 1e-9)
        }
        let shifts = [0, 90, 180, 720].map { days in
            shift(
                book.recall(signature(Samples.pool()), at: start + .seconds(days * 86_400)),
                .poolExhausted
            )
        }
        #expect(shifts == shifts.sorted(by: >) && shifts[3] < 0.1)
    }

    @Test("However much speaks for a cause, the shift has a bound")
    func bounded() {
        var book = KnowledgeBook()
        for number in 0..<40 { _ = book.learn(Samples.lesson(number), at: start) }
        #expect(shift(book.recall(signature(Samples.pool()), at: start), .poolExhausted) == 1.5)
        for number in 40..<80 {
            _ = book.learn(Samples.lesson(number, cause: nil, said: .disk), at: start)
        }
        #expect(shift(book.recall(signature(Samples.pool()), at: start), .disk) == -1.5)
    }

    @Test("A false alarm is recalled as one, and makes no cause more likely")
    func falseAlarm() throws {
        var book = KnowledgeBook()
        _ = book.learn(Samples.lesson(1, cause: nil, said: .cpu, fix: nil), at: start)
        let past = book.recall(signature(Samples.pool()), at: start)
        #expect(try #require(past.matches.first).line.contains("a false alarm"))
        #expect(past.priors.map(\.kind) == [.cpu] && shift(past, .cpu) < 0)
    }

    @Test("There is a bound to what is known; the least and oldest goes first")
    func trimmed() {
        var policy = KnowledgePolicy()
        policy.itemsMax = 3
        var book = KnowledgeBook(policy: policy)
        _ = book.learn(Samples.lesson(1, service: "a"), at: start)
        _ = book.learn(Samples.lesson(2, service: "b"), at: start)
        _ = book.learn(Samples.lesson(3, service: "a"), at: start)
        _ = book.learn(Samples.lesson(4, service: "c"), at: start)
        let change = book.learn(Samples.lesson(5, service: "d"), at: start)
        #expect(change.removed == [Samples.id(2)] && change.stored.map(\.id) == [Samples.id(5)])
        #expect(book.all.map(\.service) == ["d", "c", "a"])
    }

    @Test("The order in which knowledge is read back changes nothing")
    func deterministic() {
        var book = KnowledgeBook()
        for number in 0..<30 {
            let findings = number % 2 == 0 ? Samples.pool() : Samples.disk()
            let kind = CauseKind.allCases[number % 7]
            _ = book.learn(
                Samples.lesson(number, findings, cause: kind, service: "s\(number % 3)"),
                at: start
            )
        }
        var random = SplitMix64(seed: 5)
        let wanted = book.recall(signature(Samples.pool(), .poolExhausted), at: start)
        #expect(wanted.matches.count == 3)
        for _ in 0..<10 {
            let again = KnowledgeBook(book.all.shuffled(using: &random))
            let found = again.recall(signature(Samples.pool(), .poolExhausted), at: start)
            #expect(found.matches == wanted.matches && found.isLike(wanted))
        }
    }

    @Test(
        "Two thousand pieces of knowledge, each with all the texts that it may have, are looked through at once"
    )
    func large() {
        var random = SplitMix64(seed: 3)
        func word() -> String {
            "w"
                + String(
                    (0..<3).map { _ in Character(Unicode.Scalar(UInt8.random(in: 97...122, using: &random))) }
                )
        }
        var book = KnowledgeBook()
        for number in 0..<2_000 {
            let lines = (0..<60).map { _ in Samples.finding(.logs, word()) }
            _ = book.replace(KnowledgeItem(Samples.lesson(number, Samples.pool() + lines)), at: start)
        }
        let lines = (0..<60).map { _ in Samples.finding(.logs, word()) }
        let wanted = signature(Samples.pool() + lines)
        let clock = ContinuousClock()
        let took = clock.measure { #expect(book.recall(wanted, at: start).compared == 2_000) }
        // Generous, for builds without optimisation on busy machines: this notices growth with the square.
        #expect(took < .seconds(5))
    }

    @Test("What is forgotten is neither recalled nor counted among what makes a text rare")
    func forgotten() {
        var book = KnowledgeBook()
        _ = book.learn(Samples.lesson(1), at: start)
        let alone = book.recall(signature(Samples.disk()), at: start).nearest
        _ = book.learn(Samples.lesson(2, Samples.disk(), cause: .disk), at: start)
        let forgotten = [book.forget(Samples.id(2)), book.forget(Samples.id(2))]
        #expect(forgotten == [true, false])
        #expect(book.recall(signature(Samples.disk()), at: start).nearest == alone)
    }

    @Test("Only what people said of a closed incident teaches")
    func lessons() {
        func lesson(_ judgement: CauseJudgement?, falseAlarm: Bool? = nil) -> Lesson? {
            Samples.incident(
                1,
                more: [
                    .closed(
                        by: "dana",
                        confirmedCause: "words",
                        falseAlarm: falseAlarm,
                        judgement: judgement
                    )
                ]
            ).lesson
        }
        #expect(Samples.incident(1).lesson == nil && lesson(nil) == nil)
        #expect(lesson(CauseJudgement(kind: nil, grade: .wrong)) == nil)
        #expect(lesson(CauseJudgement(kind: .unknown, grade: .none)) == nil)
        let taught = lesson(CauseJudgement(kind: .dns, grade: .none, fix: "resolv.conf"))
        #expect(taught?.cause == .dns && taught?.text == "words" && taught?.fix == "resolv.conf")
        let alarm = lesson(CauseJudgement(kind: nil, grade: .none), falseAlarm: true)
        #expect(alarm != nil && alarm?.cause == nil)
    }
}
