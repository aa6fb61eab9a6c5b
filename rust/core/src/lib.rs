//! smpkit-core: everything that decides, nothing that talks to hardware.
//!
//! Layers, each knowing only those above it in this list:
//!
//! - `error`: one error number for all.
//! - `flash`: devices with run-time geometry, areas, layouts and their checks.
//! - `image`: MCUboot header, TLVs, digest, trailer, what the bootloader will do next.
//! - `upload`: the slot writer: erase-ahead, write, read back, hash, resume.
//! - `smp`: header, CBOR reader and reply writer, error translation.
//! - `transport`: fragments, serial console frames, datagrams.
//! - `group`: one file per SMP group.
//! - `server`: request in, flash work in bounded steps, reply out.
//!
//! No thread, no clock, no allocation, no panic. Time comes in as a number, flash as a trait.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::todo,
    clippy::unimplemented
)]
// Behind the deny list, so that it wins: a test may panic.
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

mod error;
pub mod flash;
pub mod group;
pub mod image;
pub mod server;
pub mod smp;
pub mod transport;
pub mod upload;

pub use error::Error;
