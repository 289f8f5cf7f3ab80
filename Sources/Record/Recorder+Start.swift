import Ladder
import LinuxSystem
import Policy
import ProcModel

extension Recorder {
  mutating func compose(_ start: StartEvent) -> Bool {
    begin("start")
    json.field("version", start.version)
    json.field("pid", Int64(OwnProcess.pid))
    json.field("policy", untrusted: start.policyName.bytes)
    field(start.fallback)
    json.key("policy_fallback_reason")
    if let fallback = start.fallback { json.value(untrusted: fallback.reason.span) } else { json.null() }
    json.field("policy_age_s", optional: start.fallback?.age(at: sinceEpoch() / 1_000_000_000))
    let machine = start.context.machine
    json.field("total_kib", machine.ram)
    json.field("hugetlb_kib", machine.hugePool)
    json.field("swap_total_kib", machine.swap)
    json.key("system_cgroup")
    if let roots = start.roots {
      if roots.path(0).isEmpty { json.value("/") } else { json.value(untrusted: roots.path(0)) }
    } else {
      json.null()
    }
    json.key("domains")
    domains(of: start.context.policy)
    json.key("panic_on_oom")
    if let panic = start.panic { json.value(Int64(panic.panicOnOom)) } else { json.null() }
    json.key("kernel_panic")
    if let panic = start.panic { json.value(Int64(panic.panicTimeout)) } else { json.null() }
    json.key("capabilities")
    capabilityNames(start.held)
    json.key("lacking")
    capabilityNames(start.lacking)
    return finish()
  }

  mutating func compose(_ stop: StopEvent) -> Bool {
    begin("stop")
    json.field("reason", stop.reason)
    return finish()
  }

  private mutating func domains(of policy: CompiledPolicy) {
    json.beginArray()
    for index in policy.domains.indices {
      json.beginObject()
      json.field("name", untrusted: policy.bytes(policy.domains[index].name))
      json.field("cgroup", untrusted: policy.bytes(policy.domains[index].cgroup))
      json.endObject()
    }
    json.endArray()
  }

  private mutating func capabilityNames(_ set: CapabilitySet) {
    json.beginArray()
    for need in CapabilityNeed.all where set.contains(need.capability) { json.value(need.name) }
    json.endArray()
  }
}
