import ProcModel
import Testing

@Suite struct CgroupTreeTests {
  private static let paths = [
    "/", "/init.scope", "/system.slice", "/system.slice/pg.service", "/system.slice/pg.service/a",
    "/system.slice/pg.service/a/b", "/system.slice/pg.service.d/a", "/user.slice/user-1000.slice/session-3.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "/docker/c1", "/docker/c1/sub",
    "/system.slice/_cpu.service/a",
  ]

  private static func membership(_ path: String) throws -> (CgroupMembership, [UInt8]) {
    let file = Array("0::\(path)\n".utf8)
    return (try CgroupMembership(parsing: file.span), file)
  }

  private static func tree(_ paths: [String]) throws -> CgroupTree {
    var tree = CgroupTree(capacity: 2)
    for path in paths {
      let (membership, file) = try membership(path)
      tree.add(membership, in: file.span)
    }
    return tree
  }

  private static func key(_ path: String) -> UInt64 { FNV1a64.hash(Array(path.utf8).span) }

  @Test func aCgroupLiesInTheCgroupsOfItsPath() throws {
    let tree = try Self.tree(Self.paths + Self.paths)
    for one in Self.paths where one != "/" {
      for other in Self.paths where other != "/" {
        let lies = (one + "/").hasPrefix(other + "/")
        #expect(tree.isSameOrBelow(Self.key(one), Self.key(other)) == lies, "\(one) in \(other)")
      }
    }
    // Also in those that have no process.
    #expect(tree.isSameOrBelow(Self.key("/docker/c1/sub"), Self.key("/docker")))
    #expect(!tree.isSameOrBelow(Self.key("/never/seen"), Self.key("/docker")))
  }

  @Test(arguments: [
    ("/system.slice/pg.service/a/b", "/system.slice/pg.service"),
    ("/system.slice/pg.service", "/system.slice/pg.service"),
    ("/user.slice/user-1000.slice/session-3.scope", "/user.slice/user-1000.slice/session-3.scope"),
    (
      "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service",
      "/user.slice/user-1000.slice/user@1000.service"
    ), ("/init.scope", "/init.scope"), ("/system.slice/_cpu.service/a", "/system.slice/_cpu.service"),
    ("/system.slice", nil), ("/docker/c1", nil),
  ]) func theUnitsCgroupIsNamedByItsKey(path: String, unit: String?) throws {
    let tree = try Self.tree(Self.paths)
    #expect(tree.unit(of: Self.key(path)) == unit.map { Self.key($0) })
  }

  @Test func theUnitIsKnownInAnyOrderOfPaths() throws {
    for paths in [Self.paths, Self.paths.reversed()] {
      let tree = try Self.tree(paths)
      for path in ["/system.slice/pg.service", "/system.slice/pg.service/a", "/system.slice/pg.service/a/b"] {
        #expect(tree.unit(of: Self.key(path)) == Self.key("/system.slice/pg.service"))
      }
      #expect(tree.unit(of: Self.key("/user.slice")) == nil && tree.unit(of: Self.key("/docker")) == nil)
    }
  }

  @Test func aPathIsFoundByItsKey() throws {
    let (membership, file) = try Self.membership("/a.slice/b.service/c")
    for path in ["/a.slice", "/a.slice/b.service", "/a.slice/b.service/c"] {
      let range = membership.path(of: Self.key(path), in: file.span)
      #expect(range.map { String(decoding: file[$0], as: UTF8.self) } == path)
    }
    for path in ["", "/", "/a", "/a.slice/", "/a.slice/b.service/c/d"] {
      let range = membership.path(of: Self.key(path), in: file.span)
      #expect(range == nil)
    }
    let (root, rootFile) = try Self.membership("/")
    let range = root.path(of: Self.key("/"), in: rootFile.span)
    #expect(range == nil)
  }

  @Test func aTreeThatWasEmptiedHasNoCgroup() throws {
    var tree = try Self.tree(Self.paths)
    tree.removeAll()
    #expect(!tree.isSameOrBelow(Self.key("/docker/c1"), Self.key("/docker")))
    #expect(tree.unit(of: Self.key("/init.scope")) == nil)
  }

  @Test func aPathMayBeAsDeepAsTheKernelAllows() throws {
    let deep = String(repeating: "/a", count: 2047)
    let tree = try Self.tree([deep])
    #expect(tree.isSameOrBelow(Self.key(deep), Self.key("/a")))
    #expect(!tree.isSameOrBelow(Self.key(deep), Self.key("/b")))
  }
}
