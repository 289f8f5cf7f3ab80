package import ProcModel

/// The files of a process whose texts a flight keeps.
package enum FlightTextFile: UInt8, CaseIterable, Sendable {
  case cgroup
  case exe
  case cmdline
  /// The lines of it that ``SmapsRollup`` reads.
  case smapsRollup

  /// Whether the text of a process that was told last is looked up for the next one, and told again in keyframes. A
  /// `smaps_rollup` is another at each reading.
  var isRemembered: Bool { self != .smapsRollup }
}

/// Bytes of a flight that may have been cut.
package struct FlightBytes: Equatable, Sendable {
  package var bytes: [UInt8]
  /// The number that there were.
  package var length: Int

  package init(_ bytes: [UInt8], of length: Int? = nil) {
    self.bytes = bytes
    self.length = length ?? bytes.count
  }

  package var isCut: Bool { bytes.count < length }
}

/// What came of reading a text.
package enum FlightText: Equatable, Sendable {
  case content(FlightBytes)
  /// A command line that was read and not kept: its length alone.
  case unkept(length: Int)
  case failure(ReadFailure)
}

/// How a text begins: its form.
enum FlightTextForm {
  static let whole: UInt8 = 0
  static let cut: UInt8 = 1
  static let unkept: UInt8 = 2
  static let failure: UInt8 = 3
}

extension FlightBuffer {
  mutating func put(_ failure: ReadFailure) {
    switch failure {
    case .vanished: put(0)
    case .denied: put(1)
    case .failed(let errno):
      put(2)
      put(signed: Int64(errno))
    }
  }
}

extension FlightScanner {
  mutating func readFailure() throws(FlightFault) -> ReadFailure {
    let start = offset
    switch try byte() {
    case 0: return .vanished
    case 1: return .denied
    case 2: return .failed(errno: try signed32())
    default: throw FlightFault(offset: start)
    }
  }
}

/// The different texts that are known, by number from 1. Each is kept once, in the segment that is being written, where
/// it was told last.
struct FlightTextTable: Sendable {
  struct Entry: Sendable {
    var hash: UInt32 = 0
    /// Where it begins in the ring.
    var offset: UInt32 = 0
    /// 0 where the number is free.
    var length: UInt16 = 0
    /// Whether the segment that is being written has it.
    var isTold = false
  }

  private var entries: [Entry]
  /// Numbers by hash; 0 is a free slot. At least half are free.
  private var slots: [UInt16]
  /// All numbers below this one are taken.
  private var lowest = 0

  init(capacity: Int) {
    let count = min(capacity, FlightLayout.mostTexts)
    entries = [Entry](repeating: Entry(), count: count)
    var size = 16
    while size < count * 2 { size *= 2 }
    slots = [UInt16](repeating: 0, count: size)
  }

  var capacity: Int { entries.capacity * MemoryLayout<Entry>.stride + slots.capacity * 2 }

  /// The bytes of a text in the ring.
  func range(of number: UInt16) -> Range<Int> {
    let entry = entries[Int(number) - 1]
    return Int(entry.offset)..<Int(entry.offset) + Int(entry.length)
  }

  /// Begins a search for the texts of a hash.
  func search(_ hash: UInt32) -> FlightTextSearch {
    FlightTextSearch(hash: hash, slot: Int(hash) & (slots.count - 1))
  }

  /// The next text of the hash; nil where there is no further one.
  func next(_ search: inout FlightTextSearch) -> UInt16? {
    while slots[search.slot] != 0 {
      let number = slots[search.slot]
      search.slot = (search.slot + 1) & (slots.count - 1)
      if entries[Int(number) - 1].hash == search.hash { return number }
    }
    return nil
  }

  /// The lowest free number; nil where all are taken.
  mutating func freeNumber() -> UInt16? {
    while lowest < entries.count {
      if entries[lowest].length == 0 { return UInt16(lowest + 1) }
      lowest += 1
    }
    return nil
  }

  mutating func insert(_ number: UInt16, _ hash: UInt32, at range: Range<Int>) {
    entries[Int(number) - 1] = Entry(
      hash: hash, offset: UInt32(range.lowerBound), length: UInt16(range.count), isTold: true)
    enter(number, hash)
  }

  private mutating func enter(_ number: UInt16, _ hash: UInt32) {
    var slot = Int(hash) & (slots.count - 1)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = number
  }

  // MARK: A new segment

  /// Before the texts are told again: none is.
  mutating func beginSegment() {
    for index in entries.indices { entries[index].isTold = false }
  }

  func isTold(_ number: UInt16) -> Bool { entries[Int(number) - 1].isTold }

  /// Notes that a text was told again.
  mutating func tell(_ number: UInt16, at offset: Int) {
    entries[Int(number) - 1].offset = UInt32(offset)
    entries[Int(number) - 1].isTold = true
  }

  /// After the texts were told again: forgets those that were not.
  mutating func endSegment() {
    for slot in slots.indices { slots[slot] = 0 }
    lowest = 0
    for index in entries.indices {
      if entries[index].isTold {
        enter(UInt16(index + 1), entries[index].hash)
      } else {
        entries[index].length = 0
      }
    }
  }
}

/// A search in ``FlightTextTable``.
struct FlightTextSearch {
  let hash: UInt32
  var slot: Int
}
