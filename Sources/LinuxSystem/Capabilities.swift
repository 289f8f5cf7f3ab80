internal import CLibcap
internal import CLinux

/// Capabilities through libcap (cap_get_proc(3)), as the kernel's 64-bit masks: bit n is capability number n.
package enum OwnCapabilities {
  /// What this process may use at this moment.
  package static func effective() throws(Errno) -> UInt64 {
    let state = try CapabilityState.ofThisProcess()
    return state.effective
  }

  /// Gives up every capability outside `kept`: effective, permitted, inheritable, ambient, and the bounding set while
  /// CAP_SETPCAP is still held.
  ///
  /// - Returns: What is effective afterwards.
  /// - Throws: The kernel's refusal. Nothing is gained in that case; something may have been given up.
  @discardableResult
  package static func keepOnly(_ kept: UInt64) throws(Errno) -> UInt64 {
    let held = try effective()
    let mayChangeBounding = held & (1 << UInt64(CAP_SETPCAP)) != 0
    if mayChangeBounding {
      for number in 0..<64 where kept & (1 << UInt64(number)) == 0 && cap_get_bound(cap_value_t(number)) == 1 {
        _ = try retrying { Int(cap_drop_bound(cap_value_t(number))) }
      }
    }
    // Fails with EINVAL before Linux 4.3, which has no ambient set to clear.
    _ = cap_reset_ambient()
    let state = try CapabilityState.empty()
    try state.raise(held & kept)
    try state.makeOurs()
    return try effective()
  }
}

/// Reads other processes' capabilities into one libcap state, allocated once.
package struct CapabilityReader: ~Copyable {
  private let state: CapabilityState

  package init() throws(Errno) {
    state = try CapabilityState.empty()
  }

  /// The effective set of process `pid`: what cap_get_pid(3) gives, without its allocation.
  ///
  /// - Throws: `ESRCH` where there is no such process.
  package func effective(of pid: Int32) throws(Errno) -> UInt64 {
    try state.load(pid: pid)
    return state.effective
  }
}

/// A libcap `cap_t`, freed with its owner.
@safe
struct CapabilityState: ~Copyable {
  // libcap's own allocation, touched by libcap alone.
  private let raw: cap_t

  private init(owning raw: cap_t) {
    unsafe self.raw = unsafe raw
  }

  deinit {
    unsafe cap_free(UnsafeMutableRawPointer(raw))
  }

  static func empty() throws(Errno) -> CapabilityState {
    guard let raw = unsafe cap_init() else { throw .current }
    return unsafe CapabilityState(owning: raw)
  }

  static func ofThisProcess() throws(Errno) -> CapabilityState {
    guard let raw = unsafe cap_get_proc() else { throw .current }
    return unsafe CapabilityState(owning: raw)
  }

  func load(pid: Int32) throws(Errno) {
    guard unsafe capgetp(pid, raw) == 0 else { throw .current }
  }

  var effective: UInt64 {
    var mask: UInt64 = 0
    for number in 0..<64 {
      var value = CAP_CLEAR
      // libcap refuses numbers it does not know.
      guard unsafe cap_get_flag(raw, cap_value_t(number), CAP_EFFECTIVE, &value) == 0 else { break }
      if value == CAP_SET { mask |= 1 << UInt64(number) }
    }
    return mask
  }

  func raise(_ mask: UInt64) throws(Errno) {
    for number in 0..<64 where mask & (1 << UInt64(number)) != 0 {
      var value = cap_value_t(number)
      for flag in [CAP_PERMITTED, CAP_EFFECTIVE] {
        guard unsafe cap_set_flag(raw, flag, 1, &value, CAP_SET) == 0 else { throw .current }
      }
    }
  }

  func makeOurs() throws(Errno) {
    guard unsafe cap_set_proc(raw) == 0 else { throw .current }
  }
}
