/// Recognises texts that are often taken for the path of a cgroup, and gives the path that was meant. The right path is
/// the one that `/proc/PID/cgroup` shows, from the root of the hierarchy.
enum CgroupText {
  private static let mount = "/sys/fs/cgroup"

  /// The hierarchies that are mounted below ``mount``: version 2 beside version 1, and those of version 1 (cgroups(7)).
  private static let hierarchies: Set<String> = [
    "unified", "memory", "systemd", "cpu", "cpuacct", "cpu,cpuacct", "cpuacct,cpu", "cpuset", "blkio", "pids",
    "freezer",
    "devices", "net_cls", "net_prio", "net_cls,net_prio", "perf_event", "hugetlb", "rdma", "misc",
  ]

  private static let suffixes = [".service", ".scope", ".socket", ".slice", ".mount", ".swap"]

  struct Problem {
    var what: String
    var meant: String
  }

  /// Why no cgroup has this path; nil where one may.
  ///
  /// - Parameter text: A path, or a glob over it.
  static func problem(with text: String) -> Problem? {
    if let path = belowTheMount(text) {
      return Problem(
        what: "the path of a cgroup begins below the mount, which is \(quoted(mount))",
        meant: "write \(quoted(path))")
    }
    for place in ["/proc/", "/sys/", "/dev/"] where text.hasPrefix(place) {
      return Problem(
        what: "no cgroup's path begins with \(quoted(String(place.dropLast())))",
        meant: "write the path that /proc/PID/cgroup shows behind the last colon")
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count > 2, text.hasSuffix("/") {
      return Problem(what: "no cgroup's path ends with a slash", meant: "write \(quoted(String(text.dropLast())))")
    }
    if parts.dropFirst().dropLast().contains("") || parts.contains(".") || parts.contains("..") {
      return Problem(
        what: "no cgroup's path has \"//\", \"/./\" or \"/../\"", meant: "write it as /proc/PID/cgroup shows it")
    }
    if parts.count == 2, parts[0].isEmpty, let unit = unit(String(parts[1])), unit != "init.scope" {
      return Problem(
        what: "no unit lies in the root: systemd keeps \(quoted(unit)) in a slice",
        meant: "write \(quoted("/system.slice/\(unit)"))")
    }
    return nil
  }

  /// The path that was meant by a text that begins with the mount point, with or without the first slash; nil for any
  /// other text. A glob keeps its wildcards.
  static func belowTheMount(_ text: String) -> String? {
    guard let range = text.range(of: mount.dropFirst()), text[..<range.lowerBound].allSatisfy({ "/*".contains($0) })
    else {
      return nil
    }
    var parts = text[range.upperBound...].split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    let rest = text[range.upperBound...]
    guard rest.isEmpty || rest.hasPrefix("/") else { return nil }
    if let first = parts.first, hierarchies.contains(first) { parts.removeFirst() }
    return "/" + parts.joined(separator: "/")
  }

  /// The text, if it is the name of a unit that processes lie in, and not that of a slice; nil otherwise.
  static func unit(_ text: String) -> String? {
    guard !text.contains("/"), !text.hasSuffix(".slice"), suffixes.contains(where: text.hasSuffix) else { return nil }
    return text
  }
}

extension String {
  /// The first range of this text in which another text stands; nil where it does not.
  fileprivate func range(of text: Substring) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
