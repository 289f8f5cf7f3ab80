import Flight
import FoundationEssentials
import LinuxSystem
import Policy
import Replay

/// A flight that was read from a file.
struct OpenedFlight {
  /// The file's path as given.
  let file: String
  let replay: Replay

  init(_ file: String) throws(Failure) {
    guard let bytes = FileManager.default.contents(atPath: file) else {
      throw Failure(.usage, "\(file) cannot be read")
    }
    self.file = file
    do throws(Replay.Failure) {
      replay = try Replay([UInt8](bytes))
    } catch {
      throw Failure(error, file)
    }
  }

  /// Runs the agent over it.
  func run() throws(Failure) -> Replay.Outcome {
    do throws(Replay.Failure) {
      return try replay.run()
    } catch {
      throw Failure(error, file)
    }
  }

  /// Tries a policy on it.
  func tried(_ policy: CompiledPolicy, named name: String) throws(Failure) -> PolicyTrial {
    do throws(Replay.Failure) {
      return try replay.tried(policy, named: name)
    } catch {
      throw Failure(error, file)
    }
  }

  /// The policy that it begins with.
  func ownPolicy() throws(Failure) -> SweptPolicy {
    do throws(Replay.Failure) {
      let own = try replay.firstPolicy()
      return SweptPolicy(policy: own.policy, name: own.name)
    } catch {
      throw Failure(error, file)
    }
  }
}

extension Failure {
  /// Why a flight cannot be replayed.
  fileprivate init(_ failure: Replay.Failure, _ file: String) {
    switch failure {
    case .unreadable(let error): self.init(.configuration, "\(file): \(error.sentence)")
    case .policy(let error): self.init(.configuration, "\(file): the policy in it: \(error.message)")
    case .neverQuiet:
      self.init(
        .configuration,
        "\(file) begins after the agent's start, and never rests long enough to forget what the agent remembered from "
          + "before; --policy and --sweep can be tried on it")
    case .policyLost(let number):
      self.init(.configuration, "\(file) lacks the image of policy \(number), which was in force in it")
    case .machine(let errno): self.init(.kernelFeature, "the replay has no memory file: \(errno.text)")
    }
  }
}
