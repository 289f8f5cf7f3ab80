import ProcModel

/// Keyframes: a segment begins with all that its differences refer to, so that it can be read without those before it.
extension FlightRecorder {
  /// The most bytes of readings and of the last survey's fields.
  private static let fixedPart = FlightLayout.domains * 180 + 288

  /// The room that a new segment has at the least.
  var keyframeRoom: Int {
    let beside = FlightLayout.blockHeaderLength + 16 + FlightRecorder.fixedPart
    return max(sizes.segment - beside - rows.used - rows.count - sizes.textBytes, 0)
  }

  mutating func writeKeyframe() {
    lastText = FlightLastText()
    processes.unlistAll()
    listRows()

    ring.beginLarge()
    writeReadings()
    item.clear()
    item.put(survey, since: none)
    item.put(number: UInt64(rows.count))
    ring.put(item)
    writeRows()
    // A small item and a text have to fit behind the keyframe.
    let spare = 512 + sizes.textLimit + 2 * FlightRecorder.slack
    var left = min(sizes.textBytes, max(ring.room - spare, 0))
    writeTexts(&left)
    writeTextsOfProcesses(&left)
  }

  private mutating func writeReadings() {
    item.clear()
    item.put(FlightTag.keyframe.rawValue)
    var known: UInt64 = 0
    for domain in 0..<FlightLayout.domains where readings[domain].state != .unknown { known += 1 }
    item.put(number: known)
    ring.put(item)
    for domain in 0..<FlightLayout.domains where readings[domain].state != .unknown {
      item.clear()
      item.put(UInt8(domain))
      item.put(readings[domain].state.rawValue)
      item.put(readings[domain].blindMissing)
      item.put(readings[domain].fields, since: none)
      ring.put(item)
    }
  }

  private mutating func writeRows() {
    lastRow.identity = ProcessIdentity(pid: 0, startTime: .zero)
    lastRow.fields.clear()
    var offset = 0
    while offset < rows.used {
      rows.read(&oldRow, at: offset)
      offset = rows.offset(after: offset)
      item.clear()
      item.put(oldRow, after: lastRow.identity, since: lastRow.fields, isAlike: true)
      rowItem.clear()
      rowItem.put(oldRow, after: lastRow.identity, since: none, isAlike: false)
      if item.count < rowItem.count { ring.put(item) } else { ring.put(rowItem) }
      lastRow.identity = oldRow.identity
      lastRow.fields.set(oldRow.fields)
    }
  }

  /// Tells the texts of processes again, those of the first file first. What there is no room for is forgotten.
  private mutating func writeTexts(_ left: inout Int) {
    texts.beginSegment()
    var room = left - processes.count * 6 - 1
    for file in 0..<3 {
      for slot in 0..<processes.size {
        let number = processes[slot].texts[file]
        guard number != 0, !texts.isTold(number) else { continue }
        let range = texts.range(of: number)
        guard range.count + 3 <= room else { continue }
        room -= range.count + 3
        left -= range.count + 3
        item.clear()
        item.put(number: UInt64(number))
        ring.put(item)
        texts.tell(number, at: ring.end)
        ring.putAgain(range)
      }
    }
    ring.put(0)
    left -= 1
  }

  /// Tells which process has which texts: those in rows in their order, then the others.
  private mutating func writeTextsOfProcesses(_ left: inout Int) {
    var last: Int32 = 0
    for slot in 0..<processes.size { keepTold(slot) }
    var offset = 0
    while offset < rows.used {
      if let slot = processes.slot(of: rows.pid(at: offset)) { writeTexts(ofProcess: slot, &last, &left) }
      offset = rows.offset(after: offset)
    }
    for slot in 0..<processes.size where processes[slot].next == FlightProcesses.isUnlisted {
      writeTexts(ofProcess: slot, &last, &left)
    }
    ring.put(0)
    texts.endSegment()
  }

  /// Forgets the texts of a process that were not told again.
  private mutating func keepTold(_ slot: Int) {
    for file in 0..<3 {
      let number = processes[slot].texts[file]
      if number != 0, !texts.isTold(number) { processes[slot].texts[file] = 0 }
    }
  }

  private mutating func writeTexts(ofProcess slot: Int, _ last: inout Int32, _ left: inout Int) {
    let process = processes[slot]
    var files: UInt8 = 0
    for file in 0..<3 where process.texts[file] != 0 { files |= 1 << UInt8(file) }
    guard files != 0 else { return }
    item.clear()
    item.put(files)
    item.put(signed: Int64(process.pid) - Int64(last))
    for file in 0..<3 where process.texts[file] != 0 { item.put(number: UInt64(process.texts[file])) }
    guard item.count < left else {
      processes[slot].texts = InlineArray(repeating: 0)
      return
    }
    left -= item.count
    last = process.pid
    ring.put(item)
  }
}
