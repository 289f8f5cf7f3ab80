/// Where what stands in a policy image (docs/policy-image.md). All numbers are little-endian, nothing is aligned, and
/// nothing is left unused: one policy has one image, and a change of layout is a new ``version``.
package enum ImageLayout {
  /// `\x89SPW\r\n\x1A\n`. Not safe for text tools on purpose, as PNG's signature is not: the first byte keeps it from
  /// passing as text, and a transfer that strips the eighth bit or rewrites line endings is seen in the first 8 bytes.
  package static let magic: InlineArray<8, UInt8> = [0x89, 0x53, 0x50, 0x57, 0x0D, 0x0A, 0x1A, 0x0A]
  package static let version: UInt16 = 3
  /// The oldest version that is read. It has no ``FlightSettings``: flights hold images of it, and the kept policy of an
  /// older agent is one.
  package static let oldestVersion: UInt16 = 2
  /// The first version that has ``FlightSettings``.
  static let versionWithFlight: UInt16 = 3

  package static let versionOffset = 8
  package static let headerSizeOffset = 10
  package static let checksumOffset = 16
  /// The checksum is over everything from here to the end. What is before it can have one value only.
  package static let checksummedFrom = 20
  /// One entry for each ``ImageSection``, in order: offset and count, 4 bytes each.
  package static let sectionsOffset = 20
  package static let headerSize = 108
  package static let settingsOffset = headerSize
  package static var settingsSize: Int { Settings.byteCount }
  package static var measuresOffset: Int { settingsOffset + settingsSize }
  /// Of the first section; each other begins where the one before it ends.
  package static var tablesOffset: Int { measuresOffset + Measures.byteCount }

  /// The same in an image of a version that is read.
  static func tablesOffset(in version: UInt16) -> Int {
    version < versionWithFlight ? tablesOffset - FlightSettings.byteCount : tablesOffset
  }

  /// In bytes. Every section at its own maximum fits, so that an author meets those limits and not this one.
  package static let maximumLength = 1 << 18

  // How forms of one record are told apart. They never change.

  /// Of whatever may be absent.
  package static let off: UInt8 = 0
  /// Of a record that has one form.
  package static let on: UInt8 = 1

  package static let amountShare: UInt8 = 1
  package static let amountSize: UInt8 = 2

  package static let stallSome: UInt8 = 1
  package static let stallFull: UInt8 = 2
  /// Added to either where nothing is waited for while swap is left.
  package static let stallIgnoresSwap: UInt8 = 2
  /// Added once where the protected are measured, and twice where one cgroup is.
  package static let stallForms: UInt8 = 4

  /// Added to the number of a use of `oom_score_adj` where inherited values count as 0.
  package static let adjustmentIgnoresInherited: UInt8 = 8

  package static let confirmationImmediate: UInt8 = 1
  package static let confirmationClassic: UInt8 = 2

  // Of a command's number: those from 0 are written one higher.
  package static let commandNone: UInt16 = 0
  package static let commandOff: UInt16 = .max

  package static let alternativeLiteral: UInt8 = 1
  package static let alternativePattern: UInt8 = 2
  package static let alternativeRange: UInt8 = 3
  package static let alternativeCapabilities: UInt8 = 4
  package static let alternativeNever: UInt8 = 5
  package static let alternativeSignedRange: UInt8 = 6
  package static let alternativeTime: UInt8 = 7
  // An amount is two kinds: an alternative has room for its number alone.
  package static let alternativeShare: UInt8 = 8
  package static let alternativeSize: UInt8 = 9
  package static let alternativeFlag: UInt8 = 10
}

/// The tables of an image, in the order in which they stand.
package enum ImageSection: UInt8, CaseIterable, Sendable {
  case domains
  case rules
  case tests
  case alternatives
  case patterns
  case automata
  /// The positions of all automata, one automaton's after the other's.
  case positions
  /// Likewise the sets that they refer to.
  case sets
  case commands
  case cgroups
  case text

  package var name: String {
    switch self {
    case .domains: "domains"
    case .rules: "rules"
    case .tests: "tests"
    case .alternatives: "alternatives"
    case .patterns: "patterns"
    case .automata: "automata"
    case .positions: "positions"
    case .sets: "sets"
    case .commands: "commands"
    case .cgroups: "cgroups"
    case .text: "text"
    }
  }

  /// Of one entry, in bytes.
  package var recordSize: Int {
    switch self {
    case .domains: Domain.byteCount
    case .rules: Rule.byteCount
    case .tests: FieldTest.byteCount
    case .alternatives: Alternative.byteCount
    case .patterns: TextPattern.byteCount
    case .automata: Automaton.byteCount
    case .positions: Automaton.Position.byteCount
    case .sets: Bits256.byteCount
    case .commands: Command.byteCount
    case .cgroups: Slice.byteCount
    case .text: UInt8.byteCount
    }
  }

  /// The most entries a policy may have.
  package var maximum: Int {
    switch self {
    case .domains: CompiledPolicy.maximumDomains
    case .rules: CompiledPolicy.maximumRules
    case .tests: CompiledPolicy.maximumTests
    case .alternatives: CompiledPolicy.maximumAlternatives
    case .patterns: CompiledPolicy.maximumPatterns
    case .automata: CompiledPolicy.maximumAutomata
    case .positions: CompiledPolicy.maximumPositions
    case .sets: CompiledPolicy.maximumSets
    case .commands: CompiledPolicy.maximumCommands
    case .cgroups: CompiledPolicy.maximumCgroups
    case .text: CompiledPolicy.maximumText
    }
  }
}

/// What bounds the work of classifying one process, and the memory of a policy.
extension CompiledPolicy {
  /// Of all rules together: one for each field of each rule, and some.
  package static let maximumTests = 2048
  package static let maximumAlternatives = 4096
  package static let maximumPatterns = 1024
  package static let maximumAutomata = 512
  /// Of all automata together; ``Automaton/maximumPositions`` is for one.
  package static let maximumPositions = 8192
  /// Of all automata together; the preset `server` has five for each of its regular expressions.
  package static let maximumSets = 2048
  /// Programs that differ in a word, user or limit.
  package static let maximumCommands = 64
  package static let maximumCgroups = 17
  /// Bytes of all names and literals together.
  package static let maximumText = 65_536
  /// Bytes of one rule's name, so that it always fits a record.
  package static let maximumNameLength = 255
  /// Bytes of a domain's cgroup: as long as a path may be (PATH_MAX).
  package static let maximumCgroupLength = 4095

  /// How many entries of a kind this policy has.
  package func count(of section: ImageSection) -> Int {
    switch section {
    case .domains: domains.count
    case .rules: rules.count
    case .tests: tests.count
    case .alternatives: alternatives.count
    case .patterns: patterns.count
    case .automata: automata.count
    case .positions: automata.reduce(0) { $0 + $1.positions.count }
    case .sets: automata.reduce(0) { $0 + $1.sets.count }
    case .commands: commands.count
    case .cgroups: cgroups.count
    case .text: text.count
    }
  }
}
