import Logging
import MusterCause
import MusterCore
import MusterIdentity
import MusterIncident
import MusterRecord

/// Carries out what an incident's engine wants done.
///
/// Each call tries once, except where a host or a measurement is waited for, and brings the events that the
/// directive ends in; none when it has to be tried again.
struct DirectivePerformer: Sendable {
    let fleet: any Fleet
    let changes: ChangeStore
    let store: IncidentStore
    let library: RunbookLibrary
    let notifier: Notifier
    let configuration: CoordinatorConfiguration
    let logger: Logger
    let now: @Sendable () -> Timestamp
    /// When the coordinator started.
    let started: Timestamp
    /// Other incidents that act on the same hosts or service already.
    let holders: @Sendable (Set<AgentID>, Incident) -> [IncidentSummary]
    let map: ServiceMapLookup
    /// How a runbook has done so far, by its name; nil when it never ran.
    let record: @Sendable (String) -> RunbookRecord?
    /// What past incidents of such a signature turned out to be; nil when nothing is known at all.
    let recall: @Sendable (IncidentSignature) -> Recollection?

    /// Stores events while the directive is still being carried out.
    typealias Emit = @Sendable ([IncidentEvent]) async -> Void

    /// Pause between two measurements of a verification.
    static let measurePause = Duration.seconds(1)
    /// How often a check that could not measure tries before the step fails.
    static let checkTries = 5

    /// How long after a start hosts that were there before are waited for.
    static let returnMax = Duration.seconds(10)
    /// How long ago such a host was last heard at most; what is saved of it may be five minutes old.
    static let heardWithin = Duration.seconds(900)

    func perform(_ directive: IncidentDirective, for incident: Incident, emit: Emit) async -> [IncidentEvent]
    {
        switch directive {
        case .collectContext, .investigate, .check, .propose, .verify: await awaitReturn(of: incident)
        default: break
        }
        switch directive {
        case .record(let event): return [event]
        case .collectContext:
            let result = await triage.collect(incident)
            let signature = IncidentSignature(
                incident,
                findings: result.findings,
                cause: nil,
                hosts: result.context.hosts.map(\.host)
            )
            let past = recall(signature).map { [IncidentEvent.pastRecalled(recollection: $0)] } ?? []
            return [.contextCollected(context: result.context)]
                + result.findings.map { .findingMade(finding: $0) }
                + (await keep(result.evidence, of: incident)) + past
        case .investigate(let round): return await investigate(incident, round: round)
        case .matchRunbook: return [matcher.match(incident, in: library.read())]
        case .check(let step): return await check(step, of: incident)
        case .propose(let step): return await propose(step, of: incident)
        case .look(let plan, let wave): return await look(plan, before: wave, of: incident)
        case .issueTicket(let plan, let host): return issue(plan, to: host, of: incident)
        case .deliver(let ticket): return await courier.run(.deliver, ticket, of: incident, emit: emit)
        case .follow(let ticket):
            let errand = CourierEngine.Errand.follow(known: incident[ticket]?.state)
            return await courier.run(errand, ticket, of: incident, emit: emit)
        case .conclude(let ticket, let keep):
            return await courier.run(.conclude(keep: keep), ticket, of: incident, emit: emit)
        case .verify(let step): return await verify(step, of: incident)
        case .tell(let purpose): return await tell(purpose, of: incident)
        case .measureImpact: return [await impact(of: incident)]
        case .draftPostMortem: return await draft(incident)
        }
    }

    /// After a start the fleet needs seconds to dial in again: whoever asks at once hears only silence, and takes
    /// it for the truth.
    private func awaitReturn(of incident: Incident) async {
        while now() < started + Self.returnMax {
            let away = Scope(incident: incident, hosts: await fleet.hosts()).near.filter { host in
                host.state == .disconnected && host.lastSeen.map { $0 > started - Self.heardWithin } ?? false
            }
            guard !away.isEmpty, await Self.pause(.milliseconds(100)) else { return }
        }
    }

    // MARK: Looking

    private var triage: Triage {
        Triage(fleet: fleet, changes: changes, changeWindow: configuration.changeWindow, now: now)
    }

    private var matcher: RunbookMatcher {
        RunbookMatcher(signals: configuration.signals, coverageMin: configuration.coverageMin)
    }

    private var measurement: Measurement {
        Measurement(fleet: fleet, signals: configuration.signals, now: now)
    }

    private var courier: ActionCourier { ActionCourier(fleet: fleet, logger: logger) }

    private func investigate(_ incident: Incident, round: Int) async -> [IncidentEvent] {
        let knowledge = RunbookMatcher.knowledge(
            of: library.read().runbooks,
            alerts: incident.alerts,
            signals: configuration.signals
        )
        let investigation = Investigation(
            fleet: fleet,
            triage: triage,
            now: now,
            map: map,
            recall: recall
        )
        let result = await investigation.run(incident, round: round, knowledge: knowledge)
        let kept = await keep(result.evidence, of: incident)
        let past = result.recollection.map { [IncidentEvent.pastRecalled(recollection: $0)] } ?? []
        return result.findings.map { .findingMade(finding: $0) } + kept + past
            + [
                .inquiryMade(inquiry: result.inquiry),
                .hypothesisRanked(ranking: result.ranking, round: round),
            ]
    }

    /// Keeps the answers whose signatures are their hosts'; the event that names them, or none when there are none.
    private func keep(_ gathered: GatheredEvidence, of incident: Incident) async -> [IncidentEvent] {
        guard !gathered.items.isEmpty else { return [] }
        let right = gathered.items.filter {
            SHA256.hash($0.bytes) == $0.evidence.digest && $0.evidence.isSigned
        }
        let refused = gathered.items.count - right.count
        if refused > 0 {
            logger.warning(
                "answers with a signature that is not their host's are no evidence",
                metadata: ["incident": "\(incident.id)", "answers": "\(refused)"]
            )
        }
        let kept: Set<Digest>
        do throws(StoreError) {
            kept = try await store.keep(
                right.map { KeptAnswer(digest: $0.evidence.digest, bytes: $0.bytes) },
                of: incident.id,
                bytesMax: configuration.evidenceBytesMax
            )
        } catch {
            // The findings stand without it; what can't be written at all shows when they are stored.
            logger.error("evidence can't be kept", metadata: ["reason": "\(error)"])
            kept = []
        }
        let evidence = right.map(\.evidence).filter { kept.contains($0.digest) }
        let omitted = gathered.omitted + right.count - evidence.count
        return [.evidenceKept(evidence: evidence, refused: refused, omitted: omitted)]
    }

    private func check(_ step: Int, of incident: Incident) async -> [IncidentEvent] {
        guard case .verifyHypothesis(let check)? = incident.match?.runbook.steps[step].action else {
            return []
        }
        var problem = ""
        for attempt in 1...Self.checkTries {
            do throws(RemediationError) {
                let reading = try await measurement.read(check, for: incident, since: nil)
                let outcome: StepOutcome = reading.met ? .passed : .failed
                return [.stepEnded(step: step, outcome: outcome, text: reading.text, values: reading.values)]
            } catch {
                problem = error.message
            }
            guard attempt < Self.checkTries, await Self.pause(Self.measurePause) else { break }
        }
        guard !Task.isCancelled else { return [] }
        return [
            .stepEnded(
                step: step,
                outcome: .failed,
                text: "it could not be measured: \(problem)",
                values: [:]
            )
        ]
    }

    /// Measures until what is wanted holds, or the step's time is over; that counts from the stored start.
    private func verify(_ step: Int, of incident: Incident) async -> [IncidentEvent] {
        guard case .verifyResolution(let check, let timeout)? = incident.match?.runbook.steps[step].action,
            let record = incident.steps[step]
        else { return [] }
        // By our own clock, which the windows of the questions are in; the host's may be minutes off.
        let since = incident.tickets.filter { $0.report != nil }.map(\.touched).max()
        var text = "nothing was measured"
        var values: [String: Double] = [:]
        repeat {
            do throws(RemediationError) {
                let reading = try await measurement.read(check, for: incident, since: since)
                (text, values) = (reading.text, reading.values)
                if reading.met { return [.verified(step: step, passed: true, text: text, values: values)] }
            } catch {
                text = "it could not be measured: \(error.message)"
            }
            if now() >= record.started + timeout {
                text += ", not within \(timeout.spoken)"
                return [.verified(step: step, passed: false, text: text, values: values)]
            }
        } while await Self.pause(Self.measurePause)
        return []
    }

    // MARK: Acting

    private func propose(_ step: Int, of incident: Incident) async -> [IncidentEvent] {
        let maker = PlanMaker(fleet: fleet, planLife: configuration.planLife, now: now)
        var problem = ""
        for attempt in 1...Self.checkTries {
            do throws(RemediationError) {
                let proposal = try await maker.plan(step: step, of: incident)
                let plan = proposal.plan
                let others = holders(Set(plan.plan.targets.map(\.id)), incident).map { other in
                    "another incident acts there already: \(other.title) (\(other.id))"
                }
                let record = record(plan.plan.runbook)?.doubt(configuration.runbookBar)
                let doubts = proposal.doubts + others + (record.map { [$0] } ?? [])
                return [.planProposed(plan: plan, doubts: doubts, trials: proposal.trials)]
            } catch {
                problem = error.message
            }
            guard attempt < Self.checkTries, await Self.pause(Self.measurePause) else { break }
        }
        guard !Task.isCancelled else { return [] }
        let text = "no plan can be made: \(problem)"
        return [.stepEnded(step: step, outcome: .failed, text: text, values: [:])]
    }

    /// Measures the stop condition; none of it when that can't be done, so that the rollout waits.
    private func look(_ id: PlanID, before wave: Int, of incident: Incident) async -> [IncidentEvent] {
        guard let plan = incident[id]?.sealed.plan else { return [] }
        do {
            let phrase = try ExpressionParser.phrase(plan.spread.stopWhen)
            let check = RunbookCheck.signal(name: phrase.name, condition: phrase.condition)
            let reading = try await measurement.read(check, for: incident, since: nil)
            return [.rolloutLooked(plan: id, wave: wave, stops: reading.met, text: reading.text)]
        } catch {
            logger.notice(
                "the stop condition of a plan can't be measured, so its next wave waits",
                metadata: [
                    "plan": "\(id.short)", "condition": "\(plan.spread.stopWhen)", "reason": "\(error)",
                ]
            )
            return []
        }
    }

    private func issue(_ plan: PlanID, to host: HostReference, of incident: Incident) -> [IncidentEvent] {
        guard let record = incident[plan] else { return [] }
        let moment = now()
        let expires = min(moment + configuration.ticketLife, record.sealed.plan.expires)
        return [.actionTicketed(ticket: TicketID(at: moment), plan: plan, host: host, expires: expires)]
    }

    // MARK: Telling

    private func tell(_ purpose: NotificationPurpose, of incident: Incident) async -> [IncidentEvent] {
        let message = Messages.message(for: purpose, of: incident)
        let delivery = await notifier.send(message)
        guard !Task.isCancelled else { return [] }
        return [
            .notified(
                purpose: purpose,
                channel: delivery.channel,
                text: message.text,
                delivered: delivery.delivered,
                reason: delivery.reason
            )
        ]
    }

    /// Counts the requests from the onset to the end once more, on all hosts of the service.
    private func impact(of incident: Incident) async -> IncidentEvent {
        let end = incident.resolved ?? incident.closed ?? now()
        let window = TimeWindow(from: min(incident.context?.onset ?? incident.opened, end), to: end)
        let blast = await triage.blast(of: incident, in: window)
        return .impactMeasured(
            impact: IncidentImpact(
                window: window,
                blast: blast,
                costPerFailedRequest: configuration.costPerFailedRequest,
                costPerMinute: configuration.costPerMinute,
                currency: configuration.currency
            )
        )
    }

    private func draft(_ incident: Incident) async -> [IncidentEvent] {
        do {
            let events = try await store.events(of: incident.id)
            let text = PostMortem(events: events).markdown
            return [
                .postMortemDrafted(digest: PostMortem.digest(text), version: incident.postMortemVersion + 1)
            ]
        } catch {
            logger.error("the post-mortem can't be drafted", metadata: ["reason": "\(error)"])
            return []
        }
    }

    /// False when the task was cancelled meanwhile.
    static func pause(_ length: Duration) async -> Bool {
        do {
            try await Task.sleep(for: length)
            return true
        } catch {
            return false
        }
    }
}
