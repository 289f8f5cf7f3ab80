/// What is said once and then no more.
package struct NoticeOnce: OptionSet, Sendable {
  package let rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let denied = NoticeOnce(rawValue: 1)
  package static let malformed = NoticeOnce(rawValue: 2)
  package static let hidden = NoticeOnce(rawValue: 4)
  package static let unreadableProcesses = NoticeOnce(rawValue: 8)
  package static let passingRefusal = NoticeOnce(rawValue: 16)
  package static let unknownCgroups = NoticeOnce(rawValue: 128)
  package static let unborn = NoticeOnce(rawValue: 32)
  package static let unwritableCgroups = NoticeOnce(rawValue: 64)
  package static let unmarkedUnits = NoticeOnce(rawValue: 256)
}

extension Reporter {
  package mutating func sayOnce(_ topic: NoticeOnce, _ level: MessageLevel, _ text: String) {
    sayOnce(topic, level) { line in line.append(text) }
  }

  package mutating func sayOnce(_ topic: NoticeOnce, _ level: MessageLevel, _ write: (inout [UInt8]) -> Void) {
    if said.insert(topic).inserted { messages.say(level, write) }
  }
}
