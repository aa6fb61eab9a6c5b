//! Tests of the C entries, called as C calls them, over simulated boards.
// The boards come from the compatibility symbols' tests.
#![cfg(any(feature = "flash-map", feature = "boot-api", feature = "img-mgmt"))]

mod ble;
mod ble_loss;
mod datagram;
mod entries;
mod layouts;
mod local;
mod packets;
mod rig;
mod security;
mod serial;
mod status;
mod threads;
mod two_links;
