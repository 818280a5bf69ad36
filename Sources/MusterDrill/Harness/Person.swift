/// Somebody who works with Muster through the command line.
struct Person {
    let name: String
    /// Configuration of the command line: where the coordinator is, the token, perhaps a signing key.
    let folder: String
    let programs: Programs

    var tokenFile: String { "\(folder)/token" }

    /// Tells their command line where the coordinator is and who they are.
    func configure(url: String, caFile: String, token: String) throws(DrillError) {
        try Files.write(token + "\n", to: tokenFile, mode: 0o600)
        try command(["login", "--url", url, "--ca", caFile, "--token-file", tokenFile]).succeed()
    }

    /// The public half of their signing key, in base64.
    func publicKey() throws(DrillError) -> String {
        try command(["operator", "key"]).succeed().filter { !$0.isWhitespace }
    }

    /// A command of theirs.
    func command(_ arguments: [String]) -> Command {
        Command(
            program: programs.muster,
            arguments: arguments,
            environment: ["MUSTER_CONFIG": folder]
        )
    }
}

/// Who takes part in a drill.
struct People {
    /// Sets things up.
    let admin: CoordinatorAPI
    /// May deliver alerts, and nothing else.
    let alertmanager: CoordinatorAPI
    /// What the drill itself looks with.
    let observer: CoordinatorAPI
    /// Deploys, and is on call.
    let responder: Person
    /// Holds the signing key whose public half is pinned on every host.
    let approver: Person
}
