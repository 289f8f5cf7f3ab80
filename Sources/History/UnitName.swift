import ProcModel

/// The unit in a control group's path.
enum UnitName {
  /// The system's unit (systemd.unit(5)) that a control group belongs to; below a user's service manager the last
  /// component that is a unit's name. Nil where there is none.
  static func of(cgroup path: [UInt8]) -> [UInt8]? {
    let own = path.split(separator: .slash).last { isUnit($0) }
    if let own { return Array(own) }
    return systemdUnit(in: path.span, path: 0..<path.count).map { Array(path[$0]) }
  }

  static func isUnit(_ name: ArraySlice<UInt8>) -> Bool {
    ends(name, ".service") || ends(name, ".scope")
  }

  private static func ends(_ name: ArraySlice<UInt8>, _ suffix: String) -> Bool {
    name.count > suffix.utf8.count && name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }
}
