internal import CLinux

/// A child program. It is started without copying this process's memory (posix_spawn(3) uses CLONE_VFORK).
package struct Child: ~Copyable {
  package let pid: Int32
  /// A pidfd of the child. It becomes readable when the child has exited.
  package let handle: ProcessHandle

  private init(pid: Int32, handle: consuming ProcessHandle) {
    self.pid = pid
    self.handle = handle
  }

  /// - Parameter inheriting: A descriptor that the child keeps, under the same number.
  package static func start(
    _ program: CPath, _ words: [CPath], inheriting: borrowing OwnedDescriptor
  ) throws(Errno) -> Child {
    try inheriting.setCloseOnExec(false)
    let argumentList = ArgumentList(words)
    var child: Int32 = 0
    // The path, the list and the number live until the call returns, which is after the child has executed.
    let result = unsafe program.withCString { path in
      unsafe argumentList.withPointers { words in unsafe clinux_spawn(path, words, &child) }
    }
    try inheriting.setCloseOnExec(true)
    return try Child.take(child, result)
  }

  /// - Parameter errors: The child's standard error.
  package static func start(
    _ program: CPath, _ words: [CPath], inheriting: borrowing OwnedDescriptor, errors: borrowing OwnedDescriptor
  ) throws(Errno) -> Child {
    try inheriting.setCloseOnExec(false)
    let argumentList = ArgumentList(words)
    var child: Int32 = 0
    let raw = errors.raw
    // As above.
    let result = unsafe program.withCString { path in
      unsafe argumentList.withPointers { words in unsafe clinux_spawn_with_errors(path, words, raw, &child) }
    }
    try inheriting.setCloseOnExec(true)
    return try Child.take(child, result)
  }

  private static func take(_ child: Int32, _ result: Int32) throws(Errno) -> Child {
    guard result == 0 else { throw Errno(result) }
    do throws(Errno) {
      return Child(pid: child, handle: try ProcessHandle(pid: child))
    } catch {
      clinux_abandon(child)
      throw error
    }
  }

  /// Waits for the child's exit, at most this long.
  ///
  /// - Returns: Whether the child has exited. ``wait()`` then returns at once.
  package func hasExited(withinMilliseconds limit: Int32) -> Bool {
    var request = pollfd(fd: handle.descriptor.raw, events: Int16(POLLIN), revents: 0)
    let deadline = Clock.awake() + UInt64(max(limit, 0)) * 1_000_000
    while true {
      let left = Int64(clamping: deadline) - Int64(clamping: Clock.awake())
      // This is one pollfd, on the stack, for the call. A signal interrupts the call.
      if unsafe poll(&request, 1, Int32(clamping: max(left, 0) / 1_000_000)) == 1 { return true }
      if left <= 0 { return false }
    }
  }

  /// Waits for the child's exit.
  ///
  /// - Returns: The child's exit code, or 128 plus the number of the signal that killed it.
  package func wait() throws(Errno) -> Int32 {
    var status: Int32 = 0
    // One integer, on the stack, for the call.
    _ = try retrying { unsafe Int(waitpid(pid, &status, 0)) }
    return clinux_exit_status(status)
  }
}
