package import ProcModel

/// A source whose processes are told by a flight, which has no other files: neither the machine's nor those of cgroups
/// and threads.
package protocol FlightSource: ProcSource, ~Copyable {}

extension FlightSource where Self: ~Copyable {
  package var view: ProcView { ProcView() }
  package var cgroupVersion: CgroupVersion? { nil }
  package func isReplaced(_ file: SystemFile) -> Bool { false }
  package mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure) { throw .vanished }
  package mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) { throw .vanished }

  package mutating func read(
    _ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer
  ) throws(ReadFailure) { throw .vanished }

  package mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool { false }

  package mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) { throw .vanished }

  package mutating func beginProcesses() throws(ReadFailure) {}
  package mutating func nextProcess() throws(ReadFailure) -> Int32? { nil }
  package mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure) {}
  package mutating func nextThread() throws(ReadFailure) -> Int32? { nil }
  package mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet? { nil }
}
