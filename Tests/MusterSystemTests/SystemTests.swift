import Testing

/// Tests with real processes, one after the other.
///
/// They wait for programs and keep a thread meanwhile. Of these the test runner has as many as the machine has processors:
/// two at once would let the tests of everything else stand still, and fail by their deadlines.
@Suite(.serialized) enum SystemTests {}
