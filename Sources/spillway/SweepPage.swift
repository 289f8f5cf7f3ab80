import Flight
import PolicyFile
import ProcModel
import Replay

/// A page that shows what each value of a setting would have come to over a flight: available memory over time, with a
/// mark where each value acts, and a table of the same. It is one file without scripts, and asks nothing of the network.
struct SweepPage {
  private let result: SweepResult
  private let replay: Replay
  /// Available memory of the system over time since the run began.
  private let points: [(at: Nanoseconds, available: KiB)]

  init(_ result: SweepResult, _ replay: Replay) {
    self.result = result
    self.replay = replay
    points = SweepPage.thinned(
      replay.memory.map { (at: $0.time - replay.header.started, available: $0.available) })
  }

  /// At most two points for each column of the drawing: the least and the most. A flight may have thousands.
  private static func thinned(_ points: [(at: Nanoseconds, available: KiB)]) -> [(at: Nanoseconds, available: KiB)] {
    let most = 2 * Frame.width
    guard points.count > most, let last = points.last else { return points }
    var kept: [(at: Nanoseconds, available: KiB)] = []
    var next = 0
    for column in 0..<Frame.width {
      let end = last.at.count / UInt64(Frame.width) * UInt64(column + 1)
      let first = next
      while next < points.count, points[next].at.count <= end || column == Frame.width - 1 { next += 1 }
      let part = points[first..<next]
      guard let low = part.indices.min(by: { part[$0].available < part[$1].available }),
        let high = part.indices.max(by: { part[$0].available < part[$1].available })
      else { continue }
      for index in Set([low, high]).sorted() { kept.append(part[index]) }
    }
    return kept
  }

  private enum Frame {
    static let width = 860
    static let height = 320
    static let left = 70
    static let top = 20
  }

  var text: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>\(title)</title>
    <style>
    :root { color-scheme: light dark; --line: #2563a8; --mark: #b4371c; --grid: #8888; }
    @media (prefers-color-scheme: dark) { :root { --line: #7db5f2; --mark: #ff9a7d; } }
    body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
    svg { width: 100%; height: auto; }
    svg text { font-size: 12px; fill: currentColor; }
    .memory { fill: none; stroke: var(--line); stroke-width: 1.5; }
    .grid { stroke: var(--grid); stroke-width: 1; }
    .mark { fill: var(--mark); }
    .drop { stroke: var(--mark); stroke-width: 1; stroke-dasharray: 3 3; }
    table { border-collapse: collapse; width: 100%; }
    th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--grid); }
    .scroll { overflow-x: auto; }
    </style>
    </head>
    <body>
    <h1>\(title)</h1>
    <p>Flight \(escaped(result.file)), policy \(escaped(result.policy)). The line is the memory that was available; each \
    mark is the moment at which a value of the setting would have led to a kill. Values that would not have are in the \
    table alone.</p>
    \(drawing)
    <div class="scroll">
    <table>
    <thead><tr><th>value</th><th>acts at</th><th>kills</th><th>available then</th><th>decisions</th></tr></thead>
    <tbody>
    \(rows)
    </tbody>
    </table>
    </div>
    \(notes)
    </body>
    </html>

    """
  }

  private var title: String { "What \(escaped(result.sweep.setting.key)) would have come to" }

  private var rows: String {
    zip(result.sweep.values, result.trials).map { value, trial in
      guard let first = trial.decisions.first else {
        return "<tr><td>\(escaped(value))</td><td>never</td><td>nothing</td><td></td><td>0</td></tr>"
      }
      let available = SweepResult.available(first).map { amount($0) } ?? ""
      return "<tr><td>\(escaped(value))</td><td>\(first.at.seconds) s</td>"
        + "<td>\(escaped(TrialReport.victim(first)))</td>"
        + "<td>\(available)</td><td>\(trial.decisions.count)</td></tr>"
    }.joined(separator: "\n")
  }

  private var notes: String {
    let most = result.trials.max { $0.decisions.count < $1.decisions.count }
    return (most.map { TrialReport.notes(on: $0) } ?? "").split(separator: "\n")
      .map { "<p>\(escaped(String($0))).</p>" }.joined(separator: "\n")
  }

  // MARK: The drawing

  private var span: UInt64 { max(points.last?.at.milliseconds ?? 1, 1) }
  private var most: UInt64 { max(points.map(\.available.count).max() ?? 1, 1) }

  private func x(_ at: Nanoseconds) -> String {
    hundredths(Frame.left * 100 + Int(min(at.milliseconds, span) * UInt64(Frame.width * 100) / span))
  }

  private func y(_ available: KiB) -> String {
    let height = UInt64(Frame.height * 100)
    return hundredths(Frame.top * 100 + Int(height - min(available.count, most) * height / most))
  }

  private func hundredths(_ number: Int) -> String { "\(number / 100).\(String(number % 100 + 100).dropFirst())" }

  private var drawing: String {
    let (right, bottom) = (Frame.left + Frame.width, Frame.top + Frame.height)
    var lines = [
      "<svg viewBox=\"0 0 \(right + 40) \(bottom + 40)\" role=\"img\" aria-labelledby=\"about\">",
      "<title id=\"about\">Available memory over time, with the moment at which each value acts</title>",
    ]
    for quarter in UInt64(0)...4 {
      let available = KiB(most * quarter / 4)
      lines.append(
        "<line class=\"grid\" x1=\"\(Frame.left)\" y1=\"\(y(available))\" x2=\"\(right)\" y2=\"\(y(available))\"/>")
      lines.append(
        "<text x=\"\(Frame.left - 8)\" y=\"\(y(available))\" text-anchor=\"end\">\(amount(available))</text>")
      let at = Nanoseconds.milliseconds(span * quarter / 4)
      lines.append("<text x=\"\(x(at))\" y=\"\(bottom + 20)\" text-anchor=\"middle\">\(at.seconds) s</text>")
    }
    let path = points.map { "\(x($0.at)),\(y($0.available))" }.joined(separator: " ")
    lines.append("<polyline class=\"memory\" points=\"\(path)\"/>")
    for (value, trial) in zip(result.sweep.values, result.trials) {
      guard let first = trial.decisions.first, let available = SweepResult.available(first) else { continue }
      let about = "\(value): \(TrialReport.victim(first)), at \(first.at.seconds) s"
      lines.append(
        "<line class=\"drop\" x1=\"\(x(first.at))\" y1=\"\(y(available))\" x2=\"\(x(first.at))\" y2=\"\(bottom)\"/>")
      lines.append(
        "<circle class=\"mark\" cx=\"\(x(first.at))\" cy=\"\(y(available))\" r=\"4\"><title>\(escaped(about))</title></circle>"
      )
      lines.append(
        "<text x=\"\(x(first.at))\" y=\"\(y(available))\" dx=\"6\" dy=\"-6\">\(escaped(value))</text>")
    }
    return (lines + ["</svg>"]).joined(separator: "\n")
  }

  /// Text of processes and files, of which none becomes markup.
  private func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.append(character)
      }
    }
    return escaped
  }
}
