/// The numbers of one row, reading or survey, in the order in which docs/flight.md lists them. They are told as a mask of
/// those that differ from an earlier set, and the differences.
///
/// They are filled in place and handed on by reference: each copy of a local one took 500 bytes of code, a tenth of the
/// room's.
struct FlightFields: Sendable {
  static let count = 32

  private var values = InlineArray<32, UInt64>(repeating: 0)

  subscript(index: Int) -> UInt64 {
    get { values[index] }
    set { values[index] = newValue }
  }

  @inline(never)
  mutating func clear() {
    for index in 0..<FlightFields.count { values[index] = 0 }
  }

  @inline(never)
  mutating func set(_ other: borrowing FlightFields) {
    for index in 0..<FlightFields.count { values[index] = other.values[index] }
  }

  static func == (left: borrowing FlightFields, right: borrowing FlightFields) -> Bool {
    for index in 0..<FlightFields.count where left.values[index] != right.values[index] { return false }
    return true
  }
}

/// A block of bytes of fixed size in which one item is put together before its length is known.
struct FlightBuffer: Sendable {
  private var storage: [UInt8]
  private(set) var count = 0

  init(capacity: Int) {
    storage = [UInt8](repeating: 0, count: capacity)
  }

  var bytes: Span<UInt8> {
    @_lifetime(borrow self) get { storage.span.extracting(0..<count) }
  }

  var capacity: Int { storage.capacity }

  subscript(index: Int) -> UInt8 { storage[index] }

  mutating func clear() {
    count = 0
  }

  mutating func put(_ byte: UInt8) {
    storage[count] = byte
    count += 1
  }

  /// A number in groups of seven bits, the lowest first, each but the last with its eighth bit set (LEB128).
  @inline(never)
  mutating func put(number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      put(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    put(UInt8(truncatingIfNeeded: rest))
  }

  /// A number that may be negative: doubled, and inverted where it is (zigzag), so that small ones of both signs are
  /// short.
  mutating func put(signed number: Int64) {
    put(number: UInt64(bitPattern: number << 1) ^ UInt64(bitPattern: number >> 63))
  }

  /// The difference of two numbers of 64 bits, which wraps around.
  mutating func put(_ new: UInt64, since old: UInt64) {
    put(signed: Int64(bitPattern: new &- old))
  }

  /// Eight bytes.
  mutating func put(wide number: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { put(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  /// - Parameter wide: The fields that are told as they are, in eight bytes, because their differences are as long: bit
  ///   n is field n.
  @inline(never)
  mutating func put(_ fields: borrowing FlightFields, since old: borrowing FlightFields, wide: UInt32 = 0) {
    var mask: UInt32 = 0
    for index in 0..<FlightFields.count where fields[index] != old[index] { mask |= 1 << UInt32(index) }
    put(number: UInt64(mask))
    while mask != 0 {
      let index = mask.trailingZeroBitCount
      mask &= mask &- 1
      if wide >> UInt32(index) & 1 == 1 {
        put(wide: fields[index])
      } else {
        put(fields[index], since: old[index])
      }
    }
  }
}

/// Bytes that are no item of a flight: where it shows, from the flight's beginning.
struct FlightFault: Error, Equatable {
  var offset: Int
}

/// Reads forward through the bytes of items. It never reads past the end, and any bytes give a value or a fault.
struct FlightScanner: ~Escapable {
  private let bytes: Span<UInt8>
  private(set) var offset: Int
  private let end: Int

  /// - Parameters:
  ///   - start: The first byte.
  ///   - end: The byte after the last, no more than there are.
  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, from start: Int, to end: Int) {
    self.bytes = bytes
    offset = start
    self.end = end
  }

  var isAtEnd: Bool { offset >= end }
  /// The number of bytes that are left.
  var left: Int { end - offset }

  mutating func byte() throws(FlightFault) -> UInt8 {
    guard offset < end else { throw FlightFault(offset: offset) }
    defer { offset += 1 }
    return bytes[offset]
  }

  /// As ``FlightBuffer/put(number:)`` writes it: ten bytes at most, and none without need.
  @inline(never)
  mutating func number() throws(FlightFault) -> UInt64 {
    let start = offset
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try byte()
      if shift == 63, byte > 1 { throw FlightFault(offset: start) }
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        if byte == 0, shift > 0 { throw FlightFault(offset: start) }
        return number
      }
      shift += 7
    }
  }

  mutating func signed() throws(FlightFault) -> Int64 {
    let number = try number()
    return Int64(bitPattern: number >> 1 ^ (0 &- (number & 1)))
  }

  /// A number that is no larger than `most`.
  mutating func count(upTo most: Int) throws(FlightFault) -> Int {
    let start = offset
    guard let count = Int(exactly: try number()), count <= most else { throw FlightFault(offset: start) }
    return count
  }

  mutating func signed32() throws(FlightFault) -> Int32 {
    let start = offset
    guard let value = Int32(exactly: try signed()) else { throw FlightFault(offset: start) }
    return value
  }

  /// A little-endian number.
  mutating func fixed<Number: FixedWidthInteger & UnsignedInteger>() throws(FlightFault) -> Number {
    var number: Number = 0
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) { number |= Number(try byte()) << Number(shift) }
    return number
  }

  /// Passes over `count` bytes and returns where they are.
  mutating func range(_ count: Int) throws(FlightFault) -> Range<Int> {
    guard count <= left else { throw FlightFault(offset: end) }
    defer { offset += count }
    return offset..<offset + count
  }

  /// As ``FlightBuffer/put(_:since:wide:)`` writes them.
  ///
  /// - Parameters:
  ///   - fields: Has the fields to which the differences refer, and receives those that are told.
  ///   - count: The number of fields that there are.
  @inline(never)
  mutating func take(_ fields: inout FlightFields, count: Int, wide: UInt32 = 0) throws(FlightFault) {
    let start = offset
    guard var mask = UInt32(exactly: try number()), UInt64(mask) >> UInt64(count) == 0 else {
      throw FlightFault(offset: start)
    }
    while mask != 0 {
      let index = mask.trailingZeroBitCount
      mask &= mask &- 1
      if wide >> UInt32(index) & 1 == 1 {
        fields[index] = try fixed()
      } else {
        fields[index] = fields[index] &+ UInt64(bitPattern: try signed())
      }
    }
  }
}
