import Foundation

/// The reading end of a datagram socket with a path: a journal, or a syslog.
package final class DatagramEnd {
  private let socket: Int32
  package let path: String

  /// - Parameter path: Of at most 107 bytes. A socket that is there is replaced.
  package init(_ path: String) throws {
    self.path = path
    socket = Foundation.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    // The path is borrowed for the call.
    unsafe unlink(path)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    precondition(bytes.count < 108, path)
    // The room is used within the call.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
      for index in bytes.indices { unsafe room[index] = bytes[index] }
    }
    // The address outlives the call.
    let result = unsafe withUnsafePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(socket, address, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard socket >= 0, result == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  deinit { close(socket) }

  /// All messages that are there.
  package func take() -> [[UInt8]] {
    var messages: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count >= 0 else { return messages }
      messages.append(Array(buffer[..<count]))
    }
  }

  /// The fields of an entry in the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), both forms. Nil where it
  /// is none.
  package static func fields(_ entry: [UInt8]) -> [(name: String, value: [UInt8])]? {
    var fields: [(String, [UInt8])] = []
    var rest = entry[...]
    while let end = rest.firstIndex(of: 10) {
      let line = rest[..<end]
      rest = rest[(end + 1)...]
      if let equals = line.firstIndex(of: UInt8(ascii: "=")) {
        fields.append((String(decoding: line[..<equals], as: UTF8.self), Array(line[(equals + 1)...])))
        continue
      }
      guard rest.count >= 8 else { return nil }
      let length = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      rest = rest.dropFirst(8)
      guard length < UInt64(rest.count), rest[rest.startIndex + Int(length)] == 10 else { return nil }
      fields.append((String(decoding: line, as: UTF8.self), Array(rest.prefix(Int(length)))))
      rest = rest.dropFirst(Int(length) + 1)
    }
    return rest.isEmpty ? fields : nil
  }
}
