/// Why bytes are not a policy image that may be used.
///
/// For people: ``message``; where ``number`` is not nil, a colon, a blank and the number; a semicolon, a blank and
/// ``advice``.
package enum ImageError: Error, Equatable, Sendable {
  /// It does not begin as an image does.
  case foreign
  /// It ends too soon.
  case truncated(found: Int)
  /// Another version of the format.
  case unknownVersion(UInt16)
  /// It says that it is longer than any image.
  case tooLarge
  /// So many bytes too many.
  case trailing(Int)
  /// Its checksum, or a part of the header that can have one value only, is not right.
  case altered
  /// Whole, but over a limit.
  case tooMany(ImageSection)
  /// Whole, but a section does not begin where the one before it ends, or the last does not end with the image.
  case misplaced(ImageSection)
  /// Whole, but no compiler wrote it: an entry has a value that it cannot have. Entries are counted from 0.
  case invalid(PolicyFault, entry: Int)

  /// What is wrong. A literal.
  package var message: String {
    switch self {
    case .foreign: "this is not a policy image"
    case .truncated: "the policy image is cut short; bytes there"
    case .unknownVersion: "the policy image has a format version that this program does not know"
    case .tooLarge: "the policy image says it is longer than an image may be; bytes allowed"
    case .trailing: "bytes follow the end of the policy image; so many"
    case .altered: "the policy image was altered or damaged: its checksum is not right"
    case .tooMany(.domains): "the policy has too many memory domains; allowed"
    case .tooMany(.rules): "the policy has too many rules; allowed"
    case .tooMany(.tests): "the policy's rules look at too many fields; allowed in all"
    case .tooMany(.alternatives): "the policy's rules name too many values; allowed in all"
    case .tooMany(.patterns): "the policy has too many patterns; allowed"
    case .tooMany(.automata): "the policy's patterns are of too many kinds; allowed"
    case .tooMany(.positions): "the policy's patterns are too long; places allowed in all"
    case .tooMany(.sets): "the policy's patterns branch too much; sets allowed in all"
    case .tooMany(.commands): "the policy starts too many different programs; allowed"
    case .tooMany(.cgroups): "the policy names too many cgroups for relief; allowed"
    case .tooMany(.text): "the policy's names and literal texts are too long; bytes allowed in all"
    case .misplaced: "a section of the policy image is not where it must be; section"
    case .invalid(let fault, _): fault.message
    }
  }

  /// The figure that ends ``message``.
  package var number: Int? {
    switch self {
    case .foreign, .altered: nil
    case .truncated(let found): found
    case .unknownVersion(let version): Int(version)
    case .tooLarge: ImageLayout.maximumLength
    case .trailing(let count): count
    case .tooMany(let section): section.maximum
    case .misplaced(let section): Int(section.rawValue)
    case .invalid(let fault, let entry): fault.isOfSettings ? nil : entry
    }
  }

  /// What to do next. A literal.
  package var advice: String {
    switch self {
    case .foreign: "name a file that `spillway compile` wrote"
    case .unknownVersion: "use `spillway` and `spillwayd` of one release"
    case .tooMany(.domains): "write fewer domains"
    case .tooMany: "write fewer or shorter rules"
    case .truncated, .tooLarge, .trailing, .altered, .misplaced, .invalid: "compile the policy again"
    }
  }
}

/// What one entry of a policy's tables can have wrong.
package enum PolicyFault: UInt8, CaseIterable, Sendable {
  case formula
  case adjustment
  case amount
  case share
  case stall
  case stallShare
  case stallSource
  case thrash
  case refaults
  case window
  case forecast
  case horizon
  case limit
  case confirmation
  case classicConstants
  case domainName
  case domainCgroup
  case scope
  case signal
  case swarm
  case swarmFigures
  case hook
  case takesOver
  case relief
  case reclaim
  case reliefFigures
  case lastResort
  case lastResortFigures
  case flight
  case flightFigures
  case ruleName
  case ruleNameLength
  case ruleNameText
  case ruleTests
  case ruleExceptions
  case ruleAncestors
  case ruleProtects
  case ruleOrder
  case ruleWeight
  case ruleScope
  case ruleSignal
  case ruleGrace
  case ruleHook
  case testField
  case testAlternatives
  case alternativeKind
  case alternativeField
  case alternativeUnused
  case literal
  case patternIndex
  case range
  case capabilities
  case alternativeAmount
  case patternText
  case automatonIndex
  case automatonPositions
  case automatonSets
  case automatonFirst
  case automatonAccepting
  case automatonEmpty
  case positionBytes
  case positionFollow
  case unownedTest
  case unownedAlternative
  case unownedPosition
  case unownedSet
  case commandWords
  case commandUser
  case commandLimit
  case cgroupPath

  package var isOfSettings: Bool {
    switch self {
    case .formula, .adjustment, .amount, .share: true
    case .stall, .stallShare, .stallSource, .thrash, .refaults, .window, .forecast, .horizon, .limit: true
    case .confirmation, .classicConstants: true
    case .scope, .signal, .swarm, .swarmFigures, .hook, .takesOver: true
    case .relief, .reclaim, .reliefFigures, .lastResort, .lastResortFigures, .flight, .flightFigures: true
    default: false
    }
  }

  /// A literal; but for the settings, the number of an entry follows it.
  package var message: String {
    switch self {
    case .formula: "the policy image names a formula that this program does not know"
    case .adjustment: "the policy image names a use of oom_score_adj that this program does not know"
    case .amount: "the policy image gives an amount that is neither a share nor a size"
    case .share: "the policy image gives a share above 100%"
    case .stall: "the policy image has a stall trigger that is neither on nor off, or off with figures"
    case .stallShare: "the policy image has a stall trigger at 0% or above 100%"
    case .stallSource: "the policy image has a stall trigger of a cgroup that it does not name, or of a domain's others"
    case .thrash: "the policy image has a thrash trigger that is neither on nor off, or off with figures"
    case .refaults: "the policy image has a thrash trigger at 0% or above 10000%"
    case .window: "the policy image has a trigger that looks back over less than 100 ms or more than 60 s"
    case .forecast: "the policy image has a forecast trigger that is neither on nor off, or off with figures"
    case .horizon: "the policy image has a forecast trigger that looks ahead less than 1 ms or more than 60 s"
    case .limit: "the policy image has a limit trigger that is neither on nor off, or off with figures"
    case .confirmation:
      "the policy image has a confirmation that this program does not know, or figures where it has none"
    case .classicConstants: "the policy image gives the classic confirmation constants that it cannot have"
    case .domainName: "a domain has no name, or one that is too long, no UTF-8 or holds control characters; domain"
    case .domainCgroup: "a domain's cgroup is no path below the root; domain"
    case .scope: "the policy image names a scope that this program does not know"
    case .signal: "the policy image names a signal that this program does not send"
    case .swarm: "the policy image has a swarm that is neither on nor off, or off with figures"
    case .swarmFigures: "the policy image gives figures that a swarm cannot have"
    case .hook: "the policy image has a hook that starts a program which it does not hold"
    case .takesOver: "the policy image lets a hook take over that is not there, or neither does nor does not"
    case .relief: "the policy image has a relief that is neither on nor off, or off with figures"
    case .reclaim: "the policy image asks more cgroups to give memory back than it names"
    case .reliefFigures: "the policy image gives a relief figures that it cannot have"
    case .lastResort: "the policy image has a last resort that this program does not know, or figures where it has none"
    case .lastResortFigures: "the policy image gives a last resort figures that it cannot have, or none"
    case .flight: "the policy image neither has command lines recorded nor not"
    case .flightFigures: "the policy image gives the recorder of flights figures that it cannot have"
    case .ruleName: "a rule's name lies outside the policy image's text; rule"
    case .ruleNameLength: "a rule's name is longer than 255 bytes; rule"
    case .ruleNameText: "a rule's name is not UTF-8, or holds control characters; rule"
    case .ruleTests: "a rule has no tests, or not those after the rule before it; rule"
    case .ruleExceptions: "a rule has more exceptions than tests; rule"
    case .ruleAncestors: "a rule asks for two ancestors at once; rule"
    case .ruleProtects: "a rule neither protects nor does not; rule"
    case .ruleOrder: "a rule's order is none that this program knows; rule"
    case .ruleWeight: "a rule's weight is negative or no finite number; rule"
    case .ruleScope: "a rule's scope is none that this program knows; rule"
    case .ruleSignal: "a rule's signal is none that this program sends; rule"
    case .ruleGrace: "a rule has a grace that is neither its own nor none; rule"
    case .ruleHook: "a rule's hook starts a program that the policy image does not hold; rule"
    case .testField: "a test looks at a field that this program does not know; test"
    case .testAlternatives: "a test has no alternatives, or not those after the test before it; test"
    case .alternativeKind: "an alternative is of a kind that this program does not know; alternative"
    case .alternativeField: "an alternative is of a kind that its field cannot have; alternative"
    case .alternativeUnused: "an alternative has a number where its kind has none; alternative"
    case .literal: "a literal lies outside the policy image's text; alternative"
    case .patternIndex: "an alternative names a pattern that the policy image does not hold; alternative"
    case .range: "a range ends before it begins; alternative"
    case .capabilities: "an alternative asks for a capability and names none; alternative"
    case .alternativeAmount: "an amount of memory is more than the whole; alternative"
    case .patternText: "an end of a pattern lies outside the policy image's text; pattern"
    case .automatonIndex: "a pattern names an automaton that the policy image does not hold; pattern"
    case .automatonPositions: "an automaton has more than 256 places, or more than there are; automaton"
    case .automatonSets: "an automaton has more sets than there are; automaton"
    case .automatonFirst: "an automaton begins at a place that it does not have; automaton"
    case .automatonAccepting: "an automaton ends at a place that it does not have; automaton"
    case .automatonEmpty: "an automaton neither takes an empty text nor does not; automaton"
    case .positionBytes: "a place consumes a set that its automaton does not have; automaton"
    case .positionFollow: "a place leads to one that its automaton does not have; automaton"
    case .unownedTest: "a test belongs to no rule; test"
    case .unownedAlternative: "an alternative belongs to no test; alternative"
    case .unownedPosition: "a place belongs to no automaton; place"
    case .unownedSet: "a set belongs to no automaton; set"
    case .commandWords: "a program to be started is no absolute path with words after it; program"
    case .commandUser: "a program is to be started as a user or group that nobody can be; program"
    case .commandLimit: "a program may run for less than 100 ms or more than 60 s; program"
    case .cgroupPath: "a cgroup is not named by its path; cgroup"
    }
  }
}
