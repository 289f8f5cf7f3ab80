package import ProcModel

/// Keeps the last minutes of what the machine answered the agent, and what the agent did, in a ring (docs/flight.md).
///
/// All memory is taken by ``init(_:policy:named:capacity:)``. Nothing is allocated afterwards, but by
/// ``takeUp(policy:named:at:)``, which belongs to reloads.
///
/// Every item has its own time, `at`. An item with the time of the one before it takes no bytes for that: a caller that
/// emits many items at once gives all of them one time.
package struct FlightRecorder: ~Copyable {
  package let header: FlightHeader
  package let sizes: FlightCapacity

  var ring: FlightRing
  var rows: FlightRows
  var texts: FlightTextTable
  var processes: FlightProcesses
  /// By number, and one for all others.
  var readings: [FlightDomain]
  /// The fields of the last survey, beside its rows.
  var survey = FlightFields()
  /// The present of the last survey, from which the ages of sightings are reckoned.
  var lastNow = Ticks.zero
  /// Whether a survey is under way.
  var isSurveying = false
  /// What the survey that is under way was begun with.
  var surveyNote = FlightSurveyNote()
  /// The bytes that the last survey took, without rows that were told in full.
  var surveyLength = 0
  /// Whether the last survey had more processes than could be told.
  var isPartial = false
  /// The highest process number of the last survey.
  var highestPID: Int32 = 0

  // What is at hand while an item is put together.

  var fields = FlightFields()
  let none = FlightFields()
  var oldRow = FlightRow()
  var lastRow = FlightRow()
  /// One item, or one step of a survey.
  var item = FlightBuffer(capacity: 512)
  /// One row.
  var rowItem = FlightBuffer(capacity: 512)
  /// How a text begins. It outlives the beginning of a segment.
  var textHead = FlightBuffer(capacity: 32)

  /// The time of the last item.
  package private(set) var time: Nanoseconds
  private(set) var toldOffset = Nanoseconds.zero
  /// `CLOCK_BOOTTIME` minus `CLOCK_MONOTONIC`, for the items that follow. It is told where it changes. The two clocks
  /// are not read at once, so the caller should change it only when it has moved by more than that can explain.
  package var awakeOffset = Nanoseconds.zero

  var lastText = FlightLastText()
  /// The number of texts that were the same as before, and are not written yet.
  var run = 0

  private let headerBytes: [UInt8]
  /// The block of the policy in force, and that of the one before it; empty where there was none.
  private var policyBytes: [UInt8]
  private var policyBytesBefore: [UInt8] = []
  /// The number of the policy in force.
  private(set) var policy: UInt32 = 0
  /// The number of times that what a snapshot hands out has changed.
  private var snapshots: UInt32 = 0

  /// Bytes that are kept free for what has yet to be written of a run of texts.
  static let slack = 48

  /// Takes all memory and begins the flight at the header's time.
  ///
  /// - Parameters:
  ///   - policy: The image of the policy in force.
  ///   - name: What the agent calls that policy.
  package init(
    _ header: FlightHeader, policy image: [UInt8], named name: [UInt8], capacity: FlightCapacity = .standard
  ) {
    self.header = header
    sizes = capacity
    ring = FlightRing(capacity, FlightSegmentStart(time: header.started))
    rows = FlightRows(capacity)
    texts = FlightTextTable(capacity: capacity.texts(keepsCommandLines: header.keepsCommandLines))
    processes = FlightProcesses(processes: capacity.processes)
    readings = [FlightDomain](repeating: FlightDomain(), count: FlightLayout.domains + 1)
    time = header.started
    headerBytes = [UInt8](header)
    policyBytes = [UInt8](FlightPolicy(number: 0, time: header.started, name: name, image: image))
    writeKeyframe()
    makeReady(isCalm: true)
  }

  /// Makes memory ready for what will be written next, so that an item needs no page that is new. What is made ready is
  /// half a segment, and room for half as many rows again. To be called often, and when no decision is waiting. Allocates
  /// nothing.
  ///
  /// - Parameter isCalm: Whether memory is easily had. Otherwise nothing is done as long as an eighth of a segment is
  ///   left.
  package mutating func makeReady(isCalm: Bool) {
    ring.makeReady(isCalm: isCalm)
    if isCalm { rows.makeReady() }
  }

  /// The bytes of memory that it holds once the ring has gone round.
  package var footprint: Int {
    var count = ring.capacity + rows.capacity + texts.capacity + processes.capacity + item.capacity + rowItem.capacity
    count += textHead.capacity + readings.capacity * MemoryLayout<FlightDomain>.stride + headerBytes.capacity
    return count + policyBytes.capacity + policyBytesBefore.capacity
  }

  /// Another policy came into force. Its image is kept beside the ring, and that of the policy before it as well, so
  /// that what is left of that time can be replayed. Allocates.
  package mutating func takeUp(policy image: [UInt8], named name: [UInt8], at now: Nanoseconds) {
    begin(.policy, at: now, room: 32)
    policy &+= 1
    item.put(number: UInt64(policy))
    end()
    policyBytesBefore = policyBytes
    policyBytes = [UInt8](FlightPolicy(number: policy, time: now, name: name, image: image))
    snapshots &+= 1
  }

  // MARK: Writing

  /// Begins an item in the buffer. The segment has room for it.
  ///
  /// - Parameter room: The most bytes that the item takes.
  mutating func begin(_ tag: FlightTag, at now: Nanoseconds, room: Int) {
    flushRun()
    if ring.room < room + FlightRecorder.slack { advance() }
    put(tag, at: now)
  }

  /// Begins an item in the buffer, for which there is room.
  mutating func put(_ tag: FlightTag, at now: Nanoseconds) {
    put(tag, at: now, awakeOffset: awakeOffset)
  }

  /// Begins an item that belongs to the last one, of its time.
  mutating func putAlongside(_ tag: FlightTag) {
    put(tag, at: time, awakeOffset: toldOffset)
  }

  private mutating func put(_ tag: FlightTag, at now: Nanoseconds, awakeOffset: Nanoseconds) {
    item.clear()
    var first = tag.rawValue
    if now != time { first |= FlightTag.hasTime }
    if now < time { first |= FlightTag.isEarlier }
    if awakeOffset != toldOffset { first |= FlightTag.hasOffset }
    item.put(first)
    if now != time { item.put(number: now < time ? (time - now).count : (now - time).count) }
    if awakeOffset != toldOffset { item.put(awakeOffset.count, since: toldOffset.count) }
    time = now
    toldOffset = awakeOffset
  }

  /// Whether an item of this time tells nothing of time.
  func isPresent(_ now: Nanoseconds) -> Bool { now == time && awakeOffset == toldOffset }

  /// Writes the item in the buffer.
  mutating func end() {
    ring.begin(item.count)
    ring.put(item)
  }

  /// Writes the item in the buffer, then bytes, of which so many are kept.
  mutating func end(with bytes: Span<UInt8>, _ kept: Int) {
    item.put(number: UInt64(bytes.count))
    item.put(number: UInt64(kept))
    ring.begin(item.count + kept)
    ring.put(item)
    ring.put(bytes.extracting(0..<kept))
  }

  /// Overwrites the oldest segment by one that begins with a keyframe.
  mutating func advance() {
    ring.advance(FlightSegmentStart(time: time, awakeOffset: toldOffset, policy: policy))
    snapshots &+= 1
    writeKeyframe()
  }

  /// Where the flight is, for ``goBack(to:)``.
  struct Mark {
    let end: Int
    let time: Nanoseconds
    let offset: Nanoseconds
  }

  mutating func mark() -> Mark { Mark(end: ring.mark(), time: time, offset: toldOffset) }

  /// Takes back the item that was begun there.
  mutating func goBack(to mark: Mark) {
    ring.goBack(to: mark.end)
    time = mark.time
    toldOffset = mark.offset
  }

  // MARK: Snapshots

  /// Completes what has been written, so that it can be handed out. Allocates nothing.
  package mutating func beginSnapshot() -> FlightSnapshot {
    flushRun()
    ring.settle()
    snapshots &+= 1
    return FlightSnapshot(
      blocks: (headerBytes, policyBytesBefore, policyBytes), number: snapshots, oldest: ring.oldest,
      newest: ring.number, newestLength: ring.writtenLength)
  }

  /// Whether the flight can still be handed out as it was at a snapshot: no segment was overwritten since then, no policy
  /// replaced, and no other snapshot begun.
  package func holds(_ snapshot: FlightSnapshot) -> Bool { snapshot.number == snapshots }

  /// The number of bytes of all pieces.
  package func length(of snapshot: FlightSnapshot) -> UInt64 {
    var length: UInt64 = 0
    for number in 0..<snapshot.pieces { length += UInt64(piece(number, of: snapshot).count) }
    return length
  }

  /// A piece of the flight's file. All pieces, one after the other, are the file.
  ///
  /// - Parameters:
  ///   - piece: Below ``FlightSnapshot/pieces``.
  ///   - snapshot: Of which this is one. ``holds(_:)`` it; else the piece is empty.
  @_lifetime(borrow self)
  package func piece(_ piece: Int, of snapshot: FlightSnapshot) -> Span<UInt8> {
    guard holds(snapshot), piece < snapshot.pieces else { return headerBytes.span.extracting(0..<0) }
    switch piece {
    case 0: return headerBytes.span
    case 1: return policyBytesBefore.span
    case 2: return policyBytes.span
    default:
      let number = snapshot.oldest &+ UInt32(piece - 3)
      let length = number == snapshot.newest ? snapshot.newestLength : ring.length(of: number)
      return ring.storage.span.extracting(ring.range(of: number, length: length))
    }
  }
}

/// A flight as it was at one moment. It can be handed out while the agent goes on, until a segment is overwritten.
///
/// It keeps the blocks of header and policies, so that they stay where they are while it is kept.
package struct FlightSnapshot: Sendable {
  let blocks: (header: [UInt8], before: [UInt8], policy: [UInt8])
  let number: UInt32
  let oldest: UInt32
  let newest: UInt32
  let newestLength: Int

  /// The header, two policies, of which the first may be empty, and segments.
  package var pieces: Int { 3 + Int(newest &- oldest) + 1 }
}
