internal import Glibc

/// How many times longer than usual tests wait for what should happen, from SLUICE_TEST_PATIENCE; 1 without it.
///
/// Under a sanitizer everything is five to twenty times slower. Only waits that end as soon as the awaited comes are stretched: a pass takes no
/// longer for it.
public let testPatience: Double =
  getenv("SLUICE_TEST_PATIENCE").flatMap { Double(String(cString: $0)) }.map { max(1, $0) } ?? 1

/// Whether the program itself is slower and larger than it is, as under a sanitizer: then what it costs says nothing.
public let isStretched = testPatience >= 10
