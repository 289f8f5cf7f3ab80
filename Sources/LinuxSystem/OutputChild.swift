internal import CLinux

/// A child program whose standard output is read. The tool alone starts such programs.
package struct OutputChild: ~Copyable {
  /// What the program writes. Reading waits for it.
  package let output: OwnedDescriptor
  /// 0 once the program was waited for.
  private var pid: Int32

  private init(output: consuming OwnedDescriptor, pid: Int32) {
    self.output = output
    self.pid = pid
  }

  deinit {
    if pid > 0 { clinux_abandon(pid) }
  }

  /// - Parameters:
  ///   - program: Its path.
  ///   - input: The program's standard input.
  package static func start(
    _ program: CPath, _ words: [CPath], input: borrowing OwnedDescriptor
  ) throws(Errno) -> OutputChild {
    var (reading, writing): (Int32, Int32) = (-1, -1)
    // Two integers, on the stack, for the call.
    _ = try retrying { unsafe Int(clinux_waiting_pipe(&reading, &writing)) }
    let output = OwnedDescriptor(owning: reading)
    let end = OwnedDescriptor(owning: writing)
    let argumentList = ArgumentList(words)
    var child: Int32 = 0
    let (from, to) = (input.raw, end.raw)
    // The path, the list and the number live until the call returns, which is after the child has executed.
    let result = unsafe program.withCString { path in
      unsafe argumentList.withPointers { words in unsafe clinux_spawn_between(path, words, from, to, &child) }
    }
    guard result == 0 else { throw Errno(result) }
    return OutputChild(output: output, pid: child)
  }

  /// Waits for the program's exit.
  ///
  /// - Returns: The exit code, or 128 plus the number of the signal that killed it.
  package mutating func wait() throws(Errno) -> Int32 {
    var status: Int32 = 0
    let child = pid
    // One integer, on the stack, for the call.
    _ = try retrying { unsafe Int(waitpid(child, &status, 0)) }
    pid = 0
    return clinux_exit_status(status)
  }
}
