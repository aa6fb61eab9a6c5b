//! SHA-256, the only hash the kit knows.

use sha2::{Digest as _, Sha256};

/// A hash in progress.
#[derive(Clone, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Nothing hashed yet.
    pub fn new() -> Digest {
        Digest(Sha256::new())
    }

    /// For the app half of a split image: its hash begins with the hash of its loader, which binds
    /// the two together.
    pub fn with_seed(seed: &[u8; 32]) -> Digest {
        let mut digest = Digest::new();
        digest.update(seed);
        digest
    }

    /// Hash these bytes too.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The hash so far; more may follow.
    pub fn peek(&self) -> [u8; 32] {
        self.clone().finish()
    }
}
