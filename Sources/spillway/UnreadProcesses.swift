import LinuxSystem
import ProcModel
import ProcReader

/// The processes of which the survey could tell nothing, by number, and what it could not tell of others.
struct UnreadProcesses {
  /// More numbers than that are no list that anyone reads.
  private static let mostShown = 8

  /// Their `stat` was read and makes no sense.
  private(set) var senseless: [Int32] = []
  /// Their `stat` cannot be read.
  private(set) var unreadable: [Int32] = []
  /// Files of other processes that make no sense.
  private var otherFiles: UInt32 = 0
  private var last: SurveyTally.Malformed?
  private var hasSenselessUptime = false

  init() {}

  /// Asks again of those that are not in the table: a survey counts, and keeps no list.
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
      // The list was whole a moment ago: what was counted is told all the same.
    }
    senseless.sort()
    unreadable.sort()
    let count = UInt32(senseless.count)
    otherFiles = tally.malformed > count ? tally.malformed - count : 0
  }

  /// What has to be known of it, whole lines.
  var notes: [String] {
    var lines: [String] = []
    if hasSenselessUptime { lines.append("uptime makes no sense: ages are not known\n") }
    if !senseless.isEmpty {
      lines.append("left out, since their stat makes no sense: \(UnreadProcesses.list(senseless))\n")
    }
    if otherFiles > 0, let last {
      lines.append(
        "\(otherFiles) \(otherFiles == 1 ? "file" : "files") of processes made no sense, and what they tell is left out; "
          + "the last was \(UnreadProcesses.name(of: last.file)) of \(last.pid)\n")
    }
    if !unreadable.isEmpty {
      lines.append("some processes may not be read, and are not shown: \(UnreadProcesses.list(unreadable))\n")
    }
    return lines
  }

  private static func list(_ pids: [Int32]) -> String {
    let shown = pids.prefix(mostShown).map(String.init).joined(separator: ", ")
    return pids.count > mostShown ? "\(shown) and \(pids.count - mostShown) more" : shown
  }

  private static func name(of file: ProcessFile) -> String {
    switch file {
    case .stat: "stat"
    case .statm: "statm"
    case .status: "status"
    case .cgroup: "cgroup"
    case .oomScore: "oom_score"
    case .oomScoreAdj: "oom_score_adj"
    case .syscall: "syscall"
    case .exe: "exe"
    case .cmdline: "cmdline"
    }
  }
}

extension ReadFailure {
  /// Why the processes of a source cannot be ranked: the file that is missing, or the list.
  func reason(root: String, _ source: inout LiveSource) -> String {
    var buffer = ByteBuffer(capacity: 64)
    guard source.clock == nil else { return "\(root): processes cannot be listed: \(text)" }
    do throws(ReadFailure) {
      try source.read(.uptime, into: &buffer)
    } catch {
      return "\(root)/uptime cannot be read: \(error.text); without it no age is known"
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
