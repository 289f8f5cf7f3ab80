/// The outcome of a search for a living thread of a process whose leader is dead.
enum LivingThread {
  case found(ProcessStat)
  /// No living thread holds memory.
  case none
  /// The search was cut short.
  case unknown
}

/// Limits the number of threads of dead leaders that are read, so that no process can make a survey long.
///
/// Any user can have a thousand threads die that their tracer never collects. They stay in the list of their process,
/// and each has a `stat` of its own. On Linux 6.18 a survey that began the list anew for each of them took 295 ms
/// longer for one such process.
struct ThreadSearch: Sendable {
  /// The number of threads that one survey reads, of all processes together. One takes about 5 µs.
  static let budget = 1024
  /// The least number of threads that are read of one process when it is its turn.
  static let leastShare = 64

  /// A living thread that was found before. It is read first the next time.
  private struct Known: Sendable {
    var leader = ProcessIdentity(pid: 0, startTime: .zero)
    var thread: Int32 = 0
  }

  private var known = InlineArray<16, Known>(repeating: Known())
  private var nextKnown = 0
  /// The part of the budget that is left in this survey.
  private(set) var left = ThreadSearch.budget
  /// The number of processes that were searched in this survey, and in the one before.
  private var searched = 0
  private var searchedBefore = 0
  /// The number of surveys so far.
  private var round = 0

  mutating func beginSurvey() {
    left = ThreadSearch.budget
    searchedBefore = searched
    searched = 0
    round &+= 1
  }

  func thread(of leader: ProcessIdentity) -> Int32? {
    for index in known.indices where known[index].leader == leader { return known[index].thread }
    return nil
  }

  mutating func remember(_ thread: Int32, of leader: ProcessIdentity) {
    var place = nextKnown
    for index in known.indices where known[index].leader == leader { place = index }
    known[place] = Known(leader: leader, thread: thread)
    if place == nextKnown { nextKnown = (nextKnown + 1) % known.count }
  }

  /// Returns how many threads of the next process may be read, and where in its list to begin.
  ///
  /// Where there are so many processes that the budget has no share for each, they take turns. A list that is longer
  /// than the share is searched further on at each turn.
  mutating func begin(threads: Int) -> (limit: Int, start: Int) {
    let served = ThreadSearch.budget / ThreadSearch.leastShare
    let turns = max((searchedBefore + served - 1) / served, 1)
    let isItsTurn = (searched &+ round) % turns == 0
    searched += 1
    guard isItsTurn else { return (0, 0) }
    let share = max(ThreadSearch.budget / max(searchedBefore, 1), ThreadSearch.leastShare)
    let limit = min(share, left)
    guard threads > limit, limit > 0 else { return (limit, 0) }
    return (limit, (round / turns) &* limit % threads)
  }

  mutating func take() { left -= 1 }
}

extension Survey {
  /// Returns the `stat` of a living thread of a process whose leader is dead.
  mutating func livingThread<Source: ProcSource & ~Copyable>(
    of leader: ProcessStat, from source: inout Source
  ) -> LivingThread {
    guard leader.threads > 1, !holdsNoMemory(leader.pid, from: &source) else { return .none }
    let identity = ProcessIdentity(pid: leader.pid, startTime: leader.startTime)
    if let known = threadSearch.thread(of: identity), let stat = living(known, of: leader.pid, from: &source) {
      return .found(stat)
    }
    let (limit, start) = threadSearch.begin(threads: Int(leader.threads))
    guard limit > 0 else { return .unknown }
    switch search(of: identity, from: start, limit: limit, in: &source) {
    case .found(let stat): return .found(stat)
    case .cut: return .unknown
    case .ended(let looked):
      // The threads before the place where the search began are read next, as far as the budget allows; the rest is
      // left for the next turns.
      guard start > 0 else { return .none }
      guard case .found(let stat) = search(of: identity, from: 0, limit: min(limit - looked, start), in: &source) else {
        return .unknown
      }
      return .found(stat)
    }
  }

  private enum Search {
    case found(ProcessStat)
    /// The list ended, and this many threads were read.
    case ended(Int)
    case cut
  }

  private mutating func search<Source: ProcSource & ~Copyable>(
    of leader: ProcessIdentity, from start: Int, limit: Int, in source: inout Source
  ) -> Search {
    do throws(ReadFailure) {
      try source.beginThreads(of: leader.pid, at: start)
      var looked = 0
      while looked < limit {
        guard let thread = try source.nextThread() else { return .ended(looked) }
        if thread == leader.pid { continue }
        looked += 1
        threadSearch.take()
        if let stat = living(thread, of: leader.pid, from: &source) {
          threadSearch.remember(thread, of: leader)
          return .found(stat)
        }
      }
      return try source.nextThread() == nil ? .ended(looked) : .cut
    } catch {
      // The process is gone, or its threads may not be listed.
      return .ended(0)
    }
  }

  /// Returns a thread's `stat`, or nil where the thread cannot be read or is dead. Threads come and go during the
  /// search.
  private mutating func living<Source: ProcSource & ~Copyable>(
    _ thread: Int32, of leader: Int32, from source: inout Source
  ) -> ProcessStat? {
    var ignored = SurveyTally()
    let reading: SurveyReading<ProcessStat> = read(
      .stat, of: leader, thread: thread, from: &source, tally: &ignored)
    guard case .value(let stat) = reading, stat.pid == thread, !stat.isDead else { return nil }
    return stat
  }

  /// Whether the kernel says that no thread of the process has memory. It looks for a thread with memory itself
  /// (`find_lock_task_mm` in `oom_badness`, mm/oom_kill.c), and gives 0 where there is none.
  ///
  /// Before Linux 5.9 it also gives 0 for less than a thousandth of the machine's memory, which is not worth a kill. A
  /// negative adjustment makes any process 0, and then the score says nothing.
  private mutating func holdsNoMemory<Source: ProcSource & ~Copyable>(
    _ pid: Int32, from source: inout Source
  ) -> Bool {
    var ignored = SurveyTally()
    let score: SurveyReading<OomScore> = read(.oomScore, of: pid, thread: nil, from: &source, tally: &ignored)
    guard case .value(let score) = score, score.value == 0 else { return false }
    let adjustment: SurveyReading<OomScoreAdj> = read(
      .oomScoreAdj, of: pid, thread: nil, from: &source, tally: &ignored)
    guard case .value(let adjustment) = adjustment else { return false }
    return adjustment.value >= 0
  }
}
