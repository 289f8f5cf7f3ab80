import Flight
import LinuxSystem
import Policy
import ProcModel

/// The flights that a folder holds, the oldest first, with their sizes: so that it stays bounded in number and size.
///
/// Takes no memory from the heap, but where its bounds change.
struct FlightFolder: Sendable {
  private struct File: Sendable {
    var name = ByteBuffer(capacity: FileSaver.longestName)
    /// In bytes.
    var size: UInt64 = 0
  }

  /// In a ring, with a place more than there may be files: for the one that is saved next.
  private var files: [File] = []
  private var oldest = 0
  private(set) var count = 0
  /// Of all files, in bytes.
  private(set) var size: UInt64 = 0
  private var limit: UInt64 = 0
  private var keep = 0

  init(_ settings: FlightSettings) {
    setBounds(settings)
  }

  /// Allocates. Files that are too many stay known until they are removed.
  mutating func setBounds(_ settings: FlightSettings) {
    keep = Int(settings.keep)
    limit = settings.folderLimit.count.multipliedReportingOverflow(by: 1024).partialValue
    var moved: [File] = []
    for index in 0..<max(keep, count) + 1 { moved.append(index < count ? files[place(index)] : File()) }
    files = moved
    oldest = 0
  }

  /// Whether a file of this name is a flight that an agent saved: `20261201T041500Z-….flight`. Any other file
  /// stays.
  static func isFlight(_ name: Span<UInt8>) -> Bool {
    guard name.count > 17 + FlightName.suffix.utf8.count, name.count <= FileSaver.longestName else { return false }
    for index in 0..<15 where index != 8 {
      guard name[index] >= UInt8(ascii: "0"), name[index] <= UInt8(ascii: "9") else { return false }
    }
    guard name[8] == UInt8(ascii: "T"), name[15] == UInt8(ascii: "Z"), name[16] == UInt8(ascii: "-") else {
      return false
    }
    var scanner = ByteScanner(name, from: name.count - FlightName.suffix.utf8.count)
    return scanner.take(FlightName.suffix)
  }

  /// Where a file is, counted from the oldest.
  private func place(_ index: Int) -> Int { (oldest + index) % files.count }

  /// Adds the newest file, of no size yet. There is room for it where ``isOver(with:)`` was false before, for another one.
  mutating func push(_ name: Span<UInt8>) {
    guard count < files.count else { return }
    let place = place(count)
    files[place].name.fill(from: name)
    files[place].size = 0
    count += 1
  }

  /// Forgets the newest file.
  mutating func dropNewest() {
    guard count > 0 else { return }
    count -= 1
    size -= files[place(count)].size
  }

  /// Forgets the oldest file.
  mutating func dropOldest() {
    guard count > 0 else { return }
    size -= files[oldest].size
    oldest = (oldest + 1) % files.count
    count -= 1
  }

  /// Sets the size of the newest file, in bytes.
  mutating func setNewest(_ bytes: UInt64) {
    guard count > 0 else { return }
    size = size - files[place(count - 1)].size + bytes
    files[place(count - 1)].size = bytes
  }

  /// Whether the oldest file has to go, where the newest has the size that it has. The newest stays in any case.
  var isOver: Bool { count > 1 && (count > keep || size > limit) }

  /// The name of the newest file.
  var newestName: ByteBuffer { files[place(max(count - 1, 0))].name }

  /// The name of the oldest file.
  var oldestName: ByteBuffer { files[oldest].name }
}

extension FlightFolder {
  /// The flights that are in a folder. Those that are too many are removed. A file whose size cannot be had counts as
  /// empty. For the start: it waits for the disk.
  init(_ settings: FlightSettings, in folder: borrowing OwnedDescriptor) throws(Errno) {
    self.init(settings)
    var walk = DirectoryWalk(try folder.open(CPath("."), .read, .directory), capacity: 4096)
    let names = try walk.names(limit: 4096).filter { FlightFolder.isFlight($0.span) }
    var removed = 0
    for name in names {
      push(name.span)
      setNewest((try? folder.size(of: CPath(name))) ?? 0)
      while isOver {
        try? folder.remove(CPath(names[removed]))
        dropOldest()
        removed += 1
      }
    }
  }
}
