import ProcModel

/// What a segment's header tells, beside its length.
struct FlightSegmentStart {
  /// The time of the last item before the segment.
  var time = Nanoseconds.zero
  /// The offset of the awake clock then.
  var awakeOffset = Nanoseconds.zero
  /// The number of the policy in force.
  var policy: UInt32 = 0
}

/// The ring: segments of one size, the oldest of which is overwritten by the next, and frames in them. It is filled byte
/// by byte and knows nothing of items.
///
/// A page of it takes memory once it is written or made ready. ``makeReady()`` does that ahead of the writer, so that what
/// is written in an emergency needs no page that is new.
///
/// A frame is a length, so many bytes, and a check over all frames of the segment up to its end. So a reader knows which
/// frames of a segment that was cut off are whole, and where in a damaged one the damage begins.
struct FlightRing: Sendable {
  /// What was made ready so far, which grows to the ring's size and stays there. It never moves: all of its room is
  /// reserved at the start.
  private(set) var storage: [UInt8] = []
  private let size: Int
  private let segmentLength: Int
  /// The number of the segment that is being written, from 0.
  private(set) var number: UInt32 = 0
  /// The byte after the last that was written.
  private(set) var end = 0
  /// The length of the frame that is being written; -1 where none is.
  private var frame = -1
  private var isLarge = false
  private var check = CRC32()

  /// What a frame takes beside its bytes, at most.
  private static let overhead = 3 + FlightLayout.frameCheck

  init(_ capacity: FlightCapacity, _ start: FlightSegmentStart) {
    size = capacity.ring
    segmentLength = capacity.segment
    storage.reserveCapacity(size)
    beginSegment(start)
  }

  /// The bytes of memory that it takes once it has gone round.
  var capacity: Int { storage.capacity }

  // MARK: Memory

  /// The bytes that are kept ready ahead of the writer: half a segment.
  private var reserve: Int { segmentLength / 2 }

  /// How much of the reserve may be used up before ``makeReady(isCalm:)`` fills it in an emergency.
  private var leastReserve: Int { reserve / 4 }

  /// Makes memory ready for what will be written next. To be called when no decision is waiting.
  ///
  /// - Parameter isCalm: Whether memory is easily had. Otherwise nothing is done as long as enough is left.
  mutating func makeReady(isCalm: Bool) {
    guard storage.count < size else { return }
    let segmentEnd = start(of: number) + segmentLength
    // What does not fit in this segment any more goes to the next one.
    let bound = (segmentEnd - end < reserve ? segmentEnd : end) + reserve
    if isCalm || storage.count < bound - reserve + leastReserve { extend(to: bound) }
  }

  /// Writes zeros up to an offset, in whole pages of the smallest size.
  @inline(never)
  private mutating func extend(to bound: Int) {
    let wanted = min((bound + 4095) & ~4095, size)
    while storage.count < wanted { storage.append(0) }
  }

  /// Where a segment that is still there begins.
  private func start(of number: UInt32) -> Int {
    Int(number % UInt32(FlightCapacity.segments)) * segmentLength
  }

  /// The bytes that one more frame can have: the one that is open can be closed before it.
  var room: Int {
    max(start(of: number) + segmentLength - end - FlightRing.overhead - FlightLayout.frameCheck, 0)
  }

  /// The number of the oldest segment that is still there.
  var oldest: UInt32 {
    let older = UInt32(FlightCapacity.segments - 1)
    return number > older ? number - older : 0
  }

  /// Overwrites the oldest segment by an empty one.
  mutating func advance(_ start: FlightSegmentStart) {
    settle()
    number &+= 1
    beginSegment(start)
  }

  private mutating func beginSegment(_ segment: FlightSegmentStart) {
    end = start(of: number)
    check.reset()
    put(fixed: UInt64(FlightLayout.segmentMark) | UInt64(number) << 32)
    put(fixed: 0)
    put(fixed: segment.time.count)
    put(fixed: segment.awakeOffset.count)
    put(fixed: UInt64(segment.policy))
  }

  /// Closes the open frame and completes the segment's header.
  mutating func settle() {
    closeFrame()
    let start = start(of: number)
    storage.set(UInt32(end - start - FlightLayout.blockHeaderLength), at: start + 8)
    storage.set(check.value, at: start + 12)
    var header = CRC32()
    header.add(storage, start..<start + FlightLayout.blockCheckedLength)
    storage.set(header.value, at: start + FlightLayout.blockCheckedLength)
  }

  // MARK: Frames

  /// Begins an item of `size` bytes, no more than there is room for. Items that are small share a frame.
  mutating func begin(_ size: Int) {
    if frame >= 0, isLarge || end - frame - 1 + size > FlightLayout.smallFrame { closeFrame() }
    if frame < 0 { openFrame(isLarge: size > FlightLayout.smallFrame) }
  }

  /// Begins an item whose size is not known, in a frame of its own.
  mutating func beginLarge() {
    closeFrame()
    openFrame(isLarge: true)
  }

  /// Closes the open frame. Returns where the next one begins, for ``goBack(to:)``.
  mutating func mark() -> Int {
    closeFrame()
    return end
  }

  /// Forgets the frame that was begun there, and is open still.
  mutating func goBack(to mark: Int) {
    frame = -1
    end = mark
  }

  private mutating func openFrame(isLarge: Bool) {
    frame = end
    self.isLarge = isLarge
    for _ in 0..<(isLarge ? 3 : 1) { put(0) }
  }

  private mutating func closeFrame() {
    guard frame >= 0 else { return }
    let length = end - frame - (isLarge ? 3 : 1)
    if isLarge {
      storage[frame] = 0x80 | UInt8(truncatingIfNeeded: length >> 16)
      storage[frame + 1] = UInt8(truncatingIfNeeded: length >> 8)
      storage[frame + 2] = UInt8(truncatingIfNeeded: length)
    } else {
      storage[frame] = UInt8(truncatingIfNeeded: length)
    }
    check.add(storage, frame..<end)
    frame = -1
    for shift in stride(from: UInt32(0), to: 32, by: 8) { put(UInt8(truncatingIfNeeded: check.value >> shift)) }
  }

  mutating func put(_ byte: UInt8) {
    if end >= storage.count { extend(to: end + 1) }
    storage[end] = byte
    end += 1
  }

  mutating func put(_ bytes: Span<UInt8>) {
    for index in bytes.indices { put(bytes[index]) }
  }

  mutating func put(_ item: borrowing FlightBuffer) {
    for index in 0..<item.count { put(item[index]) }
  }

  private mutating func put(fixed number: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { put(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  /// Writes again what was written before, in a segment that is still there.
  mutating func putAgain(_ range: Range<Int>) {
    for index in range { put(storage[index]) }
  }

  // MARK: Reading

  /// Whether the bytes of a range, which is no shorter, begin with these.
  func holds(_ head: Span<UInt8>, _ rest: Span<UInt8>, at range: Range<Int>) -> Bool {
    guard range.count == head.count + rest.count else { return false }
    var position = range.lowerBound
    for index in head.indices {
      if storage[position] != head[index] { return false }
      position += 1
    }
    for index in rest.indices {
      if storage[position] != rest[index] { return false }
      position += 1
    }
    return true
  }

  /// The bytes of the segment that is being written, its header among them.
  var writtenLength: Int { end - start(of: number) }

  /// The first bytes of a segment that is still there, in ``storage``.
  func range(of number: UInt32, length: Int) -> Range<Int> {
    let start = start(of: number)
    return start..<start + length
  }

  /// The length of a segment that is still there and complete, as its header tells.
  func length(of number: UInt32) -> Int {
    let start = start(of: number)
    var length = 0
    for index in 0..<4 { length |= Int(storage[start + 8 + index]) << (8 * index) }
    return FlightLayout.blockHeaderLength + length
  }
}
