import ProcModel

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
}
