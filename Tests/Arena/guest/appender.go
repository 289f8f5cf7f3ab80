// Appends arrays of 1 MiB to a list until it holds 20 GiB: how a leak looks in a language that collects its garbage.
package main

func main() {
	const mib = 1 << 20
	var kept []*[mib]byte
	for len(kept) < 20*1024 {
		array := new([mib]byte)
		for at := 0; at < mib; at += 512 {
			array[at] = byte(at)
		}
		kept = append(kept, array)
	}
}
