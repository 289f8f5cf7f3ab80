import Policy

/// Compiles a pattern to a position automaton.
///
/// The pattern becomes a graph of states, of which only some consume a byte: these are the positions. The successors of
/// a position are all positions that can be reached without consuming a byte. On that way, `^` can be passed only if
/// nothing has been consumed yet, and after `$` only the end of the text may follow. So both can stand anywhere in the
/// pattern, as often as they like, and mean what they mean to regexec(3).
struct AutomatonBuilder {
  private enum State {
    /// Consumes a byte of the set of position `index`.
    case position(Int)
    case begin(next: Int)
    case end(next: Int)
    case fork([Int])
    /// The text has been read to its end.
    case over
  }

  /// What can be reached from a state without consuming a byte.
  private struct ReachableStates {
    var positions: Set<Int> = []
    var canBeOver = false
  }

  private var states: [State] = []
  /// The set of bytes that each position consumes.
  private var bytes: [Bits256] = []
  /// The state after each position.
  private var successors: [Int] = []

  private init() {}

  /// - Parameters:
  ///   - node: The pattern.
  ///   - searching: Whether the pattern may match anywhere in the text, or has to match the whole text.
  /// - Throws: ``PatternError`` with offset 0 if the pattern needs too many positions, or can never match.
  static func build(_ node: PatternNode, searching: Bool) throws(PatternError) -> Automaton {
    // This is checked before anything is built: a repetition of repetitions may ask for more memory than there is.
    let places = node.positions
    // Positions that cannot be reached are removed later. Most remain, so this bound on the build is four times the
    // limit.
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

  /// Adds the states of `node` with any text before and after it.
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
  /// - Returns: The first state of `node`. Its last state leads to `next`.
  private mutating func add(_ node: PatternNode, next: Int) -> Int {
    switch node {
    case .empty: return next
    case .bytes(let set): return addPosition(set, next: next)
    case .begin: return addState(.begin(next: next))
    case .end: return addState(.end(next: next))
    case .sequence(let parts): return parts.reversed().reduce(next) { add($1, next: $0) }
    case .choice(let parts): return addState(.fork(parts.map { add($0, next: next) }))
    case .repeated(let body, let least, let most):
      // A body that consumes nothing means the same however often it is repeated.
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

  private func reach(from state: Int, atBegin: Bool) -> ReachableStates {
    var found = ReachableStates()
    // Each state is visited at most twice: before a `$` and after one.
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
    var after: [Int: ReachableStates] = [:]
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

    // States were made from the end of the pattern on. Sorting them makes the automaton of a pattern unique.
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

  /// The positions from which the end of the text can be reached.
  private func leadingToTheEnd(_ after: [Int: ReachableStates]) -> Set<Int> {
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

/// Collects the sets of an automaton, each of them once.
private struct SetCollector {
  private(set) var sets: [Bits256] = []

  mutating func reference(to set: Bits256) -> SetReference {
    if let member = set.onlyMember { return .only(member) }
    if let index = sets.firstIndex(of: set) { return .set(index) }
    sets.append(set)
    return .set(sets.count - 1)
  }
}
