import Glibc

/// Who has an account on this machine: the agent knows no names, so the compiler writes numbers into its tables.
package struct AccountLookup: Sendable {
  package struct Account: Equatable, Sendable {
    package var name: String
    package var uid: UInt32
    /// Its own group.
    package var gid: UInt32

    /// - Parameter gid: Nil where it is the same number.
    package init(name: String, uid: UInt32, gid: UInt32? = nil) {
      self.name = name
      self.uid = uid
      self.gid = gid ?? uid
    }
  }

  /// The account of this name, or nil where nobody is called that.
  package var account: @Sendable (String) -> Account?
  /// All accounts that can be listed. A name service may know more than it lists (getpwent(3)).
  package var all: @Sendable () -> [Account]

  package init(account: @escaping @Sendable (String) -> Account?, all: @escaping @Sendable () -> [Account]) {
    self.account = account
    self.all = all
  }

  /// Just these.
  package init(_ accounts: [Account]) {
    self.init(account: { name in accounts.first { $0.name == name } }, all: { accounts })
  }

  /// The user ID of a name, or nil where nobody is called that.
  package func uid(_ name: String) -> UInt32? { account(name)?.uid }

  /// The accounts of this machine, by way of its name services. Not for two threads at once: getpwent(3) has one
  /// place in its list for the whole process.
  package static let live = AccountLookup(
    account: { name in
      guard let entry = unsafe getpwnam(name) else { return nil }
      return Account(name: name, uid: unsafe entry.pointee.pw_uid, gid: unsafe entry.pointee.pw_gid)
    },
    all: {
      var accounts: [Account] = []
      setpwent()
      while let entry = unsafe getpwent() {
        guard let name = unsafe entry.pointee.pw_name else { continue }
        accounts.append(
          Account(
            name: unsafe String(cString: name), uid: unsafe entry.pointee.pw_uid, gid: unsafe entry.pointee.pw_gid))
      }
      endpwent()
      return accounts
    })
}
