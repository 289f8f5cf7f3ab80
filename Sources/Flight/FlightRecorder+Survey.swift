package import ProcModel

/// Surveys. Rows are told by their differences from those of the survey before, in one walk over both.
///
/// The old row that is next is told to be there, or passed over as absent or gone until the walk comes to the row that
/// has to be told. The kernel lists processes by number (fs/proc/base.c, `next_tgid`), so the walk finds each; a row out
/// of that order is told in full.
extension FlightRecorder {
  /// A survey began.
  ///
  /// - Parameters:
  ///   - leastFootprint: What smaller processes are left out for; zero where none is.
  ///   - isForScores: Whether `oom_score` and `oom_score_adj` are read.
  package mutating func beginSurvey(leastFootprint: KiB, isForScores: Bool, at now: Nanoseconds) {
    begin(.surveyBegan, at: now, room: 48)
    item.put(isForScores ? 1 : 0)
    item.put(number: leastFootprint.count)
    end()
    isSurveying = true
    surveyNote = FlightSurveyNote()
    surveyNote.began = now
    surveyNote.leastFootprint = leastFootprint
    surveyNote.isForScores = isForScores
  }

  /// The survey that was begun failed.
  package mutating func failSurvey(_ failure: ReadFailure, at now: Nanoseconds) {
    begin(.surveyFailed, at: now, room: 48)
    item.put(failure)
    end()
    isSurveying = false
  }

  /// The survey that was begun is complete. Where it has too many processes the largest are told.
  ///
  /// - Parameter table: All rows, in their order.
  package mutating func endSurvey(_ table: [ProcessFacts], _ tally: borrowing SurveyTally, at now: Nanoseconds) {
    flushRun()
    surveyNote.tally = copy tally
    surveyNote.now = FlightRecorder.present(of: table)
    let selection = selection(of: table)
    let isAscending = FlightRecorder.isAscending(table)
    // A keyframe should have the rows before this survey. Where it is much longer than the last one, and does not fit,
    // it is told in full behind a keyframe without rows.
    if ring.room < 2 * surveyLength + 2 * FlightRecorder.besideRows { advance() }
    if !tell(table, selection, isAscending: isAscending, isLastTry: false, at: now) {
      advance()
      _ = tell(table, selection, isAscending: isAscending, isLastTry: true, at: now)
    }
    isSurveying = false
    isPartial = surveyNote.isPartial
    highestPID = 0
    for index in table.indices { highestPID = max(highestPID, table[index].identity.pid) }
    relist()
  }

  /// The bytes of a survey beside its rows: the item's beginning, the fields, and what is kept free.
  private static let besideRows = 512

  /// The present in ticks, of which ages are the distance from start times. It is told by the first process that was not
  /// born during the survey.
  private static func present(of table: [ProcessFacts]) -> Ticks {
    for index in table.indices {
      if let age = table[index].age, age > .zero { return age + table[index].identity.startTime }
    }
    return .zero
  }

  private static func isAscending(_ table: [ProcessFacts]) -> Bool {
    for index in table.indices.dropFirst() where table[index].identity.pid <= table[index - 1].identity.pid {
      return false
    }
    return true
  }

  // MARK: Which rows

  private func selection(of table: [ProcessFacts]) -> FlightSelection {
    guard table.count > sizes.processes else { return FlightSelection() }
    var groups = FlightGroups()
    for index in table.indices { groups.add(table[index].footprint) }
    return FlightSelection(groups, rows: sizes.processes)
  }

  // MARK: The walk

  /// A walk over a survey and the rows that are remembered.
  private struct Walk {
    /// The kind and the number of steps that were taken and have yet to be written.
    var kind = FlightStep.same
    var count = 0
    /// The rows of the survey that have yet to be told, at most.
    var left: Int
    /// Whether rows that are not there are remembered.
    let keepsAbsent: Bool
    /// Whether rows for which the segment has no room are left out. Otherwise the survey is told in another one.
    let isLastTry: Bool
    var isOutOfRoom = false
    /// The bytes of rows that were told in full.
    var newLength = 0
  }

  /// - Returns: False where the segment has no room for the survey. Nothing is remembered of rows then.
  private mutating func tell(
    _ table: [ProcessFacts], _ selection: FlightSelection, isAscending: Bool, isLastTry: Bool, at now: Nanoseconds
  ) -> Bool {
    var selection = selection
    // Only a survey that leaves processes out says nothing of those that are not in it. Out of order, a process could be
    // among those that were passed, and come later.
    let keepsAbsent = surveyNote.leastFootprint > .zero && table.count <= sizes.processes && isAscending
    var walk = Walk(
      left: min(table.count, sizes.processes), keepsAbsent: keepsAbsent && rows.isAscending, isLastTry: isLastTry)
    let before = mark()
    surveyNote.rest = FlightRest()
    put(.surveyed, at: now)
    ring.beginLarge()
    ring.put(item)
    rows.beginWalk(walk.left)
    for index in table.indices {
      if selection.takes(table[index].footprint) {
        tell(table[index], &walk)
      } else {
        surveyNote.rest.add(table[index])
      }
    }
    while rows.nextPID != nil { leave(&walk) }
    flush(&walk)
    rows.isAscending = isAscending
    if walk.isOutOfRoom {
      goBack(to: before)
      rows.removeAll()
      return false
    }
    endWalk(at: now)
    surveyLength = ring.end - before.end - walk.newLength
    return true
  }

  private mutating func endWalk(at now: Nanoseconds) {
    fields.clear()
    fields.set(surveyNote, units: header.units)
    survey.setSurveyTime(now)
    item.clear()
    item.put(FlightStep.end)
    item.put(fields, since: survey)
    ring.put(item)
    survey.set(fields)
    lastNow = surveyNote.now
  }

  private mutating func tell(_ facts: borrowing ProcessFacts, _ walk: inout Walk) {
    let identity = facts.identity
    fields.set(facts, now: surveyNote.now)
    rowItem.clear()
    rowItem.put(identity, fields, since: none)
    walk.left -= 1
    if rows.nextIs(rowItem) {
      step(FlightStep.same, &walk)
      rows.keep()
      return
    }
    while let pid = rows.nextPID, pid < identity.pid { leave(&walk) }
    let hasOld = rows.nextPID == identity.pid
    if hasOld { rows.next(&oldRow) }
    if hasOld, oldRow.identity == identity, rows.canHold(rowItem.count) {
      rows.pass()
      if oldRow.fields == fields {
        step(FlightStep.same, &walk)
      } else {
        flush(&walk)
        item.clear()
        item.put(FlightStep.changed)
        item.put(fields, since: oldRow.fields, wide: FlightRowField.wide)
        write(item.count, &walk)
      }
    } else {
      // Its number was another process's, or there is no room for it.
      if hasOld { pass(FlightStep.gone, &walk) }
      flush(&walk)
      if walk.isLastTry, ring.room < 1 + rowItem.count + FlightRecorder.besideRows {
        surveyNote.rest.add(facts)
        return
      }
      item.clear()
      item.put(rows.canHold(rowItem.count) ? FlightStep.new : FlightStep.once)
      write(item.count + rowItem.count, &walk)
      if !walk.isOutOfRoom { ring.put(rowItem) }
      walk.newLength += rowItem.count
    }
    remember(&walk)
  }

  /// Remembers the row in ``rowItem``, if there is room. Old rows that have yet to be read give way where they are in its
  /// place; they are told in full when the walk comes to them.
  private mutating func remember(_ walk: inout Walk) {
    guard rows.canHold(rowItem.count) else { return }
    while rows.overlaps(rowItem.count) { pass(FlightStep.gone, &walk) }
    rows.append(rowItem)
  }

  /// Passes over an old row that is not there.
  private mutating func leave(_ walk: inout Walk) {
    if walk.keepsAbsent, rows.hasSpare(beside: walk.left), rows.count + walk.left < sizes.processes {
      step(FlightStep.absent, &walk)
      rows.keep()
    } else {
      pass(FlightStep.gone, &walk)
    }
  }

  private mutating func pass(_ kind: UInt8, _ walk: inout Walk) {
    step(kind, &walk)
    rows.pass()
  }

  @inline(never)
  private mutating func step(_ kind: UInt8, _ walk: inout Walk) {
    if walk.count > 0, walk.kind != kind { flush(&walk) }
    walk.kind = kind
    walk.count += 1
  }

  @inline(never)
  private mutating func flush(_ walk: inout Walk) {
    guard walk.count > 0 else { return }
    let number = walk.count - 1
    walk.count = 0
    item.clear()
    item.put(walk.kind | UInt8(min(number, 63)) << 2)
    if number >= 63 { item.put(number: UInt64(number - 63)) }
    write(item.count, &walk)
  }

  /// Writes what is in the buffer of items, if there is room for so many bytes.
  @inline(never)
  private mutating func write(_ count: Int, _ walk: inout Walk) {
    if walk.isOutOfRoom || ring.room < count + FlightRecorder.besideRows {
      walk.isOutOfRoom = true
    } else {
      ring.put(item)
    }
  }

  // MARK: The order of processes

  /// Notes which process comes after which, and forgets the texts of those that are in no row.
  private mutating func relist() {
    processes.unlistAll()
    var offset = 0
    while offset < rows.used {
      if let slot = processes.slot(of: rows.pid(at: offset)) { processes[slot].next = FlightProcesses.isLast }
      offset = rows.offset(after: offset)
    }
    processes.removeUnlisted()
    listRows()
  }

  /// Notes which process comes after which.
  mutating func listRows() {
    var offset = 0
    var last: Int?
    while offset < rows.used {
      let slot = processes.take(rows.pid(at: offset))
      offset = rows.offset(after: offset)
      if let last, let slot { processes[last].next = UInt16(slot) }
      if let slot { processes[slot].next = FlightProcesses.isLast }
      last = slot
    }
  }
}
