/// The outcome of reading one file of one process.
enum SurveyReading<File> {
  case value(File)
  case failure(ReadFailure)
  /// The file was read and not understood; the tally has a note.
  case malformed
}

extension SurveyReading<ProcessStatus> {
  /// Whether `status` proves that killing the process gives back less than `smallest`, and that no other process's
  /// share depends on it. Such a process is counted in the tally.
  func tellsOfLess(than smallest: KiB, isOld: Bool, tally: inout SurveyTally) -> Bool {
    guard case .value(let status) = self else { return false }
    // The line of the threads is below those of the memory. Without it the file was cut, and may lack some of those.
    if let anonymous = status.residentAnonymous, status.threads != nil {
      let footprint = anonymous + (status.swap ?? .zero) + (status.pageTables ?? .zero)
      guard (status.residentShared ?? .zero) == .zero, footprint < smallest else { return false }
      tally.leftOut += 1
      tally.leftOutFootprint += footprint
      if isOld {
        tally.leftOutOld += 1
        tally.leftOutOldFootprint += footprint
      }
      return true
    }
    // This is a kernel thread or a zombie. With more than one thread it would be a dead leader, whose memory its living
    // threads have.
    guard status.virtual == nil, status.resident == nil, status.threads == 1 else { return false }
    tally.withoutMemory += 1
    return true
  }
}
