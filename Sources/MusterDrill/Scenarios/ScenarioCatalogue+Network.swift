import Glibc
import MusterCore

extension ScenarioCatalogue {
    /// Faults of databases, networks and dependencies.
    static let network: [Entry] = [
        Entry("dependency-down", "the internal service that payments need is stopped") { _ in
            PaymentsScenario("dependency-down", .dependencyDown, "the payment service on pay-1 is stopped") {
                around in
                around.stage.narrator.say("Fault: the payment service on pay-1 ends.")
                around.process.stop(asking: SIGQUIT)
            }
        },
        Entry("dependency-hung", "the internal service that payments need accepts and never answers") { _ in
            PaymentsScenario("dependency-hung", .dependencyHung, "the payment service on pay-1 hangs") {
                around in
                around.stage.narrator.say(
                    "Fault: all processes of the payment service on pay-1 stop where they are (SIGSTOP)."
                )
                around.process.signalGroup(SIGSTOP)
            }
        },
        Entry("failing-service", "an internal service fails by itself; its health check is well") { _ in
            failingService
        },
        Entry("lock-wait", "a forgotten transaction keeps a lock that payments need") { _ in LockWait() },
        Entry("slow-query", "an index that each payment needs is dropped") { _ in SlowQuery() },
        Entry("certificate-expiry", "the certificate of an internal service ends") { _ in certificateExpiry },
        Entry("dns-failure", "the name server that the shop asks is gone") { _ in dnsFailure },
        Entry("nginx-upstream-dead", "the shop behind nginx is gone") { _ in UpstreamDead() },
        Entry("network-delay", "packets of an internal service come late") { _ in networkDelay },
        Entry("tcp-reset", "connections to an internal service are reset") { _ in tcpReset },
        Entry("partition", "a packet filter cuts one host off from an internal service") { _ in partition },
        Entry("network-loss", "packets from and to an internal service get lost") { _ in networkLoss },
    ]

    private static var failingService: PaymentsScenario {
        PaymentsScenario(
            "failing-service",
            .defect,
            "the payment service on pay-1 fails six of 16 authorisations; its health check is well"
        ) { around in
            around.stage.narrator.say(
                "Fault: a bug wakes up in the payment service: it answers 500 now and then. Its health check is well."
            )
            try Files.write("", to: PaymentsScenario.faultFile(of: around.service))
        }
    }

    private static var certificateExpiry: PaymentsScenario {
        var scenario = PaymentsScenario(
            "certificate-expiry",
            .certificate,
            "the certificate of the payment service on pay-1 has expired"
        ) { around in
            guard let certificate = around.certificate else { return }
            let left = certificate.expires - WallClock.now()
            around.stage.narrator.say("Fault: in \(left.spoken) the certificate of the payment service ends.")
            try Interruption.sleep(max(.zero, left))
        }
        // Bringing everything up and an ordinary day must fit in.
        scenario.certificateLife = .seconds(75)
        return scenario
    }

    private static var dnsFailure: PaymentsScenario {
        var scenario = PaymentsScenario(
            "dns-failure",
            .dns,
            "web-1 and web-2 can't resolve names: their name server on dns-1 is gone",
            at: .hosts(["web-1", "web-2"])
        ) { around in
            around.stage.narrator.say("Fault: the name server on dns-1 ends.")
            around.nameServer?.stop()
        }
        scenario.domain = "pay.shop.internal"
        scenario.needsNamespaces = true
        return scenario
    }

    private static var networkDelay: PaymentsScenario {
        var scenario = PaymentsScenario(
            "network-delay",
            .networkDelay,
            "packets of the payment service on pay-1 come 300 ms late"
        ) { around in
            let stage = around.stage
            let host = around.service.host
            stage.narrator.say("Fault: what pay-1 sends to web-1 and web-2 takes 300 ms longer.")
            try stage.start("delay", [stage.programs.drill, "delay", "--milliseconds", "300"], on: host.name)
            try Interruption.wait(upTo: .seconds(10), for: "the delay; see \(host.folder)/logs/delay.out") {
                ((try? Files.text("\(host.folder)/logs/delay.out")) ?? "").contains("ready")
            }
            let addresses = stage.hosts.filter { $0.plan.duty == .web }.map(\.network.address)
            for command in PacketDelay.commands(for: addresses, network: stage.clients) {
                try host.command(command[0], Array(command.dropFirst())).succeed()
            }
        }
        scenario.needsNamespaces = true
        return scenario
    }

    private static var tcpReset: PaymentsScenario {
        var scenario = PaymentsScenario(
            "tcp-reset",
            .network,
            "connections to the payment service on pay-1 are reset"
        ) { around in
            around.stage.narrator.say("Fault: something before pay-1 answers each request with a reset.")
            let request = "tcp dport \(around.service.port) tcp flags & psh == psh"
            try PacketFilter(host: around.service.host).add(input: ["\(request) reject with tcp reset"])
        }
        scenario.needsNamespaces = true
        return scenario
    }

    private static var partition: PaymentsScenario {
        var scenario = PaymentsScenario(
            "partition",
            .network,
            "web-2 is cut off from the payment service on pay-1",
            at: .hosts(["web-2"])
        ) { around in
            around.stage.narrator.say(
                "Fault: a new rule of the packet filter on web-2 drops what goes to pay-1."
            )
            let address = around.service.host.network.address
            try PacketFilter(host: try around.stage.host("web-2")).add(output: ["ip daddr \(address) drop"])
        }
        scenario.needsNamespaces = true
        return scenario
    }

    private static var networkLoss: PaymentsScenario {
        var scenario = PaymentsScenario(
            "network-loss",
            .networkLoss,
            "30% of the packets from and to the payment service on pay-1 get lost"
        ) { around in
            around.stage.narrator.say("Fault: 30% of the packets from and to the payment service get lost.")
            let lost = "numgen random mod 100 < 30 drop"
            let port = around.service.port
            try PacketFilter(host: around.service.host).add(
                input: ["tcp dport \(port) \(lost)"],
                output: ["tcp sport \(port) \(lost)"]
            )
        }
        scenario.needsNamespaces = true
        return scenario
    }
}
