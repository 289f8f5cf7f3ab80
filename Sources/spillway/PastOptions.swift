import ArgumentParser
import History
import LinuxSystem

/// What all commands that look back take.
struct PastOptions: ParsableArguments {
  @OptionGroup var period: PeriodOptions

  @Option(
    help: ArgumentHelp(
      """
      Read this record, with those rotated away from it, and no source of the system. May be given several times. \
      Default: /var/log/spillway/decisions.jsonl.
      """, valueName: "file"))
  var record: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Read this log, and no source of the system: text of syslog or dmesg, a copy of /dev/kmsg, or the output of \
      journalctl -o json. May be given several times.
      """, valueName: "file"))
  var log: [String] = []

  /// The record of the service.
  static let serviceRecord = "/var/log/spillway/decisions.jsonl"

  static var zone: LocalZone { LocalZone { Clock.localOffset(at: $0) } }

  static var now: WallTime { WallTime(milliseconds: Int64(clamping: Clock.sinceEpoch() / 1_000_000)) }

  /// Whether only what was named is read.
  var isNamed: Bool { !record.isEmpty || !log.isEmpty }

  /// The files of the record, the oldest first.
  func recordFiles() throws(Failure) -> [String] {
    if !isNamed { return RotatedFiles.of(PastOptions.serviceRecord) }
    try demand(record)
    return record.flatMap { RotatedFiles.of($0) }
  }

  /// The text logs, the oldest first.
  func logFiles() throws(Failure) -> [String] {
    try demand(log)
    if isNamed { return log }
    return ["/var/log/kern.log", "/var/log/messages", "/var/log/syslog"].flatMap { RotatedFiles.of($0) }
      .filter { Files.exist($0) }
  }

  private func demand(_ files: [String]) throws(Failure) {
    for file in files where !Files.exist(file) {
      throw Failure(.usage, "\(visible(Array(file.utf8).span)): \(Errno.noSuchFile.text)")
    }
  }
}

enum Files {
  /// Whether there is a file of that path. One in a folder that may not be searched counts as one.
  static func exist(_ path: String) -> Bool {
    do throws(Errno) {
      _ = try OwnedDescriptor.open(CPath(path), .path)
      return true
    } catch {
      return error != .noSuchFile && error != .notDirectory
    }
  }
}
