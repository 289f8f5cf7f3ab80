import Policy
import Pressure

/// `trigger.stall` as a file has it.
struct StallDraft {
  var stall: Stall
  /// The path of the cgroup whose lost time counts; nil where that is none.
  var cgroup: String?

  private static let example = "\"protected\" or \"/system.slice/ssh.service\""

  /// Reads `of`: two words, or the path of a cgroup.
  static func readSource(_ table: SettingsReader, log: inout DiagnosticLog) -> (StallSource, cgroup: String?) {
    guard let (text, offset) = table.string("of", example, log: &log) else { return (.domain, nil) }
    switch text {
    case "system": return (.domain, nil)
    case "protected": return (.protected, nil)
    default: break
    }
    if text.contains("*") {
      log.error(
        at: offset, "\(quoted(text)) is a pattern",
        "name one cgroup, or write \"protected\" for those of all processes that a rule protects")
    } else if text == "/" {
      log.error(at: offset, "the root cgroup has no account of stalls of its own", "write \"system\"")
    } else if !MeasureLimits.isCgroup(Array(text.utf8).span) {
      let meant = CgroupText.belowTheMount(text) ?? CgroupText.unit(text).map { "/system.slice/\($0)" }
      let word = text.hasPrefix("/") ? nil : nearest(to: text, among: ["system", "protected"])
      log.error(
        at: offset, "\"of\" cannot be \(quoted(text))",
        (meant ?? word).map { "write \(quoted($0))" }
          ?? "it is \"system\", \"protected\" or the path of a cgroup such as \"/system.slice/ssh.service\"")
    } else {
      if let problem = CgroupText.problem(with: text) {
        log.warning(at: offset, "there is no such cgroup: \(problem.what)", problem.meant)
      }
      return (.cgroup, text)
    }
    return (.domain, nil)
  }
}
