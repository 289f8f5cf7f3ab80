import Badness
import Policy
import Pressure
import ProcModel
import Testing

/// One thing wrong with a policy, and what is to be said of it.
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
  // Of `Sample.full`: rule n is on MatchField n + 1; alternatives are 6 for each of the five text fields, then 3 for
  // uid (30...32), 3 for capability (33...35); patterns and automata are three, and
  // these have 3, 256 and 0 positions and 2, 2 and 1 sets.
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
    Flaw("a test of no rule", .unownedTest, 10) { $0.rules.removeLast() },
    Flaw("negative weight", .ruleWeight, 3) { $0.rules[3].weight = -1 },
    Flaw("minus zero", .ruleWeight, 3) { $0.rules[3].weight = -0.0 },
    Flaw("infinite weight", .ruleWeight, 3) { $0.rules[3].weight = .infinity },
    Flaw("no number", .ruleWeight, 3) { $0.rules[3].weight = .nan },
    Flaw("no alternatives", .testAlternatives, 4) { $0.tests[4].alternatives.count = 0 },
    Flaw("alternatives of another test", .testAlternatives, 4) { $0.tests[4].alternatives.start += 1 },
    Flaw("alternatives past the end", .testAlternatives, 4) { $0.tests[4].alternatives.count = .max },
    Flaw("an alternative of no test", .unownedAlternative, 40) { $0.alternatives.append(.never) },
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
    Flaw("a domain's share above the whole", .share) {
      $0.domains[1].settings.thresholds.release = .share(BasisPoints(10_001))
    },
    Flaw("8 domains", .tooMany(.domains)) { $0.domains += [Domain](repeating: $0.domains[0], count: 6) },
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
    Flaw("too much text", .tooMany(.text)) { $0.text += [UInt8](repeating: 0, count: 65_536) },
  ]

  @Test(arguments: flaws) func aFlawIsNamedBeforeWritingAndAfterReading(flaw: Flaw) throws {
    var policy = Sample.full.policy
    #expect(policy.rules.count == 10 && policy.alternatives.count == 40)
    try policy.validate()
    flaw.spoil(&policy)
    #expect(throws: flaw.error) { try policy.validate() }
    #expect(refusal(ImageWriter.image(of: policy)) == flaw.error)
  }

  // Of `Sample.mixed`, which has its settings at 92 (stall at 138, thrash at 160, forecast at 182, limit at 200,
  // confirmation at 219), no domains, rules at 257, tests at 309, alternatives at 345, patterns at 399, automata at 439,
  // positions at 457 and sets at 469: the byte to be changed, what to, and what that is.
  static let spoiltBytes: [(offset: Int, byte: UInt8, fault: PolicyFault, entry: Int)] = [
    (92, 0, .formula, 0), (92, 8, .formula, 0), (93, 0, .adjustment, 0), (93, 4, .adjustment, 0),
    // An amount of no kind where one is due, of an unknown kind, and a number where there is no amount.
    (111, 0, .amount, 0), (129, 0, .amount, 0), (102, 3, .amount, 0), (120, 255, .amount, 0), (103, 1, .amount, 0),
    (114, 1, .share, 0), (119, 1, .share, 0),
    (138, 0, .stall, 0), (138, 3, .stall, 0), (151, 0, .amount, 0), (151, 3, .amount, 0), (154, 1, .share, 0),
    (160, 0, .thrash, 0), (160, 2, .thrash, 0), (173, 4, .amount, 0), (182, 0, .forecast, 0), (182, 255, .forecast, 0),
    (191, 3, .amount, 0), (196, 1, .share, 0), (219, 0, .confirmation, 0), (219, 1, .confirmation, 0),
    (219, 3, .confirmation, 0), (248, 9, .amount, 0), (200, 2, .limit, 0), (200, 1, .amount, 0), (201, 1, .limit, 0),
    (142, 1, .stallShare, 0), (150, 1, .window, 0), (164, 1, .refaults, 0), (172, 1, .window, 0),
    (190, 1, .horizon, 0), (227, 1, .classicConstants, 0), (239, 1, .classicConstants, 0),
    (273, 2, .ruleProtects, 0), (299, 255, .ruleProtects, 1), (274, 4, .ruleOrder, 0), (300, 255, .ruleOrder, 1),
    (309, 0, .testField, 0), (336, 8, .testField, 3), (345, 0, .alternativeKind, 0), (390, 6, .alternativeKind, 5),
    (359, 1, .alternativeUnused, 1), (382, 1, .alternativeUnused, 4), (389, 128, .alternativeUnused, 4),
    (402, 1, .patternText, 0), (438, 1, .patternText, 1), (407, 2, .automatonIndex, 0), (430, 1, .automatonIndex, 1),
    (439, 4, .automatonPositions, 0), (440, 1, .automatonPositions, 0), (448, 2, .automatonPositions, 1),
    (439, 0, .unownedPosition, 1), (448, 0, .unownedPosition, 2),
    (441, 5, .automatonSets, 0), (442, 1, .automatonSets, 0), (450, 3, .automatonSets, 1),
    (441, 1, .unownedSet, 3), (450, 0, .unownedSet, 2),
    (447, 2, .automatonEmpty, 0), (456, 255, .automatonEmpty, 1),
    (444, 2, .automatonFirst, 0), (445, 2, .automatonAccepting, 0), (455, 255, .automatonAccepting, 1),
    (458, 2, .positionBytes, 0), (468, 128, .positionFollow, 1),
  ]

  @Test func aTriggerThatIsOffHasNoFigures() {
    let image = ImageWriter.image(of: Sample.small.policy)
    let kinds: [Int: PolicyFault] = [138: .stall, 160: .thrash, 182: .forecast, 200: .limit, 219: .confirmation]
    #expect(image[138..<257].count { $0 != 0 } == 1, "but for the kind of confirmation")
    var fault = PolicyFault.stall
    for offset in 138..<257 {
      if let next = kinds[offset] {
        fault = next
        continue
      }
      var spoilt = image
      spoilt[offset] = 1
      let error = refusal(sealed(spoilt))
      #expect(error == .invalid(fault, entry: 0) || error == .invalid(.amount, entry: 0), "offset \(offset)")
    }
  }

  @Test(arguments: spoiltBytes) func aByteThatCannotStandThereIsNamed(
    offset: Int, byte: UInt8, fault: PolicyFault, entry: Int
  ) {
    var image = ImageWriter.image(of: Sample.mixed.policy)
    image[offset] = byte
    #expect(refusal(sealed(image)) == .invalid(fault, entry: entry))
  }

  @Test func everyFaultIsProvoked() {
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
    ] as [[UInt8]]) func noOtherBytesMay(name: [UInt8])
  {
    var policy = Sample.empty.policy
    policy.addRule("", [(.comm, [.never])])
    policy.rules[0].name = Slice(start: 0, count: UInt32(name.count))
    policy.text = name + [0x80, 0x80, 0x80]  // What follows the name is not its.
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
