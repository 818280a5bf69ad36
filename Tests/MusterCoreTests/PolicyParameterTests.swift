import MusterCore
import Testing

@Suite struct PolicyParameterTests {
    @Test(
        "Values of each kind",
        arguments: [
            (.version, ["4521", "1.24.3-rc1", "v2_0+build~1", String(repeating: "9", count: 64)]),
            (.word, ["web", "a-b_c", "7zip"]),
            (.integer(1...30), ["1", "30"]),
            (.integer(0...Int(Int32.max)), ["0", "2147483647"]),
            (.oneOf(["a", "b c", "x/y"]), ["a", "b c", "x/y"]),
        ] as [(PolicyParameter, [String])]
    )
    func fits(parameter: PolicyParameter, values: [String]) {
        for value in values { #expect(parameter.complaint(about: value) == nil, "\(value)") }
    }

    @Test(
        "Other values are refused with what they must be",
        arguments: [
            (
                .version, "must be a version",
                [
                    "", "-1", "--help", ".hidden", "+1", "1 2", "1/2", "../4520", "4520\n", "$(id)", "{to}",
                    "４５", "4520;ls", "a\u{0}", "é", String(repeating: "9", count: 65),
                ]
            ),
            (.word, "must be a word", ["", "-a", "_a", "a.b", "a b", "a/b", "a\tb", "ä"]),
            (
                .integer(1...30), "must be a whole number from 1 to 30",
                [
                    "", "0", "31", "-1", "+5", "007", " 5", "5 ", "5.0", "1e1", "0x1", "99999999999999999999",
                    "５",
                ]
            ),
            (
                .oneOf(["a", "b"]), "must be one of a, b",
                ["", "A", "a ", "c", "a, b", "\u{0430}", "a\u{200B}"]
            ),
            // Equal as text, but other bytes.
            (.oneOf(["\u{E9}"]), "must be one of", ["e\u{301}"]),
        ] as [(PolicyParameter, String, [String])]
    )
    func differs(parameter: PolicyParameter, complaint: String, values: [String]) {
        for value in values {
            #expect(parameter.complaint(about: value)?.hasPrefix(complaint) == true, "\(value)")
        }
    }
}

@Suite struct PolicyActionTests {
    private func action(_ argv: [String], _ parameters: [String: PolicyParameter]) -> PolicyAction {
        var action = PolicyAction(name: "deploy", argv: ["/usr/bin/deploy"] + argv)
        action.parameters = parameters
        return action
    }

    @Test("Parameters are put into their elements, each of which stays one element")
    func expands() throws {
        let deploy = action(
            ["--to={to}", "{to}", "{zone}:{wait}", "plain", "{open"],
            ["to": .version, "wait": .integer(1...9), "zone": .oneOf(["a b", "{to}"])]
        )
        #expect(
            try deploy.expand(["to": "4520", "wait": "5", "zone": "a b"])
                == ["/usr/bin/deploy", "--to=4520", "4520", "a b:5", "plain", "{open"]
        )
        // A value that looks like a parameter is not looked at again.
        #expect(try deploy.expand(["to": "4520", "wait": "5", "zone": "{to}"])[3] == "{to}:5")
        #expect(try action(["-v"], [:]).expand([:]) == ["/usr/bin/deploy", "-v"])
    }

    @Test("A parameter that is missing, unknown or of another kind is refused with its name")
    func refuses() {
        let deploy = action(["{to}"], ["to": .version])
        #expect(throws: PolicyRefusal("action deploy needs the parameter \"to\"")) {
            try deploy.expand([:])
        }
        #expect(throws: PolicyRefusal("action deploy has no parameter \"by\" in this host's policy")) {
            try deploy.expand(["to": "4520", "by": "ana"])
        }
        let error = #expect(throws: PolicyRefusal.self) { try deploy.expand(["to": "--help"]) }
        #expect(error?.reason.hasPrefix("parameter \"to\" of action deploy must be a version") == true)
    }
}
