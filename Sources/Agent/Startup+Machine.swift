import Badness
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// What a start opens of the machine, and finds out about it.
extension SetUp {
  /// By which an armed agent kills; nil in a dry run.
  func openKillCalls(_ source: borrowing LiveSource) throws(StartFailure) -> LiveCalls? {
    isDryRun ? nil : LiveCalls(proc: try armedRoot(source))
  }

  /// Makes the thread that releases victims' memory. It has the privileges of the process that makes it, so this comes
  /// after they are reduced; and before memory is locked, so that what only starting it needs does not stay.
  func makeHelper(of calls: inout LiveCalls?, _ messages: inout Messages) {
    guard var made = calls else { return }
    attempt(&messages, "a victim's memory comes back only when it has exited") { () throws(Errno) in
      try made.makeHelper()
    }
    calls = made
  }

  /// Why an armed agent cannot write the cgroups that it may have to kill: `EROFS` in a sandbox that mounts them
  /// read-only. Nil where it can, and where none is killed as one.
  func refusalOfCgroups(_ source: borrowing LiveSource) -> Errno? {
    guard !options.isDryRun, source.cgroupVersion == .v2 else { return nil }
    do throws(Errno) {
      // Opened and left alone. Each cgroup has this file; the root has neither `cgroup.kill` nor `cgroup.freeze`.
      _ = try source.unifiedRoot().open(CPath("cgroup.procs"), .write)
      return nil
    } catch {
      return error
    }
  }

  /// Reads what the kernel does by itself when memory is gone, and says so where it matters.
  func readPanicSettings(_ messages: inout Messages) -> PanicSettings? {
    let panic: PanicSettings
    do throws(Errno) {
      panic = try PanicSettings(readingBelow: try OwnedDescriptor.open(options.procRoot, .read, .directory))
    } catch {
      if policy.measures.lastResort != nil {
        messages.say(.warning, "vm.panic_on_oom or kernel.panic cannot be read", error)
      }
      return nil
    }
    if panic.panicOnOom != 0 || policy.measures.lastResort != nil {
      messages.say(.notice) { line in line.append(panic) }
    }
    return panic
  }

  /// Nil where the kernel does not show it: then records cannot be told from those of another boot.
  func readBootID() -> BootID? {
    guard let proc = try? OwnedDescriptor.open(options.procRoot, .read, .directory) else { return nil }
    return try? BootID(readingBelow: proc)
  }

  func openSource() throws(StartFailure) -> LiveSource {
    var source: LiveSource
    do throws(Errno) {
      source = try LiveSource.open(root: options.procRoot)
    } catch {
      // A root that was named is a mistake on the command line; the usual one is the kernel's to have.
      let isUsual = options.procRoot.bytes.equals(CPath("/proc").bytes)
      throw StartFailure(
        opening: "the proc file system cannot be opened", error, otherwise: isUsual ? .kernelFeature : .usage)
    }
    if let folder = options.cgroupRoot { try SetUp.takeCgroups(of: &source, from: folder) }
    return source
  }

  /// The live root for an armed agent, which must number processes as this one is numbered.
  func armedRoot(_ source: borrowing LiveSource) throws(StartFailure) -> OwnedDescriptor {
    guard ProcessHandle.isSupported else {
      throw StartFailure(
        .kernelFeature, "this kernel has no pidfd_open (Linux 5.3): only a dry run is safe here; add --dry-run")
    }
    let root = try SetUp.open(
      options.procRoot, .read, .directory, "the proc file system cannot be opened", otherwise: .kernelFeature)
    guard source.isLive, root.namesThisProcess() else {
      throw StartFailure(
        .usage, "--proc-root is not the proc file system of this pid namespace: its numbers are not ours; add --dry-run"
      )
    }
    return root
  }

  /// Has the kernel wake the agent at the system's stalls: the machine's, or those of the container it is in.
  func watchPressure(
    of source: inout LiveSource, _ loop: borrowing EventLoop, _ messages: inout Messages
  ) -> PressureWatch? {
    var path: CPath? = CPath("/proc/pressure/memory")
    var sensors = Sensors()
    if let cgroup = sensors.ownCgroup(from: &source) { path = source.path(.pressure, ofCgroup: cgroup.span) }
    do throws(Errno) {
      guard let path else { throw .noSuchFile }
      let watch = try PressureWatch.open(path, full: false)
      try loop.watch(watch, tag: Agent<LiveMachine>.pressureTag)
      return watch
    } catch {
      messages.say(.notice, "the kernel does not wake the agent at stalls; it looks by itself", error)
      return nil
    }
  }
}
