import Pressure
import ProcModel

extension CompiledPolicy {
  /// The policy of an image. Nothing of it is used before all of it is found right. Allocates.
  ///
  /// - Parameter image: The whole file, as docs/policy-image.md has it. It may be anything at all.
  /// - Throws: ``ImageError``, the first thing found wrong: is it an image, of a version we know, whole, unaltered, and
  ///   then entry by entry as ``validate()`` has it.
  package init(image: Span<UInt8>) throws(ImageError) {
    let version = try checkImageEnvelope(image)
    var cursor = ImageCursor(
      image, at: ImageLayout.settingsOffset, of: version, eligibility: try ImagePlaces(image, of: version))
    self.init(settings: .blank)
    try pass(through: &cursor)
    try validate()
  }
}

/// Whether this is an image of a version that is read, whole and unaltered. Says nothing of what is in it.
///
/// - Returns: Its version.
private func checkImageEnvelope(_ image: Span<UInt8>) throws(ImageError) -> UInt16 {
  for index in 0..<min(image.count, ImageLayout.magic.count) where image[index] != ImageLayout.magic[index] {
    throw .foreign
  }
  // Before the length: another version's header may be shorter.
  guard image.count >= ImageLayout.headerSizeOffset else { throw .truncated(found: image.count) }
  var cursor = ImageCursor(image, at: ImageLayout.versionOffset)
  let version: UInt16 = cursor.take()
  guard version >= ImageLayout.oldestVersion, version <= ImageLayout.version else { throw .unknownVersion(version) }
  let shortest = ImageLayout.tablesOffset(in: version)
  guard image.count >= shortest else { throw .truncated(found: image.count) }
  let headerSize: UInt16 = cursor.take()
  let length: UInt32 = cursor.take()
  let checksum: UInt32 = cursor.take()
  guard headerSize == ImageLayout.headerSize, length >= shortest else { throw .altered }
  guard length <= ImageLayout.maximumLength else { throw .tooLarge }
  guard image.count >= Int(length) else { throw .truncated(found: image.count) }
  guard image.count == Int(length) else { throw .trailing(image.count - Int(length)) }
  guard checksum == CRC32.of(image, from: ImageLayout.checksummedFrom) else { throw .altered }
  return version
}

/// A number for each section.
private struct SectionTable {
  private var numbers = InlineArray<11, Int>(repeating: 0)

  subscript(section: ImageSection) -> Int {
    get { numbers[Int(section.rawValue)] }
    set { numbers[Int(section.rawValue)] = newValue }
  }
}

/// How many entries each section has: the sections stand one after the other, and all within the image.
private struct ImagePlaces {
  private(set) var count = SectionTable()

  /// Of nothing.
  init() {}

  init(_ image: Span<UInt8>, of version: UInt16) throws(ImageError) {
    var cursor = ImageCursor(image, at: ImageLayout.sectionsOffset)
    var end = ImageLayout.tablesOffset(in: version)
    for section in ImageSection.allCases {
      let start: UInt32 = cursor.take()
      let entries: UInt32 = cursor.take()
      guard entries <= section.maximum else { throw .tooMany(section) }
      guard start == end else { throw .misplaced(section) }
      count[section] = Int(entries)
      end += Int(entries) * section.recordSize
    }
    guard end == image.count else { throw .misplaced(.text) }
  }
}

/// Fills a policy from an image, from its first record to its last.
///
/// ``ImagePlaces`` has checked that all records lie within the image, and no automaton takes more positions or sets
/// than are left: so no read is out of bounds.
private struct ImageCursor: ImagePass, ~Escapable {
  private let bytes: Span<UInt8>
  private var offset: Int
  private let version: UInt16
  private let eligibility: ImagePlaces
  /// The positions and sets that no automaton has taken yet.
  private var unowned: SectionTable
  private(set) var entry = 0

  @_lifetime(copy bytes)
  init(
    _ bytes: Span<UInt8>, at offset: Int, of version: UInt16 = ImageLayout.version,
    eligibility: ImagePlaces = ImagePlaces()
  ) {
    self.bytes = bytes
    self.offset = offset
    self.version = version
    self.eligibility = eligibility
    unowned = eligibility.count
  }

  mutating func take<Number: FixedWidthInteger & UnsignedInteger>() -> Number {
    var number: Number = 0
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
      number |= Number(truncatingIfNeeded: bytes[offset]) << shift
      offset += 1
    }
    return number
  }

  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_ number: inout Number) {
    number = take()
  }

  mutating func record<Record: ImageRecord>(_ record: inout Record, since first: UInt16) throws(ImageError) {
    if version >= first { try record.pass(through: &self) }
  }

  mutating func share(_ count: inout UInt16, of section: ImageSection, _ fault: PolicyFault) throws(ImageError) {
    count = take()
    guard count <= unowned[section] else { throw .invalid(fault, entry: entry) }
    unowned[section] -= Int(count)
  }

  mutating func absent(bytes count: Int, _ fault: PolicyFault) throws(ImageError) {
    for _ in 0..<count {
      let byte: UInt8 = take()
      guard byte == 0 else { throw .invalid(fault, entry: entry) }
    }
  }

  func limit(_ isWithin: @autoclosure () -> Bool, _ fault: PolicyFault) throws(ImageError) {}

  mutating func table<Record: ImageRecord>(_ records: inout [Record], _ section: ImageSection) throws(ImageError) {
    // The records of these two were made by their automaton.
    if section != .positions, section != .sets {
      records = [Record](repeating: .blank, count: eligibility.count[section])
    }
    for index in records.indices {
      entry = index
      try records[index].pass(through: &self)
    }
    entry = 0
    if section == .automata { try checkOwners() }
  }

  /// Whether each position and each set belongs to an automaton.
  private func checkOwners() throws(ImageError) {
    guard unowned[.positions] == 0 else {
      throw .invalid(.unownedPosition, entry: eligibility.count[.positions] - unowned[.positions])
    }
    guard unowned[.sets] == 0 else { throw .invalid(.unownedSet, entry: eligibility.count[.sets] - unowned[.sets]) }
  }
}
