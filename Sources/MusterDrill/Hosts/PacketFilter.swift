import MusterCore

/// Rules of nftables in the network of one pretended host.
struct PacketFilter {
    private static let program = "/usr/sbin/nft"

    let host: DemoHost

    /// Adds rules to the chains `input` and `output` of a table of the drill's own.
    ///
    /// The table ends with the namespace.
    func add(input: [String] = [], output: [String] = []) throws(DrillError) {
        guard Files.isExecutable(Self.program) else {
            throw DrillError(.missing, "nftables is not installed; try: apt-get install nftables")
        }
        func chain(_ name: String, _ rules: [String]) -> String {
            (["chain \(name) {", "type filter hook \(name) priority 0;"] + rules + ["}"]).joined(
                separator: "\n"
            )
        }
        let rules = "table inet drill {\n\(chain("input", input))\n\(chain("output", output))\n}\n"
        try host.command(Self.program, [rules]).succeed()
    }
}
