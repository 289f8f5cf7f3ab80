import Badness
import Pressure
import ProcModel

extension CompiledPolicy {
  /// The policy of an image. Nothing of it is used before all of it is found right. Allocates.
  ///
  /// - Parameter image: The whole file, as docs/policy-image.md has it. It may be anything at all.
  /// - Throws: ``ImageError``, the first thing found wrong: is it an image, of a version we know, whole, unaltered, and
  ///   then entry by entry as ``validate()`` has it.
  package init(image: Span<UInt8>) throws(ImageError) {
    try checkImageEnvelope(image)
    let places = try ImagePlaces(image)

    var cursor = ImageCursor(image, at: ImageLayout.settingsOffset)
    self.init(settings: try cursor.settings())
    measures = try cursor.measures()

    cursor = ImageCursor(image, at: places.offset[.domains])
    domains.reserveCapacity(places.count[.domains])
    for _ in 0..<places.count[.domains] {
      domains.append(try cursor.domain())
    }
    cursor = ImageCursor(image, at: places.offset[.rules])
    rules.reserveCapacity(places.count[.rules])
    for index in 0..<places.count[.rules] {
      rules.append(try cursor.rule(index))
    }
    cursor = ImageCursor(image, at: places.offset[.tests])
    tests.reserveCapacity(places.count[.tests])
    for index in 0..<places.count[.tests] {
      tests.append(try cursor.test(index))
    }
    cursor = ImageCursor(image, at: places.offset[.alternatives])
    alternatives.reserveCapacity(places.count[.alternatives])
    for index in 0..<places.count[.alternatives] {
      alternatives.append(try cursor.alternative(index))
    }

    cursor = ImageCursor(image, at: places.offset[.patterns])
    patterns.reserveCapacity(places.count[.patterns])
    for _ in 0..<places.count[.patterns] {
      patterns.append(cursor.pattern())
    }
    try readAutomata(image, places)

    cursor = ImageCursor(image, at: places.offset[.commands])
    commands.reserveCapacity(places.count[.commands])
    for _ in 0..<places.count[.commands] {
      commands.append(cursor.command())
    }
    cursor = ImageCursor(image, at: places.offset[.cgroups])
    cgroups.reserveCapacity(places.count[.cgroups])
    for _ in 0..<places.count[.cgroups] {
      cgroups.append(cursor.slice())
    }

    cursor = ImageCursor(image, at: places.offset[.text])
    text.reserveCapacity(places.count[.text])
    for _ in 0..<places.count[.text] {
      text.append(cursor.number())
    }

    try validate()
  }

  private mutating func readAutomata(_ image: Span<UInt8>, _ places: ImagePlaces) throws(ImageError) {
    var cursor = ImageCursor(image, at: places.offset[.automata])
    var positions = ImageCursor(image, at: places.offset[.positions])
    var sets = ImageCursor(image, at: places.offset[.sets])
    var unownedPositions = places.count[.positions]
    var unownedSets = places.count[.sets]
    automata.reserveCapacity(places.count[.automata])
    for index in 0..<places.count[.automata] {
      let own: UInt16 = cursor.number()
      guard own <= Automaton.maximumPositions, own <= unownedPositions else {
        throw .invalid(.automatonPositions, entry: index)
      }
      unownedPositions -= Int(own)
      let ownSets: UInt16 = cursor.number()
      guard ownSets <= unownedSets else { throw .invalid(.automatonSets, entry: index) }
      unownedSets -= Int(ownSets)
      var automaton = try cursor.automaton(index)
      automaton.positions.reserveCapacity(Int(own))
      for _ in 0..<own {
        automaton.positions.append(positions.position())
      }
      automaton.sets.reserveCapacity(Int(ownSets))
      for _ in 0..<ownSets {
        automaton.sets.append(sets.bits())
      }
      automata.append(automaton)
    }
    guard unownedPositions == 0 else {
      throw .invalid(.unownedPosition, entry: places.count[.positions] - unownedPositions)
    }
    guard unownedSets == 0 else { throw .invalid(.unownedSet, entry: places.count[.sets] - unownedSets) }
  }
}

/// Whether this is an image of our version, whole and unaltered. Says nothing of what is in it.
private func checkImageEnvelope(_ image: Span<UInt8>) throws(ImageError) {
  for index in 0..<min(image.count, ImageLayout.magic.count) where image[index] != ImageLayout.magic[index] {
    throw .foreign
  }
  // Before the length: another version's header may be shorter.
  guard image.count >= ImageLayout.headerSizeOffset else { throw .truncated(found: image.count) }
  var cursor = ImageCursor(image, at: ImageLayout.versionOffset)
  let version: UInt16 = cursor.number()
  guard version == ImageLayout.version else { throw .unknownVersion(version) }
  guard image.count >= ImageLayout.tablesOffset else { throw .truncated(found: image.count) }
  let headerSize: UInt16 = cursor.number()
  let length: UInt32 = cursor.number()
  let checksum: UInt32 = cursor.number()
  guard headerSize == ImageLayout.headerSize, length >= ImageLayout.tablesOffset else { throw .altered }
  guard length <= ImageLayout.maximumLength else { throw .tooLarge }
  guard image.count >= Int(length) else { throw .truncated(found: image.count) }
  guard image.count == Int(length) else { throw .trailing(image.count - Int(length)) }
  guard checksum == crc32(image, from: ImageLayout.checksummedFrom) else { throw .altered }
}

/// Where the sections are: one after the other, and all within the image.
private struct ImagePlaces {
  /// A number for each section.
  struct Table {
    private var numbers = InlineArray<11, Int>(repeating: 0)

    subscript(section: ImageSection) -> Int {
      get { numbers[Int(section.rawValue)] }
      set { numbers[Int(section.rawValue)] = newValue }
    }
  }

  private(set) var offset = Table()
  private(set) var count = Table()

  init(_ image: Span<UInt8>) throws(ImageError) {
    var cursor = ImageCursor(image, at: ImageLayout.sectionsOffset)
    var end = ImageLayout.tablesOffset
    for section in ImageSection.allCases {
      let start: UInt32 = cursor.number()
      let entries: UInt32 = cursor.number()
      guard entries <= section.maximum else { throw .tooMany(section) }
      guard start == end else { throw .misplaced(section) }
      offset[section] = end
      count[section] = Int(entries)
      end += Int(entries) * section.recordSize
    }
    guard end == image.count else { throw .misplaced(.text) }
  }
}

/// Takes the entries of an image one after the other. Its bounds are ``ImagePlaces``'s to have checked.
private struct ImageCursor: ~Escapable {
  private let bytes: Span<UInt8>
  private var offset: Int

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, at offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  mutating func number<Number: FixedWidthInteger & UnsignedInteger>() -> Number {
    var number: Number = 0
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
      number |= Number(truncatingIfNeeded: bytes[offset]) << shift
      offset += 1
    }
    return number
  }

  mutating func slice() -> Slice {
    let start: UInt32 = number()
    return Slice(start: start, count: number())
  }

  mutating func bits() -> Bits256 {
    var bits = Bits256()
    for index in 0..<4 {
      bits.words[index] = number()
    }
    return bits
  }

  mutating func settings() throws(ImageError) -> Settings {
    guard let formula = Formula(rawValue: number()) else { throw .invalid(.formula, entry: 0) }
    guard let adjustment = OomScoreAdjUse(rawValue: number()) else { throw .invalid(.adjustment, entry: 0) }
    let grace = Nanoseconds(number())
    let minimum = try amount()
    guard let available = try amount() else { throw .invalid(.amount, entry: 0) }
    let swapFree = try amount()
    guard let release = try amount() else { throw .invalid(.amount, entry: 0) }
    let stall = try stall()
    let thrash = try thrash()
    let forecast = try forecast()
    let limit = try limit()
    let thresholds = Thresholds(
      floor: Floor(available: available, swapFree: swapFree), stall: stall, thrash: thrash, forecast: forecast,
      limit: limit, release: release, confirmation: try confirmation())
    var settings = Settings(
      thresholds: thresholds, formula: formula, adjustment: adjustment, grace: grace,
      minimumFootprint: minimum.map { .amount($0) } ?? .automatic)
    guard let scope = Scope(rawValue: number()) else { throw .invalid(.scope, entry: 0) }
    settings.scope = scope
    guard let signal = EndingSignal(rawValue: number()) else { throw .invalid(.signal, entry: 0) }
    settings.signal = signal
    settings.swarm = try swarm()
    return settings
  }

  mutating func measures() throws(ImageError) -> Measures {
    var measures = Measures()
    measures.hooks = try hooks()
    measures.relief = try relief()
    measures.lastResort = try lastResort()
    return measures
  }

  private mutating func swarm() throws(ImageError) -> Swarm? {
    let kind: UInt8 = number()
    let members: UInt32 = number()
    let age = Nanoseconds(number())
    let times: UInt32 = number()
    switch kind {
    case ImageLayout.triggerOff where members == 0 && age == .zero && times == 0:
      return nil
    case ImageLayout.triggerOn:
      return Swarm(members: members, age: age, times: times)
    default:
      throw .invalid(.swarm, entry: 0)
    }
  }

  private mutating func hooks() throws(ImageError) -> Hooks {
    var hooks = Hooks()
    hooks.warn = hook()
    hooks.before = hook()
    let takesOver: UInt8 = number()
    guard takesOver <= 1 else { throw .invalid(.takesOver, entry: 0) }
    hooks.beforeTakesOver = takesOver == 1
    hooks.after = hook()
    hooks.noCandidate = hook()
    return hooks
  }

  private mutating func hook() -> UInt16? {
    let command: UInt16 = number()
    return command == ImageLayout.commandNone ? nil : command - 1
  }

  private mutating func relief() throws(ImageError) -> Relief {
    var relief = Relief()
    relief.reclaim = number()
    let highKind: UInt8 = number()
    let cgroup: UInt16 = number()
    let to = try amount()
    let duration = Nanoseconds(number())
    switch highKind {
    case ImageLayout.triggerOff where cgroup == 0 && to == nil && duration == .zero:
      break
    case ImageLayout.triggerOn:
      guard let to else { throw .invalid(.amount, entry: 0) }
      relief.high = Relief.High(cgroup: cgroup, to: to, duration: duration)
    default:
      throw .invalid(.relief, entry: 0)
    }
    let freezeKind: UInt8 = number()
    let freeze = Nanoseconds(number())
    switch freezeKind {
    case ImageLayout.triggerOff where freeze == .zero: break
    case ImageLayout.triggerOn: relief.freeze = freeze
    default: throw .invalid(.relief, entry: 0)
    }
    return relief
  }

  private mutating func lastResort() throws(ImageError) -> LastResort? {
    let actionNumber: UInt8 = number()
    let victims: UInt32 = number()
    let stall = Nanoseconds(number())
    if let action = LastResort.Action(rawValue: actionNumber) {
      return LastResort(
        action: action, afterVictims: victims == 0 ? nil : victims, afterStall: stall == .zero ? nil : stall)
    }
    guard actionNumber == ImageLayout.actionNone, victims == 0, stall == .zero else {
      throw .invalid(.lastResort, entry: 0)
    }
    return nil
  }

  private mutating func stall() throws(ImageError) -> Stall? {
    let kind: UInt8 = number()
    let share = BasisPoints(number())
    let over = Nanoseconds(number())
    let below = try amount()
    switch kind {
    case ImageLayout.stallOff where share.count == 0 && over == .zero && below == nil:
      return nil
    case ImageLayout.stallSome...ImageLayout.stallFull + ImageLayout.stallIgnoresSwap:
      guard let below else { throw .invalid(.amount, entry: 0) }
      let isPatient = kind <= ImageLayout.stallFull
      let counted = isPatient ? kind : kind - ImageLayout.stallIgnoresSwap
      return Stall(
        isFull: counted == ImageLayout.stallFull, share: share, over: over, below: below, isPatient: isPatient)
    default:
      throw .invalid(.stall, entry: 0)
    }
  }

  private mutating func thrash() throws(ImageError) -> Thrash? {
    let kind: UInt8 = number()
    let refaults = BasisPoints(number())
    let over = Nanoseconds(number())
    let swapFree = try amount()
    switch kind {
    case ImageLayout.triggerOff where refaults.count == 0 && over == .zero && swapFree == nil:
      return nil
    case ImageLayout.triggerOn:
      guard let swapFree else { throw .invalid(.amount, entry: 0) }
      return Thrash(refaults: refaults, over: over, swapFree: swapFree)
    default:
      throw .invalid(.thrash, entry: 0)
    }
  }

  private mutating func forecast() throws(ImageError) -> Forecast? {
    let kind: UInt8 = number()
    let horizon = Nanoseconds(number())
    let below = try amount()
    switch kind {
    case ImageLayout.triggerOff where horizon == .zero && below == nil:
      return nil
    case ImageLayout.triggerOn:
      guard let below else { throw .invalid(.amount, entry: 0) }
      return Forecast(horizon: horizon, below: below)
    default:
      throw .invalid(.forecast, entry: 0)
    }
  }

  private mutating func limit() throws(ImageError) -> Limit? {
    let kind: UInt8 = number()
    let available = try amount()
    let swapFree = try amount()
    switch kind {
    case ImageLayout.triggerOff where available == nil && swapFree == nil:
      return nil
    case ImageLayout.triggerOn:
      guard let available, let swapFree else { throw .invalid(.amount, entry: 0) }
      return Limit(available: available, swapFree: swapFree)
    default:
      throw .invalid(.limit, entry: 0)
    }
  }

  private mutating func confirmation() throws(ImageError) -> Confirmation {
    let kind: UInt8 = number()
    let gap = Nanoseconds(number())
    let youngest = Nanoseconds(number())
    let failures: UInt32 = number()
    let pause = Nanoseconds(number())
    let swapFree = try amount()
    switch kind {
    case ImageLayout.confirmationImmediate
    where gap == .zero && youngest == .zero && failures == 0 && pause == .zero && swapFree == nil:
      return .immediate
    case ImageLayout.confirmationClassic:
      guard let swapFree else { throw .invalid(.amount, entry: 0) }
      return .classic(
        ClassicConstants(gap: gap, youngest: youngest, failures: failures, pause: pause, swapFree: swapFree))
    default:
      throw .invalid(.confirmation, entry: 0)
    }
  }

  private mutating func amount() throws(ImageError) -> Amount? {
    let kind: UInt8 = number()
    let value: UInt64 = number()
    switch kind {
    case ImageLayout.amountNone where value == 0:
      return nil
    case ImageLayout.amountShare:
      guard let points = UInt32(exactly: value) else { throw .invalid(.share, entry: 0) }
      return .share(BasisPoints(points))
    case ImageLayout.amountSize:
      return .size(KiB(value))
    default:
      throw .invalid(.amount, entry: 0)
    }
  }

  mutating func domain() throws(ImageError) -> Domain {
    let name = slice()
    let cgroup = slice()
    return Domain(name: name, cgroup: cgroup, settings: try settings())
  }

  mutating func rule(_ index: Int) throws(ImageError) -> Rule {
    let name = slice()
    let tests = slice()
    let exceptions: UInt8 = number()
    let protects: UInt8 = number()
    guard protects <= 1 else { throw .invalid(.ruleProtects, entry: index) }
    let orderNumber: UInt8 = number()
    let order = Tier(rawValue: orderNumber)
    guard order != nil || orderNumber == ImageLayout.orderNone else { throw .invalid(.ruleOrder, entry: index) }
    let weight = Double(bitPattern: number())
    var rule = Rule(name: name, tests: tests, protects: protects == 1, order: order, weight: weight)
    rule.exceptions = exceptions
    let scope: UInt8 = number()
    rule.scope = Scope(rawValue: scope)
    guard rule.scope != nil || scope == ImageLayout.scopeNone else { throw .invalid(.ruleScope, entry: index) }
    let signal: UInt8 = number()
    rule.signal = EndingSignal(rawValue: signal)
    guard rule.signal != nil || signal == ImageLayout.signalNone else { throw .invalid(.ruleSignal, entry: index) }
    let graceKind: UInt8 = number()
    let grace = Nanoseconds(number())
    switch graceKind {
    case ImageLayout.graceNone where grace == .zero: break
    case ImageLayout.graceOwn: rule.grace = grace
    default: throw .invalid(.ruleGrace, entry: index)
    }
    let hook: UInt16 = number()
    switch hook {
    case ImageLayout.commandNone: break
    case ImageLayout.commandOff: rule.hook = .off
    default: rule.hook = .command(hook - 1)
    }
    return rule
  }

  mutating func command() -> Command {
    let words = slice()
    let uid: UInt32 = number()
    let gid: UInt32 = number()
    return Command(words: words, uid: uid, gid: gid, limit: Nanoseconds(number()))
  }

  mutating func test(_ index: Int) throws(ImageError) -> FieldTest {
    guard let field = MatchField(rawValue: number()) else { throw .invalid(.testField, entry: index) }
    return FieldTest(field: field, alternatives: slice())
  }

  mutating func alternative(_ index: Int) throws(ImageError) -> Alternative {
    let kind: UInt8 = number()
    let first: UInt32 = number()
    let second: UInt32 = number()
    switch kind {
    case ImageLayout.alternativeLiteral:
      return .literal(Slice(start: first, count: second))
    case ImageLayout.alternativePattern:
      guard second == 0 else { throw .invalid(.alternativeUnused, entry: index) }
      return .pattern(first)
    case ImageLayout.alternativeRange:
      return .range(first, second)
    case ImageLayout.alternativeCapabilities:
      return .capabilities(CapabilitySet(rawValue: UInt64(first) | UInt64(second) << 32))
    case ImageLayout.alternativeNever:
      guard first == 0, second == 0 else { throw .invalid(.alternativeUnused, entry: index) }
      return .never
    case ImageLayout.alternativeSignedRange:
      return .signedRange(Int32(bitPattern: first), Int32(bitPattern: second))
    case ImageLayout.alternativeTime:
      return .time(Nanoseconds(UInt64(first) | UInt64(second) << 32))
    case ImageLayout.alternativeShare:
      guard second == 0 else { throw .invalid(.alternativeUnused, entry: index) }
      return .amount(.share(BasisPoints(first)))
    case ImageLayout.alternativeSize:
      return .amount(.size(KiB(UInt64(first) | UInt64(second) << 32)))
    case ImageLayout.alternativeFlag:
      guard first <= 1, second == 0 else { throw .invalid(.alternativeUnused, entry: index) }
      return .flag(first == 1)
    default:
      throw .invalid(.alternativeKind, entry: index)
    }
  }

  mutating func pattern() -> TextPattern {
    let prefix = slice()
    let automaton: UInt32 = number()
    return TextPattern(prefix: prefix, automaton: automaton, suffix: slice())
  }

  /// What follows the counts of an automaton's positions and sets.
  mutating func automaton(_ index: Int) throws(ImageError) -> Automaton {
    let first = SetReference(rawValue: number())
    let accepting = SetReference(rawValue: number())
    let acceptsEmpty: UInt8 = number()
    guard acceptsEmpty <= 1 else { throw .invalid(.automatonEmpty, entry: index) }
    return Automaton(positions: [], sets: [], first: first, accepting: accepting, acceptsEmpty: acceptsEmpty == 1)
  }

  mutating func position() -> Automaton.Position {
    let bytes = SetReference(rawValue: number())
    return Automaton.Position(bytes: bytes, follow: SetReference(rawValue: number()))
  }
}
