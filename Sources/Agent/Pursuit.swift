import Ladder
import Policy

/// A victim that is being killed: it was signalled, and has not been seen to exit.
struct Pursuit: Sendable {
  var incident: Incident
  var ladder: Ladder
}
