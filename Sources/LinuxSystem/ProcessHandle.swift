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

  /// Signals every process of the group that the held process leads, or led, in one step: the kernel keeps processes from
  /// forking meanwhile, and one that has SIGKILL pending forks no more. By the pidfd (Linux 6.9), so that no other group
  /// can be meant, whoever has the number by now.
  ///
  /// - Throws: `EINVAL` before Linux 6.9, `ESRCH` where the group has no process, `EPERM` where none of them is ours to
  ///   signal.
  package static func send(_ signal: Signal, toGroupLedBy process: Int32) throws(Errno) {
    _ = try retrying { Int(clinux_pidfd_send_signal_to_group(process, signal.rawValue)) }
  }

  /// The same by the group's number (kill(2)), which takes a proof that the number is still that group's.
  ///
  /// - Throws: As ``send(_:toGroupLedBy:)``, but for `EINVAL`.
  package static func send(_ signal: Signal, toGroupOf proof: borrowing GroupProof) throws(Errno) {
    let number = proof.group
    _ = try retrying { Int(kill(-number, signal.rawValue)) }
  }

  /// The process group of a process (getpgid(2)).
  ///
  /// - Throws: `ESRCH` where there is no such process.
  package static func processGroup(of pid: Int32) throws(Errno) -> Int32 {
    Int32(try retrying { Int(getpgid(pid)) })
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
  /// The list is that of the process whose directory was opened, but setpriority(2) takes a number: a thread that ends
  /// between a getdents64(2) and its turn, at most 85 calls later, may have given its number to another, which is then
  /// more urgent than it should be and nothing worse.
  ///
  /// - Parameter tasks: Its open `/proc/PID/task`.
  /// - Throws: `EACCES` without CAP_SYS_NICE.
  package static func setNice(_ nice: Int32, ofThreadsIn tasks: borrowing OwnedDescriptor) throws(Errno) {
    let raw = tasks.raw
    _ = try retrying { Int(clinux_set_nice_of_threads(raw, nice)) }
  }
}

/// Proof that the number of a process group is still that group's: a process that is held by pidfd, was in the group
/// when it was chosen, and lives, has it as its group. The kernel gives no number away that a living process has as its
/// own, its group's or its session's (kernel/pid.c, `free_pid` after the last `detach_pid`).
///
/// Only the check makes one, and it is to be used at once: from its last question to kill(2) is one system call's time,
/// in which the member would have to leave as the last of its group and all other numbers be used up.
package struct GroupProof: ~Copyable {
  package let group: Int32
  /// The member that lives.
  package let member: Int32

  /// - Parameters:
  ///   - group: Its number. 0 and 1, which mean the caller's own group and everybody to kill(2), are proved by nothing.
  ///   - hasExited: Whether the held member has ended; asked before and after the other question, which goes by number.
  ///   - groupOf: getpgid(2).
  package init?(
    group: Int32, member: Int32, hasExited: () -> Bool, groupOf: (Int32) throws(Errno) -> Int32
  ) {
    guard group > 1, !hasExited(), let found = try? groupOf(member), found == group, !hasExited() else { return nil }
    self.group = group
    self.member = member
  }
}
