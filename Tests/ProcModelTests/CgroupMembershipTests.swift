import Fixtures
import ProcModel
import Testing

@Suite struct CgroupMembershipTests {
  private struct Reading: Equatable, CustomStringConvertible {
    var path: String
    var unit: String?
    var hasKey: Bool

    init(_ path: String, _ unit: String?, hasKey: Bool) {
      self.path = path
      self.unit = unit
      self.hasKey = hasKey
    }

    init(_ bytes: [UInt8]) throws {
      let membership = try CgroupMembership(parsing: bytes.span)
      path = String(decoding: bytes[membership.path], as: UTF8.self)
      unit = membership.unit.map { String(decoding: bytes[$0], as: UTF8.self) }
      hasKey = membership.key != nil
    }

    var description: String { "\(path) \(unit ?? "-") \(hasKey)" }
  }

  @Test(
    arguments: [
      ("6.18/17/cgroup", "/", nil),
      ("5.10/412/cgroup", "/system.slice/ssh.service", "ssh.service"),
      (
        "5.10/520/cgroup", "/system.slice/system-postgresql.slice/postgresql@15-main.service",
        "postgresql@15-main.service"
      ),
      // A user has a unit called ssh.service, which is not the system's.
      (
        "5.10/950/cgroup", "/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service",
        "user@1000.service"
      ),
      ("4.4/977/cgroup", "/user.slice/user-1000.slice/session-4.scope", "session-4.scope"),
      ("4.4/1/cgroup", "/init.scope", "init.scope"),
      ("4.4/2/cgroup", "/", nil),
      ("4.19/640/cgroup", "/system.slice/nginx.service", "nginx.service"),
    ] as [(String, String, String?)]) func fixturesGivePathAndUnit(name: String, path: String, unit: String?) throws
  {
    #expect(try Reading(Fixture.bytes(name)) == Reading(path, unit, hasKey: path != "/"))
  }

  @Test(
    arguments: [
      // A root path gives way: that of the unified hierarchy to systemd's own, and that to the memory controller's.
      ("1:name=systemd:/a.slice/b.service\n0::/\n", "/a.slice/b.service", "b.service"),
      ("4:memory:/docker/0123\n1:name=systemd:/\n0::/\n", "/docker/0123", nil),
      ("4:cpu,memory,pids:/docker/0123\n1:name=systemd:/\n", "/docker/0123", nil),
      ("4:memory_x,cpu:/docker/0123\n0::/\n", "/", nil),
      ("4:memory:/long/path/indeed\n1:name=systemd:/x\n0::/y\n", "/x", nil),
      ("0::/system.slice/a.service (deleted)\n", "/system.slice/a.service", "a.service"),
      ("0::/ (deleted)\n", "/", nil),
      ("0::/a:b/c\n", "/a:b/c", nil),
      ("0::/system.slice/a.service", "/system.slice/a.service", "a.service"),
      ("", "", nil),
      ("0::/../../system.slice/ssh.service\n", "/../../system.slice/ssh.service", nil),
      ("0::/../..\n", "/../..", nil),
      ("0::/user.slice/user-1000.slice\n", "/user.slice/user-1000.slice", "user-1000.slice"),
      // systemd puts an underscore before names that would clash with the kernel's files.
      ("0::/system.slice/_cpu.service\n", "/system.slice/_cpu.service", "cpu.service"),
      // A slice below a unit, and a unit below that, belong to what the unit was delegated to.
      ("0::/a.service/b.slice/ssh.service\n", "/a.service/b.slice/ssh.service", "a.service"),
      ("0::/lxc.payload.web/system.slice/ssh.service\n", "/lxc.payload.web/system.slice/ssh.service", nil),
      ("0::/system.slice/.service\n", "/system.slice/.service", nil),
      ("0::/system.slice/a@.service\n", "/system.slice/a@.service", nil),
      ("0::/system.slice/@a.service\n", "/system.slice/@a.service", nil),
      ("0::/system.slice/a b.service\n", "/system.slice/a b.service", nil),
      ("0::/system.slice/a.services\n", "/system.slice/a.services", nil),
      ("0::/system.slice/dbus.socket\n", "/system.slice/dbus.socket", "dbus.socket"),
      ("0::/system.slice/dev-sda1.swap/x\n", "/system.slice/dev-sda1.swap/x", "dev-sda1.swap"),
      ("0:://system.slice//a.mount/\n", "//system.slice//a.mount/", "a.mount"),
    ] as [(String, String, String?)]) func linesGivePathAndUnit(text: String, path: String, unit: String?) throws
  {
    #expect(try Reading(Array(text.utf8)) == Reading(path, unit, hasKey: path.utf8.count > 1))
  }

  private static let containerd = "0::/system.slice/containerd.service"

  /// Both names of a process in a machine with several hierarchies: by which it is known, and which accounts its
  /// memory.
  @Test(
    arguments: [
      // Docker's cgroupfs driver beside systemd's hybrid.
      (["12:pids:/docker/a", "5:memory:/docker/a", "1:name=systemd:/docker/a", containerd], "/docker/a", "/docker/a"),
      // A kernel without the memory controller (`cgroup_disable=memory`, a Raspberry Pi).
      (["12:pids:/docker/a", "1:name=systemd:/docker/a", containerd], "/docker/a", "/system.slice/containerd.service"),
      // An old runc that knows no `name=systemd`, and a machine without systemd that has none.
      (["5:memory:/docker/a", "1:name=systemd:/", containerd], "/docker/a", "/docker/a"),
      (["5:cpu,memory:/docker/a", "0::/"], "/docker/a", "/docker/a"),
      // systemd's hybrid by itself, and one where memory is not accounted by unit.
      (
        ["5:memory:/a.slice/b.service", "1:name=systemd:/a.slice/b.service", "0::/a.slice/b.service"],
        "/a.slice/b.service", "/a.slice/b.service"
      ),
      (
        [
          "5:memory:/user.slice", "1:name=systemd:/user.slice/user-7.slice/session-2.scope",
          "0::/user.slice/user-7.slice/session-2.scope",
        ], "/user.slice/user-7.slice/session-2.scope", "/user.slice"
      ),
      (["5:memory:/", "1:name=systemd:/system.slice/ssh.service", "0::/"], "/system.slice/ssh.service", "/"),
      // Podman without root: systemd's hierarchy is delegated, memory's is not.
      (
        [
          "5:memory:/user.slice/user-7.slice/user@7.service",
          "1:name=systemd:/user.slice/user-7.slice/user@7.service/user.slice/libpod-a.scope",
        ],
        "/user.slice/user-7.slice/user@7.service/user.slice/libpod-a.scope",
        "/user.slice/user-7.slice/user@7.service"
      ),
      // elogind's and OpenRC's own hierarchies, in which Docker makes no cgroups.
      (["2:memory:/", "1:name=elogind:/4", "0::/"], "/4", "/"),
      (["4:memory:/docker/a", "1:name=openrc:/docker", "0::/"], "/docker/a", "/docker/a"),
      (["1:name=elogind:/4", "0::/6"], "/6", "/6"),
      // Where the unified hierarchy has the controllers it is systemd's, whatever old containers mount beside it.
      (
        ["1:name=systemd:/system.slice/ssh.service", "0::/system.slice/docker-a.scope"],
        "/system.slice/docker-a.scope", "/system.slice/docker-a.scope"
      ),
      (
        ["3:net_cls:/vpn", "1:name=systemd:/system.slice/ssh.service", "0::/system.slice/docker-a.scope"],
        "/system.slice/docker-a.scope", "/system.slice/docker-a.scope"
      ),
      // Names that only look similar.
      (["9:name=systemd2:/no", "8:name=memory:/no", "7:memory_x,cpu:/no", "1:name=systemd:/a"], "/a", ""),
      (["9:cpu,name=systemd:/a", "0::/b"], "/a", "/b"),
    ] as [([String], String, String)])
  func theManagersPathAndThePathOfMemoryAreRead(lines: [String], path: String, memory: String) throws {
    for text in [lines, lines.reversed()] {
      let bytes = Array((text.joined(separator: "\n") + "\n").utf8)
      let membership = try CgroupMembership(parsing: bytes.span)
      #expect(String(decoding: bytes[membership.path], as: UTF8.self) == path)
      #expect(String(decoding: bytes[membership.memoryPath], as: UTF8.self) == memory)
      #expect(membership.memoryKey == (memory.utf8.count > 1 ? hash(memory) : nil))
    }
  }

  @Test(
    arguments: [
      ("0::/../../system.slice/ssh.service", true, true), ("0::/..", true, true), ("0::/..x", false, false),
      ("0::/...", false, false), ("0::/a/..", false, false), ("5:memory:/..\n1:name=systemd:/a.service", false, true),
      ("5:memory:/a\n1:name=systemd:/../a.service", true, false), ("5:memory:/../a\n1:name=systemd:/", true, true),
    ] as [(String, Bool, Bool)]) func aPathThatLeadsOutSaysNoUnit(text: String, name: Bool, memory: Bool) throws
  {
    let membership = try CgroupMembership(parsing: Array((text + "\n").utf8).span)
    #expect(membership.isOutside == name && membership.isMemoryOutside == memory)
    if name { #expect(membership.unit == nil && membership.key != nil) }
  }

  @Test func theKeyIsTheHashOfThePathInEachHierarchy() throws {
    let unified = try CgroupMembership(parsing: Array("0::/a.slice (deleted)\n".utf8).span)
    let systemd = try CgroupMembership(parsing: Array("0::/\n1:name=systemd:/a.slice\n".utf8).span)
    #expect(unified.key == systemd.key && unified.key == hash("/a.slice"))
    // From the reference implementation's test vectors.
    #expect(hash("") == 0xcbf2_9ce4_8422_2325)
    #expect(hash("a") == 0xaf63_dc4c_8601_ec8c)
    #expect(hash("foobar") == 0x8594_4171_f739_67e8)
  }

  private func hash(_ text: String) -> UInt64 {
    FNV1a64.hash(Array(text.utf8).span)
  }

  @Test(arguments: [
    ("0:", ProcParseError.truncated(offset: 2)), ("0::", .truncated(offset: 3)), ("0::x\n", .malformed(offset: 3)),
    ("x::/\n", .malformed(offset: 0)), ("0\n", .malformed(offset: 1)), ("0:\n", .malformed(offset: 2)),
    ("\n", .malformed(offset: 0)), ("99999999999999999999::/\n", .overflow(offset: 0)),
    ("0::/ok\n\0", .malformed(offset: 7)),
  ]) func aMalformedMembershipIsAnErrorAtItsPlace(text: String, error: ProcParseError) {
    #expect(throws: error) { try CgroupMembership(parsing: Array(text.utf8).span) }
  }
}
