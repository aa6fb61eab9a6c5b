//! smpkit-sim: host only. NOR flash chips with rules, faults and power cuts, and the images and
//! random numbers that tests feed them.
//!
//! Everything is deterministic: the same calls with the same seed give the same bytes.
#![forbid(unsafe_code)]

mod board;
mod fault;
pub mod image;
mod nor;
mod power;
mod random;

pub use board::Board;
pub use fault::Fault;
pub use nor::{Counters, Nor, Op, OpKind};
pub use power::{Cut, Power};
pub use random::{payload, Random};
