package import LinuxSystem
import Record

/// What `spillwayd` does with its command line, and how it exited.
///
/// - Parameter words: Without the program's name.
package func runCommandLine(_ words: ArraySlice<[UInt8]>) -> ExitStatus {
  let options: Options
  do throws(Options.Mistake) {
    options = try Options(parsing: words)
  } catch {
    complain(of: error)
    return .usage
  }
  if options.wantsHelp {
    printOut(Options.help)
    return .ok
  }
  if options.wantsVersion {
    printOut("spillwayd ")
    printOut(spillwayVersion)
    printOut("\n")
    return .ok
  }
  return runAgent(options)
}

private func complain(of mistake: Options.Mistake) {
  var messages = Messages()
  messages.say(.error) { line in
    switch mistake {
    case .unknown(let word):
      line.append("no option ")
      line.append(visible: word.span)
    case .needsValue(let word):
      line.append(visible: word.span)
      line.append(" needs a value after it")
    case .badDescriptor(let word):
      line.append("--image-fd takes the number of an open descriptor, not ")
      line.append(visible: word.span)
    case .badTime(let word):
      line.append("--last-good takes seconds since 1970, not ")
      line.append(visible: word.span)
    case .badNumber(let word):
      line.append("--record-limit takes 0 to 65536 MiB, and --record-files 1 to 1000 files, not ")
      line.append(visible: word.span)
    }
    line.append("; see spillwayd --help")
  }
}

private func printOut(_ text: String) {
  guard let output = try? OwnedDescriptor.duplicate(1) else { return }
  try? output.write(CPath(text).bytes)
}
