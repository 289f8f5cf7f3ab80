package import LinuxSystem
import Policy
package import ProcModel

/// Writes events as JSON Lines (docs/record.md), each line when its event is over.
package struct Recorder: ~Copyable {
  /// Raised when the meaning of a field changes or one goes away; not when one is added.
  package static let schema: UInt64 = 1

  /// Bytes of memory for lines that are not out yet. A decision with eight candidates takes some 6 KiB (RecorderTests).
  static let ringSize = 32 * 1024

  /// Where lines go.
  package var sink: LineSink
  var json = JSONWriter(capacity: 32 * 1024)
  package let isDryRun: Bool
  package let run: RunID
  /// What the file may hold, once it has a writer of its own.
  let bound: FileBound?
  /// Nanoseconds since 1970: only records have this time, and no kill is decided by it.
  let sinceEpoch: @Sendable () -> UInt64

  /// - Parameters:
  ///   - sink: Where lines go; nil writes none.
  ///   - isTorn: Whether the file ends in the middle of a line, as one does whose writer was killed.
  ///   - bound: What the file may hold; nil where it may grow.
  package init(
    sink: consuming OwnedDescriptor?, isDryRun: Bool, isTorn: Bool = false, run: RunID = RunID(),
    bound: FileBound? = nil,
    sinceEpoch: @escaping @Sendable () -> UInt64 = { Clock.sinceEpoch() }
  ) {
    self.sink = LineSink(sink, isTorn: isTorn)
    self.isDryRun = isDryRun
    self.run = run
    self.bound = bound
    self.sinceEpoch = sinceEpoch
  }

  /// The time of day.
  package var moment: Timestamp { Timestamp(nanosecondsSinceEpoch: sinceEpoch()) }

  /// Counts lines as lost until there is a sink.
  package mutating func awaitSink() {
    sink.lose()
  }

  /// Writes to `file` from here on, which could not be opened before.
  package mutating func takeUp(_ file: consuming OwnedDescriptor) {
    sink.attach(file)
    // Else the agent writes the record itself, and waits where the file does.
    try? detach()
  }

  /// Has lines written by a process of its own from here on, so that the agent does not wait for the file.
  package mutating func detach() throws(Errno) {
    try sink.detach(size: Recorder.ringSize, name: CPath("spillway-record"), bound: bound)
  }

  /// The time of day.
  package var now: Nanoseconds { Nanoseconds(sinceEpoch()) }

  /// Records an event.
  package mutating func write<E: Event>(_ event: E) {
    if event.compose(in: &self) { write() }
  }

  /// Composes the line of an event and does not write it: so that its code and memory are in place, or for a hook to
  /// read (``line``).
  package mutating func prepare<E: Event>(_ event: E) {
    _ = event.compose(in: &self)
  }

  /// Records that lines of another output are lost from here on.
  ///
  /// - Parameter reason: Why the last of them is.
  package mutating func lost(_ output: String, _ reason: Errno) {
    begin("lost")
    json.field("output", output)
    json.field("error", reason.text)
    finish()
    write()
  }

  /// The last line that was composed, with its newline.
  package var line: Span<UInt8> {
    @_lifetime(borrow self) get { json.bytes.span }
  }

  /// Writes the last line that was composed. It tells how many were lost before it, where some were.
  ///
  /// - Parameter folded: The number of events like it that were left out before it (``Folding``).
  package mutating func write(folded: UInt64 = 0) {
    let lost = sink.untoldLines()
    if lost > 0 || folded > 0 {
      json.reopen()
      if folded > 0 { json.field("folded", folded) }
      if lost > 0 { json.field("lost_lines", lost) }
      json.endObject()
      json.newline()
    }
    sink.put(json.bytes, telling: lost)
  }

  // MARK: Parts of lines

  mutating func begin(_ event: String) {
    json.clear()
    json.beginObject()
    json.field("schema", Recorder.schema)
    json.key("time")
    let now = sinceEpoch()
    json.rawString { bytes in bytes.append(Timestamp(nanosecondsSinceEpoch: now)) }
    json.field("event", event)
    json.key("boot_id")
    if let boot = run.boot { json.value(untrusted: boot.bytes) } else { json.null() }
    json.field("dry_run", isDryRun)
  }

  /// - Returns: True: there is a line.
  @discardableResult
  mutating func finish() -> Bool {
    json.endObject()
    json.newline()
    return true
  }

  /// - Parameter number: 0 where the event belongs to none.
  mutating func field(incident number: UInt32) {
    json.key("incident")
    guard number > 0 else { return json.null() }
    let run = run
    json.rawString { bytes in bytes.append(incident: number, of: run) }
  }

  /// Which fallback is in force, if one is.
  mutating func field(_ fallback: PolicyFallback?) {
    json.field("policy_fallback", optional: fallback?.kind.name)
  }

  /// - Parameter name: In the policy's text; nil for the system.
  mutating func field(domain name: Slice?, of policy: CompiledPolicy) {
    json.key("domain")
    if let name { json.value(untrusted: policy.bytes(name)) } else { json.value("system") }
  }
}
