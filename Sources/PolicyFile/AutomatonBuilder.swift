import Policy

/// Makes a position automaton of a pattern.
///
/// The pattern becomes a graph of states in which only some consume: each of those is a position. What a position is
/// followed by is every position that can be reached without consuming. On the way, `^` may be passed only where
/// nothing but `begin` has been consumed, and after `$` nothing but `end` may follow: so both can stand anywhere in
/// the pattern, as often as they like, and mean what regexec(3) takes them to mean.
struct AutomatonBuilder {
  private enum State {
    /// Consumes what position `index` does.
    case position(Int)
    case begin(next: Int)
    case end(next: Int)
    case fork([Int])
  }

  private var states: [State] = []
  private var positions: [Automaton.Position] = []
  /// The state after each position. That of `end` has none.
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
    let start = builder.addWhole(node, searching: searching)
    return try builder.automaton(from: start)
  }

  private static func tooMany(_ count: Int) -> PatternError {
    PatternError(
      offset: 0,
      "the pattern needs \(count) positions, at most \(Automaton.maximumPositions), write it shorter or as several")
  }

  /// - Returns: The position that consumes `begin`.
  private mutating func addWhole(_ node: PatternNode, searching: Bool) -> Int {
    let end = addPosition(Automaton.Position(bytes: Bits256(), consumesEnd: true), next: nil)
    guard searching else {
      return addBegin(next: add(node, next: end.state))
    }
    let anyByte = Automaton.Position(bytes: .all)
    let tail = addState(.fork([]))
    let after = addPosition(anyByte, next: tail)
    states[tail] = .fork([after.state, end.state])
    let body = add(node, next: tail)
    let head = addState(.fork([]))
    let before = addPosition(anyByte, next: head)
    states[head] = .fork([before.state, body])
    return addBegin(next: head)
  }

  private mutating func addBegin(next: Int) -> Int {
    addPosition(Automaton.Position(bytes: Bits256(), consumesBegin: true), next: next).position
  }

  private mutating func addState(_ state: State) -> Int {
    states.append(state)
    return states.count - 1
  }

  private mutating func addPosition(_ position: Automaton.Position, next: Int?) -> (state: Int, position: Int) {
    positions.append(position)
    let index = positions.count - 1
    let state = addState(.position(index))
    successors.append(next ?? state)
    return (state, index)
  }

  /// Adds the states of `node`.
  ///
  /// - Returns: Its first state; its last leads to `next`.
  private mutating func add(_ node: PatternNode, next: Int) -> Int {
    switch node {
    case .empty: return next
    case .bytes(let set): return addPosition(Automaton.Position(bytes: set), next: next).state
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

  /// The positions that can come next without anything consumed on the way.
  private func reachable(from state: Int, atBegin: Bool) -> [Int] {
    var found: [Int] = []
    // Each state is visited at most twice: before and after a `$`.
    var seen = [[Bool]](repeating: [false, false], count: states.count)
    var pending = [(state: state, ended: false)]
    while let (state, ended) = pending.popLast() {
      if seen[state][ended ? 1 : 0] { continue }
      seen[state][ended ? 1 : 0] = true
      switch states[state] {
      case .position(let index):
        if !ended || positions[index].consumesEnd { found.append(index) }
      case .begin(let next):
        if atBegin { pending.append((next, ended)) }
      case .end(let next): pending.append((next, true))
      case .fork(let targets): pending += targets.map { ($0, ended) }
      }
    }
    return found
  }

  private func automaton(from begin: Int) throws(PatternError) -> Automaton {
    let end = 0
    var follow = [Set<Int>](repeating: [], count: positions.count)
    var order: [Int] = []
    var seen: Set<Int> = [begin]
    var pending = [begin]
    while let position = pending.popLast() {
      order.append(position)
      if position == end { continue }
      follow[position] = Set(reachable(from: successors[position], atBegin: position == begin))
      pending += follow[position].filter { seen.insert($0).inserted }
    }
    let useful = leadingTo(end, among: order, follow: follow)
    guard useful.contains(begin) else {
      throw PatternError(offset: 0, "the pattern can never match, see where its \"^\" and \"$\" stand")
    }
    guard useful.count <= Automaton.maximumPositions else { throw AutomatonBuilder.tooMany(useful.count) }

    // In the order in which they were made, so that one pattern has one automaton.
    let kept = useful.sorted()
    var number: [Int: UInt8] = [:]
    for (index, position) in kept.enumerated() { number[position] = UInt8(index) }
    var result = Automaton(positions: [], first: Bits256(), accepting: Bits256())
    for position in kept {
      var entry = positions[position]
      for next in follow[position] {
        if let next = number[next] { entry.follow.insert(next) }
      }
      result.positions.append(entry)
    }
    if let first = number[begin], let last = number[end] {
      result.first.insert(first)
      result.accepting.insert(last)
    }
    return result
  }

  /// Those of `order` from which the end of the text can be reached.
  private func leadingTo(_ end: Int, among order: [Int], follow: [Set<Int>]) -> Set<Int> {
    var useful: Set<Int> = order.contains(end) ? [end] : []
    var grew = true
    while grew {
      grew = false
      for position in order where !useful.contains(position) && !useful.isDisjoint(with: follow[position]) {
        useful.insert(position)
        grew = true
      }
    }
    return useful
  }
}
