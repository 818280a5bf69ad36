import MusterCore
import Testing

@testable import MusterCause

/// "None of these": when what is seen points away from everything that was changed.
@Suite struct OutsideSignsTests {
    /// A harmless change of the code that meets the trouble, deployed on the failing service just before.
    private let near = ChangeSamples.window(
        [
            ChangeSamples.change(
                "near001",
                "apps/orders/parcel.go",
                "@@\n-\tl, err := c.createLabel(p)\n+\tl, err := c.labels.createLabel(ctx, p)\n"
            )
        ]
    )

    private func rank(_ symptom: Symptom) -> ChangeRanking { ChangeJudge.rank(near, against: symptom) }

    @Test(
        "What logs say of certificates, machines and networks speaks for none of the changes",
        arguments: [
            "createLabel: x509: certificate has expired or is not yet valid", "createLabel: API key expired",
            "createLabel: kernel: nvme0: I/O error, sector 7", "createLabel: dial tcp: no route to host",
            "createLabel: lookup failed: SERVFAIL",
        ]
    )
    func logs(_ line: String) { #expect(rank(ChangeSamples.symptom(line)).first.id == "none") }

    @Test("Calls that fail at somebody else's server speak for none; refused ones do not")
    func peers() {
        func symptom(_ text: String) -> Symptom {
            var symptom = ChangeSamples.symptom("createLabel failed")
            symptom.outsideFailures = (0..<3).map { _ in
                Symptom.OutsideFailure(peer: "api.parcels.example", service: "orders", text: text)
            }
            return symptom
        }
        #expect(rank(symptom("503 Service Unavailable")).first.id == "none")
        #expect(rank(symptom("read: connection timed out")).first.id == "none")
        let refused = rank(symptom("status=401 unauthorized"))
        #expect(refused.weight("none", .outside) == 0)
        #expect(refused.first.id == "near001")
    }

    @Test("Failures in one place, and far more traffic, speak for none")
    func places() {
        var symptom = ChangeSamples.symptom("createLabel failed")
        let plain = rank(symptom).none.probability
        symptom.onlyAt = "zone b"
        #expect(rank(symptom).none.probability > plain + 0.2)
        symptom.onlyAt = ""
        symptom.surge = "web"
        #expect(rank(symptom).none.probability > plain + 0.2)
    }

    @Test("A change that tightened what fails at the other side is named all the same")
    func tightened() {
        var symptom = ChangeSamples.symptom("createLabel: timeout of 100ms")
        symptom.outsideFailures = [
            Symptom.OutsideFailure(peer: "api.parcels.example", service: "orders", text: "timeout of 100ms")
        ]
        symptom.newValues = ["timeout_ms": ["100"]]
        symptom.oldValues = ["timeout_ms": ["6000"]]
        let tight = ChangeSamples.change(
            "tight01",
            "apps/orders/parcel.go",
            "@@ createLabel\n-\ttimeout: 6s\n+\ttimeout: 100ms\n"
        )
        #expect(ChangeJudge.rank(ChangeSamples.window([tight]), against: symptom).first.id == "tight01")
    }
}
