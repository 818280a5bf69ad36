import MusterCause
import MusterCore
import Testing

@testable import MusterCoordinator

/// Several checks, counters of both ends and the far end's socket together tell what one check can't.
@Suite struct PathModelTests {
    /// `prompt late-answer late-connection resent unanswered unconnected`, each a count.
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var views: [[Int]]
        var kind: CauseKind
        var near: Double? = 0
        var far: Double?
        var waiting: Int? = 0
        var isWellForOthers = false
        var least = 0.8

        var testDescription: String { name }

        var judgement: PathModel.Judgement? {
            let seen = views.map { counts in
                var view = PathModel.View(resent: near)
                for (outcome, count) in zip(CheckOutcome.allCases, counts) where count > 0 {
                    view.outcomes[outcome] = count
                }
                return view
            }
            return PathModel.judge(
                seen,
                far: .init(waiting: waiting, resent: far),
                isWellForOthers: isWellForOthers
            )
        }
    }

    private static let cases = [
        // Lost packets: some go through, in any order.
        Case(
            name: "some late by a resend, some never",
            views: [[2, 0, 0, 2, 1, 1]],
            kind: .networkLoss,
            near: 0.1
        ),
        Case(
            name: "two hosts, each another trouble",
            views: [[1, 0, 0, 1, 2, 0], [2, 1, 0, 0, 0, 2]],
            kind: .networkLoss,
            near: 0.05
        ),
        Case(
            name: "counters of the lookers unknown",
            views: [[2, 0, 0, 2, 1, 1]],
            kind: .networkLoss,
            near: nil
        ),
        Case(name: "light loss", views: [[6, 0, 0, 2, 0, 0]], kind: .networkLoss, near: 0.03),
        Case(name: "heavy loss", views: [[0, 0, 0, 2, 2, 3]], kind: .networkLoss, near: 0.3, far: 0.3),
        Case(
            name: "answers late by data that is sent again",
            views: [[3, 2, 0, 0, 1, 0]],
            kind: .networkLoss,
            near: 0.2,
            far: 0.2
        ),
        Case(
            name: "nothing but segments sent again at both ends beside one check that got no connection",
            views: [[0, 0, 0, 0, 0, 1]],
            kind: .networkLoss,
            near: 0.3,
            far: 0.3
        ),
        Case(
            name: "loss on the way to one host alone",
            views: [[2, 0, 0, 2, 1, 2]],
            kind: .networkLoss,
            near: 0.2,
            isWellForOthers: true
        ),
        Case(
            name: "late answers among late connections, counters quiet, and no queue at the far end",
            views: [[1, 2, 0, 1, 2, 0], [1, 2, 0, 1, 1, 0]],
            kind: .networkLoss,
            least: 0.6
        ),
        Case(
            name: "the same with what is sent again",
            views: [[1, 2, 0, 1, 2, 0], [1, 2, 0, 1, 1, 0]],
            kind: .networkLoss,
            near: 0.01,
            least: 0.7
        ),
        // A wall: never any connection.
        Case(name: "never a connection", views: [[0, 0, 0, 0, 0, 4]], kind: .network),
        Case(
            name: "never a connection, to one host alone",
            views: [[0, 0, 0, 0, 0, 3]],
            kind: .network,
            near: 0.05,
            isWellForOthers: true
        ),
        Case(
            name: "the wall came up in the middle of a request",
            views: [[0, 0, 0, 0, 1, 4]],
            kind: .network,
            near: 0.05
        ),
        Case(
            name: "answers of the far end meet the wall and are sent again",
            views: [[0, 0, 0, 0, 0, 4], [0, 0, 0, 0, 0, 4]],
            kind: .network,
            near: 0.2,
            far: 0.2
        ),
        Case(
            name: "one check alone got no connection",
            views: [[0, 0, 0, 0, 0, 1]],
            kind: .network,
            least: 0.6
        ),
        // A server that is deaf.
        Case(
            name: "always a connection, never an answer",
            views: [[0, 0, 0, 0, 4, 0]],
            kind: .dependencyHung
        ),
        Case(
            name: "always a connection, never an answer, and connections wait",
            views: [[0, 0, 0, 0, 4, 0], [0, 0, 0, 0, 3, 0]],
            kind: .dependencyHung,
            waiting: 12
        ),
        Case(
            name: "its queue is full: no connection any more",
            views: [[0, 0, 0, 0, 2, 4]],
            kind: .dependencyHung,
            near: 0.04,
            waiting: 129
        ),
        Case(
            name: "no connection, and its queue is full",
            views: [[0, 0, 0, 0, 0, 4]],
            kind: .dependencyHung,
            near: 0.04,
            waiting: 129,
            least: 0.6
        ),
        Case(
            name: "hangs, and a looker's own segments get lost a little elsewhere",
            views: [[0, 0, 0, 0, 5, 0]],
            kind: .dependencyHung,
            near: 0.03
        ),
        // A slow way.
        Case(name: "all connections late by as much", views: [[0, 0, 5, 0, 0, 0]], kind: .networkDelay),
        Case(
            name: "all connections late, one check lost by chance",
            views: [[0, 0, 5, 0, 1, 0], [0, 0, 6, 0, 0, 0]],
            kind: .networkDelay
        ),
        Case(
            name: "all late, and a few segments sent again too early",
            views: [[0, 0, 6, 0, 0, 0]],
            kind: .networkDelay,
            near: 0.03
        ),
        Case(
            name: "so late that every connection is begun twice",
            views: [[0, 0, 0, 7, 0, 0]],
            kind: .networkDelay,
            near: 0.2
        ),
        // A slow server.
        Case(name: "prompt connections, late answers", views: [[1, 6, 0, 0, 0, 0]], kind: .defect),
        Case(
            name: "late answers and some that never come",
            views: [[1, 5, 0, 0, 2, 0]],
            kind: .defect,
            waiting: 3
        ),
        Case(
            name: "its queue runs over now and then",
            views: [[2, 2, 0, 1, 1, 1]],
            kind: .defect,
            near: 0.03,
            far: 0,
            waiting: 60,
            least: 0.6
        ),
    ]

    @Test("Each combination of what was seen is told right, and how sure that is", arguments: cases)
    func combinations(one: Case) throws {
        let judgement = try #require(one.judgement)
        #expect(judgement.kind == one.kind)
        #expect(judgement.probability >= one.least)
    }

    @Test("The more checks agree the surer it is, and a single one is never certain")
    func certainty() throws {
        let sure = try (1...5).map { count in
            try #require(Case(name: "", views: [[0, 0, 0, 0, 0, count]], kind: .network).judgement)
                .probability
        }
        #expect(sure == sure.sorted())
        #expect(sure[0] < 0.9 && sure[4] > 0.97)
    }

    @Test("One answer that came through in between is enough: it is no wall")
    func notCutOff() throws {
        var view = Case(name: "", views: [[0, 0, 0, 0, 0, 4]], kind: .network, near: 0.05)
        #expect(view.judgement?.kind == .network)
        view.views = [[1, 0, 0, 1, 0, 4]]
        #expect(view.judgement?.kind == .networkLoss)
    }

    @Test("A check that still waits says that it is neither prompt nor merely slow")
    func waiting() throws {
        let waits = PathModel.View(outcomes: [.unanswered: 2], isWaiting: true, resent: 0)
        let found = try #require(PathModel.judge([waits], far: .init(waiting: 3), isWellForOthers: false))
        #expect(found.kind == .dependencyHung)
        #expect(PathModel.judge([PathModel.View()], far: .init(), isWellForOthers: false) == nil)
    }

    @Test("Where checks are not counted, the one there is counts")
    func withoutCounts() {
        let silent = DependencySamples.check("http://10.0.0.3:9090: no connection within 2 s")
        let view = PathModel.View(silent, DependencyTrouble(silent, at: nil), resent: nil)
        #expect(view.outcomes == [.unconnected: 1])
        let counted = DependencySamples.check(
            "http://10.0.0.3:9090: no connection within 2 s",
            values: ["recent_prompt": 1, "recent_unconnected": 3, "recent_unanswered": 1e30]
        )
        let all = PathModel.View(counted, DependencyTrouble(counted, at: nil), resent: nil)
        #expect(all.outcomes == [.prompt: 1, .unconnected: 3, .unanswered: CheckOutcome.recentMax])
        #expect(all.bad == 3 + CheckOutcome.recentMax)
    }
}
