import MusterCore
import MusterIdentity
import Synchronization

/// The whole agent, runnable in a process of its own or inside a test.
///
///     let agent = try Agent(configuration: …, host: …, performer: …, log: .standardError)
///     try agent.run(handlingSignals: true)
package final class Agent: Sendable {
    private let configuration: AgentConfiguration
    private let host: any ObservedHost
    private let performer: any ActionPerformer
    private let log: AgentLog
    private let mailbox: Mailbox<AgentMessage>
    private let thread = Mutex<AgentThread?>(nil)

    /// Prepares an agent; nothing is opened yet.
    package init(
        configuration: AgentConfiguration,
        host: any ObservedHost,
        performer: any ActionPerformer,
        log: AgentLog
    ) throws(AgentError) {
        self.configuration = configuration
        self.host = host
        self.performer = performer
        self.log = log
        self.mailbox = try Mailbox()
    }

    /// Runs on the calling thread until ``stop()`` or, when it handles signals, TERM or INT.
    ///
    /// Signals must be handled on the main thread of a process, before it has started other threads.
    package func run(handlingSignals: Bool = false) throws(AgentError) {
        let loop = try AgentLoop(
            configuration: configuration,
            host: host,
            performer: performer,
            log: log,
            mailbox: mailbox
        )
        try loop.run(handlingSignals: handlingSignals)
    }

    /// Runs on a thread of its own; throws what would keep it from running at all.
    package func start() throws(AgentError) {
        // Checked here, so that the caller learns of it; the loop reads it again.
        _ = try AgentIdentity(folder: configuration.state)
        let started = try AgentThread("agent") {
            do {
                try self.run()
            } catch {
                self.log.error("agent ended", ["reason": "\(error)"])
            }
        }
        thread.withLock { $0 = started }
    }

    /// Asks it to end and waits until it has, if it was started here.
    package func stop() {
        mailbox.post(.stop)
        thread.withLock { held in
            let taken = held
            held = nil
            return taken
        }?.join()
    }
}

/// What other threads tell the agent's loop.
enum AgentMessage: Sendable {
    case resolved(Result<[SocketAddress], AgentError>)
    case answered(QuestionDesk.Reply)
    case action(ActionDesk.Completion)
    case stop
}
