internal import CLinux

/// A hold on one process, which never means a later process with the same number (pidfd_open(2), Linux 5.3).
package struct ProcessHandle: ~Copyable {
  package let descriptor: OwnedDescriptor

  /// - Throws: `ESRCH` where there is no such process, `ENOSYS` before Linux 5.3.
  package init(pid: Int32) throws(Errno) {
    descriptor = OwnedDescriptor(owning: try RawProcess.open(pid))
  }

  init(owning descriptor: consuming OwnedDescriptor) {
    self.descriptor = descriptor
  }

  /// Sends a signal (pidfd_send_signal(2)).
  ///
  /// - Throws: `ESRCH` once the process is gone, `EPERM` where this process may not signal it.
  package func send(_ signal: Signal) throws(Errno) {
    try RawProcess.send(signal, to: descriptor.raw)
  }

  /// Whether the process has exited. Its memory is then released, though its parent may not have waited for it yet.
  package var hasExited: Bool { RawProcess.hasExited(descriptor.raw) }

  /// Whether this kernel has pidfds.
  package static var isSupported: Bool {
    do {
      _ = try ProcessHandle(pid: getpid())
      return true
    } catch {
      return error != .notSupported
    }
  }
}

/// Actions on a process by the number of its pidfd, which another owner keeps.
package enum RawProcess {
  /// pidfd_open(2), close-on-exec. The caller has to give the descriptor back to ``close(_:)``.
  ///
  /// - Throws: As ``ProcessHandle/init(pid:)``.
  package static func open(_ pid: Int32) throws(Errno) -> Int32 {
    Int32(try retrying { Int(clinux_pidfd_open(pid)) })
  }

  package static func close(_ process: Int32) {
    CLinux.close(process)
  }

  /// Sends a signal (pidfd_send_signal(2)).
  ///
  /// - Throws: As ``ProcessHandle/send(_:)``.
  package static func send(_ signal: Signal, to process: Int32) throws(Errno) {
    _ = try retrying { Int(clinux_pidfd_send_signal(process, signal.rawValue)) }
  }

  /// Signals every process of the group that the held process leads, or led, in one step: the kernel keeps processes
  /// from forking meanwhile, and a process with a pending SIGKILL forks no more. The signal goes by the pidfd (Linux
  /// 6.9), so it cannot reach another group, even if the number is another group's by now.
  ///
  /// - Throws: `EINVAL` before Linux 6.9, `ESRCH` where the group has no process, `EPERM` where this process may signal
  ///   none of them.
  package static func send(_ signal: Signal, toGroupLedBy process: Int32) throws(Errno) {
    _ = try retrying { Int(clinux_pidfd_send_signal_to_group(process, signal.rawValue)) }
  }

  /// Does the same by the group's number (kill(2)). It takes a proof that the number is still that group's.
  ///
  /// - Throws: As ``send(_:toGroupLedBy:)``, except for `EINVAL`.
  package static func send(_ signal: Signal, toGroupOf proof: borrowing GroupProof) throws(Errno) {
    let number = proof.group
    _ = try retrying { Int(kill(-number, signal.rawValue)) }
  }

  /// Returns the process group of a process (getpgid(2)).
  ///
  /// - Throws: `ESRCH` where there is no such process.
  package static func processGroup(of pid: Int32) throws(Errno) -> Int32 {
    Int32(try retrying { Int(getpgid(pid)) })
  }

  /// Whether the process has exited, with all its threads.
  package static func hasExited(_ process: Int32) -> Bool {
    var request = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
    // One pollfd, on the stack, for the call.
    return unsafe poll(&request, 1, 0) == 1
  }

  /// Whether two processes share one address space (`KCMP_VM` of kcmp(2)).
  ///
  /// - Throws: `EPERM` without CAP_SYS_PTRACE for other users' processes, `ESRCH` where one of them is gone, `ENOSYS`
  ///   in a kernel built without it.
  package static func haveOneMemory(_ first: Int32, _ second: Int32) throws(Errno) -> Bool {
    try retrying { Int(clinux_compare_memory(first, second)) } == 0
  }

  /// Sets the nice value of a process's threads (setpriority(2)), of at most 256 of them. −20 is the most urgent.
  ///
  /// The list is that of the process whose directory was opened, but setpriority(2) takes a number. A thread that exits
  /// between a getdents64(2) and its turn, at most 85 calls later, may have left its number to another thread. That one
  /// is then more urgent than it should be, and nothing worse.
  ///
  /// - Parameter tasks: The process's open `/proc/PID/task`.
  /// - Throws: `EACCES` without CAP_SYS_NICE.
  package static func setNice(_ nice: Int32, ofThreadsIn tasks: borrowing OwnedDescriptor) throws(Errno) {
    let raw = tasks.raw
    _ = try retrying { Int(clinux_set_nice_of_threads(raw, nice)) }
  }
}

/// A proof that the number of a process group is still that group's: a process has it as its group that is held by
/// pidfd, was in the group when it was chosen, and is alive. The kernel does not reuse a number that a living process
/// has as its own, its group's or its session's (kernel/pid.c, `free_pid` after the last `detach_pid`).
///
/// Only the check makes a proof, and the proof has to be used at once. Between the check's last question and kill(2) is
/// the time of one system call. In it, the member would have to leave as the last of its group, and all other numbers
/// would have to be used up.
package struct GroupProof: ~Copyable {
  package let group: Int32
  /// The living member.
  package let member: Int32

  /// - Parameters:
  ///   - group: The group's number. 0 and 1, which mean the caller's own group and all processes to kill(2), give no
  ///     proof.
  ///   - member: The number of the held member.
  ///   - hasExited: Whether the held member has exited. It is asked before and after the other question, which goes by
  ///     number.
  ///   - groupOf: getpgid(2).
  package init?(
    group: Int32, member: Int32, hasExited: () -> Bool, groupOf: (Int32) throws(Errno) -> Int32
  ) {
    guard group > 1, !hasExited(), let found = try? groupOf(member), found == group, !hasExited() else { return nil }
    self.group = group
    self.member = member
  }
}
