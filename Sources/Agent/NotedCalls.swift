package import Flight
package import Ladder
package import LinuxSystem
package import ProcModel

/// Kill calls whose results are kept in a flight. Each is noted with the time of the item before it, which costs no
/// bytes: nothing is decided by when a call returned.
package struct NotedCalls<Base: KillCalls>: KillCalls {
  let base: Base
  let flight: SharedFlight?

  package init(_ base: Base, in flight: SharedFlight?) {
    self.base = base
    self.flight = flight
  }

  /// Notes a result, and gives it back.
  private func noted<Value>(
    _ code: UInt8, _ pid: Int32, _ number: (Value) -> Int64, _ call: () throws(Errno) -> Value
  ) throws(Errno) -> Value {
    do throws(Errno) {
      let value = try call()
      note(code, pid, 0, number(value))
      return value
    } catch {
      note(code, pid, error.rawValue, 0)
      throw error
    }
  }

  private func note(_ code: UInt8, _ pid: Int32, _ errno: Int32, _ value: Int64) {
    guard let flight else { return }
    flight.recorder.call(code, of: pid, errno: errno, value: value, at: flight.recorder.time)
  }

  private func note(_ bytes: Span<UInt8>, _ code: UInt8, _ pid: Int32) {
    guard let flight else { return }
    flight.recorder.bytes(bytes, code: code, of: pid, at: flight.recorder.time)
  }

  package func open(_ pid: Int32) throws(Errno) -> Int32 {
    try noted(FlightCode.open, pid, { Int64($0) }) { () throws(Errno) in try base.open(pid) }
  }

  package func close(_ process: Int32) { base.close(process) }

  package func read(
    _ file: ProcessFile, of pid: Int32, path: inout CPath, into buffer: inout ByteBuffer
  ) throws(Errno) {
    do throws(Errno) {
      try base.read(file, of: pid, path: &path, into: &buffer)
      note(buffer.bytes, FlightCode.read, pid)
    } catch {
      note(FlightCode.read, pid, error.rawValue, Int64(file.rawValue))
      throw error
    }
  }

  package func send(_ signal: Signal, to process: Int32) throws(Errno) {
    try noted(FlightCode.send, process, { Int64(signal.rawValue) }) { () throws(Errno) in
      try base.send(signal, to: process)
    }
  }

  package func send(_ signal: Signal, toGroupLedBy process: Int32) throws(Errno) {
    try noted(FlightCode.sendToLedGroup, process, { Int64(signal.rawValue) }) { () throws(Errno) in
      try base.send(signal, toGroupLedBy: process)
    }
  }

  package func send(_ signal: Signal, toGroupOf proof: borrowing GroupProof) throws(Errno) {
    do throws(Errno) {
      try base.send(signal, toGroupOf: proof)
      note(FlightCode.sendToGroup, 0, 0, Int64(signal.rawValue))
    } catch {
      note(FlightCode.sendToGroup, 0, error.rawValue, Int64(signal.rawValue))
      throw error
    }
  }

  package func processGroup(of pid: Int32) throws(Errno) -> Int32 {
    try noted(FlightCode.processGroup, pid, { Int64($0) }) { () throws(Errno) in try base.processGroup(of: pid) }
  }

  package func list(group: Int32, after last: Int32, into pids: inout ProcessList) throws(Errno) {
    do throws(Errno) {
      try base.list(group: group, after: last, into: &pids)
    } catch {
      note(FlightCode.list, group, error.rawValue, Int64(last))
      throw error
    }
    note(FlightCode.list, group, 0, Int64(pids.count))
    for index in 0..<pids.count { note(FlightCode.list, pids[index], 0, Int64(index)) }
  }

  package func hasten(_ pid: Int32, _ process: Int32, path: inout CPath) throws(Errno) {
    try base.hasten(pid, process, path: &path)
  }

  package func hasExited(_ process: Int32) -> Bool {
    let hasExited = base.hasExited(process)
    note(FlightCode.hasExited, process, 0, hasExited ? 1 : 0)
    return hasExited
  }

  package func haveOneMemory(_ first: Int32, _ second: Int32) throws(Errno) -> Bool {
    try noted(FlightCode.haveOneMemory, second, { $0 ? 1 : 0 }) { () throws(Errno) in
      try base.haveOneMemory(first, second)
    }
  }

  package func stage(_ process: Int32) throws(Errno) {
    try noted(FlightCode.stage, process, { _ in 0 }) { () throws(Errno) in try base.stage(process) }
  }

  package func release() throws(Errno) {
    try noted(FlightCode.release, 0, { _ in 0 }) { () throws(Errno) in try base.release() }
  }

  package func isFrozen(_ cgroup: FreezerPath, of bytes: ByteBuffer, path: inout CPath) throws(Errno) -> Bool {
    do throws(Errno) {
      let isFrozen = try base.isFrozen(cgroup, of: bytes, path: &path)
      note(FlightCode.isFrozen, 0, 0, isFrozen ? 1 : 0)
      return isFrozen
    } catch {
      note(FlightCode.isFrozen, 0, error.rawValue, 0)
      throw error
    }
  }

  package func thaw(_ cgroup: Range<Int>, of bytes: ByteBuffer, path: inout CPath) throws(Errno) {
    do throws(Errno) {
      try base.thaw(cgroup, of: bytes, path: &path)
      note(FlightCode.thaw, 0, 0, 0)
    } catch {
      note(FlightCode.thaw, 0, error.rawValue, 0)
      throw error
    }
  }

  package func kill(_ cgroup: borrowing CgroupDirectory) throws(Errno) {
    try noted(FlightCode.killCgroup, 0, { _ in 0 }) { () throws(Errno) in try base.kill(cgroup) }
  }

  package func setFrozen(_ frozen: Bool, _ cgroup: borrowing CgroupDirectory) throws(Errno) {
    try noted(FlightCode.setCgroupFrozen, 0, { _ in frozen ? 1 : 0 }) { () throws(Errno) in
      try base.setFrozen(frozen, cgroup)
    }
  }

  package func isToldToFreeze(_ cgroup: borrowing CgroupDirectory) throws(Errno) -> Bool {
    try noted(FlightCode.isCgroupToldToFreeze, 0, { $0 ? 1 : 0 }) { () throws(Errno) in
      try base.isToldToFreeze(cgroup)
    }
  }

  package func isFrozen(_ cgroup: borrowing CgroupDirectory) throws(Errno) -> Bool {
    try noted(FlightCode.isCgroupFrozen, 0, { $0 ? 1 : 0 }) { () throws(Errno) in try base.isFrozen(cgroup) }
  }

  package func keepsKillsBack(_ cgroup: borrowing CgroupDirectory) -> Bool {
    let keeps = base.keepsKillsBack(cgroup)
    note(FlightCode.keepsKillsBack, 0, 0, keeps ? 1 : 0)
    return keeps
  }

  package func list(
    _ cgroup: borrowing CgroupDirectory, into pids: inout ProcessList, skipping skipped: Int
  ) throws(Errno) {
    do throws(Errno) {
      try base.list(cgroup, into: &pids, skipping: skipped)
    } catch {
      note(FlightCode.listCgroup, 0, error.rawValue, 0)
      throw error
    }
    var value = Int64(pids.count)
    if pids.isCut { value |= FlightCode.listIsCut }
    if pids.hidesSome { value |= FlightCode.listHidesSome }
    note(FlightCode.listCgroup, 0, 0, value)
    for index in 0..<pids.count { note(FlightCode.listCgroup, pids[index], 0, Int64(index)) }
  }

  package var marksUnits: Bool { base.marksUnits }

  package func add(_ number: UInt64, to count: UnitCount, of cgroup: borrowing CgroupDirectory) throws(Errno) {
    let value = Int64(clamping: number) + (count == .kills ? FlightCode.killsCount : 0)
    do throws(Errno) {
      try base.add(number, to: count, of: cgroup)
      note(FlightCode.markUnit, 0, 0, value)
    } catch {
      note(FlightCode.markUnit, 0, error.rawValue, value)
      throw error
    }
  }

  package func pause() { base.pause() }
  package var cgroupRefusal: Errno? { base.cgroupRefusal }

  package var released: HelperResult? {
    guard let result = base.released else {
      note(FlightCode.released, 0, 0, -1)
      return nil
    }
    note(FlightCode.released, 0, 0, FlightCode.number(of: result))
    return result
  }
}
