import ProcModel

/// One row as it is remembered.
struct FlightRow: Sendable {
  var identity = ProcessIdentity(pid: 0, startTime: .zero)
  var fields = FlightFields()
}

/// The rows that differences refer to: those of the last survey, and those that it left out. They are kept as a survey
/// tells them in full, some 54 bytes a process, with two bytes of length before each.
///
/// A survey replaces them in one walk. The old rows are moved behind the room that the new ones are likely to take, and are
/// read from there while new ones are written from the block's beginning. So the block takes no more memory than the rows
/// that there are, twice.
struct FlightRows: Sendable {
  /// What was needed so far. It never moves: all of its room is reserved at the start.
  private var storage: [UInt8] = []
  private let size: Int
  /// The bytes and the number of rows at the beginning of the block.
  private(set) var used = 0
  private(set) var count = 0
  /// Whether each process number is higher than the one before it.
  var isAscending = true
  /// Where the rows are that have yet to be read in a walk.
  private var readAt = 0
  private var readEnd = 0

  private static let prefix = 2

  init(_ capacity: FlightCapacity) {
    size = capacity.rowBytes
    storage.reserveCapacity(size)
  }

  var capacity: Int { storage.capacity }
  /// The bytes that take memory so far.
  var ready: Int { storage.count }

  /// Makes memory ready for a survey with half as many rows again, and a few more.
  mutating func makeReady() {
    extend(to: min(3 * used + 4096, size))
  }

  private mutating func extend(to end: Int) {
    while storage.count < end { storage.append(0) }
  }

  mutating func removeAll() {
    used = 0
    count = 0
    isAscending = true
  }

  private func length(at offset: Int) -> Int {
    Int(storage[offset]) | Int(storage[offset + 1]) << 8
  }

  // MARK: A walk

  /// - Parameter rows: The number of new rows, at most.
  mutating func beginWalk(_ rows: Int) {
    readAt = min(max(rows * FlightCapacity.bytesOfRow, used), size - used)
    readEnd = readAt + used
    extend(to: readEnd)
    for offset in stride(from: used - 1, through: 0, by: -1) { storage[readAt + offset] = storage[offset] }
    used = 0
    count = 0
  }

  /// The number of the next old row's process; nil where all were passed.
  var nextPID: Int32? {
    guard readAt < readEnd else { return nil }
    return pid(at: readAt)
  }

  /// Reads the next old row, which there is.
  func next(_ row: inout FlightRow) {
    var scanner = FlightScanner(storage.span, from: readAt + FlightRows.prefix, to: storage.count)
    try? scanner.take(&row)
  }

  /// Whether the next old row is the same as one that is written so.
  func nextIs(_ row: borrowing FlightBuffer) -> Bool {
    guard readAt < readEnd, length(at: readAt) == row.count else { return false }
    let start = readAt + FlightRows.prefix
    for index in 0..<row.count where storage[start + index] != row[index] { return false }
    return true
  }

  /// Passes over the next old row.
  mutating func pass() {
    readAt += FlightRows.prefix + length(at: readAt)
  }

  /// Passes over the next old row and remembers it.
  mutating func keep() {
    let length = FlightRows.prefix + length(at: readAt)
    if used < readAt {
      for offset in 0..<length { storage[used + offset] = storage[readAt + offset] }
    }
    used += length
    count += 1
    readAt += length
  }

  /// Whether a row can be remembered beside those that were written, if old ones give way.
  func canHold(_ length: Int) -> Bool { used + FlightRows.prefix + length <= size }

  /// Whether one more old row can be remembered, and so many rows of the usual size after it.
  func hasSpare(beside rows: Int) -> Bool {
    used + length(at: readAt) + (rows + 1) * FlightCapacity.bytesOfRow <= size
  }

  /// Whether a row would overwrite the next old one. That one has to be passed first.
  func overlaps(_ length: Int) -> Bool { used + FlightRows.prefix + length > readAt && readAt < readEnd }

  /// Remembers a row.
  mutating func append(_ row: borrowing FlightBuffer) {
    extend(to: used + FlightRows.prefix + row.count)
    storage[used] = UInt8(truncatingIfNeeded: row.count)
    storage[used + 1] = UInt8(truncatingIfNeeded: row.count >> 8)
    used += FlightRows.prefix
    for index in 0..<row.count { storage[used + index] = row[index] }
    used += row.count
    count += 1
  }

  // MARK: Going through

  /// Where the row after the one at an offset is.
  func offset(after offset: Int) -> Int { offset + FlightRows.prefix + length(at: offset) }

  /// The process number of the row at an offset below ``used``.
  func pid(at offset: Int) -> Int32 {
    var scanner = FlightScanner(storage.span, from: offset + FlightRows.prefix, to: storage.count)
    let number = try? scanner.number()
    return Int32(truncatingIfNeeded: number ?? 0)
  }

  /// Reads the row at an offset below ``used``.
  func read(_ row: inout FlightRow, at offset: Int) {
    var scanner = FlightScanner(storage.span, from: offset + FlightRows.prefix, to: used)
    try? scanner.take(&row)
  }
}

extension FlightBuffer {
  /// A row in full.
  ///
  /// - Parameter none: Fields that are all zero.
  mutating func put(_ identity: ProcessIdentity, _ fields: borrowing FlightFields, since none: borrowing FlightFields) {
    put(number: UInt64(UInt32(bitPattern: identity.pid)))
    put(number: identity.startTime.count)
    put(fields, since: none, wide: FlightRowField.wide)
  }

  /// A row as a keyframe has it: process number and start time beside those of the row before it, and the fields either
  /// beside those of that row or in full. Processes that were forked from one parent have much in common.
  ///
  /// - Parameters:
  ///   - last: The identity of the row before it.
  ///   - fields: That row's fields if `isAlike`, and fields that are all zero otherwise.
  mutating func put(
    _ row: borrowing FlightRow, after last: ProcessIdentity, since fields: borrowing FlightFields, isAlike: Bool
  ) {
    let distance = Int64(row.identity.pid) - Int64(last.pid)
    put(signed: distance << 1 | (isAlike ? 1 : 0))
    put(row.identity.startTime.count, since: last.startTime.count)
    put(row.fields, since: fields, wide: FlightRowField.wide)
  }
}

extension FlightScanner {
  /// A row in full.
  mutating func take(_ row: inout FlightRow) throws(FlightFault) {
    let start = offset
    guard let pid = UInt32(exactly: try number()) else { throw FlightFault(offset: start) }
    row.identity.pid = Int32(bitPattern: pid)
    row.identity.startTime = Ticks(try number())
    row.fields.clear()
    try take(&row.fields, count: FlightFields.count, wide: FlightRowField.wide)
  }

  /// A row as a keyframe has it.
  ///
  /// - Parameter row: Has the row before it, and receives this one.
  mutating func takeNext(_ row: inout FlightRow) throws(FlightFault) {
    let start = offset
    let distance = try signed()
    guard let pid = Int32(exactly: Int64(row.identity.pid).addingReportingOverflow(distance >> 1).partialValue) else {
      throw FlightFault(offset: start)
    }
    row.identity.pid = pid
    row.identity.startTime.count = row.identity.startTime.count &+ UInt64(bitPattern: try signed())
    if distance & 1 == 0 { row.fields.clear() }
    try take(&row.fields, count: FlightFields.count, wide: FlightRowField.wide)
  }
}
