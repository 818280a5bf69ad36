import MusterCore
import Testing

@testable import MusterCause

/// Each kind of evidence by itself: a culprit that it singles out beside a change that has nothing to do with it.
@Suite struct ChangeJudgeTests {
    private func rank(
        _ culprit: CodeChange,
        _ symptom: Symptom,
        without: Set<ChangeMechanism> = []
    ) -> ChangeRanking {
        var weights = ChangeWeights()
        weights.without = without
        let window = ChangeSamples.window([ChangeSamples.innocent, culprit])
        return ChangeJudge.rank(window, against: symptom, weights: weights)
    }

    struct Incident: CustomTestStringConvertible, Sendable {
        var file: String
        var diff: String
        var errors: [String]
        var mechanism: ChangeMechanism
        var testDescription: String { "\(mechanism): \(file)" }
    }

    private static let incidents = [
        Incident(
            file: "apps/orders/stock_client.go",
            diff:
                "@@\n-\tc := dial(addr, WithTimeout(4*time.Second))\n+\tc := dial(addr, WithTimeout(200*time.Millisecond))\n",
            errors: ["reserve failed: deadline of 200ms exceeded"],
            mechanism: .values
        ),
        Incident(
            file: "deploy/prod/orders.yaml",
            diff: "@@ limits:\n-    memory: 2Gi\n+    memory: 512Mi\n",
            errors: ["container orders-7f killed: OOMKilled"],
            mechanism: .values
        ),
        Incident(
            file: "apps/orders/worker.properties",
            diff: "@@\n-max.poll.records=200\n+max.poll.records=9000\n",
            errors: ["the consumer left the group: poll took too long, rebalance"],
            mechanism: .values
        ),
        Incident(
            file: "apps/orders/repo.py",
            diff: "@@\n+    return db.all(\"SELECT gift_note FROM order_extras\")\n",
            errors: ["relation \"order_extras\" does not exist"],
            mechanism: .identifiers
        ),
        Incident(
            file: "apps/orders/place.go",
            diff:
                "@@\n-\tif basket.Address != nil {\n-\t\tship(basket.Address)\n-\t}\n+\tship(basket.Address)\n",
            errors: ["panic: nil pointer dereference"],
            mechanism: .behaviour
        ),
        Incident(
            file: "apps/orders/history.rb",
            diff:
                "@@\n-  rows = users.find_all(ids)\n+  for order in orders\n+    order.user = users.find(order.user_id)\n+  end\n",
            errors: ["slow: 400 queries in one request, duration 9 s"],
            mechanism: .behaviour
        ),
        Incident(
            file: "apps/orders/recent.sql",
            diff: "@@\n-SELECT * FROM placed ORDER BY at LIMIT 20\n+SELECT * FROM placed ORDER BY at\n",
            errors: ["slow query on placed, 3000000 rows"],
            mechanism: .behaviour
        ),
        Incident(
            file: "apps/orders/session.go",
            diff: "@@\n-\tif len(s.all) > most {\n-\t\ts.evictOldest()\n-\t}\n \ts.all[k] = v\n",
            errors: ["runtime: out of memory"],
            mechanism: .behaviour
        ),
        Incident(
            file: "apps/orders/mail.go",
            diff: "@@\n-\tsend(mail)\n+\tgo func() { send(mail) }()\n",
            errors: ["90000 goroutines"],
            mechanism: .behaviour
        ),
        Incident(
            file: "deploy/prod/orders.yaml",
            diff: "@@\n-  logLevel: warn\n+  logLevel: debug\n",
            errors: ["write: no space left on disk"],
            mechanism: .behaviour
        ),
        Incident(
            file: "go.mod",
            diff: "@@\n-\tgithub.com/lib/dialect v1.4.0\n+\tgithub.com/lib/dialect v2.0.1\n",
            errors: ["startup failed: dialect: incompatible version of the registry"],
            mechanism: .dependencies
        ),
        Incident(
            file: "apps/orders/tax.go",
            diff: "@@\n-\treturn rates[country]\n+\treturn rates[region]\n",
            errors: ["index out of range at orders.tax (/src/apps/orders/tax.go:41)"],
            mechanism: .owners
        ),
        Incident(
            file: "apps/orders/vat.go",
            diff: "@@\n+\treturn fmt.Errorf(\"unknown country of the parcel\")\n",
            errors: ["rejected: unknown country of the parcel"],
            mechanism: .literals
        ),
        Incident(
            file: "apps/orders/auth.go",
            diff: "@@\n-\tv := verifier(audience(\"shop\"))\n+\tv := verifier(audience(\"shop-api\"))\n",
            errors: ["token rejected: unauthorized"],
            mechanism: .kinds
        ),
    ]

    @Test(
        "The change whose diff speaks of the symptom is named, and its evidence is said",
        arguments: incidents
    )
    func named(_ incident: Incident) throws {
        var symptom = ChangeSamples.symptom()
        symptom.texts += incident.errors.map { Symptom.Text($0, weight: 1) }
        let ranking = rank(ChangeSamples.change("culprit", incident.file, incident.diff), symptom)
        #expect(ranking.first.id == "culprit", "\(ranking.none) \(ranking.changes)")
        #expect(ranking.weight("culprit", incident.mechanism) > 0.5, "\(ranking.first.reasons)")
        #expect(ranking.weight("innocent", incident.mechanism) <= 0.05)
        let sum = ranking.changes.reduce(ranking.none.probability) { $0 + $1.probability }
        #expect(abs(sum - 1) < 1e-9)
    }

    @Test("A kind of evidence that is left out gives nothing", arguments: incidents)
    func without(_ incident: Incident) {
        var symptom = ChangeSamples.symptom()
        symptom.texts += incident.errors.map { Symptom.Text($0, weight: 1) }
        let culprit = ChangeSamples.change("culprit", incident.file, incident.diff)
        #expect(
            rank(culprit, symptom, without: [incident.mechanism]).weight("culprit", incident.mechanism) == 0
        )
    }

    @Test("A setting that is measured and moved as the diff says is the strongest of all values")
    func step() {
        var symptom = ChangeSamples.symptom("waited for a connection")
        symptom.steps = [Symptom.Step(metric: "pool_max", before: 60, after: 6)]
        let culprit = ChangeSamples.change(
            "culprit",
            "lib/db.go",
            "@@\n-const maxConns = 60\n+const maxConns = 6\n"
        )
        let ranking = rank(culprit, symptom)
        #expect(ranking.first.id == "culprit")
        #expect(ranking.first.reasons[0].text.hasPrefix("changed `max_conns` from 60 to 6, as pool_max did"))
    }

    @Test("What failures have and successes had is the change of a value, seen from both sides")
    func beforeAndAfter() {
        var symptom = ChangeSamples.symptom("call failed")
        let culprit = ChangeSamples.change("culprit", "a/c.go", "@@\n-\twait: 3000,\n+\twait: 40,\n")
        let unseen = rank(culprit, symptom).weight("culprit", .values)
        symptom.newValues = ["wait": ["40"]]
        let seen = rank(culprit, symptom).weight("culprit", .values)
        symptom.oldValues = ["wait": ["3000"]]
        let both = rank(culprit, symptom).weight("culprit", .values)
        #expect(unseen < seen && seen < both)
    }

    @Test("More room than before speaks against a change, even if the new value shows in the logs")
    func loosened() {
        let symptom = ChangeSamples.symptom("gave up after 9s: timeout")
        let looser = ChangeSamples.change("culprit", "a/c.go", "@@\n-\ttimeout: 3s\n+\ttimeout: 9s\n")
        #expect(rank(looser, symptom).weight("culprit", .values) < 0)
    }

    @Test("What was only moved tells less than what came or went")
    func moved() {
        let symptom = ChangeSamples.symptom("fetchParcel failed")
        let moved = ChangeSamples.change(
            "culprit",
            "a/b.go",
            "@@\n-\tx := fetchParcel(a)\n+\ty := fetchParcel(a)\n"
        )
        let new = ChangeSamples.change("culprit", "a/b.go", "@@\n+\ty := fetchParcel(a)\n")
        #expect(
            rank(moved, symptom).weight("culprit", .identifiers)
                < rank(new, symptom).weight("culprit", .identifiers)
        )
    }

    @Test("What many changes have tells little")
    func rarity() {
        let symptom = ChangeSamples.symptom("cannot read parcelLabel")
        let culprit = ChangeSamples.change("culprit", "a/b.go", "@@\n+\tparcelLabel(x)\n")
        let others = (0..<30).map {
            ChangeSamples.change("other\($0)", "a/\($0).go", "@@\n+\tparcelLabel(\($0))\n")
        }
        let alone = ChangeJudge.rank(ChangeSamples.window([culprit]), against: symptom)
        let among = ChangeJudge.rank(ChangeSamples.window([culprit] + others), against: symptom)
        #expect(among.weight("culprit", .identifiers) < 0.5 * alone.weight("culprit", .identifiers))
    }

    @Test("Huge and broken diffs are read as far as they are bounded")
    func bounds() {
        let long = String(repeating: "+\ta := 99999999999999999999999999 * 1.5.5 % 7x\n", count: 20_000)
        let broken = ["", "@@", "+", "-\n+\n", "@@ @@\n+++ \n---", "+\u{0}\u{FFFD}é*/ 5*", long]
        let changes = broken.enumerated().map { ChangeSamples.change("change\($0)", "a/\($0).go", $1) }
        let ranking = ChangeJudge.rank(ChangeSamples.window(changes), against: ChangeSamples.symptom(long))
        #expect(ranking.changes.count == broken.count)
        #expect(ranking.changes.allSatisfy { $0.score.isFinite })
        #expect(
            CodeChange(id: "a", message: "", at: .zero, files: [], diff: long).diff.utf8.count <= 64 << 10
        )
    }

    @Test("Without any change, none of them did it")
    func empty() {
        let ranking = ChangeJudge.rank(
            ChangeWindow(commits: [], deploys: [], flags: []),
            against: ChangeSamples.symptom()
        )
        #expect(ranking.changes.isEmpty)
        #expect(ranking.none.probability == 1)
    }
}
