import Policy
import ProcModel
import Record

extension Inspection {
  /// Lines to print below the candidates: the memory that shares are of, and readings that were not believed.
  var notes: [String] {
    var lines = unread.notes + flightNotes
    if tally.isHidden, unread.unreadable.isEmpty {
      lines.append("process 1 is not visible: some processes may not be read and are not shown\n")
    }
    if reading.hugePool > .zero {
      lines.append(
        "shares are of \(amount(reading.total)): \(amount(reading.total + reading.hugePool)) of memory less "
          + "\(amount(reading.hugePool)) of huge pages\n")
    }
    for kind in 0..<Impossible.kinds where reading.impossible.contains(kind: kind) {
      lines.append(Impossible.meaning(kind) + "\n")
    }
    if tally.unborn > 0 {
      lines.append("\(tally.unborn) \(Impossible.meaning(Impossible.startTimeKind))\n")
    }
    if reading.isSwapBeingTakenAway {
      lines.append("swapoff is under way: swap that it has read back is not counted as free\n")
    }
    return lines
  }

  /// What holds the most memory, where that is worth telling beside what would be killed now.
  var holderNote: String? {
    // On a machine with plenty, a quarter of what is in use is little.
    guard reading.available.count < reading.total.count / 2,
      let holder = Holder(in: ranking, reading, by: context),
      holder.dwarfs(killSet?.footprint ?? .zero, reading)
    else { return nil }
    var text: [UInt8] = []
    text.append(holder, context.policy)
    return String(decoding: text, as: UTF8.self) + "\n"
  }
}
