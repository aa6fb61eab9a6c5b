//! Tests of the C entries, called as C calls them, over simulated boards.
// The boards come from the compatibility symbols' tests.
#![cfg(any(feature = "flash-map", feature = "boot-api", feature = "img-mgmt"))]

mod entries;
mod layouts;
mod packets;
mod rig;
