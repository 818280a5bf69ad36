import MusterCore
import Testing

@Suite struct WeeklyHoursTests {
    /// What is allowed, a moment, and the next moment at which it is; empty when it is at once.
    static let moments: [(String, String, String)] = [
        // 2027-01-04 is a Monday.
        ("mon-fri 08:00-18:00 UTC", "2027-01-04T08:00:00Z", ""),
        ("mon-fri 08:00-18:00 UTC", "2027-01-04T17:59:59.999Z", ""),
        ("mon-fri 08:00-18:00 UTC", "2027-01-04T18:00:00Z", "2027-01-05T08:00:00Z"),
        ("mon-fri 08:00-18:00 UTC", "2027-01-04T07:59:59.5Z", "2027-01-04T08:00:00Z"),
        ("mon-fri 08:00-18:00 UTC", "2027-01-08T18:00:01Z", "2027-01-11T08:00:00Z"),
        ("mon-fri 08:00-18:00 UTC", "2027-01-10T12:00:00Z", "2027-01-11T08:00:00Z"),
        ("fri 22:00-06:00 UTC", "2027-01-09T05:59:00Z", ""),
        ("fri 22:00-06:00 UTC", "2027-01-09T06:00:00Z", "2027-01-15T22:00:00Z"),
        ("fri 22:00-06:00 UTC", "2027-01-08T05:00:00Z", "2027-01-08T22:00:00Z"),
        // Over the end of the week.
        ("sun 23:00-01:00 UTC", "2027-01-04T00:30:00Z", ""),
        ("sun 23:00-01:00 UTC", "2027-01-04T01:00:00Z", "2027-01-10T23:00:00Z"),
        ("sat-mon 10:00-11:00 UTC", "2027-01-04T10:30:00Z", ""),
        ("sat-mon 10:00-11:00 UTC", "2027-01-05T10:30:00Z", "2027-01-09T10:00:00Z"),
        ("daily 00:00-24:00 UTC", "2027-01-06T23:59:59Z", ""),
        ("mon 08:00-09:00 UTC, wed 10:00-11:00 UTC", "2027-01-04T09:30:00Z", "2027-01-06T10:00:00Z"),
        ("mon 08:00-09:00 UTC, wed 10:00-11:00 UTC", "2027-01-06T10:30:00Z", ""),
        ("mon 08:00-09:00 UTC", "2027-01-04T09:00:00Z", "2027-01-11T08:00:00Z"),
        ("mon-fri 08:00-18:00 UTC", "1969-12-31T17:59:59.5Z", ""),
        ("mon-fri 08:00-18:00 UTC", "1969-12-31T18:00:00.5Z", "1970-01-01T08:00:00Z"),
    ]

    @Test("Hours say when an action may begin, and when it may next", arguments: WeeklyHoursTests.moments)
    func begins(_ text: String, _ now: String, _ next: String) throws {
        let hours = try #require(WeeklyHours(text))
        let moment = try #require(Timestamp(rfc3339: now))
        #expect(hours.next(after: moment)?.description ?? "" == next)
    }

    @Test(
        "What is no hours is refused",
        arguments: [
            "", "mon-fri", "mon-fri 08:00-18:00", "mon-fri 08:00-18:00 CET", "08:00-18:00 UTC",
            "mon-fri 8:00-18:00 UTC", "mon-fri 08:00-25:00 UTC", "mon-fri 24:00-08:00 UTC",
            "mon-fri 08:00-08:00 UTC", "mon-fri 08:60-09:00 UTC", "mo 08:00-09:00 UTC",
            "mon- 08:00-09:00 UTC",
            "mon-tue-wed 08:00-09:00 UTC", "mon 08:00-09:00 UTC,", "mon 08:00–09:00 UTC",
            "mon +8:00-09:00 UTC",
            (0...16).map { _ in "daily 08:00-09:00 UTC" }.joined(separator: ", "),
        ]
    )
    func mistakes(_ text: String) { #expect(WeeklyHours(text) == nil) }
}
