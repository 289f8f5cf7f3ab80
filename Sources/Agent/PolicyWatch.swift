package import LinuxSystem
import Policy
package import ProcModel

/// Watches the files that a policy is compiled from, and says when it is time to read them again: once they have been
/// left alone for a moment, so that the renames of an editor, or of a package that is installed, come to one reload.
package struct PolicyWatch: ~Copyable {
  /// Files that were left alone so long are whole.
  private static let settling = Nanoseconds.milliseconds(500)
  /// Those that are never left alone are read all the same.
  private static let patience = Nanoseconds.milliseconds(5000)

  private var files: FileWatch
  private let directory: CPath
  private let folder: CPath
  /// The policy file's name in its directory.
  private let name: CPath
  /// The numbers of both; −1 where it is not watched.
  private var directoryNumber: Int32
  private var folderNumber: Int32
  private var firstChange: Nanoseconds?
  private var lastChange = Nanoseconds.zero

  private static let folderName = "policy.d"

  /// - Parameter config: The policy's file.
  package init(_ config: borrowing CPath) throws(Errno) {
    var slash = -1
    for index in config.bytes.indices where config.bytes[index] == UInt8(ascii: "/") { slash = index }
    var before: [UInt8] = []
    var after: [UInt8] = []
    for index in config.bytes.indices {
      if index < slash || slash == 0 && index == 0 { before.append(config.bytes[index]) }
      if index > slash { after.append(config.bytes[index]) }
    }
    if before.isEmpty { before.append(UInt8(ascii: ".")) }
    let directory = CPath(before)
    var folder = CPath("")
    folder.set(folder: before.span, file: PolicyWatch.folderName)
    let files = try FileWatch.open()
    directoryNumber = try files.add(directory)
    // There may be none yet.
    folderNumber = (try? files.add(folder)) ?? -1
    self.files = consume files
    self.directory = directory
    self.folder = folder
    name = CPath(after)
  }

  /// Readable when the kernel has something to tell.
  package var descriptor: Int32 { files.raw }

  /// Takes what the kernel has to tell.
  package mutating func take(at now: Nanoseconds) {
    var hasChanged = false
    let (directoryNumber, folderNumber) = (directoryNumber, folderNumber)
    let name = name
    files.drain { number, file in
      if number == -1 || file.isEmpty {
        hasChanged = true
      } else if number == folderNumber {
        hasChanged = hasChanged || PolicyWatch.isDropIn(file)
      } else if number == directoryNumber {
        hasChanged = hasChanged || file.equals(name.bytes) || PolicyWatch.isFolder(file)
      }
    }
    guard hasChanged else { return }
    // A directory that has come, or come back.
    self.directoryNumber = (try? files.add(directory)) ?? -1
    self.folderNumber = (try? files.add(folder)) ?? -1
    firstChange = firstChange ?? now
    lastChange = now
  }

  /// When it is time to read the files; nil where nothing changed.
  package var due: Nanoseconds? {
    firstChange.map { min(lastChange + PolicyWatch.settling, $0 + PolicyWatch.patience) }
  }

  /// The files are being read.
  package mutating func settle() {
    firstChange = nil
  }

  private static func isFolder(_ name: Span<UInt8>) -> Bool {
    var scanner = ByteScanner(name)
    return scanner.take(folderName) && scanner.offset == name.count
  }

  /// As the tool has it: not hidden, and `.toml`.
  private static func isDropIn(_ name: Span<UInt8>) -> Bool {
    let end = ".toml"
    guard name.count >= end.utf8.count, name[0] != UInt8(ascii: ".") else { return false }
    var scanner = ByteScanner(name, from: name.count - end.utf8.count)
    return scanner.take(end)
  }
}
