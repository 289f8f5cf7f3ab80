/// The version of both programs.
package let spillwayVersion = "0.1.0"
