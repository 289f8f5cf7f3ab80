package import LinuxSystem
import Policy
package import ProcModel

/// The directory in which the policy in force is kept, and a note while the policy in force is not the one that was
/// asked for.
package struct PolicyStore: Sendable {
  package static let imageName = "policy.image"
  package static let noteName = "policy.fallback"
  /// The service's state directory, as systemd makes it for `StateDirectory=spillway`.
  package static let systemDirectory = "/var/lib/spillway"

  package let directory: String
  /// The effective user ID of this program.
  private let user: UInt32

  /// - Parameter directory: The absolute path of the directory.
  package init(_ directory: String, user: UInt32) {
    self.directory = directory
    self.user = user
  }

  /// Why there is no kept policy that can be used, for people.
  package struct Refusal: Error, Equatable {
    package var text: String
  }

  /// The kept policy. It has to be whole, of this release's format, and writable by no other user.
  package func read() throws(Refusal) -> KeptPolicy {
    let bytes = try bytes(of: PolicyStore.imageName, atMost: KeptPolicy.maximumLength)
    do throws(KeptPolicy.Fault) {
      return try KeptPolicy(parsing: bytes)
    } catch {
      throw Refusal(text: "\(directory)/\(PolicyStore.imageName): \(error.sentence)")
    }
  }

  /// Stores a policy in place of the one that was kept before, as a whole or not at all. The file is readable by its
  /// owner alone. It is flushed to the disk and then renamed.
  package func keep(_ policy: KeptPolicy) throws(Errno) {
    try replace(PolicyStore.imageName, with: policy.bytes, mode: 0o600)
  }

  /// Notes that a policy is in force that was not asked for.
  package func note(_ note: FallbackNote) throws(Errno) {
    try replace(PolicyStore.noteName, with: Array(note.text.utf8), mode: 0o644)
  }

  /// The note; nil where there is none.
  package func note() throws(Refusal) -> FallbackNote? {
    do throws(Errno) {
      _ = try OwnedDescriptor.open(CPath("\(directory)/\(PolicyStore.noteName)"), .path, .noFollow)
    } catch {
      return nil
    }
    let bytes = try bytes(of: PolicyStore.noteName, atMost: FallbackNote.maximumLength)
    return FallbackNote(parsing: String(decoding: bytes.prefix(FallbackNote.maximumLength), as: UTF8.self))
  }

  /// Removes the note, if there is one.
  package func clearNote() {
    guard let folder = try? OwnedDescriptor.open(CPath(directory), .read, .directory) else { return }
    try? folder.remove(CPath(PolicyStore.noteName))
  }

  private func replace(_ name: String, with bytes: [UInt8], mode: UInt32) throws(Errno) {
    let folder = try OwnedDescriptor.open(CPath(directory), .read, .directory)
    let temporary = CPath(name + ".new")
    // A writer that did not finish may have left a temporary file.
    try? folder.remove(temporary)
    do throws(Errno) {
      let file = try folder.create(temporary, mode: mode)
      try file.write(bytes.span)
      try file.flush()
      try folder.rename(temporary, to: CPath(name))
    } catch {
      try? folder.remove(temporary)
      throw error
    }
    try folder.flush()
  }

  /// The bytes of a file; one byte more than `limit` if the file is longer.
  private func bytes(of name: String, atMost limit: Int) throws(Refusal) -> [UInt8] {
    let path = directory + "/" + name
    let faults: [Distrust]
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    do throws(Errno) {
      let opened = try TrustedPath.open(path, as: .file, user: user)
      faults = opened.faults
      let count = try opened.descriptor.readAll(into: &bytes)
      bytes.removeLast(bytes.count - count)
    } catch {
      throw Refusal(text: "\(path): \(error.text)")
    }
    if let fault = faults.first { throw Refusal(text: "\(path) is not trusted: \(fault.what)") }
    return bytes
  }
}

/// The note for `spillway check`: which policy is in force in place of the one that was asked for.
package struct FallbackNote: Equatable, Sendable {
  /// The agent that runs with the fallback.
  package var agent: ProcessIdentity
  /// Which policy is in force, and why, in one line for people.
  package var sentence: String

  static let maximumLength = 8192

  package init(agent: ProcessIdentity, sentence: String) {
    self.agent = agent
    self.sentence = sentence
  }

  /// The file's text: three lines `NAME=VALUE`.
  var text: String {
    let line = sentence.map { $0.isNewline ? " " : String($0) }.joined()
    return "pid=\(agent.pid)\nstart_time=\(agent.startTime.count)\nin_force=\(line)\n"
  }

  /// Nil for a text that is no such note.
  init?(parsing text: String) {
    var values: [Substring: Substring] = [:]
    for line in text.split(separator: "\n") {
      guard let equals = line.firstIndex(of: "=") else { return nil }
      values[line[..<equals]] = line[line.index(after: equals)...]
    }
    guard let pid = values["pid"].flatMap({ Int32($0) }), let start = values["start_time"].flatMap({ UInt64($0) }),
      let sentence = values["in_force"]
    else { return nil }
    agent = ProcessIdentity(pid: pid, startTime: Ticks(start))
    self.sentence = String(sentence)
  }

  /// Whether the agent still runs. Its PID may belong to another process by now, so the start time is compared too.
  package var isOfTheLiving: Bool { FallbackNote.identity(of: agent.pid) == agent }

  /// The identity of a process of this machine; nil where there is no such process.
  package static func identity(of pid: Int32) -> ProcessIdentity? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    guard let file = try? OwnedDescriptor.open(CPath("/proc/\(pid)/stat"), .read),
      let count = try? file.readWhole(into: &bytes)
    else { return nil }
    bytes.removeLast(bytes.count - count)
    guard let stat = try? ProcessStat(parsing: bytes.span), stat.state != UInt8(ascii: "Z") else { return nil }
    return ProcessIdentity(pid: pid, startTime: stat.startTime)
  }
}
