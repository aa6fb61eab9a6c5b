//! Random numbers of our own, so that a printed seed replays on every machine and version.

/// xorshift64*: small, fast and good enough for tests.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Every seed works, 0 too.
    pub fn new(seed: u64) -> Random {
        // Neighbouring seeds must not give neighbouring streams.
        let mixed = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Random(mixed | 1)
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// A number below `limit`; 0 when the limit is 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(limit)) >> 32) as u32
    }

    /// True once in `n` calls on average.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// Fill a buffer.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.next_u32() as u8;
        }
    }

    /// One element of a non-empty slice.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u32) as usize]
    }
}

/// A firmware-like payload: random, behind a vector table that PineTime could start
/// (stack at the end of RAM, reset handler inside the primary slot).
pub fn payload(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Random::new(seed).fill(&mut bytes);
    if let Some(vectors) = bytes.first_chunk_mut::<8>() {
        vectors[..4].copy_from_slice(&0x2001_0000u32.to_le_bytes());
        vectors[4..].copy_from_slice(&0x0000_80E1u32.to_le_bytes());
    }
    bytes
}
