import LinuxSystem
import ProcModel
import ProcReader

/// The processes that the survey could not read, by PID, and the files that it could not parse.
struct UnreadProcesses {
  /// At most this many PIDs are listed.
  private static let mostShown = 8

  /// PIDs of processes whose `stat` was read but cannot be parsed.
  private(set) var senseless: [Int32] = []
  /// PIDs of processes whose `stat` cannot be read.
  private(set) var unreadable: [Int32] = []
  /// The number of other processes' files that cannot be parsed.
  private var otherFiles: UInt32 = 0
  private var last: SurveyTally.Malformed?
  private var hasSenselessUptime = false

  init() {}

  /// Reads the processes again that are not in the table: a survey counts them, but keeps no list.
  init(_ tally: SurveyTally, _ table: ProcessTable, from source: inout LiveSource) {
    hasSenselessUptime = tally.uptimeError != nil
    guard tally.malformed > 0 || tally.denied > 0 || tally.failed > 0 else { return }
    last = tally.lastMalformed
    var known = Set<Int32>()
    for process in table.rows { known.insert(process.identity.pid) }
    var buffer = ByteBuffer(capacity: 4096)
    do throws(ReadFailure) {
      try source.beginProcesses()
      while let pid = try source.nextProcess() {
        if known.contains(pid) { continue }
        do throws(ReadFailure) {
          try source.read(.stat, of: pid, into: &buffer)
          if (try? ProcessStat(parsing: buffer.bytes)) == nil { senseless.append(pid) }
        } catch {
          if error != .vanished { unreadable.append(pid) }
        }
      }
    } catch {
      // The list could be read a moment ago: the counts are reported all the same.
    }
    senseless.sort()
    unreadable.sort()
    let count = UInt32(senseless.count)
    otherFiles = tally.malformed > count ? tally.malformed - count : 0
  }

  /// Lines to print for a person.
  var notes: [String] {
    var lines: [String] = []
    if hasSenselessUptime { lines.append("uptime makes no sense: the ages of processes are unknown\n") }
    if !senseless.isEmpty {
      lines.append("processes left out because their stat makes no sense: \(UnreadProcesses.list(senseless))\n")
    }
    if otherFiles > 0, let last {
      lines.append(
        "\(otherFiles) \(otherFiles == 1 ? "file" : "files") of processes made no sense and \(otherFiles == 1 ? "was" : "were") "
          + "not used; the last was \(last.file.path) of process \(last.pid)\n")
    }
    if !unreadable.isEmpty {
      lines.append("some processes may not be read and are not shown: \(UnreadProcesses.list(unreadable))\n")
    }
    return lines
  }

  private static func list(_ pids: [Int32]) -> String {
    let shown = pids.prefix(mostShown).map(String.init).joined(separator: ", ")
    return pids.count > mostShown ? "\(shown) and \(pids.count - mostShown) more" : shown
  }
}

extension ReadFailure {
  /// Why the processes of a source cannot be ranked: `uptime` is missing, or the processes cannot be listed.
  func reason(root: String, _ source: inout LiveSource) -> String {
    var buffer = ByteBuffer(capacity: 64)
    guard source.clock == nil else { return "\(root): processes cannot be listed: \(text)" }
    do throws(ReadFailure) {
      try source.read(.uptime, into: &buffer)
    } catch {
      return "\(root)/uptime cannot be read: \(error.text); without it the ages of processes are unknown"
    }
    return "\(root): processes cannot be listed: \(text)"
  }

  private var text: String {
    switch self {
    case .vanished: Errno.noSuchFile.text
    case .denied: Errno.accessDenied.text
    case .failed(let number): Errno(number).text
    }
  }
}
