package import ProcModel

/// The text that was told last.
struct FlightLastText {
  var pid: Int32 = 0
  var file = FlightTextFile.cgroup
}

/// How a text is told.
enum FlightTextStep {
  /// It is the one that this process had before.
  static let same: UInt8 = 0
  /// It is known by number.
  static let known: UInt8 = 1
  /// It is told, and gets a number.
  static let new: UInt8 = 2
  /// It is told, and gets none.
  static let once: UInt8 = 3
}

/// Texts of processes. Each is told once in a segment, and then by its number. Where a process has the text that it had
/// before, and comes after the last process of which a text was told, it is counted with that one.
extension FlightRecorder {
  /// A text was read. It is cut at ``FlightCapacity/textLimit``. Of a command line only the length is kept, unless the
  /// recorder was made to keep them.
  ///
  /// In a survey of more processes than are exact, the texts of those that are not remembered are left out, but for
  /// those with a higher number than any process of the last survey: they are young. So are texts in a survey once so
  /// many processes have texts that no further one can be remembered.
  package mutating func text(_ content: Span<UInt8>, _ file: FlightTextFile, of pid: Int32, at now: Nanoseconds) {
    textHead.clear()
    if file == .cmdline, !header.keepsCommandLines {
      textHead.put(FlightTextForm.unkept)
      textHead.put(number: UInt64(content.count))
      tell(content.extracting(0..<0), file, of: pid, at: now)
      return
    }
    let kept = min(content.count, sizes.textLimit)
    textHead.put(kept < content.count ? FlightTextForm.cut : FlightTextForm.whole)
    if kept < content.count { textHead.put(number: UInt64(content.count)) }
    textHead.put(number: UInt64(kept))
    tell(content.extracting(0..<kept), file, of: pid, at: now)
  }

  /// A text could not be read.
  package mutating func text(
    failed failure: ReadFailure, _ file: FlightTextFile, of pid: Int32, at now: Nanoseconds
  ) {
    textHead.clear()
    textHead.put(FlightTextForm.failure)
    textHead.put(failure)
    tell(Span(), file, of: pid, at: now)
  }

  /// Tells a text, the beginning of which is in ``textHead``.
  private mutating func tell(_ content: Span<UInt8>, _ file: FlightTextFile, of pid: Int32, at now: Nanoseconds) {
    if isSurveying, isPartial && pid <= highestPID || !processes.hasRoom, processes.slot(of: pid) == nil { return }
    if file.isRemembered, continuesRun(content, file, of: pid, at: now) {
      run += 1
      lastText.pid = pid
      return
    }
    begin(.text, at: now, room: 64 + textHead.count + content.count)
    item.put(signed: Int64(pid) - Int64(lastText.pid))
    lastText = FlightLastText(pid: pid, file: file)
    guard file.isRemembered else {
      put(content, file, number: nil)
      return
    }
    let slot = processes.take(pid)
    let last = slot.map { processes[$0].texts[Int(file.rawValue)] } ?? 0
    if last != 0, ring.holds(textHead.bytes, content, at: texts.range(of: last)) {
      item.put(file.rawValue | FlightTextStep.same << 2)
      end()
      return
    }
    let number = tellOther(content, file)
    if let slot { processes[slot].texts[Int(file.rawValue)] = number }
  }

  /// Tells a text that the process did not have before.
  ///
  /// - Returns: Its number; 0 where it has none.
  private mutating func tellOther(_ content: Span<UInt8>, _ file: FlightTextFile) -> UInt16 {
    let hash = FlightRecorder.hash(textHead.bytes, content)
    if let number = known(content, hash) {
      item.put(file.rawValue | FlightTextStep.known << 2)
      item.put(number: UInt64(number))
      end()
      return number
    }
    let number = texts.freeNumber()
    let range = put(content, file, number: number)
    if let number { texts.insert(number, hash, at: range) }
    return number ?? 0
  }

  /// Writes a text in full.
  ///
  /// - Parameter number: The one that it gets; nil for none.
  /// - Returns: Where it is in the ring.
  @discardableResult
  private mutating func put(_ content: Span<UInt8>, _ file: FlightTextFile, number: UInt16?) -> Range<Int> {
    item.put(file.rawValue | (number == nil ? FlightTextStep.once : FlightTextStep.new) << 2)
    if let number { item.put(number: UInt64(number)) }
    ring.begin(item.count + textHead.count + content.count)
    ring.put(item)
    let start = ring.end
    ring.put(textHead)
    ring.put(content)
    return start..<ring.end
  }

  private func known(_ content: Span<UInt8>, _ hash: UInt32) -> UInt16? {
    var search = texts.search(hash)
    while let number = texts.next(&search) {
      if ring.holds(textHead.bytes, content, at: texts.range(of: number)) { return number }
    }
    return nil
  }

  /// Whether a text is the one that its process had before, and can be counted with those told just now.
  private func continuesRun(
    _ content: Span<UInt8>, _ file: FlightTextFile, of pid: Int32, at now: Nanoseconds
  ) -> Bool {
    guard isPresent(now), file == lastText.file, run > 0 || ring.room >= FlightRecorder.slack,
      run < rows.count, let before = processes.slot(of: lastText.pid)
    else { return false }
    let next = processes[before].next
    guard next < FlightProcesses.isLast, processes[Int(next)].pid == pid else { return false }
    let last = processes[Int(next)].texts[Int(file.rawValue)]
    return last != 0 && ring.holds(textHead.bytes, content, at: texts.range(of: last))
  }

  /// Writes the texts that were counted.
  mutating func flushRun() {
    guard run > 0 else { return }
    putAlongside(.textRun)
    item.put(lastText.file.rawValue)
    item.put(number: UInt64(run))
    run = 0
    end()
  }

  private static func hash(_ head: Span<UInt8>, _ rest: Span<UInt8>) -> UInt32 {
    var hash = FNV1a64()
    for index in head.indices { hash.combine(head[index]) }
    for index in rest.indices { hash.combine(rest[index]) }
    return UInt32(truncatingIfNeeded: IntegerMap.mix(hash.value))
  }
}
