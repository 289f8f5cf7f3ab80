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

  // Of `Sample.mixed`, which has its settings at 84, rules at 130, tests at 182, alternatives at 218, patterns at 272,
  // automata at 312, positions at 330 and sets at 342: the byte to be changed, what to, and what that is.
  static let spoiltBytes: [(offset: Int, byte: UInt8, fault: PolicyFault, entry: Int)] = [
    (84, 0, .formula, 0), (84, 8, .formula, 0), (85, 0, .adjustment, 0), (85, 4, .adjustment, 0),
    // An amount of no kind where one is due, of an unknown kind, and a number where there is no amount.
    (103, 0, .amount, 0), (121, 0, .amount, 0), (94, 3, .amount, 0), (112, 255, .amount, 0), (95, 1, .amount, 0),
    (106, 1, .share, 0), (111, 1, .share, 0),
    (146, 2, .ruleProtects, 0), (172, 255, .ruleProtects, 1), (147, 4, .ruleOrder, 0), (173, 255, .ruleOrder, 1),
    (182, 0, .testField, 0), (209, 8, .testField, 3), (218, 0, .alternativeKind, 0), (263, 6, .alternativeKind, 5),
    (232, 1, .alternativeUnused, 1), (255, 1, .alternativeUnused, 4), (262, 128, .alternativeUnused, 4),
    (275, 1, .patternText, 0), (311, 1, .patternText, 1), (280, 2, .automatonIndex, 0), (303, 1, .automatonIndex, 1),
    (312, 4, .automatonPositions, 0), (313, 1, .automatonPositions, 0), (321, 2, .automatonPositions, 1),
    (312, 0, .unownedPosition, 1), (321, 0, .unownedPosition, 2),
    (314, 5, .automatonSets, 0), (315, 1, .automatonSets, 0), (323, 3, .automatonSets, 1),
    (314, 1, .unownedSet, 3), (323, 0, .unownedSet, 2),
    (320, 2, .automatonEmpty, 0), (329, 255, .automatonEmpty, 1),
    (317, 2, .automatonFirst, 0), (318, 2, .automatonAccepting, 0), (328, 255, .automatonAccepting, 1),
    (331, 2, .positionBytes, 0), (341, 128, .positionFollow, 1),
  ]

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
