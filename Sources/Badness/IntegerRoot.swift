/// Returns the coarse integer square root of Linux 2.4 (`int_sqrt` in mm/oom_kill.c): 16 → 3, 64 → 6, 100 → 9.
///
/// The root is never under 1, so that it can always divide. It is not monotonic (31 → 6, but 32 → 4): with `linux-2.4`
/// a process can score higher for having run a little longer. The kernel's behaviour is kept.
package func linux24Root(_ number: UInt64) -> UInt64 {
  var rest = number
  var root = number
  while rest & ~1 != 0 {
    rest >>= 2
    root >>= 1
  }
  if rest != 0 {
    root -= root >> 2
  }
  return max(root, 1)
}

/// Returns the exact square root rounded down, and 0 for 0, as the kernel's lib/int_sqrt.c does since 2.6: one bit in
/// each step, without division and floating point.
package func floorRoot(_ number: UInt64) -> UInt64 {
  var rest = number
  var root: UInt64 = 0
  var bit: UInt64 = 1 << 62
  while bit > number {
    bit >>= 2
  }
  while bit != 0 {
    let trial = root + bit
    root >>= 1
    if rest >= trial {
      rest -= trial
      root += bit
    }
    bit >>= 2
  }
  return root
}
