import ProcModel

@testable import Flight

extension ProcessFacts {
  /// The stored fields, as ``isSame(_:)`` compares them. A field that is added has to be told in flights too, unless a
  /// choice sets it.
  static let names = [
    "identity", "parent", "processGroup", "session", "hasTerminal", "isInNamespace", "comm", "image", "faulted",
    "state", "isKernelThread", "threads", "nice", "cpu", "age", "realUID", "effectiveUID", "effectiveGID",
    "effectiveCapabilities", "virtual", "resident", "anonymous", "file", "shared", "swap", "pageTables", "oomScoreAdj",
    "oomScore", "isSwappingOff", "unread", "cgroupKey", "memoryKey", "domains", "childrenVirtual", "sharedElsewhere",
  ]

  /// The stored fields that a choice sets.
  static let namesOfChoice = [
    "anonymousElsewhere", "swapElsewhere", "growthPerSecond", "hasAnotherImageThanItsParent",
    "isOrphan", "inheritsOomScoreAdj",
  ]

  func isSame(_ other: ProcessFacts) -> Bool {
    isSameButAge(other) && age == other.age
  }

  func isSameButAge(_ other: ProcessFacts) -> Bool {
    identity == other.identity && parent == other.parent && processGroup == other.processGroup
      && session == other.session && hasTerminal == other.hasTerminal && isInNamespace == other.isInNamespace
      && comm == other.comm && image == other.image && state == other.state && isKernelThread == other.isKernelThread
      && threads == other.threads && nice == other.nice && cpu == other.cpu && realUID == other.realUID
      && effectiveUID == other.effectiveUID && effectiveGID == other.effectiveGID
      && effectiveCapabilities == other.effectiveCapabilities && isSameMemory(other)
  }

  private func isSameMemory(_ other: ProcessFacts) -> Bool {
    virtual == other.virtual && resident == other.resident && anonymous == other.anonymous && file == other.file
      && shared == other.shared && swap == other.swap && pageTables == other.pageTables
      && oomScoreAdj == other.oomScoreAdj && oomScore == other.oomScore && isSwappingOff == other.isSwappingOff
      && unread == other.unread && cgroupKey == other.cgroupKey && memoryKey == other.memoryKey
      && domains == other.domains && childrenVirtual == other.childrenVirtual
      && sharedElsewhere == other.sharedElsewhere && faulted == other.faulted
  }
}

func areSame(_ left: [ProcessFacts], _ right: [ProcessFacts]) -> Bool {
  left.count == right.count && zip(left, right).allSatisfy { $0.isSame($1) }
}

extension FlightReading {
  func isSame(_ other: FlightReading) -> Bool {
    domain == other.domain && outcome == other.outcome && missing == other.missing
  }
}

extension FlightEntry {
  func isSame(_ other: FlightEntry) -> Bool {
    time == other.time && awakeOffset == other.awakeOffset && item.isSame(other.item)
  }
}

extension FlightItem {
  var isState: Bool { if case .state = self { true } else { false } }

  func isSame(_ other: FlightItem) -> Bool {
    switch (self, other) {
    case (.tick, .tick): true
    case (.wake(let left), .wake(let right)): left == right
    case (.signal(let left), .signal(let right)): left == right
    case (.memory(let left), .memory(let right)): left.isSame(right)
    case (.survey(let left), .survey(let right)): left.note == right.note && areSame(left.rows, right.rows)
    case (.surveyFailed(let left), .surveyFailed(let right)): left == right
    case (.sighting(let left, let sighting), .sighting(let right, let other)):
      left == right && sighting.isSame(other)
    case (.text(let pid, let file, let text), .text(let otherPID, let otherFile, let otherText)):
      pid == otherPID && file == otherFile && text == otherText
    case (.bytes(let code, let pid, let bytes), .bytes(let otherCode, let otherPID, let otherBytes)):
      code == otherCode && pid == otherPID && bytes == otherBytes
    // There may have been less room than the line is long.
    case (.decision(let left), .decision(let right)):
      left.length == right.length && right.bytes.starts(with: left.bytes)
    case (.surveyBegan, .surveyBegan), (.call, .call), (.note, .note): "\(self)" == "\(other)"
    case (.policy(let left), .policy(let right)): left == right
    default: false
    }
  }
}

extension ProcessSighting {
  func isSame(_ other: ProcessSighting) -> Bool {
    switch (self, other) {
    case (.found(let left), .found(let right)): left.isSame(right)
    case (.gone, .gone), (.unreadable, .unreadable): true
    default: false
    }
  }
}

extension FlightReader {
  /// All items to the end, and the error that came instead of it.
  mutating func all() -> (entries: [FlightEntry], error: FlightError?) {
    var entries: [FlightEntry] = []
    do throws(FlightError) {
      while let entry = try next() { entries.append(entry) }
    } catch {
      return (entries, error)
    }
    return (entries, nil)
  }
}

/// All items of a flight that is whole.
func read(_ file: [UInt8]) throws -> [FlightEntry] {
  var reader = try FlightReader(file)
  var entries: [FlightEntry] = []
  while let entry = try reader.next() { entries.append(entry) }
  return entries
}
