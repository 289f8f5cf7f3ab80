/// A set of Linux capabilities as the kernel's 64-bit mask (capabilities(7)); bit n is capability number n.
package struct CapabilitySet: OptionSet, Hashable, Sendable {
  package var rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// - Parameter number: The capability's number of linux/capability.h, 0…63. Any other gives the empty set.
  package init(number: UInt8) {
    rawValue = number < 64 ? 1 << UInt64(number) : 0
  }

  package static let dacReadSearch = CapabilitySet(number: 2)
  package static let kill = CapabilitySet(number: 5)
  package static let setGID = CapabilitySet(number: 6)
  package static let setUID = CapabilitySet(number: 7)
  package static let ipcLock = CapabilitySet(number: 14)
  package static let sysRawIO = CapabilitySet(number: 17)
  package static let sysPtrace = CapabilitySet(number: 19)
  package static let sysAdmin = CapabilitySet(number: 21)
  package static let sysBoot = CapabilitySet(number: 22)
  package static let sysNice = CapabilitySet(number: 23)
  package static let sysResource = CapabilitySet(number: 24)
  package static let syslog = CapabilitySet(number: 34)
}
