/// The real programs that a drill drives; they lie beside the drill's own.
struct Programs {
    let folder: String

    var drill: String { "\(folder)/muster-drill" }
    var agent: String { "\(folder)/muster-agent" }
    var coordinator: String { "\(folder)/muster-coordinator" }
    var muster: String { "\(folder)/muster" }

    /// Finds them; throws when one is missing.
    init() throws(DrillError) {
        guard let own = Files.linkTarget("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
            throw DrillError(.missing, "can't find the drill's own program through /proc/self/exe")
        }
        folder = String(own[..<slash])
        for program in [drill, agent, coordinator, muster] where !Files.isExecutable(program) {
            throw DrillError(.missing, "\(program) is missing; build all products first: Deploy/build")
        }
    }
}
