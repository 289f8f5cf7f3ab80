package import LinuxSystem
package import ProcModel

/// What the numbers of a flight's calls and notes stand for (docs/flight.md).
package enum FlightCode {
  // Kill calls.
  package static let open: UInt8 = 1
  package static let close: UInt8 = 2
  package static let read: UInt8 = 3
  package static let send: UInt8 = 4
  package static let sendToLedGroup: UInt8 = 5
  package static let sendToGroup: UInt8 = 6
  package static let processGroup: UInt8 = 7
  package static let list: UInt8 = 8
  package static let hasten: UInt8 = 9
  package static let hasExited: UInt8 = 10
  package static let haveOneMemory: UInt8 = 11
  package static let stage: UInt8 = 12
  package static let release: UInt8 = 13
  package static let isFrozen: UInt8 = 14
  package static let thaw: UInt8 = 15
  package static let released: UInt8 = 16
  /// A file of a process that was read beside a survey.
  package static let file: UInt8 = 17
  /// A cgroup was to be killed whole (``Machine/openCgroup(_:_:)``): 1 where it could be opened.
  package static let openCgroup: UInt8 = 18
  package static let listCgroup: UInt8 = 19
  package static let killCgroup: UInt8 = 20
  package static let setCgroupFrozen: UInt8 = 21
  package static let isCgroupToldToFreeze: UInt8 = 22
  package static let isCgroupFrozen: UInt8 = 23
  package static let keepsKillsBack: UInt8 = 24
  /// A count of a unit's cgroup grew: by the value, and for kills by as many more as ``killsCount``.
  package static let markUnit: UInt8 = 25
  package static let killsCount: Int64 = 1 << 32

  /// Beside the number of processes of a list, which is below: there were more than fit, and some could not be told.
  package static let listIsCut: Int64 = 1 << 32
  package static let listHidesSome: Int64 = 1 << 33

  /// In place of a domain's number, where it has none any more.
  package static let noDomain = 255
  /// Beside the missing sources of a reading: it was a glance (``MemoryAnswer/isGlance``).
  package static let glance: UInt8 = 0x80

  // Notes.
  /// A moment that is told of (``Machine/mark()``).
  package static let mark: UInt8 = 1

  /// A failure to read as an error number: −1 and −2 stand for those that have none.
  static func number(of failure: ReadFailure) -> Int32 {
    switch failure {
    case .vanished: -1
    case .denied: -2
    case .failed(let errno): errno
    }
  }

  package static func failure(of number: Int32) -> ReadFailure {
    switch number {
    case -1: .vanished
    case -2: .denied
    default: .failed(errno: number)
    }
  }

  /// The counts of a release as one number, 16 bits each; more than fits counts as the most.
  static func number(of result: HelperResult) -> Int64 {
    var number = UInt64(UInt16(clamping: result.released)) | UInt64(UInt16(clamping: result.vanished)) << 16
    number |= UInt64(UInt16(clamping: result.busy)) << 32 | UInt64(UInt16(clamping: result.entangled)) << 48
    return Int64(bitPattern: number)
  }

  /// The counts of a release; nil where it was under way.
  package static func result(of number: Int64) -> HelperResult? {
    guard number != -1 else { return nil }
    let bits = UInt64(bitPattern: number)
    var result = HelperResult()
    result.released = Int(bits & 0xFFFF)
    result.vanished = Int(bits >> 16 & 0xFFFF)
    result.busy = Int(bits >> 32 & 0xFFFF)
    result.entangled = Int(bits >> 48)
    return result
  }
}
