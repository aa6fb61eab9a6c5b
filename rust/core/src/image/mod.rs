//! What MCUboot reads and writes: image header, TLVs, hash, trailer, and what it will do next.

mod digest;
mod header;
mod range;
mod slots;
mod swap;
mod tlv;
mod trailer;
mod version;
mod wear;

pub use digest::Digest;
pub use header::{vectors_fit, Header};
pub use range::{blank, hash_range, is_blank};
pub use slots::Slots;
pub use swap::{swap_type, Bootloader, Flag, Magic, SwapState, SwapType};
pub use tlv::{inspect, inspect_into, Info};
pub use trailer::Trailer;
pub use version::Version;
pub use wear::{swap_writes, NRF52_BLOCK_WRITES};
