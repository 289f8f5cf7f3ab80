import Policy

/// Orphans of one program, and processes that look like some.
extension SwarmCase {
  static let initProcess = Member(pid: 1, parent: 0, group: 1, session: 1, cgroup: "/init.scope", age: 9999, image: 1)

  /// Processes that one process forked, which has exited: each is in a session of its own.
  static func orphans(_ count: Int, _ change: (inout Member) -> Void = { _ in }) -> [Member] {
    let all = many(count) { process in
      (process.parent, process.group, process.session) = (1, process.pid, process.pid)
      (process.cgroup, process.image, process.age) = ("/system.slice/runner.service", 77, 55)
      process.footprint = 10 * 1024
      change(&process)
    }
    return all + [initProcess]
  }

  static let ofOrphans: [SwarmCase] = [
    SwarmCase(testDescription: "old orphans of one program", processes: orphans(50), kinship: "program", count: 50),
    SwarmCase(
      testDescription: "beside a database that is ten times as large as one of them", processes: orphans(50) + [leak],
      shortfall: 150, kinship: "program", count: 50),
    SwarmCase(
      testDescription: "at the root of all cgroups too", processes: orphans(50) { $0.cgroup = "/" }, kinship: "program",
      count: 50),
    SwarmCase(
      testDescription: "adopted by a user's service manager",
      processes: orphans(50) { $0.parent = 20 }
        + [Member(pid: 20, group: 20, session: 20, cgroup: "/user", age: 9999, image: 2)], kinship: "program", count: 50
    ),
    SwarmCase(testDescription: "fewer than a swarm has", processes: orphans(11)),
    SwarmCase(
      testDescription: "daemons that executed one program, each by itself",
      processes: orphans(50) { $0.image = UInt64($0.pid) }),
    SwarmCase(
      testDescription: "daemons of several programs whose images are alike, since addresses are not scattered",
      processes: orphans(50) { $0.comm = "daemon-\($0.pid)" }),
    SwarmCase(testDescription: "of several users", processes: orphans(50) { $0.user = UInt32($0.pid) }),
    SwarmCase(
      testDescription: "of several units", processes: orphans(50) { $0.cgroup = "/system.slice/a\($0.pid).service" }),
    SwarmCase(testDescription: "images that are not known", processes: orphans(50) { $0.image = 0 }),
    SwarmCase(
      testDescription: "workers of a master that lives: their image is its own", processes: orphans(50) { $0.image = 1 }
    ),
    SwarmCase(testDescription: "a parent that is not known", processes: orphans(50).filter { $0.pid != 1 }),
    SwarmCase(
      testDescription: "long-lived workers that are not the worse of both",
      processes: orphans(50) { $0.age = 60 * 86_400 } + [leak], shortfall: 150),
    SwarmCase(
      testDescription: "a protected one stays", processes: orphans(50) { if $0.pid == 1000 { $0.reach = .protected } },
      kinship: "program", count: 49),
  ]
}
