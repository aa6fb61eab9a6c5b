//! SHA-256, the only hash the kit knows.
//!
//! Built on the compression function alone: the buffering of the ready-made hasher counts blocks in
//! 64 bits, which costs code, and 8-byte alignment of everything that holds one.

use sha2::block_api::compress256;

const BLOCK: usize = 64;
#[rustfmt::skip]
const START: [u32; 8] = [
    0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A,
    0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
];

/// A hash in progress, of less than 512 MB.
#[derive(Clone)]
pub struct Digest {
    state: [u32; 8],
    block: [u8; BLOCK],
    /// Bytes so far; its remainder by the block size is how full `block` is.
    len: u32,
}

impl Digest {
    /// Not started: all zero, and of no use before it is replaced.
    pub const fn idle() -> Digest {
        Digest {
            state: [0; 8],
            block: [0; BLOCK],
            len: 0,
        }
    }

    /// Nothing hashed yet.
    pub fn new() -> Digest {
        Digest {
            state: START,
            block: [0; BLOCK],
            len: 0,
        }
    }

    /// For the app half of a split image: its hash begins with the hash of its loader, which binds
    /// the two together.
    pub fn with_seed(seed: &[u8; 32]) -> Digest {
        let mut digest = Digest::new();
        digest.update(seed);
        digest
    }

    fn fill(&self) -> usize {
        self.len as usize % BLOCK
    }

    /// Hash these bytes too.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let fill = self.fill();
            let room = self.block.get_mut(fill..);
            let room = room.unwrap_or_default();
            let n = room.len().min(rest.len());
            let (Some(to), Some((from, later))) = (room.get_mut(..n), rest.split_at_checked(n))
            else {
                return;
            };
            to.copy_from_slice(from);
            self.len = self.len.wrapping_add(n as u32);
            if self.fill() == 0 {
                compress256(&mut self.state, core::slice::from_ref(&self.block));
            }
            rest = later;
        }
    }

    /// The hash.
    pub fn finish(self) -> [u8; 32] {
        self.peek()
    }

    /// The hash so far; more may follow.
    pub fn peek(&self) -> [u8; 32] {
        let mut end = self.clone();
        let mut pad: &[u8] = &[0x80];
        while {
            end.update(pad);
            end.fill() != BLOCK - 8
        } {
            pad = &[0];
        }
        end.update(&(u64::from(self.len) << 3).to_be_bytes());
        let mut hash = [0; 32];
        for (to, word) in hash.as_chunks_mut().0.iter_mut().zip(end.state) {
            *to = word.to_be_bytes();
        }
        hash
    }
}

impl Default for Digest {
    fn default() -> Digest {
        Digest::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;
    use sha2::Digest as _;

    #[test]
    fn every_length_and_every_cut_hashes_as_the_library_does() {
        let bytes: Vec<u8> = (0..300u32).map(|n| (n * 7) as u8).collect();
        for len in 0..bytes.len() {
            let bytes = &bytes[..len];
            let expected: [u8; 32] = sha2::Sha256::digest(bytes).into();
            for cut in [0, 1, 63, 64, 65, len / 2] {
                let mut digest = Digest::new();
                let (a, b) = bytes.split_at(cut.min(len));
                digest.update(a);
                digest.update(b);
                assert_eq!(digest.peek(), expected, "{len} bytes cut at {cut}");
                assert_eq!(digest.finish(), expected);
            }
        }
    }
}
