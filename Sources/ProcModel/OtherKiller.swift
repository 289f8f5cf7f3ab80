/// A program that kills when memory is short, as this one does. Two of them act at once, each on what it saw before the
/// other acted.
///
/// The one list of them: the agent and `spillway check --live` both ask it.
package enum OtherKiller: UInt8, CaseIterable, Sendable {
  case earlyoom
  case nohang
  case systemdOomd
  /// Meta's, https://github.com/facebookincubator/oomd.
  case oomd
  case bustd
  /// Endless OS's: has the kernel kill, by sysrq.
  case psiMonitor
  /// Another agent of this kind that is armed.
  case spillwayd

  /// Its process's name, of 15 bytes at most.
  package var comm: String {
    switch self {
    case .earlyoom: "earlyoom"
    case .nohang: "nohang"
    case .systemdOomd: "systemd-oomd"
    case .oomd: "oomd"
    case .bustd: "bustd"
    case .psiMonitor: "psi-monitor"
    case .spillwayd: "spillwayd"
    }
  }

  /// The last part of its executable's path begins so. A script has its interpreter's.
  var program: String {
    switch self {
    case .nohang: "python"
    default: comm
    }
  }

  /// What to type, or do.
  package var advice: String {
    switch self {
    case .earlyoom: "stop one of the two: systemctl disable --now earlyoom"
    case .nohang: "stop one of the two: systemctl disable --now nohang nohang-desktop"
    case .systemdOomd:
      "it kills only where ManagedOOMSwap= or ManagedOOMMemoryPressure= is set (oomctl shows where); to stop it: "
        + "systemctl disable --now systemd-oomd.service systemd-oomd.socket"
    case .oomd: "stop one of the two: systemctl disable --now oomd"
    case .bustd: "stop one of the two: systemctl disable --now bustd"
    case .psiMonitor: "stop one of the two: systemctl disable --now psi-monitor"
    case .spillwayd: "stop one of the two; a second one for looking at takes --dry-run"
    }
  }

  /// The killer that a process calls itself, where it may kill other users' processes.
  ///
  /// A name proves nothing. An ordinary user's process that has it is no second killer: it may kill that user's processes
  /// and no others. In a user namespace of its own it has every capability, so capabilities alone do not tell either.
  package init?(_ process: ProcessFacts) {
    guard let killer = OtherKiller.named(process.comm.bytes), OtherKiller.mayKillOthers(process) else { return nil }
    self = killer
  }

  private static func named(_ comm: Span<UInt8>) -> OtherKiller? {
    for killer in allCases {
      var scanner = ByteScanner(comm)
      if scanner.take(killer.comm), scanner.offset == comm.count { return killer }
    }
    return nil
  }

  /// Root, or a service's own user that was given CAP_KILL: earlyoom has a dynamic one, systemd-oomd its own.
  private static func mayKillOthers(_ process: ProcessFacts) -> Bool {
    let uid = process.effectiveUID
    if uid == 0 { return true }
    // SYS_UID_MAX of login.defs(5), and systemd's range for DynamicUser= (systemd.exec(5)).
    let isOfService = uid < 1000 || (61_184...65_519).contains(uid)
    return isOfService && process.effectiveCapabilities.contains(.kill)
  }

  /// Whether the process's executable is what its name says. One that cannot be read does not deny it.
  ///
  /// - Parameter exe: Its path, as `/proc/PID/exe` has it.
  package func hasProgram(_ exe: Span<UInt8>) -> Bool {
    var start = 0
    for index in exe.indices where exe[index] == UInt8(ascii: "/") { start = index + 1 }
    var scanner = ByteScanner(exe, from: start)
    return scanner.take(program)
  }

  /// The word of its command line by which it kills nothing; nil where there is none.
  private var harmlessWord: String? {
    switch self {
    case .earlyoom: "--dryrun"
    case .systemdOomd, .spillwayd: "--dry-run"
    case .nohang, .oomd, .bustd, .psiMonitor: nil
    }
  }

  /// Whether its command line says that it kills nothing.
  ///
  /// - Parameter commandLine: Its words, with NULs or blanks between them.
  package func isHarmless(_ commandLine: Span<UInt8>) -> Bool {
    guard let harmlessWord else { return false }
    var start = 0
    for index in 0...commandLine.count {
      guard index == commandLine.count || commandLine[index] == 0 || commandLine[index] == UInt8(ascii: " ") else {
        continue
      }
      var scanner = ByteScanner(commandLine.extracting(start..<index))
      if scanner.take(harmlessWord), scanner.offset == index - start { return true }
      start = index + 1
    }
    return false
  }
}
