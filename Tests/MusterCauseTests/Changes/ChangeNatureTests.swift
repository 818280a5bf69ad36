import MusterCause
import Testing

@Suite struct ChangeNatureTests {
    /// What a change gets for what it is, beside an effective one.
    private func nature(_ file: String, _ diff: String) -> Double {
        let change = ChangeSamples.change("a", file, diff)
        let symptom = ChangeSamples.symptom("cannot price the basket")
        return ChangeJudge.rank(ChangeSamples.window([change]), against: symptom).weight("a", .nature)
    }

    @Test(
        "What can't matter in production is told by its files or its lines",
        arguments: [
            ("docs/price.md", "@@\n+Prices are in cents.\n"),
            ("apps/orders/price_test.go", "@@\n+\tcheck(price(3))\n"),
            (".github/workflows/build.yml", "@@\n+  go-version: 1.24\n"),
            ("apps/web/shop.css", "@@\n+a { color: red }\n"),
            ("deploy/staging/orders.yaml", "@@\n-replicas: 3\n+replicas: 1\n"),
            ("apps/orders/price.go", "@@\n-// old words\n+// new words\n"),
            ("apps/orders/price.go", "@@\n-\tif a   {\n+\tif a {\n"),
            ("apps/orders/price.go", "@@\n-\tlog.Info(\"priced\")\n+\tlog.Info(\"priced\", id)\n"),
        ]
    )
    func harmless(_ file: String, _ diff: String) { #expect(nature(file, diff) <= -2, "\(file): \(diff)") }

    @Test("What runs is not taken for a log line because of a name")
    func catalogue() {
        #expect(
            nature(
                "apps/orders/price.go",
                "@@\n-\titem := c.catalog.Fetch(id)\n+\titem := c.catalog.Read(id)\n"
            ) == 0
        )
        #expect(nature("requirements.txt", "@@\n-left==1.0.0\n+left==2.0.0\n") == 0)
        #expect(nature("deploy/prod/orders.yaml", "@@\n-replicas: 3\n+replicas: 1\n") == 0)
    }

    @Test("A diff that is not known counts against a change, though less than one that can't matter")
    func unseen() {
        let weight = nature("apps/orders/price.go", "")
        #expect(weight < 0 && weight > -2)
    }
}
