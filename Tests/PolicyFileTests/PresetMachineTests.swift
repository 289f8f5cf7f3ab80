import Badness
import Policy
import PolicyFile
import ProcModel
import Testing

/// Each preset on a machine of the kind that it is for, ranked by the engine's own code. The machines are composed: the
/// paths, units and cgroups are those of the packages and programs named, and nothing was read from a machine.
@Suite struct PresetMachineTests {
  enum Fate: Equatable {
    case stays
    case goes(Tier)

    static let normal = Fate.goes(.normal)
  }

  struct Row: Sendable {
    var process: SampleProcess
    var mebibytes: UInt64
    var minutes: UInt64
    var adjustment: Int16
    var fate: Fate
    var isOrphan = false
    /// An ancestor.
    var ancestor: SampleProcess?

    /// The same as an orphan.
    var orphaned: Row {
      var row = self
      row.isOrphan = true
      return row
    }

    /// The same as a descendant of a process.
    func below(_ comm: String, _ exe: String, in cgroup: String, uid: UInt32) -> Row {
      var row = self
      row.ancestor = SampleProcess(comm: comm, exe: exe, cgroup: cgroup, uid: uid)
      return row
    }

    init(
      _ comm: String, _ exe: String, in cgroup: String, uid: UInt32 = 0, cmdline: String = "", _ mebibytes: UInt64,
      minutes: UInt64 = 10_000, adjustment: Int16 = 0, _ fate: Fate
    ) {
      process = SampleProcess(comm: comm, exe: exe, cmdline: cmdline, cgroup: cgroup, uid: uid)
      self.mebibytes = mebibytes
      self.minutes = minutes
      self.adjustment = adjustment
      self.fate = fate
    }
  }

  struct Machine: CustomTestStringConvertible, Sendable {
    var preset: Preset
    var what: String
    var mebibytes: UInt64
    var rows: [Row]
    /// The name of the process that is killed first, and what is killed with it.
    var victim: String
    var scope = Scope.process

    var testDescription: String { "\(preset.rawValue): \(what)" }
  }

  /// Compiled once for all tests. No account is known, since a preset must be the same on every machine.
  private static let compiled: [Preset: CompiledPolicy] = {
    var policies: [Preset: CompiledPolicy] = [:]
    for preset in Preset.allCases {
      policies[preset] = PolicyCompiler.compile(preset, accounts: AccountLookup([])).policy
    }
    return policies
  }()

  private static func ranked(_ machine: Machine) throws -> [(row: Row, candidate: Candidate, context: ScoringContext)] {
    let policy = try #require(compiled[machine.preset])
    let context = ScoringContext(
      policy: policy,
      machine: MachineFacts(ram: KiB(machine.mebibytes << 10), swap: .zero, units: .common), agent: 0)
    return machine.rows.enumerated().map { index, row in
      var facts = ProcessFacts(identity: ProcessIdentity(pid: Int32(100 + index), startTime: Ticks(1)))
      facts.anonymous = KiB(row.mebibytes << 10)
      facts.age = Ticks(row.minutes * 6000)
      facts.effectiveUID = row.process.uid
      facts.oomScoreAdj = row.adjustment
      facts.isOrphan = row.isOrphan
      var terms = TermList()
      let lineage = row.ancestor.map { policy.lineage(ofParent: $0.subject) }
      let moment = DynamicFacts(process: facts, machine: context.machine, lineage: lineage ?? Lineage())
      let ruleOutcome = policy.ruleOutcome(policy.matchStatic(row.process.subject), at: moment)
      return (row, context.candidate(facts, ruleOutcome: ruleOutcome, terms: &terms), context)
    }
  }

  @Test(arguments: machines) func eachProcessHasItsExpectedOutcome(machine: Machine) throws {
    for (row, candidate, _) in try Self.ranked(machine) {
      let fate = candidate.ruleOutcome.protection.protects ? Fate.stays : .goes(candidate.ruleOutcome.tier)
      #expect(fate == row.fate, "\(row.process.comm) in \(row.process.cgroup)")
    }
  }

  @Test(arguments: machines) func theExpectedProcessIsKilledFirst(machine: Machine) throws {
    let ranked = try Self.ranked(machine).filter {
      !$0.candidate.ruleOutcome.protection.protects && $0.context.isWorthKilling($0.candidate.process)
    }
    let victim = try #require(ranked.min { $0.candidate.goesBefore($1.candidate) })
    #expect(victim.row.process.comm == machine.victim)
    #expect(victim.context.scope(of: victim.candidate.ruleOutcome) == machine.scope)
  }

  /// It takes the name and the command line of a protected process, or runs in a user's unit of such a name.
  @Test(arguments: Preset.allCases) func noNameThatALeakGivesItselfProtectsIt(preset: Preset) throws {
    let policy = try #require(Self.compiled[preset])
    for row in Self.machines.flatMap(\.rows) where row.fate == .stays {
      let unit = String(decoding: row.process.unit, as: UTF8.self)
      for cgroup in [
        "/user.slice/user-1000.slice/session-3.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/\(unit)", "/system.slice/docker-9f.scope",
      ] {
        let leak = SampleProcess(
          comm: row.process.comm, exe: "/home/u/bin/\(row.process.comm)",
          cmdline: row.process.exe + " " + row.process.cmdline, cgroup: cgroup, uid: 1000)
        #expect(!policy.classify(leak.subject).protection.protects, "\(leak)")
      }
    }
  }

  /// Any user can start any executable that he may read with code of his own in it (LD_PRELOAD), and a job, a shell or
  /// a program of his site starts in a service's own unit. What is not told apart from that by its user is either a
  /// session's, in which all is the user's own, or has a unit where no user's programs start.
  @Test(arguments: Preset.allCases) func noProcessOfAnOrdinaryUserIsProtectedInAUnitThatStartsUsersPrograms(
    preset: Preset
  ) throws {
    let policy = try #require(Self.compiled[preset])
    let executables = Self.machines.flatMap(\.rows).filter { $0.fate == .stays }.map(\.process.exe)
    var units = ["cron", "crond", "atd", "ssh", "sshd", "x/getty@tty1"]
    // A kiosk's screen is of an ordinary user, in a unit of any name.
    if preset != .desktop {
      units += [
        "networking", "dbus", "nginx", "lighttpd", "apache2", "php8.2-fpm", "gitlab-runner", "buildkite-agent",
        "docker",
        "containerd", "k3s", "kubelet",
      ]
    }
    for exe in executables + [
      "/usr/sbin/cron", "/usr/sbin/atd", "/usr/sbin/dhclient", "/usr/bin/login", "/usr/bin/sway",
    ] {
      for unit in units {
        let process = SampleProcess(comm: "x", exe: exe, cgroup: "/system.slice/\(unit).service", uid: 1000)
        var facts = ProcessFacts(identity: ProcessIdentity(pid: 100, startTime: Ticks(1)))
        (facts.anonymous, facts.effectiveUID) = (KiB(64 << 10), 1000)
        let moment = DynamicFacts(
          process: facts, machine: MachineFacts(ram: KiB(4 << 20), swap: .zero, units: .common))
        let ruleOutcome = policy.ruleOutcome(policy.matchStatic(process.subject), at: moment)
        #expect(!ruleOutcome.protection.protects, "\(exe) in \(unit)")
      }
    }
  }

  @Test(arguments: Preset.allCases) func aPresetProtectsNothingByNameAlone(preset: Preset) throws {
    let policy = try #require(Self.compiled[preset])
    let inherited = try #require(Self.compiled[.server]).rules.count
    for (index, rule) in policy.rules.enumerated() where rule.protects {
      let fields = policy.tests[rule.tests.indices].map(\.field)
      #expect(!fields.contains(.comm) && !fields.contains(.cmdline), "\(policy.name(of: rule))")
      // A path of an executable alone could be that of a container's root. Within a container there is nothing else.
      let isWithin = preset == .container && index >= inherited
      #expect(isWithin || fields.contains(.unit) || fields.contains(.cgroup), "\(policy.name(of: rule))")
    }
  }

  @Test(arguments: Preset.allCases.filter { $0 != .server && $0 != .classic })
  func aPresetKeepsWhatServerProtects(preset: Preset) throws {
    let policy = try #require(Self.compiled[preset])
    let server = try #require(Self.compiled[.server])
    #expect(
      policy.rules.prefix(server.rules.count).map { policy.name(of: $0) } == server.rules.map { server.name(of: $0) })
    #expect(policy.settings.formula == server.settings.formula)
    let text = "version = 1\nextends = \"\(preset.rawValue)\"\n"
    let extending = PolicyCompiler.compile(text, file: "p.toml", accounts: AccountLookup([]))
    #expect(extending.diagnostics == [])
    #expect(extending.policy == policy)
  }
}
