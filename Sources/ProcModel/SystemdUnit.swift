/// Finds the system unit in a cgroup's path by systemd's rule (`cg_path_get_unit` in src/basic/cgroup-util.c): slices
/// first, then the unit.
///
/// What is below the unit is not read. A user's own service manager, or a container's, names its cgroups as it likes,
/// and an `ssh.service` of its own is not the system's.
///
/// - Parameter path: The path's range within `bytes`.
/// - Returns: The range within `bytes` of the unit's name, without the underscore that systemd puts before names that
///   clash with the kernel's own files. Where the path has only slices, the last slice. Nil where what follows the
///   slices is no unit (`/docker/…`).
package func systemdUnit(in bytes: Span<UInt8>, path: Range<Int>) -> Range<Int>? {
  var slice: Range<Int>?
  var start = path.lowerBound
  while start < path.upperBound {
    guard bytes[start] != .slash else {
      start += 1
      continue
    }
    var end = start
    while end < path.upperBound, bytes[end] != .slash {
      end += 1
    }
    // `cg_unescape`
    let name = (bytes[start] == UInt8(ascii: "_") ? start + 1 : start)..<end
    guard let isSlice = unitIsSlice(bytes.extracting(name)) else { return nil }
    if !isSlice { return name }
    slice = name
    start = end
  }
  return slice
}

/// Whether a unit's name is a slice's. Nil if it is no valid name of a unit (`unit_name_is_valid`).
private func unitIsSlice(_ name: Span<UInt8>) -> Bool? {
  guard name.count <= 255 else { return nil }
  var dot = -1
  var at = -1
  for index in name.indices {
    switch name[index] {
    case UInt8(ascii: "."): dot = index
    case UInt8(ascii: "@"): if at < 0 { at = index }
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), .colon, .minus, UInt8(ascii: "_"), UInt8(ascii: "\\"):
      break
    default: return nil
    }
  }
  // These have no name before the suffix, or none before the `@`, or are templates, which never run themselves.
  guard dot > 0, at != 0, at != dot - 1 else { return nil }
  var suffix = ByteScanner(name, from: dot + 1)
  let isSlice = suffix.take("slice")
  guard
    isSlice || suffix.take("service") || suffix.take("scope") || suffix.take("socket") || suffix.take("mount")
      || suffix.take("swap") || suffix.take("timer") || suffix.take("automount") || suffix.take("device")
      || suffix.take("path") || suffix.take("target"),
    suffix.isAtEnd
  else { return nil }
  return isSlice
}
