import Agent
import Flight
import Ladder
import LinuxSystem
import ProcModel

/// Kill calls that come to what they came to. Nothing is signalled.
struct RecordedCalls: KillCalls {
  private let cursor: FlightCursor
  let marksUnits: Bool

  init(_ cursor: FlightCursor, marksUnits: Bool) {
    self.cursor = cursor
    self.marksUnits = marksUnits
  }

  /// What the next call came to.
  private func value(_ code: UInt8, _ pid: Int32, _ name: String) throws(Errno) -> Int64 {
    let told = cursor.take("\(name) of \(pid)") { item -> Result<Int64, Errno>? in
      guard case .call(code, pid, let errno, let value) = item else { return nil }
      return errno == 0 ? .success(value) : .failure(Errno(errno))
    }
    switch told {
    case .success(let value): return value
    case .failure(let errno): throw errno
    case nil: throw .noSuchProcess
    }
  }

  func open(_ pid: Int32) throws(Errno) -> Int32 { Int32(clamping: try value(FlightCode.open, pid, "pidfd_open")) }
  func close(_ process: Int32) {}

  func read(_ file: ProcessFile, of pid: Int32, path: inout CPath, into buffer: inout ByteBuffer) throws(Errno) {
    let told = cursor.take("\(file.path) of the victim \(pid)") { item -> Result<FlightBytes, Errno>? in
      switch item {
      case .bytes(FlightCode.read, pid, let bytes): .success(bytes)
      case .call(FlightCode.read, pid, let errno, _): .failure(Errno(errno))
      default: nil
      }
    }
    switch told {
    case .success(let bytes): buffer.fill(from: bytes.bytes.span)
    case .failure(let errno): throw errno
    case nil: throw .noSuchProcess
    }
  }

  func send(_ signal: Signal, to process: Int32) throws(Errno) { _ = try value(FlightCode.send, process, signal.name) }

  func send(_ signal: Signal, toGroupLedBy process: Int32) throws(Errno) {
    _ = try value(FlightCode.sendToLedGroup, process, signal.name)
  }

  func send(_ signal: Signal, toGroupOf proof: borrowing GroupProof) throws(Errno) {
    _ = try value(FlightCode.sendToGroup, 0, signal.name)
  }

  func processGroup(of pid: Int32) throws(Errno) -> Int32 {
    Int32(clamping: try value(FlightCode.processGroup, pid, "getpgid"))
  }

  func list(group: Int32, after last: Int32, into pids: inout ProcessList) throws(Errno) {
    let count = try value(FlightCode.list, group, "the members of group")
    pids.removeAll()
    for _ in 0..<count {
      let pid = cursor.take("a member of group \(group)") { item -> Int32? in
        if case .call(FlightCode.list, let pid, 0, _) = item { pid } else { nil }
      }
      guard let pid else { return }
      pids.append(pid)
    }
  }

  func hasten(_ pid: Int32, _ process: Int32, path: inout CPath) throws(Errno) {}
  func hasExited(_ process: Int32) -> Bool { (try? value(FlightCode.hasExited, process, "the exit")) == 1 }

  func haveOneMemory(_ first: Int32, _ second: Int32) throws(Errno) -> Bool {
    try value(FlightCode.haveOneMemory, second, "kcmp") == 1
  }

  func stage(_ process: Int32) throws(Errno) { _ = try value(FlightCode.stage, process, "the staging") }
  func release() throws(Errno) { _ = try value(FlightCode.release, 0, "process_mrelease") }

  func isFrozen(_ cgroup: FreezerPath, of bytes: ByteBuffer, path: inout CPath) throws(Errno) -> Bool {
    try value(FlightCode.isFrozen, 0, "whether a cgroup is frozen") == 1
  }

  func thaw(_ cgroup: Range<Int>, of bytes: ByteBuffer, path: inout CPath) throws(Errno) {
    _ = try value(FlightCode.thaw, 0, "a thaw")
  }

  func kill(_ cgroup: borrowing CgroupDirectory) throws(Errno) {
    _ = try value(FlightCode.killCgroup, 0, "the kill of a cgroup")
  }

  func setFrozen(_ frozen: Bool, _ cgroup: borrowing CgroupDirectory) throws(Errno) {
    _ = try value(FlightCode.setCgroupFrozen, 0, frozen ? "a freeze" : "a thaw")
  }

  func isToldToFreeze(_ cgroup: borrowing CgroupDirectory) throws(Errno) -> Bool {
    try value(FlightCode.isCgroupToldToFreeze, 0, "whether the cgroup is told to freeze") == 1
  }

  func isFrozen(_ cgroup: borrowing CgroupDirectory) throws(Errno) -> Bool {
    try value(FlightCode.isCgroupFrozen, 0, "whether the cgroup is frozen") == 1
  }

  func keepsKillsBack(_ cgroup: borrowing CgroupDirectory) -> Bool {
    (try? value(FlightCode.keepsKillsBack, 0, "whether its freezer keeps kills back")) == 1
  }

  func list(
    _ cgroup: borrowing CgroupDirectory, into pids: inout ProcessList, skipping skipped: Int
  ) throws(Errno) {
    let told = try value(FlightCode.listCgroup, 0, "the processes of a cgroup")
    pids.removeAll()
    for index in 0..<(told & 0xFFFF_FFFF) {
      let pid = cursor.take("process \(index) of a cgroup") { item -> Int32? in
        if case .call(FlightCode.listCgroup, let pid, 0, index) = item { pid } else { nil }
      }
      guard let pid else { return }
      pids.append(pid)
    }
    if told & FlightCode.listIsCut != 0 { pids.isCut = true }
    if told & FlightCode.listHidesSome != 0 { pids.hidesSome = true }
  }

  func add(_ number: UInt64, to count: UnitCount, of cgroup: borrowing CgroupDirectory) throws(Errno) {
    _ = try value(FlightCode.markUnit, 0, "a count of the unit's cgroup")
  }

  func pause() {}
  var cgroupRefusal: Errno? { nil }

  var released: HelperResult? {
    guard let number = try? value(FlightCode.released, 0, "what was released") else { return nil }
    return FlightCode.result(of: number)
  }
}
