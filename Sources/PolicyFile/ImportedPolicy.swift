package import ProcModel

/// Another agent whose configuration can be converted to a policy.
package enum Killer: String, CaseIterable, Sendable {
  case earlyoom
  case nohang

  /// The configuration file of the agent's package.
  package var path: String {
    switch self {
    case .earlyoom: "/etc/default/earlyoom"
    case .nohang: "/etc/nohang/nohang.conf"
    }
  }
}

/// The totals of a machine that decide between two options of another agent.
package struct ImportMachine: Equatable, Sendable {
  package var ram: KiB
  package var swap: KiB

  package init(ram: KiB, swap: KiB) {
    self.ram = ram
    self.swap = swap
  }
}

/// Why a configuration cannot be converted: the other agent would refuse it too, or it is not that agent's.
package struct ImportFault: Error, CustomStringConvertible {
  package var diagnostic: Diagnostic

  package var description: String { diagnostic.description }
}

/// The policy that comes nearest to another agent's configuration.
package struct ImportedPolicy: Equatable, Sendable {
  /// TOML that compiles. Comments mark what could not be carried over.
  package var text: String
  /// Warnings about dropped options that an operator will miss.
  package var notes: [Diagnostic]

  /// - Parameters:
  ///   - file: The name of the file in messages and in the policy; it is not read.
  ///   - machine: The machine that the policy is for; nil where it is not known.
  package init(
    _ configuration: [UInt8], of killer: Killer, file: String, machine: ImportMachine?
  ) throws(ImportFault) {
    let source = try ImportSource(configuration, file: file)
    try ImportRecognition.check(source, of: killer)
    switch killer {
    case .earlyoom: self = try EarlyoomImport(source, machine: machine).policy()
    case .nohang: self = try NohangImport(source).policy()
    }
    // Hundreds of rules, or very long ones, do not fit into a policy, even if each of them was understood.
    let check = PolicyCompiler.compile(text, file: "the policy", accounts: .importing, programs: .importing)
    if let error = check.diagnostics.first(where: { $0.severity == .error }) {
      throw source.fault(at: 0, "no policy can be made of it: \(error.what)", error.meant)
    }
  }

  init(text: String, notes: [Diagnostic]) {
    self.text = text
    self.notes = notes
  }
}

extension AccountLookup {
  /// The users that an imported policy names.
  fileprivate static let importing = AccountLookup([.init(name: "root", uid: 0), .init(name: "nobody", uid: 65_534)])
}

extension ProgramLookup {
  /// Whether a program exists is for `check` to say, on the machine where the policy is used.
  fileprivate static let importing = ProgramLookup { _ in .ready }
}

/// The text of a configuration, and the messages about it.
struct ImportSource {
  let file: String
  let text: SourceText

  var bytes: [UInt8] { text.bytes }

  init(_ bytes: [UInt8], file: String) throws(ImportFault) {
    self.file = file
    text = SourceText(bytes)
    if bytes.count > TOMLDocument.maximumSize {
      throw fault(
        at: 0, "the file has \(bytes.count) bytes",
        "at most \(TOMLDocument.maximumSize) are read: is it the right file?")
    }
    if let offset = bytes.firstIndex(of: 0) {
      throw fault(at: offset, "a NUL byte", "a configuration is a text file: is it the right file?")
    }
    if let offset = text.firstInvalidByte {
      throw fault(at: offset, "these bytes are not UTF-8", "save the file as UTF-8: is it the right file?")
    }
  }

  func fault(at offset: Int, _ what: String, _ meant: String) -> ImportFault {
    ImportFault(diagnostic: diagnostic(.error, at: offset, what, meant))
  }

  func note(at offset: Int, _ what: String, _ meant: String) -> Diagnostic {
    diagnostic(.warning, at: offset, what, meant)
  }

  private func diagnostic(
    _ severity: Diagnostic.Severity, at offset: Int, _ what: String, _ meant: String
  ) -> Diagnostic {
    let (line, column) = text.position(of: offset)
    return Diagnostic(severity: severity, file: file, line: line, column: column, what: what, meant: meant)
  }
}
