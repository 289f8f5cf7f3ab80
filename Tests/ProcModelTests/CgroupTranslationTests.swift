import ProcModel
import Testing

/// The translation of a cgroup namespace's paths into the machine's.
@Suite struct CgroupTranslationTests {
  private static func translate(
    _ text: String, unified: String? = nil, systemd: String? = nil, memory: String? = nil, capacity: Int = 4096
  ) -> (text: String, isFull: Bool) {
    var translation = CgroupTranslation()
    translation.unified = unified.map { Array($0.utf8) }
    translation.systemd = systemd.map { Array($0.utf8) }
    translation.memory = memory.map { Array($0.utf8) }
    translation.prepare()
    var buffer = ByteBuffer(capacity: capacity)
    buffer.fill(from: Array(text.utf8).span)
    translation.translate(&buffer)
    return (String(decoding: buffer.storage[..<buffer.count], as: UTF8.self), buffer.isFull)
  }

  @Test(
    arguments: [
      ("/../../../system.slice/ssh.service", "/system.slice/ssh.service"), ("/../../..", "/"),
      ("/..", "/kubepods/pod7"),
      ("/../other", "/kubepods/pod7/other"), ("/", "/kubepods/pod7/agent"), ("/x/y", "/kubepods/pod7/agent/x/y"),
      ("/..x", "/kubepods/pod7/agent/..x"), ("/../../../../too/far", "/../../../../too/far"),
      ("/../a (deleted)", "/kubepods/pod7/a (deleted)"), ("/a/..", "/kubepods/pod7/agent/a/.."),
    ]) func aPathIsToldFromTheMachinesRoot(path: String, expected: String)
  {
    let found = Self.translate("0::\(path)\n", unified: "/kubepods/pod7/agent")
    #expect(found.text == "0::\(expected)\n" && !found.isFull)
    // Where both roots are the same, nothing changes.
    #expect(Self.translate("0::\(path)", unified: "").text == "0::\(path)")
  }

  @Test func eachHierarchyHasItsOwnNamespaceRoot() {
    let text = "9:pids:/../x\n5:cpu,memory:/../../m\n1:name=systemd:/../s.service\n0::/../u\n"
    let found = Self.translate(text, unified: "/u1", systemd: "/s1", memory: "/m1/m2").text
    #expect(found == "9:pids:/../x\n5:cpu,memory:/m\n1:name=systemd:/s.service\n0::/u\n")
    #expect(Self.translate(text, memory: "/m1/m2").text == text.replacing("/../../m", with: "/m"))
  }

  @Test func aPathThatDoesNotFitIsCutAndMarkedAsCut() {
    let text = "5:memory:/x\n0::/y\n"
    for capacity in text.utf8.count + 1..<200 {
      let found = Self.translate(text, unified: "/a/long/way/down", memory: "/another/way", capacity: capacity)
      let whole = "5:memory:/another/way/x\n0::/a/long/way/down/y\n"
      #expect(whole.hasPrefix(found.text) && found.isFull == (whole.utf8.count >= capacity))
    }
    // A path that was cut before stays marked as cut, though its translation is shorter.
    let cut = Self.translate("0::/../../a\n1:name=sys", unified: "/b/c", capacity: 22)
    #expect(cut.isFull && cut.text.hasPrefix("0::/a\n"))
  }

  @Test func anyBytesAreTranslatedWithoutATrap() {
    let text = "5:memory:/../..\n\n0::\n:::\n0::/..\nx\n1:name=systemd:/../"
    for count in 0...text.utf8.count {
      _ = Self.translate(String(text.prefix(count)), unified: "/a", systemd: "", memory: "/b/c", capacity: 40)
    }
  }
}
