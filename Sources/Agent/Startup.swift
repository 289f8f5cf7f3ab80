import Badness
import Ladder
package import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// The ways in which the agent ends (sysexits.h).
package enum ExitCode: Int32, Sendable {
  /// By request.
  case ok = 0
  /// The command line makes no sense.
  case usage = 64
  /// The kernel lacks something that cannot be done without.
  case kernelFeature = 69
  case noPermission = 77
  /// The policy image is not whole.
  case configuration = 78
}

/// Why the agent does not start.
struct StartFailure: Error {
  var code: ExitCode
  var text: String
  var errno: Errno?

  init(_ code: ExitCode, _ text: String, _ errno: Errno? = nil) {
    self.code = code
    self.text = text
    self.errno = errno
  }

  /// A file that cannot be opened: `noPermission` where that is why, or else `code`.
  init(opening text: String, _ errno: Errno, otherwise code: ExitCode) {
    let isForbidden = errno == .accessDenied || errno == .notPermitted
    self.init(isForbidden ? .noPermission : code, text, errno)
  }
}

/// Prepares the agent, runs it, and says how it ended.
///
/// - Parameter options: As parsed from the command line.
package func runAgent(_ options: Options) -> ExitCode {
  var messages = Messages(sink: OwnedDescriptor(owning: 2))
  do throws(StartFailure) {
    let setUp = try SetUp(options)
    return try setUp.run(&messages)
  } catch {
    if let errno = error.errno { messages.say(error.text, errno) } else { messages.say(error.text) }
    return error.code
  }
}

/// Everything that is settled before the loop begins, in the order in which privileges allow it.
private struct SetUp {
  let options: Options
  let policy: CompiledPolicy
  let policyName: CPath

  init(_ options: Options) throws(StartFailure) {
    self.options = options
    if let descriptor = options.imageDescriptor {
      policy = try SetUp.policy(from: OwnedDescriptor(owning: descriptor))
      policyName = options.config ?? CPath("built-in: server")
    } else if let path = options.imagePath {
      do throws(Errno) {
        policy = try SetUp.policy(from: try OwnedDescriptor.open(path, .read))
      } catch {
        throw StartFailure(opening: "the policy image cannot be opened", error, otherwise: .configuration)
      }
      policyName = path
    } else {
      policy = try SetUp.policy(BuiltInPolicy.image)
      policyName = CPath("built-in: server")
    }
  }

  private static func policy(from file: consuming OwnedDescriptor) throws(StartFailure) -> CompiledPolicy {
    var bytes = [UInt8](repeating: 0, count: ImageLayout.maximumLength + 1)
    do throws(Errno) {
      let count = try file.readWhole(into: &bytes)
      bytes.removeLast(bytes.count - count)
    } catch {
      throw StartFailure(opening: "the policy image cannot be read", error, otherwise: .configuration)
    }
    return try policy(bytes)
  }

  private static func policy(_ image: [UInt8]) throws(StartFailure) -> CompiledPolicy {
    do throws(ImageError) {
      return try CompiledPolicy(image: image.span)
    } catch {
      throw StartFailure(.configuration, error.message)
    }
  }

  func run(_ messages: inout Messages) throws(StartFailure) -> ExitCode {
    let source = try openSource()
    let armedProc = try options.isDryRun ? nil : openArmed(source)
    let recorder = Recorder(sink: try openRecord(), isDryRun: options.isDryRun)
    let loop: EventLoop
    do throws(Errno) {
      loop = try EventLoop.taking([.terminate, .interrupt, .hangUp])
    } catch {
      throw StartFailure(.kernelFeature, "the kernel refuses the agent's event descriptors", error)
    }
    introduce(&messages)
    let kernelLog = options.isDryRun ? nil : openKernelLog(&messages)
    let capabilities = settle(&messages)

    let units = KernelUnits(
      pageSizeKiB: OwnProcess.pageSizeKiB, ticksPerSecond: OwnProcess.clockTicksPerSecond)
    let judge = Judge(
      policy: policy, machine: MachineFacts(ram: .zero, swap: .zero, units: units),
      agent: source.isLive ? OwnProcess.pid : 0)
    let reloader = Reloader(compiler: options.compiler, config: options.config)
    let own = OwnMessages(messages)

    switch consume armedProc {
    case .some(let proc):
      return try run(
        Agent(
          source: source, hand: LiveActuator(proc: proc), loop: loop, recorder: recorder, messages: own,
          kernelLog: kernelLog, reloader: reloader, judge: judge, isVerbose: options.isVerbose), capabilities)
    case .none:
      return try run(
        Agent(
          source: source, hand: RehearsalActuator(), loop: loop, recorder: recorder, messages: own,
          kernelLog: kernelLog, reloader: reloader, judge: judge, isVerbose: options.isVerbose), capabilities)
    }
  }
}
