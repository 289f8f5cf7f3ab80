import ProcModel

extension Inspection {
  /// What has to be known beside the candidates: which memory shares are of, and what was not believed. Whole lines.
  var notes: [String] {
    var lines = unread.notes
    if tally.isHidden, unread.unreadable.isEmpty {
      lines.append("process 1 is not to be seen: some processes may not be read, and are not shown\n")
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
      lines.append("swapoff is under way: what it reads back is not counted as free swap\n")
    }
    return lines
  }
}
