//! smpkit: the C ABI. All unsafe code of the kit lives in this crate, and nothing else does.
//!
//! - `port`, `api`: the C types, with their contracts.
//! - `host`: a port seen as the core's `Host`.
//! - `ring`, `link`: input of a link, shared with the radio's context without a lock.
//! - `serial`: what a serial link does otherwise.
//! - `kit`, `world`, `calls`: the object behind `struct smpkit`, its port as the server's host, and
//!   the functions on it.
//! - `compat`, `flash_map`, `bootutil`, `img_mgmt`: symbols other code expects, each group a feature.
#![cfg_attr(not(test), no_std)]
#![allow(non_camel_case_types)]
// The comments become the text of C headers, which have no chapter on safety: what a caller has to
// keep is part of each contract.
#![allow(clippy::missing_safety_doc)]

pub mod api;
pub mod port;

#[cfg(feature = "server")]
pub mod calls;
mod check;
mod host;
#[cfg(feature = "server")]
mod kit;
#[cfg(feature = "server")]
mod link;
#[cfg(feature = "server")]
mod ring;
#[cfg(feature = "server")]
mod serial;
#[cfg(feature = "server")]
mod world;

#[cfg(feature = "boot-api")]
pub mod bootutil;
#[cfg(any(feature = "flash-map", feature = "boot-api", feature = "img-mgmt"))]
pub mod compat;
#[cfg(feature = "flash-map")]
pub mod flash_map;
#[cfg(feature = "img-mgmt")]
pub mod img_mgmt;

#[cfg(all(feature = "panic-handler", not(test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // Nothing in the kit panics (the link check proves it); this satisfies the compiler.
    loop {}
}

#[cfg(all(test, feature = "server"))]
mod tests;
