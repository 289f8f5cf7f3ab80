import Badness
import Policy
import Pressure
import ProcModel
import Testing

/// One mistake in a policy, and the error that names it.
struct Flaw: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var error: ImageError
  var spoil: @Sendable (inout CompiledPolicy) -> Void

  init(
    _ name: String, _ fault: PolicyFault, _ entry: Int = 0, _ spoil: @escaping @Sendable (inout CompiledPolicy) -> Void
  ) {
    self.init(name, .invalid(fault, entry: entry), spoil)
  }

  init(_ name: String, _ error: ImageError, _ spoil: @escaping @Sendable (inout CompiledPolicy) -> Void) {
    testDescription = name
    self.error = error
    self.spoil = spoil
  }
}

@Suite struct ImageValidationTests {
  // Of `Sample.full`: rule n is on MatchField n + 1, and rule 21 has two tests; alternatives are 6 for each of the five
  // first text fields, then 3 for uid (30...32), capability (33...35), gid (36...), oom_score_adj (39...), nice
  // (42...), the ages (45..., 48...), min_footprint (51...), growth (54...), tty (57...), container (60...), 6 for ancestor
  // (63...) and each of the other fields of ancestors, and 3 for orphan (87...89); patterns and automata are three, and these have 3, 256 and 0 positions and 2, 2 and 1 sets.
  static let flaws: [Flaw] = [
    Flaw("floor above the whole", .share) {
      $0.settings.thresholds.floor.available = .share(BasisPoints(10_001))
    },
    Flaw("swap floor above the whole", .share) {
      $0.settings.thresholds.floor.swapFree = .share(BasisPoints(.max))
    },
    Flaw("release above the whole", .share) { $0.settings.thresholds.release = .share(BasisPoints(10_001)) },
    Flaw("footprint above the whole", .share) {
      $0.settings.minimumFootprint = .amount(.share(BasisPoints(10_001)))
    },
    Flaw("stall at nothing", .stallShare) { $0.settings.thresholds.stall?.share = BasisPoints(0) },
    Flaw("stall above the whole", .stallShare) { $0.settings.thresholds.stall?.share = BasisPoints(10_001) },
    Flaw("stall of a cgroup that is not named", .stallSource) {
      $0.settings.thresholds.stall?.source = .cgroup
      $0.cgroups = []
      $0.measures.relief = Relief()
    },
    Flaw("stall of a domain's others", .stallSource) {
      $0.domains[0].settings.thresholds.stall = $0.settings.thresholds.stall
      $0.domains[0].settings.thresholds.stall?.source = .protected
    },
    Flaw("stall over a moment", .window) { $0.settings.thresholds.stall?.over = Nanoseconds(99_999_999) },
    Flaw("stall over more than a minute", .window) { $0.settings.thresholds.stall?.over = Nanoseconds(60_000_000_001) },
    Flaw("stall below more than the whole", .share) {
      $0.settings.thresholds.stall?.below = .share(BasisPoints(10_001))
    },
    Flaw("thrash at nothing", .refaults) { $0.settings.thresholds.thrash?.refaults = BasisPoints(0) },
    Flaw("thrash above what is measured", .refaults) {
      $0.settings.thresholds.thrash?.refaults = BasisPoints(1_000_001)
    },
    Flaw("thrash over no time", .window) { $0.settings.thresholds.thrash?.over = .zero },
    Flaw("thrash over ever", .window) { $0.settings.thresholds.thrash?.over = Nanoseconds(.max) },
    Flaw("thrash with more swap than there is", .share) {
      $0.settings.thresholds.thrash?.swapFree = .share(BasisPoints(.max))
    },
    Flaw("forecast of the present", .horizon) { $0.settings.thresholds.forecast?.horizon = Nanoseconds(999_999) },
    Flaw("forecast of more than a minute", .horizon) {
      $0.settings.thresholds.forecast?.horizon = Nanoseconds(60_000_000_001)
    },
    Flaw("forecast below more than the whole", .share) {
      $0.settings.thresholds.forecast?.below = .share(BasisPoints(10_001))
    },
    Flaw("a gap that every look is beyond", .classicConstants) { $0.constants.gap = Nanoseconds(999_999_999) },
    Flaw("a gap too long", .classicConstants) { $0.constants.gap = Nanoseconds(600_000_000_001) },
    Flaw("youngest too long", .classicConstants) { $0.constants.youngest = Nanoseconds(600_000_000_001) },
    Flaw("no failure", .classicConstants) { $0.constants.failures = 0 },
    Flaw("too many failures", .classicConstants) { $0.constants.failures = 1001 },
    Flaw("a pause too long", .classicConstants) { $0.constants.pause = Nanoseconds(600_000_000_001) },
    Flaw("more swap than there is", .share) { $0.constants.swapFree = .share(BasisPoints(10_001)) },
    Flaw("name past the text", .ruleName, 2) { $0.rules[2].name.start = UInt32($0.text.count) },
    Flaw("name that wraps around", .ruleName, 2) { $0.rules[2].name = Slice(start: .max, count: .max) },
    Flaw("name too long", .ruleNameLength, 1) {
      $0.rules[1].name = $0.add(String(repeating: "x", count: 256))
    },
    Flaw("name with newline", .ruleNameText, 1) { $0.rules[1].name = $0.add("a\nb") },
    Flaw("no tests", .ruleTests, 0) { $0.rules[0].tests.count = 0 },
    Flaw("tests of another rule", .ruleTests, 1) { $0.rules[1].tests.start = 0 },
    Flaw("tests past the end", .ruleTests, 0) { $0.rules[0].tests.count = .max },
    Flaw("a test of no rule", .unownedTest, 24) { $0.rules.removeLast() },
    Flaw("more exceptions than tests", .ruleExceptions, 5) { $0.rules[5].exceptions = 2 },
    Flaw("two ancestors", .ruleAncestors, 21) {
      $0.rules[21].exceptions = 0
      ($0.tests[21].field, $0.tests[22].field) = (.ancestor, .ancestor)
    },
    Flaw("no two ancestors", .ruleAncestors, 21) {
      $0.rules[21].exceptions = 2
      ($0.tests[21].field, $0.tests[22].field) = (.ancestorUnit, .ancestorUnit)
    },
    Flaw("negative weight", .ruleWeight, 3) { $0.rules[3].weight = -1 },
    Flaw("minus zero", .ruleWeight, 3) { $0.rules[3].weight = -0.0 },
    Flaw("infinite weight", .ruleWeight, 3) { $0.rules[3].weight = .infinity },
    Flaw("no number", .ruleWeight, 3) { $0.rules[3].weight = .nan },
    Flaw("no alternatives", .testAlternatives, 4) { $0.tests[4].alternatives.count = 0 },
    Flaw("alternatives of another test", .testAlternatives, 4) { $0.tests[4].alternatives.start += 1 },
    Flaw("alternatives past the end", .testAlternatives, 4) { $0.tests[4].alternatives.count = .max },
    Flaw("an alternative of no test", .unownedAlternative, 94) { $0.alternatives.append(.never) },
    Flaw("a literal for uid", .alternativeField, 30) { $0.alternatives[30] = .literal(Slice(start: 0, count: 0)) },
    Flaw("a literal for capability", .alternativeField, 33) {
      $0.alternatives[33] = .literal(Slice(start: 0, count: 0))
    },
    Flaw("a pattern for uid", .alternativeField, 30) { $0.alternatives[30] = .pattern(0) },
    Flaw("a pattern for capability", .alternativeField, 33) { $0.alternatives[33] = .pattern(0) },
    Flaw("a range for comm", .alternativeField, 0) { $0.alternatives[0] = .range(0, 1) },
    Flaw("a range for capability", .alternativeField, 33) { $0.alternatives[33] = .range(0, 1) },
    Flaw("capabilities for unit", .alternativeField, 24) { $0.alternatives[24] = .capabilities(.kill) },
    Flaw("capabilities for uid", .alternativeField, 30) { $0.alternatives[30] = .capabilities(.kill) },
    Flaw("a literal past the text", .literal, 6) {
      $0.alternatives[6] = .literal(Slice(start: 1, count: UInt32($0.text.count)))
    },
    Flaw("a pattern that is not there", .patternIndex, 2) { $0.alternatives[2] = .pattern(3) },
    Flaw("a range backwards", .range, 30) { $0.alternatives[30] = .range(1, 0) },
    Flaw("a range backwards below zero", .range, 39) { $0.alternatives[39] = .signedRange(-5, -6) },
    Flaw("a range with a sign for uid", .alternativeField, 30) { $0.alternatives[30] = .signedRange(0, 0) },
    Flaw("a range without a sign for nice", .alternativeField, 42) { $0.alternatives[42] = .range(0, 0) },
    Flaw("a literal for an age", .alternativeField, 45) { $0.alternatives[45] = .literal(Slice(start: 0, count: 0)) },
    Flaw("an amount for an age", .alternativeField, 48) { $0.alternatives[48] = .amount(.size(.zero)) },
    Flaw("a time for growth", .alternativeField, 54) { $0.alternatives[54] = .time(.zero) },
    Flaw("a flag for ancestors", .alternativeField, 63) { $0.alternatives[63] = .flag(true) },
    Flaw("a literal for tty", .alternativeField, 57) { $0.alternatives[57] = .literal(Slice(start: 0, count: 0)) },
    Flaw("more than the whole", .alternativeAmount, 51) {
      $0.alternatives[51] = .amount(.share(BasisPoints(10_001)))
    },
    Flaw("no capability", .capabilities, 33) { $0.alternatives[33] = .capabilities([]) },
    Flaw("a prefix past the text", .patternText, 1) { $0.patterns[1].prefix.start = UInt32($0.text.count) },
    Flaw("a suffix that wraps around", .patternText, 2) { $0.patterns[2].suffix = Slice(start: .max, count: .max) },
    Flaw("an automaton that is not there", .automatonIndex, 1) { $0.patterns[1].automaton = 3 },
    Flaw("257 positions", .automatonPositions, 1) { $0.automata[1].positions.append($0.automata[1].positions[0]) },
    Flaw("first past the end", .automatonFirst, 0) { $0.automata[0].first = .only(3) },
    Flaw("first among others past the end", .automatonFirst, 0) { $0.automata[0].sets[1].insert(3) },
    Flaw("first in a set past the last", .automatonFirst, 1) { $0.automata[1].first = .set(2) },
    Flaw("accepting without positions", .automatonAccepting, 2) { $0.automata[2].accepting = .only(0) },
    Flaw("accepting in the last set of all", .automatonAccepting, 0) {
      $0.automata[0].accepting = SetReference(rawValue: .max)
    },
    Flaw("bytes in a set past the last", .positionBytes, 0) { $0.automata[0].positions[1].bytes = .set(2) },
    Flaw("follow past the end", .positionFollow, 0) { $0.automata[0].positions[2].follow = .only(3) },
    Flaw("follow among others past the end", .positionFollow, 0) {
      var far = Bits256()
      far.insert(64)
      $0.automata[0].sets.append(far)
      $0.automata[0].positions[2].follow = .set(2)
    },
    Flaw("follow in a set past the last", .positionFollow, 1) { $0.automata[1].positions[255].follow = .set(2) },
    Flaw("limit above the whole", .share) {
      $0.settings.thresholds.limit?.available = .share(BasisPoints(10_001))
    },
    Flaw("limit with more swap than there is", .share) {
      $0.settings.thresholds.limit?.swapFree = .share(BasisPoints(.max))
    },
    Flaw("a domain without a name", .domainName, 0) { $0.domains[0].name.count = 0 },
    Flaw("a domain's name past the text", .domainName, 1) { $0.domains[1].name.start = UInt32($0.text.count) },
    Flaw("a domain's name too long", .domainName, 0) { $0.domains[0].name.count = 256 },
    Flaw("a domain's cgroup past the text", .domainCgroup, 0) { $0.domains[0].cgroup.count = .max },
    Flaw("a domain's cgroup without a slash", .domainCgroup, 1) { $0.domains[1].cgroup = $0.domains[1].name },
    Flaw("the root as a domain", .domainCgroup, 1) { $0.domains[1].cgroup.count = 1 },
    Flaw("a domain's cgroup that ends with a slash", .domainCgroup, 0) {
      $0.domains[0].cgroup.count = UInt32("/batch.slice/".utf8.count)
    },
    Flaw("a domain's share above the whole", .share, 1) {
      $0.domains[1].settings.thresholds.release = .share(BasisPoints(10_001))
    },
    Flaw("8 domains", .tooMany(.domains)) { $0.domains += [Domain](repeating: $0.domains[0], count: 6) },
    Flaw("a swarm of a few", .swarmFigures) { $0.settings.swarm?.members = 3 },
    Flaw("a swarm larger than a kill set", .swarmFigures) { $0.settings.swarm?.members = 513 },
    Flaw("a swarm of the newborn", .swarmFigures) { $0.settings.swarm?.age = Nanoseconds(999_999_999) },
    Flaw("a swarm of veterans", .swarmFigures) { $0.settings.swarm?.age = Nanoseconds(600_000_000_001) },
    Flaw("a swarm no larger than one", .swarmFigures) { $0.settings.swarm?.times = 1 },
    Flaw("a swarm of a hundred and one", .swarmFigures) { $0.settings.swarm?.times = 101 },
    Flaw("a warning that starts nothing", .hook) { $0.measures.hooks.warn = 2 },
    Flaw("a hook before that starts nothing", .hook) { $0.measures.hooks.before = .max - 1 },
    Flaw("a hook after that starts nothing", .hook) { $0.measures.hooks.after = 2 },
    Flaw("a hook without a candidate that starts no program", .hook) { $0.measures.hooks.noCandidate = 2 },
    Flaw("nothing that takes over", .takesOver) { $0.measures.hooks.before = nil },
    Flaw("more to reclaim than there is", .reclaim) { $0.measures.relief.reclaim = 3 },
    Flaw("high of no cgroup", .reliefFigures) { $0.measures.relief.high?.cgroup = 2 },
    Flaw("high at nearly nothing", .reliefFigures) { $0.measures.relief.high?.to = .share(BasisPoints(999)) },
    Flaw("high above the whole", .share) { $0.measures.relief.high?.to = .share(BasisPoints(10_001)) },
    Flaw("high for a moment", .reliefFigures) { $0.measures.relief.high?.duration = Nanoseconds(999_999_999) },
    Flaw("high for ever", .reliefFigures) { $0.measures.relief.high?.duration = Nanoseconds(600_000_000_001) },
    Flaw("frozen for a moment", .reliefFigures) { $0.measures.relief.freeze = .zero },
    Flaw("frozen for ever", .reliefFigures) { $0.measures.relief.freeze = Nanoseconds(600_000_000_001) },
    Flaw("a last resort after nothing", .lastResortFigures) {
      $0.measures.lastResort = LastResort(action: .reboot, afterVictims: nil, afterStall: nil)
    },
    Flaw("a last resort after too many", .lastResortFigures) { $0.measures.lastResort?.afterVictims = 1001 },
    Flaw("a last resort at once", .lastResortFigures) { $0.measures.lastResort?.afterStall = Nanoseconds(999_999_999) },
    Flaw("a last resort at the end of time", .lastResortFigures) {
      $0.measures.lastResort?.afterStall = Nanoseconds(.max)
    },
    Flaw("a small ring", .flightFigures) { $0.measures.flight.ring = KiB(31) },
    Flaw("a large ring", .flightFigures) { $0.measures.flight.ring = KiB(8193) },
    Flaw("no flight to keep", .flightFigures) { $0.measures.flight.keep = 0 },
    Flaw("too many flights", .flightFigures) { $0.measures.flight.keep = 257 },
    Flaw("a small folder", .flightFigures) { $0.measures.flight.folderLimit = KiB(2047) },
    Flaw("a large folder", .flightFigures) { $0.measures.flight.folderLimit = KiB((64 << 20) + 1) },
    Flaw("a folder for less than a flight", .flightFigures) {
      $0.measures.flight.ring = KiB(4096)
      $0.measures.flight.folderLimit = KiB(5119)
    },
    Flaw("a rule that starts nothing", .ruleHook, 7) { $0.rules[7].hook = .command(2) },
    Flaw("words past the text", .commandWords, 1) { $0.commands[1].words.start = UInt32($0.text.count) },
    Flaw("no word", .commandWords, 1) { $0.commands[1].words.count = 0 },
    Flaw("a word without its NUL", .commandWords, 1) { $0.commands[1].words.count -= 1 },
    Flaw("a relative path", .commandWords, 0) { $0.commands[0].words = $0.add("bin/true\0") },
    Flaw("the root as a program", .commandWords, 0) { $0.commands[0].words = $0.add("/\0") },
    Flaw("a folder as a program", .commandWords, 0) { $0.commands[0].words = $0.add("/usr/bin/\0") },
    Flaw("no program before a word", .commandWords, 0) { $0.commands[0].words = $0.add("\0/bin/true\0") },
    Flaw("65 words", .commandWords, 0) {
      $0.commands[0].words = $0.add("/x\0" + String(repeating: "\0", count: 64))
    },
    Flaw("4097 bytes of words", .commandWords, 0) {
      $0.commands[0].words = $0.add("/" + String(repeating: "x", count: 4095) + "\0")
    },
    Flaw("a program of no user", .commandUser, 1) { $0.commands[1].uid = .max },
    Flaw("no group's program", .commandUser, 1) { $0.commands[1].gid = .max },
    Flaw("a program for a moment", .commandLimit, 1) { $0.commands[1].limit = Nanoseconds(99_999_999) },
    Flaw("a program for ever", .commandLimit, 1) { $0.commands[1].limit = Nanoseconds(60_000_000_001) },
    Flaw("a path past the text", .cgroupPath, 1) { $0.cgroups[1].count = .max },
    Flaw("the root", .cgroupPath, 1) { $0.cgroups[1] = $0.add("/") },
    Flaw("a relative cgroup", .cgroupPath, 1) { $0.cgroups[1] = $0.add("a") },
    Flaw("a cgroup's folder", .cgroupPath, 1) { $0.cgroups[1] = $0.add("/a/") },
    Flaw("a path that climbs", .cgroupPath, 1) { $0.cgroups[1] = $0.add("/a/../b") },
    Flaw("a path that climbs at its end", .cgroupPath, 1) { $0.cgroups[1] = $0.add("/a/..") },
    Flaw("a path that stays", .cgroupPath, 1) { $0.cgroups[1] = $0.add("/./b") },
    Flaw("an empty component", .cgroupPath, 1) { $0.cgroups[1] = $0.add("/a//b") },
    Flaw("a path with a NUL in it", .cgroupPath, 1) { $0.cgroups[1] = $0.add("/a\0b") },
    Flaw("a path that is too long", .cgroupPath, 1) {
      $0.cgroups[1] = $0.add("/" + String(repeating: "a", count: 1024))
    },
    Flaw("257 rules", .tooMany(.rules)) { $0.rules += [Rule](repeating: $0.rules[0], count: 247) },
    Flaw("too many tests", .tooMany(.tests)) { $0.tests += [FieldTest](repeating: $0.tests[0], count: 2038) },
    Flaw("too many alternatives", .tooMany(.alternatives)) {
      $0.alternatives += [Alternative](repeating: .never, count: 4057)
    },
    Flaw("too many patterns", .tooMany(.patterns)) {
      $0.patterns += [TextPattern](repeating: $0.patterns[0], count: 1022)
    },
    Flaw("too many automata", .tooMany(.automata)) {
      $0.automata += [Automaton](repeating: $0.automata[2], count: 510)
    },
    Flaw("too many positions", .tooMany(.positions)) {
      $0.automata += [Automaton](repeating: $0.automata[1], count: 31)
    },
    Flaw("too many sets", .tooMany(.sets)) { $0.automata[0].sets += [Bits256](repeating: Bits256(), count: 2044) },
    Flaw("too many programs", .tooMany(.commands)) { $0.commands += [Command](repeating: $0.commands[0], count: 63) },
    Flaw("too many cgroups", .tooMany(.cgroups)) { $0.cgroups += [Slice](repeating: $0.cgroups[0], count: 16) },
    Flaw("too much text", .tooMany(.text)) { $0.text += [UInt8](repeating: 0, count: 65_536) },
  ]

  @Test(arguments: flaws) func aFlawIsNamedBeforeWritingAndAfterReading(flaw: Flaw) throws {
    var policy = Sample.full.policy
    #expect(policy.rules.count == 24 && policy.alternatives.count == 94)
    try policy.validate()
    flaw.spoil(&policy)
    #expect(throws: flaw.error) { try policy.validate() }
    #expect(refusal(ImageWriter.image(of: policy)) == flaw.error)
  }

  /// The settings, the measures, or a section of an image.
  enum Part {
    case settings, measures, domains, rules, tests, alternatives, patterns, automata, positions, sets, commands, cgroups

    /// Where it begins in the image, by the image's own header.
    func offset(in image: [UInt8]) -> Int {
      guard let section = ImageSection.allCases.first(where: { $0.name == "\(self)" }) else {
        return self == .measures ? ImageLayout.measuresOffset : ImageLayout.settingsOffset
      }
      let entry = ImageLayout.sectionsOffset + 8 * Int(section.rawValue)
      return (0..<4).reduce(0) { $0 | Int(image[entry + $1]) << (8 * $1) }
    }
  }

  // For `Sample.mixed`: the byte of a part that is changed, its new value, and the error.
  static let spoiltBytes: [(part: Part, offset: Int, byte: UInt8, fault: PolicyFault, entry: Int)] = [
    (.settings, 0, 0, .formula, 0), (.settings, 0, 8, .formula, 0), (.settings, 1, 0, .adjustment, 0),
    (.settings, 1, 4, .adjustment, 0), (.settings, 1, 8, .adjustment, 0), (.settings, 1, 12, .adjustment, 0),
    // An amount of no kind where one is needed, one of an unknown kind, and a number where there is no amount.
    (.settings, 19, 0, .amount, 0), (.settings, 37, 0, .amount, 0), (.settings, 10, 3, .amount, 0),
    (.settings, 28, 255, .amount, 0), (.settings, 11, 1, .amount, 0),
    (.settings, 22, 1, .share, 0), (.settings, 27, 1, .share, 0),
    (.settings, 46, 0, .stall, 0), (.settings, 46, 13, .stall, 0), (.settings, 59, 0, .amount, 0),
    (.settings, 59, 3, .amount, 0), (.settings, 62, 1, .share, 0),
    (.settings, 68, 0, .thrash, 0), (.settings, 68, 2, .thrash, 0), (.settings, 81, 4, .amount, 0),
    (.settings, 90, 0, .forecast, 0), (.settings, 90, 255, .forecast, 0),
    (.settings, 99, 3, .amount, 0), (.settings, 104, 1, .share, 0), (.settings, 127, 0, .confirmation, 0),
    (.settings, 127, 1, .confirmation, 0),
    (.settings, 127, 3, .confirmation, 0), (.settings, 156, 9, .amount, 0),
    (.settings, 50, 1, .stallShare, 0), (.settings, 58, 1, .window, 0), (.settings, 72, 1, .refaults, 0),
    (.settings, 80, 1, .window, 0),
    (.settings, 98, 1, .horizon, 0), (.settings, 135, 1, .classicConstants, 0),
    (.settings, 147, 1, .classicConstants, 0),
    (.settings, 108, 2, .limit, 0), (.settings, 108, 1, .amount, 0), (.settings, 109, 1, .limit, 0),
    (.rules, 17, 2, .ruleProtects, 0), (.rules, 57, 255, .ruleProtects, 1), (.rules, 18, 4, .ruleOrder, 0),
    (.rules, 58, 255, .ruleOrder, 1), (.rules, 16, 3, .ruleExceptions, 0),
    (.tests, 0, 0, .testField, 0), (.tests, 27, 22, .testField, 3), (.alternatives, 0, 0, .alternativeKind, 0),
    (.alternatives, 45, 11, .alternativeKind, 5),
    (.alternatives, 14, 1, .alternativeUnused, 1), (.alternatives, 37, 1, .alternativeUnused, 4),
    (.alternatives, 44, 128, .alternativeUnused, 4),
    (.patterns, 3, 1, .patternText, 0), (.patterns, 39, 1, .patternText, 1), (.patterns, 8, 2, .automatonIndex, 0),
    (.patterns, 31, 1, .automatonIndex, 1),
    (.automata, 0, 4, .automatonPositions, 0), (.automata, 1, 1, .automatonPositions, 0),
    (.automata, 9, 2, .automatonPositions, 1),
    (.automata, 0, 0, .unownedPosition, 1), (.automata, 9, 0, .unownedPosition, 2),
    (.automata, 2, 5, .automatonSets, 0), (.automata, 3, 1, .automatonSets, 0), (.automata, 11, 3, .automatonSets, 1),
    (.automata, 2, 1, .unownedSet, 3), (.automata, 11, 0, .unownedSet, 2),
    (.automata, 8, 2, .automatonEmpty, 0), (.automata, 17, 255, .automatonEmpty, 1),
    (.automata, 5, 2, .automatonFirst, 0), (.automata, 6, 2, .automatonAccepting, 0),
    (.automata, 16, 255, .automatonAccepting, 1),
    (.positions, 1, 2, .positionBytes, 0), (.positions, 11, 128, .positionFollow, 1),
    (.settings, 165, 0, .scope, 0), (.settings, 165, 7, .scope, 0), (.settings, 166, 0, .signal, 0),
    (.settings, 166, 8, .signal, 0), (.settings, 167, 0, .swarm, 0), (.settings, 167, 2, .swarm, 0),
    (.settings, 171, 1, .swarmFigures, 0), (.settings, 179, 1, .swarmFigures, 0), (.settings, 183, 1, .swarmFigures, 0),
    (.measures, 1, 1, .hook, 0), (.measures, 3, 255, .hook, 0), (.measures, 6, 1, .hook, 0),
    (.measures, 8, 1, .hook, 0), (.measures, 4, 2, .takesOver, 0), (.measures, 2, 0, .takesOver, 0),
    (.measures, 10, 1, .reclaim, 0), (.measures, 11, 0, .relief, 0), (.measures, 11, 2, .relief, 0),
    (.measures, 13, 1, .reliefFigures, 0), (.measures, 14, 0, .amount, 0), (.measures, 18, 1, .share, 0),
    (.measures, 19, 1, .share, 0), (.measures, 30, 1, .reliefFigures, 0), (.measures, 31, 0, .relief, 0),
    (.measures, 31, 2, .relief, 0), (.measures, 39, 1, .reliefFigures, 0), (.measures, 40, 0, .lastResort, 0),
    (.measures, 40, 3, .lastResort, 0), (.measures, 44, 1, .lastResortFigures, 0),
    (.measures, 52, 1, .lastResortFigures, 0), (.measures, 54, 0x20, .flightFigures, 0),
    (.measures, 54, 0x21, .flightFigures, 0), (.measures, 57, 0, .flightFigures, 0),
    (.measures, 58, 1, .flightFigures, 0),
    (.measures, 62, 7, .flightFigures, 0), (.measures, 64, 4, .flightFigures, 0), (.measures, 65, 2, .flight, 0),
    (.rules, 27, 7, .ruleScope, 0), (.rules, 28, 8, .ruleSignal, 0), (.rules, 29, 0, .ruleGrace, 0),
    (.rules, 29, 2, .ruleGrace, 0), (.rules, 70, 1, .ruleGrace, 1), (.rules, 39, 1, .ruleHook, 0),
    (.commands, 3, 1, .commandWords, 0), (.commands, 4, 1, .commandWords, 0), (.commands, 23, 1, .commandLimit, 0),
    (.cgroups, 3, 1, .cgroupPath, 0), (.cgroups, 4, 1, .cgroupPath, 0),
  ]

  @Test func aTriggerThatIsOffHasNoFigures() {
    let image = ImageWriter.image(of: Sample.small.policy)
    // The offsets are within settings and measures. A hook has no figures, and what cannot be off is left out.
    let kinds: [Int: PolicyFault] = [
      46: .stall, 68: .thrash, 90: .forecast, 108: .limit, 127: .confirmation, 167: .swarm, 193: .reclaim,
      195: .relief, 215: .relief, 224: .lastResort,
    ]
    let figures = (46..<165).map { $0 } + (167..<184) + (193..<237)
    let settings = ImageLayout.settingsOffset
    #expect(figures.count { image[settings + $0] != 0 } == 1, "but for the kind of confirmation")
    var fault = PolicyFault.stall
    for offset in figures {
      if let next = kinds[offset] {
        fault = next
        continue
      }
      var spoilt = image
      spoilt[settings + offset] = 1
      let error = refusal(sealed(spoilt))
      #expect(error == .invalid(fault, entry: 0) || error == .invalid(.amount, entry: 0), "offset \(offset)")
    }
  }

  @Test(arguments: spoiltBytes) func anImpossibleByteIsNamed(
    part: Part, offset: Int, byte: UInt8, fault: PolicyFault, entry: Int
  ) {
    var image = ImageWriter.image(of: Sample.mixed.policy)
    image[part.offset(in: image) + offset] = byte
    #expect(refusal(sealed(image)) == .invalid(fault, entry: entry))
  }

  @Test func everyErrorIsTested() {
    let named = ImageValidationTests.flaws.compactMap { flaw in
      if case .invalid(let fault, _) = flaw.error { fault } else { nil }
    }
    #expect(Set(named + ImageValidationTests.spoiltBytes.map(\.fault)) == Set(PolicyFault.allCases))
  }

  @Test(arguments: [
    "database", "ünïcödé", "\u{A0}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}",
    "\u{10FFFF}", " ", "~",
  ]) func everyPlainTextMayBeAName(name: String) throws {
    var policy = Sample.empty.policy
    policy.addRule(name, [(.comm, [.never])])
    try policy.validate()
  }

  // What no code point is written as, code points that no text may hold, and control characters.
  @Test(
    arguments: [
      [0x00], [0x1F], [0x7F], [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x80], [0xC2, 0x9F],
      [0xC2, 0xC0],
      [0xE0, 0x9F, 0xBF], [0xE0, 0xA0], [0xE1, 0x80, 0x7F], [0xED, 0xA0, 0x80], [0xEF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF],
      [0xF0, 0x90, 0x80], [0xF1, 0x80, 0x80, 0x20], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
      [0x61, 0x1B, 0x5B, 0x6D], [0x61, 0x0A],
    ] as [[UInt8]]) func otherBytesInANameAreRefused(name: [UInt8])
  {
    var policy = Sample.empty.policy
    policy.addRule("", [(.comm, [.never])])
    policy.rules[0].name = Slice(start: 0, count: UInt32(name.count))
    policy.text = name + [0x80, 0x80, 0x80]  // These bytes are not part of the name.
    #expect(throws: ImageError.invalid(.ruleNameText, entry: 0)) { try policy.validate() }
  }
}

extension CompiledPolicy {
  /// Of the classic confirmation, which to set them gives.
  fileprivate var constants: ClassicConstants {
    get { if case .classic(let constants) = settings.thresholds.confirmation { constants } else { ClassicConstants() } }
    set { settings.thresholds.confirmation = .classic(newValue) }
  }
}
