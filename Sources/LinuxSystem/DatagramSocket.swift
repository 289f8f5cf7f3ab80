internal import CLinux

/// A datagram socket that leads to another one by its path (unix(7)): the journal's, or a syslog's. Nothing here waits.
package struct DatagramSocket: ~Copyable {
  private let socket: OwnedDescriptor
  private let path: CPath

  /// - Throws: `ENOENT` where there is no such socket, `ECONNREFUSED` where no program reads it.
  package init(to path: CPath) throws(Errno) {
    let raw = try retrying { unsafe path.withCString { name in unsafe Int(clinux_datagram_open(name)) } }
    socket = OwnedDescriptor(owning: Int32(raw))
    self.path = path
  }

  /// Sends one message, whole or not at all.
  ///
  /// - Throws: `EAGAIN` where the reader has not read earlier messages, `EMSGSIZE` where the message is larger than the
  ///   socket takes; otherwise why the reader cannot be reached.
  package func send(_ message: Span<UInt8>) throws(Errno) {
    do throws(Errno) {
      try sendOnce(message)
    } catch {
      // A reader that was started anew may have made another socket of the same path.
      guard error != .wouldBlock else { throw error }
      let raw = socket.raw
      _ = try retrying { unsafe path.withCString { name in unsafe Int(clinux_datagram_connect(raw, name)) } }
      try sendOnce(message)
    }
  }

  private func sendOnce(_ message: Span<UInt8>) throws(Errno) {
    let raw = socket.raw
    _ = try retrying {
      // The span is borrowed for the call.
      unsafe message.withUnsafeBytes { bytes in unsafe Int(clinux_datagram_send(raw, bytes.baseAddress, bytes.count)) }
    }
  }
}
