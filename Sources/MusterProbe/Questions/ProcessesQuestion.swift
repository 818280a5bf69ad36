import Glibc
import MusterCore

/// Answers which processes run.
struct ProcessesQuestion {
    let reader: HostReader
    let recorder: MetricsRecorder
    let text: String
    let budget: QuestionBudget

    /// Looks at all processes; reads command lines and open files only of those that are told.
    func answer(_ clock: QuestionClock) -> (Outcome, Answer?) {
        let readings: [ProcessReading]
        do throws(ProbeError) { readings = try reader.processes() } catch {
            return (Outcome(.failed, reason: error.message), nil)
        }
        var answer = ProcessesAnswer()
        answer.total = readings.count
        var matching: [(reading: ProcessReading, ratio: Double)] = []
        for reading in readings {
            guard !clock.mustStop else { return (clock.stopped, nil) }
            guard matches(reading) else { continue }
            matching.append((reading, recorder.cpuRatio(of: reading) ?? 0))
        }
        matching.sort {
            ($1.ratio, $1.reading.residentPages, $0.reading.pid) < (
                $0.ratio, $0.reading.residentPages, $1.reading.pid
            )
        }
        let bootSeconds = (try? reader.bootTime()) ?? 0
        for (reading, ratio) in matching.prefix(max(0, budget.rowsMax)) {
            guard !clock.mustStop else { break }
            answer.processes.append(row(reading, ratio, bootSeconds: bootSeconds))
        }
        let dropped = matching.count - answer.processes.count
        guard dropped == 0 else {
            if clock.wasCancelled { return (clock.stopped, nil) }
            let reason = "\(dropped) processes that use less CPU were left out"
            return (Outcome(.partial, reason: reason, rowsDropped: dropped), .processes(answer))
        }
        return (Outcome(.ok), .processes(answer))
    }

    private func matches(_ reading: ProcessReading) -> Bool {
        text.isEmpty || reading.name.contains(text) || reader.commandLine(of: reading.pid).contains(text)
    }

    private func row(_ reading: ProcessReading, _ ratio: Double, bootSeconds: Int) -> ProcessRow {
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return ProcessRow(
            pid: reading.pid,
            parent: reading.parent,
            name: reading.name,
            command: SecretMask.mask(reader.commandLine(of: reading.pid)),
            state: reading.state,
            uid: reader.userID(of: reading.pid) ?? 0,
            cpuRatio: ratio,
            residentBytes: reading.residentPages &* max(1, sysconf(Int32(_SC_PAGESIZE))),
            threads: reading.threads,
            openFiles: reader.openFiles(of: reading.pid) ?? 0,
            started: Timestamp(seconds: Double(bootSeconds) + Double(reading.startTicks) / ticks)
        )
    }
}
