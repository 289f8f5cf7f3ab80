/// The exit codes of both programs (sysexits.h).
package enum ExitStatus: Int32, Sendable {
  /// The program was asked to exit, or has done its work (`EX_OK`).
  case ok = 0
  /// The command line makes no sense (`EX_USAGE`).
  case usage = 64
  /// The kernel lacks something that the program cannot do without (`EX_UNAVAILABLE`).
  case kernelFeature = 69
  /// The service manager has to start the program again, which arms it (`EX_TEMPFAIL`).
  case toBeArmed = 75
  /// The program lacks a permission (`EX_NOPERM`).
  case noPermission = 77
  /// A policy has a mistake, or a policy image is not whole (`EX_CONFIG`).
  case configuration = 78
}
