import ProcModel

/// Reads a flight from the bytes of its file. For the tool and for tests: it allocates.
///
/// Any bytes give items or an error, and never a trap. What it remembers is bounded by the file: at most 65 535 rows and
/// as many texts, of 4 KiB each, for which the file must have told them. Damage in one segment leaves the others
/// readable: after an error of ``next()`` the next call goes on behind that segment.
package struct FlightReader: Sendable {
  let bytes: [UInt8]
  package let header: FlightHeader
  /// The policies that were in force lately, the oldest first. The image of one that two others replaced is not kept.
  package private(set) var policies: [FlightPolicy] = []
  /// The number of the policy in force at the item that was read last.
  package internal(set) var policy: UInt32 = 0
  /// The number of the segment that was read last.
  package private(set) var segment: UInt32?
  /// How the flight ends; nil until ``next()`` has returned nil.
  package private(set) var ending: FlightEnding?

  /// Where the next block begins.
  private var position: Int
  /// Whether the file ends within the segment that is being read.
  private var isCut = false
  /// Of the segment that is being read.
  private var frames: FlightFrames?
  /// The part of a frame that was not read yet.
  private var frame = 0..<0
  var memory: FlightMemory
  /// Texts that have yet to be given one by one.
  var run = 0

  /// Reads header and policies.
  ///
  /// - Throws: ``FlightError`` where no segment can be read: the header is another version's, is damaged or is cut off,
  ///   or a policy is damaged.
  package init(_ bytes: [UInt8]) throws(FlightError) {
    self.bytes = bytes
    let (header, length) = try FlightHeader.parse(bytes.span)
    self.header = header
    memory = FlightMemory(units: header.units)
    position = length
    while let block = try FlightBlock(bytes.span, at: position), block.mark == FlightLayout.policyMark, !block.isCut {
      policies.append(try FlightPolicy(block, bytes.span))
      position = block.payload.upperBound
    }
  }

  /// Returns the next item; nil at the end, of which ``ending`` tells.
  ///
  /// - Throws: ``FlightError`` where a segment is damaged or makes no sense. All items before the damage were returned.
  package mutating func next() throws(FlightError) -> FlightEntry? {
    while true {
      if run > 0, let entry = nextOfRun() { return entry }
      if frame.isEmpty { takeFrame() }
      if !frame.isEmpty {
        if let entry = try nextInFrame() { return entry }
      } else if let frames {
        self.frames = nil
        if frames.isDamaged, let segment {
          memory.isLost = true
          throw .damaged(.segment(segment), offset: frames.end)
        }
        if isCut {
          ending = .cutOff(offset: frames.end)
          return nil
        }
      } else if try !nextSegment() {
        return nil
      }
    }
  }

  private mutating func takeFrame() {
    guard var frames, let taken = frames.take(bytes.span) else { return }
    frame = taken
    self.frames = frames
  }

  /// - Returns: False at the end of the file.
  private mutating func nextSegment() throws(FlightError) -> Bool {
    if ending != nil { return false }
    guard position < bytes.count else {
      ending = .whole
      return false
    }
    let start = position
    // If this is no segment, what follows it cannot be found.
    ending = .cutOff(offset: start)
    guard let block = try FlightBlock(bytes.span, at: start) else { return false }
    guard block.mark == FlightLayout.segmentMark else {
      if block.isCut { return false }
      throw .malformed(block.part, offset: start)
    }
    ending = nil
    position = block.payload.upperBound
    isCut = block.isCut
    if let segment, block.number != segment &+ 1 { memory.isLost = true }
    if segment == nil, block.number > 0 { memory.isLost = true }
    segment = block.number
    memory.begin(block.start)
    policy = block.start.policy
    frames = FlightFrames(block, bytes.span)
    return true
  }

  /// - Returns: Nil where the item gives nothing by itself.
  private mutating func nextInFrame() throws(FlightError) -> FlightEntry? {
    // The items are read while what is remembered of them changes.
    let bytes = bytes
    var scanner = FlightScanner(bytes.span, from: frame.lowerBound, to: frame.upperBound)
    do throws(FlightFault) {
      let item = try take(&scanner)
      frame = scanner.offset..<frame.upperBound
      guard let item else { return nil }
      return FlightEntry(time: memory.time, awakeOffset: memory.awakeOffset, item: item)
    } catch {
      frame = 0..<0
      frames = nil
      run = 0
      memory.isLost = true
      throw .malformed(.segment(segment ?? 0), offset: error.offset)
    }
  }
}

/// What differences refer to, as it was told.
struct FlightMemory: Sendable {
  let units: KernelUnits
  var time = Nanoseconds.zero
  var awakeOffset = Nanoseconds.zero
  var domains = [FlightDomain](repeating: FlightDomain(), count: FlightLayout.domains)
  var survey = FlightFields()
  var now = Ticks.zero
  var rows: [FlightRow] = []
  /// By number.
  var texts: [FlightText?] = []
  /// The number of the text that was last read of a process, by process and file.
  var textOf = IntegerMap(capacity: 64)
  /// The process that comes after a process in the rows; 0 where none does.
  var after = IntegerMap(capacity: 64)
  var lastText = FlightLastText()
  /// Whether a keyframe has to come before anything else: at the beginning of a segment.
  var needsKeyframe = true
  /// Whether something is missing before the keyframe that comes next.
  var isLost = false

  init(units: KernelUnits) {
    self.units = units
  }

  mutating func begin(_ start: FlightSegmentStart) {
    time = start.time
    awakeOffset = start.awakeOffset
    needsKeyframe = true
  }

  // MARK: Texts

  static func key(_ pid: Int32) -> UInt64 { UInt64(UInt32(bitPattern: pid)) }
  static func key(_ pid: Int32, _ file: FlightTextFile) -> UInt64 { key(pid) << 2 | UInt64(file.rawValue) }

  func text(_ number: UInt64) -> FlightText? {
    guard number > 0, number <= UInt64(texts.count) else { return nil }
    return texts[Int(number) - 1]
  }

  mutating func set(_ text: FlightText, number: Int) {
    while texts.count < number { texts.append(nil) }
    texts[number - 1] = text
  }

  /// Notes which process comes after which.
  mutating func listRows() {
    after.removeAll()
    var last: Int32?
    for row in rows {
      let pid = row.identity.pid
      if let last { after.set(FlightMemory.key(last), to: FlightMemory.key(pid)) }
      after.set(FlightMemory.key(pid), to: 0)
      last = pid
    }
  }
}
