import Glibc

/// Looks up the users and groups of a machine. The agent knows no names, so the compiler writes IDs into its tables.
package struct AccountLookup: Sendable {
  package struct Account: Equatable, Sendable {
    package var name: String
    package var uid: UInt32
    /// The ID of the account's own group.
    package var gid: UInt32

    /// - Parameter gid: Nil where it is the same number as `uid`.
    package init(name: String, uid: UInt32, gid: UInt32? = nil) {
      self.name = name
      self.uid = uid
      self.gid = gid ?? uid
    }
  }

  package struct Group: Equatable, Sendable {
    package var name: String
    package var gid: UInt32

    package init(name: String, gid: UInt32) {
      self.name = name
      self.gid = gid
    }
  }

  /// The account of this name, or nil where no account has it.
  package var account: @Sendable (String) -> Account?
  /// All accounts that can be listed. A name service may know more than it lists (getpwent(3)).
  package var all: @Sendable () -> [Account]
  /// The group ID of a name, or nil where no group is called that.
  package var gid: @Sendable (String) -> UInt32?
  /// All groups that can be listed (getgrent(3)).
  package var groups: @Sendable () -> [Group]

  package init(
    account: @escaping @Sendable (String) -> Account?, all: @escaping @Sendable () -> [Account],
    gid: @escaping @Sendable (String) -> UInt32?, groups: @escaping @Sendable () -> [Group]
  ) {
    self.account = account
    self.all = all
    self.gid = gid
    self.groups = groups
  }

  /// Looks up these accounts and groups alone.
  package init(_ accounts: [Account], groups: [Group] = []) {
    self.init(
      account: { name in accounts.first { $0.name == name } }, all: { accounts },
      gid: { name in groups.first { $0.name == name }?.gid }, groups: { groups })
  }

  /// The user ID of a name, or nil where no account has it.
  package func uid(_ name: String) -> UInt32? { account(name)?.uid }

  /// The accounts of this machine, by way of its name services. Two threads must not use it at once: getpwent(3) and
  /// getgrent(3) keep one position in their list for the whole process.
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
    },
    gid: { name in
      guard let entry = unsafe getgrnam(name) else { return nil }
      return unsafe entry.pointee.gr_gid
    },
    groups: {
      var groups: [Group] = []
      setgrent()
      while let entry = unsafe getgrent() {
        guard let name = unsafe entry.pointee.gr_name else { continue }
        groups.append(Group(name: unsafe String(cString: name), gid: unsafe entry.pointee.gr_gid))
      }
      endgrent()
      return groups
    })
}
