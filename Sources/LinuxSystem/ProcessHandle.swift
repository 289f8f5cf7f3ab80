internal import CLinux

/// A hold on one process that no later process with the same number can slip into (pidfd_open(2), Linux 5.3).
package struct ProcessHandle: ~Copyable {
  package let descriptor: OwnedDescriptor

  /// - Throws: `ESRCH` where there is no such process, `ENOSYS` before Linux 5.3.
  package init(pid: Int32) throws(Errno) {
    descriptor = OwnedDescriptor(owning: try RawProcess.open(pid))
  }

  init(owning descriptor: consuming OwnedDescriptor) {
    self.descriptor = descriptor
  }

  /// pidfd_send_signal(2).
  ///
  /// - Throws: `ESRCH` once it is gone, `EPERM` where it is not ours to signal.
  package func send(_ signal: Signal) throws(Errno) {
    try RawProcess.send(signal, to: descriptor.raw)
  }

  /// Whether it has ended (its memory is released, though its parent may not have waited for it yet).
  package var hasExited: Bool { RawProcess.hasExited(descriptor.raw) }

  /// Whether this kernel can hold processes at all.
  package static var isSupported: Bool {
    do {
      _ = try ProcessHandle(pid: getpid())
      return true
    } catch {
      return error != .notSupported
    }
  }
}

/// What can be done with a process by the number of its pidfd, whose owner is elsewhere.
package enum RawProcess {
  /// pidfd_open(2), close-on-exec. The descriptor is the caller's to give back to ``close(_:)``.
  ///
  /// - Throws: As ``ProcessHandle/init(pid:)``.
  package static func open(_ pid: Int32) throws(Errno) -> Int32 {
    Int32(try retrying { Int(clinux_pidfd_open(pid)) })
  }

  package static func close(_ process: Int32) {
    CLinux.close(process)
  }

  /// pidfd_send_signal(2).
  ///
  /// - Throws: As ``ProcessHandle/send(_:)``.
  package static func send(_ signal: Signal, to process: Int32) throws(Errno) {
    _ = try retrying { Int(clinux_pidfd_send_signal(process, signal.rawValue)) }
  }

  /// Signals every process of the group that the held process leads, in one step: the kernel keeps processes from
  /// forking meanwhile, and one that has SIGKILL pending forks no more.
  ///
  /// Before Linux 6.9 by the group's number (kill(2)), which is safe while the leader lives or is not yet reaped.
  ///
  /// - Throws: `ESRCH` where the group has no process, `EPERM` where none of them is ours to signal.
  package static func send(_ signal: Signal, toGroupOf process: Int32, pid: Int32) throws(Errno) {
    do throws(Errno) {
      _ = try retrying { Int(clinux_pidfd_send_signal_to_group(process, signal.rawValue)) }
    } catch .invalidArgument {
      _ = try retrying { Int(kill(-pid, signal.rawValue)) }
    }
  }

  /// Whether it has ended, its threads too.
  package static func hasExited(_ process: Int32) -> Bool {
    var request = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
    // One pollfd, on the stack, for the call.
    return unsafe poll(&request, 1, 0) == 1
  }

  /// Whether two processes have one memory (`KCMP_VM` of kcmp(2)).
  ///
  /// - Throws: `EPERM` without CAP_SYS_PTRACE for processes of others, `ESRCH` where one is gone, `ENOSYS` in a kernel
  ///   built without it.
  package static func haveOneMemory(_ first: Int32, _ second: Int32) throws(Errno) -> Bool {
    try retrying { Int(clinux_compare_memory(first, second)) } == 0
  }

  /// Gives the threads of a process this priority (setpriority(2)), 256 of them at most. −20 is the most urgent.
  ///
  /// - Parameter tasks: Its open `/proc/PID/task`.
  /// - Throws: `EACCES` without CAP_SYS_NICE.
  package static func setNice(_ nice: Int32, ofThreadsIn tasks: borrowing OwnedDescriptor) throws(Errno) {
    let raw = tasks.raw
    _ = try retrying { Int(clinux_set_nice_of_threads(raw, nice)) }
  }
}
