import Badness
import Policy
import PolicyFile
import Pressure
import ProcModel
import Testing

@Suite struct PresetTests {
  private static func compiled(_ preset: Preset) throws -> CompiledPolicy {
    try #require(PolicyCompiler.compile(preset, accounts: AccountLookup([])).policy)
  }

  @Test(arguments: [
    // Debian 12 and 13, Fedora, Arch.
    SampleProcess(comm: "sshd", exe: "/usr/sbin/sshd", cgroup: "/system.slice/ssh.service"),
    SampleProcess(
      comm: "sshd-auth", exe: "/usr/lib/openssh/sshd-auth", cgroup: "/system.slice/ssh.service",
      uid: 105),
    SampleProcess(
      exe: "/usr/libexec/openssh/sshd-session", cgroup: "/system.slice/sshd.service"),
    SampleProcess(
      exe: "/usr/bin/sshd", cgroup: "/system.slice/system-sshd.slice/sshd@3-10.0.0.1:22.service"),
    SampleProcess(
      exe: "/usr/sbin/agetty", cgroup: "/system.slice/system-getty.slice/getty@tty1.service"),
    SampleProcess(
      exe: "/lib/systemd/systemd-journald", cgroup: "/system.slice/systemd-journald.service"),
    SampleProcess(
      exe: "/usr/bin/udevadm", cgroup: "/system.slice/systemd-udevd.service/udev"),
    SampleProcess(exe: "/usr/bin/dbus-daemon", cgroup: "/system.slice/dbus.service", uid: 101),
    SampleProcess(
      exe: "/usr/lib/systemd/systemd-networkd", cgroup: "/system.slice/systemd-networkd.service", uid: 998),
    SampleProcess(exe: "/sbin/dhclient", cgroup: "/system.slice/networking.service"),
    SampleProcess(exe: "/usr/sbin/chronyd", cgroup: "/system.slice/chrony.service", uid: 108),
    SampleProcess(exe: "/usr/sbin/cron", cgroup: "/system.slice/cron.service"),
    // Debian's atd gives its privileges up between two jobs.
    SampleProcess(exe: "/usr/sbin/atd", cgroup: "/system.slice/atd.service", uid: 1),
    // The part of a login that runs as the user sshd on Debian and Fedora.
    SampleProcess(exe: "/usr/sbin/sshd", cgroup: "/system.slice/ssh.service", uid: 105),
    SampleProcess(exe: "/usr/sbin/sshd", cgroup: "/system.slice/sshd.service", uid: 74),
    SampleProcess(exe: "/usr/bin/dbus-broker", cgroup: "/system.slice/dbus-broker.service", uid: 81),
    SampleProcess(exe: "/usr/sbin/dhcpcd", cgroup: "/system.slice/dhcpcd.service", uid: 107),
    SampleProcess(exe: "/usr/bin/dockerd", cgroup: "/system.slice/docker.service"),
    SampleProcess(
      exe: "/usr/bin/containerd-shim-runc-v2", cgroup: "/system.slice/containerd.service"),
    SampleProcess(
      exe: "/usr/bin/conmon", cgroup: "/machine.slice/libpod-conmon-0f1e.scope"),
    SampleProcess(
      exe: "/usr/sbin/qemu-ga", cgroup: "/system.slice/qemu-guest-agent.service"),
    SampleProcess(exe: "/usr/sbin/spillwayd", cgroup: "/system.slice/spillway.service"),
    // A unit of the administrator's own, OpenRC, runit.
    SampleProcess(exe: "/usr/sbin/sshd", cgroup: "/system.slice/backdoor.service"),
    SampleProcess(exe: "/usr/sbin/sshd", cgroup: "/openrc.sshd"),
    SampleProcess(exe: "/sbin/runsvdir", cgroup: "/"),
  ]) func theServerPresetProtects(process: SampleProcess) throws {
    let policy = try Self.compiled(.server)
    let rules = policy.matching(process)
    #expect(rules.contains { $0.protects }, "\(process)")
  }

  @Test(arguments: [
    // The name does not matter.
    SampleProcess(
      comm: "sshd", exe: "/tmp/sshd", cmdline: "/usr/sbin/sshd -D",
      cgroup: "/user.slice/user-1000.slice/session-3.scope", uid: 1000),
    SampleProcess(comm: "sshd", exe: "/tmp/usr/sbin/sshd", cgroup: "/"),
    // Processes of a user: a session, its shell, a service with the name of a system service, the service manager.
    SampleProcess(
      exe: "/usr/bin/bash", cgroup: "/user.slice/user-1000.slice/session-3.scope", uid: 1000),
    SampleProcess(
      exe: "/usr/sbin/sshd", cgroup: "/user.slice/user-1000.slice/session-3.scope",
      uid: 1000),
    SampleProcess(
      exe: "/home/u/bin/leak", cgroup: "/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service", uid: 1000),
    SampleProcess(
      exe: "/usr/lib/systemd/systemd", cgroup: "/user.slice/user-1000.slice/user@1000.service/init.scope", uid: 1000),
    // Without pam_systemd the shell stays where its login was; a job stays with cron.
    SampleProcess(exe: "/usr/bin/bash", cgroup: "/system.slice/ssh.service", uid: 1000),
    SampleProcess(exe: "/usr/bin/bash", cgroup: "/system.slice/x/getty@tty1.service"),
    SampleProcess(exe: "/usr/bin/python3.11", cgroup: "/system.slice/cron.service"),
    // An ordinary user's code in a daemon's executable (LD_PRELOAD), started by a job, a shell or a hook of that user.
    SampleProcess(comm: "cron", exe: "/usr/sbin/cron", cgroup: "/system.slice/cron.service", uid: 1000),
    SampleProcess(exe: "/usr/sbin/cron", cgroup: "/system.slice/cron.service", uid: 33),
    SampleProcess(exe: "/usr/sbin/crond", cgroup: "/system.slice/crond.service", uid: 1000),
    SampleProcess(exe: "/usr/sbin/atd", cgroup: "/system.slice/atd.service", uid: 1000),
    SampleProcess(exe: "/usr/sbin/atd", cgroup: "/system.slice/atd.service", uid: 33),
    SampleProcess(exe: "/usr/sbin/sshd", cgroup: "/system.slice/ssh.service", uid: 1000),
    SampleProcess(exe: "/usr/lib/openssh/sshd-session", cgroup: "/system.slice/ssh.service", uid: 1000),
    SampleProcess(
      exe: "/usr/sbin/agetty", cgroup: "/system.slice/system-getty.slice/getty@tty1.service", uid: 1000),
    SampleProcess(
      exe: "/bin/login", cgroup: "/system.slice/system-getty.slice/getty@tty1.service", uid: 33),
    SampleProcess(exe: "/usr/bin/dbus-daemon", cgroup: "/system.slice/dbus.service", uid: 1000),
    SampleProcess(exe: "/sbin/dhclient", cgroup: "/system.slice/networking.service", uid: 1000),
    SampleProcess(exe: "/usr/bin/containerd", cgroup: "/system.slice/containerd.service", uid: 100_000),
    SampleProcess(exe: "/usr/bin/conmon", cgroup: "/system.slice/podman.service", uid: 1000),
    // Root of a container, at any depth of the path.
    SampleProcess(exe: "/usr/sbin/sshd", cgroup: "/system.slice/docker-9f.scope"),
    SampleProcess(
      exe: "/usr/sbin/sshd", cgroup: "/system.slice/docker-9f.scope/system.slice/ssh.service"),
    SampleProcess(exe: "/usr/sbin/sshd", cgroup: "/system.slice/docker-9f.scope/x.service"),
    SampleProcess(exe: "/usr/bin/dockerd", cgroup: "/docker/9f/docker.service"),
    // The preset does not know what a server is for.
    SampleProcess(exe: "/usr/sbin/nginx", cgroup: "/system.slice/nginx.service"),
    SampleProcess(exe: "/usr/bin/busybox", cgroup: "/"),
  ]) func theServerPresetDoesNotProtect(process: SampleProcess) throws {
    let policy = try Self.compiled(.server)
    #expect(policy.matching(process).filter(\.protects).map { policy.name(of: $0) } == [], "\(process)")
  }

  @Test func aPackageManagerIsKilledLastAndIsNotProtected() throws {
    let policy = try Self.compiled(.server)
    let rules = policy.matching(SampleProcess(exe: "/usr/bin/dpkg", cgroup: "/system.slice/x.service"))
    #expect(rules.map(\.order) == [.last])
    #expect(rules.map(\.protects) == [false])
    #expect(policy.matching(SampleProcess(exe: "/usr/bin/dpkg", uid: 1000)) == [])
  }

  @Test func theClassicPresetHasItsFormulaAndNoRule() throws {
    let policy = try Self.compiled(.classic)
    #expect(policy.rules == [])
    #expect(policy.settings.formula == .classic)
    #expect(policy.settings.adjustment == .ignore)
    let none = Amount.share(BasisPoints(0))
    #expect(policy.settings.thresholds.floor == Floor(available: .share(.percent(2)), swapFree: none))
    #expect(policy.settings.grace == .zero)
    #expect(policy.settings.minimumFootprint == .amount(none))
    // The constants are written out in the preset. They are the kernel's.
    #expect(policy.settings.thresholds.confirmation == .classic(ClassicConstants()))
    #expect(policy.settings.thresholds.stall == nil)
    #expect(policy.settings.thresholds.thrash == nil)
    #expect(policy.settings.thresholds.forecast == nil)
    #expect(policy.settings.thresholds.limit == nil)
  }

  @Test func theServerPresetHasEveryTriggerOn() throws {
    let thresholds = try Self.compiled(.server).settings.thresholds
    #expect(
      thresholds
        == Thresholds(
          floor: Floor(available: .share(.percent(8)), swapFree: .share(.percent(10))),
          stall: Stall(isFull: true, share: .percent(25), over: .milliseconds(1000), below: .share(.percent(40))),
          thrash: Thrash(refaults: .percent(1), over: .milliseconds(2000), swapFree: .share(.percent(10))),
          forecast: Forecast(horizon: .milliseconds(200), below: .share(.percent(16))),
          limit: Limit(available: .share(.percent(10)), swapFree: .share(.percent(10))),
          release: .share(.percent(12)), confirmation: .immediate))
  }

  struct Change: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var apply: @Sendable (inout Thresholds) -> Void

    init(_ line: String, _ apply: @escaping @Sendable (inout Thresholds) -> Void) {
      testDescription = line
      self.apply = apply
    }
  }

  @Test(arguments: [
    Change("floor = { available = \"5%\" }") {
      $0.floor = Floor(available: .share(.percent(5)), swapFree: nil)
      // The preset's release line was chosen for the preset's floor.
      $0.release = .share(BasisPoints(750))
    },
    Change("stall = \"off\"") { $0.stall = nil },
    Change("thrash = \"off\"") { $0.thrash = nil },
    Change("forecast = \"off\"") { $0.forecast = nil },
    Change("confirm = \"classic\"") { $0.confirmation = .classic(ClassicConstants()) },
    Change("stall = { some = \"30%\" }") {
      // A key that is left out of a table has the default value, and not the preset's.
      $0.stall = Stall(isFull: false, share: .percent(30), over: .milliseconds(2000), below: .share(.percent(25)))
    },
    Change("release = \"20%\"") { $0.release = .share(.percent(20)) },
  ]) func oneTriggerSetAnewLeavesThePresetsOthers(change: Change) throws {
    var expected = try Self.compiled(.server).settings.thresholds
    change.apply(&expected)
    let text = "version = 1\nextends = \"server\"\n[trigger]\n\(change.testDescription)\n"
    let policy = try #require(PolicyCompiler.compile(text, file: "p.toml", accounts: AccountLookup([])).policy)
    #expect(policy.settings.thresholds == expected)
  }

  @Test func aPolicyOnTheClassicPresetMayConfirmAtOnce() throws {
    let text = "version = 1\nextends = \"classic\"\ntrigger.confirm = \"immediate\"\n"
    let policy = try #require(PolicyCompiler.compile(text, file: "p.toml", accounts: AccountLookup([])).policy)
    #expect(policy.settings.thresholds.confirmation == .immediate)
  }

  @Test func aPolicyThatExtendsAPresetPutsItsRulesBehind() throws {
    let base = try Self.compiled(.server)
    let text = """
      version = 1
      extends = "server"
      [[rule]]
      name = "mine"
      match.unit = "mine.service"
      weight = 2
      """
    let policy = try #require(PolicyCompiler.compile(text, file: "p.toml", accounts: AccountLookup([])).policy)
    #expect(policy.settings == base.settings)
    #expect(Array(policy.rules.dropLast()) == base.rules)
    #expect(policy.rules.last.map { policy.name(of: $0) } == "mine")
  }

  @Test func aRuleOfAPresetKeepsItsName() {
    let text = """
      version = 1
      extends = "server"
      [[rule]]
      name = "spillway stays"
      match.unit = "mine.service"
      weight = 2
      """
    let compilation = PolicyCompiler.compile(text, file: "p.toml", accounts: AccountLookup([]))
    #expect(compilation.diagnostics.map(\.what).count == 1)
    #expect(compilation.diagnostics.first?.what.contains("already (policies/server.toml:") == true)
  }

  @Test func noTruncationOfAPolicyStopsTheCompiler() {
    let text = Preset.server.text
    for end in stride(from: 0, to: text.count, by: 61) {
      let compilation = PolicyCompiler.compile(Array(text[..<end]), file: "p.toml", accounts: AccountLookup([]))
      #expect(compilation.policy != nil || compilation.hasErrors)
    }
  }
}
