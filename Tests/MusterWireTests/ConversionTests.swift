import FoundationEssentials
import MusterCore
import Testing

@testable import MusterWire

@Suite struct ConversionTests {
    static let now = Timestamp(nanoseconds: 1_800_000_000_000_000_000)
    static let window = TimeWindow(from: now - .seconds(600), to: now)
    static let agent = Digest(bytes: [UInt8](repeating: 7, count: 32)) ?? .zero

    static func plan() -> Plan {
        Plan(
            incident: IncidentID(at: now),
            runbook: "roll-back",
            runbookDigest: agent,
            step: 1,
            action: .command(name: "rollback_shop", parameters: ["to": "4520", "unit": "shop"]),
            targets: [HostReference(id: agent, name: "web-2")],
            rollback: .command(name: "deploy_shop", parameters: ["to": "4521"]),
            irreversible: "",
            notBefore: now,
            expires: now + .seconds(900),
            proposer: "muster",
            evidence: ["a", "b"],
            commitWithin: .seconds(300),
            summary: "Roll web-2 back"
        )
    }

    @Test(arguments: [
        Probe.logs(window: window, service: "checkout", level: .error, text: "timeout"),
        .logs(
            window: window,
            service: "",
            level: nil,
            text: "",
            refinement: LogRefinement(
                regex: "a+b",
                template: "paid <*>",
                order: .spread,
                bucketSeconds: 60,
                contextLines: 3
            )
        ),
        .requests(window: window, service: "", salt: [UInt8](repeating: 3, count: 16), bucketSeconds: 10),
        .metrics(window: window, prefix: "cpu"), .anomalies(window: window, prefix: "disk"),
        .processes(text: "nginx"), .sockets(port: 5432),
        .dependencies(name: "db"), .changes(window: window, service: "x"), .facts,
        .sql(target: "orders", statement: "SELECT 1", settings: ["max_connections"]),
        .ledger(ticket: nil), .ledger(ticket: TicketID(at: now)), .dryRun(plan: plan()),
    ])
    func aQuestionComesBackAsItWas(_ probe: Probe) throws {
        let question = Question(id: QuestionID(at: Self.now), probe: probe)
        #expect(try Question(WireQuestion(question)) == question)
    }

    @Test func whatIsOutOfBoundsInAQuestionAboutLogsIsNotRead() {
        func wire(_ change: (inout WireLogsProbe) -> Void) -> WireQuestion {
            let probe = Probe.logs(window: Self.window, service: "", level: nil, text: "")
            var wire = WireQuestion(Question(id: QuestionID(at: Self.now), probe: probe))
            change(&wire.logs)
            return wire
        }
        for broken in [
            wire { $0.regex = String(repeating: "a", count: 1_025) }, wire { $0.order = "random" },
            wire { $0.contextLines = 21 }, wire { $0.bucketSeconds = .max },
            wire { $0.template = String(repeating: "a", count: 4_097) },
        ] {
            #expect(throws: WireError.self) { try Question(broken) }
        }
    }

    @Test func aQuestionOfAnUnknownKindIsToldApart() throws {
        var wire = WireQuestion(Question(id: QuestionID(at: Self.now), probe: .facts))
        wire.probe = nil
        do {
            _ = try Question(wire)
            Issue.record("accepted")
        } catch {
            #expect(error.code == .unknownKind)
        }
    }

    @Test func aPlansBytesSayExactlyThePlanAndAreTheSameEachTime() throws {
        let plan = Self.plan()
        let bytes = WireCodec.seal(plan)
        #expect(bytes == WireCodec.seal(plan))
        #expect(try WireCodec.plan(from: bytes) == plan)
    }

    @Test func aPlansRolloutIsInItsBytesAndHasToFitItsHosts() throws {
        var plan = Self.plan()
        plan.rollout = Rollout(waves: [1], soak: .seconds(30), atOnce: 3, stopWhen: "Error ratio > 20%")
        #expect(try WireCodec.plan(from: WireCodec.seal(plan)) == plan)
        plan.rollout?.waves = [1, 2]
        #expect(throws: WireError(.malformed, "the waves of the plan must grow up to its 1 hosts")) {
            try WireCodec.plan(from: WireCodec.seal(plan))
        }
    }

    @Test func aPlansVerificationIsInItsBytes() throws {
        var plan = Self.plan()
        plan.verification = HostVerification(
            check: .command(name: "healthy", parameters: ["port": "80"]),
            within: .seconds(30)
        )
        #expect(try WireCodec.plan(from: WireCodec.seal(plan)) == plan)
        let condition = try ExpressionParser.condition("< max_connections * 0.5")
        plan.verification?.check = .sql(statement: "SELECT 1", target: "orders", condition: condition)
        #expect(try WireCodec.plan(from: WireCodec.seal(plan)) == plan)
    }

    @Test func aPlanWithAFieldFromTheFutureIsRefused() {
        // Field 200, varint 1: a limit that somebody approved and this version would not keep.
        let bytes = WireCodec.seal(Self.plan()) + [0xC0, 0x0C, 0x01]
        #expect(throws: WireError(.unknownField, "the plan has a field that this version does not know")) {
            try WireCodec.plan(from: bytes)
        }
    }

    @Test func aTicketCarriesThePlansBytesUntouched() throws {
        let plan = Self.plan()
        let bytes = WireCodec.seal(plan)
        let ticket = Ticket(
            id: TicketID(at: Self.now),
            plan: SealedPlan(id: Self.agent, bytes: bytes, plan: plan),
            agent: Self.agent,
            expires: Self.now,
            approvals: [Approval(signer: "ana", signature: [UInt8](repeating: 1, count: 64))],
            preApproval: PreApproval(
                runbook: Array("steps: []".utf8),
                declaration: WireCodec.declaration(
                    PreApprovalDeclaration(expires: Self.now, irreversible: [1: "sessions end"], selector: "")
                ),
                signer: "ana",
                signature: [UInt8](repeating: 2, count: 64)
            ),
            breakGlass: BreakGlass(
                signer: "bob",
                reason: "niemand sonst geht ans Telefon – ü",
                signature: [UInt8](repeating: 3, count: 64)
            )
        )
        let read = try Ticket(WireTicket(ticket)) { $0 == bytes ? Self.agent : .zero }
        #expect(read == ticket)
        var short = WireTicket(ticket)
        short.approvals[0].signature = Data([1])
        #expect(throws: WireError.self) { try Ticket(short) { _ in Self.agent } }
        var long = WireTicket(ticket)
        long.breakGlass.reason = String(repeating: "x", count: BreakGlass.reasonBytesMax + 1)
        #expect(throws: WireError.self) { try Ticket(long) { _ in Self.agent } }
        long = WireTicket(ticket)
        long.breakGlass.signature = Data([1])
        #expect(throws: WireError.self) { try Ticket(long) { _ in Self.agent } }
    }

    @Test func aReportComesBackAsItWasAndItsOutputKeepsItsEnd() throws {
        var report = ActionReport(
            ticket: TicketID(at: Self.now),
            plan: Self.agent,
            state: .rolledBack,
            at: Self.now,
            reason: "no commit",
            exitStatus: 3,
            output: "ok",
            count: 12
        )
        #expect(try ActionReport(WireActionReport(report)) == report)
        report.output = String(repeating: "x", count: 20_000) + "the end"
        let read = try ActionReport(WireActionReport(report))
        #expect(read.output.utf8.count <= 16 << 10)
        #expect(read.output.hasSuffix("the end"))
    }
}
