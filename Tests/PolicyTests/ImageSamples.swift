import Badness
import Policy
import Pressure
import ProcModel

/// Policies for images. None of them makes sense as a policy.
enum Sample: CaseIterable, Sendable {
  /// No rule.
  case empty
  /// One rule with one literal, small enough to be read in hexadecimal.
  case small
  /// A few entries of every table, in a few hundred bytes.
  case mixed
  /// One of everything that an entry can be.
  case full
  /// Every table at its limit.
  case largest

  var policy: CompiledPolicy {
    switch self {
    case .empty: CompiledPolicy(settings: Sample.settings)
    case .small: Sample.smallPolicy
    case .mixed: Sample.mixedPolicy
    case .full: Sample.fullPolicy
    case .largest: Sample.largestPolicy
    }
  }

  private static let settings = Settings(
    thresholds: Thresholds(
      floor: Floor(available: .share(.percent(8)), swapFree: .share(.percent(10))), release: .share(.percent(12))),
    formula: .spillway, adjustment: .respect, grace: .milliseconds(5000), minimumFootprint: .automatic)

  private static var smallPolicy: CompiledPolicy {
    var policy = Sample.empty.policy
    policy.addRule("ssh", protects: true, [(.comm, [.literal(policy.add("sshd"))])])
    return policy
  }

  private static var mixedPolicy: CompiledPolicy {
    var policy = Sample.empty.policy
    policy.settings.thresholds.stall = Stall(
      isFull: true, share: .percent(15), over: .milliseconds(2000), below: .share(.percent(25)))
    policy.settings.thresholds.thrash = Thrash(
      refaults: .percent(100), over: .milliseconds(3000), swapFree: .size(KiB(1024)))
    policy.settings.thresholds.forecast = Forecast(horizon: .milliseconds(500), below: .share(.percent(16)))
    policy.settings.thresholds.confirmation = .classic(ClassicConstants(pause: .milliseconds(7000)))
    policy.automata = [automaton(positions: 2), automaton(positions: 1)]
    let word = policy.add("cc1plus")
    policy.patterns = [
      TextPattern(prefix: Slice(start: 0, count: 2), automaton: 0, suffix: Slice(start: 6, count: 1)),
      TextPattern(prefix: Slice(start: 0, count: 0), automaton: 1, suffix: Slice(start: 0, count: 0)),
    ]
    policy.addRule(
      "one", order: .first, weight: 2, [(.comm, [.literal(word), .pattern(0)]), (.uid, [.range(0, 999)])])
    policy.addRule(
      "two", protects: true, [(.capability, [.capabilities(.sysAdmin), .never]), (.unit, [.pattern(1)])])
    policy.rules[0].scope = .cgroup
    policy.rules[0].signal = .hangUp
    policy.rules[0].grace = .milliseconds(2000)
    policy.rules[0].hook = .command(0)
    let tell = policy.add("/bin/tell\0now\0")
    policy.commands = [Command(words: tell, uid: 65_534, gid: 65_534, limit: .milliseconds(2000))]
    policy.cgroups = [policy.add("/batch.slice")]
    policy.settings.scope = .unit
    policy.settings.signal = .user2
    policy.settings.swarm = Swarm(members: 12, age: .milliseconds(30_000), times: 3)
    policy.measures.hooks.warn = 0
    policy.measures.hooks.before = 0
    policy.measures.hooks.beforeTakesOver = true
    policy.measures.hooks.after = 0
    policy.measures.hooks.noCandidate = 0
    policy.measures.relief.reclaim = 1
    policy.measures.relief.high = Relief.High(cgroup: 0, to: .share(.percent(80)), duration: .milliseconds(30_000))
    policy.measures.relief.freeze = .milliseconds(10_000)
    policy.measures.lastResort = LastResort(action: .reboot, afterVictims: 5, afterStall: .milliseconds(30_000))
    policy.measures.flight.ring = KiB(512)
    policy.measures.flight.keep = 4
    policy.measures.flight.folderLimit = KiB(8192)
    policy.measures.flight.keepsCommandLines = true
    return policy
  }

  private static var fullPolicy: CompiledPolicy {
    var policy = Sample.empty.policy
    policy.settings.thresholds.floor.swapFree = nil
    policy.settings.ignoresInherited = true
    policy.settings.thresholds.release = .size(KiB(.max))
    policy.settings.thresholds.stall = Stall(
      isFull: false, share: TriggerLimits.stall.upperBound, over: TriggerLimits.window.lowerBound,
      below: .size(KiB(.max)), isPatient: false)
    policy.settings.thresholds.thrash = Thrash(
      refaults: TriggerLimits.refaults.upperBound, over: TriggerLimits.window.upperBound,
      swapFree: .share(.percent(100)))
    policy.settings.thresholds.forecast = Forecast(
      horizon: TriggerLimits.horizon.upperBound, below: .share(.percent(100)))
    policy.settings.thresholds.limit = Limit(available: .share(.percent(100)), swapFree: .size(KiB(.max)))
    policy.settings.thresholds.confirmation = .classic(
      ClassicConstants(
        gap: TriggerLimits.gap.lowerBound, youngest: .zero, failures: TriggerLimits.failures.upperBound, pause: .zero,
        swapFree: .size(KiB(.max))))
    policy.settings.minimumFootprint = .amount(.share(.percent(100)))
    // The slash at the end is not part of the path.
    let batch = policy.add("/batch.slice/")
    policy.domains = [
      Domain(
        name: policy.add("batch"), cgroup: Slice(start: batch.start, count: batch.count - 1),
        settings: policy.settings),
      Domain(name: policy.add("ünïcödé"), cgroup: policy.add("/a b/ünïcödé"), settings: Sample.settings),
    ]
    policy.automata = [
      automaton(positions: 3), automaton(positions: 256),
      Automaton(positions: [], sets: [Bits256()], first: .set(0), accepting: .set(0), acceptsEmpty: true),
    ]
    let word = policy.add("postgres")
    let empty = Slice(start: word.start, count: 0)
    policy.patterns = [
      TextPattern(prefix: empty, automaton: 0, suffix: empty),
      TextPattern(prefix: word, automaton: 1, suffix: empty),
      TextPattern(prefix: empty, automaton: 2, suffix: word),
    ]
    for field in MatchField.allCases {
      let values: [Alternative] =
        switch field {
        case .uid, .gid: [.range(0, 0), .range(1000, .max), .never]
        case .capability: [.capabilities(.sysAdmin), .capabilities(CapabilitySet(rawValue: .max)), .never]
        case .oomScoreAdj, .nice: [.signedRange(.min, .max), .signedRange(-5, -5), .never]
        case .minAge, .maxAge: [.time(.zero), .time(Nanoseconds(.max)), .never]
        case .minFootprint, .growth: [.amount(.share(.percent(100))), .amount(.size(KiB(.max))), .never]
        case .tty, .container, .orphan: [.flag(true), .flag(false), .never]
        case .comm, .exe, .cmdline, .cgroup, .unit, .ancestor, .ancestorExe, .ancestorCgroup, .ancestorUnit:
          [.literal(word), .literal(empty), .pattern(0), .pattern(1), .pattern(2), .never]
        }
      policy.addRule("rule on \(field.name)", [(field, values)])
    }
    policy.addRule("all of it, ünïcödé €😀", order: .first, weight: 0, [(.uid, [.never]), (.comm, [.never])])
    policy.addRule("", order: .normal, weight: .greatestFiniteMagnitude, [(.exe, [.never])])
    policy.addRule("last", protects: true, order: .last, weight: .leastNonzeroMagnitude, [(.unit, [.never])])
    // One alternative of two, and a single one.
    policy.rules[21].exceptions = 1
    policy.rules[22].exceptions = 1
    addMeasures(to: &policy)
    return policy
  }

  /// Adds measures with figures at their limits.
  private static func addMeasures(to policy: inout CompiledPolicy) {
    let longest = "/" + String(repeating: "x", count: 4096 - 64 - 1)
    policy.commands = [
      Command(
        words: policy.add(longest + String(repeating: "\0", count: 64)), uid: 0, gid: 0,
        limit: MeasureLimits.commandLimit.upperBound),
      Command(
        words: policy.add("/x\0"), uid: .max - 1, gid: .max - 1, limit: MeasureLimits.commandLimit.lowerBound),
    ]
    policy.cgroups = [policy.add("/..."), policy.add("/" + String(repeating: "a", count: 1023))]
    for (index, scope) in Scope.allCases.enumerated() { policy.rules[index].scope = scope }
    for (index, signal) in VictimSignal.allCases.enumerated() { policy.rules[index].signal = signal }
    policy.rules[0].grace = .zero
    policy.rules[1].grace = Nanoseconds(.max)
    policy.rules[2].hook = .off
    policy.rules[3].hook = .command(1)
    policy.settings.swarm = Swarm(
      members: MeasureLimits.swarmMembers.upperBound, age: MeasureLimits.swarmAge.upperBound,
      times: MeasureLimits.swarmTimes.upperBound)
    policy.measures.hooks.before = 1
    policy.measures.hooks.beforeTakesOver = true
    policy.measures.hooks.after = 0
    policy.measures.relief.reclaim = 2
    policy.measures.relief.high = Relief.High(
      cgroup: 1, to: .size(KiB(.max)), duration: MeasureLimits.duration.upperBound)
    policy.measures.relief.freeze = MeasureLimits.duration.lowerBound
    policy.measures.lastResort = LastResort(
      action: .panic, afterVictims: MeasureLimits.victims.upperBound, afterStall: MeasureLimits.duration.upperBound)
    policy.measures.flight.ring = FlightLimits.ring.upperBound
    policy.measures.flight.keep = FlightLimits.keep.upperBound
    policy.measures.flight.folderLimit = FlightLimits.folder.upperBound
  }

  private static var largestPolicy: CompiledPolicy {
    var policy = Sample.empty.policy
    let name = policy.add(String(repeating: "n", count: CompiledPolicy.maximumNameLength))
    let path = policy.add("/" + String(repeating: "c", count: CompiledPolicy.maximumCgroupLength - 1))
    policy.domains = [Domain](
      repeating: Domain(name: name, cgroup: path, settings: policy.settings), count: CompiledPolicy.maximumDomains)
    policy.commands = [Command(words: policy.add("/x\0"), uid: 0, gid: 0, limit: .milliseconds(2000))]
    policy.text += [UInt8](repeating: 0xFF, count: CompiledPolicy.maximumText - policy.text.count)
    for index in 0..<CompiledPolicy.maximumTests {
      let start = UInt32(policy.alternatives.count)
      policy.alternatives += [
        .pattern(UInt32(index % CompiledPolicy.maximumPatterns)),
        .literal(Slice(start: 0, count: UInt32(CompiledPolicy.maximumText))),
      ]
      policy.tests.append(FieldTest(field: .cmdline, alternatives: Slice(start: start, count: 2)))
    }
    for index in 0..<UInt32(CompiledPolicy.maximumRules) {
      policy.rules.append(
        Rule(name: name, tests: Slice(start: index * 8, count: 8), protects: false, order: nil, weight: 1))
    }
    let all = Slice(start: 0, count: UInt32(CompiledPolicy.maximumText))
    for index in 0..<CompiledPolicy.maximumPatterns {
      policy.patterns.append(
        TextPattern(prefix: all, automaton: UInt32(index % CompiledPolicy.maximumAutomata), suffix: all))
    }
    let command = policy.commands[0]
    policy.commands = [Command](repeating: command, count: CompiledPolicy.maximumCommands)
    policy.cgroups = [Slice](
      repeating: Slice(start: command.words.start, count: command.words.count - 1), count: CompiledPolicy.maximumCgroups
    )
    policy.automata = [Automaton](
      repeating: automaton(positions: 16, sets: 4), count: CompiledPolicy.maximumAutomata)
    return policy
  }

  /// An automaton that uses all its bits, and both kinds of references.
  private static func automaton(positions: Int, sets: Int = 2) -> Automaton {
    var all = Bits256()
    for number in 0..<positions { all.insert(UInt8(number)) }
    var bytes = Bits256()
    bytes.insert(0)
    bytes.insert(255)
    let last = SetReference.only(UInt8(positions - 1))
    var automaton = Automaton(
      positions: [], sets: [bytes], first: .set(1), accepting: last, acceptsEmpty: positions % 2 == 0)
    for _ in 1..<sets { automaton.sets.append(all) }
    for number in 0..<UInt8(positions - 1) {
      automaton.positions.append(Automaton.Position(bytes: .only(number), follow: .set(1)))
    }
    automaton.positions.append(Automaton.Position(bytes: .set(0), follow: last))
    return automaton
  }
}

extension CompiledPolicy {
  mutating func add(_ string: String) -> Slice {
    let slice = Slice(start: UInt32(text.count), count: UInt32(string.utf8.count))
    text += string.utf8
    return slice
  }

  mutating func addRule(
    _ name: String, protects: Bool = false, order: Tier? = nil, weight: Double = 1,
    _ fields: [(MatchField, [Alternative])]
  ) {
    let first = UInt32(tests.count)
    for (field, values) in fields {
      let slice = Slice(start: UInt32(alternatives.count), count: UInt32(values.count))
      tests.append(FieldTest(field: field, alternatives: slice))
      alternatives += values
    }
    rules.append(
      Rule(
        name: add(name), tests: Slice(start: first, count: UInt32(fields.count)), protects: protects, order: order,
        weight: weight))
  }
}

/// The policy of an image, or why it is refused.
func decode(_ image: [UInt8]) -> Result<CompiledPolicy, ImageError> {
  do throws(ImageError) {
    return .success(try CompiledPolicy(image: image.span))
  } catch {
    return .failure(error)
  }
}

/// Why these bytes are refused, or nil where they are not.
func refusal(_ image: [UInt8]) -> ImageError? {
  switch decode(image) {
  case .success: nil
  case .failure(let error): error
  }
}

/// The same bytes with the right length and checksum, as an attacker would write them.
func sealed(_ bytes: [UInt8]) -> [UInt8] {
  var image = bytes
  guard image.count >= ImageLayout.checksummedFrom else { return image }
  func put(_ number: UInt32, at offset: Int) {
    for index in 0..<4 { image[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
  }
  // The length stands between the header's size and the checksum.
  put(UInt32(image.count), at: ImageLayout.checksumOffset - 4)
  put(CRC32.of(image.span, from: ImageLayout.checksummedFrom), at: ImageLayout.checksumOffset)
  return image
}
