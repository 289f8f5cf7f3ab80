import ProcModel

/// The items within frames, as ``FlightRecorder`` writes them.
extension FlightReader {
  /// - Returns: Nil where the item gives nothing by itself.
  mutating func take(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightItem? {
    let start = scanner.offset
    let first = try scanner.byte()
    guard let tag = FlightTag(rawValue: first & FlightTag.mask), (tag == .keyframe) == memory.needsKeyframe else {
      throw FlightFault(offset: start)
    }
    try takeTime(first, &scanner)
    switch tag {
    case .keyframe: return try takeKeyframe(&scanner)
    case .tick: return .tick
    case .wakeTag: return .wake(tag: try scanner.number())
    case .wakeSignal: return .signal(try scanner.signed32())
    case .memory: return .memory(try takeReading(&scanner))
    case .blind: return .memory(try takeBlindness(&scanner))
    case .surveyBegan: return try takeSurveyBeginning(&scanner)
    case .surveyed: return .survey(try takeSurvey(&scanner))
    case .surveyFailed: return .surveyFailed(try scanner.readFailure())
    case .sighting: return try takeSighting(&scanner)
    case .text: return try takeText(&scanner)
    case .textRun:
      try takeRun(&scanner)
      return nil
    case .call:
      return .call(
        code: try scanner.byte(), pid: try scanner.signed32(), errno: try scanner.signed32(),
        value: try scanner.signed())
    case .bytes:
      return .bytes(code: try scanner.byte(), pid: try scanner.signed32(), try takeBytes(&scanner))
    case .decision: return .decision(try takeBytes(&scanner))
    case .note: return .note(code: try scanner.byte(), value: try scanner.signed())
    case .policy:
      let start = scanner.offset
      guard let number = UInt32(exactly: try scanner.number()) else { throw FlightFault(offset: start) }
      policy = number
      return .policy(number)
    }
  }

  private mutating func takeTime(_ first: UInt8, _ scanner: inout FlightScanner) throws(FlightFault) {
    if first & FlightTag.hasTime != 0 {
      let difference = try scanner.number()
      let isEarlier = first & FlightTag.isEarlier != 0
      memory.time.count = isEarlier ? memory.time.count &- difference : memory.time.count &+ difference
    }
    if first & FlightTag.hasOffset != 0 {
      memory.awakeOffset.count = memory.awakeOffset.count &+ UInt64(bitPattern: try scanner.signed())
    }
  }

  // MARK: Readings

  private mutating func takeReading(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightReading {
    let domain = try scanner.byte()
    let start = scanner.offset
    let place = Int(domain)
    var fields = place < memory.domains.count ? memory.domains[place].fields : FlightFields()
    fields.setReadingTime(memory.time)
    try scanner.take(&fields, count: FlightReadingField.count)
    let reading = fields.reading
    // So the fields have nothing that is lost in the reading.
    var again = fields
    again.set(reading, missing: fields.missing)
    guard again == fields else { throw FlightFault(offset: start) }
    if place < memory.domains.count { memory.domains[place] = FlightDomain(fields: fields, state: .read) }
    return FlightReading(domain: domain, outcome: .reading(reading), missing: fields.missing)
  }

  private mutating func takeBlindness(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightReading {
    let domain = try scanner.byte()
    let start = scanner.offset
    guard let blindness = FlightBlindness(rawValue: try scanner.byte()) else { throw FlightFault(offset: start) }
    let missing = try scanner.byte()
    if Int(domain) < memory.domains.count {
      memory.domains[Int(domain)].state = blindness == .unreadable ? .unreadable : .senseless
      memory.domains[Int(domain)].blindMissing = missing
    }
    return FlightReading(domain: domain, outcome: .blind(blindness), missing: missing)
  }

  // MARK: One process

  private func takeSighting(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightItem {
    let pid = try scanner.signed32()
    let start = scanner.offset
    switch try scanner.byte() {
    case 0:
      var row = FlightRow()
      try scanner.take(&row)
      return .sighting(pid: pid, .found(try facts(row, at: start)))
    case 1: return .sighting(pid: pid, .gone)
    case 2: return .sighting(pid: pid, .unreadable)
    default: throw FlightFault(offset: start)
    }
  }

  /// The facts of a row, which must have nothing that is lost in them.
  func facts(_ row: borrowing FlightRow, at offset: Int) throws(FlightFault) -> ProcessFacts {
    let facts = row.fields.facts(of: row.identity, now: memory.now)
    guard FlightFields(facts, now: memory.now) == row.fields else { throw FlightFault(offset: offset) }
    return facts
  }

  private mutating func takeText(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightItem {
    let start = scanner.offset
    let difference = try scanner.signed()
    guard let pid = Int32(exactly: Int64(memory.lastText.pid).addingReportingOverflow(difference).partialValue) else {
      throw FlightFault(offset: start)
    }
    let place = scanner.offset
    let how = try scanner.byte()
    guard let file = FlightTextFile(rawValue: how & 3) else { throw FlightFault(offset: place) }
    memory.lastText = FlightLastText(pid: pid, file: file)
    let key = FlightMemory.key(pid, file)
    var number: UInt64 = 0
    switch how >> 2 {
    case FlightTextStep.same: number = memory.textOf.value(for: key) ?? 0
    case FlightTextStep.known: number = try scanner.number()
    case FlightTextStep.new:
      let new = try scanner.count(upTo: FlightLayout.mostTexts)
      guard new > 0 else { throw FlightFault(offset: place) }
      memory.set(try text(&scanner), number: new)
      number = UInt64(new)
    case FlightTextStep.once:
      memory.textOf.set(key, to: 0)
      return .text(pid: pid, file, try text(&scanner))
    default: throw FlightFault(offset: place)
    }
    guard let text = memory.text(number) else { throw FlightFault(offset: place) }
    memory.textOf.set(key, to: number)
    return .text(pid: pid, file, text)
  }

  /// A text in full.
  func text(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightText {
    let start = scanner.offset
    switch try scanner.byte() {
    case FlightTextForm.whole:
      let count = try scanner.count(upTo: FlightLayout.longestText)
      return .content(FlightBytes(try array(count, &scanner)))
    case FlightTextForm.cut:
      let length = try scanner.count(upTo: .max)
      let count = try scanner.count(upTo: min(FlightLayout.longestText, length))
      return .content(FlightBytes(try array(count, &scanner), of: length))
    case FlightTextForm.unkept: return .unkept(length: try scanner.count(upTo: .max))
    case FlightTextForm.failure: return .failure(try scanner.readFailure())
    default: throw FlightFault(offset: start)
    }
  }

  private mutating func takeRun(_ scanner: inout FlightScanner) throws(FlightFault) {
    let start = scanner.offset
    guard FlightTextFile(rawValue: try scanner.byte()) == memory.lastText.file else { throw FlightFault(offset: start) }
    // All of them are there, so that the run ends.
    let count = try scanner.count(upTo: memory.rows.count)
    var pid = memory.lastText.pid
    for _ in 0..<count {
      guard let next = memory.after.value(for: FlightMemory.key(pid)), next != 0,
        let number = memory.textOf.value(for: next << 2 | UInt64(memory.lastText.file.rawValue)),
        memory.text(number) != nil
      else { throw FlightFault(offset: start) }
      pid = Int32(bitPattern: UInt32(truncatingIfNeeded: next))
    }
    run = count
  }

  /// The next text of a run.
  mutating func nextOfRun() -> FlightEntry? {
    run -= 1
    let next = memory.after.value(for: FlightMemory.key(memory.lastText.pid)) ?? 0
    memory.lastText.pid = Int32(bitPattern: UInt32(truncatingIfNeeded: next))
    let number = memory.textOf.value(for: FlightMemory.key(memory.lastText.pid, memory.lastText.file)) ?? 0
    guard let text = memory.text(number) else { return nil }
    return FlightEntry(
      time: memory.time, awakeOffset: memory.awakeOffset,
      item: .text(pid: memory.lastText.pid, memory.lastText.file, text))
  }

  private func takeBytes(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightBytes {
    let length = try scanner.count(upTo: .max)
    let count = try scanner.count(upTo: length)
    return FlightBytes(try array(count, &scanner), of: length)
  }

  private func array(_ count: Int, _ scanner: inout FlightScanner) throws(FlightFault) -> [UInt8] {
    [UInt8](bytes[try scanner.range(count)])
  }
}
