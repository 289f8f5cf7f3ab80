internal import CLibcap
internal import CLinux

/// The capabilities of this process, through libcap (cap_get_proc(3)). They are given as the kernel's 64-bit mask,
/// whose bit n is capability number n.
package enum OwnCapabilities {
  /// Returns the effective capabilities of this process.
  package static func effective() throws(Errno) -> UInt64 {
    let state = try CapabilityState.ofThisProcess()
    return state.effective
  }

  /// Gives up every capability outside of `kept`: from the effective, permitted, inheritable and ambient sets, and from
  /// the bounding set while CAP_SETPCAP is still held.
  ///
  /// - Returns: The effective capabilities afterwards.
  /// - Throws: The kernel's refusal. No capability is gained in that case, but some may have been given up.
  @discardableResult
  package static func keepOnly(_ kept: UInt64) throws(Errno) -> UInt64 {
    let held = try effective()
    let mayChangeBounding = held & (1 << UInt64(CAP_SETPCAP)) != 0
    if mayChangeBounding {
      for number in 0..<64 where kept & (1 << UInt64(number)) == 0 && cap_get_bound(cap_value_t(number)) == 1 {
        _ = try retrying { Int(cap_drop_bound(cap_value_t(number))) }
      }
    }
    // Before Linux 4.3 there is no ambient set, and this fails with EINVAL.
    _ = cap_reset_ambient()
    let state = try CapabilityState.empty()
    try state.raise(held & kept)
    try state.makeOurs()
    return try effective()
  }
}

/// Reads the capabilities of other processes into one libcap state, which is allocated once.
package struct CapabilityReader: ~Copyable {
  private let state: CapabilityState

  package init() throws(Errno) {
    state = try CapabilityState.empty()
  }

  /// Returns the effective capabilities of process `pid`, as cap_get_pid(3) does, but without allocating.
  ///
  /// - Throws: `ESRCH` where there is no such process.
  package func effective(of pid: Int32) throws(Errno) -> UInt64 {
    try state.load(pid: pid)
    return state.effective
  }
}

/// A libcap `cap_t`. It is freed with its owner.
@safe
struct CapabilityState: ~Copyable {
  // libcap allocated this, and only libcap accesses it.
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
      // libcap refuses numbers that it does not know.
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
