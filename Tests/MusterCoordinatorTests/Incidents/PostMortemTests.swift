import MusterCore
import MusterIncident
import Testing

@testable import MusterCoordinator

@Suite struct PostMortemTests {
    @Test func everyEventThatIsTakenOutTakesItsLinesAlong() async throws {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert()
        try await harness.approve(id)
        _ = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        await harness.kill()
        let events = await harness.service.eventsSince(incident: id, sequence: 0)
        let whole = PostMortem(events: events).markdown
        let silent: Set<IncidentEvent.Kind> = [.notified, .postMortemDrafted]
        for event in events where !silent.contains(event.kind) {
            #expect(whole.contains("[\(event.seq)]: muster:event/\(event.id)"), "\(event.kind) is not cited")
            let copy = PostMortem(events: events.filter { $0.seq != event.seq }).markdown
            #expect(!copy.contains("[\(event.seq)]"), "\(event.kind) is still cited")
            #expect(!copy.contains("\(event.id)"))
        }
    }

    @Test func everyClaimCitesAnEventThatExists() async throws {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert()
        try await harness.approve(id)
        _ = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        await harness.kill()
        let events = await harness.service.eventsSince(incident: id, sequence: 0)
        let text = PostMortem(events: events).markdown
        let body = text.split(separator: "## Sources")[0]
        for line in body.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix("|---") {
            if line.hasPrefix("| time") { continue }
            let numbers = line.matches(of: /\[(\d+)\]/).compactMap { Int($0.1) }
            #expect(!numbers.isEmpty, "claims without a source: \(line)")
            #expect(numbers.allSatisfy { number in events.contains { $0.seq == number } })
        }
    }

    @Test func textOfOthersStaysText() {
        let hostile = "<script>x</script> [a](http://b) `c` *d*\n# e | f"
        let text = MarkdownText.escaped(hostile)
        #expect(!text.contains("\n"))
        #expect(text == #"\<script\>x\</script\> \[a\](http://b) \`c\` \*d\* / # e \| f"#)
    }
}
