import ProcModel

/// The parts of a flight's file: header, policies and segments. Nothing of a part is used before its checks are right.
struct FlightBlock {
  var mark: UInt32
  var number: UInt32
  /// The bytes that follow its header, as far as the file has them.
  var payload: Range<Int>
  /// Whether the file ends before the payload does.
  var isCut: Bool
  var check: UInt32
  var start: FlightSegmentStart

  var part: FlightPart { mark == FlightLayout.segmentMark ? .segment(number) : .policy(number) }

  /// - Parameter offset: Where it begins.
  /// - Returns: Nil where the file ends within its header.
  init?(_ bytes: Span<UInt8>, at offset: Int) throws(FlightError) {
    let end = offset + FlightLayout.blockHeaderLength
    guard end <= bytes.count else { return nil }
    let checked = bytes.extracting(offset..<offset + FlightLayout.blockCheckedLength)
    var scanner = FlightScanner(bytes, from: offset, to: end)
    do throws(FlightFault) {
      mark = try scanner.fixed()
      number = try scanner.fixed()
      let length: UInt32 = try scanner.fixed()
      check = try scanner.fixed()
      start = FlightSegmentStart(
        time: Nanoseconds(try scanner.fixed()), awakeOffset: Nanoseconds(try scanner.fixed()),
        policy: try scanner.fixed())
      guard try scanner.fixed() == CRC32.of(checked) else { throw FlightFault(offset: offset) }
      isCut = Int(length) > bytes.count - end
      payload = end..<(isCut ? bytes.count : end + Int(length))
    } catch {
      throw .damaged(.block, offset: offset)
    }
    guard mark == FlightLayout.segmentMark || mark == FlightLayout.policyMark else {
      throw .malformed(.block, offset: offset)
    }
  }
}

extension FlightHeader {
  /// - Returns: The header, and its length.
  static func parse(_ bytes: Span<UInt8>) throws(FlightError) -> (header: FlightHeader, length: Int) {
    for index in 0..<min(bytes.count, FlightLayout.magicLength) {
      let byte = UInt8(truncatingIfNeeded: FlightLayout.magic >> UInt64(8 * index))
      if bytes[index] != byte { throw .foreign(offset: index) }
    }
    // Before the length: another version's header may be shorter.
    guard bytes.count >= FlightLayout.lengthOffset else { throw .truncated(offset: bytes.count) }
    let version = UInt16(bytes[FlightLayout.versionOffset]) | UInt16(bytes[FlightLayout.versionOffset + 1]) << 8
    guard (FlightLayout.oldestVersion...FlightLayout.version).contains(version) else {
      throw .unknownVersion(found: version, known: FlightLayout.version)
    }
    guard bytes.count >= FlightLayout.headerLength else { throw .truncated(offset: bytes.count) }
    let length = Int(bytes[FlightLayout.lengthOffset]) | Int(bytes[FlightLayout.lengthOffset + 1]) << 8
    guard length >= FlightLayout.headerLength, length <= FlightLayout.headerLength + FlightLayout.longestVersion else {
      throw .damaged(.header, offset: FlightLayout.lengthOffset)
    }
    guard length <= bytes.count else { throw .truncated(offset: bytes.count) }
    var scanner = FlightScanner(bytes, from: FlightLayout.checkOffset, to: length)
    do throws(FlightFault) {
      let check: UInt32 = try scanner.fixed()
      let own = CRC32.of(bytes.extracting(FlightLayout.checkedFrom..<length)) ^ FlightLayout.mixed(version)
      if check == own {
        var header = try FlightHeader(&scanner, bytes, length: length)
        header.layout = version
        return (header, length)
      }
    } catch {
      throw .malformed(.header, offset: error.offset)
    }
    throw .damaged(.header, offset: FlightLayout.checkOffset)
  }

  private init(_ scanner: inout FlightScanner, _ bytes: Span<UInt8>, length: Int) throws(FlightFault) {
    started = Nanoseconds(try scanner.fixed())
    let pageSize: UInt64 = try scanner.fixed()
    let ticks: UInt64 = try scanner.fixed()
    guard pageSize > 0, ticks > 0 else { throw FlightFault(offset: scanner.offset - 1) }
    units = KernelUnits(pageSizeKiB: pageSize, ticksPerSecond: ticks)
    fill = try scanner.fixed()
    ownPID = Int32(bitPattern: try scanner.fixed())
    let flags = try scanner.byte()
    isRehearsal = flags & FlightLayout.isRehearsal != 0
    keepsCommandLines = flags & FlightLayout.hasCommandLines != 0
    let start = scanner.offset
    guard Int(try scanner.byte()) == length - FlightLayout.headerLength else { throw FlightFault(offset: start) }
    let boot = try scanner.range(BootID.length)
    if flags & FlightLayout.hasBootID != 0 {
      guard let id = BootID(parsing: bytes.extracting(boot)) else { throw FlightFault(offset: boot.lowerBound) }
      bootID = id
    } else {
      bootID = nil
    }
    agentVersion = []
    for index in FlightLayout.headerLength..<length { agentVersion.append(bytes[index]) }
  }
}

extension FlightPolicy {
  /// - Parameter block: A block with this mark, which is whole.
  init(_ block: borrowing FlightBlock, _ bytes: Span<UInt8>) throws(FlightError) {
    let part = block.part
    guard CRC32.of(bytes.extracting(block.payload)) == block.check else {
      throw .damaged(part, offset: block.payload.lowerBound)
    }
    var scanner = FlightScanner(bytes, from: block.payload.lowerBound, to: block.payload.upperBound)
    number = block.number
    time = block.start.time
    name = []
    image = []
    do throws(FlightFault) {
      let length: UInt16 = try scanner.fixed()
      for index in try scanner.range(Int(length)) { name.append(bytes[index]) }
      for index in scanner.offset..<block.payload.upperBound { image.append(bytes[index]) }
    } catch {
      throw .malformed(part, offset: error.offset)
    }
  }
}

/// The frames of a segment, the checks of which were all made before the first is read.
struct FlightFrames {
  /// The bytes of the frame that is next.
  private(set) var next: Int
  /// Where the frames end whose checks are right.
  let end: Int
  /// Whether a check is not right. Otherwise all frames were read, or the file ends within one.
  let isDamaged: Bool

  init(_ block: FlightBlock, _ bytes: Span<UInt8>) {
    next = block.payload.lowerBound
    var position = block.payload.lowerBound
    var check = CRC32()
    var isRight = true
    while isRight, let frame = FlightFrames.frame(bytes, at: position, to: block.payload.upperBound) {
      check.add(bytes.extracting(position..<frame.upperBound))
      var scanner = FlightScanner(bytes, from: frame.upperBound, to: block.payload.upperBound)
      let found: UInt32? = try? scanner.fixed()
      isRight = found == check.value
      if isRight { position = scanner.offset }
    }
    end = position
    let isAtEnd = position == block.payload.upperBound
    let isWhole = isAtEnd && check.value == block.check
    isDamaged = !isRight || (block.isCut ? false : !isWhole)
  }

  /// The payload of the next frame; nil where there is none.
  mutating func take(_ bytes: Span<UInt8>) -> Range<Int>? {
    guard let frame = FlightFrames.frame(bytes, at: next, to: end) else { return nil }
    next = frame.upperBound + FlightLayout.frameCheck
    return frame
  }

  /// - Returns: Nil where the bytes end before the frame does, and for an empty frame, which no agent writes.
  private static func frame(_ bytes: Span<UInt8>, at offset: Int, to end: Int) -> Range<Int>? {
    guard offset < end else { return nil }
    var start = offset + 1
    var length = Int(bytes[offset])
    if length >= 0x80 {
      guard offset + 3 <= end else { return nil }
      start = offset + 3
      length = (length & 0x7F) << 16 | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2])
    }
    guard length > 0, length <= end - start - FlightLayout.frameCheck else { return nil }
    return start..<start + length
  }
}
