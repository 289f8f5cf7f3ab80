/// Programs that kill when memory is short, as this one does. Two of them may act at once, each on what it saw before
/// the other acted.
///
/// This is the only list of them: the agent and `spillway check --live` both use it.
package enum OtherKiller: UInt8, CaseIterable, Sendable {
  case earlyoom
  case nohang
  case systemdOomd
  /// oomd of Meta, https://github.com/facebookincubator/oomd.
  case oomd
  case bustd
  /// psi-monitor of Endless OS, which has the kernel kill by sysrq.
  case psiMonitor
  /// Another armed agent of this kind.
  case spillwayd

  /// The name of its process, of at most 15 bytes.
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

  /// The beginning of the last component of its executable's path. A script has its interpreter's.
  var program: String {
    switch self {
    case .nohang: "python"
    default: comm
    }
  }

  /// A command to type, or advice.
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

  /// Makes the killer whose name a process has, if the process may kill other users' processes; nil otherwise.
  ///
  /// A name proves nothing. An ordinary user's process that has the name is no second killer: it may kill that user's
  /// processes and no others. In a user namespace of its own it has every capability, so the capabilities alone do not
  /// decide either.
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

  /// Whether the process runs as root, or as a service's own user with CAP_KILL. earlyoom has a dynamic user,
  /// systemd-oomd its own.
  private static func mayKillOthers(_ process: ProcessFacts) -> Bool {
    let uid = process.effectiveUID
    if uid == 0 { return true }
    // SYS_UID_MAX of login.defs(5), and systemd's range for DynamicUser= (systemd.exec(5)).
    let isOfService = uid < 1000 || (61_184...65_519).contains(uid)
    return isOfService && process.effectiveCapabilities.contains(.kill)
  }

  /// Whether the process's executable is what its name says.
  ///
  /// - Parameter exe: The executable's path, from `/proc/PID/exe`. The caller decides where it cannot be read.
  package func hasProgram(_ exe: Span<UInt8>) -> Bool {
    var start = 0
    for index in exe.indices where exe[index] == UInt8(ascii: "/") { start = index + 1 }
    var scanner = ByteScanner(exe, from: start)
    return scanner.take(program)
  }

  /// The word on its command line with which it kills nothing; nil where there is no such word.
  private var harmlessWord: String? {
    switch self {
    case .earlyoom: "--dryrun"
    case .systemdOomd, .spillwayd: "--dry-run"
    case .nohang, .oomd, .bustd, .psiMonitor: nil
    }
  }

  /// Whether its command line says that it kills nothing.
  ///
  /// - Parameter commandLine: The words, with NULs or blanks between them.
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
