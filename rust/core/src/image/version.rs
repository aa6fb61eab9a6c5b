//! Image versions: their order and their text.

/// Version field of the image header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Version {
    /// First number.
    pub major: u8,
    /// Second number.
    pub minor: u8,
    /// Third number.
    pub revision: u16,
    /// Build number: shown, never compared.
    pub build: u32,
}

impl Version {
    /// Strictly newer. The build number does not count: neither MCUboot (in its default
    /// configuration) nor any SMP server compares it.
    pub fn is_newer_than(&self, other: &Version) -> bool {
        self.order() > other.order()
    }

    fn order(&self) -> u32 {
        u32::from_be_bytes([self.major, self.minor, 0, 0]) | u32::from(self.revision)
    }

    /// "major.minor.revision", and ".build" when there is a build number. Returns the length.
    pub fn write_text(&self, out: &mut [u8; 25]) -> usize {
        // By hand: `core::fmt` would cost more than the rest of this layer. A point ends each
        // number; the last one does not count.
        let [major, minor] = [self.major, self.minor].map(u32::from);
        let numbers = [major, minor, self.revision.into(), self.build];
        let shown = if self.build == 0 { 3 } else { 4 };
        let mut left = out.iter_mut();
        for &number in numbers.iter().take(shown) {
            let (mut rest, mut unit) = (number, 1_000_000_000);
            loop {
                let mut digit = b'.';
                if let Some(ratio) = rest.checked_div(unit) {
                    digit = b'0' + ratio as u8;
                    rest -= ratio * unit;
                }
                if number >= unit || unit == 1 {
                    if let Some(to) = left.next() {
                        *to = digit;
                    }
                }
                if unit == 0 {
                    break;
                }
                unit /= 10;
            }
        }
        24 - left.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version(major: u8, minor: u8, revision: u16, build: u32) -> Version {
        Version {
            major,
            minor,
            revision,
            build,
        }
    }

    fn text(v: Version, expected: &str) {
        let mut out = [0; 25];
        let length = v.write_text(&mut out);
        assert_eq!(out.get(..length), Some(expected.as_bytes()));
    }

    #[test]
    fn text_leaves_a_zero_build_number_out() {
        text(version(1, 0, 0, 0), "1.0.0");
        text(version(1, 2, 3, 45), "1.2.3.45");
        text(version(0, 0, 0, 0), "0.0.0");
        text(version(10, 100, 1000, 10000), "10.100.1000.10000");
    }

    #[test]
    fn text_of_the_largest_version_fits() {
        text(
            version(255, 255, 65535, u32::MAX),
            "255.255.65535.4294967295",
        );
    }

    // failure case 20
    #[test]
    fn case_20_order_ignores_the_build_number() {
        let base = version(1, 2, 3, 4);
        assert!(!base.is_newer_than(&base));
        assert!(!version(1, 2, 3, 5).is_newer_than(&base));
        assert!(version(1, 2, 4, 0).is_newer_than(&base));
        assert!(version(1, 3, 0, 0).is_newer_than(&base));
        assert!(version(2, 0, 0, 0).is_newer_than(&base));
        assert!(!version(1, 2, 2, 99).is_newer_than(&base));
        assert!(!version(0, 255, 65535, u32::MAX).is_newer_than(&base));
        assert!(!version(1, 1, 65535, 0).is_newer_than(&base));
        assert!(version(255, 0, 0, 0).is_newer_than(&version(254, 255, 65535, 0)));
        assert!(version(1, 0, 256, 0).is_newer_than(&version(1, 0, 255, 0)));
        // Every release of InfiniTime says 1.0.0: never newer than itself.
        assert!(!version(1, 0, 0, 0).is_newer_than(&version(1, 0, 0, 0)));
    }
}
