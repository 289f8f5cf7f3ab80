package import LinuxSystem

/// A file of lines, which may be compressed.
package struct OpenedLog: ~Copyable {
  package let facts: FileFacts
  private let file: OwnedDescriptor
  private let packing: Packing?

  /// How a file was compressed, as its first bytes tell. Its name may say anything.
  private enum Packing: CaseIterable {
    case gzip, xz, zstd, bzip2

    var magic: [UInt8] {
      switch self {
      case .gzip: [0x1f, 0x8b]
      case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a]
      case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
      case .bzip2: [0x42, 0x5a, 0x68]
      }
    }

    /// The program that decompresses it; gzip(1) is on every Debian.
    var program: String {
      switch self {
      case .gzip: "gzip"
      case .xz: "xz"
      case .zstd: "zstd"
      case .bzip2: "bzip2"
      }
    }
  }

  /// - Throws: Why it cannot be opened; `EISDIR` of a directory, `EINVAL` of anything else but a file.
  package init(_ path: String) throws(Errno) {
    // A FIFO is not waited for.
    let file = try OwnedDescriptor.open(CPath(path), .read, .nonBlocking)
    let kind = try file.status().kind
    guard kind == .file else { throw kind == .directory ? .isDirectory : .invalidArgument }
    let facts = try file.facts()
    var first = [UInt8](repeating: 0, count: 8)
    let count = try file.read(into: &first, at: 0)
    self.facts = facts
    packing = Packing.allCases.first { first.prefix(count).starts(with: $0.magic) }
    self.file = file
  }

  /// Reads all lines.
  ///
  /// - Parameters:
  ///   - progress: Receives the number of bytes of each part of the file that was read, as it is on the disk.
  ///   - body: Receives each line with its number, and whether it is the last and unfinished; returns whether to go on.
  /// - Returns: What is to be told of the reading as a whole.
  package consuming func read(
    progress: (UInt64) -> Void, _ body: (Span<UInt8>, UInt64) -> Bool
  ) throws(Errno) -> Ending {
    var reader = LineReader()
    guard let packing else {
      try reader.read(file, progress: progress, body)
      return Ending(passedOver: reader.passedOver, isUnfinished: reader.isUnfinished, problem: nil)
    }
    guard let program = Program.path(packing.program) else {
      return Ending(problem: "it is compressed, and \(packing.program)(1) is not installed")
    }
    var child = try OutputChild.start(CPath(program), [CPath(packing.program), CPath("-dc")], input: file)
    var isStopped = false
    try reader.read(child.output) { line, number in
      isStopped = !body(line, number)
      return !isStopped
    }
    progress(facts.size)
    var ending = Ending(passedOver: reader.passedOver, isUnfinished: reader.isUnfinished, problem: nil)
    if !isStopped, try child.wait() != 0 {
      ending.problem = "\(packing.program)(1) finds it damaged: what comes before the damage was read"
    }
    return ending
  }

  /// How the reading of a file came to its end.
  package struct Ending: Sendable {
    /// Lines that are too long for a line.
    package var passedOver: UInt64 = 0
    /// Whether the last line has no newline.
    package var isUnfinished = false
    package var problem: String?
  }
}

/// Programs of the system that read what is stored.
package enum Program {
  /// The path of a program in the folders of the system; nil where it is not installed.
  package static func path(_ name: String) -> String? {
    ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + name }.first { path in
      guard let file = try? OwnedDescriptor.open(CPath(path), .path), let kind = try? file.status().kind else {
        return false
      }
      return kind == .file
    }
  }
}
