internal import CLinux

/// What this process can learn about itself, and change about itself.
package enum OwnProcess {
  package static var pid: Int32 { getpid() }
  package static var effectiveUID: UInt32 { geteuid() }

  /// The size of a page in KiB.
  package static var pageSizeKiB: UInt64 { UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1024)) / 1024 }
  /// The number of clock ticks per second (USER_HZ), the unit of times in /proc.
  package static var clockTicksPerSecond: UInt64 { UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1)) }

  /// The number of processors that are online.
  package static var processors: UInt64 { UInt64(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1)) }

  /// Measures how fast one processor fills memory that is new to it, in KiB per millisecond; 0 where it cannot be
  /// measured. Takes a few milliseconds, and 2 MiB of memory meanwhile.
  package static func measureFill() -> UInt64 { clinux_measure_fill() / 1_024_000 }

  /// Keeps every page in memory from its first touch, now and later (`MCL_ONFAULT`, Linux 4.4).
  ///
  /// - Throws: `EPERM` or `ENOMEM` without CAP_IPC_LOCK.
  package static func lockMemoryOnFault() throws(Errno) {
    _ = try retrying { Int(clinux_lock_memory_on_fault()) }
  }

  /// Drops what only the start needed from the resident set: code, and memory of the heap that is free again. To be
  /// called before memory is locked. Code that is needed all the same is mapped again from the page cache.
  package static func forgetStart() throws(Errno) {
    _ = try retrying { Int(clinux_forget_start()) }
  }

  /// Maps the code that runs after the start, so that none of it has to be read when memory is short, and drops all
  /// other code from the resident set. To be called last, and before memory is locked.
  package static func keepCodeInUse() throws(Errno) {
    _ = try retrying { Int(clinux_keep_code_in_use()) }
  }

  /// Sets the nice value of this process (setpriority(2)). −20 is the most urgent.
  ///
  /// - Throws: `EACCES` or `EPERM` without CAP_SYS_NICE.
  package static func setNice(_ nice: Int32) throws(Errno) {
    _ = try retrying { Int(clinux_set_own_nice(nice)) }
  }

  /// Makes this thread a real-time task (sched(7), `SCHED_FIFO` 1), which runs before all ordinary ones. Its children
  /// are ordinary tasks.
  ///
  /// The kernel's allocator gives a real-time task a part of its last reserve without making it reclaim first
  /// (mm/page_alloc.c, `gfp_to_alloc_flags`). Opening a file of /proc may need that.
  ///
  /// - Throws: `EPERM` without CAP_SYS_NICE, or where the cgroup may have no real-time tasks.
  package static func runInRealTime() throws(Errno) {
    _ = try retrying { Int(clinux_run_in_real_time()) }
  }

  /// Returns the bytes of an environment variable; nil where it is not set.
  package static func environment(_ name: String) -> [UInt8]? {
    // The text ends in a NUL and stays valid: nothing here changes the environment.
    unsafe CPath(name).withCString { name in
      guard let text = unsafe clinux_environment(name) else { return nil }
      var bytes: [UInt8] = []
      var index = 0
      while unsafe text[index] != 0 {
        bytes.append(UInt8(bitPattern: unsafe text[index]))
        index += 1
      }
      return bytes
    }
  }

  /// Ensures that no program which this process executes gains a privilege (`PR_SET_NO_NEW_PRIVS`).
  package static func forbidNewPrivileges() throws(Errno) {
    _ = try retrying { Int(clinux_prctl(PR_SET_NO_NEW_PRIVS, 1)) }
  }

  /// Has the kernel send this process SIGTERM when the thread that started it exits (`PR_SET_PDEATHSIG`). A change of its
  /// user, or a program with capabilities of its own that it executes, undoes that.
  package static func setParentDeathSignal() throws(Errno) {
    _ = try retrying { Int(clinux_prctl(PR_SET_PDEATHSIG, UInt(SIGTERM))) }
  }

  /// Returns the words with which this process was started, from /proc/self/cmdline: Embedded Swift has no
  /// `CommandLine`.
  package static func arguments() throws(Errno) -> [[UInt8]] {
    let file = try OwnedDescriptor.open(CPath("/proc/self/cmdline"), .read)
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    let count = try file.readWhole(into: &buffer)
    var words: [[UInt8]] = []
    var word: [UInt8] = []
    for byte in buffer[0..<count] {
      if byte == 0 {
        words.append(word)
        word = []
      } else {
        word.append(byte)
      }
    }
    return words
  }

  /// Replaces this program by another (execv(3)). Returns only where it fails.
  ///
  /// - Parameter words: The arguments. `words[0]` is what the program will see as its name.
  package static func become(_ program: CPath, _ words: [CPath]) throws(Errno) {
    let argumentList = ArgumentList(words)
    _ = try retrying {
      // Both are valid until the call has replaced this program or failed.
      unsafe program.withCString { path in
        unsafe argumentList.withPointers { words in unsafe Int(clinux_execv(path, words)) }
      }
    }
  }

  /// Exits at once (_exit(2)).
  package static func exit(_ code: Int32) -> Never {
    _exit(code)
  }
}

/// Words in the layout that execv(3) and posix_spawn(3) take.
struct ArgumentList {
  private var bytes: [UInt8] = []
  private var starts: [Int] = []

  init(_ words: [CPath]) {
    for word in words {
      starts.append(bytes.count)
      bytes.append(contentsOf: word.terminated)
    }
  }

  /// Calls `body` with the NULL-terminated list of pointers, which is valid during the call.
  func withPointers<Result>(_ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result) -> Result {
    var copy = bytes
    // The pointers are into `copy`, which is not changed while they are in use.
    return unsafe copy.withUnsafeMutableBytes { all in
      let base = unsafe all.assumingMemoryBound(to: CChar.self).baseAddress
      var pointers: [UnsafeMutablePointer<CChar>?] = unsafe []
      for start in starts {
        unsafe pointers.append(base.map { base in unsafe base + start })
      }
      unsafe pointers.append(nil)
      return unsafe pointers.withUnsafeBufferPointer { list in unsafe body(list.baseAddress) }
    }
  }
}
