import MusterCore
import Testing

@testable import MusterCause

/// How, when and where a change went live.
@Suite struct ChangeDeliveryTests {
    private let symptom = ChangeSamples.symptom("checkout failed")

    private func change(_ id: String, _ file: String = "lib/a.go", at minutes: Double = -30) -> CodeChange {
        ChangeSamples.change(id, file, "@@\n-\ta(1, x)\n+\tb(y)\n", at: minutes)
    }

    private func rank(_ window: ChangeWindow, _ symptom: Symptom? = nil) -> ChangeRanking {
        ChangeJudge.rank(window, against: symptom ?? self.symptom)
    }

    @Test("What went live after the trouble began did not begin it, though it is the latest")
    func after() throws {
        let window = ChangeSamples.window(
            [change("before1"), change("after01")],
            at: ["before1": -7, "after01": 2]
        )
        let ranking = rank(window)
        #expect(ranking.changes.map(\.id) == ["before1", "after01"])
        #expect(ranking.weight("after01", .time) <= -5)
    }

    @Test("The deploy counts, not the commit: a long way back it still may be it, with less weight")
    func delayed() {
        let window = ChangeSamples.window(
            [change("near001"), change("far0001")],
            at: ["near001": -3, "far0001": -180]
        )
        let ranking = rank(window)
        #expect(ranking.weight("near001", .time) > 0)
        #expect(ranking.weight("far0001", .time) < 0)
        #expect(ranking.weight("far0001", .time) > -2)
    }

    @Test("A commit without a deploy of its own goes live with the next one of its folder")
    func along() {
        let rider = change("rider01", "apps/orders/db/pool.go", at: -20)
        let head = change("head001", "apps/orders/db/names.go", at: -10)
        let elsewhere = change("other01", "apps/stock/shelf.go", at: -15)
        let window = ChangeWindow(
            commits: [rider, head, elsewhere, change("stock01", "apps/stock/x.go", at: -50)],
            deploys: [
                Deploy(service: "orders", at: ChangeSamples.minutes(-3), commit: "head001"),
                Deploy(service: "stock", at: ChangeSamples.minutes(-40), commit: "stock01"),
            ],
            flags: []
        )
        let ranking = rank(window)
        #expect(ranking.weight("rider01", .delivery) > 1)
        #expect(ranking.weight("head001", .delivery) > ranking.weight("rider01", .delivery))
        // Its service was not deployed since.
        #expect(ranking.weight("other01", .delivery) < -1)
    }

    @Test(
        "A deploy where it failed first counts more than one on the caller, and that more than one with no trouble"
    )
    func places() {
        var symptom = symptom
        symptom.service = "web"
        let window = ChangeSamples.window(
            [change("first01"), change("caller1"), change("quiet01")],
            on: ["first01": "orders", "caller1": "web", "quiet01": "elsewhere"]
        )
        let ranking = rank(window, symptom)
        #expect(ranking.changes.map(\.id) == ["first01", "caller1", "quiet01"])
        #expect(ranking.weight("quiet01", .place) < 0)
    }

    @Test("A service that others call may be hurt by a message of a service that is well")
    func contract() {
        let symptom = ChangeSamples.symptom("cannot decode: no field grossCents")
        let format = ChangeSamples.change(
            "format1",
            "apps/pay/event.go",
            "@@\n-\tgrossCents int\n+\tgross string\n"
        )
        let window = ChangeSamples.window(
            [format, ChangeSamples.innocent],
            at: ["format1": -1],
            on: ["format1": "pay"]
        )
        let ranking = rank(window, symptom)
        #expect(ranking.weight("format1", .place) == 0)
        #expect(ranking.changes.first?.id == "format1")
    }

    @Test("Code behind a flag is met when the flag is turned, not when it is deployed")
    func flag() throws {
        let hidden = ChangeSamples.change(
            "hidden1",
            "apps/orders/new.go",
            "@@\n+\tif flags.On(\"swift-basket\") {\n+\t\treturn newBasket()\n+\t}\n",
            at: -300
        )
        func time(_ flags: [FlagChange]) -> Double {
            rank(ChangeSamples.window([hidden], at: ["hidden1": -290], flags: flags)).change("hidden1")?.score
                ?? 0
        }
        let turned = FlagChange(name: "swift_basket", service: "orders", at: ChangeSamples.minutes(-1))
        let other = FlagChange(name: "dark_mode", service: "orders", at: ChangeSamples.minutes(-1))
        #expect(time([turned]) > time([]) + 1)
        #expect(time([other]) == time([]))
    }

    @Test("The names of services count nowhere")
    func renamed() {
        let names = ["orders": "q7", "web": "zz-top", "stock": "catalog-retry-timeout"]
        func world(_ name: (String) -> String) -> ChangeRanking {
            var symptom = ChangeSamples.symptom("call to \(name("stock")) gave up: deadline of 2s exceeded")
            symptom.services = Set(["orders", "web", "stock"].map(name))
            symptom.service = name(symptom.service)
            symptom.troubled = Dictionary(
                uniqueKeysWithValues: symptom.troubled.map { (name($0.key), $0.value) }
            )
            symptom.failing = Set(symptom.failing.map(name))
            symptom.calls = Set(
                symptom.calls.map { Symptom.Call(caller: name($0.caller), callee: name($0.callee)) }
            )
            let tight = ChangeSamples.change(
                "tight01",
                "apps/\(name("orders"))/\(name("stock"))_client.go",
                "@@ \(name("stock"))\n-\tdeadline: 8s\n+\tdeadline: 2s\n"
            )
            let other = ChangeSamples.change(
                "other01",
                "apps/\(name("stock"))/x.go",
                "@@\n+\tfor range items {}\n"
            )
            let window = ChangeSamples.window(
                [tight, other],
                on: ["tight01": name("orders"), "other01": name("stock")]
            )
            return ChangeJudge.rank(window, against: symptom)
        }
        let plain = world { $0 }
        let renamed = world { names[$0] ?? $0 }
        #expect(plain.changes.map(\.id) == renamed.changes.map(\.id))
        #expect(plain.changes.map(\.score) == renamed.changes.map(\.score))
        #expect(plain.none.score == renamed.none.score)
    }
}
