import ArgumentParser
import History
import LinuxSystem
import ProcModel
import Record

struct Audit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell the dry run as a story: what Spillway would have killed, and what happened instead.",
    discussion: """
      For each incident of the record: what would have been killed, what that would have freed, whether the kernel or \
      another killer killed in the end and which process, how much later, and whether memory came back by itself. Every \
      kill of the kernel in the period is there once: with the incident that it belongs to, or as not foreseen. The last \
      lines are the verdict on arming.

      The kernel's kills are found as by history. What an armed agent would have done after its first signal cannot be \
      known, and is not said. Exits with 77 where nothing could be read for want of a permission.
      """)

  @OptionGroup var options: PastOptions

  @OptionGroup var most: MostOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    try reportingFailures { () throws(Failure) in
      var reading = try PastReading(options)
      let path = PastOptions.serviceRecord
      guard options.isNamed || Files.exist(path) || RotatedFiles.of(path) != [path] else {
        throw Failure(
          .usage,
          "\(path): there is no record; the service writes one, and run --record FILE, which --record names here")
      }
      var story = AuditStory(limit: most.limit)
      let found = try reading.kills(
        limit: most.limit, isWanted: { $0.killer != .spillway }, also: AuditStory.kinds
      ) { story.add($0) }
      story.match(found.kills)
      let output = Output()
      if json {
        output.write(AuditJSON.text(story, reading.period))
      } else {
        output.write(AuditText(story, reading.period).text(output))
      }
      if found.leftOut > 0 {
        StandardError.write("spillway: \(found.leftOut) older kills of others were left out; --limit tells of more\n")
      }
      try reading.tellNotes()
    }
  }
}

/// An audit as JSON.
enum AuditJSON {
  static func text(_ story: AuditStory, _ period: Period) -> String {
    let figures = AuditFigures(story)
    var json = JSONWriter(capacity: 64 * 1024)
    json.beginObject()
    json.field("since", period.since ?? story.firstEvent)
    json.field("until", period.until ?? PastOptions.now)
    json.key("incidents")
    json.beginArray()
    for incident in story.incidents { json.value(incident) }
    json.endArray()
    json.field("left_out", story.leftOut)
    json.key("not_foreseen")
    json.beginArray()
    for unforeseen in story.unforeseen {
      json.beginObject()
      json.field("cause", unforeseen.cause.rawValue)
      json.key("kill")
      json.value(unforeseen.kill)
      json.endObject()
    }
    json.endArray()
    json.key("figures")
    json.beginObject()
    json.field("incidents", count: figures.incidents)
    json.field("armed_incidents", count: figures.armedIncidents)
    json.field("without_victim", count: figures.withoutVictim)
    json.field("kernel_killed", count: figures.kernelKilled)
    json.field("other_killed", count: figures.otherKilled)
    json.field("memory_back", count: figures.memoryBack)
    json.field("unknown", count: figures.unknown)
    json.field("kernel_first", count: figures.kernelFirst)
    json.field("same_victim", count: figures.sameVictim)
    json.field("median_lead_ms", optional: figures.medianLead)
    json.field("kernel_kills_untold", figures.untold)
    json.field("not_foreseen", count: story.unforeseen.count)
    json.field("other_kills", count: story.otherKills)
    json.endObject()
    json.field("verdict", AuditText(story, period).sentences.joined(separator: " "))
    json.endObject()
    json.newline()
    return String(decoding: json.bytes, as: UTF8.self)
  }
}

extension JSONWriter {
  fileprivate mutating func value(_ incident: AuditIncident) {
    let decision = incident.decision
    let ended = incident.episode?.ended
    beginObject()
    field("incident", decision.incident)
    field("time", decision.time)
    field("domain", decision.domain)
    field("dry_run", decision.isRehearsal)
    field("reason", decision.reason)
    key("victim")
    if let victim = decision.victim { value(victim) } else { null() }
    field("members", decision.killSet?.members ?? (decision.victim == nil ? 0 : 1))
    field("frees_kib", optional: (decision.killSet?.footprint ?? decision.victim?.footprint)?.count)
    field("outcome", incident.outcome?.outcome)
    field("end", incident.end.rawValue)
    field("duration_ms", optional: ended?.duration)
    field("lowest_available_kib", optional: ended?.lowestAvailable?.count)
    field("victim_exited_after_ms", optional: ended?.victimExitedAfter)
    field("kernel_kills_counted", optional: ended?.kernelKills)
    key("kills")
    beginArray()
    for kill in incident.kills {
      beginObject()
      key("lead_ms")
      if let lead = incident.lead(of: kill) { value(lead) } else { null() }
      field("same_process", incident.foresaw(kill))
      key("kill")
      value(kill)
      endObject()
    }
    endArray()
    endObject()
  }

  private mutating func value(_ victim: RecordedVictim) {
    beginObject()
    key("pid")
    if let pid = victim.pid { value(Int64(pid)) } else { null() }
    field("start_time", optional: victim.startTime)
    field("name", victim.name)
    field("uid", optional: victim.uid.map { UInt64($0) })
    field("unit", victim.unit)
    field("cgroup", victim.cgroup)
    field("exe", victim.executable)
    field("rule", victim.rule)
    endObject()
  }
}
