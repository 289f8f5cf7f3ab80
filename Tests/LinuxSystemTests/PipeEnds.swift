import Foundation
import LinuxSystem

/// A pipe of this process to itself.
struct PipeEnds: ~Copyable {
  let reading: OwnedDescriptor
  let writing: OwnedDescriptor

  init() throws(Errno) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw Errno(errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    reading = OwnedDescriptor(owning: ends[0])
    writing = OwnedDescriptor(owning: ends[1])
  }
}
