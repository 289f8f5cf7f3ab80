/// With what a program exits (sysexits.h).
package enum ExitStatus: Int32, Sendable {
  /// By request, or with its work done.
  case ok = 0
  /// The command line makes no sense.
  case usage = 64
  /// The kernel lacks something that cannot be done without.
  case kernelFeature = 69
  /// To be started again by the service manager, which arms it (`EX_TEMPFAIL`).
  case toBeArmed = 75
  case noPermission = 77
  /// A policy has a mistake, or a policy image is not whole.
  case configuration = 78
}
