/// The numbers of docs/flight.md. All fixed-width numbers are little-endian. A change of any layout is a new
/// ``version``.
package enum FlightLayout {
  /// `\x89SPF\r\n\x1A\n`, built as the signature of PNG is: a transfer that strips the eighth bit or rewrites line
  /// ends shows in the first 8 bytes.
  package static let magic: UInt64 = 0x0A1A_0A0D_4650_5389
  static let magicLength = 8
  package static let version: UInt16 = 3
  /// The oldest version that is read. What newer ones added is unknown in it.
  package static let oldestVersion: UInt16 = 1
  /// From this version on, the agent reads a victim's cgroup and executable for each decision, and tells a unit's cgroup
  /// of a kill.
  package static let firstWithOrigins: UInt16 = 3

  /// What the check of a header is XORed with: the version, which is not among the bytes that are checked, from the third
  /// on. A damaged version would else be an older one.
  static func mixed(_ version: UInt16) -> UInt32 { version >= firstWithOrigins ? UInt32(version) : 0 }

  // The header of the file.

  static let versionOffset = 8
  static let lengthOffset = 10
  static let checkOffset = 12
  static let checkedFrom = 16
  /// The length of the header without the agent's version, which is its last part.
  static let headerLength = 90
  /// The longest version of an agent, in bytes. A longer one is cut.
  static let longestVersion = 64

  static let isRehearsal: UInt8 = 1
  static let hasCommandLines: UInt8 = 2
  static let hasBootID: UInt8 = 4

  // The header of a block.

  /// `POLI`.
  static let policyMark: UInt32 = 0x494C_4F50
  /// `SEGM`.
  static let segmentMark: UInt32 = 0x4D47_4553
  static let blockHeaderLength = 40
  /// The part of a block's header that the check at its end is reckoned over.
  static let blockCheckedLength = 36
  /// The longest name of a policy, in bytes. A longer one is cut.
  static let longestName = 4096

  // Frames.

  /// The longest payload of a frame whose length takes one byte.
  static let smallFrame = 127
  static let largeFrame = 1 << 23 - 1
  static let frameCheck = 4

  /// The number of domains whose readings are told as differences. A domain with a higher number, which the policy has
  /// no room for, is told in full.
  static let domains = 8
  /// The longest text or file that is kept, in bytes, where segments are large enough.
  static let longestText = 4096
  /// The longest line of a decision, in bytes.
  static let longestLine = 32 * 1024
  /// The largest number of a text. Also the largest number of rows that a reader remembers.
  static let mostTexts = 65535
}

/// The kinds of items, the low five bits of an item's first byte.
enum FlightTag: UInt8 {
  case keyframe = 1
  case tick
  case wakeTag
  case wakeSignal
  case memory
  case blind
  case surveyBegan
  case surveyed
  case surveyFailed
  case sighting
  case text
  case textRun
  case call
  case bytes
  case decision
  case note
  case policy

  static let mask: UInt8 = 0x1F
  /// A difference of time follows the first byte.
  static let hasTime: UInt8 = 0x20
  /// That difference is negative.
  static let isEarlier: UInt8 = 0x40
  /// A difference of the awake offset follows.
  static let hasOffset: UInt8 = 0x80
}

/// The low two bits of the first byte of each step in a survey. The other six are a number; 63 is followed by what is
/// added to it.
enum FlightStep {
  /// So many and one more rows are there again, and are the same.
  static let same: UInt8 = 0
  /// So many and one more rows were left out, and are remembered.
  static let absent: UInt8 = 1
  /// So many and one more rows are not there, and are forgotten.
  static let gone: UInt8 = 2
  /// The number says which.
  static let other: UInt8 = 3

  static let end: UInt8 = 3
  static let changed: UInt8 = 3 | 1 << 2
  static let new: UInt8 = 3 | 2 << 2
  /// A row that is told and not remembered.
  static let once: UInt8 = 3 | 3 << 2
}
