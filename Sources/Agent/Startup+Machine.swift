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

  /// Makes the thread that releases victims' memory, and sees whether cgroups can be written. The thread has the
  /// privileges of the process that makes it, so this comes after they are reduced; and before memory is locked, so that
  /// what only starting it needs does not stay.
  func complete(_ calls: inout LiveCalls?, on source: borrowing LiveSource, _ messages: inout Messages) {
    guard var made = calls else { return }
    made.cgroupRefusal = refusalOfCgroups(source)
    attempt(&messages, "a victim's memory comes back only when it has exited") { () throws(Errno) in
      try made.makeHelper()
    }
    calls = made
  }

  /// Why an armed agent cannot write the cgroups that it may have to kill: `EROFS` in a sandbox that mounts them
  /// read-only. Nil where it can, and where none is killed as one.
  private func refusalOfCgroups(_ source: borrowing LiveSource) -> Errno? {
    guard source.cgroupVersion == .v2 else { return nil }
    do throws(Errno) {
      // Opened and left alone. Each cgroup has this file; the root has neither `cgroup.kill` nor `cgroup.freeze`.
      _ = try source.unifiedRoot().open(CPath("cgroup.procs"), .write)
      return nil
    } catch {
      return error
    }
  }

  /// The machine that the agent acts on. This is where a dry run becomes one.
  func makeMachine(
    _ source: consuming LiveSource, _ loop: consuming EventLoop, _ pressureWatch: consuming PressureWatch?,
    _ killCalls: LiveCalls?, _ messages: inout Messages
  ) -> LiveMachine {
    if policy.measures.relief != Relief(), source.cgroupVersion != .v2 {
      messages.say(.warning, "relief needs cgroups of version 2, which account memory: none is given here")
    }
    guard let killCalls else { return LiveMachine(rehearsing: source, loop, pressureWatch) }
    let hooks = HookQueue()
    hooks.takeUp(policy, &messages)
    let restart = openRestartCalls(&messages)
    let relief = openRelief(source, &messages)
    return LiveMachine(
      arming: source, loop, pressureWatch, killCalls: killCalls, relief: relief, restart: restart, hooks: hooks)
  }

  /// What the last resort acts by; nil where the policy has none.
  private func openRestartCalls(_ messages: inout Messages) -> LiveRestartCalls? {
    guard let wanted = policy.measures.lastResort else { return nil }
    do throws(Errno) {
      let calls = try LiveRestartCalls(proc: try OwnedDescriptor.open(options.procRoot, .read, .directory))
      if let refusal = calls.refusal {
        messages.say(
          .warning,
          wanted.action == .panic
            ? "the last resort takes sysrq-trigger, which cannot be opened"
            : "where reboot(2) is refused, the last resort takes sysrq-trigger, which cannot be opened", refusal)
      }
      return calls
    } catch {
      messages.say(.error, "the last resort cannot be made ready, and is never taken", error)
      return nil
    }
  }

  /// Undoes what the relief of a run before this one left, whether the policy has any or not, and makes its own ready.
  private func openRelief(_ source: borrowing LiveSource, _ messages: inout Messages) -> CgroupRelief? {
    let isWanted = policy.measures.relief != Relief()
    guard source.cgroupVersion == .v2 else { return nil }
    let path = CPath(CgroupRelief.folder)
    do throws(Errno) {
      if isWanted { try? OwnedDescriptor.makeFolder(path) }
      let folder = try OwnedDescriptor.open(path, .read, [.directory, .noFollow])
      let root = try source.unifiedRoot()
      let undone = try CgroupRelief.undoLeftovers(below: root, in: folder)
      if undone > 0 {
        messages.say(.notice) { line in
          line.append("put back what a run before this one left changed: ")
          line.append(decimal: UInt64(undone))
          line.append(undone == 1 ? " cgroup" : " cgroups")
        }
      }
      guard isWanted else { return nil }
      let relief = try CgroupRelief(root: root, folder: folder)
      if let refusal = relief.refusal {
        messages.say(.warning, "relief fails here: cgroups cannot be written", refusal)
      }
      return relief
    } catch {
      if error == .invalidArgument {
        messages.say(
          .error,
          "/run/spillway/relief makes no sense, and no relief is given: put right by hand what it names, and remove it")
      } else if isWanted {
        messages.say(.warning, "relief cannot be made ready in /run/spillway, and is not given", error)
      } else if error != .noSuchFile {
        messages.say(
          .error, "what a run before this one left changed, by /run/spillway/relief, cannot be put back", error)
      }
      return nil
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
      try loop.watch(watch, tag: WakeTag.pressure)
      return watch
    } catch {
      messages.say(.notice, "the kernel does not wake the agent at stalls; it looks by itself", error)
      return nil
    }
  }
}
