internal import CLinux

/// The event that woke the loop.
package enum Wake: Equatable, Sendable {
  /// The timer ran out.
  case timer
  case signal(Signal)
  /// The watched descriptor with this tag became readable.
  case ready(tag: UInt64)
}

/// When a descriptor that is watched wakes the loop.
package enum Readiness: Sendable {
  /// Each time it is waited while there is something to read.
  case readable
  /// The first time that there is something to read, and then no more.
  case readableOnce
  /// Each time that there is something new to read, or the last writer has closed the file. What was reported once and
  /// was not read is not reported again.
  case news
}

/// A loop of one thread that waits in one place, epoll(7), for a timer, signals and other descriptors.
package struct EventLoop: ~Copyable {
  private let epoll: OwnedDescriptor
  private let timer: OwnedDescriptor
  private let signals: OwnedDescriptor
  private var scratch = [UInt8](repeating: 0, count: MemoryLayout<signalfd_siginfo>.size)

  private static let timerTag: UInt64 = 0
  private static let signalTag: UInt64 = 1
  /// The first tag that the caller may use.
  package static let firstFreeTag: UInt64 = 2

  private init(
    epoll: consuming OwnedDescriptor, timer: consuming OwnedDescriptor, signals: consuming OwnedDescriptor
  ) {
    self.epoll = epoll
    self.timer = timer
    self.signals = signals
  }

  /// Makes a loop. Blocks the signals `watched` for this thread; they are events from now on.
  ///
  /// SIGPIPE is ignored, so that a write fails with `EPIPE` instead. SIGCHLD is put back to its usual action. If it
  /// were ignored, which a parent can cause, children would leave no zombies (wait(2)), and a child's number could be
  /// another process's before this one knows that the child has exited.
  package static func taking(_ watched: [Signal]) throws(Errno) -> EventLoop {
    clinux_ignore_broken_pipes()
    clinux_keep_zombies()
    let epoll = OwnedDescriptor(owning: Int32(try retrying { Int(clinux_epoll_create()) }))
    let timer = OwnedDescriptor(owning: Int32(try retrying { Int(clinux_timerfd_create()) }))
    // A C struct on the stack, filled and read by the calls beside it.
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in watched {
      unsafe sigaddset(&set, signal.rawValue)
    }
    _ = try retrying { unsafe Int(sigprocmask(SIG_BLOCK, &set, nil)) }
    let signals = OwnedDescriptor(owning: Int32(try retrying { unsafe Int(clinux_signalfd(&set)) }))
    let loop = EventLoop(epoll: epoll, timer: timer, signals: signals)
    try loop.watch(loop.timer.raw, tag: EventLoop.timerTag)
    try loop.watch(loop.signals.raw, tag: EventLoop.signalTag)
    return loop
  }

  /// Wakes the loop when `descriptor` is ready. A descriptor leaves the loop by itself when it is closed.
  package func watch(_ descriptor: Int32, _ readiness: Readiness = .readable, tag: UInt64) throws(Errno) {
    let manner: UInt32 =
      switch readiness {
      case .readable: 0
      case .readableOnce: EPOLLONESHOT.rawValue
      case .news: EPOLLET.rawValue
      }
    try watch(descriptor, tag: tag, events: EPOLLIN.rawValue | manner)
  }

  func watch(_ descriptor: Int32, tag: UInt64, events: UInt32) throws(Errno) {
    // One event, on the stack, for the call; its union is only ever used as the tag.
    var event = unsafe epoll_event()
    unsafe event.events = events
    unsafe event.data.u64 = tag
    _ = try retrying { unsafe Int(epoll_ctl(epoll.raw, EPOLL_CTL_ADD, descriptor, &event)) }
  }

  /// Sets the timer, which wakes the loop once after this many nanoseconds; at least one.
  package func wake(inNanoseconds delay: UInt64) throws(Errno) {
    var time = itimerspec()
    let delay = max(delay, 1)
    time.it_value.tv_sec = Int(delay / 1_000_000_000)
    time.it_value.tv_nsec = Int(delay % 1_000_000_000)
    // One struct, on the stack, for the call.
    _ = try retrying { unsafe Int(timerfd_settime(timer.raw, 0, &time, nil)) }
  }

  /// Waits for the next event.
  package mutating func wait() throws(Errno) -> Wake {
    while true {
      // One event, on the stack, for the call; its union is only ever used as the tag.
      var event = unsafe epoll_event()
      let count = try retrying { unsafe Int(epoll_wait(epoll.raw, &event, 1, -1)) }
      if count == 0 { continue }
      switch unsafe event.data.u64 {
      case EventLoop.timerTag:
        _ = try? timer.readNext(into: &scratch)
        return .timer
      case EventLoop.signalTag:
        if let signal = nextSignal() { return .signal(signal) }
      case let tag:
        return .ready(tag: tag)
      }
    }
  }

  private mutating func nextSignal() -> Signal? {
    guard let count = try? signals.readNext(into: &scratch), count >= 4 else { return nil }
    // `ssi_signo` is the first field of signalfd_siginfo: four bytes in the machine's byte order.
    return Signal(
      rawValue: unsafe scratch.withUnsafeBytes { unsafe $0.loadUnaligned(as: Int32.self) })
  }
}
