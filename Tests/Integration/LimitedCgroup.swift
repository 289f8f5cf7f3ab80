import Foundation
import Glibc
import ProcModel

/// A memory cgroup with a limit, made for one test and removed after it.
struct LimitedCgroup {
  /// Its path in `/proc/PID/cgroup`.
  let path: String
  /// Its directory.
  let directory: String

  /// The hierarchy that accounts memory, where new cgroups may be made in it.
  private static let mount: CgroupMount? = {
    guard geteuid() == 0, let mounts = FileManager.default.contents(atPath: "/proc/self/mountinfo"),
      let mount = CgroupMount(parsing: [UInt8](mounts).span), mount.root == [UInt8(ascii: "/")]
    else { return nil }
    if mount.version == .v1 { return mount }
    let point = String(decoding: mount.point, as: UTF8.self)
    let enabled = (try? String(contentsOfFile: point + "/cgroup.subtree_control", encoding: .utf8)) ?? ""
    return enabled.split(whereSeparator: \.isWhitespace).contains("memory") ? mount : nil
  }()

  static var isPossible: Bool {
    (try? LimitedCgroup.with(mib: 16) { _ in true }) ?? false
  }

  /// Makes one for the call. What runs in it must have exited when `body` returns.
  static func with<Result>(mib: Int, _ body: (LimitedCgroup) throws -> Result) throws -> Result {
    guard let mount, let limit = CgroupFile.limit.name(mount.version) else { throw CocoaError(.featureUnsupported) }
    let path = "/spillway-test-\(UUID().uuidString)"
    let cgroup = LimitedCgroup(path: path, directory: String(decoding: mount.point, as: UTF8.self) + path)
    try FileManager.default.createDirectory(atPath: cgroup.directory, withIntermediateDirectories: false)
    defer { cgroup.remove() }
    try Data("\(mib << 20)".utf8).write(to: URL(filePath: cgroup.directory + "/" + limit))
    return try body(cgroup)
  }

  private func remove() {
    // Processes that were just killed may still be exiting. The path is a string of ours, for the call.
    for _ in 0..<200 where unsafe rmdir(directory) != 0 && errno == EBUSY { usleep(20_000) }
  }
}
