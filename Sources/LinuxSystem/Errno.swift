internal import CLinux

/// The kernel's reason for which a call failed (errno(3)).
package struct Errno: Error, Equatable, Sendable {
  package var rawValue: Int32

  package init(_ rawValue: Int32) {
    self.rawValue = rawValue
  }

  /// The reason of the call that has just failed on this thread.
  static var current: Errno { Errno(clinux_errno()) }

  package static let notPermitted = Errno(EPERM)
  package static let noSuchFile = Errno(ENOENT)
  package static let noSuchProcess = Errno(ESRCH)
  package static let interrupted = Errno(EINTR)
  package static let accessDenied = Errno(EACCES)
  package static let exists = Errno(EEXIST)
  package static let invalidArgument = Errno(EINVAL)
  package static let notSupported = Errno(ENOSYS)
  package static let wouldBlock = Errno(EAGAIN)
  package static let noMemory = Errno(ENOMEM)
  package static let tooManyFiles = Errno(EMFILE)
  package static let tooLong = Errno(E2BIG)
  package static let noDevice = Errno(ENODEV)
  package static let busy = Errno(EBUSY)
  package static let noReader = Errno(ENXIO)
  package static let brokenPipe = Errno(EPIPE)
  package static let badDescriptor = Errno(EBADF)
  package static let notDirectory = Errno(ENOTDIR)
  package static let isDirectory = Errno(EISDIR)
  package static let tooManyLinks = Errno(ELOOP)
  package static let timedOut = Errno(ETIMEDOUT)
  package static let notSupportedHere = Errno(EOPNOTSUPP)

  /// Whether the same call may succeed when it is tried again, because it failed for want of memory or descriptors.
  package var isPassing: Bool {
    switch rawValue {
    case EAGAIN, ENOMEM, EMFILE, ENFILE: true
    default: false
    }
  }

  /// Whether a descriptor whose reading failed for this reason is of no more use, and a new one may be: the program
  /// that answered for the file (FUSE) is gone, or the object behind the file is.
  package var isLost: Bool { clinux_is_lost(rawValue) != 0 }

  /// The meaning in a few words. strerror(3) is not used, since it needs a locale.
  package var text: String {
    switch rawValue {
    case EPERM: "operation not permitted"
    case ENOENT: "no such file or directory"
    case ESRCH: "no such process"
    case EINTR: "interrupted"
    case EIO: "input/output error"
    case ENXIO: "no reader, or no such device"
    case EBADF: "bad file descriptor"
    case EAGAIN: "temporarily unavailable"
    case ENOMEM: "not enough memory"
    case EACCES: "permission denied"
    case EEXIST: "file exists"
    case EBUSY: "busy"
    case ENODEV: "no such device"
    case ENOTDIR: "not a directory"
    case EISDIR: "is a directory"
    case EINVAL: "invalid argument"
    case ENFILE: "too many open files on this machine"
    case EMFILE: "too many open files in this process"
    case E2BIG: "too long"
    case ETIMEDOUT: "no answer in time"
    case ENOTCONN: "no program answers for the file any more"
    case ENOEXEC: "not an executable of this machine"
    case ETXTBSY: "file busy"
    case EFBIG: "file too large"
    case ENOSPC: "no space left on device"
    case EROFS: "read-only file system"
    case EPIPE: "no process reads the other end"
    case ELOOP: "too many symbolic links, or one where none is followed"
    case ENAMETOOLONG: "name too long"
    case ENOSYS: "not supported by this kernel"
    case EOPNOTSUPP: "not supported"
    case ECONNREFUSED: "connection refused"
    case EAFNOSUPPORT: "this kind of address is not supported"
    default: "error"
    }
  }
}

/// Repeats a system call as long as a signal interrupts it.
///
/// - Parameter call: A call that returns −1 and sets errno when it fails.
/// - Returns: The call's result, at least 0.
func retrying(_ call: () -> Int) throws(Errno) -> Int {
  while true {
    let result = call()
    if result >= 0 { return result }
    let reason = Errno.current
    if reason != .interrupted { throw reason }
  }
}
