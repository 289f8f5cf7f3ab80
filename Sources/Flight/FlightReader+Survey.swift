import ProcModel

/// Surveys and keyframes.
extension FlightReader {
  func takeSurveyBeginning(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightItem {
    let start = scanner.offset
    let isForScores = try scanner.byte()
    guard isForScores <= 1 else { throw FlightFault(offset: start) }
    return .surveyBegan(leastFootprint: KiB(try scanner.number()), isForScores: isForScores == 1)
  }

  mutating func takeSurvey(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightSurvey {
    let start = scanner.offset
    let old = memory.rows
    var walk = FlightWalk()
    while try takeStep(&scanner, old, &walk) {}
    memory.survey.setSurveyTime(memory.time)
    let note = try takeNote(&scanner, since: memory.survey)
    memory.rows = walk.rows
    memory.listRows()
    var facts: [ProcessFacts] = []
    for row in walk.told { facts.append(try self.facts(row, at: start)) }
    return FlightSurvey(note, rows: facts)
  }

  private mutating func takeNote(
    _ scanner: inout FlightScanner, since last: FlightFields
  ) throws(FlightFault) -> FlightSurveyNote {
    let start = scanner.offset
    var fields = last
    try scanner.take(&fields, count: FlightSurveyField.count)
    let note = fields.surveyNote(units: memory.units)
    guard FlightFields(note, units: memory.units) == fields else { throw FlightFault(offset: start) }
    memory.survey = fields
    memory.now = note.now
    return note
  }

  /// - Returns: False after the last step.
  private func takeStep(
    _ scanner: inout FlightScanner, _ old: [FlightRow], _ walk: inout FlightWalk
  ) throws(FlightFault) -> Bool {
    let start = scanner.offset
    let first = try scanner.byte()
    if first & 3 != FlightStep.other {
      var count = Int(first >> 2) + 1
      if count == 64 { count += try scanner.count(upTo: FlightLayout.mostTexts) }
      guard count <= old.count - walk.position else { throw FlightFault(offset: start) }
      for _ in 0..<count {
        let row = old[walk.position]
        walk.position += 1
        if first & 3 == FlightStep.gone { continue }
        walk.rows.append(row)
        if first & 3 == FlightStep.same { walk.told.append(row) }
      }
    } else if first == FlightStep.changed {
      guard walk.position < old.count else { throw FlightFault(offset: start) }
      var row = old[walk.position]
      walk.position += 1
      try scanner.take(&row.fields, count: FlightFields.count, wide: FlightRowField.wide)
      walk.told.append(row)
      walk.rows.append(row)
    } else if first == FlightStep.new || first == FlightStep.once {
      var row = FlightRow()
      try scanner.take(&row)
      walk.told.append(row)
      if first == FlightStep.new { walk.rows.append(row) }
    } else {
      guard first == FlightStep.end else { throw FlightFault(offset: start) }
      return false
    }
    guard walk.rows.count <= FlightLayout.mostTexts else { throw FlightFault(offset: start) }
    return true
  }

  // MARK: Keyframes

  mutating func takeKeyframe(_ scanner: inout FlightScanner) throws(FlightFault) -> FlightItem? {
    var state = FlightState(policy: policy)
    state.readings = try takeReadings(&scanner)
    state.survey = try takeNote(&scanner, since: FlightFields())
    memory.rows = []
    var row = FlightRow()
    let count = try scanner.count(upTo: min(FlightLayout.mostTexts, scanner.left))
    for _ in 0..<count {
      let start = scanner.offset
      try scanner.takeNext(&row)
      if memory.isLost { state.rows.append(try facts(row, at: start)) }
      memory.rows.append(row)
    }
    memory.listRows()
    try takeTexts(&scanner)
    state.texts = try takeTextsOfProcesses(&scanner)
    memory.lastText = FlightLastText()
    memory.needsKeyframe = false
    guard memory.isLost else { return nil }
    memory.isLost = false
    return .state(state)
  }

  private mutating func takeReadings(_ scanner: inout FlightScanner) throws(FlightFault) -> [FlightReading] {
    memory.domains = [FlightDomain](repeating: FlightDomain(), count: FlightLayout.domains)
    var readings: [FlightReading] = []
    for _ in 0..<(try scanner.count(upTo: FlightLayout.domains)) {
      let start = scanner.offset
      let domain = try scanner.byte()
      guard Int(domain) < FlightLayout.domains, let state = FlightDomain.State(rawValue: try scanner.byte()) else {
        throw FlightFault(offset: start)
      }
      let blindMissing = try scanner.byte()
      var fields = FlightFields()
      try scanner.take(&fields, count: FlightReadingField.count)
      memory.domains[Int(domain)] = FlightDomain(fields: fields, state: state, blindMissing: blindMissing)
      let (outcome, missing): (FlightReading.Outcome, UInt8) =
        switch state {
        case .read: (.reading(fields.reading), fields.missing)
        case .unreadable: (.blind(.unreadable), blindMissing)
        case .senseless: (.blind(.senseless), blindMissing)
        case .unknown: throw FlightFault(offset: start)
        }
      readings.append(FlightReading(domain: domain, outcome: outcome, missing: missing))
    }
    return readings
  }

  private mutating func takeTexts(_ scanner: inout FlightScanner) throws(FlightFault) {
    memory.texts = []
    while true {
      let number = try scanner.count(upTo: FlightLayout.mostTexts)
      if number == 0 { return }
      memory.set(try text(&scanner), number: number)
    }
  }

  private mutating func takeTextsOfProcesses(_ scanner: inout FlightScanner) throws(FlightFault) -> [FlightState.Text] {
    memory.textOf.removeAll()
    var found: [FlightState.Text] = []
    var last: Int32 = 0
    while true {
      let start = scanner.offset
      let files = try scanner.byte()
      if files == 0 { return found }
      guard files < 8, let pid = Int32(exactly: Int64(last).addingReportingOverflow(try scanner.signed()).partialValue)
      else { throw FlightFault(offset: start) }
      last = pid
      for file in FlightTextFile.allCases where files >> file.rawValue & 1 == 1 {
        let number = try scanner.number()
        guard let text = memory.text(number) else { throw FlightFault(offset: start) }
        memory.textOf.set(FlightMemory.key(pid, file), to: number)
        if memory.isLost { found.append(FlightState.Text(pid: pid, file: file, text: text)) }
      }
    }
  }
}

/// What a walk over a survey's steps has come to.
private struct FlightWalk {
  /// The old row that is next.
  var position = 0
  var rows: [FlightRow] = []
  /// The rows of the survey.
  var told: [FlightRow] = []
}

extension FlightFields {
  init(_ facts: borrowing ProcessFacts, now: Ticks) {
    self.init()
    set(facts, now: now)
  }

  init(_ note: borrowing FlightSurveyNote, units: KernelUnits) {
    self.init()
    set(note, units: units)
  }
}
