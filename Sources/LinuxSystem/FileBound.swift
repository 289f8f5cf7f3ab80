/// How much a file that lines are appended to may hold: where the next line would make it larger, it becomes `path.1`, that
/// `path.2` and so on, and a new file with its owner, group and mode takes its place. A pipe or a device is not bounded.
package struct FileBound: Sendable {
  package var path: CPath
  /// Bytes of each file; 0 is no limit. A single line that is longer is written all the same.
  package var limit: UInt64
  /// The number of files, the one that is written among them.
  package var files: Int

  package init(path: CPath, limit: UInt64, files: Int) {
    self.path = path
    self.limit = limit
    self.files = files
  }
}
