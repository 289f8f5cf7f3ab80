package import LinuxSystem
import ProcModel

/// The kernel's own buffer of messages, `/dev/kmsg`: what is not overwritten of this boot.
package struct KernelRing: ~Copyable {
  private let device: OwnedDescriptor
  /// A record is a line of 1024 bytes at most, whose escapes take four each, and its dictionary.
  private var buffer = [UInt8](repeating: 0, count: 16 * 1024)

  /// - Throws: `EPERM` or `EACCES` without the permission (`kernel.dmesg_restrict`), `ENOENT` in a container.
  package init(_ path: String = "/dev/kmsg") throws(Errno) {
    device = try OwnedDescriptor.open(CPath(path), .read, .nonBlocking)
  }

  /// Gives all records that are there, and does not wait for others.
  ///
  /// - Throws: Why reading failed: `EPERM` where the permission is asked for only now.
  package mutating func read(_ body: (Span<UInt8>) -> Void) throws(Errno) {
    while true {
      let count: Int
      do throws(Errno) {
        count = try device.readNext(into: &buffer)
      } catch {
        if error == .wouldBlock { return }
        // Records were overwritten meanwhile: the next read is of the oldest that is left.
        if error == .brokenPipe { continue }
        throw error
      }
      guard count > 0 else { return }
      body(buffer.span.extracting(0..<count))
    }
  }
}

/// The boot that the machine is in.
package enum ThisBoot {
  /// Its id as 32 hexadecimal digits; nil where it cannot be read.
  package static var id: [UInt8]? {
    guard let file = try? OwnedDescriptor.open(CPath("/proc/sys/kernel/random/boot_id"), .read) else { return nil }
    var buffer = [UInt8](repeating: 0, count: 64)
    guard let count = try? file.readWhole(into: &buffer), let id = BootID(parsing: buffer.span.extracting(0..<count))
    else { return nil }
    var digits: [UInt8] = []
    for index in id.bytes.indices where id.bytes[index] != .minus { digits.append(id.bytes[index]) }
    return digits
  }

  /// When the clock of the kernel's log was 0, if the machine has not slept since.
  package static var began: WallTime {
    WallTime(milliseconds: Int64(clamping: Clock.sinceEpoch() / 1_000_000))
      .advanced(milliseconds: -Int64(clamping: Clock.awake() / 1_000_000))
  }
}
