import Policy

/// Makes a position automaton of a pattern.
///
/// The pattern becomes a graph of states in which only some consume a byte: each of those is a position. What a
/// position is followed by is every position that can be reached without consuming. On the way, `^` may be passed only
/// where nothing has been consumed, and after `$` nothing but the end of the text may follow: so both can stand
/// anywhere in the pattern, as often as they like, and mean what regexec(3) takes them to mean.
struct AutomatonBuilder {
  private enum State {
    /// Consumes what position `index` does.
    case position(Int)
    case begin(next: Int)
    case end(next: Int)
    case fork([Int])
    /// The text is over.
    case over
  }

  /// What can come next without anything consumed on the way.
  private struct Reach {
    var positions: Set<Int> = []
    var canBeOver = false
  }

  private var states: [State] = []
  /// What each position consumes.
  private var bytes: [Bits256] = []
  /// The state after each position.
  private var successors: [Int] = []

  private init() {}

  /// - Parameters:
  ///   - node: The pattern.
  ///   - searching: Whether it may match anywhere in the text, or the whole of it only.
  /// - Throws: Where it needs too many positions, or can never match. The offset is 0.
  static func build(_ node: PatternNode, searching: Bool) throws(PatternError) -> Automaton {
    // Before anything is built: a repetition of repetitions may ask for more than there is memory.
    let places = node.positions
    // Even stripped of what it cannot reach, a pattern keeps most of its places; this bound is for the build alone.
    guard places <= 4 * Automaton.maximumPositions else { throw tooMany(places) }
    var builder = AutomatonBuilder()
    let over = builder.addState(.over)
    let start = searching ? builder.addSearch(node, next: over) : builder.add(node, next: over)
    return try builder.automaton(from: start)
  }

  private static func tooMany(_ count: Int) -> PatternError {
    PatternError(
      offset: 0,
      "the pattern needs \(count) positions, at most \(Automaton.maximumPositions), write it shorter or as several",
      isTooLarge: true)
  }

  /// Adds the states of `node` with anything before and after it.
  private mutating func addSearch(_ node: PatternNode, next: Int) -> Int {
    let anything = PatternNode.repeated(.bytes(.all), least: 0, most: nil)
    return add(.sequence([anything, node, anything]), next: next)
  }

  private mutating func addState(_ state: State) -> Int {
    states.append(state)
    return states.count - 1
  }

  private mutating func addPosition(_ set: Bits256, next: Int) -> Int {
    bytes.append(set)
    successors.append(next)
    return addState(.position(bytes.count - 1))
  }

  /// Adds the states of `node`.
  ///
  /// - Returns: Its first state; its last leads to `next`.
  private mutating func add(_ node: PatternNode, next: Int) -> Int {
    switch node {
    case .empty: return next
    case .bytes(let set): return addPosition(set, next: next)
    case .begin: return addState(.begin(next: next))
    case .end: return addState(.end(next: next))
    case .sequence(let parts): return parts.reversed().reduce(next) { add($1, next: $0) }
    case .choice(let parts): return addState(.fork(parts.map { add($0, next: next) }))
    case .repeated(let body, let least, let most):
      // What consumes nothing says the same however often it is said.
      let once = body.positions == 0
      return addRepeated(body, least: once ? min(least, 1) : least, most: once ? most.map { min($0, 1) } : most, next)
    }
  }

  private mutating func addRepeated(_ body: PatternNode, least: Int, most: Int?, _ next: Int) -> Int {
    var first = next
    if let most {
      for _ in least..<most {
        first = addState(.fork([add(body, next: first), first]))
      }
    } else {
      let loop = addState(.fork([]))
      let entry = add(body, next: loop)
      states[loop] = .fork([entry, next])
      // `x{2,}` is `xx+`: the loop is the last of the copies that must be there.
      first = least > 0 ? entry : loop
    }
    for _ in 0..<(most == nil ? max(least - 1, 0) : least) {
      first = add(body, next: first)
    }
    return first
  }

  private func reach(from state: Int, atBegin: Bool) -> Reach {
    var found = Reach()
    // Each state is visited at most twice: before and after a `$`.
    var seen = [[Bool]](repeating: [false, false], count: states.count)
    var pending = [(state: state, ended: false)]
    while let (state, ended) = pending.popLast() {
      if seen[state][ended ? 1 : 0] { continue }
      seen[state][ended ? 1 : 0] = true
      switch states[state] {
      case .position(let index):
        if !ended { found.positions.insert(index) }
      case .begin(let next):
        if atBegin { pending.append((next, ended)) }
      case .end(let next): pending.append((next, true))
      case .fork(let targets): pending += targets.map { ($0, ended) }
      case .over: found.canBeOver = true
      }
    }
    return found
  }

  private func automaton(from start: Int) throws(PatternError) -> Automaton {
    let beginning = reach(from: start, atBegin: true)
    var after: [Int: Reach] = [:]
    var pending = Array(beginning.positions)
    while let position = pending.popLast() {
      if after[position] != nil { continue }
      let next = reach(from: successors[position], atBegin: false)
      after[position] = next
      pending += next.positions
    }
    let useful = leadingToTheEnd(after)
    guard !useful.isEmpty || beginning.canBeOver else {
      throw PatternError(offset: 0, "the pattern can never match, see where its \"^\" and \"$\" stand")
    }
    guard useful.count <= Automaton.maximumPositions else { throw AutomatonBuilder.tooMany(useful.count) }

    // States are made from the end on, and one pattern is to have one automaton.
    let kept = useful.sorted(by: >)
    var number: [Int: UInt8] = [:]
    for (index, position) in kept.enumerated() { number[position] = UInt8(index) }
    func numbers(_ positions: some Sequence<Int>) -> Bits256 {
      var set = Bits256()
      for position in positions {
        if let number = number[position] { set.insert(number) }
      }
      return set
    }
    var sets = SetCollector()
    let first = sets.reference(to: numbers(beginning.positions))
    let accepting = sets.reference(to: numbers(kept.filter { after[$0]?.canBeOver == true }))
    let positions = kept.map { position in
      Automaton.Position(
        bytes: sets.reference(to: bytes[position]),
        follow: sets.reference(to: numbers(after[position]?.positions ?? [])))
    }
    return Automaton(
      positions: positions, sets: sets.sets, first: first, accepting: accepting, acceptsEmpty: beginning.canBeOver)
  }

  /// Those positions from which the end of the text can be reached.
  private func leadingToTheEnd(_ after: [Int: Reach]) -> Set<Int> {
    var useful = Set(after.filter { $0.value.canBeOver }.keys)
    var grew = true
    while grew {
      grew = false
      for (position, next) in after where !useful.contains(position) && !useful.isDisjoint(with: next.positions) {
        useful.insert(position)
        grew = true
      }
    }
    return useful
  }
}

/// The sets of an automaton, each of them once.
private struct SetCollector {
  private(set) var sets: [Bits256] = []

  mutating func reference(to set: Bits256) -> SetReference {
    if let member = set.onlyMember { return .only(member) }
    if let index = sets.firstIndex(of: set) { return .set(index) }
    sets.append(set)
    return .set(sets.count - 1)
  }
}
