import Ladder
import LinuxSystem
import ProcModel

/// usage: hand PID START_TIME
///
/// Holds that process and sends it SIGTERM, as the agent does, and says what came of each: `held sent`, `changed
/// vanished`.
private func run() throws(Errno) {
  let words = CommandLine.arguments
  guard words.count == 3, let pid = Int32(words[1]), let startTime = UInt64(words[2]) else { throw .invalidArgument }
  var actuator = LiveActuator(proc: try OwnedDescriptor.open(CPath("/proc"), [.read, .directory]))
  let hold = actuator.hold(ProcessIdentity(pid: pid, startTime: Ticks(startTime)))
  let delivery = actuator.send(.terminate)
  print(hold, delivery)
}

do throws(Errno) {
  try run()
} catch {
  print("hand: \(error.text)")
  OwnProcess.exit(64)
}
