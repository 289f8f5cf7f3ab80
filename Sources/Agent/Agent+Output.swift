import Ladder
import LinuxSystem
import Policy
import ProcModel
import Record

/// Records, messages and the kernel's log: three outputs, none of which waits for another.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// How long the end of the agent waits for lines that are not out yet. Those that are left get out without it.
  private static var lastWords: Nanoseconds { .milliseconds(500) }

  /// Tells by the one output what the other loses.
  mutating func tellLostLines() {
    if let reason = recorder.sink.news() {
      messages.say(.error) { line in
        line.append("records are lost, and the next one that can be written tells how many: ")
        line.append(reason.text)
      }
    }
    if let reason = messages.sink.news() { recorder.lost("messages", reason) }
    if let reason = kernelLog.sink.news() {
      messages.say(.warning) { line in
        line.append("lines for the kernel's log are lost, and the next one that can be written tells how many: ")
        line.append(reason.text)
      }
    }
  }

  /// Waits for what is not written yet.
  mutating func finishOutput() {
    let end = Nanoseconds(Clock.sinceBoot()) + Self.lastWords
    tellLostLines()
    recorder.sink.wait(milliseconds: Self.left(until: end))
    messages.sink.wait(milliseconds: Self.left(until: end))
    kernelLog.sink.wait(milliseconds: Self.left(until: end))
  }

  private static func left(until end: Nanoseconds) -> Int32 {
    Int32(clamping: (end - Nanoseconds(Clock.sinceBoot())).milliseconds)
  }
}
