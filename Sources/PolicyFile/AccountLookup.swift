import Glibc

/// Who has an account on this machine: the agent knows no names, so the compiler writes numbers into its tables.
package struct AccountLookup: Sendable {
  package struct Account: Equatable, Sendable {
    package var name: String
    package var uid: UInt32

    package init(name: String, uid: UInt32) {
      self.name = name
      self.uid = uid
    }
  }

  /// The user ID of a name, or nil where nobody is called that.
  package var uid: @Sendable (String) -> UInt32?
  /// All accounts that can be listed. A name service may know more than it lists (getpwent(3)).
  package var all: @Sendable () -> [Account]

  package init(uid: @escaping @Sendable (String) -> UInt32?, all: @escaping @Sendable () -> [Account]) {
    self.uid = uid
    self.all = all
  }

  /// Just these.
  package init(_ accounts: [Account]) {
    self.init(uid: { name in accounts.first { $0.name == name }?.uid }, all: { accounts })
  }

  /// The accounts of this machine, by way of its name services. Not for two threads at once: getpwent(3) has one
  /// place in its list for the whole process.
  package static let live = AccountLookup(
    uid: { name in
      guard let entry = unsafe getpwnam(name) else { return nil }
      return unsafe entry.pointee.pw_uid
    },
    all: {
      var accounts: [Account] = []
      setpwent()
      while let entry = unsafe getpwent() {
        guard let name = unsafe entry.pointee.pw_name else { continue }
        accounts.append(Account(name: unsafe String(cString: name), uid: unsafe entry.pointee.pw_uid))
      }
      endpwent()
      return accounts
    })
}
